//! Where everything lies in what is over the screen, in the forms before it, and in a text being written: for
//! drawing and for the mouse alike.

use super::{Areas, centred};
use crate::app::action::Action;
use crate::app::edit::Laid;
use crate::app::keymap::Keymap;
use crate::app::overlay::form::{Field, FieldInput, Form, MATCHES, notice};
use crate::app::overlay::log::Log;
use crate::app::overlay::prompt::Prompt;
use crate::app::{State, wrap};
use ratatui::layout::Rect;

/// Widest form.
const FORM: u16 = 80;
/// Columns before the fields of a form.
const LABEL: u16 = 14;
/// What stands before the filter of the log.
pub const FILTER: &str = "Filter: ";

/// One field of a form that is on the screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FieldArea {
    /// Which.
    pub field: usize,
    /// Its lines, the label among them.
    pub place: Rect,
    /// Where it is typed in.
    pub input: Rect,
}

/// A form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormAreas {
    /// The box.
    pub place: Rect,
    /// What to know first.
    pub note: Rect,
    /// What is wrong.
    pub notice: Rect,
    /// The fields that have room.
    pub fields: Vec<FieldArea>,
    /// Fields stand above or below these.
    pub scrolls: bool,
    /// There are fields below these.
    pub more: bool,
    /// Who fits a client's field, over the fields below it.
    pub matches: Rect,
}

/// What a box holds.
pub const fn inside(place: Rect) -> Rect {
    if place.width < 2 || place.height < 2 {
        return place;
    }
    Rect { x: place.x + 1, y: place.y + 1, width: place.width - 2, height: place.height - 2 }
}

/// A form: the last lines say what is wrong, the fields scroll above them. Where there is no room for all of what to
/// know first, the fields go before it.
pub fn form(state: &State, form: &Form) -> FormAreas {
    let room = usize::from(FORM.min(state.size.0.saturating_sub(2))).saturating_sub(4);
    let note = wrap::wrap(&form.note, room).len() as u16;
    let noted = if form.note.is_empty() { 0 } else { note + 1 };
    let spare = state.size.1.saturating_sub(4 + noted + form.fields.len() as u16);
    let areas = form.fields.iter().filter(|field| matches!(field.input, FieldInput::Area(_))).count() as u16;
    let tall = (1 + spare.saturating_sub(1) / areas.max(1)).clamp(2, 8);
    let heights: Vec<u16> = form.fields.iter().map(|field| height(field, tall)).collect();
    let whole: u16 = heights.iter().sum();
    let place = centred(state.size, FORM, whole + noted + 4);
    let inside = inside(place);
    let said = notice(&state.keymap, form).map_or(1, |notice| {
        let lines = wrap::wrap(notice.words(), inside.width.saturating_sub(2).into()).len() as u16;
        lines.min(inside.height / 2).max(1)
    });
    let noted = noted.min(inside.height.saturating_sub(said + whole.min(3)));
    let body = Rect { y: inside.y + noted, height: inside.height.saturating_sub(said + noted), ..inside };
    let before: u16 = heights.iter().take(form.focus).sum();
    let focused = heights.get(form.focus).copied().unwrap_or(1);
    let from = (before + focused).saturating_sub(body.height).min(before);
    let mut top = 0;
    let mut fields = Vec::new();
    for (field, height) in heights.iter().enumerate() {
        let y = top;
        top += height;
        if y < from || y - from >= body.height {
            continue;
        }
        let place = Rect { y: body.y + y - from, height: (*height).min(body.height - (y - from)), ..body };
        let input = Rect { x: place.x + LABEL, width: place.width.saturating_sub(LABEL + 1), ..place };
        fields.push(FieldArea { field, place, input });
    }
    let y = body.y + before - from + 1;
    let room = inside.bottom().saturating_sub(y);
    FormAreas {
        place,
        note: Rect {
            x: inside.x + 1,
            width: inside.width.saturating_sub(2),
            height: note.min(noted),
            ..inside
        },
        notice: Rect {
            x: inside.x + 1,
            y: inside.bottom().saturating_sub(said),
            width: inside.width.saturating_sub(2),
            height: said,
        },
        fields,
        scrolls: from > 0 || top.saturating_sub(from) > body.height,
        more: top.saturating_sub(from) > body.height,
        matches: Rect {
            x: body.x + LABEL,
            y,
            width: body.width.saturating_sub(LABEL + 1),
            height: room.min(MATCHES as u16),
        },
    }
}

const fn height(field: &Field, tall: u16) -> u16 {
    match field.input {
        FieldInput::Area(_) => tall,
        FieldInput::Line(_) | FieldInput::Secret(_) | FieldInput::Choice { .. } | FieldInput::Client(_) => 1,
    }
}

