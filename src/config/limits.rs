//! How long a session lasts, and how long it may lie unused.

use std::time::Duration;

/// The limits of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The desk locks after so long without a key; none for `off`.
    pub idle: Option<Duration>,
    /// A session ends after so long, whatever happens in it.
    pub session: Duration,
}

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
/// Nobody works longer at one sitting.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for Limits {
    fn default() -> Self {
        Self { idle: Some(15 * MINUTE), session: 12 * HOUR }
    }
}

/// What `idle_lock` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Idle {
    /// The desk locks after so long.
    After(Duration),
    /// It never does.
    Off,
}

impl Idle {
    pub(super) const fn limit(self) -> Option<Duration> {
        match self {
            Self::After(span) => Some(span),
            Self::Off => None,
        }
    }
}

/// Reads `idle_lock`.
pub(super) fn idle(text: &str) -> Result<Idle, String> {
    if text == "off" {
        return Ok(Idle::Off);
    }
    span(text, 12 * HOUR).map(Idle::After).map_err(|why| format!("`idle_lock` {why}, or `off`"))
}

/// Reads `session_limit`.
pub(super) fn session(text: &str) -> Result<Duration, String> {
    span(text, LONGEST).map_err(|why| format!("`session_limit` {why}"))
}

fn span(text: &str, longest: Duration) -> Result<Duration, String> {
    let refused = || {
        format!(
            "is `{text}`; write `15 min` or `2 h`, more than 0 and at most {} h",
            longest.as_secs() / 3600
        )
    };
    let digits = text.find(|sign: char| !sign.is_ascii_digit()).unwrap_or(text.len());
    let number: u32 = text[..digits].parse().map_err(|_| refused())?;
    let unit = match text[digits..].trim_start() {
        "s" => Duration::from_secs(1),
        "min" => MINUTE,
        "h" => HOUR,
        _ => return Err(refused()),
    };
    let span = unit.checked_mul(number).filter(|span| !span.is_zero() && *span <= longest);
    span.ok_or_else(refused)
}

#[cfg(test)]
mod tests {
    use super::{Idle, idle, session};
    use std::time::Duration;

    #[test]
    fn a_span_is_a_number_with_a_unit_within_its_bounds() {
        assert_eq!(idle("off"), Ok(Idle::Off));
        assert_eq!(idle("15 min"), Ok(Idle::After(Duration::from_secs(900))));
        assert_eq!(idle("30s"), Ok(Idle::After(Duration::from_secs(30))));
        assert_eq!(session("12 h"), Ok(Duration::from_secs(43_200)));
        for refused in ["0 min", "0", "", "min", "15", "-1 h", "13 h", "1.5 h", "99999999999 h", "off "] {
            assert!(idle(refused).is_err(), "{refused}");
        }
        for refused in ["off", "0 h", "25 h", "1 d"] {
            assert!(session(refused).is_err(), "{refused}");
        }
    }
}
