//! The desk's mind: one [`State`], one [`update`], effects as values.
//!
//! Pure: no clock, no randomness, no IO, no await. Time comes in with every message, randomness as a seed.
//! What should happen outside is returned as [`Effect`]s; what happened comes back as [`Msg`]s. All intent
//! passes one funnel (`input` -> `available` -> `run`), so one gate greys out, explains and refuses.

pub mod account_actions;
pub mod action;
pub mod available;
pub mod edit;
pub mod footer;
pub mod ids;
pub mod input;
pub mod key;
pub mod keymap;
pub mod layout;
pub mod list;
pub mod live;
pub mod overlay;
pub mod pointer;
pub mod requests;
pub mod run;
pub mod screen;
pub mod sitting;
pub mod ticket_actions;
pub mod toast;
pub mod undo;
pub mod wrap;

use crate::auth::Password;
use crate::domain::change::Change;
use crate::domain::command::{Command, Done};
use crate::domain::failure::Failure;
use crate::domain::ids::{EventId, TicketId, UserId};
use crate::domain::query::{Loaded, Query};
use crate::domain::safe_text::SafeText;
use crate::domain::ticket::Draft;
use crate::domain::time::Timestamp;
use crate::domain::token::{Redeemed, TokenCode};
use crate::domain::user::{Person, Role};
use ids::Ids;
use jiff::tz::TimeZone;
use key::{Input, Key};
use keymap::Keymap;
use overlay::Overlay;
use requests::{Req, Requests};
use screen::{
    Tab, board::Board, clients::Clients, composer::Composer, queue::Queue, redeem::Redeem, sign_in::SignIn,
    staff::Staff, thread::ThreadPane,
};
use sitting::Sitting;
use std::time::Duration;
use toast::Toasts;
use undo::History;

/// What a session is started with.
#[derive(Debug)]
pub struct Settings {
    /// Columns and rows of the terminal.
    pub size: (u16, u16),
    /// Keys.
    pub keymap: Keymap,
    /// The reader's time zone.
    pub zone: TimeZone,
    /// 32 random bytes of the operating system: ids of new rows come from them.
    pub seed: [u8; 32],
    /// Whether the mouse is asked for.
    pub mouse: bool,
    /// The moment of the start.
    pub now: Timestamp,
    /// An address to fill into the sign-in screen.
    pub email: Option<String>,
    /// The screen locks after so long without a key.
    pub idle: Option<Duration>,
}

/// Everything a session knows. A plain value: many may live in one process.
#[derive(Debug)]
pub struct State {
    /// The moment of the last message, by this machine's clock.
    pub now: Timestamp,
    /// Server's clock minus ours, in microseconds.
    pub skew: i64,
    /// The reader's zone.
    pub zone: TimeZone,
    /// Columns and rows.
    pub size: (u16, u16),
    /// Keys.
    pub keymap: Keymap,
    /// Who has signed in.
    pub me: Option<Me>,
    /// How the desk is connected.
    pub link: Link,
    /// Whether changes arrive by themselves.
    pub listening: bool,
    /// Which screen.
    pub tab: Tab,
    /// What lies over the screen.
    pub overlay: Option<Overlay>,
    /// Keys of a chord so far.
    pub pending: Vec<Key>,
    /// Messages that pass.
    pub toasts: Toasts,
    /// The sign-in screen.
    pub sign_in: SignIn,
    /// A code instead of a password, while the form for it is open.
    pub redeem: Option<Redeem>,
    /// How long whoever signed in may stay, and whether the screen is locked.
    pub sitting: Sitting,
    /// The list of tickets.
    pub queue: Queue,
    /// The conversation.
    pub thread: ThreadPane,
    /// A reply being written.
    pub composer: Option<Composer>,
    /// The project boards.
    pub board: Board,
    /// The clients.
    pub clients: Clients,
    /// The accounts of staff.
    pub staff_pane: Staff,
    /// Active staff, for assigning.
    pub staff: Vec<Person>,
    /// What can be taken back.
    pub history: History,
    /// What is under way.
    pub requests: Requests,
    /// Whether the mouse is ours.
    pub mouse: bool,
    /// Set while the terminal is handed to an editor.
    pub away: bool,
    ids: Ids,
    reply_when_loaded: bool,
    close_composer_when_saved: bool,
    warned_about: Option<TicketId>,
    /// A form that was being filled in when its owner's session ended.
    parked_form: Option<(UserId, Overlay)>,
    escape: input::EscapeTail,
    live: live::Live,
    effects: Vec<Effect>,
    title: String,
}

