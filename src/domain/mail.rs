//! Mail that the desk sends by itself.

/// What a mail is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MailKind {
    /// A code to choose a new password.
    PasswordReset,
    /// A code to verify an address.
    EmailVerification,
    /// The password was changed.
    PasswordChanged,
    /// The address was changed; to the new one.
    EmailChanged,
    /// The same, to the old one: its owner may be the only one who minds.
    EmailReplaced,
    /// The role was changed, or access was taken or given.
    RoleChanged,
    /// Somebody ended all sessions.
    SessionsEnded,
    /// A ticket has an answer.
    TicketAnswered,
}

impl MailKind {
    /// All.
    pub const ALL: [Self; 8] = [
        Self::PasswordReset,
        Self::EmailVerification,
        Self::PasswordChanged,
        Self::EmailChanged,
        Self::EmailReplaced,
        Self::RoleChanged,
        Self::SessionsEnded,
        Self::TicketAnswered,
    ];

    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::PasswordReset => "password_reset",
            Self::EmailVerification => "email_verification",
            Self::PasswordChanged => "password_changed",
            Self::EmailChanged => "email_changed",
            Self::EmailReplaced => "email_replaced",
            Self::RoleChanged => "role_changed",
            Self::SessionsEnded => "sessions_ended",
            Self::TicketAnswered => "ticket_answered",
        }
    }

    /// Reads [`MailKind::as_str`].
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// What is mailed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MailRules {
    /// A client hears by mail that a ticket has an answer.
    pub answers: bool,
    /// The beginning of the web app's link for a new password; the code is added to it.
    pub reset_link: Option<String>,
    /// The beginning of the web app's link to verify an address.
    pub verify_link: Option<String>,
}
