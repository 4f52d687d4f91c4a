//! Working in what the triggers could not do at once (`desk.stale`).
//!
//! Any desk does it: on a notification `stale`, on start and on each slow poll. Several at once do no harm.

use super::error::{Meaning, Result};
use super::sql;
use std::time::Duration;
use tokio_postgres::GenericClient;

/// Rows in one call: well below the statement timeout.
const BATCH: i32 = 500;

/// What a fold did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// Rows brought up to date.
    pub rows: u64,
    /// Rows that somebody else holds: fold again after a moment.
    pub busy: u64,
}

/// Folds until nothing is left, or only what others hold.
pub async fn fold<C: GenericClient + Sync>(db: &C) -> Result<Folded> {
    let mut batch = BATCH;
    let mut folded = Folded::default();
    loop {
        let row =
            match sql::row(db, "SELECT folded, busy, more FROM desk.fold($1)", &[sql::int4(&batch)]).await {
                Err(error) if *error.meaning() == Meaning::Timeout && error.code().is_some() && batch > 1 => {
                    batch = (batch / 4).max(1);
                    continue;
                }
                other => other?,
            };
        folded.rows += u64::try_from(sql::get::<i32>(&row, "folded")?).unwrap_or(0);
        folded.busy = u64::try_from(sql::get::<i32>(&row, "busy")?).unwrap_or(0);
        if !sql::get::<bool>(&row, "more")? {
            return Ok(folded);
        }
    }
}

/// Folds until nothing is left at all, waiting for others for up to half a minute.
pub async fn all<C: GenericClient + Sync>(db: &C) -> Result<Folded> {
    let mut folded = fold(db).await?;
    for _ in 0..150 {
        if folded.busy == 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
        let next = fold(db).await?;
        folded = Folded { rows: folded.rows + next.rows, busy: next.busy };
    }
    Ok(folded)
}
