//! A list to choose from, with a line that narrows it: a colleague, a column of the board, a status.

use super::Overlay;
use super::form;
use crate::app::edit::Editor;
use crate::app::list::ListCursor;
use crate::app::requests::Purpose;
use crate::app::screen::board::{self, moving};
use crate::app::{State, account_actions, ticket_actions};
use crate::domain::ids::{ProjectId, UserId};
use crate::domain::project::ProjectStatus;
use crate::domain::query::Query;
use crate::domain::user::{ClientRow, Person, Role};

/// Rows shown at once.
pub const PAGE: usize = 12;
/// Columns of its box.
pub const WIDTH: u16 = 56;

/// What is chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PickerKind {
    /// Who gets the ticket.
    Assignee,
    /// Where the project moves.
    CardStatus,
    /// What somebody may do.
    Role,
}

/// What an entry stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A colleague.
    Staff(UserId),
    /// Nobody.
    Nobody,
    /// A column, for a project.
    Status(ProjectId, ProjectStatus),
    /// A role, for an account.
    Role(UserId, Role),
}

/// A list to choose from.
#[derive(Debug)]
pub struct Picker {
    /// What is chosen.
    pub kind: PickerKind,
    /// The words above it.
    pub title: String,
    /// What is typed.
    pub input: Editor,
    /// What fits: a text and a remark.
    pub entries: Vec<(Choice, String, String)>,
    /// The marked entry.
    pub cursor: ListCursor,
    all: Vec<(Choice, String, String)>,
}

/// Asks who gets the ticket.
pub fn assignee(state: &mut State) {
    let Some(row) = ticket_actions::target(state) else { return };
    let title = format!("Give {} to", row.number.one_line());
    open(state, PickerKind::Assignee, title);
    if state.staff.is_empty() {
        state.fetch(Purpose::Staff, Query::Staff);
    }
    staff_arrived(state);
}

/// Asks where the project moves.
pub fn card_status(state: &mut State) {
    let Some(card) = board::selected(state) else { return };
    let (id, now) = (card.id.clone(), card.status.clone());
    let title = format!("Move {} to", card.title.one_line());
    open(state, PickerKind::CardStatus, title);
    let all = ProjectStatus::ALL
        .iter()
        .map(|status| {
            let remark = if *status == now { "where it is" } else { "" };
            (Choice::Status(id.clone(), status.clone()), status.label().to_owned(), remark.to_owned())
        })
        .collect();
    offer(state, all);
    if let Some(Overlay::Picker(picker)) = &mut state.overlay {
        let at = ProjectStatus::ALL.iter().position(|status| *status == now).unwrap_or_default();
        picker.cursor.select(at, picker.entries.len(), PAGE);
    }
}

/// Asks which role somebody gets.
pub fn role(state: &mut State, person: &Person) {
    let roles = [Role::Client, Role::Admin, Role::SuperAdmin];
    open(state, PickerKind::Role, format!("Role of {}", person.display_name()));
    let all = roles.iter().map(|role| {
        let remark = match (role == &person.role, role) {
            (true, _) => "as it is",
            (_, Role::Client) => "no desk",
            (_, Role::Admin) => "tickets, projects, clients",
            (_, Role::SuperAdmin | Role::Unknown(_)) => "and staff",
        };
        (Choice::Role(person.id.clone(), role.clone()), role.as_str().to_owned(), remark.to_owned())
    });
    offer(state, all.collect());
    if let Some(Overlay::Picker(picker)) = &mut state.overlay {
        let at = roles.iter().position(|role| *role == person.role).unwrap_or_default();
        picker.cursor.select(at, picker.entries.len(), PAGE);
    }
}

fn open(state: &mut State, kind: PickerKind, title: String) {
    state.overlay = Some(Overlay::Picker(Picker {
        kind,
        title,
        input: Editor::line(""),
        entries: Vec::new(),
        cursor: ListCursor::default(),
        all: Vec::new(),
    }));
}

/// The list of staff is known.
pub fn staff_arrived(state: &mut State) {
    if !matches!(&state.overlay, Some(Overlay::Picker(picker)) if picker.kind == PickerKind::Assignee) {
        return;
    }
    let mut staff: Vec<&Person> = state.staff.iter().collect();
    staff.sort_by_key(|person| !state.is_me(&person.id));
    let mut all: Vec<_> = staff
        .into_iter()
        .map(|person| {
            let remark = if state.is_me(&person.id) { "me" } else { person.email.as_str() };
            (Choice::Staff(person.id.clone()), person.display_name().to_owned(), remark.to_owned())
        })
        .collect();
    all.push((Choice::Nobody, "nobody".to_owned(), "release".to_owned()));
    offer(state, all);
}

/// Clients for the form below.
pub fn clients_arrived(state: &mut State, rows: &[ClientRow]) {
    if let Some(Overlay::Form(form)) = &mut state.overlay {
        form::clients_arrived(form, rows);
    }
}

fn offer(state: &mut State, all: Vec<(Choice, String, String)>) {
    if let Some(Overlay::Picker(picker)) = &mut state.overlay {
        picker.all = all;
    }
    find(state);
}

/// Narrows the list to what contains what is typed.
pub fn find(state: &mut State) {
    let Some(Overlay::Picker(picker)) = &mut state.overlay else { return };
    let wanted = picker.input.text().trim().to_lowercase();
    picker.entries = picker
        .all
        .iter()
        .filter(|(_, text, remark)| {
            text.to_lowercase().contains(&wanted) || remark.to_lowercase().contains(&wanted)
        })
        .cloned()
        .collect();
    picker.cursor = ListCursor::default();
}

/// Enter: takes the marked entry.
pub fn choose(state: &mut State) {
    let Some(Overlay::Picker(picker)) = state.overlay.take() else { return };
    let Some((choice, ..)) = picker.entries.into_iter().nth(picker.cursor.selected) else { return };
    match choice {
        Choice::Staff(id) => ticket_actions::assign(state, Some(id)),
        Choice::Nobody => ticket_actions::assign(state, None),
        Choice::Status(project, status) => moving::ask_move_to(state, &project, status),
        Choice::Role(user, role) => account_actions::ask_role(state, &user, &role),
    }
}
