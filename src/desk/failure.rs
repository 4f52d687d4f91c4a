//! What the store's errors mean to a person, and the one place that logs them.

use crate::domain::failure::Failure;
use crate::policy::Denial;
use crate::store::error::{Error, Meaning};

/// The failure that an error of the store is. Logged here, once, without texts of rows.
pub(super) fn of_store(error: &Error) -> Failure {
    tracing::warn!(code = error.code(), detail = error.detail(), "database: {}", error.sentence());
    let sentence = error.sentence().to_owned();
    match error.meaning() {
        Meaning::Unavailable
        | Meaning::Timeout
        | Meaning::TooManyConnections
        | Meaning::ReadOnly
        | Meaning::SignIn
        | Meaning::NoDatabase
        | Meaning::Tls
        | Meaning::Address => Failure::Unavailable(sentence),
        Meaning::Locked
        | Meaning::Conflict
        | Meaning::ServerFull
        | Meaning::CachedPlan
        | Meaning::Denied
        | Meaning::NotMigrated => Failure::Refused(sentence),
        Meaning::Duplicate(_) | Meaning::Constraint(_) | Meaning::BadText => Failure::Invalid(sentence),
        // A text that is none of an enum's values: the web app has taken it away, or never had it.
        Meaning::Internal if error.code() == Some("22P02") => {
            Failure::Invalid("the database does not know this value".to_owned())
        }
        Meaning::Internal => Failure::Internal(sentence),
    }
}

/// The failure that a denial is.
pub(super) fn of_denial(denial: &Denial) -> Failure {
    match denial {
        Denial::Forbidden(why) => Failure::Denied((*why).to_owned()),
        Denial::SignedOut(why) => Failure::SignedOut((*why).to_owned()),
    }
}
