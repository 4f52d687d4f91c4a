//! What went wrong in the database, as a meaning and a sentence a person can act on.
//!
//! The only place that reads SQLSTATE codes and IO errors of the connection. Messages and details of the server may
//! quote rows; they never get into [`Error::sentence`], and into [`Error::detail`] only for classes of errors that
//! speak of names, rights and connections.

use crate::domain::safe_text::sanitise;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use tokio_postgres::error::DbError;

/// What an error means to the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// The server can't be reached, or the connection was lost. After a COMMIT: unknown whether it took effect.
    Unavailable,
    /// No answer in time.
    Timeout,
    /// A row or table is held by somebody else.
    Locked,
    /// Two transactions met; the whole transaction may be tried again.
    Conflict,
    /// A unique constraint of this name refused the row.
    Duplicate(String),
    /// Another constraint of this name refused the row.
    Constraint(String),
    /// The database role lacks a right.
    Denied,
    /// The server refused the role or its password.
    SignIn,
    /// There is no such database.
    NoDatabase,
    /// The server has no connection left.
    TooManyConnections,
    /// The server is out of disk, memory or another resource.
    ServerFull,
    /// The server is a standby or read-only.
    ReadOnly,
    /// A plan went stale because a table changed; the same statement may be tried again.
    CachedPlan,
    /// A table, column or function that the desk needs is not there.
    NotMigrated,
    /// The text holds something that the server can't store.
    BadText,
    /// No trusted, encrypted connection could be made.
    Tls,
    /// The address or a setting of the connection is wrong.
    Address,
    /// Something that should not happen.
    Internal,
}

/// An error of the store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    meaning: Meaning,
    sentence: String,
    code: Option<String>,
    detail: String,
}

/// Results of the store.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An error of our own making, in a sentence.
    pub fn new(meaning: Meaning, sentence: impl Into<String>) -> Self {
        Self { meaning, sentence: sentence.into(), code: None, detail: String::new() }
    }

    /// What it means.
    pub fn meaning(&self) -> &Meaning {
        &self.meaning
    }

    /// One sentence for a person: what happened and what to do. Holds no text of any row.
    pub fn sentence(&self) -> &str {
        &self.sentence
    }

    /// The server's code of five characters, where it gave one.
    pub fn code(&self) -> Option<&str> {
        self.code.as_deref()
    }

    /// Facts for the log: code, names of objects, the system's words. Holds no text of any row.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// Whether the connection may be unusable, so that it must not go back to the pool.
    pub fn spoils_connection(&self) -> bool {
        matches!(self.meaning, Meaning::Unavailable | Meaning::Timeout)
    }

    /// The same error, the sentence led by what was being done.
    #[must_use]
    pub fn during(mut self, what: &str) -> Self {
        self.sentence = format!("{what}: {}", self.sentence);
        self
    }

    pub(crate) fn timed_out(what: &str) -> Self {
        Self::new(Meaning::Timeout, format!("the database did not answer in time ({what})"))
    }

    fn of_server(db: &DbError) -> Self {
        let code = db.code().code();
        let meaning = meaning_of(code, db);
        let mut detail = format!("SQLSTATE {code}");
        for (what, name) in [
            ("schema", db.schema()),
            ("table", db.table()),
            ("column", db.column()),
            ("constraint", db.constraint()),
            ("routine", db.routine()),
        ] {
            if let Some(name) = name {
                detail = format!("{detail}, {what} {}", sanitise(name));
            }
        }
        if tells_no_rows(code) {
            detail = format!("{detail}: {}", sanitise(db.message()));
        }
        let sentence = sentence_of(&meaning, code, db);
        Self { meaning, sentence, code: Some(code.to_owned()), detail }
    }

    fn of_io(error: &io::Error) -> Self {
        let (meaning, sentence) = match error.kind() {
            io::ErrorKind::ConnectionRefused => (
                Meaning::Unavailable,
                "nothing listens at the database's address: is the server running, is the port right?"
                    .to_owned(),
            ),
            io::ErrorKind::NotFound => (
                Meaning::Unavailable,
                "the database's socket does not exist: is the server running, is the folder right?"
                    .to_owned(),
            ),
            io::ErrorKind::PermissionDenied if error.get_ref().is_some() => {
                (Meaning::ReadOnly, "this server only reads; the desk needs the one that writes".to_owned())
            }
            io::ErrorKind::PermissionDenied => {
                (Meaning::Denied, "the database's socket may not be opened by this user".to_owned())
            }
            // The standard library gives it no kind of its own.
            _ if error.to_string().starts_with("failed to lookup address") => (
                Meaning::Unavailable,
                "no address is known for the name of this host: is it spelled right, is this machine online, does its \
                 name service (DNS) work?"
                    .to_owned(),
            ),
            io::ErrorKind::TimedOut => (Meaning::Timeout, "the database did not answer in time".to_owned()),
            _ => (Meaning::Unavailable, "the connection to the database was lost".to_owned()),
        };
        Self { meaning, sentence, code: None, detail: error.to_string() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}

impl StdError for Error {}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::from(&error)
    }
}

