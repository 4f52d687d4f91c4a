//! Draws the state: read-only functions, colours by meaning, nothing outside its cell.

pub mod board;
pub mod card;
pub mod chrome;
pub mod clients;
pub mod composer;
pub mod form;
pub mod help;
pub mod lock;
pub mod log;
pub mod overlay;
pub mod queue;
pub mod redeem;
pub mod sign_in;
pub mod staff;
pub mod theme;
pub mod thread;
pub mod widgets;

use crate::app::layout::{self, Areas, SMALLEST};
use crate::app::screen::Tab;
use crate::app::{State, overlay::Overlay};
use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use theme::Theme;
use widgets::Pen;

/// Draws everything. The cursor is shown where text is typed.
pub fn draw(state: &State, theme: &Theme, frame: &mut Frame<'_>) {
    let area = frame.area();
    if let Some(cursor) = paint(state, theme, frame.buffer_mut(), area) {
        frame.set_cursor_position(cursor);
    }
}

/// Paints into a buffer; answers where the cursor is to be shown.
pub fn paint(state: &State, theme: &Theme, buffer: &mut Buffer, area: Rect) -> Option<Position> {
    let mut pen = Pen::new(buffer, theme);
    pen.fill(area, theme.text);
    if Areas::too_small(state.size) {
        let text = format!("The desk needs {} columns and {} rows.", SMALLEST.0, SMALLEST.1);
        pen.text(area.x, area.y, area.width, &text, theme.text);
        return None;
    }
    if state.me.is_none() {
        let cursor = match &state.redeem {
            Some(form) => redeem::draw(&mut pen, form, area),
            None => sign_in::draw(&mut pen, state, area),
        };
        chrome::footer(&mut pen, state, Rect { y: area.height - 1, height: 1, ..area });
        return state.overlay.is_none().then_some(cursor).flatten();
    }
    if let Some(lock) = state.sitting.lock() {
        return lock::draw(&mut pen, state, lock, area);
    }
    let areas = layout::areas(state);
    chrome::header(&mut pen, state, areas.header);
    let mut cursor = match state.tab {
        Tab::Queue => tickets(&mut pen, state, &areas),
        Tab::Boards => {
            board::draw(&mut pen, state);
            None
        }
        Tab::Staff => {
            staff::draw(&mut pen, state);
            None
        }
        Tab::Clients => {
            clients::draw(&mut pen, state);
            None
        }
    };
    chrome::footer(&mut pen, state, areas.footer);
    if state.overlay.is_some() {
        cursor = overlay::draw(&mut pen, state, &areas);
    }
    if !state.pending.is_empty() {
        overlay::which_key(&mut pen, state);
    }
    cursor
}

fn tickets(pen: &mut Pen<'_>, state: &State, areas: &Areas) -> Option<Position> {
    queue::views(pen, state, areas.views);
    queue::draw(pen, state, areas);
    thread::draw(pen, state, areas);
    let cursor = composer::draw(pen, state, areas.composer);
    if areas.card.width > 0 {
        let scroll = if let Some(Overlay::Card(scroll)) = state.overlay { scroll } else { 0 };
        card::draw(pen, state, areas.card, scroll);
    }
    for x in areas.rules.into_iter().flatten() {
        pen.rule_down(x, areas.body);
    }
    cursor
}
