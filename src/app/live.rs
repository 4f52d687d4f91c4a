//! Changes made elsewhere: what they touch is marked, and read again soon, but not too often.

use super::overlay::{Overlay, log};
use super::screen::{Tab, board, clients, queue, staff, thread};
use super::{Link, State};
use crate::app::requests::Purpose;
use crate::domain::change::Change;
use crate::domain::ids::UserId;
use crate::domain::query::Query;
use crate::domain::time::Timestamp;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

/// While changes keep coming, the screen is read again at most this often.
const GAP: Duration = Duration::from_millis(500);
/// In a storm of changes, much seldomer: nobody reads that fast, and the server has enough to do.
const STORM_GAP: Duration = Duration::from_secs(2);
/// So many bundles of changes since the last reading are a storm; there are at most 25 a second.
const STORM: u32 = 8;
/// What a person asked to be written goes first: its answer is waited for so long before anything is read again.
const OWN_WRITE: Duration = Duration::from_millis(300);
/// What was written is drawn before anything is read again: reading takes the processor from the frame.
const FIRST_FRAME: Duration = Duration::from_millis(20);
/// The numbers beside the views follow what others do after so long, and each desk at a time of its own: counting costs
/// more than reading a page, and many desks hear the same at the same moment.
const COUNTED: (Duration, Duration) = (Duration::from_millis(300), Duration::from_millis(700));
/// While changes keep coming, they are counted again at most this often.
const COUNT_GAP: Duration = Duration::from_secs(2);
/// While the database does not answer, it is asked again this often.
const RETRY: Duration = Duration::from_secs(3);

/// What is to be read again.
#[derive(Debug, Default)]
pub struct Live {
    queue: bool,
    thread: bool,
    board: bool,
    clients: bool,
    log: bool,
    last: Timestamp,
    /// Bundles of changes since then.
    heard: u32,
    /// When something written by me was answered.
    written: Option<Timestamp>,
    /// When the numbers beside the views were asked for last, and are to be asked for again.
    counted: Timestamp,
    counts_due: Option<Timestamp>,
    retry_due: Option<Timestamp>,
}

impl Live {
    /// When the screen may be read again.
    fn due(&self) -> Timestamp {
        self.last.after(if self.heard < STORM { GAP } else { STORM_GAP })
    }

    fn any(&self) -> bool {
        self.queue || self.thread || self.board || self.clients || self.log
    }

    /// The conversation is being read, by a statement that comes after all changes heard of so far.
    pub const fn thread_asked(&mut self) {
        self.thread = false;
    }

    /// What I wrote is in the database, and on the screen as far as its answer tells: the rest is read soon.
    pub const fn wrote(&mut self, now: Timestamp) {
        self.thread = true;
        self.queue = true;
        self.written = Some(now);
        self.counts_due = Some(now);
    }

    /// A ticket changed: the numbers beside the views may have.
    fn count_soon(&mut self, now: Timestamp, part: f64) {
        let pause = COUNTED.0 + COUNTED.1.mul_f64(part);
        let due = now.after(pause).max(self.counted.after(COUNT_GAP));
        self.counts_due.get_or_insert(due);
    }
}

/// When the next reading is due.
pub fn next_wake(state: &State) -> Option<Timestamp> {
    let live = &state.live;
    let held = state.requests.writing_since().map(|since| since.after(OWN_WRITE));
    let shown = live.written.map(|at| at.after(FIRST_FRAME));
    let free = |due| [held, shown].into_iter().flatten().fold(due, Timestamp::max);
    let reading = live.any().then(|| free(live.due()));
    [reading, live.counts_due.map(free), live.retry_due].into_iter().flatten().min()
}

