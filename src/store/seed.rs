//! Our rows beside tickets that the demo or the generator has just inserted.
//!
//! The triggers would bring these rows up to date too, but in two or three steps and without assignee, priority and
//! the time of the answer. Here each is worked out once, by the function that the backfill and the fold use.
//! Invariant: only for tickets that no other transaction can see yet.

use super::error::Result;
use super::sql;
use crate::domain::time::Timestamp;
use crate::store::sql::Db;
use crate::store::transaction::Transaction;

/// The server's clock.
pub async fn clock(db: &impl Db) -> Result<Timestamp> {
    let row = sql::row(
        db,
        "SELECT pg_catalog.floor(extract(epoch FROM pg_catalog.clock_timestamp()) * 1000000)::bigint AS micros",
        &[],
    )
    .await?;
    sql::get(&row, "micros").map(Timestamp::from_micros)
}

/// Where `desk.stale` ends before the tickets are inserted.
pub(super) async fn stale_mark(tx: &Transaction<'_>) -> Result<i64> {
    let row = sql::row(tx, "SELECT coalesce(pg_catalog.max(id), 0) AS mark FROM desk.stale", &[]).await?;
    sql::get(&row, "mark")
}

/// Makes our rows for the tickets of `pg_temp.given (id, settled_at, assignee_id, priority)`; `settled_at` is when one
/// was resolved, closed, or marked as needing no answer.
pub(super) async fn replace_desk_tickets(tx: &Transaction<'_>, mark: i64) -> Result<()> {
    sql::execute(
        tx,
        "DELETE FROM desk.stale USING pg_temp.given
         WHERE stale.id > $1 AND stale.kind = 'ticket' AND stale.row_id = given.id",
        &[sql::int8(&mark)],
    )
    .await?;
    sql::execute(tx, "DELETE FROM desk.tickets USING pg_temp.given WHERE tickets.ticket_id = given.id", &[])
        .await?;
    sql::execute(
        tx,
        "INSERT INTO desk.tickets (ticket_id, status, client_id, number, created_at, last_activity_at,
                                   last_comment_id, last_side, last_author_id, waiting_since, answered_at,
                                   comment_count, assignee_id, priority)
         SELECT row.ticket_id, row.status, row.client_id, row.number, row.created_at, row.last_activity_at,
                row.last_comment_id, row.last_side, row.last_author_id, row.waiting_since, row.answered_at,
                row.comment_count, given.assignee_id, given.priority
         FROM (SELECT pg_catalog.array_agg(id ORDER BY id) AS ids,
                      pg_catalog.array_agg(settled_at ORDER BY id) AS answers FROM pg_temp.given) AS whole,
              desk.compute_tickets(whole.ids, whole.answers) AS row
         JOIN pg_temp.given ON given.id = row.ticket_id
         ORDER BY row.created_at, row.ticket_id",
        &[],
    )
    .await?;
    Ok(())
}
