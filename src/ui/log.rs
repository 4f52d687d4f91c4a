//! What was done, line by line, with all that is known of one event below.

use super::overlay::field;
use super::queue::bar;
use super::widgets::Pen;
use crate::app::layout::dialogs::FILTER;
use crate::app::overlay::log::Log;
use crate::app::screen::Remote;
use crate::app::{State, layout, wrap};
use crate::domain::event::{Event, EventsOf};
use crate::domain::safe_text::SafeText;
use crate::domain::time::short_date;
use ratatui::layout::{Position, Rect};

/// From here on a row has a column for the place.
const WIDE: u16 = 90;

/// Draws it over the screen; answers where the cursor is while a filter is typed.
pub fn draw(pen: &mut Pen<'_>, state: &State, log: &Log) -> Option<Position> {
    let theme = pen.theme;
    let (place, list, details) = layout::log(state.size, log.details);
    let inside = pen.boxed(place, &log.title);
    let base = theme.overlay;
    let head = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), height: 1, ..inside };
    let cursor = draw_head(pen, log, head);
    if log.events.is_empty() {
        let (text, style) = match &log.remote {
            Remote::Failed(why) => (why.as_str(), theme.danger),
            Remote::Ready if log.filter.trim().is_empty() => ("Nothing was done here yet.", theme.muted),
            Remote::Ready => ("Nothing fits the filter.", theme.muted),
            Remote::Idle | Remote::Loading => ("Loading …", theme.muted),
        };
        pen.text(list.x + 1, list.y, list.width.saturating_sub(2), text, base.patch(style));
    }
    let rows = log.events.iter().enumerate().skip(log.cursor.offset);
    for ((at, event), y) in rows.zip(list.y..list.bottom()) {
        let line = Rect { y, height: 1, ..list };
        draw_row(pen, state, log, event, line);
        if at == log.cursor.selected {
            bar(pen, line, true);
        }
    }
    if details.height > 0
        && let Some(event) = log.events.get(log.cursor.selected)
    {
        draw_details(pen, state, event, details);
    }
    cursor
}

fn draw_head(pen: &mut Pen<'_>, log: &Log, head: Rect) -> Option<Position> {
    let theme = pen.theme;
    let base = theme.overlay;
    if let Some(editor) = &log.editing {
        pen.text(head.x, head.y, head.width, FILTER, base.patch(theme.muted));
        let used = FILTER.len() as u16;
        let line = Rect { x: head.x + used, width: head.width.saturating_sub(used), ..head };
        let cursor = field(pen, editor, line);
        let told = log.mistake.as_deref();
        let (text, style) = told.map_or(
            ("who:ana action:ticket.status since:2026-11-20 until:2026-11-22", theme.muted),
            |mistake| (mistake, theme.danger),
        );
        pen.text(head.x, head.y + 1, head.width, text, base.patch(style));
        return Some(cursor);
    }
    let count = format!("{}{}", log.events.len(), if log.more { "+" } else { "" });
    let used = pen.right(head.x, head.y, head.width, &count, base.patch(theme.muted));
    let text = match (&log.of, log.filter.trim()) {
        (EventsOf::Log(_), "") => "everything, newest first",
        (EventsOf::Log(_), filter) => filter,
        (EventsOf::Ticket(_) | EventsOf::Project(_), _) => "newest first",
    };
    pen.text(head.x, head.y, head.width.saturating_sub(used + 1), text, base.patch(theme.muted));
    None
}

fn draw_row(pen: &mut Pen<'_>, state: &State, log: &Log, event: &Event, line: Rect) {
    let theme = pen.theme;
    let base = theme.overlay;
    let wide = line.width >= WIDE;
    let mut x = line.x + 2;
    let right = line.right().saturating_sub(1);
    let time = when(state, event, line.width >= 60);
    x += pen.text(x, line.y, 12, &time, base.patch(theme.muted));
    x = if line.width >= 60 { line.x + 15 } else { x + 1 };
    let mut end = right;
    if wide {
        let width = 30;
        end = right - width - 1;
        pen.text(end + 1, line.y, width, &event.origin.one_line(), base.patch(theme.muted));
    }
    let name = event.actor_name.one_line();
    let name = if wide { wrap::clip(&name, 24, theme.signs.ellipsis) } else { short(&name) };
    x += pen.text(x, line.y, end.saturating_sub(x), &name, base.patch(theme.strong)) + 1;
    let style = if event.undone_by.is_some() { theme.muted } else { theme.text };
    let mut words = event.words();
    if let EventsOf::Log(_) = log.of
        && let Some(subject) = &event.subject
    {
        words = format!("{words} · {}", subject.one_line());
    }
    if event.undone_by.is_some() {
        words.push_str(" (undone)");
    }
    pen.text(x, line.y, end.saturating_sub(x), &words, base.patch(style));
}

/// The first name, where there is little room.
fn short(name: &str) -> String {
    name.split_whitespace().next().unwrap_or_default().to_owned()
}

fn when(state: &State, event: &Event, wide: bool) -> String {
    let clock = event.at.clock(&state.zone);
    let days = event.at.day(&state.zone).zip(state.server_now().day(&state.zone));
    match days {
        Some((day, today)) if day == today => clock,
        Some((day, today)) if wide => {
            format!("{} {clock}", day.strftime("%-d %b")).replace("  ", " ") + year(day.year(), today.year())
        }
        Some((day, today)) => short_date(day, today),
        None => "no date".to_owned(),
    }
}

/// Another year is told by a sign in the row, and in full below.
const fn year(of: i16, now: i16) -> &'static str {
    if of == now { "" } else { "*" }
}

fn draw_details(pen: &mut Pen<'_>, state: &State, event: &Event, area: Rect) {
    let theme = pen.theme;
    let base = theme.overlay;
    pen.rule_across(Rect { height: 1, ..area }, &format!("event {}", event.id.0), base.patch(theme.muted));
    let who = match &event.actor {
        Some(id) => format!("{} ({})", event.actor_name.one_line(), SafeText::new(id.as_str()).one_line()),
        None => event.actor_kind.one_line().into_owned(),
    };
    let what = format!("{} {}", event.entity.one_line(), event.entity_id.one_line());
    let what =
        event.subject.as_ref().map_or(what.clone(), |subject| format!("{} ({what})", subject.one_line()));
    let mut facts = vec![
        ("when", event.at.full(&state.zone)),
        ("who", who),
        ("action", event.action.one_line().into_owned()),
        ("on", what),
        ("from", event.origin.one_line().into_owned()),
        ("link", event.link.one_line().into_owned()),
    ];
    if let Some(id) = event.undoes {
        facts.push(("takes back", format!("event {}", id.0)));
    }
    if let Some(id) = event.undone_by {
        facts.push(("undone by", format!("event {}", id.0)));
    }
    let text = |value: &Option<SafeText>| {
        value.as_ref().map_or_else(|| "nothing".to_owned(), |text| text.one_line().into_owned())
    };
    for value in &event.values {
        let change = format!("{}: {} -> {}", value.field.one_line(), text(&value.before), text(&value.after));
        facts.push(("value", change));
    }
    let lines = (area.y + 1..area.bottom()).zip(facts);
    for (y, (label, fact)) in lines {
        pen.text(area.x + 1, y, 10, label, base.patch(theme.muted));
        pen.text(area.x + 12, y, area.width.saturating_sub(13), &fact, base.patch(theme.text));
    }
}
