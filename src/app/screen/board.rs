//! The boards: projects as cards in the columns of their status.
//!
//! A column keeps a window of its cards and asks for more near its end. The cursor stays on its card, also
//! when the card moves; a move is shown at once and comes back when it is refused.

pub mod columns;
pub mod details;
pub mod moving;
pub mod project_form;

use super::{Remote, Tab, queue};
use crate::app::key::MouseKind;
use crate::app::layout::board::{BoardAreas, areas};
use crate::app::requests::Purpose;
use crate::app::run::Step;
use crate::app::{Link, State};
use crate::domain::command::{Command, ProjectChange};
use crate::domain::ids::ProjectId;
use crate::domain::project::{Project, ProjectCard, ProjectStatus};
use crate::domain::query::{BoardColumn, BoardFilter, Query};
use crate::domain::time::Timestamp;
use crate::domain::user::Person;
use columns::Columns;
use ratatui::layout::Position;
use std::time::Duration;

/// The board is filtered when nothing was typed for this long.
const FILTER_AFTER: Duration = Duration::from_millis(120);
/// This near to the last card of a column, more is asked for.
const NEAR: usize = 15;

/// The boards.
#[derive(Debug, Default)]
pub struct Board {
    /// Which projects.
    pub filter: BoardFilter,
    /// Whom the filter by client means.
    pub client_name: String,
    /// The cards.
    pub columns: Columns,
    /// The column on whose last card the cursor shall stand once it is read.
    to_last: Option<ProjectStatus>,
    /// Whether they are there.
    pub remote: Remote,
    /// The project opened.
    pub project: Option<OpenProject>,
    filter_due: Option<Timestamp>,
    asked_with: BoardFilter,
    read_with: Option<BoardFilter>,
    asked_after: Vec<(ProjectStatus, ProjectId)>,
    go_to: Option<ProjectId>,
    edit_when_loaded: Option<ProjectId>,
    held: Vec<Command>,
    shown_with: Vec<Command>,
}

/// A project opened.
#[derive(Debug)]
pub struct OpenProject {
    /// Which.
    pub id: ProjectId,
    /// What is shown: none until it was read.
    pub shown: Option<Box<Project>>,
    /// Whether it is there.
    pub remote: Remote,
    /// The first line shown.
    pub scroll: usize,
    read: Option<Box<Project>>,
}

impl Board {
    /// Whether a project is open.
    pub const fn project_open(&self) -> bool {
        self.project.is_some()
    }

    /// Whether not all projects are wanted.
    pub fn is_filtered(&self) -> bool {
        self.filter != BoardFilter::default()
    }

    /// Whether the cards belong to another filter than the one wanted.
    pub fn is_stale(&self) -> bool {
        self.read_with.as_ref().is_some_and(|read| *read != self.filter)
    }
}

/// When something is due: the filter, or the day that makes a project overdue.
pub fn next_wake(state: &State) -> Option<Timestamp> {
    let midnight = || {
        state.me.as_ref().filter(|_| state.tab == Tab::Boards)?;
        let today = state.server_now().day(&state.zone)?;
        let next = today.tomorrow().ok()?.to_zoned(state.zone.clone()).ok()?;
        Some(Timestamp::from_micros(next.timestamp().as_microsecond()).shifted(-state.skew))
    };
    [state.board.filter_due, midnight()].into_iter().flatten().min()
}

/// What follows by itself: the filter when it is due, changes under way, cursors on the screen.
pub fn settle(state: &mut State) {
    if state.board.filter_due.is_some_and(|due| due <= state.now) {
        ask(state);
    }
    let commands = moving::under_way(state);
    let board = &mut state.board;
    if commands != board.shown_with {
        board.columns.show(&commands);
        if let Some(open) = &mut board.project {
            open.show(&commands);
        }
        board.shown_with = commands;
    }
    if state.tab == Tab::Boards {
        let BoardAreas { page, fitting, columns: shown, .. } = areas(state);
        if shown.is_empty() {
            return;
        }
        let columns = &mut state.board.columns;
        let len = columns.list.len();
        columns.cursor.show(len, fitting);
        for column in &mut columns.list {
            column.cursor.show(column.shown.cards.len(), page);
        }
    }
}

