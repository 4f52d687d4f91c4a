//! A project opened, as lines of text; and how its end reads.

use crate::app::{State, wrap};
use crate::domain::project::ProjectCard;
use crate::domain::safe_text::SafeText;
use crate::domain::time::{Timestamp, short_date};
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// How a line is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// What the project is called.
    Title,
    /// A heading.
    Heading,
    /// Plain.
    Text,
    /// Less important.
    Muted,
    /// The client.
    Client,
    /// Overdue.
    Danger,
}

/// How the last day of a project stands to today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It is to come, or it is today.
    Ahead,
    /// It has passed, and the work is not done.
    Overdue,
    /// It has passed, and so has the work.
    Past,
}

/// The reader's day.
pub fn today(state: &State) -> Option<Date> {
    state.server_now().day(&state.zone)
}

/// How the end of a project stands to `today`, and the day in short; none without an end.
pub fn end(card: &ProjectCard, today: Option<Date>) -> Option<(End, String)> {
    let (last, today) = (card.end_date?.day(&TimeZone::UTC)?, today?);
    let end = match (last < today, card.status.is_done()) {
        (false, _) => End::Ahead,
        (true, false) => End::Overdue,
        (true, true) => End::Past,
    };
    let day = if last == today { "today".to_owned() } else { short_date(last, today) };
    Some((end, day))
}

/// The lines of the project opened, each at most `columns` wide but for blanks at its end.
pub fn lines(state: &State, columns: u16) -> Vec<(Tone, String)> {
    let shown = state.board.project.as_ref().and_then(|open| open.shown.as_deref());
    let mut page = Page { lines: Vec::new(), columns: usize::from(columns.saturating_sub(2)) };
    if let Some(project) = shown {
        page.head(state, &project.card);
        page.fact(Tone::Muted, "Made", &project.created_at.full(&state.zone));
        page.text("Description", project.description.as_ref());
        page.text("Requirements", project.requirements.as_ref());
    } else if let Some(card) = super::selected(state) {
        page.head(state, card);
    }
    page.lines
}

struct Page {
    lines: Vec<(Tone, String)>,
    columns: usize,
}

impl Page {
    fn wrapped(&mut self, tone: Tone, text: &str) {
        let lines = wrap::wrap(text, self.columns).into_iter().map(|range| (tone, text[range].to_owned()));
        self.lines.extend(lines);
    }

    fn fact(&mut self, tone: Tone, label: &str, value: &str) {
        self.wrapped(tone, &format!("{label:<9} {value}"));
    }

    fn head(&mut self, state: &State, card: &ProjectCard) {
        self.wrapped(Tone::Title, &card.title.one_line());
        let client = &card.client;
        let name = if client.name.is_blank() { &client.email } else { &client.name };
        let mut who = name.one_line().into_owned();
        if !client.company.is_blank() && !client.name.is_blank() {
            who = format!("{who}, {}", client.company.one_line());
        }
        self.wrapped(Tone::Client, &who);
        if !client.name.is_blank() {
            self.wrapped(Tone::Muted, &client.email.one_line());
        }
        self.lines.push((Tone::Text, String::new()));
        self.fact(Tone::Text, "Status", card.status.label());
        self.fact(Tone::Text, "Type", card.kind.label());
        let budget = card.budget.map_or_else(|| "none".to_owned(), |budget| budget.to_string());
        self.fact(Tone::Text, "Budget", &budget);
        self.fact(Tone::Text, "Start", &date(card.start_date));
        match end(card, today(state)) {
            Some((End::Overdue, _)) => {
                self.fact(Tone::Danger, "End", &format!("overdue, {}", date(card.end_date)));
            }
            _ => self.fact(Tone::Text, "End", &date(card.end_date)),
        }
        let open = match card.open_tickets {
            0 => "no open ticket".to_owned(),
            1 => "1 open ticket".to_owned(),
            n => format!("{n} open tickets"),
        };
        self.fact(Tone::Text, "Tickets", &open);
    }

    fn text(&mut self, heading: &str, text: Option<&SafeText>) {
        self.lines.push((Tone::Text, String::new()));
        self.lines.push((Tone::Heading, heading.to_owned()));
        match text.filter(|text| !text.is_blank()) {
            Some(text) => self.wrapped(Tone::Text, text.as_str()),
            None => self.lines.push((Tone::Muted, "none".to_owned())),
        }
    }
}

fn date(at: Option<Timestamp>) -> String {
    let day = at.and_then(|at| at.day(&TimeZone::UTC));
    day.map_or_else(|| "none".to_owned(), |day| day.strftime("%-d %B %Y").to_string())
}
