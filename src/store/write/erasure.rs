//! Erasing a person: what says who they were is overwritten, and nothing is deleted that others need.
//!
//! Their row in ours is locked first, so that the trigger that follows theirs never has to leave it for later. Texts,
//! and where the events of the log came from, go in portions, by functions that touch those of erased accounts alone;
//! what is left after one transaction is told, and the same command sent again goes on.

use super::users::{self, UserNow};
use super::{Outcome, Written};
use crate::domain::account::{ClientTexts, Erasure, is_erased};
use crate::domain::failure::Failure;
use crate::domain::ids::UserId;
use crate::store::error::Result;
use crate::store::events::Author;
use crate::store::sessions;
use crate::store::sql;
use crate::store::transaction::Transaction;
use serde_json::json;
use tokio_postgres::types::Type;

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
        account(tx, erasure).await?;
        let after = json!({ "texts": texts, "active": false });
        written = users::log(tx, author, "user.erase", user, None, after).await?;
    }
    written.unfinished = their_places(tx, user).await?;
    if texts {
        written.unfinished |= their_texts(tx, user).await?;
    }
    Ok(written)
}

async fn account(tx: &Transaction<'_>, erasure: &Erasure) -> Result<()> {
    let user = &erasure.user;
    let only = [(&user.as_str() as _, Type::TEXT)];
    sql::rows(tx, "SELECT u.user_id FROM desk.users AS u WHERE u.user_id = $1 FOR UPDATE", &only).await?;
    sql::row(
        tx,
        "SELECT true AS done FROM (SELECT desk.erase_account($1, $2)) AS e",
        &[(&user.as_str(), Type::TEXT), (&erasure.stand_in(), Type::TEXT)],
    )
    .await?;
    sessions::end_all_of(tx, user, None).await?;
    sql::execute(tx, "DELETE FROM desk.drafts AS d WHERE d.user_id = $1", &only).await?;
    sql::execute(tx, "DELETE FROM desk.reads AS r WHERE r.user_id = $1", &only).await?;
    Ok(())
}

/// Overwrites a portion of where the events of theirs came from. Says whether some is left.
async fn their_places(tx: &Transaction<'_>, user: &UserId) -> Result<bool> {
    let row = sql::row(tx, "SELECT desk.erase_places($1) AS more", &[(&user.as_str(), Type::TEXT)]).await?;
    sql::get(&row, "more")
}

/// Overwrites a portion of what a client wrote, and drops what staff were about to answer. Says whether some is left.
async fn their_texts(tx: &Transaction<'_>, user: &UserId) -> Result<bool> {
    let row = sql::row(tx, "SELECT desk.erase_texts($1) AS more", &[(&user.as_str(), Type::TEXT)]).await?;
    sql::get(&row, "more")
}
