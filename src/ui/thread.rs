//! The conversation.

use super::widgets::Pen;
use crate::app::State;
use crate::app::action::Action;
use crate::app::layout::Areas;
use crate::app::screen::Remote;
use crate::app::screen::thread::{Line, Message, text_of};
use crate::domain::comment::Side;
use crate::domain::ticket::Thread;
use crate::domain::time::{age, day_heading};
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Head and messages.
pub fn draw(pen: &mut Pen<'_>, state: &State, areas: &Areas) {
    if areas.thread_body.width == 0 {
        return;
    }
    let dim = state.thread.is_stale() && state.requests.slow(state.now);
    match &state.thread.data {
        Some(thread) => {
            head(pen, state, thread, areas.thread_head);
            body(pen, state, thread, areas.thread_body);
            if let (Remote::Failed(why), true) = (&state.thread.remote, state.thread.is_stale()) {
                let area = areas.thread_head;
                pen.text(area.x + 1, area.y, area.width.saturating_sub(2), why, pen.theme.danger);
            }
            if dim {
                pen.style(areas.thread_body, pen.theme.muted);
                pen.style(areas.thread_head, pen.theme.muted);
            }
        }
        None => nothing(pen, state, areas.thread_body),
    }
}

fn nothing(pen: &mut Pen<'_>, state: &State, area: Rect) {
    let theme = pen.theme;
    let (text, style) = match (&state.thread.remote, state.thread.ticket.is_some()) {
        (Remote::Failed(why), _) => (why.as_str(), theme.danger),
        (_, true) if state.requests.slow(state.now) => ("Loading the conversation", theme.muted),
        (_, true) => ("", theme.muted),
        (_, false) => ("The conversation of the ticket under the cursor stands here.", theme.muted),
    };
    let width = area.width.saturating_sub(2);
    for (y, range) in (area.y + 1..area.bottom()).zip(crate::app::wrap::wrap(text, width.into())) {
        pen.text(area.x + 1, y, width, &text[range], style);
    }
}

fn head(pen: &mut Pen<'_>, state: &State, thread: &Thread, area: Rect) {
    let theme = pen.theme;
    let row = &thread.ticket;
    let (x, width) = (area.x + 1, area.width.saturating_sub(2));
    let number = row.number.one_line();
    let used = pen.text(x, area.y, width, &number, theme.accent) + 2;
    pen.text(x + used, area.y, width.saturating_sub(used), &row.subject.one_line(), theme.strong);

    let y = area.y + 1;
    let waits = match row.waiting_since {
        Some(since) => format!("waits on us {}", age(state.since(since))),
        None => format!("last message {}", age(state.since(row.last_activity_at))),
    };
    let style = if row.waiting_since.is_some() { theme.warning } else { theme.muted };
    let room = width.saturating_sub(pen.right(x, y, width, &waits, style) + 2);
    let mut at = x;
    let status = if row.status.is_done() { theme.muted } else { theme.good };
    at += pen.text(at, y, room, row.status.as_str(), status) + 2;
    let (sign, style) = super::queue::priority(pen, row.priority);
    if !sign.is_empty() {
        let words = format!("{sign} {}", row.priority.label());
        at += pen.text(at, y, (x + room).saturating_sub(at), &words, style) + 2;
    }
    let (assignee, style) = match &row.assignee {
        None => ("unassigned".to_owned(), theme.muted),
        Some(person) if state.is_me(&person.id) => ("assigned to me".to_owned(), theme.staff),
        Some(person) => (format!("assigned to {}", person.display_name()), theme.text),
    };
    pen.text(at, y, (x + room).saturating_sub(at), &assignee, style);

    if area.height >= 4 {
        let dot = theme.signs.dot;
        let mut words = row.client.display_name().to_owned();
        if !row.client.company.is_blank() {
            words = format!("{words} {dot} {}", row.client.company.one_line());
        }
        if thread.card.other_open_count > 0 {
            words = format!("{words} {dot} {} more open", thread.card.other_open_count);
        }
        if let Some(project) = thread.card.projects.iter().find(|card| !card.status.is_done()) {
            words = format!("{words} {dot} {}", project.title.one_line());
        }
        pen.text(x, area.y + 2, width, &words, theme.muted);
        pen.rule_across(Rect { y: area.y + 3, height: 1, ..area }, "", theme.rule);
        if state.thread.scroll > 0 {
            let words = format!(" {} lines above ", state.thread.scroll);
            pen.right(x, area.y + 3, width, &words, theme.muted);
        }
    }
}

