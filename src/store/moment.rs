//! Timestamps on the wire: microseconds since 2000 in UTC wall clock, with two infinities.

use crate::domain::time::Timestamp;
use std::error::Error;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// 2000-01-01 in microseconds since 1970.
const EPOCH: i64 = 946_684_800_000_000;

/// A `timestamp` column or parameter. Infinite values saturate, both ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment(pub(super) Timestamp);

impl<'a> FromSql<'a> for Moment {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        let wire = i64::from_be_bytes(raw.try_into()?);
        let micros = if wire == i64::MIN { wire } else { wire.saturating_add(EPOCH) };
        Ok(Self(Timestamp::from_micros(micros)))
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::TIMESTAMP
    }
}

impl ToSql for Moment {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let micros = self.0.micros();
        let wire = if micros == i64::MAX { micros } else { micros.saturating_sub(EPOCH) };
        out.extend_from_slice(&wire.to_be_bytes());
        Ok(IsNull::No)
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::TIMESTAMP
    }

    to_sql_checked!();
}

/// A moment as text that Postgres reads back, for the event log.
pub(super) fn moment_text(at: Timestamp) -> String {
    match jiff::Timestamp::from_microsecond(at.micros()) {
        Ok(at) => at.to_string(),
        Err(_) if at.micros() < 0 => "-infinity".to_owned(),
        Err(_) => "infinity".to_owned(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn both_infinities_and_every_day_go_there_and_back() {
        for wire in [i64::MIN, i64::MAX, 0, 1, -1, EPOCH, -EPOCH] {
            let moment = Moment::from_sql(&Type::TIMESTAMP, &wire.to_be_bytes()).unwrap();
            let mut out = BytesMut::new();
            moment.to_sql(&Type::TIMESTAMP, &mut out).unwrap();
            assert_eq!(out.as_ref(), wire.to_be_bytes());
        }
        let millennium = Moment::from_sql(&Type::TIMESTAMP, &0_i64.to_be_bytes()).unwrap();
        assert_eq!(millennium.0.micros(), EPOCH);
    }
}
