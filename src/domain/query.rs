//! All that can be read, as values, and the answers.
//!
//! [`TicketFilter`] is what a query language will parse into; for now the built-in views and the search
//! line make it. `me` stays symbolic in it, so that a shared view fits every reader.

use super::account::{ErasurePreview, StaffRow};
use super::comment::Comment;
use super::event::{Event, EventsPage};
use super::ids::{CommentId, ProjectId, TicketId, UserId};
use super::project::{Project, ProjectCard, ProjectStatus};
use super::session::SessionRow;
use super::ticket::{Thread, TicketBrief, TicketRow, TicketStatus};
use super::time::Timestamp;
use super::user::{ClientRow, Person};
use std::time::Duration;

/// Which tickets. Terms of one filter hold together (AND).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TicketFilter {
    /// All of these hold; with no terms, every ticket.
    All(Vec<TicketTerm>),
    /// Tickets of clients whose name, e-mail address or company contains the text. Newest activity first.
    ClientText(String),
    /// Tickets whose number is this, or begins with it. One page.
    Number(String),
    /// Tickets of one client. Newest activity first.
    Client(UserId),
}

impl TicketFilter {
    /// The order that this filter answers in: some have one of their own.
    pub fn sort(&self, wanted: TicketSort) -> TicketSort {
        match self {
            Self::All(_) => wanted,
            Self::ClientText(_) | Self::Number(_) | Self::Client(_) => TicketSort::Activity,
        }
    }
}

/// One term of a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TicketTerm {
    /// OPEN, PENDING, or waiting on us whatever the status (`is:active`).
    Active,
    /// The status is this (`status:`).
    Status(TicketStatus),
    /// Somebody works on it (`assignee:`).
    Assignee(Assignee),
    /// The last message is older than this (`replied:>7d`).
    SilentFor(Duration),
    /// The last message is younger than this (`updated:<14d`).
    UpdatedWithin(Duration),
}

/// Who works on a ticket, in a filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assignee {
    /// The reader.
    Me,
    /// Nobody.
    Nobody,
    /// This member of staff.
    Person(UserId),
}

/// The order of a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketSort {
    /// Waiting longest first, then those that do not wait, newest activity first.
    Waiting,
    /// Newest activity first.
    Activity,
}

impl TicketSort {
    /// The word on the screen.
    pub fn label(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Activity => "activity",
        }
    }
}

/// A place in a sorted queue: the sort key of a row and its id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// `queue_key` or `last_activity_at`, by the order.
    pub key: Timestamp,
    /// Breaks ties.
    pub ticket: TicketId,
}

impl Place {
    /// The place of `row` in an order.
    pub fn of(row: &TicketRow, sort: TicketSort) -> Self {
        let key = match sort {
            TicketSort::Waiting => row.queue_key,
            TicketSort::Activity => row.last_activity_at,
        };
        Self { key, ticket: row.id.clone() }
    }
}

/// Which part of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Window {
    /// From the top.
    First,
    /// The end.
    Last,
    /// What follows a place.
    After(Place),
    /// What comes just before a place.
    Before(Place),
    /// From a place on, itself included.
    From(Place),
}

/// A page of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueuePage {
    /// Which tickets.
    pub filter: TicketFilter,
    /// In what order.
    pub sort: TicketSort,
    /// Which part.
    pub window: Window,
    /// At most this many rows.
    pub limit: u16,
}

/// Which projects a board shows.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct BoardFilter {
    /// Only of this client.
    pub client: Option<UserId>,
    /// Only those whose title, client name or company contains the text.
    pub text: String,
}

