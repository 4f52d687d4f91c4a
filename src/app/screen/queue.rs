//! The queue: a live list over any number of tickets.
//!
//! A window of rows is kept, read by keys in both directions. The selection stays on its ticket when the
//! list changes; rows that come in above are counted, not thrust under the cursor.

mod rows;
mod views;

pub use rows::{departed_read, gone, loaded, refresh_row};
pub use views::{VIEWS, View};

use super::{Remote, thread};
use crate::app::list::ListCursor;
use crate::app::requests::Purpose;
use crate::app::{State, layout};
use crate::domain::ids::{TicketId, UserId};
use crate::domain::query::{Count, Place, Query, QueuePage, TicketFilter, TicketSort, Window};
use crate::domain::ticket::TicketRow;
use crate::domain::time::Timestamp;
use std::collections::HashSet;
use std::time::Duration;

/// Rows asked for at once.
const PAGE: u16 = 100;
/// Rows kept.
const KEPT: usize = 400;
/// This near to the end of the window, more is asked for.
const NEAR: usize = 40;
/// The preview follows when the cursor has rested this long.
const PREVIEW_AFTER: Duration = Duration::from_millis(80);

/// What a search shows instead of a view.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Search {
    /// What was typed, or whose tickets.
    pub text: String,
    /// Its typed form.
    pub filter: TicketFilter,
}

/// How a page that was asked for is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageUse {
    /// It is the whole window now: cursor on the first row.
    Top,
    /// It is the whole window now: cursor on the last row.
    Bottom,
    /// It follows what is there.
    Append,
    /// It comes before what is there.
    Prepend,
    /// The same window, read again.
    Reload,
}

/// The queue.
#[derive(Debug, Default)]
pub struct Queue {
    /// Which of [`VIEWS`].
    pub view: usize,
    /// Shown instead of the view.
    pub search: Option<Search>,
    /// The rows of the window.
    pub rows: Vec<TicketRow>,
    /// There are rows before the window.
    pub before: bool,
    /// There are rows after the window.
    pub after: bool,
    /// Cursor and first row on the screen.
    pub cursor: ListCursor,
    /// The numbers beside the views.
    pub counts: Vec<Count>,
    counts_wanted: bool,
    /// Whether the rows are there.
    pub remote: Remote,
    /// A row that left the view while the cursor was on it; it goes when the cursor does.
    pub departed: Option<TicketId>,
    sort: Option<TicketSort>,
    fresh: HashSet<TicketId>,
    preview_due: Option<Timestamp>,
    previous: Option<TicketId>,
}

impl Queue {
    /// The view's name, or the search.
    pub fn title(&self) -> String {
        match &self.search {
            Some(search) => format!("search: {}", search.text),
            None => VIEWS[self.view].name.to_owned(),
        }
    }

    /// What the search line holds.
    pub fn search_text(&self) -> String {
        self.search.as_ref().map(|search| search.text.clone()).unwrap_or_default()
    }

    /// The order of the rows.
    pub fn sort(&self) -> TicketSort {
        let natural = if self.search.is_some() { TicketSort::Activity } else { VIEWS[self.view].sort };
        if self.search.is_some() { natural } else { self.sort.unwrap_or(natural) }
    }

    /// Which tickets.
    pub fn filter(&self) -> TicketFilter {
        self.search.as_ref().map_or_else(|| VIEWS[self.view].filter(), |search| search.filter.clone())
    }

    /// The row under the cursor.
    pub fn selected(&self) -> Option<&TicketRow> {
        self.rows.get(self.cursor.selected)
    }

    /// How many in all: exact up to 999 for a view; for a search what is loaded.
    pub fn total(&self) -> String {
        let loaded = self.rows.len() - usize::from(self.departed.is_some());
        match (&self.search, self.counts.get(self.view)) {
            (None, Some(count)) => count.to_string(),
            _ if self.after || self.before => format!("{loaded}+"),
            _ => loaded.to_string(),
        }
    }

    /// Rows that came in above the screen since they were last seen.
    pub fn new_above(&self) -> usize {
        if self.fresh.is_empty() {
            return 0;
        }
        self.rows.iter().take(self.cursor.offset).filter(|row| self.fresh.contains(&row.id)).count()
    }

    /// The rows could not be had.
    pub fn failed(&mut self, why: String) {
        self.remote = Remote::Failed(why);
    }

    /// When the preview follows.
    pub const fn next_wake(&self) -> Option<Timestamp> {
        self.preview_due
    }

    fn index_of(&self, id: &TicketId) -> Option<usize> {
        self.rows.iter().position(|row| row.id == *id)
    }
}

/// Rows on the screen.
pub fn page(state: &State) -> usize {
    let height = layout::areas(state).queue_rows.height;
    usize::from(if height == 0 { state.size.1.saturating_sub(4) } else { height }).max(1)
}

