//! Tickets: status, priority, the row of the queue and the head of the thread.

use super::comment::{Comment, Side};
use super::ids::{CommentId, TicketId};
use super::project::ProjectCard;
use super::safe_text::{SafeText, sanitise};
use super::time::Timestamp;
use super::user::Person;

/// The `ticket_status` enum; a value the desk does not know is shown as it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TicketStatus {
    /// New or being worked on.
    Open,
    /// Waits for somebody's answer.
    Pending,
    /// Solved.
    Resolved,
    /// Done with.
    Closed,
    /// A value that the web app added later.
    Unknown(Box<str>),
}

impl TicketStatus {
    /// The documented values, in their order.
    pub const ALL: [Self; 4] = [Self::Open, Self::Pending, Self::Resolved, Self::Closed];

    /// Reads the database's word.
    pub fn parse(word: &str) -> Self {
        match word {
            "OPEN" => Self::Open,
            "PENDING" => Self::Pending,
            "RESOLVED" => Self::Resolved,
            "CLOSED" => Self::Closed,
            other => Self::Unknown(sanitise(other).into()),
        }
    }

    /// The database's word, also the word on the screen.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Open => "OPEN",
            Self::Pending => "PENDING",
            Self::Resolved => "RESOLVED",
            Self::Closed => "CLOSED",
            Self::Unknown(word) => word,
        }
    }

    /// Whether the ticket counts as finished.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Resolved | Self::Closed)
    }
}

/// How urgent, kept by the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Priority {
    /// May wait.
    Low,
    /// The default.
    Normal,
    /// Before others.
    High,
    /// Now.
    Urgent,
}

impl Priority {
    /// All, from low to urgent.
    pub const ALL: [Self; 4] = [Self::Low, Self::Normal, Self::High, Self::Urgent];

    /// From the stored number, 0 to 3; anything else counts as normal.
    pub fn from_number(number: i16) -> Self {
        match number {
            0 => Self::Low,
            2 => Self::High,
            3 => Self::Urgent,
            _ => Self::Normal,
        }
    }

    /// The stored number.
    pub fn number(self) -> i16 {
        self as i16
    }

    /// The word on the screen.
    pub fn label(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Normal => "normal",
            Self::High => "high",
            Self::Urgent => "urgent",
        }
    }
}

/// A row of the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketRow {
    /// The row of `support_tickets`.
    pub id: TicketId,
    /// The number that people use.
    pub number: SafeText,
    /// The subject line.
    pub subject: SafeText,
    /// Status now.
    pub status: TicketStatus,
    /// Priority now.
    pub priority: Priority,
    /// Whose ticket it is.
    pub client: Person,
    /// Who works on it.
    pub assignee: Option<Person>,
    /// When it was opened.
    pub created_at: Timestamp,
    /// The newest message, or the opening.
    pub last_activity_at: Timestamp,
    /// Who wrote last.
    pub last_side: Side,
    /// The newest comment; none when there is only the description.
    pub last_comment: Option<CommentId>,
    /// Since when the client waits on us; none when they do not.
    pub waiting_since: Option<Timestamp>,
    /// How many comments.
    pub comments: i32,
    /// Something was written since I looked, and not by me.
    pub unread: bool,
    /// I have a draft here.
    pub has_draft: bool,
    /// Orders notifications.
    pub version: i64,
    /// The place in the order "waiting longest first" (`desk.tickets.queue_key`).
    pub queue_key: Timestamp,
}

/// What a reply of mine made of a ticket: all of its row that a reply changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// Status now.
    pub status: TicketStatus,
    /// The newest message: the reply, or what came after it.
    pub last_activity_at: Timestamp,
    /// Who wrote it.
    pub last_side: Side,
    /// Its id.
    pub last_comment: Option<CommentId>,
    /// Since when the client waits on us.
    pub waiting_since: Option<Timestamp>,
    /// How many comments.
    pub comments: i32,
    /// Another text of mine stays as a draft.
    pub has_draft: bool,
    /// Orders notifications.
    pub version: i64,
    /// The place in the order "waiting longest first".
    pub queue_key: Timestamp,
}

impl Answered {
    /// The row that was known, as it is now.
    #[must_use]
    pub fn applied_to(&self, known: &TicketRow) -> TicketRow {
        TicketRow {
            status: self.status.clone(),
            last_activity_at: self.last_activity_at,
            last_side: self.last_side.clone(),
            last_comment: self.last_comment.clone(),
            waiting_since: self.waiting_since,
            comments: self.comments,
            unread: false,
            has_draft: self.has_draft,
            version: self.version,
            queue_key: self.queue_key,
            ..known.clone()
        }
    }
}

/// What the client card shows beside a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientCard {
    /// Other tickets of the client that are open, newest first, at most ten.
    pub other_open: Vec<TicketBrief>,
    /// How many other tickets are open, at most 1,000.
    pub other_open_count: i64,
    /// The client's projects, unfinished ones first, at most ten.
    pub projects: Vec<ProjectCard>,
}

/// A ticket in a list beside something else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TicketBrief {
    /// The row of `support_tickets`.
    pub id: TicketId,
    /// The number that people use.
    pub number: SafeText,
    /// The subject line.
    pub subject: SafeText,
    /// Status now.
    pub status: TicketStatus,
    /// The newest message, or the opening.
    pub last_activity_at: Timestamp,
    /// Since when the client waits on us.
    pub waiting_since: Option<Timestamp>,
}

/// A ticket opened: its head and the newest part of its conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thread {
    /// The head, as in the queue.
    pub ticket: TicketRow,
    /// What the client wrote when opening it.
    pub description: SafeText,
    /// The client card.
    pub card: ClientCard,
    /// The newest comments, oldest of them first.
    pub comments: Vec<Comment>,
    /// Whether there are older comments than these.
    pub has_older: bool,
    /// Up to where I had read when it was opened; none when never.
    pub seen_at: Option<Timestamp>,
    /// My draft here, if there is one.
    pub draft: Option<Draft>,
}

/// A reply being written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// The id that the comment will get: made when composing starts.
    pub comment: CommentId,
    /// The text so far.
    pub content: String,
    /// The newest comment when composing began.
    pub last_comment: Option<CommentId>,
    /// The status to set with the sending.
    pub status_after: Option<TicketStatus>,
    /// The other text, when it was edited on two hosts.
    pub older_content: Option<String>,
    /// Counts the savings; 0 = never saved.
    pub version: i64,
}
