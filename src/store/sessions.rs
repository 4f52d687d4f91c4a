//! Sessions as others see them: when one ends, and ending those of somebody.

use super::error::Result;
use super::moment::Moment;
use super::sql;
use crate::domain::ids::{SessionId, UserId};
use crate::domain::time::Timestamp;
use crate::policy::Scope;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Transaction};

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
