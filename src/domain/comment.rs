//! Messages of a ticket's conversation.

use super::ids::{CommentId, UserId};
use super::safe_text::{SafeText, sanitise};
use super::time::Timestamp;
use super::user::Role;

/// Which side wrote: the `sender` of a comment. The description counts as the client's.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The client (`CLIENT`).
    Client,
    /// Staff (`ADMIN`).
    Staff,
    /// A value that the web app added later.
    Unknown(Box<str>),
}

impl Side {
    /// Reads the database's word.
    pub fn parse(word: &str) -> Self {
        match word {
            "CLIENT" => Self::Client,
            "ADMIN" => Self::Staff,
            other => Self::Unknown(sanitise(other).into()),
        }
    }

    /// The word for the screen.
    pub fn label(&self) -> &str {
        match self {
            Self::Client => "client",
            Self::Staff => "staff",
            Self::Unknown(word) => word,
        }
    }
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// The row of `ticket_comments`.
    pub id: CommentId,
    /// Who wrote it.
    pub author: UserId,
    /// The author's name, or e-mail address where there is none.
    pub author_name: SafeText,
    /// The author's role now; may disagree with the side.
    pub author_role: Role,
    /// Which side it was written for.
    pub side: Side,
    /// What was written.
    pub content: SafeText,
    /// When.
    pub created_at: Timestamp,
}

impl Comment {
    /// Whether the stored side and the author's role disagree (database.md, trap 12).
    pub fn side_disagrees(&self) -> bool {
        match self.side {
            Side::Client => self.author_role.is_staff(),
            Side::Staff => self.author_role == Role::Client,
            Side::Unknown(_) => false,
        }
    }
}
