//! The clients.

use crate::app::State;
use crate::app::key::MouseKind;
use crate::app::run::Step;
use crate::domain::ids::UserId;
use crate::domain::query::ClientProfile;
use crate::domain::user::{ClientRow, Person};

/// The clients.
#[derive(Debug, Default)]
pub struct Clients {
    /// What is searched for.
    pub text: String,
}

impl Clients {
    /// The client under the cursor, or open.
    pub const fn person(&self) -> Option<&Person> {
        None
    }
    /// Whether a client is open.
    pub const fn profile_open(&self) -> bool {
        false
    }
}

/// What follows by itself.
pub fn settle(_state: &mut State) {}
/// Reads again.
pub fn reload(_state: &mut State) {}
/// The list arrived.
pub fn loaded(_state: &mut State, _rows: Vec<ClientRow>) {}
/// A client arrived.
pub fn profile_loaded(_state: &mut State, _id: &UserId, _profile: Option<Box<ClientProfile>>) {}
/// Finds as you type.
pub fn find(_state: &mut State, _text: &str) {}
/// Their tickets.
pub fn tickets(_state: &mut State) {}
/// Their projects.
pub fn projects(_state: &mut State) {}
/// Moves the cursor.
pub fn step(_state: &mut State, _by: Step) {}
/// To the other pane.
pub fn side(_state: &mut State, _by: isize) {}
/// Opens the client, or what is under the cursor.
pub fn open(_state: &mut State) {}
/// The tab was chosen.
pub fn enter(_state: &mut State) {}
/// One level back; whether there was one.
pub fn back(_state: &mut State) -> bool {
    false
}
/// The mouse.
pub fn mouse(_state: &mut State, _kind: MouseKind, _x: u16, _y: u16) {}