/// All that the desk reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Query {
    /// A page of a queue.
    Queue(QueuePage),
    /// How many tickets each filter finds, exact to 999.
    Counts(Vec<TicketFilter>),
    /// A ticket with the newest part of its conversation.
    Thread(TicketId),
    /// Comments older than one, the newest of them last.
    OlderComments {
        /// Which ticket.
        ticket: TicketId,
        /// The oldest comment that is known, with its time.
        before: (Timestamp, CommentId),
    },
    /// The ticket with exactly this number; digits alone stand for the numeric part.
    TicketByNumber(String),
    /// The six columns of the board.
    Board(BoardFilter),
    /// More cards of one column, after this many.
    BoardColumn {
        /// Which projects.
        filter: BoardFilter,
        /// Which column.
        status: ProjectStatus,
        /// The last card that is known.
        after: Box<ProjectCard>,
    },
    /// A project with its texts.
    Project(ProjectId),
    /// Clients whose name, e-mail address or company contains the text; all when it is empty.
    Clients(String),
    /// A client with projects and tickets.
    Client(UserId),
    /// Active staff, for assigning.
    Staff,
    /// All accounts that are no client's, for those who administer them.
    StaffAccounts,
    /// What erasing somebody touches.
    Erasure(UserId),
    /// The account that an id or an e-mail address means.
    Account(String),
    /// Whether the reader's own session still holds.
    Session,
    /// A page of the log, newest first: of a ticket, of a project, or all that fits and may be read.
    Events(EventsPage),
    /// The sessions that hold: one's own, for a SUPER_ADMIN everybody's.
    Sessions,
}

/// A number that is exact up to 999.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Count(u32);

impl Count {
    /// What was counted, up to 1,000.
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// The number, 1,000 for more than 999.
    pub const fn number(self) -> u32 {
        self.0
    }
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0 > 999 { f.write_str("999+") } else { self.0.fmt(f) }
    }
}

/// One column of the board.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BoardColumn {
    /// Which.
    pub status: ProjectStatus,
    /// Its first cards: by end date (none last), title, id.
    pub cards: Vec<ProjectCard>,
    /// How many in all.
    pub count: Count,
}

/// A client with what belongs to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientProfile {
    /// Who.
    pub client: ClientRow,
    /// Whether the address is verified.
    pub email_verified: bool,
    /// Last sign-in to the web app.
    pub last_logged_in: Option<Timestamp>,
    /// Tickets, newest activity first, at most 100.
    pub tickets: Vec<TicketBrief>,
    /// Projects, unfinished ones first, at most 100.
    pub projects: Vec<ProjectCard>,
}

/// What a query found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Rows in the order asked for.
    Queue {
        /// The rows.
        rows: Vec<TicketRow>,
        /// Whether there are rows before these.
        before: bool,
        /// Whether there are rows after these.
        after: bool,
    },
    /// In the order of the filters.
    Counts(Vec<Count>),
    /// The ticket; none when it is gone.
    Thread(Option<Box<Thread>>),
    /// Older comments, oldest first.
    OlderComments {
        /// The comments.
        comments: Vec<Comment>,
        /// Whether there are still older ones.
        has_older: bool,
    },
    /// The ticket; none when there is no such number.
    TicketByNumber(Option<TicketId>),
    /// The columns in their order, unknown values last.
    Board(Vec<BoardColumn>),
    /// More cards of a column.
    BoardColumn {
        /// Which.
        status: ProjectStatus,
        /// The cards.
        cards: Vec<ProjectCard>,
    },
    /// The project; none when it is gone.
    Project(Option<Box<Project>>),
    /// Best matches first, at most 100.
    Clients(Vec<ClientRow>),
    /// The client; none when gone or no client.
    Client(Option<Box<ClientProfile>>),
    /// By name.
    Staff(Vec<Person>),
    /// Those who may enter first, by name.
    StaffAccounts(Vec<StaffRow>),
    /// None when there is no such account, or the reader may not erase.
    Erasure(Option<Box<ErasurePreview>>),
    /// Newest first.
    Events {
        /// The events.
        events: Vec<Event>,
        /// Whether there are older ones.
        more: bool,
    },
    /// One as a rule; several when addresses differ in case only and none is exactly the one asked for.
    Account(Vec<Person>),
    /// When the reader's session ends by itself; none for whoever has none.
    Session(Option<Timestamp>),
    /// The newest sign-in first.
    Sessions(Vec<SessionRow>),
}

/// An answer, with the server's clock when it was given: ages are reckoned by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// What was found.
    pub answer: Answer,
    /// `clock_timestamp()` of the server.
    pub server_now: Timestamp,
}