/// Who has signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Me {
    /// The row of `users`.
    pub id: UserId,
    /// For the header.
    pub name: SafeText,
    /// Rights at sign-in.
    pub role: Role,
}

/// How the desk is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Not yet.
    Connecting,
    /// Changes arrive by themselves.
    Live,
    /// The listener is lost, the database answers.
    Polling,
    /// The database does not answer, since then.
    Offline(Timestamp),
}

/// All that can happen to a session.
#[derive(Debug)]
pub enum Msg {
    /// From the terminal.
    Input(Input),
    /// A deadline of [`next_wake`] has come.
    Woke,
    /// What was on the screen is what [`State`] says: keys that confirm may be trusted now.
    Drawn,
    /// A query was answered.
    Loaded {
        /// Which.
        req: Req,
        /// The answer.
        result: Result<Loaded, Failure>,
    },
    /// A command was carried out, or not.
    Done {
        /// Which.
        req: Req,
        /// How it went.
        result: Result<Done, Failure>,
    },
    /// An attempt to sign in was decided; a failure is a sentence.
    SignedIn(Result<Me, String>),
    /// A code was used, or not; a failure is a sentence.
    Redeemed(Result<Redeemed, String>),
    /// The password for the locked screen was looked at; a failure is a sentence.
    Unlocked(Result<(), String>),
    /// The session may be kept on this machine, if its owner wants that.
    StayOffered,
    /// Rows changed in the database.
    Changed(Vec<Change>),
    /// The listener's state.
    Link(Link),
    /// Drafts that an earlier run could not save.
    Recovered(Vec<(TicketId, Draft)>),
    /// A draft that the database did not take soon was kept on this machine, or could not be.
    DraftKept {
        /// Whose conversation.
        ticket: TicketId,
        /// Its text.
        content: String,
        /// Why not.
        result: Result<(), String>,
    },
    /// The editor in which something was only read was closed, or could not be opened.
    WasRead(Result<(), String>),
    /// The editor was closed: the text, or why it could not be had.
    Edited(Result<String, String>),
    /// Something to tell.
    Notice(String),
}

/// All that a session asks of the outside.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Run a query and answer with [`Msg::Loaded`].
    Fetch {
        /// To answer with.
        req: Req,
        /// What to read.
        query: Query,
    },
    /// Carry out a command and answer with [`Msg::Done`].
    Execute {
        /// To answer with.
        req: Req,
        /// What to write.
        command: Command,
        /// The event that this takes back.
        undoes: Option<EventId>,
    },
    /// Keep a draft on this machine: the database takes its time.
    Keep {
        /// The ticket that is answered.
        ticket: TicketId,
        /// What is written so far.
        draft: Draft,
    },
    /// Decide an attempt and answer with [`Msg::SignedIn`].
    SignIn {
        /// As typed.
        email: String,
        /// As typed.
        password: Password,
    },
    /// Use a code and answer with [`Msg::Redeemed`].
    Redeem {
        /// As typed.
        code: TokenCode,
        /// The new password, if the code is for one.
        password: Option<Password>,
    },
    /// Set a new password where the old one is right, and answer with [`Msg::Done`].
    ChangePassword {
        /// To answer with.
        req: Req,
        /// As typed.
        old: Password,
        /// As typed.
        new: Password,
    },
    /// Look at the password of whoever is signed in and answer with [`Msg::Unlocked`].
    Unlock {
        /// As typed.
        password: Password,
    },
    /// Note in the database that somebody is at the desk.
    Seen,
    /// Note in the database that the screen is locked.
    Locked,
    /// Keep the session on this machine, or never offer that again.
    Stay(Answered),
    /// Put a text on the terminal's clipboard.
    Copy(String),
    /// Hand a text to `$EDITOR` and answer with [`Msg::Edited`].
    Edit(String),
    /// Hand a copy of a text to `$EDITOR`, to be read, and answer with [`Msg::WasRead`].
    Read(String),
    /// Stop until the shell continues us.
    Suspend,
    /// Clear and draw everything.
    Redraw,
    /// Set the terminal's title.
    Title(String),
    /// Ask for the mouse, or leave it.
    Mouse(bool),
    /// Leave.
    Quit,
}

/// An answer to a question that is not asked again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// Yes.
    Yes,
    /// No.
    No,
}

