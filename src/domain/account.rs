//! Accounts as they are made, changed and erased.
//!
//! No account is ever deleted: the web app's rows hang on it. It is switched off, or erased by overwriting.

use super::command::Change;
use super::ids::UserId;
use super::time::Timestamp;
use super::user::{Person, Role};

const STAND_IN: (&str, &str) = ("erased-", "@invalid");

/// A new account, already validated. It has no password: a code lets its owner choose one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountFields {
    /// Address as typed, trimmed.
    pub email: String,
    /// Full name; not blank.
    pub name: String,
    /// Company, if any.
    pub company: Option<String>,
    /// Rights.
    pub role: Role,
}

/// One field of an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccountChange {
    /// Full name.
    Name(Change<Option<String>>),
    /// Company.
    Company(Change<Option<String>>),
    /// Address; a changed one is unverified.
    Email(Change<String>),
}

impl AccountChange {
    /// The way back.
    pub fn inverse(&self) -> Self {
        match self {
            Self::Name(change) => Self::Name(change.inverse()),
            Self::Company(change) => Self::Company(change.inverse()),
            Self::Email(change) => Self::Email(change.inverse()),
        }
    }

    /// The word on the screen and in the event log.
    pub const fn label(&self) -> &'static str {
        match self {
            Self::Name(_) => "name",
            Self::Company(_) => "company",
            Self::Email(_) => "email",
        }
    }
}

/// What becomes of the texts that an erased client wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientTexts {
    /// They stay.
    Keep,
    /// Tickets, messages and projects show a mark in their place.
    Erase,
}

/// An account to be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Whose.
    pub user: UserId,
    /// What was typed to confirm: the account's address or its id.
    pub confirmation: String,
    /// Whether what they wrote goes too.
    pub texts: ClientTexts,
    stand_in: String,
}

impl Erasure {
    /// An erasure; the random bytes go into the address that stands in, since an id may hold a name.
    pub fn new(user: UserId, confirmation: String, texts: ClientTexts, random: [u8; 16]) -> Self {
        let stand_in = format!("{}{}{}", STAND_IN.0, UserId::from_random(random).as_str(), STAND_IN.1);
        Self { user, confirmation, texts, stand_in }
    }

    /// The address that stands in for theirs: no mail ever reaches it.
    pub fn stand_in(&self) -> &str {
        &self.stand_in
    }
}

/// What erasing somebody touches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErasurePreview {
    /// Who.
    pub person: Person,
    /// Tickets of theirs: they stay, their texts may go.
    pub tickets: i64,
    /// Messages that they wrote.
    pub comments: i64,
    /// Projects of theirs.
    pub projects: i64,
    /// Half-written answers: by them, or to them.
    pub drafts: i64,
    /// Sessions of theirs, which end.
    pub sessions: i64,
    /// Mails to them, sent and still to be sent: they go.
    pub mails: i64,
    /// Events by them, which say no more where they came from.
    pub events: i64,
}

/// A member of staff as the Staff screen lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaffRow {
    /// Who.
    pub person: Person,
    /// Whether the address is verified.
    pub verified: bool,
    /// Whether there is a password at all.
    pub has_password: bool,
    /// Last sign-in, here or in the web app.
    pub last_signed_in: Option<Timestamp>,
    /// Sessions that hold.
    pub sessions: i64,
    /// Another account has this address but for its case.
    pub twin: bool,
}

/// Whether an address stands in for one that was erased.
pub fn is_erased(email: &str) -> bool {
    email.starts_with(STAND_IN.0) && email.ends_with(STAND_IN.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_that_stands_in_holds_nothing_of_the_person() {
        let erasure = Erasure::new(UserId::new("ada-lovelace"), String::new(), ClientTexts::Keep, [7; 16]);
        assert_eq!(erasure.stand_in(), "erased-07070707-0707-4707-8707-070707070707@invalid");
        assert!(is_erased(erasure.stand_in()));
        assert!(!is_erased("erased-ada@example.test") && !is_erased("ada@invalid"));
    }
}
