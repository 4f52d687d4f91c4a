//! Moments of the sample data, written relative to now.
//!
//! Three forms: `-3h 20m`, that long before now; `-3d 14:20`, at that time of the third working day before
//! today (so that nobody of the agency writes on a Sunday); `+40m`, that long after the moment before.
//! Invariant: the same text and the same now always give the same moment.

use crate::domain::time::Timestamp;
use std::time::Duration;

const DAY: i64 = 86_400_000_000;
const MINUTE: i64 = 60_000_000;

/// A moment of the sample data, before it is known what now is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// A while before now.
    Ago(Duration),
    /// A time of day on an earlier working day.
    WorkingDay {
        /// How many working days before today.
        back: u32,
        /// Minutes since midnight, UTC.
        minute: i64,
    },
    /// A while after the moment before.
    Later(Duration),
}

impl When {
    /// Reads one of the three forms; `None` if it is none of them.
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix('+') {
            return span(rest).map(Self::Later);
        }
        let rest = text.strip_prefix('-')?;
        match rest.split_once("d ") {
            Some((days, clock)) if clock.contains(':') => Some(Self::WorkingDay {
                back: days.parse().ok().filter(|n| *n > 0)?,
                minute: minutes(clock)?,
            }),
            _ => span(rest).map(Self::Ago),
        }
    }

    /// The moment itself. `before` is the moment that a [`When::Later`] counts from.
    pub fn at(self, now: Timestamp, before: Timestamp) -> Timestamp {
        match self {
            Self::Ago(by) => now.before(by),
            Self::Later(by) => before.after(by),
            Self::WorkingDay { back, minute } => {
                let today = now.micros().div_euclid(DAY);
                Timestamp::from_micros(working_day(today, back) * DAY + minute * MINUTE)
            }
        }
    }
}

/// Midnight UTC, `days` calendar days from today.
pub fn midnight(now: Timestamp, days: i64) -> Timestamp {
    Timestamp::from_micros((now.micros().div_euclid(DAY) + days) * DAY)
}

/// Reads `+30d`, `-6d`: calendar days from today.
pub fn days(text: &str) -> Option<i64> {
    text.strip_suffix('d')?.parse().ok()
}

/// The day that lies `back` working days before `today`, both in days since 1970.
fn working_day(today: i64, back: u32) -> i64 {
    let mut day = today;
    for _ in 0..back {
        day -= 1;
        while is_weekend(day) {
            day -= 1;
        }
    }
    day
}

/// 1 January 1970 was a Thursday.
fn is_weekend(day: i64) -> bool {
    (day + 3).rem_euclid(7) >= 5
}

fn minutes(clock: &str) -> Option<i64> {
    let (hour, minute) = clock.split_once(':')?;
    let (hour, minute): (i64, i64) = (hour.parse().ok()?, minute.parse().ok()?);
    ((0..24).contains(&hour) && (0..60).contains(&minute)).then_some(hour * 60 + minute)
}

/// Reads `3d 4h 20m` or any part of it.
fn span(text: &str) -> Option<Duration> {
    let mut seconds = 0_u64;
    for part in text.split(' ') {
        let (number, unit) = part.split_at_checked(part.len().checked_sub(1)?)?;
        let unit = match unit {
            "d" => 86_400,
            "h" => 3_600,
            "m" => 60,
            _ => return None,
        };
        seconds += number.parse::<u64>().ok()? * unit;
    }
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    /// Monday 5 January 2026, 10:00 UTC.
    const MONDAY: Timestamp = Timestamp::from_micros(1_767_607_200_000_000);

    fn shown(text: &str) -> String {
        When::parse(text).unwrap().at(MONDAY, MONDAY).full(&jiff::tz::TimeZone::UTC)
    }

    #[test]
    fn moments_are_read_in_all_three_forms() {
        assert_eq!(shown("-2h 48m"), "5 Jan 2026 07:12");
        assert_eq!(shown("-1d 2h"), "4 Jan 2026 08:00");
        assert_eq!(shown("-1d 17:42"), "2 Jan 2026 17:42");
        assert_eq!(shown("-6d 06:48"), "26 Dec 2025 06:48");
        assert_eq!(shown("+1h 20m"), "5 Jan 2026 11:20");
    }

    #[test]
    fn nonsense_is_no_moment() {
        for text in ["", "-", "+", "3h", "-3", "-3x", "-0d 09:00", "-1d 24:00", "-1d 09:60", "+1h  2m"] {
            assert_eq!(When::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn days_are_counted_from_midnight() {
        assert_eq!(
            midnight(MONDAY, days("-6d").unwrap()).full(&jiff::tz::TimeZone::UTC),
            "30 Dec 2025 00:00"
        );
    }
}
