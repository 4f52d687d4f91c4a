//! Rights over accounts: whose, and what nobody may do to the last one who administers.
//!
//! Facts are read under the lock of accounts, so that two who act at once are decided one after the other.

use super::{Denial, Facts};
use crate::domain::account::AccountChange;
use crate::domain::command::Command;
use crate::domain::ids::UserId;
use crate::domain::user::Role;

const OPERATOR: &str =
    "there is an active super administrator: sign in with `desk login` and act as that person";
const LAST: &str = "this is the last active super administrator: make another one first";
const OWN_EMAIL: &str =
    "another super administrator changes your address: until a new one is verified, its owner can't sign in";

/// Decides what is about an account. All else is decided already.
pub(super) fn decide(who: Option<&UserId>, command: &Command, facts: &Facts) -> Result<(), Denial> {
    match command {
        Command::AddUser { .. } => needs(!facts.super_admin_besides, OPERATOR),
        Command::ExportEvents => needs(who.is_some() || !facts.super_admin_besides, OPERATOR),
        Command::CreateUser { fields, .. } => whose(facts, &fields.role),
        Command::EditUser { user, changes } => {
            let email = changes.iter().any(|change| matches!(change, AccountChange::Email(_)));
            if is_self(who, user) {
                return needs(!email, OWN_EMAIL);
            }
            let role = named(facts)?;
            whose(facts, role)?;
            if email { last(facts, role) } else { Ok(()) }
        }
        Command::SetActive { user, change } => {
            needs(!is_self(who, user), "nobody switches off their own account: ask a super administrator")?;
            let role = named(facts)?;
            whose(facts, role)?;
            if change.to { Ok(()) } else { last(facts, role) }
        }
        Command::SetRole { user, .. } => {
            needs(!is_self(who, user), "nobody changes their own role: ask another super administrator")?;
            last(facts, named(facts)?)
        }
        Command::EraseUser(erasure) => {
            needs(
                !is_self(who, &erasure.user),
                "nobody erases their own account: ask another super administrator",
            )?;
            last(facts, named(facts)?)
        }
        Command::ExportUser { .. } => named(facts).map(drop),
        Command::Assign { .. }
        | Command::SetStatus { .. }
        | Command::SetPriority { .. }
        | Command::SetWaiting { .. }
        | Command::Reply { .. }
        | Command::CreateTicket { .. }
        | Command::SaveDraft { .. }
        | Command::DiscardDraft { .. }
        | Command::MarkSeen { .. }
        | Command::CreateProject { .. }
        | Command::EditProject { .. }
        | Command::IssueToken { .. }
        | Command::EndSessions { .. }
        | Command::ChangeMyPassword { .. } => Ok(()),
    }
}

fn needs(holds: bool, why: &'static str) -> Result<(), Denial> {
    if holds { Ok(()) } else { Err(Denial::Forbidden(why)) }
}

fn is_self(who: Option<&UserId>, user: &UserId) -> bool {
    who == Some(user)
}

fn named(facts: &Facts) -> Result<&Role, Denial> {
    facts.named.as_ref().map(|(role, _)| role).ok_or(Denial::Forbidden("there is no such account"))
}

/// Clients' accounts are everybody's on the staff; those of staff, and of roles that the desk does not know, are a
/// super administrator's.
fn whose(facts: &Facts, role: &Role) -> Result<(), Denial> {
    let mine = facts.standing.role == Some(Role::SuperAdmin);
    needs(mine || *role == Role::Client, "only a super administrator changes the accounts of staff")
}

/// Somebody must be left who can sign in and administer.
fn last(facts: &Facts, role: &Role) -> Result<(), Denial> {
    needs(*role != Role::SuperAdmin || facts.super_admin_besides, LAST)
}
