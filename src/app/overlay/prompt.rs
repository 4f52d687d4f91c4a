//! A line to type in: a search of the queue, a filter of the board, a client to find.

use super::Overlay;
use crate::app::State;
use crate::app::edit::{Edited, Editor};
use crate::app::key::Key;
use crate::app::screen::{board, clients, queue};

/// What the line is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PromptKind {
    /// Tickets by number or client.
    Search,
    /// Projects by title or client.
    BoardFilter,
    /// Clients, found as you type.
    ClientSearch,
}

/// A line to type in.
#[derive(Debug)]
pub struct Prompt {
    /// What it is for.
    pub kind: PromptKind,
    /// What is typed.
    pub input: Editor,
    /// What held before, for Esc.
    pub before: String,
    /// Nothing was typed yet: the first character replaces what stands there.
    pub untouched: bool,
}

impl Prompt {
    /// The words before the line.
    pub const fn label(&self) -> &'static str {
        match self.kind {
            PromptKind::Search => "Search: number, or client's name, company, e-mail",
            PromptKind::BoardFilter => "Filter: title, client's name or company",
            PromptKind::ClientSearch => "Find: name, company or e-mail",
        }
    }
}

/// Opens the line with what holds now.
pub fn open(state: &mut State, kind: PromptKind) {
    let before = match kind {
        PromptKind::Search => state.queue.search_text(),
        PromptKind::BoardFilter => state.board.filter.text.clone(),
        PromptKind::ClientSearch => state.clients.text.clone(),
    };
    state.overlay =
        Some(Overlay::Prompt(Prompt { kind, input: Editor::line(&before), before, untouched: true }));
}

/// A key for the line.
pub fn typed(prompt: &mut Prompt, key: Key) -> Edited {
    if std::mem::take(&mut prompt.untouched) && key.text().is_some() {
        prompt.input.set("");
    }
    prompt.input.key(key)
}

/// What is typed changed: some lines act at once.
pub fn changed(state: &mut State) {
    let Some(Overlay::Prompt(prompt)) = &state.overlay else { return };
    let text = prompt.input.text();
    match prompt.kind {
        PromptKind::Search => {}
        PromptKind::BoardFilter => board::filter_text(state, &text),
        PromptKind::ClientSearch => clients::find(state, &text),
    }
}

/// Enter.
pub fn apply(state: &mut State) {
    let Some(Overlay::Prompt(prompt)) = state.overlay.take() else { return };
    let text = prompt.input.text();
    match prompt.kind {
        PromptKind::Search => queue::search(state, &text),
        PromptKind::BoardFilter => board::filter_text(state, &text),
        PromptKind::ClientSearch => clients::find(state, &text),
    }
}

/// Esc: what held before holds again.
pub fn restore(state: &mut State, prompt: &Prompt) {
    match prompt.kind {
        PromptKind::Search => {}
        PromptKind::BoardFilter => board::filter_text(state, &prompt.before),
        PromptKind::ClientSearch => clients::find(state, &prompt.before),
    }
}
