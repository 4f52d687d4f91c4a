//! The clients: found as you type, each with projects and tickets.
//!
//! The profile follows the cursor as the preview of the queue does. The cursor stays on its client when the
//! list is read again, and on its ticket or project when the profile is.

pub mod profile;

use super::{Remote, Tab, board, queue};
use crate::app::State;
use crate::app::key::MouseKind;
use crate::app::layout::clients::areas;
use crate::app::list::ListCursor;
use crate::app::requests::Purpose;
use crate::app::run::Step;
use crate::domain::ids::UserId;
use crate::domain::query::{ClientProfile, Query};
use crate::domain::time::{Timestamp, until_age_changes};
use crate::domain::user::{ClientRow, Person};
use profile::{Item, Profile};
use ratatui::layout::Position;
use std::time::Duration;

/// Clients are looked for when nothing was typed for this long.
const FIND_AFTER: Duration = Duration::from_millis(60);
/// The profile follows when the cursor has rested this long.
const PROFILE_AFTER: Duration = Duration::from_millis(80);
/// At most this many are found.
pub const MOST: usize = 100;

/// The clients.
#[derive(Debug, Default)]
pub struct Clients {
    /// What is searched for.
    pub text: String,
    /// Who fits, best first.
    pub rows: Vec<ClientRow>,
    /// The client under the cursor.
    pub cursor: ListCursor,
    /// Whether the rows are there.
    pub remote: Remote,
    /// The client shown.
    pub profile: Option<Profile>,
    focused: bool,
    find_due: Option<Timestamp>,
    profile_due: Option<Timestamp>,
    asked_for: String,
    read_for: Option<String>,
}

impl Clients {
    /// The row under the cursor.
    pub fn selected(&self) -> Option<&ClientRow> {
        self.rows.get(self.cursor.selected)
    }

    /// The client open, or under the cursor.
    pub fn person(&self) -> Option<&Person> {
        let open = self.profile.as_ref().filter(|_| self.focused);
        let Some(open) = open else { return self.selected().map(|row| &row.person) };
        let read = open.current().map(|data| &data.client.person);
        read.or_else(|| self.rows.iter().map(|row| &row.person).find(|person| person.id == open.id))
    }

    /// Whether a client is open.
    pub const fn profile_open(&self) -> bool {
        self.focused
    }

    /// Whether the rows belong to another text than the one wanted.
    pub fn is_stale(&self) -> bool {
        self.read_for.as_ref().is_some_and(|read| *read != self.text)
    }
}

/// When something is due: the search, the profile, an age in it.
pub fn next_wake(state: &State) -> Option<Timestamp> {
    let clients = &state.clients;
    let shown = clients.profile.as_ref().filter(|_| state.tab == Tab::Clients && state.me.is_some());
    let tickets = shown.and_then(|profile| profile.data.as_ref()).map(|data| &data.tickets);
    let ages = tickets.into_iter().flatten().map(|t| t.waiting_since.unwrap_or(t.last_activity_at));
    let age = ages.map(|then| until_age_changes(state.since(then))).min().map(|rest| state.now.after(rest));
    [clients.find_due, clients.profile_due, age].into_iter().flatten().min()
}

/// What follows by itself: the search and the profile when they are due, the cursors on the screen.
pub fn settle(state: &mut State) {
    if state.clients.find_due.is_some_and(|due| due <= state.now) {
        ask(state);
    }
    if state.clients.profile_due.is_some_and(|due| due <= state.now) {
        follow(state);
    }
    if state.tab == Tab::Clients {
        let areas = areas(state);
        let clients = &mut state.clients;
        if areas.rows.height > 0 {
            clients.cursor.show(clients.rows.len(), areas.rows.height.into());
        }
        profile::settle(state, areas.profile);
    }
}

/// Reads the list again, and the client that is shown.
pub fn reload(state: &mut State) {
    ask(state);
    if let Some(id) = state.clients.profile.as_ref().map(|profile| profile.id.clone()) {
        read_profile(state, id);
    }
}

fn ask(state: &mut State) {
    let clients = &mut state.clients;
    clients.find_due = None;
    clients.asked_for.clone_from(&clients.text);
    if clients.read_for.as_ref() != Some(&clients.text) || matches!(clients.remote, Remote::Failed(_)) {
        clients.remote = Remote::Loading;
    }
    let text = clients.text.clone();
    state.requests.forget(|purpose| *purpose == Purpose::Clients);
    state.fetch(Purpose::Clients, Query::Clients(text));
}

/// The list arrived.
pub fn loaded(state: &mut State, rows: Vec<ClientRow>) {
    let clients = &mut state.clients;
    let same = clients.read_for.as_ref() == Some(&clients.asked_for);
    let before = clients.selected().map(|row| row.person.id.clone());
    clients.read_for = Some(clients.asked_for.clone());
    clients.remote = Remote::Ready;
    clients.rows = rows;
    let kept = before.as_ref().and_then(|id| clients.rows.iter().position(|row| row.person.id == *id));
    clients.cursor = match kept {
        Some(at) if same => ListCursor { selected: at, ..clients.cursor },
        None if same => clients.cursor,
        // Other clients: the best match is the first.
        Some(_) | None => ListCursor::default(),
    };
    clients.cursor.selected = clients.cursor.selected.min(clients.rows.len().saturating_sub(1));
    if !state.clients.focused {
        follow(state);
    }
}

