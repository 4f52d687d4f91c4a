//! Seals over the event log: made in batches by whichever desk is up, read again by whoever verifies.
//!
//! An event is hashed singly as it is written; a seal chains the hashes of a batch to the seal before. Nothing here
//! changes an event, and nobody who writes one waits for a seal.

pub mod chain;

use self::chain::{Erasures, Logged, Seal};
use super::error::Result;
use super::moment::Moment;
use super::sql;
use crate::domain::time::Timestamp;
use crate::store::sql::Db;
use tokio_postgres::Row;

/// Events that one call seals at most.
pub const MOST: u32 = 20_000;

/// The newest seal: all that came before hangs on its digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// Which, from 1.
    pub number: i64,
    /// SHA-256, in hexadecimal.
    pub digest: String,
    /// When it was made.
    pub at: Timestamp,
    /// Events that no seal holds yet.
    pub unsealed: i64,
}

/// Seals what is there to stay; answers how many events. Does nothing while another desk does the same.
pub async fn seal<C: Db>(db: &C) -> Result<u32> {
    let row = sql::row(db, "SELECT desk.seal_events() AS sealed", &[]).await?;
    Ok(u32::try_from(sql::get::<i32>(&row, "sealed")?).unwrap_or(0))
}

/// The newest seal; none when nothing was ever sealed.
pub async fn head<C: Db>(db: &C) -> Result<Option<Head>> {
    let row = sql::maybe_row(
        db,
        "SELECT s.number, encode(s.digest, 'hex') AS digest, s.at, \
                (SELECT count(*) FROM desk.events AS e WHERE e.id > s.last_id) AS unsealed \
           FROM desk.seals AS s ORDER BY s.number DESC LIMIT 1",
        &[],
    )
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(Head {
        number: sql::get(&row, "number")?,
        digest: sql::get(&row, "digest")?,
        at: sql::get::<Moment>(&row, "at")?.0,
        unsealed: sql::get(&row, "unsealed")?,
    }))
}

/// The seals after one, in order.
pub async fn after<C: Db>(db: &C, number: i64, limit: i64) -> Result<Vec<Seal>> {
    let rows = sql::rows(
        db,
        "SELECT s.number, s.first_id, s.last_id, s.ids, s.hashes, s.digest, s.at \
           FROM desk.seals AS s WHERE s.number > $1 ORDER BY s.number LIMIT $2",
        &[sql::int8(&number), sql::int8(&limit)],
    )
    .await?;
    rows.iter().map(seal_of).collect()
}

fn seal_of(row: &Row) -> Result<Seal> {
    Ok(Seal {
        number: sql::get(row, "number")?,
        first_id: sql::get(row, "first_id")?,
        last_id: sql::get(row, "last_id")?,
        ids: sql::get(row, "ids")?,
        hashes: sql::get(row, "hashes")?,
        digest: sql::get(row, "digest")?,
        at: sql::get::<Moment>(row, "at")?.0,
    })
}

/// The events with these numbers, both ends included, in order.
pub async fn logged<C: Db>(db: &C, first: i64, last: i64, limit: i64) -> Result<Vec<Logged>> {
    let rows = sql::rows(
        db,
        "SELECT e.id, e.at, e.actor_kind, e.actor_id, e.action, e.entity, e.entity_id, e.before::text AS before, \
                e.after::text AS after, e.undoes, e.origin, e.db_link, e.hash, e.place_salt, e.place_mark \
           FROM desk.events AS e WHERE e.id BETWEEN $1 AND $2 ORDER BY e.id LIMIT $3",
        &[sql::int8(&first), sql::int8(&last), sql::int8(&limit)],
    )
    .await?;
    rows.iter().map(logged_of).collect()
}

fn logged_of(row: &Row) -> Result<Logged> {
    Ok(Logged {
        id: sql::get(row, "id")?,
        at: sql::get::<Moment>(row, "at")?.0,
        actor_kind: sql::get(row, "actor_kind")?,
        actor_id: sql::get(row, "actor_id")?,
        action: sql::get(row, "action")?,
        entity: sql::get(row, "entity")?,
        entity_id: sql::get(row, "entity_id")?,
        before: sql::get(row, "before")?,
        after: sql::get(row, "after")?,
        undoes: sql::get(row, "undoes")?,
        origin: sql::get(row, "origin")?,
        db_link: sql::get(row, "db_link")?,
        hash: sql::get(row, "hash")?,
        place_salt: sql::get(row, "place_salt")?,
        place_mark: sql::get(row, "place_mark")?,
    })
}

/// What the log says of erasures. Its own events are looked at as all others are.
pub async fn erasures<C: Db>(db: &C) -> Result<Erasures> {
    let rows = sql::rows(
        db,
        "SELECT e.entity_id, e.id FROM desk.events AS e WHERE e.action = 'user.erase' ORDER BY e.id",
        &[],
    )
    .await?;
    let erased = rows.iter().map(|row| Ok((sql::get(row, "entity_id")?, sql::get(row, "id")?)));
    let recount = sql::maybe_row(
        db,
        "SELECT (e.after ->> 'upto')::bigint AS upto, e.after ->> 'digest' AS digest \
           FROM desk.events AS e WHERE e.action = 'log.recount' ORDER BY e.id LIMIT 1",
        &[],
    )
    .await?;
    let recount =
        recount.map(|row| Ok::<_, super::error::Error>((sql::get(&row, "upto")?, sql::get(&row, "digest")?)));
    Ok(Erasures { erased: erased.collect::<Result<_>>()?, recount: recount.transpose()? })
}
