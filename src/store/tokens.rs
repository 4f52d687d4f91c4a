//! Codes for new passwords and verifications, by the functions of the database: nothing here names the web app's
//! tables, and nothing reads a code or its hash back.

use super::error::Result;
use super::events::{self, Author, Event};
use super::mails::{self, NewMail};
use super::moment::Moment;
use super::sql;
use crate::auth::Actor;
use crate::domain::command::PasswordHash;
use crate::domain::ids::{SessionId, UserId};
use crate::domain::mail::MailKind;
use crate::domain::time::Timestamp;
use crate::domain::token::{Redeemed, TokenCode, TokenFormat, TokenKind, TokenRules};
use crate::store::sql::Db;
use crate::store::transaction::Transaction;
use serde_json::json;
use sha2::{Digest, Sha256};
use tokio_postgres::types::Type;

/// A code and the number of its ask, made before anything is written.
#[derive(Clone, Debug)]
pub struct NewCode {
    ask: String,
    code: TokenCode,
}

impl NewCode {
    /// From 48 random bytes of the operating system.
    pub fn from_random(bytes: &[u8; 48]) -> Self {
        let (mut ask, mut code) = ([0; 16], [0; 32]);
        ask.copy_from_slice(&bytes[..16]);
        code.copy_from_slice(&bytes[16..]);
        Self { ask: hex(&ask), code: TokenCode::from_random(&code) }
    }

    /// The number of the ask.
    pub(super) fn ask(&self) -> &str {
        &self.ask
    }

    /// The code.
    pub(super) const fn code(&self) -> &TokenCode {
        &self.code
    }
}

/// Why nobody gets a code now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotNow {
    /// The account is gone or switched off.
    Gone,
    /// Whoever asks may not.
    Forbidden,
    /// Three within the hour for this account.
    AccountLimit,
    /// Twenty within the hour by this member of staff.
    StaffLimit,
    /// A question that makes no sense.
    Malformed,
}

/// Asks for a code, by the actor's session.
pub(super) async fn ask(
    tx: &Transaction<'_>,
    actor: &Actor,
    ask: &str,
    user: &UserId,
    kind: TokenKind,
) -> Result<std::result::Result<(), NotNow>> {
    let row = sql::row(
        tx,
        "SELECT desk.token_ask($1, $2, $3, $4) AS refused",
        &[
            (&ask, Type::TEXT),
            (&kind.as_str(), Type::TEXT),
            (&user.as_str(), Type::TEXT),
            (&actor.session().map(SessionId::as_str), Type::TEXT),
        ],
    )
    .await?;
    Ok(match sql::get::<Option<&str>>(&row, "refused")? {
        None => Ok(()),
        Some("gone") => Err(NotNow::Gone),
        Some("forbidden") => Err(NotNow::Forbidden),
        Some("account_limit") => Err(NotNow::AccountLimit),
        Some("staff_limit") => Err(NotNow::StaffLimit),
        Some(_) => Err(NotNow::Malformed),
    })
}

/// Puts a code that was asked for into the web app's table. Until when it is good; none when it may not be issued
/// any more.
pub(super) async fn issue<C: Db>(
    tx: &C,
    ask: &str,
    kind: TokenKind,
    code: &TokenCode,
    rules: &TokenRules,
) -> Result<Option<Timestamp>> {
    let minutes = i32::try_from(rules.lifetime(kind).as_secs() / 60).unwrap_or(i32::MAX);
    let row = sql::row(
        tx,
        "SELECT desk.token_issue($1, $2, $3) AS good_until",
        &[(&ask, Type::TEXT), (&at_rest(code, rules.format), Type::TEXT), (&minutes, Type::INT4)],
    )
    .await?;
    Ok(sql::get::<Option<Moment>>(&row, "good_until")?.map(|at| at.0))
}

/// What the web app's table holds for a code.
fn at_rest(code: &TokenCode, format: TokenFormat) -> String {
    match format {
        TokenFormat::Sha256Hex => hex(&Sha256::digest(code.expose().as_bytes())),
        TokenFormat::Plain => code.expose().to_owned(),
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Somebody uses a code.
#[derive(Debug)]
pub struct Attempt<'a> {
    /// As typed.
    pub code: &'a TokenCode,
    /// How the web app keeps codes.
    pub format: TokenFormat,
    /// The new password.
    pub hash: Option<&'a PasswordHash>,
    /// Where it was typed: refusals are counted by this.
    pub source: &'a str,
    /// The desk, for the event.
    pub origin: &'a str,
    /// Whether somebody sends mail: the owner of the account is told then.
    pub notice: Notice,
}

/// Whether the owner of an account is told by mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// They are.
    Mailed,
    /// No server is set up.
    None,
}

/// Uses a code, and writes down that it was used or that one was refused. None: refused.
pub async fn redeem(tx: &Transaction<'_>, attempt: &Attempt<'_>) -> Result<Option<Redeemed>> {
    let row = sql::maybe_row(
        tx,
        "SELECT r.user_id, r.kind, r.password_set FROM desk.token_redeem($1, $2, $3, $4) AS r",
        &[
            (&attempt.code.expose(), Type::TEXT),
            (&attempt.format.as_str(), Type::TEXT),
            (&attempt.hash.map(PasswordHash::expose), Type::TEXT),
            (&attempt.source, Type::TEXT),
        ],
    )
    .await?;
    let author = Author { actor: &Actor::system(), origin: attempt.origin, undoes: None };
    let Some(row) = row else {
        let event =
            Event { action: "token.refused", entity: "user", id: "unknown", before: None, after: json!({}) };
        events::add(tx, author, &event).await?;
        return Ok(None);
    };
    let kind = match TokenKind::parse(sql::get(&row, "kind")?) {
        Some(TokenKind::EmailVerification) => TokenKind::EmailVerification,
        Some(TokenKind::PasswordReset) | None => TokenKind::PasswordReset,
    };
    let redeemed = Redeemed { kind, password_set: sql::get(&row, "password_set")? };
    let event = Event {
        action: "token.redeem",
        entity: "user",
        id: sql::get(&row, "user_id")?,
        before: None,
        after: json!({ "kind": kind.as_str(), "password": redeemed.password_set }),
    };
    events::add(tx, author, &event).await?;
    if redeemed.password_set && attempt.notice == Notice::Mailed {
        let user = UserId::new(sql::get::<&str>(&row, "user_id")?);
        mails::enqueue(tx, &NewMail { to_user: &user, kind: MailKind::PasswordChanged }).await?;
    }
    Ok(Some(redeemed))
}

/// What a clean-up of codes removes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Used and expired codes for new passwords.
    pub resets: u64,
    /// Used and expired codes for verifications.
    pub verifications: u64,
    /// Old asks and refusals, kept for the limits.
    pub counted: u64,
}

/// Whether something is done or only counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// Counted.
    Dry,
    /// Done.
    Real,
}

/// Removes codes that are used or expired; with `Dry` it only counts.
pub async fn sweep<C: Db>(db: &C, run: Run) -> Result<Swept> {
    let row = sql::row(
        db,
        "SELECT s.resets, s.verifications, s.asks + s.tries AS counted FROM desk.token_sweep($1) AS s",
        &[(&(run == Run::Dry), Type::BOOL)],
    )
    .await?;
    let count = |column: &str| sql::get::<i64>(&row, column).map(|n| u64::try_from(n).unwrap_or(0));
    Ok(Swept { resets: count("resets")?, verifications: count("verifications")?, counted: count("counted")? })
}
