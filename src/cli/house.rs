//! What the settings decide for everybody.

use super::{Failure, note};
use crate::config::Config;
use crate::domain::house::House;
use crate::domain::token::{TokenFormat, TokenRules};
use std::time::Duration;

/// The rules of the house, with a warning for what is dangerous.
pub(super) fn of(config: &Config) -> Result<House, Failure> {
    let house = quietly(config)?;
    if house.tokens.format == TokenFormat::Plain {
        note("desk: token_format is \"plain\": whoever can read the database can take over accounts");
    }
    Ok(house)
}

/// The rules of the house.
pub(super) fn quietly(config: &Config) -> Result<House, Failure> {
    let limits = TokenRules::default();
    let within = |named: &'static str, given: Option<u32>, unit: u64, limit: Duration| match given {
        None => Ok(limit),
        Some(given) => {
            let wanted = Duration::from_secs(u64::from(given) * unit);
            if wanted.is_zero() || wanted > limit {
                let most = limit.as_secs() / unit;
                return Err(Failure::Told(format!("{named} is {given}: write a number from 1 to {most}")));
            }
            Ok(wanted)
        }
    };
    let tokens = TokenRules {
        format: if config.tokens.plain { TokenFormat::Plain } else { TokenFormat::Sha256Hex },
        reset: within("reset_minutes", config.tokens.reset_minutes, 60, limits.reset)?,
        verification: within(
            "verification_hours",
            config.tokens.verification_hours,
            3600,
            limits.verification,
        )?,
    };
    Ok(House { tokens })
}
