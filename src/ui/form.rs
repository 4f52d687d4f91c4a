//! A form over the screen: labels, fields, what fits a client, what is wrong.

use super::overlay::{field as draw_line, stars};
use super::widgets::Pen;
use crate::app::layout::dialogs;
use crate::app::overlay::form::{ClientField, Field, FieldInput, Form, Notice, describe, notice};
use crate::app::{State, edit::Editor, wrap};
use ratatui::layout::{Position, Rect};

/// Draws it; answers where the cursor is.
pub fn draw(pen: &mut Pen<'_>, state: &State, form: &Form) -> Option<Position> {
    let theme = pen.theme;
    let areas = dialogs::form(state, form);
    let inside = pen.boxed(areas.place, &form.title);
    let base = theme.overlay;
    let note = wrap::wrap(&form.note, areas.note.width.into());
    for (range, y) in note.into_iter().zip(areas.note.top()..areas.note.bottom()) {
        let words = form.note[range].trim_end();
        pen.text(areas.note.x, y, areas.note.width, words, base.patch(theme.muted));
    }
    if let Some(notice) = notice(&state.keymap, form) {
        let style = match notice {
            Notice::Saving => theme.muted,
            Notice::Leaving(_) => theme.warning,
            Notice::Wrong(_) => theme.danger,
        };
        let lines = wrap::wrap(notice.words(), areas.notice.width.into());
        for (range, y) in lines.into_iter().zip(areas.notice.top()..areas.notice.bottom()) {
            pen.text(areas.notice.x, y, areas.notice.width, &notice.words()[range], base.patch(style));
        }
    }
    let mut cursor = None;
    for area in &areas.fields {
        let Some(field) = form.fields.get(area.field) else { continue };
        let place = area.place;
        let wrong = form.error.as_ref().is_some_and(|(field, _)| *field == area.field);
        let here = area.field == form.focus;
        let label = match (wrong, here) {
            (true, _) => theme.danger,
            (false, true) => theme.strong,
            (false, false) => theme.muted,
        };
        if here {
            pen.text(place.x, place.y, 1, theme.signs.cursor, base.patch(theme.accent));
        }
        let room = area.input.x.saturating_sub(place.x + 1);
        pen.text(place.x + 1, place.y, room, field.label, base.patch(label));
        let at = draw_field(pen, field, area.input, here);
        if here {
            cursor = at;
        }
    }
    if areas.more {
        let words = format!(" {} more ", theme.signs.down.trim());
        pen.right(inside.x, inside.bottom(), inside.width - 1, &words, base.patch(theme.muted));
    }
    if let Some(Field { input: FieldInput::Client(client), .. }) = form.fields.get(form.focus) {
        matches(pen, client, areas.matches);
    }
    cursor.filter(|_| form.sending.is_none())
}

fn draw_field(pen: &mut Pen<'_>, field: &Field, area: Rect, here: bool) -> Option<Position> {
    let theme = pen.theme;
    let line = Rect { height: 1, ..area };
    match &field.input {
        FieldInput::Line(editor) => {
            let cursor = one_line(pen, editor, line, here);
            hint(pen, editor, field.hint, line);
            cursor
        }
        FieldInput::Secret(secret) => {
            let cursor = stars(pen, secret.shape(), line);
            if secret.shape().0 == 0 {
                let style = theme.overlay.patch(theme.field).patch(theme.muted);
                pen.text(line.x, line.y, line.width, field.hint, style);
            }
            here.then_some(cursor)
        }
        FieldInput::Client(client) => {
            let cursor = one_line(pen, &client.input, line, here);
            hint(pen, &client.input, field.hint, line);
            if client.chosen.is_some() {
                pen.style(line, theme.overlay.patch(theme.field).patch(theme.client));
            }
            cursor
        }
        FieldInput::Area(editor) => {
            let cursor = text(pen, editor, area, here);
            hint(pen, editor, field.hint, line);
            cursor
        }
        FieldInput::Choice { .. } => {
            let style = theme.overlay.patch(if here { theme.accent } else { theme.text });
            let signs = theme.signs;
            let words = if here {
                format!("{} {} {}", signs.left, field.text(), signs.right)
            } else {
                format!("  {}", field.text())
            };
            pen.text(area.x, area.y, area.width, &words, style);
            None
        }
    }
}

fn hint(pen: &mut Pen<'_>, editor: &Editor, hint: &str, line: Rect) {
    if editor.text().is_empty() {
        let style = pen.theme.overlay.patch(pen.theme.field).patch(pen.theme.muted);
        pen.text(line.x, line.y, line.width, hint, style);
    }
}

/// A line; where the keys are not, from its beginning.
fn one_line(pen: &mut Pen<'_>, editor: &Editor, line: Rect, here: bool) -> Option<Position> {
    if here {
        return Some(draw_line(pen, editor, line));
    }
    let style = pen.theme.overlay.patch(pen.theme.field);
    pen.fill(line, style);
    pen.text(line.x, line.y, line.width, &editor.text(), style);
    None
}

fn text(pen: &mut Pen<'_>, editor: &Editor, area: Rect, here: bool) -> Option<Position> {
    let style = pen.theme.overlay.patch(pen.theme.field);
    pen.fill(area, style);
    let laid = editor.layout(area.width.into());
    let (line, column) = laid.cursor;
    let top = dialogs::area_top(&laid, area.height, here);
    for (range, y) in laid.ranges.iter().skip(top).zip(area.top()..area.bottom()) {
        pen.text(area.x, y, area.width, laid.text[range.clone()].trim_end(), style);
    }
    let y = area.y + line.saturating_sub(top) as u16;
    (y < area.bottom()).then_some(Position { x: area.x + column as u16, y })
}

/// Under a client's field: who fits, over the fields below it.
fn matches(pen: &mut Pen<'_>, client: &ClientField, area: Rect) {
    if client.chosen.is_some() || area.height == 0 {
        return;
    }
    let theme = pen.theme;
    let nothing = client.matches.is_empty() && !client.stale && !client.input.is_blank();
    if nothing {
        let line = Rect { height: 1, ..area };
        pen.fill(line, theme.overlay);
        pen.text(area.x, area.y, area.width, "No client fits.", theme.overlay.patch(theme.warning));
        return;
    }
    let shown = client.matches.iter().enumerate().skip(client.cursor.offset);
    for ((at, row), y) in shown.zip(area.top()..area.bottom()) {
        let line = Rect { y, height: 1, ..area };
        pen.fill(line, theme.overlay);
        let style = theme.overlay.patch(if client.stale { theme.muted } else { theme.text });
        let email = row.person.email.one_line();
        let words = describe(&row.person);
        let room = wrap::width(&words) + wrap::width(&email) + 4 <= usize::from(area.width);
        let used = if room && !row.person.name.is_blank() {
            pen.right(area.x, y, area.width, &email, theme.overlay.patch(theme.muted)) + 2
        } else {
            0
        };
        pen.text(area.x + 2, y, area.width.saturating_sub(used + 2), &words, style);
        if at == client.cursor.selected {
            super::queue::bar(pen, line, true);
        }
    }
}
