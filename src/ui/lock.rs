//! The locked screen: whose desk it is, and a line for the password; nothing of the desk itself.

use super::sign_in::message_lines;
use super::widgets::Pen;
use crate::app::action::Action;
use crate::app::layout::centred;
use crate::app::sitting::Lock;
use crate::app::{State, footer};
use ratatui::layout::{Position, Rect};

/// Draws it; answers where the cursor is.
pub fn draw(pen: &mut Pen<'_>, state: &State, lock: &Lock, area: Rect) -> Option<Position> {
    let theme = pen.theme;
    let ground = theme.overlay;
    let inside = pen.boxed(centred((area.width, area.height), 52, 10), "Locked");
    let (x, width) = (inside.x + 1, inside.width.saturating_sub(2));
    let name = state.me.as_ref().map_or("", |me| me.name.as_str());
    pen.text(x, inside.y + 1, width, name, ground.patch(theme.strong));
    let y = inside.y + 3;
    pen.text(x, y, 9, "Password", ground.patch(theme.accent));
    let field = Rect { x: x + 10, y, width: width.saturating_sub(10), height: 1 };
    pen.fill(field, ground.patch(theme.field));
    let typed = lock.password.text().chars().count();
    let shown = typed.min(usize::from(field.width.saturating_sub(1)));
    pen.text(field.x, y, field.width, &"*".repeat(shown), ground.patch(theme.field));
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
    (!lock.busy).then_some(Position { x: field.x + shown as u16, y })
}