/// After signing in: the first view that has something in it is opened; the first of all to begin with.
pub fn open_first(state: &mut State) {
    show(state);
}

/// Goes to a view.
pub fn view(state: &mut State, view: usize) {
    if state.queue.view != view || state.queue.search.is_some() {
        state.queue.sort = None;
    }
    state.queue.view = view.min(VIEWS.len() - 1);
    state.queue.search = None;
    state.thread.focused = false;
    show(state);
}

/// To a neighbour view.
pub fn neighbour(state: &mut State, by: isize) {
    let len = VIEWS.len().cast_signed();
    view(state, (state.queue.view.cast_signed() + by).rem_euclid(len).cast_unsigned());
}

/// Waiting longest first, or newest activity first.
pub fn toggle_sort(state: &mut State) {
    state.queue.sort = Some(match state.queue.sort() {
        TicketSort::Waiting => TicketSort::Activity,
        TicketSort::Activity => TicketSort::Waiting,
    });
    // The cursor stays on its ticket: the list goes on from there in the other order.
    let sort = state.queue.sort();
    let place = state.queue.selected().map(|row| Place::of(row, sort));
    ask(state, PageUse::Top, place.map_or(Window::First, Window::From), PAGE);
}

/// Searches; an empty text shows the view again.
pub fn search(state: &mut State, text: &str) {
    let text = text.trim();
    let number = text.trim_start_matches('#');
    let is_number = text.starts_with('#')
        || number.chars().all(|c| c.is_ascii_digit())
        || number.rsplit_once('-').is_some_and(|(prefix, digits)| {
            let letters = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
            prefix.chars().all(letters) && digits.chars().all(|c| c.is_ascii_digit())
        });
    state.queue.search = match (text.is_empty(), is_number) {
        (true, _) => None,
        (false, true) => {
            Some(Search { text: text.to_owned(), filter: TicketFilter::Number(number.to_owned()) })
        }
        (false, false) => {
            Some(Search { text: text.to_owned(), filter: TicketFilter::ClientText(text.to_owned()) })
        }
    };
    show(state);
}

/// Shows the tickets of one client.
pub fn of_client(state: &mut State, client: UserId, name: &str) {
    state.tab = super::Tab::Queue;
    state.thread.focused = false;
    state.queue.search = Some(Search { text: name.to_owned(), filter: TicketFilter::Client(client) });
    show(state);
}

/// From the top, and the numbers beside the views when that is there: the rows come first.
fn show(state: &mut State) {
    state.queue.counts_wanted = true;
    ask(state, PageUse::Top, Window::First, PAGE);
}

fn ask(state: &mut State, page: PageUse, window: Window, limit: u16) {
    let replaces = !matches!(page, PageUse::Append | PageUse::Prepend);
    if replaces {
        state.requests.forget(|purpose| matches!(purpose, Purpose::Queue(_)));
    } else if state.requests.any(|purpose| matches!(purpose, Purpose::Queue(_))) {
        return;
    }
    if matches!(page, PageUse::Top | PageUse::Bottom) {
        state.queue.remote = Remote::Loading;
    }
    let (filter, sort) = (state.queue.filter(), state.queue.sort());
    state.fetch(Purpose::Queue(page), Query::Queue(QueuePage { filter, sort, window, limit }));
}

/// Asks for the numbers beside the views.
pub fn counts(state: &mut State) {
    state.requests.forget(|purpose| *purpose == Purpose::Counts);
    state.fetch(Purpose::Counts, Query::Counts(VIEWS.iter().map(View::filter).collect()));
}

/// Reads the window again, after a change elsewhere.
pub fn reload(state: &mut State) {
    if state.requests.any(|purpose| matches!(purpose, Purpose::Queue(PageUse::Top | PageUse::Bottom))) {
        return;
    }
    let queue = &state.queue;
    let stayed = queue.rows.iter().find(|row| Some(&row.id) != queue.departed.as_ref());
    let window = match stayed {
        Some(first) if queue.before => Window::From(Place::of(first, queue.sort())),
        _ => Window::First,
    };
    let limit = (queue.rows.len().max(PAGE.into()).min(KEPT)) as u16;
    ask(state, PageUse::Reload, window, limit);
}

/// Moves the cursor by rows.
pub fn step(state: &mut State, by: isize) {
    let to = state.queue.cursor.selected.saturating_add_signed(by);
    select(state, to);
}

/// To the first ticket of all.
pub fn first(state: &mut State) {
    if state.queue.before { ask(state, PageUse::Top, Window::First, PAGE) } else { select(state, 0) }
}

/// To the last ticket of all.
pub fn last(state: &mut State) {
    if state.queue.after {
        ask(state, PageUse::Bottom, Window::Last, PAGE);
    } else {
        select(state, usize::MAX);
    }
}

