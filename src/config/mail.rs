//! The `[mail]` of the settings: the SMTP server, in whose name mail goes, what is mailed.

use super::ConfigError;
use super::Environment;
use super::Lines;
use std::path::PathBuf;
use zeroize::Zeroizing;

/// The password of the mail server. Never shows itself.
#[derive(Clone, PartialEq, Eq)]
pub struct MailPassword(Zeroizing<String>);

impl MailPassword {
    /// The password, for signing in to the mail server only.
    pub fn expose(&self) -> &str {
        &self.0
    }

    pub(super) fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl std::fmt::Debug for MailPassword {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("MailPassword(***)")
    }
}

/// How mail is sent; without a server none is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mail {
    /// `smtp.example.com` or `smtp.example.com:587`.
    pub server: Option<String>,
    /// How the line is protected.
    pub tls: Option<Tls>,
    /// Who signs in there.
    pub user: Option<String>,
    /// With what.
    pub password: Option<MailPassword>,
    /// `Name <address>`.
    pub from: Option<String>,
    /// A file with the certificates to trust instead of the system's.
    pub ca: Option<PathBuf>,
    /// Whether clients hear of answers by mail.
    pub answers: bool,
    /// The beginning of the web app's link for a new password.
    pub reset_link: Option<String>,
    /// The beginning of the web app's link to verify an address.
    pub verify_link: Option<String>,
}

/// What `tls` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// Plain at first, then TLS.
    StartTls,
    /// TLS from the beginning.
    Implicit,
    /// None: for a server on this machine.
    None,
}

/// Reads `tls`.
pub(super) fn tls(text: &str) -> Result<Tls, String> {
    match text {
        "starttls" => Ok(Tls::StartTls),
        "implicit" => Ok(Tls::Implicit),
        "none" => Ok(Tls::None),
        other => Err(format!("`{other}`; write `starttls`, `implicit` or `none`")),
    }
}

/// A link that a code is added to.
pub(super) fn link(name: &str, text: String) -> Result<String, String> {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let odd = |c: char| c.is_whitespace() || c.is_control();
    if rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/')) && !text.contains(odd) {
        return Ok(text);
    }
    Err(format!("`{name}` must be the beginning of a link: `https://app.example.com/code?token=`"))
}

/// The keys of `[mail]`.
pub(super) const NAMES: &[&str] =
    &["server", "tls", "user", "password", "from", "ca", "answers", "reset_link", "verify_link"];

/// Variables, and the settings that they go before.
const VARIABLES: [(&str, &str); 5] = [
    ("KAYGIA_DESK_MAIL_SERVER", "mail.server"),
    ("KAYGIA_DESK_MAIL_TLS", "mail.tls"),
    ("KAYGIA_DESK_MAIL_USER", "mail.user"),
    ("KAYGIA_DESK_MAIL_PASSWORD", "mail.password"),
    ("KAYGIA_DESK_MAIL_FROM", "mail.from"),
];

impl Mail {
    /// What the environment says goes before what the file says.
    pub(super) fn over(self, environment: &Environment, lines: &mut Lines) -> Result<Self, ConfigError> {
        for (name, setting) in VARIABLES {
            if environment.text(name)?.is_some() {
                lines.forget(setting);
            }
        }
        let protected = match environment.text("KAYGIA_DESK_MAIL_TLS")? {
            Some(text) => Some(tls(&text).map_err(|message| ConfigError::Variable {
                name: "KAYGIA_DESK_MAIL_TLS",
                message: format!("is {message}"),
            })?),
            None => self.tls,
        };
        Ok(Self {
            server: environment.text("KAYGIA_DESK_MAIL_SERVER")?.or(self.server),
            tls: protected,
            user: environment.text("KAYGIA_DESK_MAIL_USER")?.or(self.user),
            password: environment.text("KAYGIA_DESK_MAIL_PASSWORD")?.map(MailPassword::new).or(self.password),
            from: environment.text("KAYGIA_DESK_MAIL_FROM")?.or(self.from),
            ..self
        })
    }
}
