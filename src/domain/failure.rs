//! Why something did not happen, in words a person can act on.

use super::safe_text::SafeText;

/// The answer to a command or query that was not carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The actor may not do this.
    Denied(String),
    /// Somebody else changed it first; nothing was overwritten.
    Overtaken {
        /// What was changed: `status`, `assignee`, a field of a project.
        field: &'static str,
        /// The value now, in the words of the screen.
        now: SafeText,
        /// Who did it, where the event log knows.
        by: Option<SafeText>,
    },
    /// Messages arrived since the author looked; a second press goes on.
    NewMessages(u32),
    /// The draft went out from another window, with another text.
    SentElsewhere,
    /// The thing is not there any more.
    Gone(&'static str),
    /// The input can't be accepted.
    Invalid(String),
    /// The database can't be reached, or did not answer in time. The same command may be tried again.
    Unavailable(String),
    /// The database answers, and does not do this: a right is missing, a row is held, the disk is full. The same
    /// command may be tried again; nothing says that the database is away.
    Refused(String),
    /// The session ended: sign in again.
    SignedOut(String),
    /// Something that should not happen; details are in the log.
    Internal(String),
}

impl Failure {
    /// One sentence: what happened and what to do.
    pub fn sentence(&self) -> String {
        match self {
            Self::Denied(why)
            | Self::Invalid(why)
            | Self::Unavailable(why)
            | Self::Refused(why)
            | Self::SignedOut(why) => why.clone(),
            Self::Overtaken { field, now, by } => {
                format!("{}; yours was not saved", overtaken(field, now, by.as_ref()))
            }
            Self::NewMessages(1) => {
                "1 new message since you looked: read it, or press again to go on".to_owned()
            }
            Self::NewMessages(n) => {
                format!("{n} new messages since you looked: read them, or press again to go on")
            }
            Self::SentElsewhere => {
                "this draft was sent from another window, with another text; yours is kept as a new one"
                    .to_owned()
            }
            Self::Gone(what) => format!("this {what} does not exist any more"),
            Self::Internal(what) => format!("{what}; the log file has the details"),
        }
    }
}

/// What somebody else made of a field.
pub fn overtaken(field: &str, now: &SafeText, by: Option<&SafeText>) -> String {
    match by {
        Some(by) => format!("{} set the {field} to {} meanwhile", by.one_line(), now.one_line()),
        None => format!("the {field} became {} meanwhile", now.one_line()),
    }
}