/// After signing in: nothing is known yet.
pub fn reset(state: &mut State) {
    state.board = Board::default();
    if state.tab == Tab::Boards {
        ask(state);
    }
}

/// Reads the board again, and the project that is open.
pub fn reload(state: &mut State) {
    ask(state);
    if let Some(id) = state.board.project.as_ref().map(|open| open.id.clone()) {
        read_project(state, id);
    }
}

fn ask(state: &mut State) {
    let board = &mut state.board;
    board.filter_due = None;
    board.asked_with = board.filter.clone();
    if board.read_with.as_ref() != Some(&board.filter) || matches!(board.remote, Remote::Failed(_)) {
        board.remote = Remote::Loading;
    }
    let filter = board.filter.clone();
    state.requests.forget(|purpose| matches!(purpose, Purpose::Board | Purpose::BoardColumn(_)));
    state.fetch(Purpose::Board, Query::Board(filter));
}

/// The board arrived.
pub fn loaded(state: &mut State, columns: Vec<BoardColumn>) {
    let commands = moving::under_way(state);
    let board = &mut state.board;
    let same_filter = board.read_with.as_ref() == Some(&board.asked_with);
    board.read_with = Some(board.asked_with.clone());
    board.remote = Remote::Ready;
    board.columns.replace(columns, same_filter, &commands);
    if let Some(id) = board.go_to.take() {
        board.columns.go_to(&id);
    }
    board.shown_with = commands;
    for at in 0..state.board.columns.list.len() {
        if let Some(card) = state.board.columns.before_screen(at).cloned() {
            ask_after(state, at, card);
        }
    }
    on_to_last(state);
}

/// More of a column arrived.
pub fn column_loaded(state: &mut State, status: &ProjectStatus, cards: Vec<ProjectCard>) {
    let commands = moving::under_way(state);
    let board = &mut state.board;
    let Some(at) = board.asked_after.iter().position(|(asked, _)| asked == status) else { return };
    let (_, after) = board.asked_after.swap_remove(at);
    board.columns.append(status, &after, cards);
    board.columns.show(&commands);
    board.shown_with = commands;
    on_to_last(state);
}

fn ask_after(state: &mut State, at: usize, after: ProjectCard) {
    let Some(status) = state.board.columns.list.get(at).map(|column| column.status.clone()) else { return };
    let purpose = Purpose::BoardColumn(status.clone());
    if state.requests.any(|under_way| *under_way == purpose || *under_way == Purpose::Board) {
        return;
    }
    let board = &mut state.board;
    board.asked_after.retain(|(asked, _)| *asked != status);
    board.asked_after.push((status.clone(), after.id.clone()));
    let filter = board.asked_with.clone();
    state.fetch(purpose, Query::BoardColumn { filter, status, after: Box::new(after) });
}

/// Asks for more cards when the cursor comes near the end of its column.
fn more(state: &mut State) {
    let columns = &state.board.columns;
    let at = columns.cursor.selected;
    let near = columns.current().is_some_and(|c| c.cursor.selected + NEAR >= c.shown.cards.len());
    if let Some(card) = columns.next_after(at).filter(|_| near).cloned() {
        ask_after(state, at, card);
    }
}

/// A project arrived; none when it is gone.
pub fn project_loaded(state: &mut State, id: &ProjectId, project: Option<Box<Project>>) {
    let now = state.now;
    let edit = state.board.edit_when_loaded.take_if(|wanted| wanted == id).is_some();
    let commands = moving::under_way(state);
    match project {
        Some(project) => {
            project_form::arrived(state, &project);
            if let Some(open) = state.board.project.as_mut().filter(|open| open.id == *id) {
                open.remote = Remote::Ready;
                open.read = Some(project.clone());
                open.show(&commands);
            }
            if edit && state.overlay.is_none() && state.tab == Tab::Boards {
                project_form::open_with(state, project);
            }
        }
        None => {
            let open = state.board.project.take_if(|open| open.id == *id).is_some();
            if open || edit {
                state.toasts.warn("this project does not exist any more", now);
            }
        }
    }
}

/// The board could not be had.
pub fn failed(state: &mut State, why: &str) {
    state.board.remote = Remote::Failed(why.to_owned());
}

