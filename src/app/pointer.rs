//! The mouse: what a click and the wheel do, wherever they come.
//!
//! What lies over the screen takes all of it: nothing beneath is clicked or moved. A click does what a key does, by
//! the same funnel, so that it is refused where the key is.

use super::action::Action;
use super::edit::Editor;
use super::key::{Code, Key, MouseKind};
use super::layout::{self, Areas, dialogs};
use super::overlay::form::{self, FieldInput, Form};
use super::overlay::{Overlay, log, palette, picker};
use super::run::Step;
use super::screen::{Tab, board, clients, composer, queue, staff, tab_places, thread};
use super::{State, footer, input, overlay, run};
use ratatui::layout::{Position, Rect};

/// Rows that one notch of the wheel moves in a text.
const NOTCH: usize = 3;

/// What the mouse did, at a cell.
pub fn mouse(state: &mut State, kind: MouseKind, x: u16, y: u16) {
    if Areas::too_small(state.size) {
        return;
    }
    let at = Position { x, y };
    if kind == MouseKind::Press && !state.pending.is_empty() && in_which_key(state, at) {
        return;
    }
    let in_footer = kind == MouseKind::Press && y + 1 == state.size.1;
    match &state.overlay {
        Some(Overlay::Prompt(_)) if !state.sitting.locked() => in_prompt(state, kind, at),
        _ if in_footer => footer::click(state, x),
        _ if state.sitting.locked() => {}
        Some(_) => over(state, kind, at),
        None if state.me.is_none() => before(state, kind, at),
        None => on_screen(state, kind, at),
    }
}

/// A chord is under way: a click on one of the keys that may follow presses it, a click elsewhere leaves it. Answers
/// whether it was one on the box.
fn in_which_key(state: &mut State, at: Position) -> bool {
    let rest = input::followers(state);
    let (place, lines) = dialogs::which_key(state.size, rest.len());
    state.pending.clear();
    if !place.contains(at) {
        return false;
    }
    let hit = lines.iter().zip(&rest).find(|(line, _)| line.contains(at));
    if let Some((_, (_, action))) = hit {
        input::perform(state, *action);
    }
    true
}

/// Before anybody has signed in: the fields.
fn before(state: &mut State, kind: MouseKind, at: Position) {
    if kind != MouseKind::Press {
        return;
    }
    if let Some(redeem) = &mut state.redeem {
        let (_, fields) = dialogs::redeem(state.size);
        if let Some(hit) = fields.iter().position(|field| on_line(*field, at))
            && !redeem.busy
        {
            let focused = redeem.focus == hit;
            redeem.focus = hit;
            point(&mut redeem.fields[hit], fields[hit], at, focused, hit > 0);
        }
        return;
    }
    let (_, fields) = dialogs::sign_in(state.size);
    let sign_in = &mut state.sign_in;
    if let Some(hit) = fields.iter().position(|field| on_line(*field, at))
        && !sign_in.busy
    {
        let password = hit == 1;
        let editor = if password { &mut sign_in.password } else { &mut sign_in.email };
        point(editor, fields[hit], at, true, password);
        sign_in.on_password = password;
    }
}

/// Whether a click is meant for a field: its label counts.
const fn on_line(field: Rect, at: Position) -> bool {
    at.y == field.y && at.x < field.right() && at.x + 15 >= field.x
}

/// Puts the cursor of a line where it was clicked; a password has a star for each sign.
fn point(editor: &mut Editor, line: Rect, at: Position, focused: bool, secret: bool) {
    let column = usize::from(at.x.saturating_sub(line.x));
    if secret {
        editor.point_secret(column, line.width.into());
    } else {
        editor.point_line(column, line.width.into(), focused);
    }
}

fn in_prompt(state: &mut State, kind: MouseKind, at: Position) {
    let areas = layout::areas(state);
    if let Some(Overlay::Prompt(prompt)) = &mut state.overlay {
        let (_, line) = dialogs::prompt(&areas, prompt);
        if kind == MouseKind::Press && line.contains(at) {
            prompt.untouched = false;
            point(&mut prompt.input, line, at, true, false);
        }
    }
}

