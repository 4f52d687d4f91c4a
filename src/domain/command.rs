//! All that can be written, as values.
//!
//! A command names what it changes, what its author saw there, and what it is to become. Nothing is
//! overwritten unseen: what differs from the seen value is answered with
//! [`Failure::Overtaken`](super::failure::Failure::Overtaken).

use super::account::{AccountChange, AccountFields, Erasure};
use super::ids::{CommentId, EventId, ProjectId, SessionId, TicketId, UserId};
use super::money::Budget;
use super::project::{ProjectStatus, ProjectType};
use super::safe_text::SafeText;
use super::session::Which;
use super::ticket::{Answered, Draft, Priority, TicketRow, TicketStatus};
use super::time::Timestamp;
use super::token::{TokenCode, TokenKind};
use super::user::Role;

/// From what was seen to what is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change<T> {
    /// The value on the author's screen.
    pub seen: T,
    /// The value wanted.
    pub to: T,
}

impl<T: Clone> Change<T> {
    /// A change from `seen` to `to`.
    pub fn new(seen: T, to: T) -> Self {
        Self { seen, to }
    }

    /// The way back.
    pub fn inverse(&self) -> Self {
        Self { seen: self.to.clone(), to: self.seen.clone() }
    }
}

/// What a reply or a resolve knows of the conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LastComment {
    /// The newest comment on the author's screen; a newer one is answered with a warning first.
    Seen(Option<CommentId>),
    /// Go on whatever came since: the second press.
    Any,
}

/// One field of a project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProjectChange {
    /// What it is called.
    Title(Change<String>),
    /// Whose it is.
    Client(Change<UserId>),
    /// The column it stands in.
    Status(Change<ProjectStatus>),
    /// What kind of work.
    Kind(Change<ProjectType>),
    /// Pounds.
    Budget(Change<Option<Budget>>),
    /// First day, midnight UTC.
    StartDate(Change<Option<Timestamp>>),
    /// Last day, midnight UTC.
    EndDate(Change<Option<Timestamp>>),
    /// What it is about.
    Description(Change<Option<String>>),
    /// What the client asked for.
    Requirements(Change<Option<String>>),
}

impl ProjectChange {
    /// The way back.
    pub fn inverse(&self) -> Self {
        match self {
            Self::Title(change) => Self::Title(change.inverse()),
            Self::Client(change) => Self::Client(change.inverse()),
            Self::Status(change) => Self::Status(change.inverse()),
            Self::Kind(change) => Self::Kind(change.inverse()),
            Self::Budget(change) => Self::Budget(change.inverse()),
            Self::StartDate(change) => Self::StartDate(change.inverse()),
            Self::EndDate(change) => Self::EndDate(change.inverse()),
            Self::Description(change) => Self::Description(change.inverse()),
            Self::Requirements(change) => Self::Requirements(change.inverse()),
        }
    }
}

/// A new project, already validated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProjectFields {
    /// What it is called; not blank.
    pub title: String,
    /// Whose it is.
    pub client: UserId,
    /// The column it starts in.
    pub status: ProjectStatus,
    /// What kind of work.
    pub kind: ProjectType,
    /// Pounds, zero or more.
    pub budget: Option<Budget>,
    /// First day, midnight UTC.
    pub start_date: Option<Timestamp>,
    /// Last day, midnight UTC; not before the first.
    pub end_date: Option<Timestamp>,
    /// What it is about.
    pub description: Option<String>,
    /// What the client asked for.
    pub requirements: Option<String>,
}

