//! The sign-in screen.

use super::overlay::{field, stars};
use super::widgets::Pen;
use crate::app::layout::dialogs;
use crate::app::{Link, State};
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

/// Draws it; answers where the cursor is.
pub fn draw(pen: &mut Pen<'_>, state: &State, area: Rect) -> Option<Position> {
    let theme = pen.theme;
    let sign_in = &state.sign_in;
    let (place, [email, password]) = dialogs::sign_in((area.width, area.height));
    let inside = pen.boxed(place, "Kaygia Desk");
    let (x, width) = (inside.x + 1, inside.width.saturating_sub(2));
    let ground = theme.overlay;
    for (label, line, focused) in
        [("E-mail", email, !sign_in.on_password), ("Password", password, sign_in.on_password)]
    {
        let style = ground.patch(if focused { theme.accent } else { theme.muted });
        pen.text(x, line.y, 9, label, style);
    }
    let at_email = field(pen, &sign_in.email, email);
    let at_password = stars(pen, sign_in.password.signs(), password);
    let cursor = if sign_in.on_password { at_password } else { at_email };
    let y = inside.y + 5;
    match (&sign_in.message, sign_in.busy, state.link) {
        (_, true, _) => drop(pen.text(x, y, width, "signing in", ground.patch(theme.muted))),
        (Some(message), ..) => message_lines(pen, message, Rect { x, y, width, height: 3 }, theme.danger),
        (None, false, Link::Offline(_)) => {
            let text = "the database does not answer; trying again";
            message_lines(pen, text, Rect { x, y, width, height: 3 }, theme.danger);
        }
        (None, false, _) => {
            let text = if sign_in.opening {
                "opening your session; type to sign in yourself"
            } else {
                "the account of the web app: staff only"
            };
            message_lines(pen, text, Rect { x, y, width, height: 3 }, theme.muted);
        }
    }
    (!sign_in.busy).then_some(cursor)
}

pub(super) fn message_lines(pen: &mut Pen<'_>, message: &str, area: Rect, style: Style) {
    let style = pen.theme.overlay.patch(style);
    let ranges = crate::app::wrap::wrap(message, area.width.into());
    for (y, range) in (area.y..area.bottom()).zip(ranges) {
        pen.text(area.x, y, area.width, &message[range], style);
    }
}