/// What lies over the screen.
fn over(state: &mut State, kind: MouseKind, at: Position) {
    let size = state.size;
    let page = Step::Rows(match kind {
        MouseKind::WheelUp => -1,
        MouseKind::WheelDown => 1,
        MouseKind::Press => 0,
    });
    match &mut state.overlay {
        Some(Overlay::Palette(it)) => {
            let place = layout::list_box(size, palette::WIDTH, it.entries.len(), palette::PAGE);
            let row = in_list(&mut it.input, place, it.cursor.offset, it.entries.len(), kind, at);
            choose(state, kind, row);
        }
        Some(Overlay::Picker(it)) => {
            let place = layout::list_box(size, picker::WIDTH, it.entries.len(), picker::PAGE);
            let row = in_list(&mut it.input, place, it.cursor.offset, it.entries.len(), kind, at);
            choose(state, kind, row);
        }
        Some(Overlay::Confirm(confirm)) => {
            let (_, buttons) = dialogs::confirm(size, &state.keymap, &confirm.question);
            let hit = buttons.into_iter().find(|button| button.place.contains(at));
            if let Some(button) = hit.filter(|_| kind == MouseKind::Press) {
                input::perform(state, button.action);
            }
        }
        Some(Overlay::Help(_) | Overlay::Card(_)) => match kind {
            MouseKind::WheelUp => run::run(state, Action::MoveUp),
            MouseKind::WheelDown => run::run(state, Action::MoveDown),
            MouseKind::Press => {}
        },
        Some(Overlay::Log(_)) if kind != MouseKind::Press => log::step(state, page),
        Some(Overlay::Log(it)) => {
            let line = dialogs::log_filter(size, it);
            let (_, rows, _) = layout::log(size, it.details);
            match &mut it.editing {
                Some(editor) if line.contains(at) => point(editor, line, at, true, false),
                Some(_) => {}
                None if rows.contains(at) => log::click(state, usize::from(at.y - rows.y)),
                None => {}
            }
        }
        Some(Overlay::Form(_)) => in_form(state, kind, at),
        Some(Overlay::Code(_) | Overlay::Prompt(_)) | None => {}
    }
}

/// A list with a line above it: a click on the line puts the cursor there; answers the entry clicked.
fn in_list(
    line: &mut Editor,
    place: Rect,
    offset: usize,
    len: usize,
    kind: MouseKind,
    at: Position,
) -> Option<usize> {
    let inside = dialogs::inside(place);
    if kind != MouseKind::Press || !inside.contains(at) {
        return None;
    }
    let field = Rect { x: inside.x + 1, width: inside.width.saturating_sub(2), height: 1, ..inside };
    if field.contains(at) {
        point(line, field, at, true, false);
    }
    let row = at.y.checked_sub(inside.y + 2)?;
    Some(offset + usize::from(row)).filter(|row| *row < len)
}

fn choose(state: &mut State, kind: MouseKind, row: Option<usize>) {
    let action = match (kind, row) {
        (MouseKind::WheelUp, _) => Action::PickerUp,
        (MouseKind::WheelDown, _) => Action::PickerDown,
        (MouseKind::Press, Some(row)) => {
            match &mut state.overlay {
                Some(Overlay::Palette(it)) => it.cursor.selected = row,
                Some(Overlay::Picker(it)) => it.cursor.selected = row,
                Some(_) | None => {}
            }
            Action::PickerChoose
        }
        (MouseKind::Press, None) => return,
    };
    run::run(state, action);
}

fn in_form(state: &mut State, kind: MouseKind, at: Position) {
    let Some(Overlay::Form(form)) = &state.overlay else { return };
    let areas = dialogs::form(state, form);
    let size = state.size;
    let Some(Overlay::Form(form)) = &mut state.overlay else { return };
    if form.sending.is_some() || !areas.place.contains(at) || Areas::too_small(size) {
        return;
    }
    match kind {
        MouseKind::Press => {
            if form.pick_match(areas.matches, at) {
                return;
            }
            let Some(hit) = areas.fields.iter().find(|area| area.place.contains(at)) else { return };
            let focused = form.focus == hit.field;
            form.focus_on(hit.field);
            click_field(form, hit.input, at, focused);
            if !focused {
                form::find(state);
            }
        }
        MouseKind::WheelUp | MouseKind::WheelDown => {
            let up = kind == MouseKind::WheelUp;
            let key = Key::plain(if up { Code::Up } else { Code::Down });
            let text = areas.fields.iter().any(|area| area.field == form.focus && area.input.contains(at));
            match form.fields.get_mut(form.focus).map(|field| &mut field.input) {
                Some(FieldInput::Area(editor)) if text => {
                    editor.key(key);
                }
                Some(FieldInput::Client(client))
                    if !client.matches.is_empty() && areas.matches.contains(at) =>
                {
                    overlay::typed(state, key);
                }
                Some(_) if areas.scrolls => {
                    let last = form.fields.len().saturating_sub(1);
                    let next = if up { form.focus.saturating_sub(1) } else { (form.focus + 1).min(last) };
                    form.focus_on(next);
                    form::find(state);
                }
                Some(_) | None => {}
            }
        }
    }
}

