//! The project boards.

use crate::app::State;
use crate::app::key::MouseKind;
use crate::app::run::Step;
use crate::domain::command::Command;
use crate::domain::ids::ProjectId;
use crate::domain::project::{Project, ProjectCard, ProjectStatus};
use crate::domain::query::{BoardColumn, BoardFilter};
use crate::domain::time::Timestamp;

/// The boards.
#[derive(Debug, Default)]
pub struct Board {
    /// Which projects.
    pub filter: BoardFilter,
}

impl Board {
    /// Whether a project is open.
    pub const fn project_open(&self) -> bool {
        false
    }
}

/// When something is due.
pub fn next_wake(_state: &State) -> Option<Timestamp> {
    None
}
/// What follows by itself.
pub fn settle(_state: &mut State) {}
/// After signing in.
pub fn reset(_state: &mut State) {}
/// Reads the board again.
pub fn reload(_state: &mut State) {}
/// The board arrived.
pub fn loaded(_state: &mut State, _columns: Vec<BoardColumn>) {}
/// More of a column arrived.
pub fn column_loaded(_state: &mut State, _status: &ProjectStatus, _cards: Vec<ProjectCard>) {}
/// A project arrived.
pub fn project_loaded(_state: &mut State, _id: &ProjectId, _project: Option<Box<Project>>) {}
/// The mouse.
pub fn mouse(_state: &mut State, _kind: MouseKind, _x: u16, _y: u16) {}
/// The card under the cursor, or the project open.
pub fn selected(_state: &State) -> Option<&ProjectCard> {
    None
}
/// Moves the card to a column; CANCELLED asks first.
pub fn ask_move_to(_state: &mut State, _status: ProjectStatus) {}
/// Moves the card to a column.
pub fn move_to(_state: &mut State, _status: ProjectStatus) {}
/// Filters by text.
pub fn filter_text(_state: &mut State, _text: &str) {}
/// Checks the form and saves.
pub fn submit_project(_state: &mut State) {}
/// A command was answered.
pub fn answered(_state: &mut State, _command: &Command) {}
/// Moves the card one column.
pub fn move_card(_state: &mut State, _by: isize) {}
/// Opens the form for a new project.
pub fn new_project(_state: &mut State) {}
/// Opens the form for the project.
pub fn edit_project(_state: &mut State) {}
/// The queue with the client's tickets.
pub fn tickets_of_client(_state: &mut State) {}
/// Moves the cursor in its column.
pub fn step(_state: &mut State, _by: Step) {}
/// Moves the cursor to another column.
pub fn step_column(_state: &mut State, _by: isize) {}
/// Opens the project.
pub fn open(_state: &mut State) {}
/// The tab was chosen.
pub fn enter(_state: &mut State) {}
/// One level back; whether there was one.
pub fn back(_state: &mut State) -> bool {
    false
}
