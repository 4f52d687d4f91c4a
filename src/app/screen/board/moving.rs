//! Moving a card to another column.
//!
//! One change of a project is under way at a time: a second move waits for the answer to the first, so that
//! three presses of `L` arrive in their order.

use super::{Board, selected};
use crate::app::State;
use crate::app::overlay::confirm::{self, Then};
use crate::app::requests::Cause;
use crate::domain::command::{Change, Command, ProjectChange};
use crate::domain::ids::ProjectId;
use crate::domain::project::{ProjectCard, ProjectStatus};

/// Moves the card one column.
pub fn move_card(state: &mut State, by: isize) {
    let now = state.now;
    let Some(card) = selected(state) else { return };
    let columns = &ProjectStatus::ALL;
    // A status that the desk does not know stands to the right of those it knows.
    let from = columns.iter().position(|status| *status == card.status).unwrap_or(columns.len());
    let to = from.checked_add_signed(by).and_then(|to| columns.get(to)).cloned();
    let id = card.id.clone();
    match to {
        Some(status) => ask_move_to(state, &id, status),
        None if by < 0 => state.toasts.info("this is the first column", now),
        None => state.toasts.info("this is the last column", now),
    }
}

/// Moves a card to a column; CANCELLED asks first.
pub fn ask_move_to(state: &mut State, project: &ProjectId, status: ProjectStatus) {
    let now = state.now;
    let Some(card) = find(state, project) else {
        return state.toasts.warn("this project is not on the board any more", now);
    };
    if card.status == status {
        return state.toasts.info(format!("it is {} already", status.label()), now);
    }
    if status != ProjectStatus::Cancelled {
        return move_to(state, project, status);
    }
    let question = format!("Cancel the project {} of {}?", card.title.one_line(), card.client.account_name());
    confirm::ask(state, question, Then::MoveProject(project.clone(), status));
}

/// Moves a card to a column.
pub fn move_to(state: &mut State, project: &ProjectId, status: ProjectStatus) {
    let Some(card) = find(state, project) else { return };
    let change = Change::new(card.status.clone(), status);
    let busy = state.requests.commands().any(|command| is_about(command, project));
    if !busy {
        let changes = vec![ProjectChange::Status(change)];
        state.execute(Command::EditProject { project: project.clone(), changes }, Cause::Asked);
        return;
    }
    hold(&mut state.board, project, change);
}

/// Keeps a move until the change before it is answered; moves that wait become one.
fn hold(board: &mut Board, project: &ProjectId, mut change: Change<ProjectStatus>) {
    if let Some(at) = board.held.iter().position(|command| is_about(command, project))
        && let Command::EditProject { changes, .. } = board.held.remove(at)
        && let Some(ProjectChange::Status(waiting)) = changes.into_iter().next()
    {
        change.seen = waiting.seen;
    }
    if change.seen != change.to {
        let changes = vec![ProjectChange::Status(change)];
        board.held.push(Command::EditProject { project: project.clone(), changes });
    }
}

/// The move that waited for this project's change is sent.
pub fn send_held(state: &mut State, project: &ProjectId) {
    if let Some(at) = state.board.held.iter().position(|command| is_about(command, project)) {
        let command = state.board.held.remove(at);
        state.execute(command, Cause::Asked);
    }
}

/// The move that waited makes no sense any more.
pub fn drop_held(state: &mut State, project: &ProjectId) {
    state.board.held.retain(|command| !is_about(command, project));
}

/// Changes of projects that are not answered yet, oldest first.
pub fn under_way(state: &State) -> Vec<Command> {
    let sent = state.requests.commands().filter(|command| matches!(command, Command::EditProject { .. }));
    sent.chain(&state.board.held).cloned().collect()
}

fn is_about(command: &Command, id: &ProjectId) -> bool {
    matches!(command, Command::EditProject { project, .. } if project == id)
}

fn find<'a>(state: &'a State, id: &ProjectId) -> Option<&'a ProjectCard> {
    let open = selected(state).filter(|card| card.id == *id);
    open.or_else(|| state.board.columns.find(id))
}