/// A field is clicked: a text takes the cursor, of several the next one is chosen, or, on the sign at the left, the one
/// before.
fn click_field(form: &mut Form, input: Rect, at: Position, focused: bool) {
    let Some(field) = form.fields.get_mut(form.focus) else { return };
    let line = Rect { height: 1, ..input };
    match &mut field.input {
        FieldInput::Line(editor) => point(editor, line, at, focused, false),
        FieldInput::Client(client) => point(&mut client.input, line, at, focused, false),
        FieldInput::Secret(secret) => {
            secret.point(usize::from(at.x.saturating_sub(line.x)), line.width.into());
        }
        FieldInput::Area(editor) => {
            let columns = usize::from(input.width);
            let top = dialogs::area_top(&editor.layout(columns), input.height, focused);
            let line = top + usize::from(at.y.saturating_sub(input.y));
            editor.point(line, at.x.saturating_sub(input.x).into(), columns);
        }
        FieldInput::Choice { .. } => {
            let left = at.x < input.x + 2;
            form.typed(Key::plain(if left && focused { Code::Left } else { Code::Right }));
        }
    }
}

/// The screens.
fn on_screen(state: &mut State, kind: MouseKind, at: Position) {
    let areas = layout::areas(state);
    if kind == MouseKind::Press && areas.header.contains(at) {
        let hit = tab_places(state).find(|(_, start, width)| (*start..start + width).contains(&at.x));
        if let Some((tab, ..)) = hit {
            input::perform(state, tab.action());
        }
        return;
    }
    match state.tab {
        Tab::Boards => board::mouse(state, kind, at.x, at.y),
        Tab::Clients => clients::mouse(state, kind, at.x, at.y),
        Tab::Staff => staff::mouse(state, kind, at.x, at.y),
        Tab::Queue => on_tickets(state, kind, at, &areas),
    }
}

fn on_tickets(state: &mut State, kind: MouseKind, at: Position, areas: &Areas) {
    let row = |area: Rect| usize::from(at.y.saturating_sub(area.y));
    let writing = state.composer.is_some();
    match kind {
        MouseKind::Press | MouseKind::WheelUp | MouseKind::WheelDown if areas.composer.contains(at) => {
            in_composer(state, kind, at, areas.composer);
        }
        // The reply goes on; only the conversation above it is scrolled.
        MouseKind::Press if writing => {}
        MouseKind::Press if areas.queue_rows.contains(at) => queue::click(state, row(areas.queue_rows)),
        MouseKind::Press if areas.views.contains(at) => queue::click_view(state, row(areas.views)),
        MouseKind::Press if areas.thread_body.contains(at) || areas.thread_head.contains(at) => {
            run::run(state, Action::MoveRight);
        }
        MouseKind::Press => {}
        MouseKind::WheelUp | MouseKind::WheelDown => {
            let by = if kind == MouseKind::WheelUp { -1 } else { 1 };
            if areas.queue_rows.contains(at) && !writing {
                queue::step(state, by);
            } else if areas.thread_body.contains(at) {
                thread::scroll(state, by * NOTCH.cast_signed());
            }
        }
    }
}

/// The reply: a click puts the cursor there, from the bar before sending back to writing.
fn in_composer(state: &mut State, kind: MouseKind, at: Position, area: Rect) {
    let Some(composer) = state.composer.as_mut().filter(|composer| composer.sending.is_none()) else {
        return;
    };
    let text = dialogs::composer_text(Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area });
    match kind {
        MouseKind::Press if composer.review.is_some() => composer::sending::edit_on(state),
        MouseKind::Press if at.y >= text.y => {
            let columns = usize::from(text.width);
            let top = dialogs::composer_top(&composer.editor.layout(columns), text.height);
            let line = top + usize::from(at.y - text.y);
            composer.editor.point(line, at.x.saturating_sub(text.x).into(), columns);
        }
        MouseKind::Press => {}
        MouseKind::WheelUp | MouseKind::WheelDown => {
            let key = Key::plain(if kind == MouseKind::WheelUp { Code::Up } else { Code::Down });
            for _ in 0..NOTCH {
                composer.editor.key(key);
            }
        }
    }
}
