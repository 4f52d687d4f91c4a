//! Messages of a conversation, newest part first.

use super::error::Result;
use super::moment::Moment;
use super::people;
use super::sql;
use crate::domain::comment::{Comment, Side};
use crate::domain::ids::{CommentId, TicketId, UserId};
use crate::domain::safe_text::SafeText;
use crate::domain::time::Timestamp;
use crate::domain::user::Role;
use crate::policy::Scope;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

/// Comments in the first answer.
pub(super) const NEWEST: usize = 200;
/// Comments in each further answer.
const PAGE: usize = 1000;

// `+ interval '0'` keeps the planner from walking the web app's index over the times of all comments.
macro_rules! comments_sql {
    ($where:literal) => {
        concat!(
            "SELECT c.id, c.content, c.user_id, c.sender::text AS sender, c.created_at, \
                    coalesce(nullif(btrim(u.name), ''), u.email) AS author_name, u.role::text AS author_role \
               FROM (SELECT w.id, w.content, w.user_id, w.sender, w.created_at FROM public.ticket_comments AS w \
                      WHERE w.ticket_id = $1 AND $2",
            $where,
            " ORDER BY w.created_at + interval '0' DESC, w.id DESC LIMIT $3) AS c \
               LEFT JOIN LATERAL (SELECT n.name, n.email, n.role FROM public.users AS n \
                                   WHERE n.id = c.user_id LIMIT 1) AS u ON true \
              ORDER BY c.created_at DESC, c.id DESC"
        )
    };
}

/// The newest comments, oldest of them first, and whether there are older ones.
pub async fn newest(client: &Client, scope: &Scope, ticket: &TicketId) -> Result<(Vec<Comment>, bool)> {
    let rows = sql::rows(
        client,
        comments_sql!(""),
        &[(&ticket.as_str(), Type::TEXT), (&scope.tickets(), Type::BOOL), (&(NEWEST as i64 + 1), Type::INT8)],
    )
    .await?;
    oldest_first(&rows, NEWEST)
}

/// Comments older than one, oldest first, and whether there are still older ones.
pub async fn older(
    client: &Client,
    scope: &Scope,
    ticket: &TicketId,
    before: &(Timestamp, CommentId),
) -> Result<(Vec<Comment>, bool)> {
    let rows = sql::rows(
        client,
        comments_sql!(" AND (w.created_at, w.id) < ($4, $5)"),
        &[
            (&ticket.as_str(), Type::TEXT),
            (&scope.tickets(), Type::BOOL),
            (&(PAGE as i64 + 1), Type::INT8),
            (&Moment(before.0), Type::TIMESTAMP),
            (&before.1.as_str(), Type::TEXT),
        ],
    )
    .await?;
    oldest_first(&rows, PAGE)
}

fn oldest_first(rows: &[Row], limit: usize) -> Result<(Vec<Comment>, bool)> {
    let comments = rows.iter().take(limit).rev().map(comment).collect::<Result<Vec<_>>>()?;
    Ok((comments, rows.len() > limit))
}

fn comment(row: &Row) -> Result<Comment> {
    Ok(Comment {
        id: CommentId::new(sql::get::<&str>(row, "id")?),
        author: UserId::new(sql::get::<&str>(row, "user_id")?),
        author_name: people::text(row, "author_name")?,
        author_role: Role::parse(sql::get::<Option<&str>>(row, "author_role")?.unwrap_or_default()),
        side: Side::parse(sql::get(row, "sender")?),
        content: SafeText::new(sql::get(row, "content")?),
        created_at: sql::get::<Moment>(row, "created_at")?.0,
    })
}
