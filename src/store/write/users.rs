//! Making accounts, from the command line.

use super::{Outcome, Written};
use crate::domain::command::PasswordHash;
use crate::domain::failure::Failure;
use crate::domain::ids::UserId;
use crate::domain::user::Role;
use crate::store::events::{self, Author, Event};
use crate::store::sql;
use serde_json::json;
use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

/// An account to be made.
pub(super) struct NewUser {
    pub(super) user: UserId,
    pub(super) email: String,
    pub(super) name: String,
    pub(super) company: Option<String>,
    pub(super) role: Role,
    pub(super) password_hash: PasswordHash,
}

/// Makes an account, verified and switched on. An address that differs from another one in case only is refused:
/// neither of the two could sign in without care.
pub(super) async fn add(tx: &Transaction<'_>, author: Author<'_>, new: &NewUser) -> Outcome<Written> {
    if made_before(tx, new).await? {
        return Ok(Written::default());
    }
    let inserted = sql::execute(
        tx,
        "INSERT INTO public.users (id, email, name, company, password_hash, created_at, updated_at, role, \
                                       email_verified, active) \
             SELECT $1, $2, $3, $4, $5, n.at, n.at, $6::text::public.role, true, true \
               FROM (SELECT clock_timestamp() AT TIME ZONE 'utc' AS at) AS n \
             ON CONFLICT DO NOTHING",
        &[
            (&new.user.as_str(), Type::TEXT),
            (&new.email, Type::TEXT),
            (&new.name, Type::TEXT),
            (&new.company, Type::TEXT),
            (&new.password_hash.expose(), Type::TEXT),
            (&new.role.as_str(), Type::TEXT),
        ],
    )
    .await?;
    if inserted == 0 {
        // Somebody was faster; perhaps it was this very command, of which only the answer got lost.
        return if made_before(tx, new).await? {
            Ok(Written::default())
        } else {
            Err(address_taken().into())
        };
    }
    let event = Event {
        action: "user.add",
        entity: "user",
        id: new.user.as_str(),
        before: None,
        after: json!({ "role": new.role.as_str() }),
    };
    Ok(Written::event(events::add(tx, author, &event).await?))
}

/// Whether this very account is there already; refuses when the address belongs to another one.
async fn made_before(tx: &Transaction<'_>, new: &NewUser) -> Outcome<bool> {
    let taken = sql::maybe_row(
        tx,
        "SELECT u.id FROM public.users AS u WHERE lower(btrim(u.email)) = lower(btrim($1)) LIMIT 1",
        &[(&new.email, Type::TEXT)],
    )
    .await?;
    let Some(row) = taken else { return Ok(false) };
    if sql::get::<&str>(&row, "id")? == new.user.as_str() { Ok(true) } else { Err(address_taken().into()) }
}

fn address_taken() -> Failure {
    Failure::Invalid(
        "an account with this e-mail address exists already (upper and lower case count as one)".to_owned(),
    )
}