/// All that the desk writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Give a ticket to a member of staff, or to nobody.
    Assign {
        /// Which ticket.
        ticket: TicketId,
        /// From whom to whom.
        change: Change<Option<UserId>>,
    },
    /// Set a ticket's status.
    SetStatus {
        /// Which ticket.
        ticket: TicketId,
        /// From what to what.
        change: Change<TicketStatus>,
        /// Guards against finishing over a message that was not read.
        last_comment: LastComment,
    },
    /// Set a ticket's priority.
    SetPriority {
        /// Which ticket.
        ticket: TicketId,
        /// From what to what.
        change: Change<Priority>,
    },
    /// Stop the waiting clock without an answer, or (to undo that) let it run again since then.
    SetWaiting {
        /// Which ticket.
        ticket: TicketId,
        /// From when to never, or back.
        change: Change<Option<Timestamp>>,
    },
    /// Answer the client: exactly once, whatever the network does, because the id comes from the author.
    Reply {
        /// Which ticket.
        ticket: TicketId,
        /// The id that the comment gets.
        comment: CommentId,
        /// What is said; not blank.
        content: String,
        /// The status with it.
        status: Change<TicketStatus>,
        /// Guards against answering over a message that was not read.
        last_comment: LastComment,
    },
    /// Open a ticket in a client's name.
    CreateTicket {
        /// The id that it gets.
        ticket: TicketId,
        /// For whom.
        client: UserId,
        /// The subject line; not blank.
        subject: String,
        /// What it is about; not blank.
        description: String,
        /// How urgent.
        priority: Priority,
    },
    /// Keep what is being written.
    SaveDraft {
        /// Where it is written.
        ticket: TicketId,
        /// All of it.
        draft: Draft,
    },
    /// Throw away what was being written.
    DiscardDraft {
        /// Where it was written.
        ticket: TicketId,
        /// Which draft.
        comment: CommentId,
    },
    /// I have read a ticket up to a moment, or (none) I have not read it.
    MarkSeen {
        /// Which ticket.
        ticket: TicketId,
        /// Up to when.
        up_to: Option<Timestamp>,
    },
    /// Make a project.
    CreateProject {
        /// The id that it gets.
        project: ProjectId,
        /// All its fields.
        fields: Box<ProjectFields>,
    },
    /// Change some fields of a project; all of them or none.
    EditProject {
        /// Which project.
        project: ProjectId,
        /// The fields.
        changes: Vec<ProjectChange>,
    },
    /// Start a new password or a verification for somebody: a code for them, never a password chosen for them.
    IssueToken {
        /// For whom.
        user: UserId,
        /// What the code is for.
        kind: TokenKind,
    },
    /// End sessions of somebody.
    EndSessions {
        /// Whose.
        user: UserId,
        /// Which of them.
        which: Which,
    },
    /// Make an account. Operators only.
    AddUser {
        /// The id that it gets.
        user: UserId,
        /// Address as typed, trimmed.
        email: String,
        /// Full name.
        name: String,
        /// Company, if any.
        company: Option<String>,
        /// Rights.
        role: Role,
        /// A bcrypt hash.
        password_hash: PasswordHash,
    },
    /// Make an account without a password, to be verified by its owner.
    CreateUser {
        /// The id that it gets.
        user: UserId,
        /// All its fields.
        fields: Box<AccountFields>,
    },
    /// Change some fields of an account; all of them or none.
    EditUser {
        /// Whose.
        user: UserId,
        /// The fields.
        changes: Vec<AccountChange>,
    },
    /// Switch an account off, or on again.
    SetActive {
        /// Whose.
        user: UserId,
        /// From what to what.
        change: Change<bool>,
    },
    /// Give an account another role.
    SetRole {
        /// Whose.
        user: UserId,
        /// From what to what.
        change: Change<Role>,
    },
    /// Set one's own password. Only who was let read the hash knows what was there: the desk, once the old
    /// password fits it.
    ChangeMyPassword {
        /// From which hash to which.
        change: Change<PasswordHash>,
    },
    /// Overwrite what an account says of a person.
    EraseUser(Box<Erasure>),
    /// Note that a part of the log is handed over.
    ExportEvents,
    /// Note that all that is known of a person is handed over.
    ExportUser {
        /// Whose.
        user: UserId,
    },
}

