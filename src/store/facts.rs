//! What a decision rests on: the actor's account and session now, and the person whom a command names.
//!
//! Read after the rows of the command are locked, so that no wait lies between the facts and the write. No lock is
//! held on accounts: the web app updates those in transactions of its own, and waiting for each other in both
//! orders would end one of its transactions.

use super::auth;
use super::error::Result;
use super::moment::Moment;
use super::sql;
use crate::auth::Actor;
use crate::domain::command::{Command, ProjectChange};
use crate::domain::ids::{SessionId, UserId};
use crate::domain::time::Timestamp;
use crate::domain::user::Role;
use crate::policy::{Facts, SessionNow, Standing};
use crate::store::transaction::Transaction;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

const STANDING: &str = "SELECT u.role::text AS role, u.active, u.email_verified, s.id IS NOT NULL AS session, \
         s.password_mark = encode(sha256(convert_to(coalesce(u.password_hash, ''), 'UTF8')), 'hex') AS same_password, \
         n.role::text AS named_role, n.active AS named_active, clock_timestamp() AT TIME ZONE 'utc' AS server_now \
    FROM (SELECT) AS one LEFT JOIN public.users AS u ON u.id = $1 LEFT JOIN public.users AS n ON n.id = $3 \
         LEFT JOIN desk.sessions AS s \
                ON s.id = $2 AND s.user_id = $1 AND s.expires_at > (clock_timestamp() AT TIME ZONE 'utc')";

/// How an actor stands now, and the server's clock. Sent beside a query, before whose answer it decides.
pub async fn standing(client: &Client, actor: &Actor) -> Result<(Standing, Timestamp)> {
    let (user, session) = ids(actor);
    let none: Option<&str> = None;
    let row = sql::row(client, STANDING, &[(&user, Type::TEXT), (&session, Type::TEXT), (&none, Type::TEXT)])
        .await?;
    Ok((standing_of(&row)?, sql::get::<Moment>(&row, "server_now")?.0))
}

/// The facts for a command, in the transaction of its write.
pub async fn read(tx: &Transaction<'_>, actor: &Actor, command: &Command) -> Result<Facts> {
    let (user, session) = ids(actor);
    let named = named(command).map(UserId::as_str);
    let row =
        sql::row(tx, STANDING, &[(&user, Type::TEXT), (&session, Type::TEXT), (&named, Type::TEXT)]).await?;
    let role = sql::get::<Option<&str>>(&row, "named_role")?.map(Role::parse);
    let active = sql::get::<Option<bool>>(&row, "named_active")?;
    let super_admin_besides = match (command, command.account()) {
        (Command::EndSessions { .. } | Command::ExportEvents, _) => auth::has_super_admin(tx).await?,
        (_, Some(user)) => auth::super_admin_besides(tx, user).await?,
        (_, None) => true,
    };
    Ok(Facts { standing: standing_of(&row)?, named: role.zip(active), super_admin_besides })
}

fn ids(actor: &Actor) -> (Option<&str>, Option<&str>) {
    (actor.user().map(UserId::as_str), actor.session().map(SessionId::as_str))
}

fn standing_of(row: &Row) -> Result<Standing> {
    Ok(Standing {
        role: sql::get::<Option<&str>>(row, "role")?.map(Role::parse),
        active: sql::get::<Option<bool>>(row, "active")?.unwrap_or(false),
        verified: sql::get::<Option<bool>>(row, "email_verified")?.unwrap_or(false),
        session: match (sql::get(row, "session")?, sql::get::<Option<bool>>(row, "same_password")?) {
            (false, _) => SessionNow::Over,
            (true, Some(true)) => SessionNow::Holds,
            (true, _) => SessionNow::PasswordChanged,
        },
    })
}

/// The person whom a command names.
fn named(command: &Command) -> Option<&UserId> {
    match command {
        Command::Assign { change, .. } => change.to.as_ref(),
        Command::CreateTicket { client, .. } => Some(client),
        Command::IssueToken { user, .. } => Some(user),
        Command::CreateProject { fields, .. } => Some(&fields.client),
        Command::EditProject { changes, .. } => changes.iter().find_map(|change| match change {
            ProjectChange::Client(change) => Some(&change.to),
            ProjectChange::Title(_)
            | ProjectChange::Status(_)
            | ProjectChange::Kind(_)
            | ProjectChange::Budget(_)
            | ProjectChange::StartDate(_)
            | ProjectChange::EndDate(_)
            | ProjectChange::Description(_)
            | ProjectChange::Requirements(_) => None,
        }),
        Command::EditUser { user, .. }
        | Command::SetActive { user, .. }
        | Command::SetRole { user, .. }
        | Command::ExportUser { user } => Some(user),
        Command::EraseUser(erasure) => Some(&erasure.user),
        Command::SetStatus { .. }
        | Command::SetPriority { .. }
        | Command::SetWaiting { .. }
        | Command::Reply { .. }
        | Command::SaveDraft { .. }
        | Command::DiscardDraft { .. }
        | Command::MarkSeen { .. }
        | Command::EndSessions { .. }
        | Command::AddUser { .. }
        | Command::CreateUser { .. }
        | Command::ChangeMyPassword { .. }
        | Command::ExportEvents => None,
    }
}
