//! The clients: the list, and the client opened.

use super::board::lines as sentence;
use super::queue::bar;
use super::widgets::Pen;
use crate::app::action::Action;
use crate::app::layout::clients::{ClientAreas, areas};
use crate::app::screen::Remote;
use crate::app::screen::board::details::{self, End};
use crate::app::screen::clients::MOST;
use crate::app::screen::clients::profile::{Line, Profile, Who, place as place_of};
use crate::app::{State, wrap};
use crate::domain::account::is_erased;
use crate::domain::project::ProjectCard;
use crate::domain::query::ClientProfile;
use crate::domain::ticket::TicketBrief;
use crate::domain::time::age;
use crate::domain::user::ClientRow;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Draws the list and the profile.
pub fn draw(pen: &mut Pen<'_>, state: &State) {
    let areas = areas(state);
    if areas.rows.width > 0 {
        title(pen, state, areas.title);
        rows(pen, state, &areas);
    }
    if let Some(x) = areas.rule {
        pen.rule_down(x, areas.profile);
    }
    if areas.profile.width > 0 {
        profile(pen, state, areas.profile);
    }
}

fn title(pen: &mut Pen<'_>, state: &State, area: Rect) {
    let theme = pen.theme;
    let clients = &state.clients;
    let count = match clients.rows.len() {
        MOST.. => format!("the first {MOST}"),
        1 => "1 client".to_owned(),
        n => format!("{n} clients"),
    };
    let used = pen.right(area.x, area.y, area.width - 1, &count, theme.muted);
    let room = area.width.saturating_sub(used + 4);
    if clients.text.is_empty() {
        pen.text(area.x + 1, area.y, room, "All clients", theme.strong);
    } else {
        pen.text(area.x + 1, area.y, room, &format!("Clients with “{}”", clients.text), theme.accent);
    }
    if area.height > 1 {
        pen.rule_across(Rect { y: area.y + 1, height: 1, ..area }, "", theme.rule);
    }
}

fn rows(pen: &mut Pen<'_>, state: &State, areas: &ClientAreas) {
    let (theme, clients, area) = (pen.theme, &state.clients, areas.rows);
    if clients.rows.is_empty() {
        let (text, style) = match &clients.remote {
            Remote::Failed(why) => (why.clone(), theme.danger),
            Remote::Idle | Remote::Loading => ("Loading clients".to_owned(), theme.muted),
            Remote::Ready if clients.text.is_empty() => {
                (format!("No client yet. {} makes one.", state.keymap.words(Action::AccountNew)), theme.muted)
            }
            Remote::Ready => {
                let text = &clients.text;
                let (find, back) =
                    (state.keymap.words(Action::ClientSearch), state.keymap.words(Action::Back));
                let words = format!("No client fits “{text}”. {find} searches again, {back} shows all.");
                (words, theme.muted)
            }
        };
        return sentence(pen, area, &text, style);
    }
    let shown = clients.rows.iter().enumerate().skip(clients.cursor.offset);
    for ((at, row), y) in shown.zip(area.top()..area.bottom()) {
        let place = Rect { y, height: 1, ..area };
        draw_row(pen, row, place);
        if at == clients.cursor.selected {
            bar(pen, place, !clients.profile_open());
        }
    }
    if clients.is_stale() && state.requests.slow(state.now) {
        pen.style(area, theme.muted);
    }
}

