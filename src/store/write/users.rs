//! Writing to accounts. Column by column, and never a deletion.
//!
//! Whatever makes or changes an account holds one lock until its end: two who act at once are decided one after the
//! other, which is what keeps addresses apart and one super administrator in place.

use super::{Outcome, WriteError, Written};
use crate::domain::account::{AccountChange, AccountFields, is_erased};
use crate::domain::command::{Change, PasswordHash};
use crate::domain::failure::Failure;
use crate::domain::ids::UserId;
use crate::domain::safe_text::SafeText;
use crate::domain::user::Role;
use crate::store::auth::{self, Changed};
use crate::store::error::Result;
use crate::store::events::{self, Author, Event};
use crate::store::sessions;
use crate::store::sql;
use crate::store::statement::Statement;
use crate::store::transaction::Transaction;
use serde_json::{Value, json};
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

/// An account as it is.
#[derive(Debug)]
pub(super) struct UserNow {
    pub(super) email: String,
    pub(super) name: Option<String>,
    pub(super) company: Option<String>,
    pub(super) role: Role,
    pub(super) active: bool,
}

/// Waits for whoever makes or changes an account.
pub(super) async fn lock_all(tx: &Transaction<'_>) -> Result<()> {
    sql::rows(
        tx,
        "SELECT true AS held FROM (SELECT pg_advisory_xact_lock(hashtextextended('desk.accounts', 0))) AS l",
        &[],
    )
    .await?;
    Ok(())
}

/// The same, and the row itself, which the web app may hold.
pub(super) async fn lock(tx: &Transaction<'_>, user: &UserId) -> Result<Option<UserNow>> {
    lock_all(tx).await?;
    let row = sql::maybe_row(
        tx,
        "SELECT u.email, u.name, u.company, u.role::text AS role, u.active FROM public.users AS u \
          WHERE u.id = $1 FOR NO KEY UPDATE",
        &[(&user.as_str(), Type::TEXT)],
    )
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(UserNow {
        email: sql::get(&row, "email")?,
        name: sql::get(&row, "name")?,
        company: sql::get(&row, "company")?,
        role: Role::parse(sql::get(&row, "role")?),
        active: sql::get(&row, "active")?,
    }))
}

/// Makes an account with a password, verified and switched on: the first one.
pub(super) async fn add(tx: &Transaction<'_>, author: Author<'_>, new: &NewUser) -> Outcome<Written> {
    let NewUser { user, email, name, company, role, password_hash } = new;
    let account = Account { user, email, name, company, role, password_hash: Some(password_hash) };
    insert(tx, author, &account, "user.add").await
}

/// Makes an account without a password, not verified.
pub(super) async fn create(
    tx: &Transaction<'_>,
    author: Author<'_>,
    user: &UserId,
    fields: &AccountFields,
) -> Outcome<Written> {
    let AccountFields { email, name, company, role } = fields;
    insert(tx, author, &Account { user, email, name, company, role, password_hash: None }, "user.create")
        .await
}

struct Account<'a> {
    user: &'a UserId,
    email: &'a String,
    name: &'a String,
    company: &'a Option<String>,
    role: &'a Role,
    password_hash: Option<&'a PasswordHash>,
}

/// An address that differs from another one in case only is refused: neither of the two could sign in without care.
async fn insert(
    tx: &Transaction<'_>,
    author: Author<'_>,
    new: &Account<'_>,
    action: &str,
) -> Outcome<Written> {
    if made_before(tx, new).await? {
        return Ok(Written::default());
    }
    let inserted = sql::execute(
        tx,
        "INSERT INTO public.users (id, email, name, company, password_hash, created_at, updated_at, role, \
                                       email_verified, active) \
             SELECT $1, $2, $3, $4, $5, n.at, n.at, $6::text::public.role, $5 IS NOT NULL, true \
               FROM (SELECT clock_timestamp() AT TIME ZONE 'utc' AS at) AS n \
             ON CONFLICT DO NOTHING",
        &[
            (&new.user.as_str(), Type::TEXT),
            (new.email, Type::TEXT),
            (new.name, Type::TEXT),
            (new.company, Type::TEXT),
            (&new.password_hash.map(PasswordHash::expose), Type::TEXT),
            (&new.role.as_str(), Type::TEXT),
        ],
    )
    .await?;
    if inserted == 0 {
        // The web app was faster.
        return Err(address_taken().into());
    }
    log(tx, author, action, new.user, None, json!({ "role": new.role.as_str() })).await
}

