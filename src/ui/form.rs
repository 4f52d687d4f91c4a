//! A form over the screen: labels, fields, what fits a client, what is wrong.

use super::overlay::field as draw_line;
use super::widgets::Pen;
use crate::app::action::Action;
use crate::app::layout::centred;
use crate::app::overlay::form::{ClientField, Field, FieldInput, Form, MATCHES, describe};
use crate::app::{State, edit::Editor, wrap};
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

/// Widest form.
const WIDTH: u16 = 80;
/// Column of the fields.
const LABEL: u16 = 14;

/// Draws it; answers where the cursor is.
pub fn draw(pen: &mut Pen<'_>, state: &State, form: &Form) -> Option<Position> {
    let theme = pen.theme;
    let note =
        wrap::wrap(&form.note, usize::from(WIDTH.min(state.size.0.saturating_sub(2))).saturating_sub(4));
    let noted = if form.note.is_empty() { 0 } else { note.len() as u16 + 1 };
    let spare = state.size.1.saturating_sub(4 + noted + form.fields.len() as u16);
    let areas = form.fields.iter().filter(|field| matches!(field.input, FieldInput::Area(_))).count() as u16;
    let tall = (1 + spare.saturating_sub(1) / areas.max(1)).clamp(2, 8);
    let heights: Vec<u16> = form.fields.iter().map(|field| height(field, tall)).collect();
    let whole: u16 = heights.iter().sum();
    let inside = pen.boxed(centred(state.size, WIDTH, whole + noted + 4), &form.title);
    // The last lines say what is wrong; the fields scroll above them. Where there is no room for all of what to know
    // first, the fields go before it.
    let said = notice(pen, state, form, inside);
    let noted = noted.min(inside.height.saturating_sub(said + whole.min(3)));
    for (range, y) in note.into_iter().zip(inside.y..inside.y + noted) {
        pen.text(
            inside.x + 1,
            y,
            inside.width - 2,
            form.note[range].trim_end(),
            theme.overlay.patch(theme.muted),
        );
    }
    let body = Rect { y: inside.y + noted, height: inside.height.saturating_sub(said + noted), ..inside };
    let before: u16 = heights.iter().take(form.focus).sum();
    let focused = heights.get(form.focus).copied().unwrap_or(1);
    let from = (before + focused).saturating_sub(body.height).min(before);
    let mut cursor = None;
    let mut top = 0;
    for (at, (field, height)) in form.fields.iter().zip(&heights).enumerate() {
        let y = top;
        top += height;
        if y < from || y - from >= body.height {
            continue;
        }
        let room = (*height).min(body.height - (y - from));
        let place = Rect { y: body.y + y - from, height: room, ..body };
        let wrong = form.error.as_ref().is_some_and(|(field, _)| *field == at);
        let here = at == form.focus;
        let label = match (wrong, here) {
            (true, _) => theme.danger,
            (false, true) => theme.strong,
            (false, false) => theme.muted,
        };
        let base = theme.overlay;
        if here {
            pen.text(place.x, place.y, 1, theme.signs.cursor, base.patch(theme.accent));
        }
        pen.text(place.x + 1, place.y, LABEL - 1, field.label, base.patch(label));
        let input = Rect { x: place.x + LABEL, width: place.width.saturating_sub(LABEL + 1), ..place };
        let at = draw_field(pen, field, input, here);
        if here {
            cursor = at;
        }
    }
    if top.saturating_sub(from) > body.height {
        let words = format!(" {} more ", theme.signs.down.trim());
        pen.right(inside.x, inside.bottom(), inside.width - 1, &words, theme.overlay.patch(theme.muted));
    }
    if let Some(Field { input: FieldInput::Client(client), .. }) = form.fields.get(form.focus) {
        let y = body.y + before - from + 1;
        matches(
            pen,
            client,
            Rect {
                x: body.x + LABEL,
                y,
                width: body.width.saturating_sub(LABEL + 1),
                height: inside.bottom().saturating_sub(y),
            },
        );
    }
    cursor.filter(|_| form.sending.is_none())
}

const fn height(field: &Field, tall: u16) -> u16 {
    match field.input {
        FieldInput::Area(_) => tall,
        FieldInput::Line(_) | FieldInput::Secret(_) | FieldInput::Choice { .. } | FieldInput::Client(_) => 1,
    }
}

/// At the bottom, what is wrong; answers the lines it takes.
fn notice(pen: &mut Pen<'_>, state: &State, form: &Form, area: Rect) -> u16 {
    let theme = pen.theme;
    let again = format!("{} again throws away what you typed.", state.keymap.words(Action::OverlayClose));
    let (words, style): (&str, Style) = match (&form.error, form.sending, form.leaving) {
        (_, Some(_), _) => ("Saving", theme.muted),
        (_, None, true) => (&again, theme.warning),
        (Some((_, why)), None, false) => (why, theme.danger),
        (None, None, false) => return 1,
    };
    let width = area.width.saturating_sub(2);
    let lines = wrap::wrap(words, width.into());
    let count = (lines.len() as u16).min(area.height / 2).max(1);
    for (range, y) in lines.into_iter().zip(area.bottom().saturating_sub(count)..area.bottom()) {
        pen.text(area.x + 1, y, width, &words[range], theme.overlay.patch(style));
    }
    count
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
            let (count, column) = secret.shape();
            let style = theme.overlay.patch(theme.field);
            let width = usize::from(line.width);
            let skip = (column + 1).saturating_sub(width);
            pen.fill(line, style);
            pen.text(line.x, line.y, line.width, &"*".repeat(count.saturating_sub(skip)), style);
            if count == 0 {
                pen.text(line.x, line.y, line.width, field.hint, style.patch(theme.muted));
            }
            here.then_some(Position { x: line.x + (column - skip) as u16, y: line.y })
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
    let height = usize::from(area.height);
    let laid = editor.layout(area.width.into());
    let (line, column) = laid.cursor;
    let bottom = if here { line } else { 0 };
    let top = bottom.saturating_sub(height.saturating_sub(1)).min(laid.ranges.len().saturating_sub(height));
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
    let shown = client.matches.iter().enumerate().skip(client.cursor.offset).take(MATCHES);
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
