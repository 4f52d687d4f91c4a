//! Mail: what it says, and handing it to an SMTP server. Plain text; nothing that a client wrote goes into it.
//!
//! Headers are made of types: an address is an address or the mail is refused, so that no line end gets into one.

pub mod letter;
pub mod line;

use lettre::message::Mailbox;
use std::fmt;
use std::time::Duration;
use zeroize::Zeroizing;

/// How the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Plain at first, then TLS; never without.
    StartTls,
    /// TLS from the beginning.
    Implicit,
    /// None: for a server on this machine.
    Plain,
}

/// The server that takes our mail, and in whose name it goes.
#[derive(Clone)]
pub struct Server {
    host: String,
    port: u16,
    security: Security,
    credentials: Option<(String, Zeroizing<String>)>,
    from: Mailbox,
    roots: Option<Vec<u8>>,
    patience: Duration,
}

/// What a server is made of.
pub struct Settings {
    /// A name or an address.
    pub host: String,
    /// Where it listens; the usual port where none is named.
    pub port: Option<u16>,
    /// TLS or not.
    pub security: Security,
    /// User and password.
    pub credentials: Option<(String, Zeroizing<String>)>,
    /// `Name <address>`.
    pub from: String,
    /// Trust these certificates (PEM) and no others; the system's where there are none.
    pub roots: Option<Vec<u8>>,
}

/// Why no server can be made of these settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The sender is no address.
    #[error("mail.from is no e-mail address: write `Name <name@example.com>`")]
    From,
    /// The host is no name.
    #[error("mail.server is no name of a server")]
    Host,
    /// A password would go over the net unprotected.
    #[error("mail.tls is \"none\", and the server is not on this machine: use \"starttls\" or \"implicit\"")]
    Unprotected,
}

impl Server {
    /// Checks the settings. Connects to nothing.
    pub fn new(settings: Settings) -> Result<Self, Unusable> {
        let Settings { host, port, security, credentials, from, roots } = settings;
        let from: Mailbox = from.parse().map_err(|_| Unusable::From)?;
        if from.name.as_ref().is_some_and(|name| name.chars().any(char::is_control)) {
            return Err(Unusable::From);
        }
        if host.is_empty() || host.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err(Unusable::Host);
        }
        if security == Security::Plain && !matches!(host.as_str(), "localhost" | "127.0.0.1" | "::1") {
            return Err(Unusable::Unprotected);
        }
        let port = port.unwrap_or(match security {
            Security::StartTls => 587,
            Security::Implicit => 465,
            Security::Plain => 25,
        });
        Ok(Self { host, port, security, credentials, from, roots, patience: Duration::from_secs(20) })
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("host", &self.host).field("port", &self.port).finish_non_exhaustive()
    }
}