/// Whether this very account is there already; refuses when the address belongs to another one.
async fn made_before(tx: &Transaction<'_>, new: &Account<'_>) -> Outcome<bool> {
    match owner_of(tx, new.email, None).await? {
        None => Ok(false),
        Some(owner) if owner == *new.user => Ok(true),
        Some(_) => Err(address_taken().into()),
    }
}

/// Whose address this is, whatever its case and the blanks around it; somebody's other than `except`.
async fn owner_of(tx: &Transaction<'_>, email: &str, except: Option<&UserId>) -> Result<Option<UserId>> {
    let row = sql::maybe_row(
        tx,
        "SELECT u.id FROM public.users AS u \
          WHERE lower(btrim(u.email)) = lower(btrim($1)) AND u.id IS DISTINCT FROM $2 LIMIT 1",
        &[(&email, Type::TEXT), (&except.map(UserId::as_str), Type::TEXT)],
    )
    .await?;
    row.map(|row| sql::get::<&str>(&row, "id").map(UserId::new)).transpose()
}

fn address_taken() -> Failure {
    Failure::Invalid(
        "an account with this e-mail address exists already (upper and lower case count as one)".to_owned(),
    )
}

/// Changes fields of an account. What already is as wanted is left alone. A new address is unverified, and what was
/// sent to the old one to prove it proves nothing any more.
pub(super) async fn edit(
    tx: &Transaction<'_>,
    author: Author<'_>,
    user: &UserId,
    now: &UserNow,
    changes: &[AccountChange],
) -> Outcome<Written> {
    not_erased(now)?;
    let mut update =
        Statement::new("UPDATE public.users AS u SET updated_at = clock_timestamp() AT TIME ZONE 'utc'");
    let mut changed: Vec<&str> = Vec::new();
    for change in changes {
        if !compare(tx, user, now, change).await? {
            continue;
        }
        match change {
            AccountChange::Name(change) => {
                update.sql(", name = ").bind(change.to.clone(), Type::TEXT);
            }
            AccountChange::Company(change) => {
                update.sql(", company = ").bind(change.to.clone(), Type::TEXT);
            }
            AccountChange::Email(change) => {
                if owner_of(tx, &change.to, Some(user)).await?.is_some() {
                    return Err(address_taken().into());
                }
                update.sql(", email = ").bind_text(&change.to).sql(", email_verified = false");
                cancel_codes(tx, user).await?;
            }
        }
        changed.push(change.label());
    }
    if changed.is_empty() {
        return Ok(Written::default());
    }
    update.sql(" WHERE u.id = ").bind_text(user.as_str());
    sql::execute(tx, update.text(), &update.params()).await?;
    log(tx, author, "user.edit", user, None, json!({ "changed": changed })).await
}

/// Whether a field is as its author saw it and another one is wanted; refuses when it is neither.
async fn compare(
    tx: &Transaction<'_>,
    user: &UserId,
    now: &UserNow,
    change: &AccountChange,
) -> Outcome<bool> {
    let (is, seen, to) = match change {
        AccountChange::Name(change) => (now.name.as_deref(), change.seen.as_deref(), change.to.as_deref()),
        AccountChange::Company(change) => {
            (now.company.as_deref(), change.seen.as_deref(), change.to.as_deref())
        }
        AccountChange::Email(change) => {
            (Some(now.email.as_str()), Some(change.seen.as_str()), Some(change.to.as_str()))
        }
    };
    // What is empty looks like what is not there.
    let [is, seen, to] = [is, seen, to].map(|text| text.filter(|text| !text.is_empty()));
    if is == to {
        Ok(false)
    } else if is == seen {
        Ok(true)
    } else {
        let field = match change {
            AccountChange::Email(_) => "e-mail address",
            AccountChange::Name(_) | AccountChange::Company(_) => change.label(),
        };
        let shown = SafeText::new(is.unwrap_or("nothing"));
        let by = events::who_changed(tx, "user", user.as_str(), change.label()).await?;
        Err(Failure::Overtaken { field, now: shown, by }.into())
    }
}

