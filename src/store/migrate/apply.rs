//! How steps of the kinds `tx` and `batches` are applied.

use super::steps::Step;
use super::{Progress, Watch};
use crate::store::error::{Error, Meaning, Result};
use crate::store::sql;
use std::time::Duration;
use tokio_postgres::{Client, Transaction};

/// Rows in a batch: small enough that its transaction is short.
const BATCH: i32 = 2_000;
/// How often a step is tried before it is given up: about four minutes of bad luck.
const TRIES: u32 = 120;

/// Applies a step and notes it as done, both or neither.
pub(super) async fn in_one_transaction(db: &mut Client, step: &Step, watch: Watch<'_>) -> Result<()> {
    let note = "INSERT INTO desk.migrations (name, checksum, kind, state) VALUES ($1, $2, $3, 'done')";
    let (checksum, kind) = (step.checksum(), step.kind.word());
    let params = [sql::text(&step.name), sql::text(&checksum), sql::text(&kind)];
    locked_briefly(db, step.sql, Some((note, &params)), &mut || watch(Progress::Retry(step.name)))
        .await
        .map_err(|error| error.during(step.name))
}

/// Runs statements, and one more with parameters, in one transaction that waits at most 200 ms for any lock, so that
/// the web app never queues behind us for longer; tried again with growing pauses.
pub(super) async fn locked_briefly(
    db: &mut Client,
    statements: &str,
    last: Option<(&str, &[sql::Param<'_>])>,
    retry: &mut (dyn FnMut() + Send),
) -> Result<()> {
    let mut pause = Duration::from_millis(50);
    for _ in 0..TRIES {
        let tx = db.transaction().await?;
        tx.batch_execute("SET LOCAL lock_timeout = '200ms'").await?;
        let outcome = match (tx.batch_execute(statements).await, last) {
            (Ok(()), Some((note, params))) => sql::execute(&tx, note, params).await,
            (Ok(()), None) => Ok(0),
            (Err(error), _) => Err(error.into()),
        };
        match outcome {
            Ok(_) => return Ok(tx.commit().await?),
            Err(error) if matches!(error.meaning(), Meaning::Locked | Meaning::Conflict) => {
                tx.rollback().await?;
                retry();
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(2));
            }
            Err(error) => return Err(error),
        }
    }
    let sentence = "a table was held by long transactions all the time; end them, or try at a quieter hour";
    Err(Error::new(Meaning::Locked, sentence))
}

/// Fills one of our tables, batch by batch; the progress is kept with each batch, so that a killed run goes on there.
pub(super) async fn in_batches(db: &mut Client, step: &Step, watch: Watch<'_>) -> Result<()> {
    let Some((ours, theirs)) = step.fills else {
        return Err(Error::new(Meaning::Internal, "a step in batches names no table"));
    };
    let count = sql::row(
        db,
        "SELECT greatest(c.reltuples, 0)::bigint AS about FROM pg_catalog.pg_class c WHERE c.oid = $1::text::pg_catalog.regclass",
        &[sql::text(&theirs)],
    )
    .await?;
    let about: i64 = sql::get(&count, "about")?;
    let mut filled = 0_u64;
    loop {
        let tx = db.transaction().await?;
        tx.batch_execute("SET LOCAL synchronous_commit = off").await?;
        let progress = started(&tx, step).await?;
        let batch = sql::row(&tx, step.sql, &[sql::text(&progress), sql::int4(&BATCH)]).await?;
        if sql::get(&batch, "busy")? {
            tx.rollback().await?;
            tokio::time::sleep(Duration::from_millis(20)).await;
            continue;
        }
        let upto: Option<String> = sql::get(&batch, "upto")?;
        sql::execute(
            &tx,
            "UPDATE desk.migrations SET progress = $2, state = CASE WHEN $2 IS NULL THEN 'done' ELSE 'running' END,
                    applied_at = pg_catalog.clock_timestamp() AT TIME ZONE 'utc'
              WHERE name = $1",
            &[sql::text(&step.name), sql::text(&upto)],
        )
        .await?;
        tx.commit().await?;
        filled += u64::try_from(sql::get::<i32>(&batch, "filled")?).unwrap_or(0);
        watch(Progress::Batch(step.name, filled, u64::try_from(about).unwrap_or(0)));
        if upto.is_none() {
            break;
        }
    }
    db.batch_execute(&format!("ANALYZE {ours}")).await?;
    Ok(())
}

/// Notes that a step is under way, if it is not yet; where it got to.
async fn started(tx: &Transaction<'_>, step: &Step) -> Result<Option<String>> {
    sql::execute(
        tx,
        "INSERT INTO desk.migrations (name, checksum, kind, state) VALUES ($1, $2, $3, 'running')
         ON CONFLICT (name) DO NOTHING",
        &[sql::text(&step.name), sql::text(&step.checksum()), sql::text(&step.kind.word())],
    )
    .await?;
    let row = sql::row(tx, "SELECT progress FROM desk.migrations WHERE name = $1", &[sql::text(&step.name)])
        .await?;
    sql::get(&row, "progress")
}

/// Removes rows of ours whose rows of the web app's went while they were being filled in.
pub(super) async fn sweep(db: &Client) -> Result<()> {
    for statement in [
        "INSERT INTO desk.stale (kind, row_id) SELECT 'ticket', d.ticket_id FROM desk.tickets d
          WHERE NOT EXISTS (SELECT FROM public.support_tickets p WHERE p.id = d.ticket_id)",
        "INSERT INTO desk.stale (kind, row_id) SELECT 'project', d.project_id FROM desk.projects d
          WHERE NOT EXISTS (SELECT FROM public.projects p WHERE p.id = d.project_id)",
        "INSERT INTO desk.stale (kind, row_id) SELECT 'user', d.user_id FROM desk.users d
          WHERE NOT EXISTS (SELECT FROM public.users p WHERE p.id = d.user_id)",
    ] {
        sql::execute(db, statement, &[]).await?;
    }
    Ok(())
}