/// What a command is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About<'a> {
    /// A ticket.
    Ticket(&'a TicketId),
    /// A project.
    Project(&'a ProjectId),
    /// Somebody's account.
    User(&'a UserId),
    /// The account of whoever asks.
    Myself,
    /// The event log.
    Log,
}

impl Command {
    /// What it is about.
    pub const fn about(&self) -> About<'_> {
        match self {
            Self::Assign { ticket, .. }
            | Self::SetStatus { ticket, .. }
            | Self::SetPriority { ticket, .. }
            | Self::SetWaiting { ticket, .. }
            | Self::Reply { ticket, .. }
            | Self::CreateTicket { ticket, .. }
            | Self::SaveDraft { ticket, .. }
            | Self::DiscardDraft { ticket, .. }
            | Self::MarkSeen { ticket, .. } => About::Ticket(ticket),
            Self::CreateProject { project, .. } | Self::EditProject { project, .. } => {
                About::Project(project)
            }
            Self::IssueToken { user, .. }
            | Self::EndSessions { user, .. }
            | Self::AddUser { user, .. }
            | Self::CreateUser { user, .. }
            | Self::EditUser { user, .. }
            | Self::SetActive { user, .. }
            | Self::SetRole { user, .. }
            | Self::ExportUser { user } => About::User(user),
            Self::EraseUser(erasure) => About::User(&erasure.user),
            Self::ChangeMyPassword { .. } => About::Myself,
            Self::ExportEvents => About::Log,
        }
    }

    /// The ticket that it is about.
    pub const fn ticket(&self) -> Option<&TicketId> {
        if let About::Ticket(ticket) = self.about() { Some(ticket) } else { None }
    }

    /// The name in the event log, `entity.verb`.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Assign { .. } => "ticket.assign",
            Self::SetStatus { .. } => "ticket.status",
            Self::SetPriority { .. } => "ticket.priority",
            Self::SetWaiting { .. } => "ticket.waiting",
            Self::Reply { .. } => "ticket.reply",
            Self::CreateTicket { .. } => "ticket.create",
            Self::SaveDraft { .. } => "draft.save",
            Self::DiscardDraft { .. } => "draft.discard",
            Self::MarkSeen { .. } => "ticket.seen",
            Self::CreateProject { .. } => "project.create",
            Self::EditProject { .. } => "project.edit",
            Self::IssueToken { .. } => "token.issue",
            Self::EndSessions { .. } => "session.end",
            Self::AddUser { .. } => "user.add",
            Self::CreateUser { .. } => "user.create",
            Self::EditUser { .. } => "user.edit",
            Self::SetActive { change: Change { to: true, .. }, .. } => "user.activate",
            Self::SetActive { .. } => "user.deactivate",
            Self::SetRole { .. } => "user.role",
            Self::ChangeMyPassword { .. } => "user.password",
            Self::EraseUser(_) => "user.erase",
            Self::ExportUser { .. } => "user.export",
            Self::ExportEvents => "audit.export",
        }
    }

    /// What it is about, as the log names it; the id is empty for one's own account.
    pub fn subject(&self) -> (&'static str, &str) {
        if let Self::EndSessions { user, which } = self {
            return ("session", which.one().map_or(user.as_str(), SessionId::as_str));
        }
        match self.about() {
            About::Ticket(ticket) => ("ticket", ticket.as_str()),
            About::Project(project) => ("project", project.as_str()),
            About::User(user) => ("user", user.as_str()),
            About::Myself => ("user", ""),
            About::Log => ("log", "events"),
        }
    }

    /// The account that it makes or changes; none for commands about something else, and for one's own password.
    pub fn account(&self) -> Option<&UserId> {
        match self {
            Self::AddUser { user, .. }
            | Self::CreateUser { user, .. }
            | Self::EditUser { user, .. }
            | Self::SetActive { user, .. }
            | Self::SetRole { user, .. }
            | Self::ExportUser { user } => Some(user),
            Self::EraseUser(erasure) => Some(&erasure.user),
            Self::Assign { .. }
            | Self::SetStatus { .. }
            | Self::SetPriority { .. }
            | Self::SetWaiting { .. }
            | Self::Reply { .. }
            | Self::CreateTicket { .. }
            | Self::SaveDraft { .. }
            | Self::DiscardDraft { .. }
            | Self::MarkSeen { .. }
            | Self::CreateProject { .. }
            | Self::EditProject { .. }
            | Self::IssueToken { .. }
            | Self::EndSessions { .. }
            | Self::ChangeMyPassword { .. }
            | Self::ExportEvents => None,
        }
    }

    /// The command that takes this one back, expecting what this one set; none when that can't be done.
    ///
    /// A reply is out once it is sent: its inverse sets the status back and nothing else.
    pub fn inverse(&self) -> Option<Self> {
        match self {
            Self::Assign { ticket, change } => {
                Some(Self::Assign { ticket: ticket.clone(), change: change.inverse() })
            }
            Self::SetStatus { ticket, change, .. } => Some(Self::SetStatus {
                ticket: ticket.clone(),
                change: change.inverse(),
                last_comment: LastComment::Any,
            }),
            Self::SetPriority { ticket, change } => {
                Some(Self::SetPriority { ticket: ticket.clone(), change: change.inverse() })
            }
            Self::SetWaiting { ticket, change } => {
                Some(Self::SetWaiting { ticket: ticket.clone(), change: change.inverse() })
            }
            Self::Reply { ticket, status, .. } if status.seen != status.to => Some(Self::SetStatus {
                ticket: ticket.clone(),
                change: status.inverse(),
                last_comment: LastComment::Any,
            }),
            Self::EditProject { project, changes } => Some(Self::EditProject {
                project: project.clone(),
                changes: changes.iter().map(ProjectChange::inverse).collect(),
            }),
            Self::EditUser { user, changes } => Some(Self::EditUser {
                user: user.clone(),
                changes: changes.iter().map(AccountChange::inverse).collect(),
            }),
            Self::SetActive { user, change } => {
                Some(Self::SetActive { user: user.clone(), change: change.inverse() })
            }
            Self::SetRole { user, change } => {
                Some(Self::SetRole { user: user.clone(), change: change.inverse() })
            }
            Self::Reply { .. }
            | Self::CreateTicket { .. }
            | Self::SaveDraft { .. }
            | Self::DiscardDraft { .. }
            | Self::MarkSeen { .. }
            | Self::CreateProject { .. }
            | Self::IssueToken { .. }
            | Self::EndSessions { .. }
            | Self::AddUser { .. }
            | Self::CreateUser { .. }
            | Self::ChangeMyPassword { .. }
            | Self::EraseUser(_)
            | Self::ExportUser { .. }
            | Self::ExportEvents => None,
        }
    }
}