impl From<&tokio_postgres::Error> for Error {
    fn from(error: &tokio_postgres::Error) -> Self {
        if let Some(db) = error.as_db_error() {
            return Self::of_server(db);
        }
        if error.is_closed() {
            return Self::new(Meaning::Unavailable, "the connection to the database was lost");
        }
        let words = error.to_string();
        if let Some(source) = error.source() {
            if let Some(own) = inner::<Self>(source) {
                return own.clone();
            }
            if let Some(tls) = inner::<rustls::Error>(source) {
                return Self {
                    meaning: Meaning::Tls,
                    sentence: tls_sentence(tls),
                    code: None,
                    detail: tls.to_string(),
                };
            }
            if words.starts_with("error performing TLS handshake") {
                let sentence = if source.to_string() == "server does not support TLS" {
                    "the server offers no encrypted connection; the desk never falls back to plain text by itself \
                     (sslmode=disable in the address allows it)"
                } else if inner::<rustls::pki_types::InvalidDnsNameError>(source).is_some()
                    || source.to_string().starts_with("no hostname")
                {
                    "no certificate can be for this host as the address names it; use the server's name, as its \
                     certificate has it"
                } else {
                    "the server, or somebody in between, broke off while the encryption was agreed on; nothing was sent"
                };
                return Self {
                    meaning: Meaning::Tls,
                    sentence: sentence.to_owned(),
                    code: None,
                    detail: format!("{words}: {}", sanitise(&source.to_string())),
                };
            }
            if let Some(io) = source.downcast_ref::<io::Error>() {
                return Self::of_io(io);
            }
            if words.starts_with("authentication error") && source.to_string().contains("channel binding") {
                let sentence = "the server does not bind the password to the encryption, as somebody in between \
                                would have it; the password was not sent (the server's operator: SCRAM passwords, or \
                                channel_binding=prefer in the address)";
                return Self {
                    meaning: Meaning::Tls,
                    sentence: sentence.to_owned(),
                    code: None,
                    detail: words,
                };
            }
            if words.starts_with("authentication error") {
                let sentence = format!("the server's way of signing in does not fit: {source}");
                return Self { meaning: Meaning::SignIn, sentence, code: None, detail: words };
            }
            if words.starts_with("invalid configuration") || words.starts_with("invalid connection string") {
                let sentence = format!("the database's address is not valid: {source}");
                return Self { meaning: Meaning::Address, sentence, code: None, detail: words };
            }
        }
        Self {
            meaning: Meaning::Internal,
            sentence: "the database's answer was not understood".to_owned(),
            code: None,
            detail: words,
        }
    }
}

/// Looks through the sources of an error, and through what an IO error wraps.
fn inner<'a, T: StdError + 'static>(mut error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    loop {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        if let Some(wrapped) = error.downcast_ref::<io::Error>().and_then(|io| io.get_ref())
            && let Some(found) = wrapped.downcast_ref::<T>()
        {
            return Some(found);
        }
        error = error.source()?;
    }
}

fn tls_sentence(error: &rustls::Error) -> String {
    use rustls::{AlertDescription as Alert, CertificateError as Bad};
    if let rustls::Error::AlertReceived(
        Alert::UnknownCA
        | Alert::BadCertificate
        | Alert::UnsupportedCertificate
        | Alert::CertificateExpired
        | Alert::CertificateRevoked
        | Alert::CertificateUnknown
        | Alert::CertificateRequired,
    ) = error
    {
        return "the server does not accept the certificate that the address names (sslcert=FILE)".to_owned();
    }
    let rustls::Error::InvalidCertificate(why) = error else {
        return "no encrypted connection to the server could be made".to_owned();
    };
    match why {
        Bad::UnknownIssuer => {
            "the server's certificate is signed by nobody this machine trusts; sslrootcert=FILE in the \
                               address names the authority that signed it"
                .to_owned()
        }
        Bad::NotValidForName | Bad::NotValidForNameContext { .. } => {
            "the server's certificate is for another name; use the name that it was made for in the address"
                .to_owned()
        }
        Bad::Expired | Bad::ExpiredContext { .. } => {
            "the server's certificate has expired; its operator must renew it".to_owned()
        }
        Bad::NotValidYet | Bad::NotValidYetContext { .. } => {
            "the server's certificate is not valid yet; is the clock of this machine right?".to_owned()
        }
        _ => format!("the server's certificate is not trusted: {why}"),
    }
}