fn body(pen: &mut Pen<'_>, state: &State, thread: &Thread, area: Rect) {
    for (line, y) in state.thread.lines.iter().skip(state.thread.scroll).zip(area.y..area.bottom()) {
        draw_line(pen, state, thread, line, Rect { y, height: 1, ..area });
    }
    if state.thread.lines.len() > state.thread.scroll + usize::from(area.height) {
        pen.text(area.right() - 1, area.bottom() - 1, 1, pen.theme.signs.below, pen.theme.accent);
    }
}

fn draw_line(pen: &mut Pen<'_>, state: &State, thread: &Thread, line: &Line, area: Rect) {
    let theme = pen.theme;
    let (x, width) = (area.x + 1, area.width.saturating_sub(2));
    match line {
        Line::Older => drop(pen.text(x, area.y, width, "older messages are coming", theme.muted)),
        Line::Day(day) => {
            let today = state.server_now().day(&state.zone).unwrap_or(*day);
            let place = Rect { x, width, ..area };
            pen.rule_across(place, &day_heading(*day, today), theme.muted);
        }
        Line::New(count) => {
            pen.rule_across(Rect { x, width, ..area }, &format!("{count} new"), theme.accent);
        }
        Line::Head(message) => message_head(pen, state, thread, *message, Rect { x, width, ..area }),
        Line::Text(message, range) => {
            let text = text_of(thread, *message).get(range.clone()).unwrap_or_default();
            pen.text(x + 2, area.y, width.saturating_sub(2), text.trim_end_matches(' '), theme.text);
        }
        Line::More(bytes) => {
            let open = state.keymap.words(Action::ReadThread);
            let words = format!("{} {} more: {open} opens all of it", theme.signs.ellipsis, size(*bytes));
            pen.text(x + 2, area.y, width.saturating_sub(2), &words, theme.accent);
        }
        Line::Gap => {}
    }
}

/// A number of bytes, in words.
fn size(bytes: usize) -> String {
    match bytes {
        0..1_000_000 => format!("{} KB", bytes.div_ceil(1000)),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

fn message_head(pen: &mut Pen<'_>, state: &State, thread: &Thread, message: Message, area: Rect) {
    let theme = pen.theme;
    let row = &thread.ticket;
    let (name, side, at, remark) = match message {
        Message::Description => (row.client.display_name(), &Side::Client, row.created_at, ""),
        Message::Comment(at) => {
            let Some(comment) = thread.comments.get(at) else { return };
            let remark = if comment.side_disagrees() { " (the account's role differs)" } else { "" };
            (comment.author_name.as_str(), &comment.side, comment.created_at, remark)
        }
    };
    let style: Style = match side {
        Side::Client => theme.client,
        Side::Staff => theme.staff,
        Side::Unknown(_) => theme.strong,
    };
    let used = pen.right(area.x, area.y, area.width, &at.clock(&state.zone), theme.muted);
    let room = area.width.saturating_sub(used + 2);
    let name = name.replace(['\n', '\t'], " ");
    let used = pen.text(area.x, area.y, room, &name, style) + 2;
    let words = format!("{}{remark}", side.label());
    pen.text(area.x + used, area.y, room.saturating_sub(used), &words, theme.muted);
}
