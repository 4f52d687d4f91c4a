//! What lies over the screen: palette, pickers, questions, the search line, the which-key box.

use super::widgets::Pen;
use super::{card, help};
use crate::app::action::row_of;
use crate::app::edit::Editor;
use crate::app::layout::{Areas, centred, dialogs, list_box};
use crate::app::overlay::confirm::Confirm;
use crate::app::overlay::palette::{self, Entry, Palette};
use crate::app::overlay::picker::{self, Picker};
use crate::app::overlay::{Overlay, prompt::Prompt};
use crate::app::{State, input, wrap};
use ratatui::layout::{Position, Rect};

/// Draws it; answers where the cursor is.
pub fn draw(pen: &mut Pen<'_>, state: &State, areas: &Areas) -> Option<Position> {
    match state.overlay.as_ref()? {
        Overlay::Palette(palette) => Some(draw_palette(pen, state, palette)),
        Overlay::Picker(picker) => Some(draw_picker(pen, state, picker)),
        Overlay::Help(page) => {
            help::draw(pen, state, page);
            None
        }
        Overlay::Confirm(confirm) => {
            draw_confirm(pen, state, confirm);
            None
        }
        Overlay::Prompt(prompt) => Some(draw_prompt(pen, prompt, areas)),
        Overlay::Form(form) => super::form::draw(pen, state, form),
        Overlay::Code(shown) => {
            super::redeem::shown(pen, state, shown);
            None
        }
        Overlay::Log(log) => super::log::draw(pen, state, log),
        Overlay::Card(scroll) => {
            if areas.card.width == 0 {
                let inside = pen.boxed(centred(state.size, 50, 22), "Client");
                card::draw(pen, state, inside, *scroll);
            }
            None
        }
    }
}

/// A line to type in; answers where the cursor is.
pub fn field(pen: &mut Pen<'_>, editor: &Editor, area: Rect) -> Position {
    let style = pen.theme.overlay.patch(pen.theme.field);
    pen.fill(area, style);
    let (from, column) = editor.window(area.width.into());
    pen.text(area.x, area.y, area.width, &editor.text()[from..], style);
    Position { x: area.x + column as u16, y: area.y }
}

/// The same for a password: how many signs, and which the cursor is on; answers where that is.
pub fn stars(pen: &mut Pen<'_>, (count, column): (usize, usize), area: Rect) -> Position {
    let style = pen.theme.overlay.patch(pen.theme.field);
    let skip = (column + 1).saturating_sub(area.width.into());
    pen.fill(area, style);
    pen.text(
        area.x,
        area.y,
        area.width,
        &"*".repeat(count.saturating_sub(skip).min(area.width.into())),
        style,
    );
    Position { x: area.x + (column - skip) as u16, y: area.y }
}

fn draw_palette(pen: &mut Pen<'_>, state: &State, palette: &Palette) -> Position {
    let theme = pen.theme;
    let place = list_box(state.size, palette::WIDTH, palette.entries.len(), palette::PAGE);
    let inside = pen.boxed(place, "Commands");
    let cursor =
        field(pen, &palette.input, Rect { x: inside.x + 1, width: inside.width - 2, height: 1, ..inside });
    if palette.entries.is_empty() {
        pen.text(
            inside.x + 1,
            inside.y + 2,
            inside.width - 2,
            "No command has this name.",
            theme.overlay.patch(theme.muted),
        );
    }
    let shown = palette.entries.iter().enumerate().skip(palette.cursor.offset).take(palette::PAGE);
    for ((at, entry), y) in shown.zip(inside.y + 2..inside.bottom()) {
        let place = Rect { x: inside.x, y, width: inside.width, height: 1 };
        match entry {
            Entry::Ticket(number) => {
                pen.text(
                    place.x + 2,
                    y,
                    place.width - 3,
                    &format!("Open ticket {number}"),
                    theme.overlay.patch(theme.text),
                );
            }
            Entry::Command(action, why) => {
                let row = row_of(*action);
                let keys =
                    state.keymap.chords(*action, &[]).first().map(ToString::to_string).unwrap_or_default();
                let style = theme.overlay.patch(if why.is_some() { theme.muted } else { theme.text });
                let right = why.as_deref().unwrap_or(&keys);
                let used = pen.right(
                    place.x,
                    y,
                    place.width - 1,
                    &wrap::clip(right, 30, "…"),
                    theme.overlay.patch(theme.muted),
                );
                pen.text(place.x + 2, y, 26, row.label, style);
                let room = place.width.saturating_sub(30 + used + 2);
                if room > 8 {
                    pen.text(place.x + 29, y, room, row.name, theme.overlay.patch(theme.muted));
                }
            }
        }
        if at == palette.cursor.selected {
            super::queue::bar(pen, place, true);
        }
    }
    cursor
}

