//! Accounts for signing in, and sessions. The only place that reads password hashes and session hashes.

use super::error::Result;
use super::events::{self, Author, Event};
use super::moment::Moment;
use super::people;
use super::sql;
use super::statement::escape_like;
use crate::auth::{Account, Actor, HIGHEST_COST, Limits, OUR_COST, PasswordMark, SessionToken};
use crate::domain::command::{Change, PasswordHash};
use crate::domain::ids::{SessionId, UserId};
use crate::domain::time::Timestamp;
use crate::domain::user::Role;
use crate::store::sql::Db;
use crate::store::transaction::Transaction;
use futures_util::future::try_join3;
use serde_json::json;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

macro_rules! account_columns {
    () => {
        "u.id, u.name, u.email, u.role::text AS role, u.active, u.email_verified, u.password_hash"
    };
}

/// The account that an address means, and the cost of one attempt. The same statements run whatever is typed.
///
/// The address exactly as stored goes first; else the only one that matches without regard to case and to blanks
/// around it. Two of those mean nobody.
pub async fn account(client: &Client, email: &str) -> Result<(Option<Account>, u32)> {
    let pattern = format!("%{}%", escape_like(email.trim()));
    let (exact, similar, cost) = try_join3(
        sql::maybe_row(
            client,
            concat!("SELECT ", account_columns!(), " FROM public.users AS u WHERE u.email = $1"),
            &[(&email, Type::TEXT)],
        ),
        sql::rows(
            client,
            concat!(
                "SELECT ",
                account_columns!(),
                " FROM desk.users AS d JOIN public.users AS u ON u.id = d.user_id \
                 WHERE d.search LIKE lower($1) AND lower(btrim(u.email)) = lower(btrim($2)) LIMIT 2"
            ),
            &[(&pattern, Type::TEXT), (&email, Type::TEXT)],
        ),
        top_cost(client),
    )
    .await?;
    let found = match (&exact, similar.as_slice()) {
        (Some(row), _) => Some(account_of(row)?),
        (None, [only]) => Some(account_of(only)?),
        (None, _) => None,
    };
    Ok((found, cost))
}

/// An account by its id.
pub async fn account_by_id(client: &Client, user: &UserId) -> Result<Option<Account>> {
    let row = sql::maybe_row(
        client,
        concat!("SELECT ", account_columns!(), " FROM public.users AS u WHERE u.id = $1"),
        &[(&user.as_str(), Type::TEXT)],
    )
    .await?;
    row.as_ref().map(account_of).transpose()
}

/// The address that somebody signs in with.
pub async fn address(client: &Client, user: &UserId) -> Result<Option<String>> {
    let row = sql::maybe_row(
        client,
        "SELECT u.email FROM public.users AS u WHERE u.id = $1",
        &[(&user.as_str(), Type::TEXT)],
    )
    .await?;
    row.map(|row| sql::get(&row, "email")).transpose()
}

/// The highest cost among the hashes of staff that we would work at.
async fn top_cost(client: &Client) -> Result<u32> {
    let row = sql::row(client, "SELECT max(h.cost) AS cost \
               FROM (SELECT CASE WHEN u.password_hash ~ '^[$]2[abxy]?[$][0-9][0-9][$]' \
                                 THEN substring(u.password_hash FROM '^[$]2[abxy]?[$]([0-9][0-9])[$]')::integer END AS cost \
                       FROM desk.users AS d JOIN public.users AS u ON u.id = d.user_id \
                      WHERE d.role IN ('ADMIN', 'SUPER_ADMIN')) AS h \
              WHERE h.cost <= $1",
            &[(&(HIGHEST_COST as i32), Type::INT4)],
        )
        .await?;
    Ok(sql::get::<Option<i32>>(&row, "cost")?.and_then(|cost| u32::try_from(cost).ok()).unwrap_or(OUR_COST))
}

/// Whether an account other than this one could sign in and administer the desk.
pub async fn super_admin_besides(tx: &Transaction<'_>, user: &UserId) -> Result<bool> {
    super_admin(tx, Some(user)).await
}

/// Whether any account could.
pub async fn has_super_admin<C: Db>(db: &C) -> Result<bool> {
    super_admin(db, None).await
}

