//! What the operator decided for everybody, from the settings.

use super::mail::MailRules;
use super::token::TokenRules;

/// The rules of the house.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct House {
    /// Codes for new passwords and verifications.
    pub tokens: TokenRules,
    /// Mail; none: no server is set up, and codes are handed over.
    pub mail: Option<MailRules>,
}