/// Runs one message. The only way in which a state changes.
pub fn update(state: &mut State, msg: Msg, now: Timestamp) -> Vec<Effect> {
    state.now = now;
    match msg {
        Msg::Input(input) => input::handle(state, input),
        Msg::Woke => {}
        // What a locked screen hides has not been seen.
        Msg::Drawn if state.sitting.locked() => {}
        Msg::Drawn => {
            if let Some(overlay) = &mut state.overlay {
                overlay.drawn();
            }
            if let Some(review) = state.composer.as_mut().and_then(|composer| composer.review.as_mut()) {
                review.armed = true;
            }
        }
        Msg::Loaded { req, result } => requests::loaded(state, req, result),
        Msg::Done { req, result } => requests::done(state, req, result),
        Msg::SignedIn(result) => screen::sign_in::decided(state, result),
        Msg::Redeemed(result) => screen::redeem::decided(state, result),
        Msg::Unlocked(result) => sitting::unlocked(state, result),
        Msg::StayOffered => sitting::offer(state),
        Msg::Changed(changes) => live::changed(state, &changes),
        Msg::Link(link) => live::linked(state, link),
        Msg::Recovered(drafts) => screen::composer::drafts::recover(state, drafts),
        Msg::DraftKept { ticket, content, result } => {
            screen::composer::drafts::kept(state, &ticket, content, result);
        }
        Msg::WasRead(result) => {
            state.away = false;
            if let Err(why) = result {
                state.toasts.warn(why, now);
            }
        }
        Msg::Edited(result) => screen::composer::edited(state, result),
        Msg::Notice(text) => state.toasts.warn(text, now),
    }
    settle(state);
    std::mem::take(&mut state.effects)
}

/// When [`Msg::Woke`] is wanted next; none when nothing is due.
pub fn next_wake(state: &State) -> Option<Timestamp> {
    [
        state.toasts.next_wake(),
        state.queue.next_wake(),
        state.thread.next_wake(),
        screen::composer::drafts::next_wake(state),
        screen::board::next_wake(state),
        screen::clients::next_wake(state),
        screen::staff::next_wake(state),
        state.me.as_ref().and_then(|_| live::next_wake(state)),
        state.requests.next_wake(state.now),
        screen::next_age_change(state),
        sitting::next_wake(state),
    ]
    .into_iter()
    .flatten()
    .min()
}

/// What follows from a state by itself: deadlines that have come, wrapped text, the terminal's title.
fn settle(state: &mut State) {
    state.toasts.expire(state.now);
    sitting::settle(state);
    screen::queue::settle(state);
    screen::thread::settle(state);
    screen::composer::drafts::settle(state);
    screen::board::settle(state);
    screen::clients::settle(state);
    screen::staff::settle(state);
    live::settle(state);
    let title = screen::title(state);
    if title != state.title {
        state.title.clone_from(&title);
        state.effects.push(Effect::Title(title));
    }
}

impl State {
    /// A session before anybody has signed in.
    pub fn new(settings: Settings) -> Self {
        Self {
            now: settings.now,
            skew: 0,
            zone: settings.zone,
            size: settings.size,
            keymap: settings.keymap,
            me: None,
            link: Link::Connecting,
            listening: false,
            tab: Tab::Queue,
            overlay: None,
            pending: Vec::new(),
            toasts: Toasts::default(),
            sitting: Sitting::new(settings.idle, settings.now),
            sign_in: SignIn::new(settings.email.as_deref().unwrap_or_default()),
            redeem: None,
            queue: Queue::default(),
            thread: ThreadPane::default(),
            composer: None,
            board: Board::default(),
            clients: Clients::default(),
            staff_pane: Staff::default(),
            staff: Vec::new(),
            history: History::default(),
            requests: Requests::default(),
            mouse: settings.mouse,
            away: false,
            ids: Ids::new(settings.seed),
            reply_when_loaded: false,
            close_composer_when_saved: false,
            warned_about: None,
            parked_form: None,
            escape: input::EscapeTail::default(),
            live: live::Live::default(),
            effects: Vec::new(),
            title: String::new(),
        }
    }

    /// Now, by the server's clock.
    pub fn server_now(&self) -> Timestamp {
        self.now.shifted(self.skew)
    }

    /// How long ago, by the server's clock.
    pub fn since(&self, then: Timestamp) -> Duration {
        self.server_now().since(then)
    }

    /// Drafts whose last keys are not in the database yet: to be saved, or spooled, on the way out.
    pub fn unsaved_drafts(&self) -> Vec<(TicketId, Draft)> {
        screen::composer::drafts::unsaved(self)
    }

    /// Whether this ticket is the reader's.
    pub fn is_me(&self, user: &UserId) -> bool {
        self.me.as_ref().is_some_and(|me| &me.id == user)
    }

    fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }
}
