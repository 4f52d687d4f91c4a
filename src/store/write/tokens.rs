//! Codes for new passwords and verifications: asked for within the limits, then handed over once.

use super::{Means, Outcome, Written};
use crate::domain::command::IssuedCode;
use crate::domain::failure::Failure;
use crate::domain::ids::{EventId, UserId};
use crate::domain::safe_text::SafeText;
use crate::domain::token::TokenKind;
use crate::store::events::{self, Author, Event};
use crate::store::mails;
use crate::store::sql;
use crate::store::tokens::{self, NotNow};
use crate::store::transaction::Transaction;
use serde_json::json;
use tokio_postgres::types::Type;

/// Issues a code for a user: mailed where mail is set up, else to be handed over by whoever asked. A mailed one is
/// made when the mail is sent.
pub(super) async fn issue(
    tx: &Transaction<'_>,
    author: Author<'_>,
    means: Means<'_>,
    user: &UserId,
    kind: TokenKind,
) -> Outcome<Written> {
    let fresh = means.fresh.ok_or_else(|| Failure::Internal("no code was made for this".to_owned()))?;
    tokens::ask(tx, author.actor, fresh.ask(), user, kind).await?.map_err(refusal)?;
    if means.house.mail.is_some() {
        mails::enqueue_code(tx, fresh.ask(), user, kind).await?;
        let event = log(tx, author, user, kind, "mail").await?;
        return Ok(Written::event(event));
    }
    let until = tokens::issue(tx, fresh.ask(), kind, fresh.code(), &means.house.tokens).await?;
    let until = until.ok_or_else(|| refusal(NotNow::Gone))?;
    let event = log(tx, author, user, kind, "shown").await?;
    let whom = whom(tx, user).await?;
    let code = IssuedCode { kind, user: user.clone(), whom, code: fresh.code().clone(), until };
    Ok(Written { event: Some(event), code: Some(code), ..Written::default() })
}

async fn log(
    tx: &Transaction<'_>,
    author: Author<'_>,
    user: &UserId,
    kind: TokenKind,
    way: &str,
) -> Outcome<EventId> {
    let event = Event {
        action: "token.issue",
        entity: "user",
        id: user.as_str(),
        before: None,
        after: json!({ "kind": kind.as_str(), "way": way }),
    };
    Ok(events::add(tx, author, &event).await?)
}

async fn whom(tx: &Transaction<'_>, user: &UserId) -> Outcome<SafeText> {
    let row = sql::row(
        tx,
        "SELECT coalesce(nullif(btrim(u.name), ''), u.email) AS name FROM public.users AS u WHERE u.id = $1",
        &[(&user.as_str(), Type::TEXT)],
    )
    .await?;
    Ok(SafeText::new(sql::get::<&str>(&row, "name")?))
}

fn refusal(why: NotNow) -> Failure {
    Failure::Denied(
        match why {
            NotNow::Gone => "the account was changed or switched off meanwhile: look at it again",
            NotNow::Forbidden => "you may not start this for this account: sign in with a role that may",
            NotNow::AccountLimit => {
                "3 codes were issued for this account within the last hour: use the newest, or wait"
            }
            NotNow::StaffLimit => "you issued 20 codes within the last hour: wait, or ask a colleague",
            NotNow::Malformed => "the database refused to issue a code",
        }
        .to_owned(),
    )
}
