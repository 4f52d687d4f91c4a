//! Codes for new passwords and verifications, as the settings have them.

/// How codes are made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tokens {
    /// The web app keeps codes as they are instead of their SHA-256.
    pub plain: bool,
    /// How long a code for a new password is good.
    pub reset_minutes: Option<u32>,
    /// How long a code that verifies an address is good.
    pub verification_hours: Option<u32>,
}