async fn super_admin<C: Db>(db: &C, besides: Option<&UserId>) -> Result<bool> {
    let row = sql::row(
        db,
        "SELECT EXISTS (SELECT FROM public.users AS u \
                         WHERE u.role::text = 'SUPER_ADMIN' AND u.active AND u.email_verified \
                           AND u.password_hash IS NOT NULL AND u.id IS DISTINCT FROM $1) AS there",
        &[(&besides.map(UserId::as_str), Type::TEXT)],
    )
    .await?;
    sql::get(&row, "there")
}

/// Sets the actor's own password where it still has the hash that the old one was checked against, and locks the
/// row. Says whether it is set: when sent again it is already.
pub(super) async fn change_password(
    tx: &Transaction<'_>,
    user: &UserId,
    change: &Change<PasswordHash>,
) -> Result<Changed> {
    let params = [
        (&user.as_str() as _, Type::TEXT),
        (&change.seen.expose() as _, Type::TEXT),
        (&change.to.expose() as _, Type::TEXT),
    ];
    let set = sql::execute(
        tx,
        "UPDATE public.users AS u SET password_hash = $3, updated_at = clock_timestamp() AT TIME ZONE 'utc' \
          WHERE u.id = $1 AND u.password_hash = $2",
        &params,
    )
    .await?;
    if set > 0 {
        return Ok(Changed::Now);
    }
    let row = sql::maybe_row(
        tx,
        "SELECT u.id FROM public.users AS u WHERE u.id = $1 AND u.password_hash = $2",
        &[(&user.as_str(), Type::TEXT), (&change.to.expose(), Type::TEXT)],
    )
    .await?;
    Ok(if row.is_some() { Changed::Before } else { Changed::Not })
}

/// Whether a password was set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Changed {
    /// By this.
    Now,
    /// By this, sent before.
    Before,
    /// It is another one meanwhile.
    Not,
}

fn account_of(row: &Row) -> Result<Account> {
    Ok(Account {
        id: UserId::new(sql::get::<&str>(row, "id")?),
        name: people::text(row, "name")?,
        email: people::text(row, "email")?,
        role: Role::parse(sql::get(row, "role")?),
        active: sql::get(row, "active")?,
        verified: sql::get(row, "email_verified")?,
        password_hash: sql::get::<Option<&str>>(row, "password_hash")?.map(PasswordHash::new),
    })
}

/// Begins the session of an actor who proved who they are; answers with the server's clock.
pub async fn begin_session(
    tx: &Transaction<'_>,
    actor: &Actor,
    mark: &PasswordMark,
    token: &SessionToken,
    limits: Limits,
    (origin, source): (&str, &str),
) -> Result<Timestamp> {
    let (user, session) = ids(actor);
    let row = sql::row(
        tx,
        "INSERT INTO desk.sessions (id, user_id, token_hash, created_at, last_seen_at, expires_at, origin, role, password_mark, idle_limit, source) \
         SELECT $1, $2, $3, n.at, n.at, n.at + make_interval(secs => $4), $5, $6, $7, make_interval(secs => $8), $9 \
           FROM (SELECT clock_timestamp() AT TIME ZONE 'utc' AS at) AS n RETURNING created_at",
        &[
            (&session, Type::TEXT),
            (&user, Type::TEXT),
            (&token.hash(), Type::TEXT),
            (&limits.session.as_secs_f64(), Type::FLOAT8),
            (&origin, Type::TEXT),
            (&actor.role().map(Role::as_str), Type::TEXT),
            (&mark.as_str(), Type::TEXT),
            (&limits.idle.map(|idle| idle.as_secs_f64()), Type::FLOAT8),
            (&source, Type::TEXT),
        ],
    )
    .await?;
    let at: Moment = sql::get(&row, "created_at")?;
    sql::execute(
        tx,
        "UPDATE public.users AS u SET last_logged_in = $2 WHERE u.id = $1",
        &[(&user, Type::TEXT), (&at, Type::TIMESTAMP)],
    )
    .await?;
    sql::execute(
        tx,
        "DELETE FROM desk.sessions AS s WHERE s.user_id = $1 AND s.expires_at < $2",
        &[(&user, Type::TEXT), (&at, Type::TIMESTAMP)],
    )
    .await?;
    log(tx, actor, origin, "session.sign_in", session).await?;
    Ok(at.0)
}

