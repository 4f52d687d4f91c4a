//! The list of tickets and the list of views.

use super::widgets::Pen;
use crate::app::State;
use crate::app::action::Action;
use crate::app::layout::Areas;
use crate::app::screen::Remote;
use crate::app::screen::queue::VIEWS;
use crate::app::wrap;
use crate::domain::ticket::{Priority, TicketRow};
use crate::domain::time::age;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::time::Duration;

/// Waiting longer than this is a warning.
const LONG_WAIT: Duration = Duration::from_secs(4 * 3600);

/// The views with their counts.
pub fn views(pen: &mut Pen<'_>, state: &State, area: Rect) {
    if area.width == 0 {
        return;
    }
    let theme = pen.theme;
    pen.text(area.x + 1, area.y, area.width - 1, "Views", theme.muted);
    for (at, view) in VIEWS.iter().enumerate() {
        let y = area.y + 1 + at as u16;
        if y >= area.bottom() {
            break;
        }
        let current = state.queue.search.is_none() && state.queue.view == at;
        let style = if current { theme.tab } else { theme.text };
        let count = state.queue.counts.get(at).map(ToString::to_string).unwrap_or_default();
        let line = Rect { x: area.x, y, width: area.width, height: 1 };
        pen.text(line.x + 1, y, 2, &view.digit.to_string(), theme.key);
        let used = pen.right(line.x, y, line.width - 1, &count, style);
        pen.text(line.x + 3, y, line.width.saturating_sub(used + 5), view.name, style);
    }
}

/// The rows.
pub fn draw(pen: &mut Pen<'_>, state: &State, areas: &Areas) {
    if areas.queue_rows.width == 0 {
        return;
    }
    title(pen, state, areas.queue_title);
    let area = areas.queue_rows;
    if state.queue.rows.is_empty() {
        empty(pen, state, area);
        return;
    }
    let loading = state.queue.remote == Remote::Loading && state.requests.slow(state.now);
    let columns = Columns::new(state, area.width);
    for (line, row) in
        state.queue.rows.iter().skip(state.queue.cursor.offset).take(area.height.into()).enumerate()
    {
        let at = state.queue.cursor.offset + line;
        let place = Rect { y: area.y + line as u16, height: 1, ..area };
        let departed = state.queue.departed.as_ref() == Some(&row.id);
        draw_row(pen, state, row, place, &columns, departed || loading);
        let elsewhere = state.thread.focused && state.thread.ticket.as_ref() != Some(&row.id);
        if at == state.queue.cursor.selected && !elsewhere {
            bar(pen, place, !state.thread.focused);
        }
    }
}

fn title(pen: &mut Pen<'_>, state: &State, area: Rect) {
    let theme = pen.theme;
    let queue = &state.queue;
    let right = format!("{} {}{}", queue.total(), theme.signs.down, queue.sort().label());
    let used = pen.right(area.x, area.y, area.width - 1, &right, theme.muted);
    let mut x = area.x + 1;
    let end = area.right().saturating_sub(used + 3);
    let (name, query) = match &queue.search {
        Some(search) => (format!("Search {}", search.text), "in all tickets"),
        None => {
            let view = VIEWS[queue.view];
            (format!("{} {}", view.digit, view.name), view.query)
        }
    };
    x += pen.text(x, area.y, end.saturating_sub(x), &name, theme.strong) + 2;
    pen.text(x, area.y, end.saturating_sub(x), query, theme.muted);
    if area.height > 1 {
        let above = state.queue.new_above();
        let words = if above > 0 { format!("{above} new above") } else { String::new() };
        pen.rule_across(Rect { y: area.y + 1, height: 1, ..area }, &words, theme.accent);
    }
}

fn empty(pen: &mut Pen<'_>, state: &State, area: Rect) {
    let theme = pen.theme;
    let keys = |action| state.keymap.words(action);
    let (text, style) = match (&state.queue.remote, &state.queue.search) {
        (Remote::Failed(why), _) => (why.clone(), theme.danger),
        (Remote::Idle | Remote::Loading, _) => ("Loading tickets".to_owned(), theme.muted),
        (Remote::Ready, Some(search)) => {
            let (again, back) = (keys(Action::Search), keys(Action::Back));
            let text =
                format!("No ticket fits “{}”. {again} searches again, {back} shows the view.", search.text);
            (text, theme.muted)
        }
        (Remote::Ready, None) => {
            let (open, all, take) = (keys(Action::View2), keys(Action::View7), keys(Action::Take));
            let text = match VIEWS[state.queue.view].digit {
                1 => format!("Nothing is yours. {open} shows what nobody has taken, {take} takes a ticket."),
                2 => format!("Everything is taken. {all} shows all active tickets."),
                _ => format!("Nothing here. {all} shows all active tickets."),
            };
            (text, theme.muted)
        }
    };
    let width = area.width.saturating_sub(4);
    for (line, range) in wrap::wrap(&text, width.into()).into_iter().enumerate() {
        pen.text(area.x + 2, area.y + 1 + line as u16, width, &text[range], style);
    }
}

