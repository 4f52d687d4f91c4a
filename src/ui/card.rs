//! The client card: who it is, other open tickets, projects.

use super::widgets::Pen;
use crate::app::State;
use crate::domain::ticket::Thread;
use crate::domain::time::{age, short_date};
use jiff::tz::TimeZone;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Draws it from line `scroll` on.
pub fn draw(pen: &mut Pen<'_>, state: &State, area: Rect, scroll: usize) {
    pen.fill(area, pen.theme.text);
    let Some(thread) = &state.thread.data else { return };
    let lines = lines(pen, state, thread);
    let beyond = lines.len().saturating_sub(area.height.into());
    if beyond > scroll {
        pen.text(area.right() - 1, area.bottom() - 1, 1, pen.theme.signs.below, pen.theme.accent);
    }
    for (y, (left, right, style)) in (area.y..area.bottom()).zip(lines.into_iter().skip(scroll.min(beyond))) {
        let width = area.width.saturating_sub(2);
        let used = pen.right(area.x + 1, y, width, &right, pen.theme.muted);
        let room = if used == 0 { width } else { width.saturating_sub(used + 1) };
        pen.text(area.x + 1, y, room, &left, style);
    }
}

fn lines(pen: &Pen<'_>, state: &State, thread: &Thread) -> Vec<(String, String, Style)> {
    let theme = pen.theme;
    let client = &thread.ticket.client;
    let plain = |text: &str, style: Style| (text.replace(['\n', '\t'], " "), String::new(), style);
    let mut lines = vec![plain(client.display_name(), theme.client)];
    if !client.company.is_blank() {
        lines.push(plain(client.company.as_str(), theme.text));
    }
    lines.push(plain(client.email.as_str(), theme.muted));
    if !client.active {
        lines.push(plain("account is switched off", theme.warning));
    }
    let card = &thread.card;
    lines.push(plain("", theme.text));
    lines.push(plain(&format!("Other open tickets  {}", card.other_open_count), theme.strong));
    for ticket in &card.other_open {
        let since = ticket.waiting_since.unwrap_or(ticket.last_activity_at);
        let style = if ticket.waiting_since.is_some() { theme.text } else { theme.muted };
        lines.push((
            format!("{} {}", ticket.number.one_line(), ticket.subject.one_line()),
            age(state.since(since)),
            style,
        ));
    }
    lines.push(plain("", theme.text));
    lines.push(plain(&format!("Projects  {}", card.projects.len()), theme.strong));
    for project in &card.projects {
        let style = if project.status.is_done() { theme.muted } else { theme.text };
        let end = project.end_date.and_then(|end| end.day(&TimeZone::UTC));
        let today = state.server_now().day(&state.zone);
        let when = end.zip(today).map(|(end, today)| short_date(end, today)).unwrap_or_default();
        lines.push((project.title.one_line().into_owned(), project.status.label().to_owned(), style));
        let budget = project.budget.map(|budget| budget.to_string()).unwrap_or_default();
        let detail = [project.kind.label().to_owned(), budget, when];
        let detail: Vec<_> = detail.into_iter().filter(|part| !part.is_empty()).collect();
        lines.push((format!("  {}", detail.join("  ")), String::new(), theme.muted));
    }
    lines
}