/// A project could not be had.
pub fn project_failed(state: &mut State, id: &ProjectId, why: &str) {
    state.board.edit_when_loaded = None;
    if let Some(open) = state.board.project.as_mut().filter(|open| open.id == *id) {
        open.remote = Remote::Failed(why.to_owned());
    }
}

/// A command was carried out.
pub fn carried_out(state: &mut State, command: &Command) {
    if let Command::EditProject { project, changes } = command {
        changed(state, project, changes);
    }
    if let Command::CreateProject { project, .. } = command
        && state.tab == Tab::Boards
    {
        state.board.go_to = Some(project.clone());
        reload(state);
    }
}

fn changed(state: &mut State, project: &ProjectId, changes: &[ProjectChange]) {
    state.board.columns.settle(project, changes);
    if let Some(open) = state.board.project.as_mut().filter(|open| open.id == *project) {
        open.settle(changes);
    }
    moving::send_held(state, project);
    // What was asked for before the change may show the time before it.
    let overlaps = state.requests.any(|purpose| *purpose == Purpose::Board);
    let new_client = changes.iter().any(|change| matches!(change, ProjectChange::Client(_)));
    if state.tab == Tab::Boards && (overlaps || new_client || state.link != Link::Live) {
        reload(state);
    }
}

/// A command was not carried out: what it held back is dropped.
pub fn refused(state: &mut State, command: &Command) {
    if let Command::EditProject { project, .. } = command {
        moving::drop_held(state, project);
    }
}

impl OpenProject {
    fn show(&mut self, commands: &[Command]) {
        self.shown.clone_from(&self.read);
        let Some(shown) = &mut self.shown else { return };
        for command in commands {
            if let Command::EditProject { project, changes } = command
                && *project == self.id
            {
                patch(shown, changes);
            }
        }
    }

    fn settle(&mut self, changes: &[ProjectChange]) {
        if let Some(read) = &mut self.read {
            patch(read, changes);
        }
    }
}

fn patch(project: &mut Project, changes: &[ProjectChange]) {
    let text = |text: &Option<String>| text.as_deref().map(Into::into);
    for change in changes {
        columns::patch(&mut project.card, change);
        if let ProjectChange::Description(change) = change {
            project.description = text(&change.to);
        }
        if let ProjectChange::Requirements(change) = change {
            project.requirements = text(&change.to);
        }
    }
}

/// What a project on the board is called.
pub fn title_of(state: &State, id: &ProjectId) -> Option<String> {
    let open = selected(state).filter(|card| card.id == *id);
    open.or_else(|| state.board.columns.find(id)).map(|card| card.title.one_line().into_owned())
}

/// The card under the cursor, or the project open.
pub fn selected(state: &State) -> Option<&ProjectCard> {
    match &state.board.project {
        Some(open) => {
            let read = open.shown.as_ref().map(|project| &project.card);
            read.or_else(|| state.board.columns.find(&open.id))
        }
        None => state.board.columns.selected(),
    }
}

/// Filters by text.
pub fn filter_text(state: &mut State, text: &str) {
    let text = text.trim();
    if state.board.filter.text != text {
        text.clone_into(&mut state.board.filter.text);
        state.board.filter_due = Some(state.now.after(FILTER_AFTER));
    }
}

/// Shows the projects of one client.
pub fn of_client(state: &mut State, client: &Person) {
    state.tab = Tab::Boards;
    let board = &mut state.board;
    board.filter = BoardFilter { client: Some(client.id.clone()), text: String::new() };
    client.account_name().clone_into(&mut board.client_name);
    board.project = None;
    ask(state);
}

/// Shows a project among those of its client.
pub fn open_project(state: &mut State, card: &ProjectCard) {
    of_client(state, &card.client);
    state.board.go_to = Some(card.id.clone());
    open_id(state, card.id.clone());
}

/// The queue with the client's tickets.
pub fn tickets_of_client(state: &mut State) {
    let Some(client) = selected(state).map(|card| card.client.clone()) else { return };
    queue::of_client(state, client.id.clone(), client.account_name());
}