/// The bar of the cursor: full where the keys are.
pub fn bar(pen: &mut Pen<'_>, place: Rect, keys_here: bool) {
    let theme = pen.theme;
    pen.style(place, theme.selection);
    let style = if keys_here { theme.accent } else { theme.muted };
    pen.text(place.x, place.y, 1, theme.signs.cursor, style.patch(theme.selection));
}

/// How the width of a row is shared.
struct Columns {
    number: u16,
    client: u16,
    assignee: u16,
    status: u16,
}

impl Columns {
    fn new(state: &State, width: u16) -> Self {
        let numbers = state.queue.rows.iter().take(50).map(|row| wrap::width(row.number.as_str()));
        let number = (numbers.max().unwrap_or(8).clamp(8, 12) as u16).min(width / 4);
        Self {
            number,
            client: match width {
                0..46 => 0,
                46..58 => 10,
                58..80 => 14,
                _ => 18,
            },
            assignee: if width >= 72 { 9 } else { 0 },
            status: if width >= 84 { 8 } else { 0 },
        }
    }
}

fn draw_row(pen: &mut Pen<'_>, state: &State, row: &TicketRow, place: Rect, columns: &Columns, dim: bool) {
    let theme = pen.theme;
    let (y, mut x) = (place.y, place.x + 1);
    let dim = dim || row.status.is_done() && row.waiting_since.is_none();
    let shade = |style: Style| if dim { style.patch(theme.muted) } else { style };
    let subject_style = if row.unread && !dim { theme.strong } else { shade(theme.text) };
    if row.unread {
        pen.text(x, y, 1, theme.signs.unread, theme.accent);
    }
    let (sign, style) = priority(pen, row.priority);
    pen.text(x + 2, y, 2, sign, style);
    x += 5;
    pen.text(x, y, columns.number, &row.number.one_line(), shade(theme.text));
    x += columns.number + 2;
    if columns.client > 0 {
        let name = row.client.account_name().replace(['\n', '\t'], " ");
        pen.text(x, y, columns.client, &name, shade(theme.text));
        x += columns.client + 2;
    }
    let mut end = place.right().saturating_sub(1);
    let (text, style) = row_age(pen, state, row);
    pen.right(end.saturating_sub(6), y, 6, &text, style);
    end = end.saturating_sub(7);
    if columns.status > 0 {
        let style = if row.status.as_str() == "OPEN" { theme.good } else { theme.muted };
        pen.text(end - columns.status, y, columns.status, row.status.as_str(), style);
        end -= columns.status + 1;
    }
    if columns.assignee > 0 {
        let (text, style) = match &row.assignee {
            None => (String::new(), theme.muted),
            Some(person) if state.is_me(&person.id) => ("me".to_owned(), theme.staff),
            Some(person) => {
                let name = person.display_name();
                (name.split_whitespace().next().unwrap_or(name).to_owned(), theme.muted)
            }
        };
        pen.text(end - columns.assignee, y, columns.assignee, &text, style);
        end -= columns.assignee + 1;
    }
    if row.has_draft {
        pen.text(end - 2, y, 2, theme.signs.draft, theme.warning);
        end -= 3;
    }
    pen.text(x, y, end.saturating_sub(x), &row.subject.one_line(), subject_style);
}

/// The sign of a priority.
pub const fn priority(pen: &Pen<'_>, priority: Priority) -> (&'static str, Style) {
    let theme = pen.theme;
    match priority {
        Priority::Low => (theme.signs.low, theme.muted),
        Priority::Normal => ("", theme.text),
        Priority::High => (theme.signs.high, theme.warning),
        Priority::Urgent => (theme.signs.urgent, theme.danger),
    }
}

fn row_age(pen: &Pen<'_>, state: &State, row: &TicketRow) -> (String, Style) {
    match row.waiting_since {
        Some(since) => {
            let waited = state.since(since);
            let style = if waited > LONG_WAIT { pen.theme.warning } else { pen.theme.text };
            (age(waited), style)
        }
        None => (age(state.since(row.last_activity_at)), pen.theme.muted),
    }
}