fn draw_row(pen: &mut Pen<'_>, row: &ClientRow, place: Rect) {
    let theme = pen.theme;
    let person = &row.person;
    let (y, end) = (place.y, place.right().saturating_sub(1));
    let shade = |style: Style| if person.active { style } else { style.patch(theme.muted) };
    let open = match (person.active, row.open_tickets) {
        (false, _) if is_erased(person.email.raw()) => "erased".to_owned(),
        (false, _) => "off".to_owned(),
        (true, _) if row.twin => format!("{} twin", theme.signs.urgent),
        (true, ..=0) => String::new(),
        (true, n @ 1..=99) => format!("{n} open"),
        (true, _) => "99+ open".to_owned(),
    };
    let style = match (person.active, row.twin) {
        (false, _) => theme.muted,
        (true, true) => theme.warning,
        (true, false) => theme.accent,
    };
    pen.right(end.saturating_sub(8), y, 8, &open, style);
    let room = place.width.saturating_sub(12);
    // Name, company and address share the room as far as it goes.
    let (name, company) = match room {
        ..36 => (room / 2, room - room / 2),
        36..56 => (20, room - 20),
        _ => (22, 20),
    };
    let x = place.x + 2;
    let first = if person.name.is_blank() { &person.email } else { &person.name };
    let first_width = if person.company.is_blank() && person.name.is_blank() { room } else { name - 2 };
    pen.text(x, y, first_width, &first.one_line(), shade(theme.text));
    pen.text(x + name, y, company.saturating_sub(2), &person.company.one_line(), shade(theme.text));
    if room >= 56 && !person.name.is_blank() {
        let rest = room - name - company;
        pen.text(x + name + company, y, rest.saturating_sub(1), &person.email.one_line(), theme.muted);
    }
}

fn profile(pen: &mut Pen<'_>, state: &State, area: Rect) {
    let theme = pen.theme;
    let Some(profile) = &state.clients.profile else {
        if state.clients.remote == Remote::Ready && !state.clients.rows.is_empty() {
            sentence(pen, area, "The client under the cursor stands here.", theme.muted);
        }
        return;
    };
    let Some(data) = &profile.data else {
        let (text, style) = match &profile.remote {
            Remote::Failed(why) => (why.as_str(), theme.danger),
            Remote::Idle | Remote::Loading | Remote::Ready if state.requests.slow(state.now) => {
                ("Loading the client", theme.muted)
            }
            Remote::Idle | Remote::Loading | Remote::Ready => ("", theme.muted),
        };
        return sentence(pen, area, text, style);
    };
    let text = profile.lines(area.width);
    for (line, y) in text.iter().skip(profile.cursor.offset).zip(area.top()..area.bottom()) {
        let place = Rect { y, height: 1, ..area };
        draw_line(pen, state, data, line, place);
        let here = place_of(line) == Some(profile.cursor.selected);
        if here && state.clients.profile_open() {
            bar(pen, place, true);
        }
    }
    if is_stale(profile) && state.requests.slow(state.now) {
        pen.style(area, theme.muted);
    }
}

fn is_stale(profile: &Profile) -> bool {
    profile.current().is_none()
}

fn draw_line(pen: &mut Pen<'_>, state: &State, data: &ClientProfile, line: &Line, place: Rect) {
    let theme = pen.theme;
    let (x, y, width) = (place.x + 1, place.y, place.width.saturating_sub(2));
    match line {
        Line::Blank => {}
        Line::Who(who, text) => {
            let style = match who {
                Who::Name => theme.client,
                Who::Company => theme.text,
                Who::Fact => theme.muted,
                Who::Warning => theme.warning,
            };
            pen.text(x, y, width, text.trim_end(), style);
        }
        Line::Dates => {
            let dot = theme.signs.dot;
            let day = data.client.created_at.day(&state.zone);
            let since =
                day.map_or_else(String::new, |day| day.strftime("client since %-d %B %Y").to_string());
            let seen = match data.last_logged_in {
                Some(at) => match age(state.since(at)).as_str() {
                    "now" => "signed in just now".to_owned(),
                    age => format!("signed in {age} ago"),
                },
                None => "never signed in".to_owned(),
            };
            pen.text(x, y, width, &format!("{since} {dot} {seen}"), theme.muted);
        }
        Line::Projects(count) => heading(pen, "Projects", *count, place),
        Line::Tickets(count) => heading(pen, "Tickets", *count, place),
        Line::Project(_, at) => {
            if let Some(card) = data.projects.get(*at) {
                draw_project(pen, state, card, place);
            }
        }
        Line::Ticket(_, at) => {
            if let Some(ticket) = data.tickets.get(*at) {
                draw_ticket(pen, state, ticket, place);
            }
        }
        Line::NoProject => {
            let words = format!("No project yet. {} makes one.", state.keymap.words(Action::CardNew));
            pen.text(x + 1, y, width.saturating_sub(1), &words, theme.muted);
        }
        Line::NoTicket => {
            let key = state.keymap.words(Action::NewTicket);
            let words = format!("No ticket yet. {key} opens one in their name.");
            pen.text(x + 1, y, width.saturating_sub(1), &words, theme.muted);
        }
    }
}

