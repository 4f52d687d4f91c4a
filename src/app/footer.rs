//! The hints of the footer: which keys matter here, and where on the line they stand. Drawn by `ui`, hit by
//! the mouse, both from here.

use super::State;
use super::action::{Action, TABLE};
use super::available::{Availability, available};
use super::input;
use super::key::Key;
use super::screen::Tab;
use super::toast::Tone;
use super::wrap;

/// One hint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hint {
    /// What a click does.
    pub action: Action,
    /// For the first key of a chord: a click waits for the next.
    pub prefix: Option<Key>,
    /// The key.
    pub key: String,
    /// One or two words.
    pub label: &'static str,
    /// First column.
    pub x: u16,
}

impl Hint {
    /// Columns of key, blank and label.
    pub fn width(&self) -> u16 {
        (wrap::width(&self.key) + 1 + self.label.len()) as u16
    }
}

/// The hints that fit into this many columns, the most wanted first.
pub fn hints(state: &State, columns: u16) -> Vec<Hint> {
    let contexts = input::contexts(state);
    let mut found: Vec<(u8, Hint)> = TABLE
        .iter()
        .filter_map(|row| {
            let footer = row.footer?;
            let chord = *state.keymap.chords(row.action, &contexts).first()?;
            let prefix = chord.keys().first().copied().filter(|_| footer.prefix && chord.keys().len() > 1);
            let key = prefix.map_or_else(|| chord.to_string(), |key| key.to_string());
            let hint = Hint { action: row.action, prefix, key, label: footer.label, x: 0 };
            (available(row.action, state) == Availability::Yes).then_some((footer.rank, hint))
        })
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    let mut x = 1;
    found
        .into_iter()
        .filter_map(|(_, hint)| {
            let hint = Hint { x, ..hint };
            let fits = x + hint.width() <= columns;
            x += if fits { hint.width() + 2 } else { 0 };
            fits.then_some(hint)
        })
        .collect()
}

/// What there is to tell, at the right: a message that passes, or how the draft is.
pub fn told(state: &State) -> (String, Option<Tone>) {
    match state.toasts.current() {
        Some(toast) if toast.tone == Tone::Warning => (format!("! {}", toast.text), Some(toast.tone)),
        Some(toast) => (toast.text.clone(), Some(toast.tone)),
        None => (resting(state), None),
    }
}

fn resting(state: &State) -> String {
    if let Some(composer) =
        state.composer.as_ref().filter(|_| state.overlay.is_none() && state.tab == Tab::Queue)
    {
        // The bar before sending needs the room for its keys.
        if composer.review.is_some() {
            return String::new();
        }
        let lines = composer.editor.line_count();
        let saved = if composer.save_failed && composer.is_kept() {
            "draft on this machine only"
        } else if composer.save_failed {
            "draft NOT saved yet"
        } else if composer.is_saved() && composer.saved_at.is_some() {
            "draft saved"
        } else if composer.editor.is_blank() {
            ""
        } else {
            "saving draft"
        };
        return format!("{saved}  {lines} {}", if lines == 1 { "line" } else { "lines" });
    }
    let contexts = input::contexts(state);
    let help = state.keymap.chords(Action::Help, &contexts).first().map(|chord| format!("{chord} help"));
    help.unwrap_or_default()
}

/// The columns that are left for the hints.
pub fn room(state: &State) -> u16 {
    let columns = state.size.0;
    if state.sitting.locked() {
        return columns;
    }
    let used = wrap::width(&told(state).0).min(columns.saturating_sub(2).into()) as u16;
    columns.saturating_sub(if used == 0 { 1 } else { used + 3 })
}

/// A click on the footer.
pub fn click(state: &mut State, x: u16) {
    let hit = hints(state, room(state)).into_iter().find(|hint| (hint.x..hint.x + hint.width()).contains(&x));
    match hit {
        Some(Hint { prefix: Some(key), .. }) => state.pending = vec![key],
        Some(hint) => input::perform(state, hint.action),
        None => {}
    }
}
