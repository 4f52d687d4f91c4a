//! A question with yes and no. `y` counts only once the question has been on the screen.

use super::Overlay;
use crate::app::screen::board::moving;
use crate::app::screen::composer::drafts;
use crate::app::{Answered, Effect, State, account_actions};
use crate::domain::command::Command;
use crate::domain::ids::ProjectId;
use crate::domain::project::ProjectStatus;

/// A question.
#[derive(Debug)]
pub struct Confirm {
    /// One sentence that ends in a question mark.
    pub question: String,
    /// What yes does.
    pub then: Then,
    /// Whether it has been on the screen.
    pub armed: bool,
}

/// What yes does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Then {
    /// Leave the desk.
    Quit,
    /// Throw the draft away.
    DiscardDraft,
    /// Keep the session on this machine.
    Stay,
    /// Move a project to a column.
    MoveProject(ProjectId, ProjectStatus),
    /// Send a command about an account.
    Account(Box<Command>),
}

/// Asks.
pub fn ask(state: &mut State, question: impl Into<String>, then: Then) {
    state.overlay = Some(Overlay::Confirm(Confirm { question: question.into(), then, armed: false }));
}

/// Yes.
pub fn yes(state: &mut State) {
    let Some(Overlay::Confirm(confirm)) = &state.overlay else { return };
    if !confirm.armed {
        return;
    }
    let then = confirm.then.clone();
    state.overlay = None;
    match then {
        Then::Quit => state.effect(Effect::Quit),
        Then::Stay => state.effect(Effect::Stay(Answered::Yes)),
        Then::DiscardDraft => drafts::discard(state),
        Then::MoveProject(project, status) => moving::move_to(state, &project, status),
        Then::Account(command) => account_actions::send(state, *command),
    }
}

/// No.
pub fn no(state: &mut State) {
    let Some(Overlay::Confirm(confirm)) = &state.overlay else { return };
    let refused = confirm.armed && confirm.then == Then::Stay;
    state.overlay = None;
    if refused {
        state.effect(Effect::Stay(Answered::No));
    }
}
