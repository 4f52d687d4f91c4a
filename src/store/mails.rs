//! Mail to be sent: queued with what causes it, taken by one desk at a time, settled.
//!
//! A row holds ids only, and an address only where the account has it no more, until that mail is settled. All others
//! are read when the mail is sent, so that it goes to the account's address of that moment; a code is made then too. Whoever holds a row holds it for ten minutes: a desk that dies leaves a doubt.

use super::error::Result;
use super::events::{self, Author, Event};
use super::moment::Moment;
use super::sql;
use super::tokens::{self, Run};
use crate::auth::Actor;
use crate::domain::account::is_erased;
use crate::domain::ids::{CommentId, TicketId, UserId};
use crate::domain::mail::MailKind;
use crate::domain::time::Timestamp;
use crate::domain::token::{TokenCode, TokenKind, TokenRules};
use crate::store::sql::Db;
use crate::store::transaction::Transaction;
use serde_json::{Value, json};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

/// A mail to be sent.
#[derive(Clone, Copy, Debug)]
pub struct NewMail<'a> {
    /// Whose account it goes to; the address is read when it is sent.
    pub to_user: &'a UserId,
    /// What it is about.
    pub kind: MailKind,
}

/// Queues a mail with what causes it. Only where an SMTP server is set up: nobody would ever send it.
pub async fn enqueue(tx: &Transaction<'_>, new: &NewMail<'_>) -> Result<()> {
    sql::execute(
        tx,
        "INSERT INTO desk.mails (kind, to_user) VALUES ($1, $2)",
        &[(&new.kind.as_str(), Type::TEXT), (&new.to_user.as_str(), Type::TEXT)],
    )
    .await
    .map(drop)
}

/// Queues the notice to an address that an account had until now. The address goes when the mail is settled.
pub(super) async fn enqueue_to_former(tx: &Transaction<'_>, user: &UserId, address: &str) -> Result<()> {
    sql::execute(
        tx,
        "INSERT INTO desk.mails (kind, to_user, to_address) VALUES ('email_replaced', $1, $2)",
        &[(&user.as_str(), Type::TEXT), (&address, Type::TEXT)],
    )
    .await
    .map(drop)
}

/// Queues the mail of a code that was asked for under this number. The same number is queued once.
pub(super) async fn enqueue_code(
    tx: &Transaction<'_>,
    ask: &str,
    user: &UserId,
    kind: TokenKind,
) -> Result<()> {
    sql::execute(
        tx,
        "INSERT INTO desk.mails (id, kind, to_user) VALUES ($1, $2, $3) ON CONFLICT (id) DO NOTHING",
        &[(&ask, Type::TEXT), (&kind.as_str(), Type::TEXT), (&user.as_str(), Type::TEXT)],
    )
    .await
    .map(drop)
}

/// Queues the mail that tells a client of an answer; once for each answer.
pub(super) async fn enqueue_answer(
    tx: &Transaction<'_>,
    ticket: &TicketId,
    comment: &CommentId,
) -> Result<()> {
    sql::execute(
        tx,
        "INSERT INTO desk.mails (id, kind, to_user, ticket_id) \
         SELECT left(encode(sha256(convert_to($2, 'UTF8')), 'hex'), 32), 'ticket_answered', s.client_id, s.id \
           FROM public.support_tickets AS s WHERE s.id = $1 ON CONFLICT (id) DO NOTHING",
        &[(&ticket.as_str(), Type::TEXT), (&comment.as_str(), Type::TEXT)],
    )
    .await
    .map(drop)
}

/// A mail that this desk holds.
#[derive(Clone, Debug)]
pub struct Held {
    /// Also the left half of its Message-ID.
    pub id: String,
    /// What it is about.
    pub kind: MailKind,
    /// Where it goes; none when it can't go any more, or was in doubt twice.
    pub to: Option<String>,
    /// The ticket's number.
    pub number: Option<String>,
    /// The server's clock.
    pub now: Timestamp,
    attempts: i32,
    doubts: i32,
}

/// Takes the mail that is due longest; nobody else takes it then.
pub async fn take(client: &Client) -> Result<Option<Held>> {
    let row = sql::maybe_row(
        client,
        "WITH due AS (SELECT m.id FROM desk.mails AS m \
                       WHERE m.state IN ('queued', 'sending') \
                         AND m.next_attempt_at <= (clock_timestamp() AT TIME ZONE 'utc') \
                       ORDER BY m.next_attempt_at, m.id LIMIT 1 FOR UPDATE SKIP LOCKED), \
              held AS (UPDATE desk.mails AS m \
                          SET state = 'sending', attempts = m.attempts + 1, \
                              doubts = m.doubts + (m.state = 'sending')::integer, \
                              next_attempt_at = (clock_timestamp() AT TIME ZONE 'utc') + interval '10 minutes' \
                         FROM due WHERE m.id = due.id \
                       RETURNING m.id, m.kind, m.to_user, m.to_address, m.ticket_id, m.attempts, m.doubts) \
         SELECT h.id, h.kind, h.attempts, h.doubts, s.ticket_number, \
                CASE WHEN h.kind = 'email_replaced' THEN h.to_address ELSE u.email END AS address, \
                u.active AND u.email_verified AS reachable, clock_timestamp() AT TIME ZONE 'utc' AS server_now \
           FROM held AS h LEFT JOIN public.users AS u ON u.id = h.to_user \
                LEFT JOIN public.support_tickets AS s ON s.id = h.ticket_id",
        &[],
    )
    .await?;
    let Some(row) = row else { return Ok(None) };
    let kind = MailKind::parse(sql::get(&row, "kind")?).unwrap_or(MailKind::SessionsEnded);
    let doubts = sql::get(&row, "doubts")?;
    let reachable = sql::get::<Option<bool>>(&row, "reachable")?.unwrap_or(false);
    // Answers go to addresses that are known to be the client's.
    let wanted = doubts < 2 && (reachable || kind != MailKind::TicketAnswered);
    Ok(Some(Held {
        id: sql::get(&row, "id")?,
        kind,
        to: sql::get::<Option<String>>(&row, "address")?.filter(|email| wanted && !is_erased(email)),
        number: sql::get(&row, "ticket_number")?,
        now: sql::get::<Moment>(&row, "server_now")?.0,
        attempts: sql::get(&row, "attempts")?,
        doubts,
    }))
}

