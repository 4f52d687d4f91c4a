//! The sign-in screen.

use super::widgets::Pen;
use crate::app::layout::centred;
use crate::app::{Link, State};
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

/// Draws it; answers where the cursor is.
pub fn draw(pen: &mut Pen<'_>, state: &State, area: Rect) -> Option<Position> {
    let theme = pen.theme;
    let sign_in = &state.sign_in;
    let place = centred((area.width, area.height), 52, 10);
    let inside = pen.boxed(place, "Kaygia Desk");
    let (x, width) = (inside.x + 1, inside.width.saturating_sub(2));
    let ground = theme.overlay;
    let stars = "*".repeat(sign_in.password.text().chars().count());
    let email = sign_in.email.text();
    let mut cursor = None;
    for (row, (label, text, focused)) in
        [("E-mail", &email, !sign_in.on_password), ("Password", &stars, sign_in.on_password)]
            .into_iter()
            .enumerate()
    {
        let y = inside.y + 1 + 2 * row as u16;
        pen.text(x, y, 9, label, ground.patch(if focused { theme.accent } else { theme.muted }));
        let field = Rect { x: x + 10, y, width: width.saturating_sub(10), height: 1 };
        pen.fill(field, ground.patch(theme.field));
        let column = if sign_in.on_password {
            text.len()
        } else {
            sign_in.email.layout(usize::from(field.width).max(1) * 8).cursor.1
        };
        let skip = (column + 1).saturating_sub(field.width.into());
        let shown: String = text.chars().skip(skip).collect();
        pen.text(field.x, y, field.width, &shown, ground.patch(theme.field));
        if focused {
            cursor = Some(Position { x: field.x + (column - skip) as u16, y });
        }
    }
    let y = inside.y + 5;
    match (&sign_in.message, sign_in.busy, state.link) {
        (_, true, _) => drop(pen.text(x, y, width, "signing in", ground.patch(theme.muted))),
        (Some(message), ..) => message_lines(pen, message, Rect { x, y, width, height: 3 }, theme.danger),
        (None, false, Link::Offline(_)) => {
            let text = "the database does not answer; trying again";
            message_lines(pen, text, Rect { x, y, width, height: 3 }, theme.danger);
        }
        (None, false, _) => {
            let text = "the account of the web app: staff only";
            message_lines(pen, text, Rect { x, y, width, height: 3 }, theme.muted);
        }
    }
    cursor.filter(|_| !sign_in.busy)
}

pub(super) fn message_lines(pen: &mut Pen<'_>, message: &str, area: Rect, style: Style) {
    let style = pen.theme.overlay.patch(style);
    let ranges = crate::app::wrap::wrap(message, area.width.into());
    for (y, range) in (area.y..area.bottom()).zip(ranges) {
        pen.text(area.x, y, area.width, &message[range], style);
    }
}