/// The first line shown of a field of many lines.
pub fn area_top(laid: &Laid, height: u16, focused: bool) -> usize {
    let height = usize::from(height);
    let bottom = if focused { laid.cursor.0 } else { 0 };
    bottom.saturating_sub(height.saturating_sub(1)).min(laid.ranges.len().saturating_sub(height))
}

/// The first line shown of a reply.
pub fn composer_top(laid: &Laid, height: u16) -> usize {
    let height = usize::from(height);
    laid.cursor.0.saturating_sub(height / 2).min(laid.ranges.len().saturating_sub(height))
}

/// The text of a reply, beside its sign, in the part of the screen that is left below the bar.
pub const fn composer_text(area: Rect) -> Rect {
    Rect { x: area.x + 3, width: area.width.saturating_sub(3), ..area }
}

/// The sign-in screen: the box, and the fields for address and password.
pub fn sign_in(size: (u16, u16)) -> (Rect, [Rect; 2]) {
    let place = centred(size, 52, 10);
    let inside = inside(place);
    let field = |row: u16| Rect {
        x: inside.x + 11,
        y: inside.y + 1 + 2 * row,
        width: inside.width.saturating_sub(12),
        height: 1,
    };
    (place, [field(0), field(1)])
}

/// "I have a code": the box, and its fields.
pub fn redeem(size: (u16, u16)) -> (Rect, [Rect; 3]) {
    let place = centred(size, 64, 11);
    let inside = inside(place);
    let field = |row: u16| Rect {
        x: inside.x + 15,
        y: inside.y + 2 * row,
        width: inside.width.saturating_sub(16),
        height: 1,
    };
    (place, [field(0), field(1), field(2)])
}

/// The locked screen: the box, and the field for the password.
pub fn lock(size: (u16, u16)) -> (Rect, Rect) {
    let place = centred(size, 52, 10);
    let inside = inside(place);
    let field = Rect { x: inside.x + 11, y: inside.y + 3, width: inside.width.saturating_sub(12), height: 1 };
    (place, field)
}

/// A word that is clicked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Button {
    /// What it does.
    pub action: Action,
    /// The key that does the same.
    pub key: String,
    /// The word.
    pub word: &'static str,
    /// Where both stand.
    pub place: Rect,
}

/// A question: the box, and its two answers.
pub fn confirm(size: (u16, u16), keymap: &Keymap, question: &str) -> (Rect, [Button; 2]) {
    let width = (wrap::width(question) as u16 + 4).clamp(30, 60).min(size.0.saturating_sub(2));
    let lines = wrap::wrap(question, usize::from(width).saturating_sub(4)).len() as u16;
    let place = centred(size, width, lines + 4);
    let inside = inside(place);
    let mut x = inside.x + 1;
    let buttons = [(Action::ConfirmYes, "yes"), (Action::ConfirmNo, "no")].map(|(action, word)| {
        let key = keymap.words(action);
        let width = (wrap::width(&key) + 1 + word.len()) as u16;
        let place = Rect { x, y: inside.bottom().saturating_sub(1), width, height: 1 };
        x += width + 3;
        Button { action, key, word, place }
    });
    (place, buttons)
}

/// A line to type in on the last line of the screen: what stands before it, and the line.
pub fn prompt(areas: &Areas, prompt: &Prompt) -> (&'static str, Rect) {
    let area = areas.footer;
    let label = prompt.label();
    let short = label.split(':').next().unwrap_or(label);
    let words = if wrap::width(label) + 20 < usize::from(area.width) { label } else { short };
    let used = (wrap::width(words) as u16).min(area.width.saturating_sub(1)) + 2;
    (words, Rect { x: area.x + used, width: area.width.saturating_sub(used), ..area })
}

/// The line in which the filter of the log is typed.
pub fn log_filter(size: (u16, u16), log: &Log) -> Rect {
    let inside = inside(super::log(size, log.details).0);
    let used = FILTER.len() as u16;
    Rect { x: inside.x + 1 + used, width: inside.width.saturating_sub(2 + used), height: 1, ..inside }
}

/// The keys that may follow: the box, and a line for each, in two columns where they are too many for one.
pub fn which_key(size: (u16, u16), keys: usize) -> (Rect, Vec<Rect>) {
    const COLUMN: u16 = 26;
    let keys = keys as u16;
    let room = size.1.saturating_sub(4).max(1);
    let columns = if keys > room { 2 } else { 1 };
    let rows = keys.div_ceil(columns).min(room);
    let width = (columns * COLUMN + 2).min(size.0.saturating_sub(2));
    let place =
        Rect { x: size.0.saturating_sub(width), y: size.1.saturating_sub(rows + 3), width, height: rows + 2 };
    let inside = inside(place);
    let wide = inside.width / columns;
    let line = |key: u16| Rect {
        x: inside.x + key / rows.max(1) * wide,
        y: inside.y + key % rows.max(1),
        width: wide,
        height: 1,
    };
    (place, (0..keys.min(rows * columns)).map(line).collect())
}