/// A bcrypt hash; its text never reaches a log.
#[derive(Clone, PartialEq, Eq)]
pub struct PasswordHash(Box<str>);

impl PasswordHash {
    /// Takes the modular crypt text.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The modular crypt text, for the database only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for PasswordHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasswordHash(***)")
    }
}

/// A command carried out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// The ticket after it, read after the commit; none for commands about something else, for drafts, of which the
    /// row tells nothing, and where `answered` says it all.
    pub row: Option<Box<TicketRow>>,
    /// What a reply made of its ticket, as its own transaction saw it; none when the reply had been sent before.
    pub answered: Option<Box<Answered>>,
    /// The version of the draft saved; none for other commands, and when its message was sent already.
    pub draft_version: Option<i64>,
    /// The text of another host, whose place the draft saved has taken.
    pub other_text: Option<String>,
    /// The event in the log; none when nothing had to be changed, and for drafts and read marks.
    pub event: Option<EventId>,
    /// A code to hand over, shown once; none when it goes by mail, and for other commands.
    pub code: Option<IssuedCode>,
}

/// A code to hand over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuedCode {
    /// What it is for.
    pub kind: TokenKind,
    /// Whose account it is for.
    pub user: UserId,
    /// Their name, or their address.
    pub whom: SafeText,
    /// The code.
    pub code: TokenCode,
    /// Until when it is good, by the server's clock.
    pub until: Timestamp,
}