fn meaning_of(code: &str, db: &DbError) -> Meaning {
    let constraint = || sanitise(db.constraint().unwrap_or("unnamed")).into_owned();
    match code {
        "08P01" if db.message().starts_with("unsupported startup parameter") => Meaning::Address,
        "0A000" if db.message().contains("cached plan") => Meaning::CachedPlan,
        "23505" => Meaning::Duplicate(constraint()),
        "25006" => Meaning::ReadOnly,
        "25P03" | "57P01" | "57P02" | "57P03" | "57P05" => Meaning::Unavailable,
        "3D000" => Meaning::NoDatabase,
        "3F000" | "42P01" | "42703" | "42704" | "42883" => Meaning::NotMigrated,
        "22021" | "22P05" | "54000" => Meaning::BadText,
        "40001" | "40P01" => Meaning::Conflict,
        "42501" => Meaning::Denied,
        "53300" => Meaning::TooManyConnections,
        "55P03" => Meaning::Locked,
        "57014" => Meaning::Timeout,
        _ => match &code[..2.min(code.len())] {
            "08" => Meaning::Unavailable,
            "23" => Meaning::Constraint(constraint()),
            "28" if db.message().contains("channel binding") => Meaning::Tls,
            "28" => Meaning::SignIn,
            "53" => Meaning::ServerFull,
            _ => Meaning::Internal,
        },
    }
}

fn sentence_of(meaning: &Meaning, code: &str, db: &DbError) -> String {
    let say = |text: &str| text.to_owned();
    let message = sanitise(db.message());
    match meaning {
        Meaning::Unavailable if code == "57P03" => {
            say("the database is starting up or shutting down; try again shortly")
        }
        Meaning::Unavailable => say("the database ended the connection"),
        Meaning::Timeout => say("the database took too long and the statement was given up"),
        Meaning::Locked => say("somebody else holds the row this moment; try again"),
        Meaning::Conflict => say("somebody else changed the same rows this moment; try again"),
        Meaning::Duplicate(name) => format!("there is one with this value already ({name})"),
        Meaning::Constraint(name) => format!("the database refuses the value ({name})"),
        Meaning::Denied => format!("the database role lacks a right: {message}"),
        Meaning::SignIn => format!("the database refuses the connection: {message}"),
        Meaning::NoDatabase => format!("{message}: is the address right?"),
        Meaning::TooManyConnections => say("the database has no connection left; waiting for one"),
        Meaning::ServerFull => say("the database server is out of room; its operator must help"),
        Meaning::ReadOnly => say("this database server only reads; the desk needs the one that writes"),
        Meaning::CachedPlan => say("a table was just altered; try again"),
        Meaning::NotMigrated => {
            format!("the database is not as the desk needs it ({message}): run `desk migrate --check`")
        }
        Meaning::BadText => say("the text holds a character that the database can't store"),
        Meaning::Tls => say(
            "the encryption does not end at the server: somebody is in between and could read everything; the \
             password was not sent (a proxy that ends the encryption looks the same)",
        ),
        Meaning::Address => say(
            "this address leads to a pooler: set pooled = true, and give the listener a direct address as listen_url",
        ),
        Meaning::Internal => {
            format!("the database reports an error of its own (code {code})")
        }
    }
}

/// Classes of errors whose messages speak of names, rights and connections, never of rows.
fn tells_no_rows(code: &str) -> bool {
    matches!(
        &code[..2.min(code.len())],
        "08" | "0A" | "25" | "28" | "3D" | "3F" | "40" | "42" | "53" | "55" | "57" | "58"
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use std::net::ToSocketAddrs;

    #[test]
    fn a_host_whose_name_nobody_knows_is_told_as_that() {
        // No name service is asked: no label is that long.
        let unknown = (format!("{}.invalid", "a".repeat(64)), 5432).to_socket_addrs().unwrap_err();
        let error = Error::of_io(&unknown);
        assert_eq!(error.meaning(), &Meaning::Unavailable);
        assert!(error.sentence().starts_with("no address is known for the name"), "{error} {unknown:?}");
    }
}
