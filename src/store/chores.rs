//! What one desk does for all once a day: removing what nobody needs any more.

use super::error::Result;
use super::mails;
use super::sign_ins;
use super::sql;
use super::tokens::{self, Run};
use crate::store::sql::Db;
use crate::store::transaction::Transaction;
use tokio_postgres::types::Type;

/// The number of the lock under which it is done; ours alone.
const LOCK: i64 = 7_031_203;

/// What was removed, or would be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cleaned {
    /// Used and expired codes for new passwords.
    pub resets: u64,
    /// Used and expired codes that verify an address.
    pub verifications: u64,
    /// What was kept to count codes and refusals.
    pub counted: u64,
    /// Attempts to sign in that count no more.
    pub sign_ins: u64,
    /// Sessions that ended more than a day ago.
    pub sessions: u64,
    /// Mails that were sent, or given up, a month ago.
    pub mails: u64,
}

/// Removes everything that is due, or counts it.
pub async fn clean_up(tx: &Transaction<'_>, run: Run) -> Result<Cleaned> {
    let swept = tokens::sweep(tx, run).await?;
    Ok(Cleaned {
        resets: swept.resets,
        verifications: swept.verifications,
        counted: swept.counted,
        sign_ins: sign_ins(tx, run).await?,
        sessions: sessions(tx, run).await?,
        mails: mails::sweep(tx, run).await?,
    })
}

async fn sign_ins<C: Db>(db: &C, run: Run) -> Result<u64> {
    let number = match run {
        Run::Dry => sign_ins::old(db).await?,
        Run::Real => sign_ins::sweep(db).await?,
    };
    Ok(u64::try_from(number).unwrap_or(0))
}

async fn sessions<C: Db>(db: &C, run: Run) -> Result<u64> {
    match run {
        Run::Dry => {
            let row = sql::row(
                db,
                "SELECT count(*) AS number FROM desk.sessions AS s \
                  WHERE s.expires_at < (clock_timestamp() AT TIME ZONE 'utc') - interval '1 day'",
                &[],
            )
            .await?;
            sql::get::<i64>(&row, "number").map(|number| u64::try_from(number).unwrap_or(0))
        }
        Run::Real => {
            sql::execute(
                db,
                "DELETE FROM desk.sessions AS s \
                  WHERE s.expires_at < (clock_timestamp() AT TIME ZONE 'utc') - interval '1 day'",
                &[],
            )
            .await
        }
    }
}

/// Whether it is this desk's turn: nobody did it within a day, and nobody is at it. Holds the turn until the end of
/// the transaction.
pub async fn turn(tx: &Transaction<'_>) -> Result<bool> {
    let row = sql::row(tx, "SELECT pg_try_advisory_xact_lock($1) AS mine", &[(&LOCK, Type::INT8)]).await?;
    if !sql::get::<bool>(&row, "mine")? {
        return Ok(false);
    }
    let due = sql::execute(
        tx,
        "UPDATE desk.chores AS c SET done_at = clock_timestamp() AT TIME ZONE 'utc' \
          WHERE c.name = 'clean_up' AND c.done_at < (clock_timestamp() AT TIME ZONE 'utc') - interval '1 day'",
        &[],
    )
    .await?;
    Ok(due > 0)
}
