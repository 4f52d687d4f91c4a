//! The web app's own migrator, kept from trying again what the desk has created.
//!
//! It applies every migration whose time is later than the newest row of its table. One row of now makes it a no-op for
//! the documented history, and leaves it free for what the web app adds later.

use crate::store::error::{Error, Meaning, Result};
use crate::store::sql;
use tokio_postgres::Client;

pub(super) async fn baseline(db: &mut Client) -> Result<bool> {
    let report = super::inspect(db).await?;
    if report.state != super::State::Ours {
        let sentence = "the baseline is written on a database that is up to date: run `desk migrate` first";
        return Err(Error::new(Meaning::NotMigrated, sentence));
    }
    let tx = db.transaction().await?;
    tx.batch_execute(
        "SET LOCAL lock_timeout = '2s';
         CREATE SCHEMA IF NOT EXISTS drizzle;
         CREATE TABLE IF NOT EXISTS drizzle.__drizzle_migrations (
           id serial PRIMARY KEY, hash text NOT NULL, created_at bigint);
         LOCK TABLE drizzle.__drizzle_migrations IN EXCLUSIVE MODE",
    )
    .await?;
    let written = sql::execute(
        &tx,
        "INSERT INTO drizzle.__drizzle_migrations (hash, created_at)
         SELECT $1, (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000)::bigint
          WHERE NOT EXISTS (SELECT FROM drizzle.__drizzle_migrations)",
        &[sql::text(&"baseline by desk migrate --drizzle-baseline")],
    )
    .await?;
    tx.commit().await?;
    Ok(written > 0)
}
