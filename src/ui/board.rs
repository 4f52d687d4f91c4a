//! The boards: columns of cards, and the project opened.

use super::widgets::Pen;
use crate::app::action::Action;
use crate::app::layout::board::{BoardAreas, areas};
use crate::app::screen::Remote;
use crate::app::screen::board::columns::Column;
use crate::app::screen::board::details::{self, End, Tone};
use crate::app::{State, wrap};
use crate::domain::project::{ProjectCard, ProjectType};
use jiff::civil::Date;
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Rows of a card without the blank one below it.
const CARD: u16 = 4;

/// Draws the columns and the project opened.
pub fn draw(pen: &mut Pen<'_>, state: &State) {
    let areas = areas(state);
    note(pen, state, areas.note);
    columns(pen, state, &areas);
    if areas.details.width > 0 {
        project(pen, state, areas.details);
    }
}

/// Which projects are shown, when not all are.
fn note(pen: &mut Pen<'_>, state: &State, area: Rect) {
    if area.width == 0 {
        return;
    }
    let board = &state.board;
    let mut words = "Only projects".to_owned();
    if board.filter.client.is_some() {
        words = format!("{words} of {}", board.client_name.replace(['\n', '\t'], " "));
    }
    if !board.filter.text.is_empty() {
        words = format!("{words} with “{}”", board.filter.text);
    }
    let back = format!("{} shows all", state.keymap.words(Action::Back));
    let used = pen.right(area.x, area.y, area.width - 1, &back, pen.theme.muted);
    pen.text(area.x + 1, area.y, area.width.saturating_sub(used + 4), &words, pen.theme.accent);
}

fn columns(pen: &mut Pen<'_>, state: &State, areas: &BoardAreas) {
    let board = &state.board;
    let Some((_, first)) = areas.columns.first().copied() else {
        if areas.details.width == 0 || board.columns.list.is_empty() {
            message(pen, state, crate::app::layout::areas(state).body);
        }
        return;
    };
    let cards_top = first.bottom().saturating_sub(areas.cards_height);
    let end = areas.columns.last().map_or(first.right(), |(_, area)| area.right());
    if cards_top > first.y + 1 {
        let line = Rect { x: first.x, y: cards_top - 1, width: end - first.x, height: 1 };
        pen.rule_across(line, "", pen.theme.rule);
    }
    let today = details::today(state);
    let none = board.columns.is_empty();
    for (at, area) in areas.columns.iter().copied() {
        let Some(column) = board.columns.list.get(at) else { continue };
        let current = at == board.columns.cursor.selected;
        title(pen, column, area, current);
        if none {
            continue;
        }
        if area.x > first.x {
            if cards_top > area.y + 1 {
                pen.text(area.x, cards_top - 1, 1, pen.theme.signs.junction, pen.theme.rule);
            }
            pen.rule_down(area.x, Rect { y: cards_top, height: areas.cards_height, ..area });
        }
        let cards = Rect { y: cards_top, height: areas.cards_height, ..area };
        draw_cards(pen, column, cards, areas, current.then_some(!board.project_open()), today);
    }
    let width = pen.theme.signs;
    if areas.columns.first().is_some_and(|(at, _)| *at > 0) {
        pen.text(first.x, first.y, 1, width.left, pen.theme.accent);
    }
    if areas.columns.last().is_some_and(|(at, _)| at + 1 < board.columns.list.len()) {
        pen.text(end - 1, first.y, 1, width.right, pen.theme.accent);
    }
    let cards = Rect { x: first.x, y: cards_top, width: end - first.x, height: areas.cards_height };
    if none {
        message(pen, state, cards);
    } else if board.is_stale() && state.requests.slow(state.now) {
        pen.style(cards, pen.theme.muted);
    }
}

fn title(pen: &mut Pen<'_>, column: &Column, area: Rect, current: bool) {
    let theme = pen.theme;
    let style = if current { theme.tab } else { theme.text };
    let count = column.shown.count.to_string();
    let room = area.width.saturating_sub(4 + count.len() as u16);
    let used = pen.text(area.x + 2, area.y, room, column.status.label(), style);
    pen.text(area.x + 2 + used + 1, area.y, count.len() as u16, &count, theme.muted);
}

/// The cards of one column; `cursor` says whether its cursor is shown, and whether the keys are there.
fn draw_cards(
    pen: &mut Pen<'_>,
    column: &Column,
    area: Rect,
    areas: &BoardAreas,
    cursor: Option<bool>,
    today: Option<Date>,
) {
    let theme = pen.theme;
    let offset = column.cursor.offset;
    let shown = column.shown.cards.iter().enumerate().skip(offset).take(areas.page);
    let mut y = area.y;
    for (at, card) in shown {
        let height = CARD.min(area.bottom().saturating_sub(y));
        let place = Rect { x: area.x, y, width: area.width, height };
        draw_card(pen, card, place, today);
        if let Some(keys_here) = cursor.filter(|_| at == column.cursor.selected) {
            pen.style(place, theme.selection);
            let style = if keys_here { theme.accent } else { theme.muted };
            for line in place.top()..place.bottom() {
                pen.text(place.x, line, 1, theme.signs.cursor, style.patch(theme.selection));
            }
        }
        y += areas.card_height;
    }
    let all = column.shown.count.number() as usize;
    let below = all.saturating_sub(offset + areas.page);
    // The last row is free, or it is the blank one under the last card.
    if below > 0 && y < area.bottom() + (areas.card_height - CARD) {
        let words = if all > 999 { "more".to_owned() } else { format!("{below} more") };
        let width = area.width.saturating_sub(3);
        pen.text(area.x + 2, area.bottom() - 1, width, &words, theme.muted);
    }
}