/// Rows changed in the database.
pub fn changed(state: &mut State, changes: &[Change]) {
    state.live.heard = state.live.heard.saturating_add(1);
    state.live.log |= shows_log(state) && changes.iter().any(|change| *change != Change::Stale);
    let part = state.me.as_ref().map_or(0.0, |me| own_part(&me.id));
    for change in changes {
        match change {
            Change::Ticket(id, version) => {
                state.live.count_soon(state.now, part);
                let known = state.queue.rows.iter().find(|row| row.id == *id);
                if known.is_none_or(|row| row.version < *version) {
                    state.live.queue = true;
                }
                let open = state.thread.data.as_ref().filter(|thread| thread.ticket.id == *id);
                if open.is_some_and(|thread| thread.ticket.version < *version) {
                    state.live.thread = true;
                }
                state.live.board |= state.tab == Tab::Boards;
                state.live.clients |= matches!(state.tab, Tab::Clients | Tab::Staff);
            }
            Change::Project(..) => {
                state.live.board |= state.tab == Tab::Boards;
                state.live.clients |= matches!(state.tab, Tab::Clients | Tab::Staff);
            }
            Change::User(id, _) => {
                let me = state.is_me(id);
                state.live.queue |= me || state.tab == Tab::Queue;
                state.live.clients |= matches!(state.tab, Tab::Clients | Tab::Staff);
            }
            // Asked at once: whoever has lost access shall not read on for another moment.
            Change::Session(id) => {
                if state.is_me(id) {
                    state.fetch(Purpose::Session, Query::Session);
                }
            }
            Change::Everything => refresh(state),
            Change::Stale => {}
        }
    }
}

/// Everything on the screen is to be read again.
pub fn refresh(state: &mut State) {
    state.live.queue = true;
    state.live.thread = true;
    state.live.board = true;
    state.live.clients = true;
    state.live.log = shows_log(state);
    state.live.counts_due = Some(state.now);
}

/// Somewhere between nothing and one, for each person another part.
fn own_part(id: &UserId) -> f64 {
    let mut hasher = DefaultHasher::new();
    id.hash(&mut hasher);
    f64::from(hasher.finish() as u8) / 255.0
}

const fn shows_log(state: &State) -> bool {
    matches!(state.overlay, Some(Overlay::Log(_)))
}

/// The listener's state changed.
pub fn linked(state: &mut State, link: Link) {
    state.listening = link == Link::Live;
    match link {
        Link::Offline(_) => lost(state),
        Link::Live => found(state),
        Link::Polling if matches!(state.link, Link::Offline(_)) => {}
        Link::Connecting | Link::Polling => state.link = link,
    }
}

/// The database did not answer: it is asked again soon.
pub fn lost(state: &mut State) {
    if !matches!(state.link, Link::Offline(_)) {
        state.link = Link::Offline(state.now);
    }
    state.live.retry_due = Some(state.now.after(RETRY));
}

/// The database answers.
pub fn found(state: &mut State) {
    let was_lost = matches!(state.link, Link::Offline(_));
    state.link = if state.listening { Link::Live } else { Link::Polling };
    state.live.retry_due = None;
    if was_lost {
        let now = state.now;
        state.toasts.good("the database is back", now);
        refresh(state);
    }
}

/// Reads again what is marked, when it is time.
pub fn settle(state: &mut State) {
    if state.live.retry_due.take_if(|due| *due <= state.now).is_some() {
        refresh(state);
    }
    let due = state.now >= state.live.due() || state.live.last > state.now;
    let (now, live) = (state.now, &state.live);
    let held = state.requests.writing_since().is_some_and(|since| now < since.after(OWN_WRITE))
        || live.written.is_some_and(|at| at <= now && now < at.after(FIRST_FRAME));
    if state.me.is_none() || held {
        return;
    }
    read(state, due);
    if state.live.counts_due.take_if(|due| *due <= now).is_some() {
        state.live.counted = now;
        queue::counts(state);
    }
}

fn read(state: &mut State, due: bool) {
    if !state.live.any() || !due {
        return;
    }
    state.live.last = state.now;
    state.live.heard = 0;
    state.live.written = None;
    if std::mem::take(&mut state.live.queue) {
        queue::reload(state);
    }
    // A reading under way may have begun before the change: this one comes after it.
    if state.live.thread && thread::reload(state) {
        state.live.thread = false;
    }
    if std::mem::take(&mut state.live.board) && state.tab == Tab::Boards {
        board::reload(state);
    }
    if std::mem::take(&mut state.live.log) {
        log::reload(state);
    }
    if std::mem::take(&mut state.live.clients) {
        match state.tab {
            Tab::Clients => clients::reload(state),
            Tab::Staff => staff::reload(state),
            Tab::Queue | Tab::Boards => {}
        }
    }
}