fn draw_picker(pen: &mut Pen<'_>, state: &State, picker: &Picker) -> Position {
    let theme = pen.theme;
    let place = list_box(state.size, picker::WIDTH, picker.entries.len(), picker::PAGE);
    let inside = pen.boxed(place, &picker.title);
    let cursor =
        field(pen, &picker.input, Rect { x: inside.x + 1, width: inside.width - 2, height: 1, ..inside });
    if picker.entries.is_empty() {
        pen.text(
            inside.x + 1,
            inside.y + 2,
            inside.width - 2,
            "Nothing fits.",
            theme.overlay.patch(theme.muted),
        );
    }
    let shown = picker.entries.iter().enumerate().skip(picker.cursor.offset).take(picker::PAGE);
    for ((at, (_, text, remark)), y) in shown.zip(inside.y + 2..inside.bottom()) {
        let place = Rect { x: inside.x, y, width: inside.width, height: 1 };
        let used = pen.right(
            place.x,
            y,
            place.width - 1,
            &wrap::clip(remark, 26, "…"),
            theme.overlay.patch(theme.muted),
        );
        pen.text(place.x + 2, y, place.width.saturating_sub(used + 5), text, theme.overlay.patch(theme.text));
        if at == picker.cursor.selected {
            super::queue::bar(pen, place, true);
        }
    }
    cursor
}

fn draw_confirm(pen: &mut Pen<'_>, state: &State, confirm: &Confirm) {
    let theme = pen.theme;
    let (place, buttons) = dialogs::confirm(state.size, &state.keymap, &confirm.question);
    let inside = pen.boxed(place, "");
    let lines = wrap::wrap(&confirm.question, usize::from(place.width).saturating_sub(4));
    for (range, y) in lines.into_iter().zip(inside.y..inside.bottom()) {
        let words = &confirm.question[range];
        pen.text(inside.x + 1, y, inside.width - 2, words, theme.overlay.patch(theme.text));
    }
    for button in buttons {
        let Rect { x, y, width, .. } = button.place;
        let used = pen.text(x, y, width, &button.key, theme.overlay.patch(theme.key)) + 1;
        pen.text(x + used, y, width.saturating_sub(used), button.word, theme.overlay.patch(theme.muted));
    }
}

fn draw_prompt(pen: &mut Pen<'_>, prompt: &Prompt, areas: &Areas) -> Position {
    let theme = pen.theme;
    let area = areas.footer;
    pen.fill(area, theme.field);
    let (words, line) = dialogs::prompt(areas, prompt);
    pen.text(area.x + 1, area.y, area.width - 1, words, theme.field.patch(theme.muted));
    field(pen, &prompt.input, line)
}

/// After a prefix: the keys that may follow.
pub fn which_key(pen: &mut Pen<'_>, state: &State) {
    let rest = input::followers(state);
    if rest.is_empty() {
        return;
    }
    let theme = pen.theme;
    let pressed: String = state.pending.iter().map(ToString::to_string).collect();
    let (place, lines) = dialogs::which_key(state.size, rest.len());
    pen.boxed(place, &format!("{pressed} …"));
    for ((chord, action), line) in rest.iter().zip(lines) {
        let tail: String = chord.keys()[state.pending.len()..].iter().map(ToString::to_string).collect();
        pen.text(line.x + 1, line.y, 3, &tail, theme.overlay.patch(theme.key));
        let room = line.width.saturating_sub(5);
        pen.text(line.x + 4, line.y, room, row_of(*action).label, theme.overlay.patch(theme.text));
    }
}