fn draw_card(pen: &mut Pen<'_>, card: &ProjectCard, place: Rect, today: Option<Date>) {
    let theme = pen.theme;
    let (x, width) = (place.x + 2, place.width.saturating_sub(3));
    let done = card.status.is_done();
    let shade = |style: Style| if done { style.patch(theme.muted) } else { style };
    let mut lines = (place.top()..place.bottom()).map(|y| Rect { x, y, width, height: 1 });
    if let Some(line) = lines.next() {
        pen.text(x, line.y, width, &card.title.one_line(), if done { theme.muted } else { theme.strong });
    }
    if let Some(line) = lines.next() {
        let client = card.client.account_name().replace(['\n', '\t'], " ");
        pen.text(x, line.y, width, &client, shade(theme.text));
    }
    if let Some(line) = lines.next() {
        let budget = card.budget.map(|budget| budget.to_string()).unwrap_or_default();
        let used = pen.right(x, line.y, width, &budget, shade(theme.text));
        let room = width.saturating_sub(if used == 0 { 0 } else { used + 1 });
        pen.text(x, line.y, room, kind(&card.kind, room), theme.muted);
    }
    if let Some(line) = lines.next() {
        let open = match card.open_tickets {
            ..=0 => String::new(),
            n @ 1..=99 => format!("{n}{}", theme.signs.unread),
            _ => format!("99+{}", theme.signs.unread),
        };
        let used = pen.right(x, line.y, width, &open, shade(theme.accent));
        let room = width.saturating_sub(if used == 0 { 0 } else { used + 1 });
        end(pen, card, Rect { width: room, ..line }, today);
    }
}

fn end(pen: &mut Pen<'_>, card: &ProjectCard, line: Rect, today: Option<Date>) {
    let theme = pen.theme;
    let Some((end, day)) = details::end(card, today) else { return };
    let (words, style) = match end {
        End::Ahead => (format!("ends {day}"), theme.muted),
        End::Past => (format!("ended {day}"), theme.muted),
        End::Overdue => (format!("ended {day} {}", theme.signs.urgent), theme.danger),
    };
    let fits = wrap::width(&words) <= line.width.into();
    // A year that does not fit beside the word stands without it.
    let short = words.split_once(' ').map_or(words.as_str(), |(_, rest)| rest);
    pen.text(line.x, line.y, line.width, if fits { &words } else { short }, style);
}

/// The type in the words that fit; nothing where none do.
fn kind(kind: &ProjectType, room: u16) -> &str {
    let long = kind.label();
    if wrap::width(long) <= room.into() {
        return long;
    }
    let short = match kind {
        ProjectType::Website => "site",
        ProjectType::ECommerce => "e-comm",
        ProjectType::WebApp => "web app",
        ProjectType::MobileApp => "app",
        ProjectType::Branding => "brand",
        ProjectType::Marketing => "market.",
        ProjectType::Other | ProjectType::Unknown(_) => long,
    };
    if wrap::width(short) <= room.into() { short } else { "" }
}

/// What is said where there is no card.
fn message(pen: &mut Pen<'_>, state: &State, area: Rect) {
    let theme = pen.theme;
    let key = |action: Action| state.keymap.words(action);
    let (text, style) = match &state.board.remote {
        Remote::Failed(why) => (why.clone(), theme.danger),
        Remote::Idle | Remote::Loading => ("Loading projects".to_owned(), theme.muted),
        Remote::Ready if state.board.is_filtered() => {
            let (filter, back) = (key(Action::BoardFilter), key(Action::Back));
            let words = format!("No project fits. {filter} filters again, {back} shows all.");
            (words, theme.muted)
        }
        Remote::Ready => (format!("No project yet. {} makes one.", key(Action::CardNew)), theme.muted),
    };
    lines(pen, area, &text, style);
}

/// A sentence in an empty pane.
pub fn lines(pen: &mut Pen<'_>, area: Rect, text: &str, style: Style) {
    let width = area.width.saturating_sub(4);
    for (range, y) in wrap::wrap(text, width.into()).into_iter().zip(area.y + 1..area.bottom()) {
        pen.text(area.x + 2, y, width, &text[range], style);
    }
}

fn project(pen: &mut Pen<'_>, state: &State, area: Rect) {
    let theme = pen.theme;
    let Some(open) = &state.board.project else { return };
    if area.x > 0 {
        pen.rule_down(area.x - 1, area);
    }
    let text = details::lines(state, area.width);
    if text.is_empty() {
        let (words, style) = match &open.remote {
            Remote::Failed(why) => (why.as_str(), theme.danger),
            Remote::Idle | Remote::Loading | Remote::Ready => ("Loading the project", theme.muted),
        };
        return lines(pen, area, words, style);
    }
    let most = text.len().saturating_sub(area.height.into());
    let from = open.scroll.min(most);
    let width = area.width.saturating_sub(2);
    let last = area.bottom().saturating_sub(1);
    let more = if from < most { format!("{} more", most - from) } else { String::new() };
    let used = pen.right(area.x + 1, last, width, &more, theme.muted);
    for ((tone, line), y) in text.iter().skip(from).zip(area.top()..area.bottom()) {
        let style = match tone {
            Tone::Title | Tone::Heading => theme.strong,
            Tone::Text => theme.text,
            Tone::Muted => theme.muted,
            Tone::Client => theme.client,
            Tone::Danger => theme.danger,
        };
        let room = if y == last && used > 0 { width.saturating_sub(used + 1) } else { width };
        pen.text(area.x + 1, y, room, line.trim_end(), style);
    }
}
