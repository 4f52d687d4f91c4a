//! Rows of the queue: their columns, and one ticket by its id or number.

use super::error::Result;
use super::moment::Moment;
use super::people::{self, person_columns, person_lookup};
use super::sql;
use crate::domain::comment::Side;
use crate::domain::ids::{CommentId, TicketId, UserId};
use crate::domain::ticket::{Priority, TicketBrief, TicketRow, TicketStatus};
use crate::policy::Scope;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

/// The columns of a queue row, over the tables of [`ticket_joins`]; the reader is the statement's first parameter.
macro_rules! ticket_columns {
    () => {
        concat!(
            "t.ticket_id, s.ticket_number, s.subject, s.status::text AS status, t.priority, t.created_at, \
             t.last_activity_at, t.last_side, t.last_comment_id, t.waiting_since, t.comment_count, t.version, \
             t.queue_key, t.client_id, ",
            person_columns!("c", "client"),
            ", t.assignee_id, ",
            person_columns!("a", "assignee"),
            ", $1::text IS NOT NULL AND t.last_author_id <> $1 \
               AND (r.seen_at IS NULL OR t.last_activity_at > r.seen_at) AS unread, \
             d.user_id IS NOT NULL AS has_draft"
        )
    };
}
pub(super) use ticket_columns;

/// What a queue row is joined from, once its place is found.
macro_rules! ticket_joins {
    () => {
        concat!(
            " CROSS JOIN LATERAL (SELECT w.ticket_number, w.subject, w.status FROM public.support_tickets AS w \
                                   WHERE w.id = t.ticket_id LIMIT 1) AS s",
            person_lookup!("c", "t.client_id"),
            person_lookup!("a", "t.assignee_id"),
            " LEFT JOIN desk.reads AS r ON r.user_id = $1 AND r.ticket_id = t.ticket_id \
         LEFT JOIN desk.drafts AS d ON d.user_id = $1 AND d.ticket_id = t.ticket_id AND d.kind = 'reply'"
        )
    };
}
pub(super) use ticket_joins;

/// Reads a row of [`ticket_columns`].
pub(super) fn ticket_row(row: &Row) -> Result<TicketRow> {
    Ok(TicketRow {
        id: TicketId::new(sql::get::<&str>(row, "ticket_id")?),
        number: people::text(row, "ticket_number")?,
        subject: people::text(row, "subject")?,
        status: TicketStatus::parse(sql::get(row, "status")?),
        priority: Priority::from_number(sql::get(row, "priority")?),
        client: people::known_person(row, &people::CLIENT)?,
        assignee: people::person(row, &people::ASSIGNEE)?,
        created_at: sql::get::<Moment>(row, "created_at")?.0,
        last_activity_at: sql::get::<Moment>(row, "last_activity_at")?.0,
        last_side: Side::parse(sql::get(row, "last_side")?),
        last_comment: sql::get::<Option<&str>>(row, "last_comment_id")?.map(CommentId::new),
        waiting_since: sql::get::<Option<Moment>>(row, "waiting_since")?.map(|at| at.0),
        comments: sql::get(row, "comment_count")?,
        unread: sql::get(row, "unread")?,
        has_draft: sql::get(row, "has_draft")?,
        version: sql::get(row, "version")?,
        queue_key: sql::get::<Moment>(row, "queue_key")?.0,
    })
}

/// The columns of a ticket in a list beside something else.
macro_rules! brief_columns {
    () => {
        "t.ticket_id, s.ticket_number, s.subject, s.status::text AS status, t.last_activity_at, t.waiting_since"
    };
}
pub(super) use brief_columns;

/// What a brief is joined from.
macro_rules! brief_joins {
    () => {
        " CROSS JOIN LATERAL (SELECT w.ticket_number, w.subject, w.status FROM public.support_tickets AS w \
                               WHERE w.id = t.ticket_id LIMIT 1) AS s"
    };
}
pub(super) use brief_joins;

/// Reads a row of [`brief_columns`].
pub(super) fn ticket_brief(row: &Row) -> Result<TicketBrief> {
    Ok(TicketBrief {
        id: TicketId::new(sql::get::<&str>(row, "ticket_id")?),
        number: people::text(row, "ticket_number")?,
        subject: people::text(row, "subject")?,
        status: TicketStatus::parse(sql::get(row, "status")?),
        last_activity_at: sql::get::<Moment>(row, "last_activity_at")?.0,
        waiting_since: sql::get::<Option<Moment>>(row, "waiting_since")?.map(|at| at.0),
    })
}

/// One queue row; none when there is no such ticket.
pub async fn by_id(client: &Client, scope: &Scope, ticket: &TicketId) -> Result<Option<TicketRow>> {
    let row = sql::maybe_row(
        client,
        concat!(
            "SELECT ",
            ticket_columns!(),
            " FROM desk.tickets AS t",
            ticket_joins!(),
            " WHERE t.ticket_id = $3 AND $2"
        ),
        &[
            (&scope.reader().map(UserId::as_str), Type::TEXT),
            (&scope.tickets(), Type::BOOL),
            (&ticket.as_str(), Type::TEXT),
        ],
    )
    .await?;
    row.as_ref().map(ticket_row).transpose()
}

/// The ticket with exactly this number. Digits alone stand for the numeric part: the prefix of the newest ticket
/// goes first, then the newest ticket.
pub async fn by_number(client: &Client, scope: &Scope, number: &str) -> Result<Option<TicketId>> {
    let typed = number.trim().trim_start_matches('#');
    let row = sql::maybe_row(client, "SELECT f.ticket_id FROM ( \
               SELECT t.ticket_id, 0 AS rank, t.created_at FROM desk.tickets AS t WHERE t.number = $2 AND $1 \
               UNION ALL \
               SELECT t.ticket_id, 1, t.created_at FROM desk.tickets AS t WHERE t.number = upper($2) AND $1 \
               UNION ALL \
               SELECT t.ticket_id, CASE WHEN t.number_prefix = (SELECT n.number_prefix FROM desk.tickets AS n \
                        ORDER BY n.created_at DESC, n.ticket_id DESC LIMIT 1) THEN 2 ELSE 3 END, t.created_at \
                 FROM desk.tickets AS t WHERE t.number_value = $3 AND $1 \
             ) AS f ORDER BY f.rank, f.created_at DESC, f.ticket_id DESC LIMIT 1",
            &[(&scope.tickets(), Type::BOOL), (&typed, Type::TEXT), (&numeric_part(typed), Type::INT8)],
        )
        .await?;
    row.map(|row| sql::get::<&str>(&row, "ticket_id").map(TicketId::new)).transpose()
}

/// Digits alone as a number, as `desk.tickets.number_value` keeps it.
pub(super) fn numeric_part(typed: &str) -> Option<i64> {
    let digits = (1..=18).contains(&typed.len()) && typed.bytes().all(|byte| byte.is_ascii_digit());
    if digits { typed.parse().ok() } else { None }
}
