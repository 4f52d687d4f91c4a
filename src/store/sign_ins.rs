//! Attempts to sign in: counted before the password is looked at, by functions that alone reach their table.

use super::error::Result;
use super::sql;
use crate::store::sql::Db;
use crate::store::transaction::Transaction;
use std::time::Duration;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// What became of an attempt that asks to be counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It is counted, and the password may be looked at.
    Granted(Claim),
    /// It comes too soon, by so much.
    Wait(Duration),
}

/// An attempt that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    known: bool,
}

/// Counts an attempt at an address from a source. One statement, committed when it answers: of many at once, each
/// sees those before it.
pub async fn claim(client: &Client, address: &str, source: &str) -> Result<Claimed> {
    let row = sql::row(
        client,
        "SELECT c.wait, c.known FROM desk.sign_in_claim($1, $2) AS c",
        &[(&address, Type::TEXT), (&source, Type::TEXT)],
    )
    .await?;
    let wait: f64 = sql::get(&row, "wait")?;
    Ok(if wait > 0.0 {
        Claimed::Wait(Duration::try_from_secs_f64(wait).unwrap_or(Duration::MAX))
    } else {
        Claimed::Granted(Claim { known: sql::get(&row, "known")? })
    })
}

/// The attempt was right: it counts no more, and its source is known for this address.
pub async fn succeeded(tx: &Transaction<'_>, address: &str, source: &str, claim: Claim) -> Result<()> {
    sql::execute(
        tx,
        "SELECT desk.sign_in_succeeded($1, $2, $3)",
        &[(&address, Type::TEXT), (&source, Type::TEXT), (&claim.known, Type::BOOL)],
    )
    .await?;
    Ok(())
}

/// How many counters say nothing any more.
pub async fn old<C: Db>(db: &C) -> Result<i64> {
    swept(db, true).await
}

/// Removes the counters that say nothing any more; how many.
pub async fn sweep<C: Db>(db: &C) -> Result<i64> {
    swept(db, false).await
}

async fn swept<C: Db>(db: &C, only_count: bool) -> Result<i64> {
    let row = sql::row(db, "SELECT desk.sign_in_sweep($1) AS n", &[(&only_count, Type::BOOL)]).await?;
    sql::get(&row, "n")
}
