//! People: clients and staff.

use super::ids::UserId;
use super::safe_text::{SafeText, sanitise};
use super::time::Timestamp;

/// The `role` enum; a value the desk does not know has no rights.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A client of the agency: has tickets and projects, never signs in here.
    Client,
    /// Staff.
    Admin,
    /// Staff who also administer staff.
    SuperAdmin,
    /// A value that the web app added later.
    Unknown(Box<str>),
}

impl Role {
    /// Reads the database's word.
    pub fn parse(word: &str) -> Self {
        match word {
            "CLIENT" => Self::Client,
            "ADMIN" => Self::Admin,
            "SUPER_ADMIN" => Self::SuperAdmin,
            other => Self::Unknown(sanitise(other).into()),
        }
    }

    /// The database's word.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Client => "CLIENT",
            Self::Admin => "ADMIN",
            Self::SuperAdmin => "SUPER_ADMIN",
            Self::Unknown(word) => word,
        }
    }

    /// Whether accounts of this role may sign in to the desk.
    pub fn is_staff(&self) -> bool {
        matches!(self, Self::Admin | Self::SuperAdmin)
    }
}

/// The few fields of a person that every pane may show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The row of `users`.
    pub id: UserId,
    /// Full name; empty when the account has none.
    pub name: SafeText,
    /// Company; empty when the account has none.
    pub company: SafeText,
    /// E-mail address as stored.
    pub email: SafeText,
    /// Role now.
    pub role: Role,
    /// Whether the account is switched on.
    pub active: bool,
}

impl Person {
    /// The name, or the e-mail address where there is none.
    pub fn display_name(&self) -> &str {
        if self.name.is_blank() { self.email.as_str() } else { self.name.as_str() }
    }

    /// What a queue row shows of a client: the company, else the name.
    pub fn account_name(&self) -> &str {
        if self.company.is_blank() { self.display_name() } else { self.company.as_str() }
    }
}

/// A client as the Clients screen lists and opens them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRow {
    /// Who.
    pub person: Person,
    /// Tickets that are OPEN, PENDING or waiting on us.
    pub open_tickets: i64,
    /// All projects.
    pub projects: i64,
    /// When the account was made.
    pub created_at: Timestamp,
    /// Another account has this address but for its case: neither signs in without care.
    pub twin: bool,
}
