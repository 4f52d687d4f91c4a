//! "I have a code", and a code that is shown to be handed over.

use super::overlay::{field, stars};
use super::widgets::Pen;
use crate::app::layout::{centred, dialogs};
use crate::app::overlay::code::CodeShown;
use crate::app::screen::redeem::Redeem;
use crate::app::{State, wrap};
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

/// Draws the form; answers where the cursor is.
pub fn draw(pen: &mut Pen<'_>, form: &Redeem, area: Rect) -> Option<Position> {
    let theme = pen.theme;
    let (place, places) = dialogs::redeem((area.width, area.height));
    let inside = pen.boxed(place, "I have a code");
    let (x, width) = (inside.x + 1, inside.width.saturating_sub(2));
    let ground = theme.overlay;
    let mut cursor = None;
    let labels = ["Code", "New password", "Once more"];
    for (at, ((label, editor), line)) in labels.into_iter().zip(&form.fields).zip(places).enumerate() {
        let focused = form.focus == at;
        pen.text(x, line.y, 13, label, ground.patch(if focused { theme.accent } else { theme.muted }));
        let position = if at == 0 { field(pen, editor, line) } else { stars(pen, editor.signs(), line) };
        if focused {
            cursor = Some(position);
        }
    }
    let place = Rect { x, y: inside.y + 6, width, height: inside.height.saturating_sub(6) };
    match (&form.message, form.busy) {
        (_, true) => lines(pen, "looking at the code", place, theme.muted),
        (Some(message), false) => lines(pen, message, place, theme.danger),
        (None, false) => {
            lines(pen, "a code that only verifies an address needs no password", place, theme.muted);
        }
    }
    cursor.filter(|_| !form.busy)
}

/// Draws a code to hand over.
pub fn shown(pen: &mut Pen<'_>, state: &State, shown: &CodeShown) {
    let theme = pen.theme;
    let issued = &shown.issued;
    let until = issued.until.full(&state.zone);
    let whom =
        format!("For {}, to {}. Good until {until}, once.", issued.whom.one_line(), issued.kind.words());
    let advice = "Hand it over by phone or in person, never by the ticket. It is not shown again.";
    let width = 62.min(state.size.0 - 2);
    let room = usize::from(width) - 4;
    let (above, below) = (wrap::wrap(&whom, room).len() as u16, wrap::wrap(advice, room).len() as u16);
    let code = issued.code.expose();
    let rows = (code.len() as u16).div_ceil(room as u16);
    let gap = u16::from(above + below + rows + 4 < state.size.1);
    let inside = pen.boxed(centred(state.size, width, above + below + rows + 2 * gap + 2), "Code");
    let place = |y, height| Rect { x: inside.x + 1, y, width: inside.width - 2, height };
    lines(pen, &whom, place(inside.y, above), theme.text);
    for (row, y) in (0..rows).zip(inside.y + above + gap..) {
        let from = usize::from(row) * room;
        let part = &code[from..code.len().min(from + room)];
        pen.text(inside.x + 1, y, inside.width - 2, part, theme.overlay.patch(theme.accent));
    }
    lines(pen, advice, place(inside.y + above + rows + 2 * gap, below), theme.warning);
}

fn lines(pen: &mut Pen<'_>, text: &str, area: Rect, style: Style) {
    let style = pen.theme.overlay.patch(style);
    let ranges = wrap::wrap(text, area.width.into());
    for (y, range) in (area.y..area.bottom()).zip(ranges) {
        pen.text(area.x, y, area.width, &text[range], style);
    }
}
