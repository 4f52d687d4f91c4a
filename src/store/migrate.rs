//! Creates the database, or adopts the web app's.
//!
//! Any number of processes may migrate at once, and any of them may be killed: each step is applied once. The lock is
//! only ever tried, never waited for (a waiter would deadlock with CREATE INDEX CONCURRENTLY); a transaction locks
//! at most one of the web app's tables, and gives up after 200 ms to try again later.

mod apply;
mod drizzle;
pub mod fit;
mod index;
pub mod state;
pub mod steps;

pub use self::state::{Report, State, inspect};

use self::state::{done, marks};
use self::steps::{Index, Kind, STEPS, Step};
use super::error::{Error, Meaning, Result};
use super::fold;
use super::pool::connect::Connector;
use super::sql;
use super::transaction::Transaction;
use crate::store::sql::Db;
use std::fmt;
use std::time::Duration;
use tokio_postgres::Client;

/// First half of the keys of our advisory locks; the second half: 1 = migration, 2 = folding.
const LOCK_CLASS: i32 = 1_801_548_141;
const LOCK_MIGRATION: i32 = 1;

/// How long to wait for another process that migrates.
const WAIT_FOR_OTHERS: Duration = Duration::from_secs(30 * 60);

/// What a migration is doing, for whoever watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Another process migrates this database; waiting for it.
    OthersAtWork,
    /// A step begins.
    Step(&'static str),
    /// An index is being built: its name, which one, of how many.
    Index(&'static str, usize, usize),
    /// A step could not get a table for a moment, or met another transaction; it is tried again.
    Retry(&'static str),
    /// Rows filled in so far, and about how many there are.
    Batch(&'static str, u64, u64),
    /// Changes that came meanwhile are being worked in.
    Folding,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OthersAtWork => f.write_str("another process migrates this database; waiting for it"),
            Self::Step(step) => f.write_str(step),
            Self::Index(name, which, of) => write!(f, "index {name} ({which} of {of})"),
            Self::Retry(step) => write!(f, "{step}: waiting for a transaction of the web app to end"),
            Self::Batch(step, filled, about) => write!(f, "{step}: {filled} of about {about} rows"),
            Self::Folding => f.write_str("working in what changed meanwhile"),
        }
    }
}

/// Hears of the progress.
pub type Watch<'a> = &'a mut (dyn FnMut(Progress) + Send);

/// Whether the desk can start on a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Up to date.
    Ready,
    /// No desk was here yet.
    NotMigrated,
    /// Steps are missing.
    Older,
    /// A newer desk was here.
    Newer,
}

/// Brings a database up to date, whatever state it is in, unless it must be refused. Needs a direct connection of
/// the kind `Session::Maintenance`.
pub async fn run(connector: &Connector, watch: Watch<'_>) -> Result<Report> {
    let (mut db, _) = connector.connect().await?;
    let report = inspect(&db).await?;
    if report.pending.is_empty() || !report.rights.is_empty() {
        return Ok(report);
    }
    lock(&db, watch).await?;
    let outcome = run_locked(&mut db, watch).await;
    // The lock goes with the connection in any case.
    let _ = sql::rows(&db, "SELECT pg_catalog.pg_advisory_unlock($1, $2)", &lock_key()).await;
    outcome
}

/// Whether the desk can start here, in one round trip.
pub async fn readiness<C: Db>(db: &C) -> Result<Readiness> {
    let rows = match sql::rows(db, "SELECT name FROM desk.migrations WHERE state = 'done'", &[]).await {
        Err(error) if *error.meaning() == Meaning::NotMigrated => return Ok(Readiness::NotMigrated),
        other => other?,
    };
    let names: Vec<&str> = rows.iter().map(|row| sql::get(row, "name")).collect::<Result<_>>()?;
    let unknown = names.iter().any(|name| STEPS.iter().all(|step| step.name != *name));
    let missing = STEPS.iter().any(|step| !names.contains(&step.name));
    Ok(match (unknown, missing) {
        (true, _) => Readiness::Newer,
        (false, true) => Readiness::Older,
        (false, false) => Readiness::Ready,
    })
}

/// Writes the row that makes the web app's own migrator take the tables as they are. Answers false when it has rows
/// already, and then changes nothing.
pub async fn drizzle_baseline(connector: &Connector) -> Result<bool> {
    let (mut db, _) = connector.connect().await?;
    drizzle::baseline(&mut db).await
}

