//! Replies being written: one for each member of staff and ticket, on whatever host.

use super::error::Result;
use super::sql;
use crate::domain::ids::{CommentId, TicketId, UserId};
use crate::domain::ticket::{Draft, TicketStatus};
use crate::policy::Scope;
use crate::store::transaction::Transaction;
use futures_util::future::try_join;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

/// What saving a draft came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedDraft {
    /// Goes into the next saving.
    pub version: i64,
    /// The text of another host that this one took the place of.
    pub older_content: Option<String>,
}

/// The reader's draft for a ticket.
pub async fn of_reader(client: &Client, scope: &Scope, ticket: &TicketId) -> Result<Option<Draft>> {
    let row = sql::maybe_row(
        client,
        "SELECT d.comment_id, d.content, d.last_comment_id, d.status_after, d.older_content, d.version \
               FROM desk.drafts AS d WHERE d.user_id = $1 AND d.ticket_id = $2 AND d.kind = 'reply'",
        &[(&scope.reader().map(UserId::as_str), Type::TEXT), (&ticket.as_str(), Type::TEXT)],
    )
    .await?;
    row.as_ref().map(draft).transpose()
}

fn draft(row: &Row) -> Result<Draft> {
    Ok(Draft {
        comment: CommentId::new(sql::get::<&str>(row, "comment_id")?),
        content: sql::get(row, "content")?,
        last_comment: sql::get::<Option<&str>>(row, "last_comment_id")?.map(CommentId::new),
        status_after: sql::get::<Option<&str>>(row, "status_after")?.map(TicketStatus::parse),
        older_content: sql::get(row, "older_content")?,
        version: sql::get(row, "version")?,
    })
}

/// Keeps a draft; none when its message was sent already, and there is nothing to keep.
///
/// The later of two hosts wins, and the other one's text is kept beside it: nothing that somebody wrote is lost.
pub(super) async fn save(
    tx: &Transaction<'_>,
    user: &UserId,
    ticket: &TicketId,
    draft: &Draft,
    origin: &str,
) -> Result<Option<SavedDraft>> {
    let status_after = draft.status_after.as_ref().map(TicketStatus::as_str);
    let row = sql::maybe_row(tx, "INSERT INTO desk.drafts AS d (user_id, ticket_id, kind, comment_id, content, last_comment_id, \
                                           status_after, older_content, origin, version, updated_at) \
             SELECT $1, $2, 'reply', $3, $4, $5, $6, $7, $8, greatest($9, 0) + 1, clock_timestamp() AT TIME ZONE 'utc' \
              WHERE NOT EXISTS (SELECT FROM public.ticket_comments AS c WHERE c.id = $3) \
             ON CONFLICT (user_id, ticket_id, kind) DO UPDATE SET \
               comment_id = excluded.comment_id, content = excluded.content, \
               last_comment_id = excluded.last_comment_id, status_after = excluded.status_after, \
               older_content = CASE WHEN d.version = $9 OR d.origin = excluded.origin THEN excluded.older_content \
                                    WHEN d.content IN (excluded.content, '') \
                                    THEN coalesce(excluded.older_content, d.older_content) \
                                    ELSE d.content END, \
               origin = excluded.origin, version = d.version + 1, updated_at = excluded.updated_at \
             RETURNING d.version, d.older_content",
            &[
                (&user.as_str(), Type::TEXT),
                (&ticket.as_str(), Type::TEXT),
                (&draft.comment.as_str(), Type::TEXT),
                (&draft.content, Type::TEXT),
                (&draft.last_comment.as_ref().map(CommentId::as_str), Type::TEXT),
                (&status_after, Type::TEXT),
                (&draft.older_content, Type::TEXT),
                (&origin, Type::TEXT),
                (&draft.version, Type::INT8),
            ],
        )
        .await?;
    row.map(|row| {
        Ok(SavedDraft {
            version: sql::get(&row, "version")?,
            older_content: sql::get(&row, "older_content")?,
        })
    })
    .transpose()
}

/// Its message is out: the draft goes. A text that another host of the same person wrote into it does not go
/// with it, but becomes a draft of its own.
pub(super) async fn sent(
    tx: &Transaction<'_>,
    user: &UserId,
    ticket: &TicketId,
    sent: (&CommentId, &str),
    origin: &str,
) -> Result<()> {
    let (comment, content) = sent;
    let keep = async {
        sql::execute(
            tx,
            "UPDATE desk.drafts AS d \
                SET content = CASE WHEN d.origin = $5 OR d.content = $4 THEN d.older_content ELSE d.content END, \
                    older_content = CASE WHEN d.origin = $5 OR d.content = $4 THEN NULL ELSE d.older_content END, \
                    comment_id = pg_catalog.gen_random_uuid()::text, version = d.version + 1, \
                    updated_at = clock_timestamp() AT TIME ZONE 'utc' \
              WHERE d.user_id = $1 AND d.ticket_id = $2 AND d.kind = 'reply' AND d.comment_id = $3 \
                AND (btrim(d.older_content) <> '' \
                     OR (d.origin <> $5 AND d.content <> $4 AND btrim(d.content) <> ''))",
            &[
                (&user.as_str(), Type::TEXT),
                (&ticket.as_str(), Type::TEXT),
                (&comment.as_str(), Type::TEXT),
                (&content, Type::TEXT),
                (&origin, Type::TEXT),
            ],
        )
        .await
    };
    // Sent together, carried out one after the other.
    try_join(keep, discard(tx, user, ticket, comment)).await.map(drop)
}

/// Throws a draft away, unless another one has taken its place.
pub(super) async fn discard(
    tx: &Transaction<'_>,
    user: &UserId,
    ticket: &TicketId,
    comment: &CommentId,
) -> Result<()> {
    sql::execute(
        tx,
        "DELETE FROM desk.drafts AS d \
          WHERE d.user_id = $1 AND d.ticket_id = $2 AND d.kind = 'reply' AND d.comment_id = $3",
        &[(&user.as_str(), Type::TEXT), (&ticket.as_str(), Type::TEXT), (&comment.as_str(), Type::TEXT)],
    )
    .await?;
    Ok(())
}