fn heading(pen: &mut Pen<'_>, word: &str, count: usize, place: Rect) {
    let count = if count >= MOST { format!("the newest {MOST}") } else { count.to_string() };
    let used = pen.text(place.x + 1, place.y, place.width.saturating_sub(2), word, pen.theme.strong) + 2;
    let room = place.width.saturating_sub(used + 1);
    pen.text(place.x + used, place.y, room, &count, pen.theme.muted);
}

fn draw_project(pen: &mut Pen<'_>, state: &State, card: &ProjectCard, place: Rect) {
    let theme = pen.theme;
    let (x, y, width) = (place.x + 2, place.y, place.width.saturating_sub(3));
    let style = if card.status.is_done() { theme.muted } else { theme.text };
    let (when, when_style) = match details::end(card, details::today(state)) {
        Some((End::Ahead, day)) => (format!("ends {day}"), theme.muted),
        Some((End::Past, day)) => (format!("ended {day}"), theme.muted),
        Some((End::Overdue, day)) => (format!("{} ended {day}", theme.signs.urgent), theme.danger),
        None => (String::new(), theme.muted),
    };
    let when_width = if width >= 50 { 19 } else { 0 };
    pen.right(x + width - when_width, y, when_width, &when, when_style);
    let status = (wrap::width(card.status.label()) as u16).clamp(11, 14);
    let status_x = (x + width).saturating_sub(when_width + status);
    if when_width == 0 {
        pen.right(status_x, y, status, card.status.label(), theme.muted);
    } else {
        pen.text(status_x, y, status, card.status.label(), theme.muted);
    }
    pen.text(x, y, status_x.saturating_sub(x + 1), &card.title.one_line(), style);
}

fn draw_ticket(pen: &mut Pen<'_>, state: &State, ticket: &TicketBrief, place: Rect) {
    let theme = pen.theme;
    let (x, y, width) = (place.x + 2, place.y, place.width.saturating_sub(3));
    let waits = ticket.waiting_since.is_some();
    let done = ticket.status.is_done() && !waits;
    let style = if done { theme.muted } else { theme.text };
    let then = ticket.waiting_since.unwrap_or(ticket.last_activity_at);
    let age = age(state.since(then));
    // That it waits is said beside the age, or, where that has no room, in place of the status.
    let wide = width >= 50;
    let (words, age_style) = match (waits, wide) {
        (true, true) => (format!("waits {age}"), theme.warning),
        (true, false) => (age, theme.warning),
        (false, _) => (age, theme.muted),
    };
    let age_width = if wide { 12 } else { 6 };
    pen.right((x + width).saturating_sub(age_width), y, age_width, &words, age_style);
    let mut end = (x + width).saturating_sub(age_width + 1);
    let status = wrap::width(ticket.status.as_str()).clamp(8, 10) as u16;
    end = end.saturating_sub(status);
    let (word, status_style) = match (waits && !wide, done) {
        (true, _) => ("waits", theme.warning),
        (false, true) => (ticket.status.as_str(), theme.muted),
        (false, false) => (ticket.status.as_str(), theme.good),
    };
    pen.text(end, y, status, word, status_style);
    let number = pen.text(x, y, 12.min(width / 3), &ticket.number.one_line(), style) + 2;
    pen.text(x + number, y, end.saturating_sub(x + number + 1), &ticket.subject.one_line(), style);
}