/// The account and session of a token; none when the session ended. Also the server's clock.
pub async fn session(
    client: &Client,
    token: &SessionToken,
) -> Result<Option<(Account, SessionId, Timestamp)>> {
    let row = sql::maybe_row(
        client,
        concat!(
            "UPDATE desk.sessions AS s SET last_seen_at = clock_timestamp() AT TIME ZONE 'utc' FROM public.users AS u \
             WHERE s.token_hash = $1 AND s.expires_at > (clock_timestamp() AT TIME ZONE 'utc') AND u.id = s.user_id \
               AND (s.idle_limit IS NULL OR s.last_seen_at + s.idle_limit > (clock_timestamp() AT TIME ZONE 'utc')) \
               AND s.role = u.role::text \
               AND s.password_mark = encode(sha256(convert_to(coalesce(u.password_hash, ''), 'UTF8')), 'hex') \
             RETURNING s.id AS session_id, s.last_seen_at, ",
            account_columns!()
        ),
        &[(&token.hash(), Type::TEXT)],
    )
    .await?;
    let Some(row) = row else { return Ok(None) };
    let session = SessionId::new(sql::get::<&str>(&row, "session_id")?);
    Ok(Some((account_of(&row)?, session, sql::get::<Moment>(&row, "last_seen_at")?.0)))
}

/// Notes that the owner of a session is at the desk.
pub async fn seen(client: &Client, actor: &Actor) -> Result<()> {
    let (user, session) = ids(actor);
    sql::execute(
        client,
        "UPDATE desk.sessions AS s SET last_seen_at = clock_timestamp() AT TIME ZONE 'utc' \
          WHERE s.id = $1 AND s.user_id = $2",
        &[(&session, Type::TEXT), (&user, Type::TEXT)],
    )
    .await?;
    Ok(())
}

/// Why a session ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// Its owner leaves.
    SignOut,
    /// What it rested on has changed.
    Lapsed,
}

/// Ends the actor's session.
pub async fn end_session(tx: &Transaction<'_>, actor: &Actor, why: Why, origin: &str) -> Result<()> {
    let (user, session) = ids(actor);
    let ended = sql::execute(
        tx,
        "DELETE FROM desk.sessions AS s WHERE s.id = $1 AND s.user_id = $2",
        &[(&session, Type::TEXT), (&user, Type::TEXT)],
    )
    .await?;
    if ended > 0 {
        let action = match why {
            Why::SignOut => "session.sign_out",
            Why::Lapsed => "session.end",
        };
        log(tx, actor, origin, action, session).await?;
    }
    Ok(())
}

/// Writes down that the actor's screen was locked.
pub async fn locked(tx: &Transaction<'_>, actor: &Actor, origin: &str) -> Result<()> {
    log(tx, actor, origin, "session.lock", ids(actor).1).await
}

/// Writes down that the actor came back to it.
pub async fn unlocked(tx: &Transaction<'_>, actor: &Actor, origin: &str) -> Result<()> {
    log(tx, actor, origin, "session.unlock", ids(actor).1).await
}

/// Writes down that somebody was refused: whose account it was, never what was typed.
pub async fn refused(tx: &Transaction<'_>, account: Option<&UserId>, origin: &str) -> Result<()> {
    let author = Author { actor: &Actor::system(), origin, undoes: None };
    let id = account.map_or("unknown", UserId::as_str);
    let event = Event { action: "session.refused", entity: "user", id, before: None, after: json!({}) };
    events::add(tx, author, &event).await?;
    Ok(())
}

fn ids(actor: &Actor) -> (Option<&str>, Option<&str>) {
    (actor.user().map(UserId::as_str), actor.session().map(SessionId::as_str))
}

async fn log(
    tx: &Transaction<'_>,
    actor: &Actor,
    origin: &str,
    action: &str,
    session: Option<&str>,
) -> Result<()> {
    let author = Author { actor, origin, undoes: None };
    let id = session.unwrap_or_default();
    let event = Event { action, entity: "session", id, before: None, after: json!({}) };
    events::add(tx, author, &event).await?;
    Ok(())
}
