//! Erasing a person: what says who they were is overwritten, and nothing is deleted that others need.
//!
//! Their row in ours is locked first, so that the trigger that follows theirs never has to leave it for later. Texts
//! go in portions; what is left after one transaction is told, and the same command sent again goes on.

use super::users::{self, UserNow};
use super::{Outcome, Written};
use crate::domain::account::{ClientTexts, ERASED_CLIENT, ERASED_TEXT, Erasure, FORMER_STAFF, is_erased};
use crate::domain::failure::Failure;
use crate::domain::ids::UserId;
use crate::store::error::Result;
use crate::store::events::Author;
use crate::store::sql;
use serde_json::json;
use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

/// Rows of one statement: triggers bring ours up to date by themselves up to this many.
const PORTION: i64 = 50;
/// Statements of one transaction for each kind of text.
const PORTIONS: usize = 20;

/// Erases an account, and the texts of a client if asked.
pub(super) async fn erase(
    tx: &Transaction<'_>,
    author: Author<'_>,
    erasure: &Erasure,
    now: &UserNow,
) -> Outcome<Written> {
    let user = &erasure.user;
    let texts = erasure.texts == ClientTexts::Erase;
    if texts && now.role.is_staff() {
        let sentence = "the replies of staff belong to the conversations: they stay";
        return Err(Failure::Invalid(sentence.to_owned()).into());
    }
    let mut written = Written::default();
    if !is_erased(&now.email) {
        let typed = erasure.confirmation.trim();
        if typed != now.email.trim() && typed != user.as_str() {
            let sentence = "what was typed is neither the account's e-mail address nor its id";
            return Err(Failure::Invalid(sentence.to_owned()).into());
        }
        account(tx, erasure, now).await?;
        let after = json!({ "texts": texts, "active": false });
        written = users::log(tx, author, "user.erase", user, None, after).await?;
    }
    if texts {
        written.unfinished = their_texts(tx, user).await?;
    }
    Ok(written)
}

async fn account(tx: &Transaction<'_>, erasure: &Erasure, now: &UserNow) -> Result<()> {
    let user = &erasure.user;
    let only = [(&user.as_str() as _, Type::TEXT)];
    sql::rows(tx, "SELECT u.user_id FROM desk.users AS u WHERE u.user_id = $1 FOR UPDATE", &only).await?;
    let name = if now.role.is_staff() { FORMER_STAFF } else { ERASED_CLIENT };
    sql::execute(
        tx,
        "UPDATE public.users AS u \
            SET name = $2, email = $3, company = NULL, password_hash = NULL, email_verified = false, \
                active = false, updated_at = clock_timestamp() AT TIME ZONE 'utc' \
          WHERE u.id = $1",
        &[(&user.as_str(), Type::TEXT), (&name, Type::TEXT), (&erasure.stand_in(), Type::TEXT)],
    )
    .await?;
    users::end_sessions(tx, user, None).await?;
    users::cancel_codes(tx, user).await?;
    sql::execute(tx, "DELETE FROM desk.drafts AS d WHERE d.user_id = $1", &only).await?;
    sql::execute(tx, "DELETE FROM desk.reads AS r WHERE r.user_id = $1", &only).await?;
    Ok(())
}

/// Overwrites what a client wrote, and drops what staff were about to answer. Says whether some is left.
async fn their_texts(tx: &Transaction<'_>, user: &UserId) -> Result<bool> {
    sql::execute(
        tx,
        "DELETE FROM desk.drafts AS d USING desk.tickets AS t WHERE t.client_id = $1 AND d.ticket_id = t.ticket_id",
        &[(&user.as_str(), Type::TEXT)],
    )
    .await?;
    let left = [
        overwrite(tx, user, TICKETS).await?,
        overwrite(tx, user, COMMENTS).await?,
        overwrite(tx, user, PROJECTS).await?,
    ];
    Ok(left.contains(&true))
}

const TICKETS: &str = "UPDATE public.support_tickets AS t \
        SET subject = $2, description = $2, updated_at = clock_timestamp() AT TIME ZONE 'utc' \
      WHERE t.id IN (SELECT s.id FROM public.support_tickets AS s \
                      WHERE s.client_id = $1 AND (s.subject <> $2 OR s.description <> $2) ORDER BY s.id LIMIT $3)";
const COMMENTS: &str = "UPDATE public.ticket_comments AS c \
        SET content = $2, updated_at = clock_timestamp() AT TIME ZONE 'utc' \
      WHERE c.id IN (SELECT s.id FROM public.ticket_comments AS s \
                      WHERE s.user_id = $1 AND s.content <> $2 ORDER BY s.id LIMIT $3)";
const PROJECTS: &str = "UPDATE public.projects AS p \
        SET title = $2, description = $2, requirements = $2, updated_at = clock_timestamp() AT TIME ZONE 'utc' \
      WHERE p.id IN (SELECT s.id FROM public.projects AS s \
                      WHERE s.client_id = $1 AND (s.title, s.description, s.requirements) IS DISTINCT FROM ($2, $2, $2) \
                      ORDER BY s.id LIMIT $3)";

/// Portion by portion; whether there may be more.
async fn overwrite(tx: &Transaction<'_>, user: &UserId, statement: &str) -> Result<bool> {
    for _ in 0..PORTIONS {
        let params =
            [(&user.as_str() as _, Type::TEXT), (&ERASED_TEXT as _, Type::TEXT), (&PORTION as _, Type::INT8)];
        let touched = sql::execute(tx, statement, &params).await?;
        if touched < PORTION.unsigned_abs() {
            return Ok(false);
        }
    }
    Ok(true)
}