async fn run_locked(db: &mut Client, watch: Watch<'_>) -> Result<Report> {
    let mut report = inspect(db).await?;
    if report.pending.is_empty() || !report.rights.is_empty() {
        return Ok(report);
    }
    // A lost client must not leave a statement running and the lock held. Not every system has this setting.
    let _ = db.batch_execute("SET client_connection_check_interval = '2s'").await;
    begin(db, &report.state).await?;
    for step in STEPS {
        if done(&marks(db).await?, step) {
            continue;
        }
        watch(Progress::Step(step.name));
        match step.kind {
            Kind::Tx => apply::in_one_transaction(db, step, watch).await?,
            Kind::Index => report.operator.extend(index::all(db, step, watch).await?),
            Kind::Batches => apply::in_batches(db, step, watch).await?,
        }
        report.applied.push(step.name);
        report.pending.retain(|name| *name != step.name);
    }
    watch(Progress::Folding);
    apply::sweep(db).await?;
    fold::all(db).await?;
    Ok(report)
}

/// Steps that were applied and that no event tells of: those of this run, and of a run that was killed before it could say.
pub async fn unnoted<D: Db>(db: &D) -> Result<Vec<&'static str>> {
    let rows = sql::rows(
        db,
        "SELECT m.name FROM desk.migrations AS m \
          WHERE m.state = 'done' AND m.kind <> 'adopted' \
            AND m.name NOT IN (SELECT s.name FROM desk.events AS e, \
                                      pg_catalog.jsonb_array_elements_text(e.after -> 'steps') AS s (name) \
                                WHERE e.action = 'schema.migrate')",
        &[],
    )
    .await?;
    let names: Vec<&str> = rows.iter().map(|row| sql::get(row, "name")).collect::<Result<_>>()?;
    Ok(STEPS.iter().map(|step| step.name).filter(|name| names.contains(name)).collect())
}

/// Until the end of the transaction nobody else says which steps were applied.
pub async fn lock_steps(tx: &Transaction<'_>) -> Result<()> {
    sql::execute(tx, "LOCK TABLE desk.migrations IN SHARE ROW EXCLUSIVE MODE", &[]).await.map(drop)
}

/// Applies a step that only puts functions and triggers back once more.
pub(crate) async fn again(db: &mut Client, step: &Step, watch: Watch<'_>) -> Result<()> {
    apply::locked_briefly(db, step.sql, None, &mut || watch(Progress::Retry(step.name))).await
}

/// The documented indexes that are missing or broken.
pub(crate) async fn missing_indexes<C: Db>(db: &C) -> Result<Vec<Index>> {
    index::missing(db).await
}

/// Makes the documented indexes that are missing; answers with the statements that only their owner may run.
pub(crate) async fn indexes_again(db: &mut Client, watch: Watch<'_>) -> Result<Vec<String>> {
    let mut left = Vec::new();
    for step in STEPS.iter().filter(|step| step.kind == Kind::Index) {
        left.extend(index::all(db, step, watch).await?);
    }
    Ok(left)
}

fn lock_key() -> [sql::Param<'static>; 2] {
    [sql::int4(&LOCK_CLASS), sql::int4(&LOCK_MIGRATION)]
}

/// Takes the lock of migrations and repairs; it goes with the connection.
pub(crate) async fn lock(db: &Client, watch: Watch<'_>) -> Result<()> {
    let mut pause = Duration::from_millis(50);
    let mut waited = Duration::ZERO;
    while waited < WAIT_FOR_OTHERS {
        let row =
            sql::row(db, "SELECT pg_catalog.pg_try_advisory_lock($1, $2) AS locked", &lock_key()).await?;
        if sql::get(&row, "locked")? {
            return Ok(());
        }
        watch(Progress::OthersAtWork);
        tokio::time::sleep(pause).await;
        waited += pause;
        pause = (pause * 2).min(Duration::from_secs(1));
    }
    Err(Error::new(Meaning::Locked, "another process has been migrating this database for half an hour"))
}

/// Our schema and the table of steps; on adoption with the web app's own history as already there.
async fn begin(db: &mut Client, state: &State) -> Result<()> {
    if !matches!(state, State::Empty | State::Adopt) {
        return Ok(());
    }
    let tx = db.transaction().await?;
    let bare = sql::row(&tx, "SELECT pg_catalog.to_regnamespace('desk') IS NULL AS bare", &[]).await?;
    if sql::get(&bare, "bare")? {
        tx.batch_execute("CREATE SCHEMA desk").await?;
    }
    tx.batch_execute(
        "CREATE TABLE desk.migrations (
           name text PRIMARY KEY,
           checksum text NOT NULL,
           kind text NOT NULL,
           state text NOT NULL CHECK (state IN ('running', 'done')),
           progress text,
           applied_at timestamp NOT NULL DEFAULT (pg_catalog.clock_timestamp() AT TIME ZONE 'utc')
         )",
    )
    .await?;
    if *state == State::Adopt {
        for step in STEPS.iter().filter(|step| step.documented) {
            sql::execute(
                &tx,
                "INSERT INTO desk.migrations (name, checksum, kind, state) VALUES ($1, $2, 'adopted', 'done')",
                &[sql::text(&step.name), sql::text(&step.checksum())],
            )
            .await?;
        }
    }
    tx.commit().await?;
    Ok(())
}
