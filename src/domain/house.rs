//! What the operator decided for everybody, from the settings.

use super::token::TokenRules;

/// The rules of the house.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct House {
    /// Codes for new passwords and verifications.
    pub tokens: TokenRules,
}