/// Switches an account off or on. Off, its sessions and codes end.
pub(super) async fn set_active(
    tx: &Transaction<'_>,
    author: Author<'_>,
    user: &UserId,
    now: &UserNow,
    change: &Change<bool>,
) -> Outcome<Written> {
    if now.active == change.to {
        return Ok(Written::default());
    }
    not_erased(now)?;
    sql::execute(
        tx,
        "UPDATE public.users AS u SET active = $2, updated_at = clock_timestamp() AT TIME ZONE 'utc' WHERE u.id = $1",
        &[(&user.as_str(), Type::TEXT), (&change.to, Type::BOOL)],
    )
    .await?;
    if !change.to {
        sessions::end_all_of(tx, user, None).await?;
        cancel_codes(tx, user).await?;
    }
    let action = if change.to { "user.activate" } else { "user.deactivate" };
    let before = json!({ "active": now.active });
    log(tx, author, action, user, Some(before), json!({ "active": change.to })).await
}

/// Gives an account another role. Its sessions end: what they may do was decided with the old one.
pub(super) async fn set_role(
    tx: &Transaction<'_>,
    author: Author<'_>,
    user: &UserId,
    now: &UserNow,
    change: &Change<Role>,
) -> Outcome<Written> {
    if now.role == change.to {
        return Ok(Written::default());
    }
    not_erased(now)?;
    if now.role != change.seen {
        return Err(role_overtaken(tx, user, now).await?);
    }
    sql::execute(
        tx,
        "UPDATE public.users AS u \
            SET role = $2::text::public.role, updated_at = clock_timestamp() AT TIME ZONE 'utc' WHERE u.id = $1",
        &[(&user.as_str(), Type::TEXT), (&change.to.as_str(), Type::TEXT)],
    )
    .await?;
    sessions::end_all_of(tx, user, None).await?;
    let before = json!({ "role": now.role.as_str() });
    log(tx, author, "user.role", user, Some(before), json!({ "role": change.to.as_str() })).await
}

async fn role_overtaken(tx: &Transaction<'_>, user: &UserId, now: &UserNow) -> Result<WriteError> {
    let value = json!(now.role.as_str());
    let by = events::who_set(tx, "user", user.as_str(), "role", &value).await?;
    Ok(Failure::Overtaken { field: "role", now: SafeText::new(now.role.as_str()), by }.into())
}

/// Sets the actor's own password; all other sessions of theirs end.
pub(super) async fn change_password(
    tx: &Transaction<'_>,
    author: Author<'_>,
    user: &UserId,
    change: &Change<PasswordHash>,
) -> Outcome<Written> {
    match auth::change_password(tx, user, change).await? {
        Changed::Now => {}
        Changed::Before => return Ok(Written::default()),
        Changed::Not => {
            let sentence = "the password was changed elsewhere meanwhile: sign in with that one";
            return Err(Failure::Invalid(sentence.to_owned()).into());
        }
    }
    sessions::end_all_of(tx, user, author.actor.session()).await?;
    cancel_codes(tx, user).await?;
    log(tx, author, "user.password", user, None, json!({})).await
}

/// Writes down that all that is known of a person is handed over.
pub(super) async fn note_export(tx: &Transaction<'_>, author: Author<'_>, user: &UserId) -> Outcome<Written> {
    log(tx, author, "user.export", user, None, json!({})).await
}

fn not_erased(now: &UserNow) -> std::result::Result<(), Failure> {
    if is_erased(&now.email) {
        return Err(Failure::Invalid("this account is erased: nothing of it can be changed".to_owned()));
    }
    Ok(())
}

/// Makes every code that was sent to a user worthless.
pub(super) async fn cancel_codes(tx: &Transaction<'_>, user: &UserId) -> Result<()> {
    sql::rows(tx, "SELECT desk.token_cancel($1) AS cancelled", &[(&user.as_str(), Type::TEXT)]).await?;
    Ok(())
}

pub(super) async fn log(
    tx: &Transaction<'_>,
    author: Author<'_>,
    action: &str,
    user: &UserId,
    before: Option<Value>,
    after: Value,
) -> Outcome<Written> {
    let event = Event { action, entity: "user", id: user.as_str(), before, after };
    Ok(Written::event(events::add(tx, author, &event).await?))
}
