//! Working in what the triggers could not do at once (`desk.stale`).
//!
//! Any desk does it: on a notification `stale`, on start and on each slow poll. Several at once do no harm.

use super::error::{Meaning, Result};
use super::sql;
use crate::store::sql::Db;
use std::time::Duration;

/// Rows in one call: well below the statement timeout.
const BATCH: i32 = 500;

/// What a fold did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Folded {
    /// Rows brought up to date.
    pub rows: u64,
    /// Rows that somebody else holds, or that are left for the next call: fold again after a moment.
    pub busy: u64,
}

/// Batches in one call of [`fold`]: a large backlog is worked off in several, so that none outlasts a time limit.
const BATCHES: u32 = 8;

/// Folds until nothing is left or only what others hold, a few thousand rows at most.
pub async fn fold<C: Db>(db: &C) -> Result<Folded> {
    let (mut folded, more) = some(db).await?;
    if more {
        folded.busy = folded.busy.max(1);
    }
    Ok(folded)
}

/// Folds until nothing is left at all, waiting for others for up to half a minute.
pub async fn all<C: Db>(db: &C) -> Result<Folded> {
    let mut rows = 0;
    let mut patience = 150;
    loop {
        let (folded, more) = some(db).await?;
        rows += folded.rows;
        if more {
            continue;
        }
        if folded.busy == 0 || patience == 0 {
            return Ok(Folded { rows, busy: folded.busy });
        }
        patience -= 1;
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

async fn some<C: Db>(db: &C) -> Result<(Folded, bool)> {
    let mut batch = BATCH;
    let mut folded = Folded::default();
    let mut more = true;
    for _ in 0..BATCHES {
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
        more = sql::get(&row, "more")?;
        if !more {
            break;
        }
    }
    Ok((folded, more))
}
