//! Sessions as they are listed and ended.

use super::ids::SessionId;
use super::safe_text::SafeText;
use super::time::Timestamp;
use super::user::Person;

/// A session that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionRow {
    /// Which.
    pub id: SessionId,
    /// Whose.
    pub person: Person,
    /// Which desk began it: user, host and process.
    pub origin: SafeText,
    /// Where the sign-in came from.
    pub source: SafeText,
    /// Since when.
    pub since: Timestamp,
    /// When its owner was at the desk last.
    pub last_seen: Timestamp,
    /// When it ends by itself.
    pub ends: Timestamp,
}

/// Which sessions of somebody are to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// This one.
    One(SessionId),
}

impl Which {
    /// The one session, if it is one.
    pub const fn one(&self) -> Option<&SessionId> {
        match self {
            Self::All => None,
            Self::One(session) => Some(session),
        }
    }
}