/// Moves the cursor in its column, or the text of the project open.
pub fn step(state: &mut State, by: Step) {
    let areas = areas(state);
    if state.board.project.is_some() {
        let height = usize::from(areas.details.height);
        return scroll(state, by.rows(height.saturating_sub(1)));
    }
    let at = state.board.columns.cursor.selected;
    let goes_on = matches!(by, Step::Last) && state.board.columns.next_after(at).is_some();
    if let Some(column) = state.board.columns.list.get_mut(at) {
        let len = column.shown.cards.len();
        column.cursor.step(by.rows(areas.page), len, areas.page);
        state.board.to_last = goes_on.then(|| column.status.clone());
        more(state);
    }
}

/// On the way to the last card of a long column: on to the last card known, until there are no more.
fn on_to_last(state: &mut State) {
    let page = areas(state).page;
    let columns = &mut state.board.columns;
    let at = columns.cursor.selected;
    let goes_on = columns.next_after(at).is_some();
    let Some(column) = columns.list.get_mut(at) else { return };
    if state.board.to_last.as_ref() != Some(&column.status) {
        state.board.to_last = None;
        return;
    }
    let len = column.shown.cards.len();
    column.cursor.select(len.saturating_sub(1), len, page);
    if !goes_on {
        state.board.to_last = None;
    }
    more(state);
}

fn scroll(state: &mut State, by: isize) {
    let area = areas(state).details;
    let lines = details::lines(state, area.width).len();
    if let Some(open) = &mut state.board.project {
        let most = lines.saturating_sub(area.height.into());
        open.scroll = open.scroll.min(most).saturating_add_signed(by).min(most);
    }
}

/// Moves the cursor to another column; from an open project, back to the board.
pub fn step_column(state: &mut State, by: isize) {
    if state.board.project.is_some() {
        if by < 0 {
            state.board.project = None;
        }
        return;
    }
    state.board.to_last = None;
    let fitting = areas(state).fitting;
    let columns = &mut state.board.columns;
    columns.cursor.step(by, columns.list.len(), fitting);
    more(state);
}

/// Opens the project.
pub fn open(state: &mut State) {
    if let Some(id) = selected(state).map(|card| card.id.clone()) {
        open_id(state, id);
    }
}

fn open_id(state: &mut State, id: ProjectId) {
    state.board.project =
        Some(OpenProject { id: id.clone(), shown: None, remote: Remote::Loading, scroll: 0, read: None });
    read_project(state, id);
}

fn read_project(state: &mut State, id: ProjectId) {
    state.requests.forget(|purpose| matches!(purpose, Purpose::Project(_)));
    state.fetch(Purpose::Project(id.clone()), Query::Project(id));
}

/// The tab was chosen.
pub fn enter(state: &mut State) {
    reload(state);
}

/// One level back; whether there was one.
pub fn back(state: &mut State) -> bool {
    if state.board.project.take().is_some() {
        return true;
    }
    if state.board.is_filtered() {
        state.board.filter = BoardFilter::default();
        state.board.client_name.clear();
        ask(state);
        return true;
    }
    false
}

/// The mouse: a click puts the cursor on a card, a second one opens it; the wheel moves in its column.
pub fn mouse(state: &mut State, kind: MouseKind, x: u16, y: u16) {
    let areas = areas(state);
    let at = Position { x, y };
    let wheel = match kind {
        MouseKind::WheelUp => -1,
        MouseKind::WheelDown => 1,
        MouseKind::Press => 0,
    };
    if areas.details.contains(at) {
        return scroll(state, 3 * wheel);
    }
    let Some((column, area)) = areas.columns.iter().find(|(_, area)| area.contains(at)).copied() else {
        return;
    };
    state.board.to_last = None;
    let columns = &mut state.board.columns;
    let before = columns.selected().map(|card| card.id.clone());
    columns.cursor.selected = column;
    let Some(hit) = columns.list.get_mut(column) else { return };
    let len = hit.shown.cards.len();
    if wheel != 0 {
        hit.cursor.step(wheel, len, areas.page);
        return more(state);
    }
    let cards_top = area.bottom().saturating_sub(areas.cards_height);
    let Some(line) = y.checked_sub(cards_top) else { return };
    let row = hit.cursor.offset + usize::from(line / areas.card_height.max(1));
    if row >= len {
        return;
    }
    hit.cursor.select(row, len, areas.page);
    let after = state.board.columns.selected().map(|card| card.id.clone());
    if (after == before || state.board.project.is_some())
        && let Some(id) = after
    {
        open_id(state, id);
    } else {
        more(state);
    }
}
