//! The locked screen: whose desk it is, and a line for the password; nothing of the desk itself.

use super::overlay::stars;
use super::sign_in::message_lines;
use super::widgets::Pen;
use crate::app::action::Action;
use crate::app::layout::dialogs;
use crate::app::sitting::Lock;
use crate::app::{State, footer};
use ratatui::layout::{Position, Rect};

/// Draws it; answers where the cursor is.
pub fn draw(pen: &mut Pen<'_>, state: &State, lock: &Lock, area: Rect) -> Option<Position> {
    let theme = pen.theme;
    let ground = theme.overlay;
    let (place, line) = dialogs::lock((area.width, area.height));
    let inside = pen.boxed(place, "Locked");
    let (x, width) = (inside.x + 1, inside.width.saturating_sub(2));
    let name = state.me.as_ref().map_or("", |me| me.name.as_str());
    pen.text(x, inside.y + 1, width, name, ground.patch(theme.strong));
    let y = line.y;
    pen.text(x, y, 9, "Password", ground.patch(theme.accent));
    let cursor = stars(pen, lock.password.signs(), line);
    let area_of_message = Rect { x, y: y + 2, width, height: 3 };
    match &lock.message {
        _ if lock.busy => drop(pen.text(x, y + 2, width, "one moment", ground.patch(theme.muted))),
        Some(message) => message_lines(pen, message, area_of_message, theme.danger),
        None => {
            let text = format!("{} signs out; drafts are kept", state.keymap.words(Action::Cancel));
            message_lines(pen, &text, area_of_message, theme.muted);
        }
    }
    let last = Rect { y: area.height - 1, height: 1, ..area };
    for hint in footer::hints(state, last.width) {
        let wide = pen.text(hint.x, last.y, hint.width(), &hint.key, theme.key) + 1;
        pen.text(hint.x + wide, last.y, hint.width().saturating_sub(wide), hint.label, theme.muted);
    }
    (!lock.busy).then_some(cursor)
}
