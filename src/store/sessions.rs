//! Sessions as others see them: when one ends, and ending those of somebody.

use super::error::Result;
use super::events::{self, Author, Event};
use super::moment::Moment;
use super::people::{self, person_columns};
use super::sql;
use crate::domain::ids::{EventId, SessionId, UserId};
use crate::domain::session::{SessionRow, Which};
use crate::domain::time::Timestamp;
use crate::policy::{Accounts, Scope};
use crate::store::transaction::Transaction;
use serde_json::json;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

/// When the reader's session ends by itself; none when there is none.
pub async fn ends(client: &Client, scope: &Scope) -> Result<Option<Timestamp>> {
    let session = scope.session().map(SessionId::as_str);
    let row = sql::maybe_row(
        client,
        "SELECT s.expires_at FROM desk.sessions AS s WHERE s.id = $1",
        &[(&session, Type::TEXT)],
    )
    .await?;
    row.map(|row| sql::get::<Moment>(&row, "expires_at").map(|at| at.0)).transpose()
}

/// The sessions that hold, the newest first: the reader's own, or everybody's.
pub async fn list(client: &Client, scope: &Scope) -> Result<Vec<SessionRow>> {
    let everybody = scope.accounts() == Accounts::All;
    let reader = scope.reader().map(UserId::as_str);
    let rows = sql::rows(
        client,
        concat!(
            "SELECT s.id, s.origin, s.source, s.created_at, s.last_seen_at, s.expires_at, u.id AS person_id, ",
            person_columns!("u", "person"),
            " FROM desk.sessions AS s JOIN public.users AS u ON u.id = s.user_id \
              WHERE ($1 OR s.user_id = $2) AND s.expires_at > (clock_timestamp() AT TIME ZONE 'utc') \
              ORDER BY s.created_at DESC, s.id LIMIT 1000"
        ),
        &[(&everybody, Type::BOOL), (&reader, Type::TEXT)],
    )
    .await?;
    rows.iter().map(session_row).collect()
}

fn session_row(row: &Row) -> Result<SessionRow> {
    Ok(SessionRow {
        id: SessionId::new(sql::get::<&str>(row, "id")?),
        person: people::known_person(row, &people::PERSON)?,
        origin: people::text(row, "origin")?,
        source: people::text(row, "source")?,
        since: sql::get::<Moment>(row, "created_at")?.0,
        last_seen: sql::get::<Moment>(row, "last_seen_at")?.0,
        ends: sql::get::<Moment>(row, "expires_at")?.0,
    })
}

/// Ends sessions of somebody, each with its event; the last of them. None that is gone already.
pub(super) async fn end(
    tx: &Transaction<'_>,
    author: Author<'_>,
    user: &UserId,
    which: &Which,
) -> Result<Option<EventId>> {
    let rows = sql::rows(
        tx,
        "DELETE FROM desk.sessions AS s WHERE s.user_id = $1 AND ($2::text IS NULL OR s.id = $2) RETURNING s.id",
        &[(&user.as_str(), Type::TEXT), (&which.one().map(SessionId::as_str), Type::TEXT)],
    )
    .await?;
    let mut last = None;
    for row in &rows {
        let before = Some(json!({ "user": user.as_str() }));
        let id = sql::get(row, "id")?;
        let event = Event { action: "session.end", entity: "session", id, before, after: json!({}) };
        last = Some(events::add(tx, author, &event).await?);
    }
    Ok(last)
}

/// Ends all sessions of a user but one, whose owner has just changed the password: call it after the new hash is
/// written, so that the one left rests on it. Every desk hears of it. Answers how many ended.
pub async fn end_all_of(tx: &Transaction<'_>, user: &UserId, except: Option<&SessionId>) -> Result<u64> {
    let except = except.map(SessionId::as_str);
    if except.is_some() {
        sql::execute(
            tx,
            "UPDATE desk.sessions AS s \
                SET password_mark = encode(sha256(convert_to(coalesce(u.password_hash, ''), 'UTF8')), 'hex') \
               FROM public.users AS u WHERE s.id = $2 AND s.user_id = $1 AND u.id = $1",
            &[(&user.as_str(), Type::TEXT), (&except, Type::TEXT)],
        )
        .await?;
    }
    sql::execute(
        tx,
        "DELETE FROM desk.sessions AS s WHERE s.user_id = $1 AND s.id IS DISTINCT FROM $2",
        &[(&user.as_str(), Type::TEXT), (&except, Type::TEXT)],
    )
    .await
}
