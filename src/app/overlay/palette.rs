//! Commands by name, and tickets by number: `:1042` opens one.

use super::Overlay;
use crate::app::action::{Action, TABLE};
use crate::app::available::{Availability, available};
use crate::app::edit::Editor;
use crate::app::list::ListCursor;
use crate::app::screen::queue;
use crate::app::{State, input};
use nucleo_matcher::pattern::{AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};

/// Rows shown at once.
pub const PAGE: usize = 12;
/// Columns of its box.
pub const WIDTH: u16 = 72;

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A command; the reason when it can't be had now.
    Command(Action, Option<String>),
    /// The ticket with this number.
    Ticket(String),
}

/// The palette.
#[derive(Debug)]
pub struct Palette {
    /// What is typed.
    pub input: Editor,
    /// What fits, best first.
    pub entries: Vec<Entry>,
    /// The marked entry.
    pub cursor: ListCursor,
    offered: Vec<(Action, Option<String>)>,
}

/// Opens the palette with all commands that make sense here.
pub fn open(state: &mut State) {
    let offered: Vec<_> = TABLE
        .iter()
        .filter(|row| row.in_palette)
        .filter_map(|row| match available(row.action, state) {
            Availability::Yes => Some((row.action, None)),
            Availability::No(why) => Some((row.action, Some(why))),
            Availability::Hidden => None,
        })
        .collect();
    state.overlay = Some(Overlay::Palette(Palette {
        input: Editor::line(""),
        entries: Vec::new(),
        cursor: ListCursor::default(),
        offered,
    }));
    find(state);
}

/// Finds what fits to what is typed.
pub fn find(state: &mut State) {
    let Some(Overlay::Palette(palette)) = &mut state.overlay else { return };
    let typed = palette.input.text();
    let text = typed.trim();
    palette.cursor = ListCursor::default();
    let number = text.trim_start_matches('#');
    palette.entries.clear();
    if number.chars().any(|c| c.is_ascii_digit()) && !number.contains(' ') {
        palette.entries.push(Entry::Ticket(number.to_owned()));
    }
    let mut matcher = Matcher::new(Config::DEFAULT);
    let pattern = Pattern::new(text, CaseMatching::Ignore, Normalization::Smart, AtomKind::Substring);
    let mut buffer = Vec::new();
    let mut scored: Vec<(u32, Entry)> = palette
        .offered
        .iter()
        .filter_map(|(action, why)| {
            let row = crate::app::action::row_of(*action);
            let words = format!("{} {}", row.label, row.name);
            let score = pattern.score(Utf32Str::new(&words, &mut buffer), &mut matcher)?;
            Some((score, Entry::Command(*action, why.clone())))
        })
        .collect();
    scored.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
    palette.entries.extend(scored.into_iter().map(|(_, entry)| entry));
}

/// Enter: runs the marked entry.
pub fn choose(state: &mut State) {
    let Some(Overlay::Palette(palette)) = state.overlay.take() else { return };
    match palette.entries.get(palette.cursor.selected) {
        Some(Entry::Command(action, _)) => input::perform(state, *action),
        Some(Entry::Ticket(number)) => queue::jump(state, number),
        None => {}
    }
}
