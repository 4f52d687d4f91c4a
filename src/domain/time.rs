//! Moments, ages and how they read.
//!
//! The database keeps UTC wall clock without a zone; here a moment is microseconds since 1970 in UTC, and
//! becomes a civil time only when it is shown, in the reader's zone. No function here asks for the time.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::time::Duration;

/// A moment: microseconds since 1970-01-01 00:00 UTC. Infinite database timestamps saturate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since 1970 UTC.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// Microseconds since 1970 UTC.
    pub const fn micros(self) -> i64 {
        self.0
    }

    /// This moment and a while later.
    pub fn after(self, by: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }

    /// This moment and a while earlier.
    pub fn before(self, by: Duration) -> Self {
        Self(self.0.saturating_sub(i64::try_from(by.as_micros()).unwrap_or(i64::MAX)))
    }

    /// Time since `earlier`; zero when `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// Shifted by the difference between the server's clock and ours, in microseconds.
    pub fn shifted(self, micros: i64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    fn zoned(self, zone: &TimeZone) -> Option<jiff::Zoned> {
        jiff::Timestamp::from_microsecond(self.0).ok().map(|at| at.to_zoned(zone.clone()))
    }

    /// The calendar day in `zone`; `None` for an infinite timestamp.
    pub fn day(self, zone: &TimeZone) -> Option<Date> {
        self.zoned(zone).map(|at| at.date())
    }

    /// `11:02` in `zone`.
    pub fn clock(self, zone: &TimeZone) -> String {
        self.zoned(zone).map_or_else(|| "--:--".to_owned(), |at| at.strftime("%H:%M").to_string())
    }

    /// `20 Nov 2026 11:02` in `zone`.
    pub fn full(self, zone: &TimeZone) -> String {
        self.zoned(zone).map_or_else(|| "no date".to_owned(), |at| at.strftime("%-d %b %Y %H:%M").to_string())
    }
}

/// `Friday 20 November`, with the year when it is not that of `today`.
pub fn day_heading(day: Date, today: Date) -> String {
    if day == today {
        return "Today".to_owned();
    }
    if day.tomorrow().ok() == Some(today) {
        return "Yesterday".to_owned();
    }
    let format = if day.year() == today.year() { "%A %-d %B" } else { "%A %-d %B %Y" };
    day.strftime(format).to_string()
}

/// `1 Dec`, with the year when it is not that of `today`.
pub fn short_date(day: Date, today: Date) -> String {
    let format = if day.year() == today.year() { "%-d %b" } else { "%-d %b %Y" };
    day.strftime(format).to_string()
}

/// How long: `now`, `5m`, `2h10m`, `23h`, `1d`, `12d`, `14w`, `3y`; at most five columns.
pub fn age(span: Duration) -> String {
    let minutes = span.as_secs() / 60;
    let (hours, days) = (minutes / 60, minutes / 1440);
    match minutes {
        0 => "now".to_owned(),
        1..60 => format!("{minutes}m"),
        60..600 => format!("{hours}h{:02}m", minutes % 60),
        600..1440 => format!("{hours}h"),
        _ if days < 60 => format!("{days}d"),
        _ if days < 730 => format!("{}w", days / 7),
        _ => format!("{}y", days / 365),
    }
}

/// When the text of [`age`] changes next, from now.
pub fn until_age_changes(span: Duration) -> Duration {
    let seconds = span.as_secs();
    let step = match seconds / 60 {
        0..600 => 60,
        600..1440 => 3600,
        _ => 86400,
    };
    Duration::from_secs(step - seconds % step)
        .saturating_sub(Duration::from_micros(span.subsec_micros().into()))
}

/// Reads `2026-11-30` as a date.
pub fn parse_date(text: &str) -> Option<Date> {
    text.trim().parse().ok()
}

/// Midnight UTC of a project date: the web app's way of keeping days.
pub fn date_to_timestamp(day: Date) -> Timestamp {
    Timestamp(day.to_zoned(TimeZone::UTC).map_or(0, |at| at.timestamp().as_microsecond()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn ages_are_at_most_five_columns() {
        let cases = [
            (0, "now"),
            (59, "now"),
            (60, "1m"),
            (3599, "59m"),
            (3600, "1h00m"),
            (7800, "2h10m"),
            (35_999, "9h59m"),
            (36_000, "10h"),
            (86_400, "1d"),
            (86_400 * 59, "59d"),
            (86_400 * 60, "8w"),
            (86_400 * 729, "104w"),
            (86_400 * 730, "2y"),
        ];
        for (seconds, text) in cases {
            assert_eq!(age(Duration::from_secs(seconds)), text);
            assert!(text.len() <= 5);
        }
    }

    #[test]
    fn the_next_change_of_an_age_is_when_its_text_changes() {
        for seconds in [0_u64, 30, 61, 3601, 40_000, 90_000] {
            let span = Duration::from_secs(seconds);
            let later = span + until_age_changes(span);
            assert_ne!(age(later), age(span), "{seconds}");
            assert_eq!(age(later.checked_sub(Duration::from_secs(1)).unwrap()), age(span), "{seconds}");
        }
    }

    #[test]
    fn a_moment_is_shown_in_the_readers_zone() {
        let zone = TimeZone::fixed(jiff::tz::offset(1));
        let at = date_to_timestamp(jiff::civil::date(2026, 11, 20));
        assert_eq!(at.clock(&zone), "01:00");
        assert_eq!(
            day_heading(at.day(&zone).unwrap(), jiff::civil::date(2026, 11, 22)),
            "Friday 20 November"
        );
    }
}
