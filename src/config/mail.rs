//! The `[mail]` of the settings: the SMTP server, in whose name mail goes, what is mailed.

use super::ConfigError;
use super::Environment;
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
    /// `starttls`, `implicit` or `none`.
    pub tls: Option<String>,
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

/// The keys of `[mail]`.
pub(super) const NAMES: &[&str] =
    &["server", "tls", "user", "password", "from", "ca", "answers", "reset_link", "verify_link"];

impl Mail {
    /// What the environment says goes before what the file says.
    pub(super) fn over(self, environment: &Environment) -> Result<Self, ConfigError> {
        Ok(Self {
            server: environment.text("KAYGIA_DESK_MAIL_SERVER")?.or(self.server),
            tls: environment.text("KAYGIA_DESK_MAIL_TLS")?.or(self.tls),
            user: environment.text("KAYGIA_DESK_MAIL_USER")?.or(self.user),
            password: environment.text("KAYGIA_DESK_MAIL_PASSWORD")?.map(MailPassword::new).or(self.password),
            from: environment.text("KAYGIA_DESK_MAIL_FROM")?.or(self.from),
            ..self
        })
    }
}
