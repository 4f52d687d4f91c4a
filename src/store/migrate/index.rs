//! The documented indexes: made at once on empty tables, CONCURRENTLY where rows are, left to the operator where this
//! role is not the owner.

use super::apply::locked_briefly;
use super::steps::{Index, Step, indexes};
use super::{Progress, Watch};
use crate::store::error::{Error, Meaning, Result};
use crate::store::sql;
use crate::store::sql::Db;
use std::time::Duration;
use tokio_postgres::Client;

/// How often a build that met another transaction is tried again.
const TRIES: u32 = 5;
/// How long to wait for somebody else who builds the same index.
const WAIT_FOR_BUILDER: Duration = Duration::from_secs(30 * 60);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Standing {
    Absent,
    Valid,
    /// A build that was broken off.
    Remnant,
    /// Somebody else builds it this moment.
    Building,
}

/// Makes those that are missing; answers with the statements that only the owner may run.
pub(super) async fn all(db: &mut Client, step: &Step, watch: Watch<'_>) -> Result<Vec<String>> {
    let all = indexes(step);
    let mut left = Vec::new();
    sql::execute(
        db,
        "INSERT INTO desk.migrations (name, checksum, kind, state) VALUES ($1, $2, $3, 'running')
         ON CONFLICT (name) DO NOTHING",
        &[sql::text(&step.name), sql::text(&step.checksum()), sql::text(&step.kind.word())],
    )
    .await?;
    for (i, index) in all.iter().enumerate() {
        if standing(db, index).await? == Standing::Valid {
            continue;
        }
        if !owner(db, index).await? {
            left.push(format!("{};", index.create_concurrently()));
            continue;
        }
        watch(Progress::Index(index.name, i + 1, all.len()));
        make(db, step, index, watch).await.map_err(|error| error.during(index.name))?;
    }
    let missing = (!left.is_empty()).then(|| format!("left to the operator: {}", left.len()));
    sql::execute(
        db,
        "UPDATE desk.migrations SET state = 'done', progress = $2, applied_at = pg_catalog.clock_timestamp() AT TIME ZONE 'utc'
          WHERE name = $1",
        &[sql::text(&step.name), sql::text(&missing)],
    )
    .await?;
    Ok(left)
}

/// The documented indexes that are missing or broken.
pub(super) async fn missing<C: Db>(db: &C) -> Result<Vec<Index>> {
    let mut missing = Vec::new();
    for index in super::steps::documented_indexes() {
        if standing(db, &index).await? != Standing::Valid {
            missing.push(index);
        }
    }
    Ok(missing)
}

async fn make(db: &mut Client, step: &Step, index: &Index, watch: Watch<'_>) -> Result<()> {
    if empty(db, index).await? && standing(db, index).await? == Standing::Absent {
        // Nobody waits for an index on no rows, and CONCURRENTLY would wait for every open transaction.
        let made = locked_briefly(db, &index.create(), None, &mut || watch(Progress::Retry(step.name))).await;
        if made.is_ok() {
            return made;
        }
    }
    let mut waited = Duration::ZERO;
    let mut tries = 0;
    loop {
        match standing(db, index).await? {
            Standing::Valid => return Ok(()),
            Standing::Absent => {}
            Standing::Remnant => {
                db.batch_execute(&format!("DROP INDEX CONCURRENTLY IF EXISTS public.{}", index.name)).await?;
            }
            Standing::Building if waited < WAIT_FOR_BUILDER => {
                watch(Progress::Retry(step.name));
                tokio::time::sleep(Duration::from_millis(500)).await;
                waited += Duration::from_millis(500);
                continue;
            }
            Standing::Building => {
                return Err(Error::new(
                    Meaning::Locked,
                    "somebody else has been building this index for half an hour",
                ));
            }
        }
        tries += 1;
        match db.batch_execute(&index.create_concurrently()).await.map_err(Error::from) {
            Err(error) if tries < TRIES && matches!(error.meaning(), Meaning::Locked | Meaning::Conflict) => {
                watch(Progress::Retry(step.name));
            }
            other => other?,
        }
    }
}

async fn standing<C: Db>(db: &C, index: &Index) -> Result<Standing> {
    let row = sql::maybe_row(
        db,
        "SELECT coalesce(i.indisvalid, true) AS valid,
                EXISTS (SELECT FROM pg_catalog.pg_stat_progress_create_index p WHERE p.index_relid = c.oid) AS building
           FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           LEFT JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid
          WHERE n.nspname = 'public' AND c.relname = $1",
        &[sql::text(&index.name)],
    )
    .await?;
    let Some(row) = row else { return Ok(Standing::Absent) };
    Ok(match (sql::get(&row, "valid")?, sql::get(&row, "building")?) {
        (true, _) => Standing::Valid,
        (false, true) => Standing::Building,
        (false, false) => Standing::Remnant,
    })
}

async fn owner(db: &Client, index: &Index) -> Result<bool> {
    let row = sql::row(
        db,
        "SELECT pg_catalog.pg_has_role(c.relowner, 'USAGE') AND pg_catalog.has_schema_privilege(n.oid, 'CREATE') AS mine
           FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = 'public' AND c.relname = $1",
        &[sql::text(&index.table)],
    )
    .await?;
    sql::get(&row, "mine")
}

async fn empty(db: &Client, index: &Index) -> Result<bool> {
    // The name is one of ours, from an embedded file.
    let row =
        sql::row(db, &format!("SELECT NOT EXISTS (SELECT FROM public.{}) AS empty", index.table), &[]).await;
    match row {
        Ok(row) => sql::get(&row, "empty"),
        // Without SELECT on the token tables: be careful.
        Err(error) if *error.meaning() == Meaning::Denied => Ok(false),
        Err(error) => Err(error),
    }
}
