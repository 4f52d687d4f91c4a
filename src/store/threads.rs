//! A ticket opened: head, client card, newest comments, draft and read mark, all asked at once.

use super::drafts;
use super::error::Result;
use super::sql;
use super::tickets::{brief_columns, brief_joins, ticket_brief};
use super::{board, comments, reads, tickets};
use crate::domain::ids::TicketId;
use crate::domain::safe_text::SafeText;
use crate::domain::ticket::{ClientCard, Thread, TicketBrief};
use crate::policy::Scope;
use tokio::try_join;
use tokio_postgres::Client;
use tokio_postgres::types::Type;

/// The ticket with the newest part of its conversation; none when it is gone. One round trip: the statements are
/// sent together and answered in order.
pub async fn open(client: &Client, scope: &Scope, ticket: &TicketId) -> Result<Option<Thread>> {
    let (head, description, other_open, other_open_count, projects, (comments, has_older), draft, seen_at) =
        try_join!(
            tickets::by_id(client, scope, ticket),
            description(client, scope, ticket),
            other_open(client, scope, ticket),
            other_open_count(client, scope, ticket),
            board::of_ticket(client, scope, ticket),
            comments::newest(client, scope, ticket),
            drafts::of_reader(client, scope, ticket),
            reads::seen_at(client, scope, ticket),
        )?;
    let (Some(ticket), Some(description)) = (head, description) else { return Ok(None) };
    let card = ClientCard { other_open, other_open_count, projects };
    Ok(Some(Thread { ticket, description, card, comments, has_older, seen_at, draft }))
}

async fn description(client: &Client, scope: &Scope, ticket: &TicketId) -> Result<Option<SafeText>> {
    let row = sql::maybe_row(
        client,
        "SELECT s.description FROM public.support_tickets AS s WHERE s.id = $1 AND $2",
        &[(&ticket.as_str(), Type::TEXT), (&scope.tickets(), Type::BOOL)],
    )
    .await?;
    row.map(|row| sql::get::<&str>(&row, "description").map(SafeText::new)).transpose()
}

async fn other_open(client: &Client, scope: &Scope, ticket: &TicketId) -> Result<Vec<TicketBrief>> {
    let rows = sql::rows(client, concat!(
                "SELECT ",
                brief_columns!(),
                " FROM (SELECT b.ticket_id, b.last_activity_at, b.waiting_since FROM desk.tickets AS b \
                         WHERE b.client_id = (SELECT o.client_id FROM desk.tickets AS o WHERE o.ticket_id = $1) \
                           AND b.active AND b.ticket_id <> $1 AND $2 \
                         ORDER BY b.last_activity_at DESC, b.ticket_id DESC LIMIT 10) AS t ", brief_joins!(), " ORDER BY t.last_activity_at DESC, t.ticket_id DESC"
            ),
            &[(&ticket.as_str(), Type::TEXT), (&scope.tickets(), Type::BOOL)],
        )
        .await?;
    rows.iter().map(ticket_brief).collect()
}

async fn other_open_count(client: &Client, scope: &Scope, ticket: &TicketId) -> Result<i64> {
    let row = sql::row(
        client,
        "SELECT count(*) AS number FROM (SELECT FROM desk.tickets AS b \
              WHERE b.client_id = (SELECT o.client_id FROM desk.tickets AS o WHERE o.ticket_id = $1) \
                AND b.active AND b.ticket_id <> $1 AND $2 LIMIT 1000) AS n",
        &[(&ticket.as_str(), Type::TEXT), (&scope.tickets(), Type::BOOL)],
    )
    .await?;
    sql::get(&row, "number")
}
