//! Who has read which ticket up to when.

use super::error::Result;
use super::moment::Moment;
use super::sql;
use crate::domain::ids::{CommentId, TicketId, UserId};
use crate::domain::time::Timestamp;
use crate::policy::Scope;
use crate::store::transaction::Transaction;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// Up to where the reader had read; none when never.
pub async fn seen_at(client: &Client, scope: &Scope, ticket: &TicketId) -> Result<Option<Timestamp>> {
    let row = sql::maybe_row(
        client,
        "SELECT r.seen_at FROM desk.reads AS r WHERE r.user_id = $1 AND r.ticket_id = $2",
        &[(&scope.reader().map(UserId::as_str), Type::TEXT), (&ticket.as_str(), Type::TEXT)],
    )
    .await?;
    row.map(|row| sql::get::<Moment>(&row, "seen_at").map(|at| at.0)).transpose()
}

/// Read up to a moment; never less than what another host said already.
pub(super) async fn mark(
    tx: &Transaction<'_>,
    user: &UserId,
    ticket: &TicketId,
    up_to: Timestamp,
) -> Result<()> {
    sql::execute(
        tx,
        "INSERT INTO desk.reads AS r (user_id, ticket_id, seen_at) VALUES ($1, $2, $3) \
         ON CONFLICT (user_id, ticket_id) DO UPDATE SET seen_at = greatest(r.seen_at, excluded.seen_at)",
        &[(&user.as_str(), Type::TEXT), (&ticket.as_str(), Type::TEXT), (&Moment(up_to), Type::TIMESTAMP)],
    )
    .await?;
    Ok(())
}

/// Read up to a message of the reader's own.
pub(super) async fn mark_by(
    tx: &Transaction<'_>,
    user: &UserId,
    ticket: &TicketId,
    comment: &CommentId,
) -> Result<()> {
    sql::execute(
        tx,
        "INSERT INTO desk.reads AS r (user_id, ticket_id, seen_at) \
         SELECT $1, $2, c.created_at FROM public.ticket_comments AS c WHERE c.id = $3 \
         ON CONFLICT (user_id, ticket_id) DO UPDATE SET seen_at = greatest(r.seen_at, excluded.seen_at)",
        &[(&user.as_str(), Type::TEXT), (&ticket.as_str(), Type::TEXT), (&comment.as_str(), Type::TEXT)],
    )
    .await?;
    Ok(())
}

/// Not read at all.
pub(super) async fn unmark(tx: &Transaction<'_>, user: &UserId, ticket: &TicketId) -> Result<()> {
    sql::execute(
        tx,
        "DELETE FROM desk.reads AS r WHERE r.user_id = $1 AND r.ticket_id = $2",
        &[(&user.as_str(), Type::TEXT), (&ticket.as_str(), Type::TEXT)],
    )
    .await?;
    Ok(())
}