/// A client arrived; none when there is no such client any more.
pub fn profile_loaded(state: &mut State, id: &UserId, data: Option<Box<ClientProfile>>) {
    let now = state.now;
    let Some(profile) = state.clients.profile.as_mut().filter(|profile| profile.id == *id) else { return };
    match data {
        Some(data) => profile.arrived(data),
        None => {
            state.clients.profile = None;
            if std::mem::take(&mut state.clients.focused) {
                state.toasts.warn("this client does not exist any more", now);
            }
        }
    }
}

/// The list could not be had.
pub fn failed(state: &mut State, why: &str) {
    state.clients.remote = Remote::Failed(why.to_owned());
}

/// A client could not be had.
pub fn profile_failed(state: &mut State, id: &UserId, why: &str) {
    if let Some(profile) = state.clients.profile.as_mut().filter(|profile| profile.id == *id) {
        profile.remote = Remote::Failed(why.to_owned());
    }
}

/// Finds as you type.
pub fn find(state: &mut State, text: &str) {
    let text = text.trim();
    if state.clients.text != text {
        text.clone_into(&mut state.clients.text);
        state.clients.find_due = Some(state.now.after(FIND_AFTER));
    }
}

/// The profile shows the client under the cursor, at once, where there is room for it.
fn follow(state: &mut State) {
    state.clients.profile_due = None;
    let visible = state.clients.focused || areas(state).profile.width > 0;
    match state.clients.selected().map(|row| row.person.id.clone()) {
        Some(id) if visible => show(state, id),
        None if !state.clients.focused => state.clients.profile = None,
        Some(_) | None => {}
    }
}

fn show(state: &mut State, id: UserId) {
    if state.clients.profile.as_ref().is_some_and(|p| p.id == id && p.current().is_some()) {
        return;
    }
    let old = state.clients.profile.take();
    state.clients.profile = Some(Profile::after(old, id.clone()));
    read_profile(state, id);
}

fn read_profile(state: &mut State, id: UserId) {
    state.requests.forget(|purpose| matches!(purpose, Purpose::Profile(_)));
    state.fetch(Purpose::Profile(id.clone()), Query::Client(id));
}

/// Their tickets.
pub fn tickets(state: &mut State) {
    let Some(client) = state.clients.person().cloned() else { return };
    queue::of_client(state, client.id.clone(), client.account_name());
}

/// Their projects.
pub fn projects(state: &mut State) {
    let Some(client) = state.clients.person().cloned() else { return };
    board::of_client(state, &client);
}

/// Moves the cursor.
pub fn step(state: &mut State, by: Step) {
    let areas = areas(state);
    if state.clients.focused {
        profile::step(state, by, areas.profile);
    } else {
        let page = usize::from(areas.rows.height);
        let to = state.clients.cursor.selected.saturating_add_signed(by.rows(page));
        select(state, to);
    }
}

fn select(state: &mut State, to: usize) {
    let page = areas(state).rows.height.into();
    let clients = &mut state.clients;
    let before = clients.cursor.selected;
    clients.cursor.select(to, clients.rows.len(), page);
    if clients.cursor.selected != before {
        clients.profile_due = Some(state.now.after(PROFILE_AFTER));
    }
}

/// To the other pane.
pub fn side(state: &mut State, by: isize) {
    if by < 0 {
        leave(state);
    } else if !state.clients.focused {
        open(state);
    }
}

/// Opens the client, or what is under the cursor in the client.
pub fn open(state: &mut State) {
    if !state.clients.focused {
        if let Some(id) = state.clients.selected().map(|row| row.person.id.clone()) {
            state.clients.focused = true;
            state.clients.profile_due = None;
            show(state, id);
        }
        return;
    }
    match state.clients.profile.as_ref().and_then(Profile::selected) {
        Some(Item::Project(card)) => {
            let card = card.clone();
            board::open_project(state, &card);
        }
        Some(Item::Ticket(ticket)) => {
            let id = ticket.id.clone();
            queue::open_ticket(state, id);
        }
        None => {}
    }
}

/// The tab was chosen.
pub fn enter(state: &mut State) {
    reload(state);
}

/// One level back; whether there was one.
pub fn back(state: &mut State) -> bool {
    if state.clients.focused {
        leave(state);
        return true;
    }
    if !state.clients.text.is_empty() {
        state.clients.text.clear();
        ask(state);
        return true;
    }
    false
}

fn leave(state: &mut State) {
    state.clients.focused = false;
    follow(state);
}

/// The mouse: a click puts the cursor on a row, a second one opens it; the wheel moves.
pub fn mouse(state: &mut State, kind: MouseKind, x: u16, y: u16) {
    let areas = areas(state);
    let at = Position { x, y };
    let wheel = match kind {
        MouseKind::WheelUp => -1,
        MouseKind::WheelDown => 1,
        MouseKind::Press => 0,
    };
    if areas.rows.contains(at) {
        let selected = state.clients.cursor.selected;
        if wheel != 0 {
            return select(state, selected.saturating_add_signed(wheel));
        }
        let row = state.clients.cursor.offset + usize::from(y - areas.rows.y);
        if row >= state.clients.rows.len() {
            return;
        }
        let again = row == selected && !state.clients.focused;
        state.clients.focused = false;
        select(state, row);
        if again {
            open(state);
        }
    } else if areas.profile.contains(at) {
        if wheel != 0 {
            return profile::step(state, Step::Rows(wheel), areas.profile);
        }
        let was_open = std::mem::replace(&mut state.clients.focused, state.clients.profile.is_some());
        let Some(open_profile) = &mut state.clients.profile else { return };
        let again = open_profile.click(usize::from(y - areas.profile.y), areas.profile.width);
        if again && was_open {
            open(state);
        }
    }
}