/// Puts the cursor on a row.
pub fn select(state: &mut State, to: usize) {
    let height = page(state);
    let queue = &mut state.queue;
    let from = queue.selected().map(|row| row.id.clone());
    let mut to = to.min(queue.rows.len().saturating_sub(1));
    if queue.departed.is_some() && queue.departed == from && to != queue.cursor.selected {
        let gone = queue.cursor.selected;
        queue.rows.remove(gone);
        queue.departed = None;
        if to > gone {
            to -= 1;
        }
    }
    queue.cursor.select(to, queue.rows.len(), height);
    rows::seen(queue, height);
    if queue.selected().map(|row| &row.id) != from.as_ref() {
        queue.previous = from;
        queue.preview_due = Some(state.now.after(PREVIEW_AFTER));
    }
    more(state);
}

/// Asks for more rows when the cursor comes near an end of the window.
fn more(state: &mut State) {
    let queue = &state.queue;
    let sort = queue.sort();
    if queue.after && queue.cursor.selected + NEAR >= queue.rows.len() {
        let last = queue.rows.iter().rev().find(|row| Some(&row.id) != queue.departed.as_ref());
        if let Some(place) = last.map(|row| Place::of(row, sort)) {
            ask(state, PageUse::Append, Window::After(place), PAGE);
        }
    } else if queue.before && queue.cursor.selected < NEAR {
        let first = queue.rows.iter().find(|row| Some(&row.id) != queue.departed.as_ref());
        if let Some(place) = first.map(|row| Place::of(row, sort)) {
            ask(state, PageUse::Prepend, Window::Before(place), PAGE);
        }
    }
}

/// To the next row, as after resolving. Says whether there is one.
pub fn next_ticket(state: &mut State, by: isize) -> bool {
    let before = state.queue.selected().map(|row| row.id.clone());
    step(state, by);
    let after = state.queue.selected().map(|row| row.id.clone());
    if after.is_some() && after != before {
        follow(state);
        return true;
    }
    false
}

/// The conversation shows the row under the cursor, at once.
pub fn follow(state: &mut State) {
    state.queue.preview_due = None;
    if state.composer.is_some() {
        return;
    }
    let visible = layout::areas(state).thread_body.height > 0;
    match state.queue.selected().map(|row| row.id.clone()) {
        Some(id) if visible || state.thread.focused => thread::open(state, id),
        None if !state.thread.focused => thread::close(state),
        Some(_) | None => {}
    }
}

/// The preview follows the cursor when it has rested.
pub fn settle(state: &mut State) {
    let height = page(state);
    if state.queue.preview_due.is_some_and(|due| due <= state.now) {
        follow(state);
    }
    let queue = &mut state.queue;
    let len = queue.rows.len();
    queue.cursor.show(len, height);
}

/// Opens the ticket with this number.
pub fn jump(state: &mut State, number: &str) {
    let number = number.trim().to_owned();
    state.fetch(Purpose::Jump(number.clone()), Query::TicketByNumber(number));
}

/// The number was looked up.
pub fn jumped(state: &mut State, number: &str, found: Option<TicketId>) {
    let now = state.now;
    match found {
        Some(id) => open_ticket(state, id),
        None => state.toasts.warn(format!("there is no ticket {number}"), now),
    }
}

/// Opens a ticket, in the queue or not.
pub fn open_ticket(state: &mut State, id: TicketId) {
    state.tab = super::Tab::Queue;
    state.queue.previous = state.thread.ticket.clone();
    state.queue.preview_due = None;
    if let Some(at) = state.queue.index_of(&id) {
        let height = page(state);
        let len = state.queue.rows.len();
        state.queue.cursor.select(at, len, height);
    }
    state.thread.focused = true;
    thread::open(state, id);
    thread::read(state);
}

/// To the ticket before this one, and back again.
pub fn back_and_forth(state: &mut State) {
    let now = state.now;
    match state.queue.previous.take() {
        Some(id) => {
            let focused = state.thread.focused;
            open_ticket(state, id);
            state.thread.focused = focused || layout::areas(state).queue_rows.height == 0;
        }
        None => state.toasts.info("there is no ticket before this one yet", now),
    }
}

/// A row was clicked: the cursor goes there; a second click opens it.
pub fn click(state: &mut State, line: usize) {
    let at = state.queue.cursor.offset + line;
    if at >= state.queue.rows.len() {
        return;
    }
    if at == state.queue.cursor.selected {
        crate::app::run::run(state, crate::app::action::Action::Open);
    } else {
        state.thread.focused = false;
        select(state, at);
    }
}

/// A view was clicked.
pub fn click_view(state: &mut State, line: usize) {
    if let Some(at) = line.checked_sub(1).filter(|at| *at < VIEWS.len()) {
        view(state, at);
    }
}