/// Makes the code of a mail: a new one each time it is sent. Until when it is good; none when it is not to be issued
/// any more.
pub async fn issue(
    tx: &Transaction<'_>,
    held: &Held,
    kind: TokenKind,
    code: &TokenCode,
    rules: &TokenRules,
) -> Result<Option<Timestamp>> {
    tokens::issue(tx, &held.id, kind, code, rules).await
}

/// What became of a mail that was held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The server has taken it.
    Sent,
    /// It is tried again, later and later, for two days.
    Later,
    /// It is not sent.
    Never,
    /// Perhaps it was taken: it is sent once more, and is marked.
    Doubtful,
}

/// Writes down what became of a mail, with words for the operator; in the log too once that is final.
pub async fn settle(tx: &Transaction<'_>, held: &Held, fate: Fate, words: &str, origin: &str) -> Result<()> {
    let fate = match fate {
        Fate::Never if held.doubts >= 2 => "doubtful",
        Fate::Sent => "sent",
        Fate::Never => "failed",
        Fate::Doubtful if held.doubts >= 1 => "doubtful",
        Fate::Doubtful => "doubt",
        Fate::Later => "later",
    };
    let row = sql::maybe_row(
        tx,
        "UPDATE desk.mails AS m \
            SET state = CASE WHEN $3 IN ('doubt', 'later') \
                             THEN CASE WHEN m.created_at < n.at - interval '2 days' THEN 'failed' ELSE 'queued' END \
                             ELSE $3 END, \
                doubts = m.doubts + ($3 = 'doubt' OR $3 = 'doubtful' AND m.doubts < 2)::integer, \
                sent_at = CASE WHEN $3 = 'sent' THEN n.at END, last_error = $4, \
                to_address = CASE WHEN $3 IN ('doubt', 'later') AND m.created_at >= n.at - interval '2 days' \
                                  THEN m.to_address END, \
                next_attempt_at = n.at + least(3600, 30 * power(2, least(m.attempts, 10) - 1)) \
                                         * (0.8 + 0.4 * random()) * interval '1 second' \
           FROM (SELECT clock_timestamp() AT TIME ZONE 'utc' AS at) AS n \
          WHERE m.id = $1 AND m.state = 'sending' AND m.attempts = $2 \
          RETURNING m.state, m.to_user, m.ticket_id",
        &[
            (&held.id, Type::TEXT),
            (&held.attempts, Type::INT4),
            (&fate, Type::TEXT),
            (&words, Type::TEXT),
        ],
    )
    .await?;
    match row {
        Some(row) => log(tx, held, &row, origin).await,
        None => Ok(()),
    }
}

/// The mail in the log, when nothing more comes of it: ids, never the address.
async fn log(tx: &Transaction<'_>, held: &Held, row: &Row, origin: &str) -> Result<()> {
    let state: &str = sql::get(row, "state")?;
    let action = match state {
        "sent" => "mail.send",
        "failed" | "doubtful" => "mail.fail",
        _ => return Ok(()),
    };
    let (user, ticket): (&str, Option<&str>) = (sql::get(row, "to_user")?, sql::get(row, "ticket_id")?);
    let mut after = json!({ "kind": held.kind.as_str(), "user_id": user, "state": state });
    if let (Some(ticket), Value::Object(after)) = (ticket, &mut after) {
        after.insert("ticket_id".to_owned(), ticket.into());
    }
    let author = Author { actor: &Actor::system(), origin, undoes: None };
    let event = Event { action, entity: "mail", id: &held.id, before: None, after };
    events::add(tx, author, &event).await.map(drop)
}

/// Removes mails that were sent, or given up, a month ago; with `Dry` it only counts.
pub async fn sweep<C: Db>(db: &C, run: Run) -> Result<u64> {
    match run {
        Run::Dry => {
            let row = sql::row(
                db,
                "SELECT count(*) AS number FROM desk.mails AS m \
                  WHERE m.state IN ('sent', 'doubtful', 'failed') \
                    AND m.created_at < (clock_timestamp() AT TIME ZONE 'utc') - interval '30 days'",
                &[],
            )
            .await?;
            sql::get::<i64>(&row, "number").map(|number| u64::try_from(number).unwrap_or(0))
        }
        Run::Real => {
            sql::execute(
                db,
                "DELETE FROM desk.mails AS m \
                  WHERE m.state IN ('sent', 'doubtful', 'failed') \
                    AND m.created_at < (clock_timestamp() AT TIME ZONE 'utc') - interval '30 days'",
                &[],
            )
            .await
        }
    }
}
