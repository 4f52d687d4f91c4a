//! Rights: the one place that knows what a role may do.
//!
//! [`permit`] turns a command into a [`Permit`], without which the store writes nothing; [`scope`] makes the
//! [`Scope`], without which it reads nothing. Both have private fields and no other makers.

mod accounts;

use crate::auth::Actor;
use crate::domain::command::{Command, ProjectChange};
use crate::domain::ids::{SessionId, UserId};
use crate::domain::user::Role;

/// What the account of an actor is now, read in the same transaction as the write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The role now; none when the account is gone.
    pub role: Option<Role>,
    /// Switched on.
    pub active: bool,
    /// Address verified.
    pub verified: bool,
    /// The session.
    pub session: SessionNow,
}

/// How a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionNow {
    /// It exists and has not expired.
    Holds,
    /// It was ended, or has expired.
    Over,
    /// The password that it was begun with is not the account's any more.
    PasswordChanged,
}

/// What a decision rests on, beside the actor and the command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The actor's account now. Ignored for the operator and the system.
    pub standing: Standing,
    /// For a person that the command names (assignee, client): role and whether active; none when unknown.
    pub named: Option<(Role, bool)>,
    /// Whether somebody besides the person named could administer the desk: an active, verified SUPER_ADMIN with
    /// a password; for commands about sessions, whether anybody could. Read for these only, else true.
    pub super_admin_besides: bool,
}

/// Leave to carry out one command. Consumed by the write; ids come from it.
#[derive(Debug)]
pub struct Permit {
    command: Command,
    actor: Actor,
}

impl Permit {
    /// The command, and who carries it out.
    pub fn into_parts(self) -> (Command, Actor) {
        (self.command, self.actor)
    }
}

/// What may be read: decided facts.
#[derive(Clone, Debug)]
pub struct Scope {
    reader: Option<UserId>,
    session: Option<SessionId>,
    tickets: bool,
    accounts: Accounts,
    audit: Audit,
}

impl Scope {
    /// Whose read marks and drafts these are; none for the operator and the system.
    pub fn reader(&self) -> Option<&UserId> {
        self.reader.as_ref()
    }

    /// The reader's own session.
    pub fn session(&self) -> Option<&SessionId> {
        self.session.as_ref()
    }

    /// Whether tickets and projects may be read.
    pub const fn tickets(&self) -> bool {
        self.tickets
    }

    /// Whose accounts may be read.
    pub const fn accounts(&self) -> Accounts {
        self.accounts
    }

    /// Which part of the log may be read beside the history of tickets and projects.
    pub const fn audit(&self) -> Audit {
        self.audit
    }
}

/// Which part of the log may be read beside the history of tickets and projects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audit {
    /// What the reader did.
    Own,
    /// Everything.
    All,
    /// Nothing.
    Nothing,
}

/// Whose accounts may be read in the Clients screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accounts {
    /// Clients only.
    Clients,
    /// Everybody.
    All,
}

/// Why not, as a sentence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Denial {
    /// The right is missing.
    Forbidden(&'static str),
    /// The account lost its access, or the session ended: sign in again.
    SignedOut(&'static str),
}

/// What a command needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Right {
    /// Own drafts and read marks.
    OwnDesk,
    /// Tickets and their conversations.
    Tickets,
    /// Projects.
    Projects,
    /// Codes for new passwords and verifications; for whom is decided by the person named.
    Codes,
    /// Sessions of others.
    Sessions,
    /// The first account, before anybody can sign in.
    FirstAccount,
    /// Accounts: whose, is decided by the role of the person named.
    Accounts,
    /// Roles, erasure, export.
    Administration,
    /// The log of all that was done.
    Log,
}

fn needs(command: &Command) -> Right {
    match command {
        Command::SaveDraft { .. } | Command::DiscardDraft { .. } | Command::MarkSeen { .. } => Right::OwnDesk,
        Command::Assign { .. }
        | Command::SetStatus { .. }
        | Command::SetPriority { .. }
        | Command::SetWaiting { .. }
        | Command::Reply { .. }
        | Command::CreateTicket { .. } => Right::Tickets,
        Command::CreateProject { .. } | Command::EditProject { .. } => Right::Projects,
        Command::IssueToken { .. } => Right::Codes,
        Command::EndSessions { .. } => Right::Sessions,
        Command::AddUser { .. } => Right::FirstAccount,
        Command::ChangeMyPassword { .. } => Right::OwnDesk,
        Command::CreateUser { .. } | Command::EditUser { .. } | Command::SetActive { .. } => Right::Accounts,
        Command::SetRole { .. } | Command::EraseUser(_) | Command::ExportUser { .. } => Right::Administration,
        Command::ExportEvents => Right::Log,
    }
}

fn role_has(role: &Role, right: Right) -> bool {
    match (role, right) {
        (
            Role::Admin | Role::SuperAdmin,
            Right::OwnDesk | Right::Tickets | Right::Projects | Right::Codes | Right::Accounts,
        ) => true,
        (Role::Admin | Role::SuperAdmin, Right::FirstAccount) => false,
        (role, Right::Administration | Right::Log | Right::Sessions) => *role == Role::SuperAdmin,
        (Role::Client | Role::Unknown(_), _) => false,
    }
}

/// Whether an actor's session still holds: the account is active, verified staff, with the role and the password of
/// the sign-in, and nobody ended the session.
pub fn holds(actor: &Actor, standing: &Standing) -> Result<(), Denial> {
    let Some(role_then) = actor.role() else { return Ok(()) };
    match &standing.role {
        Some(role) if role.is_staff() && standing.active && standing.verified => {
            if role != role_then {
                return Err(Denial::SignedOut("your role was changed: sign in again"));
            }
        }
        _ => return Err(Denial::SignedOut("your account no longer has access to the desk")),
    }
    match standing.session {
        SessionNow::Holds => Ok(()),
        SessionNow::Over => Err(Denial::SignedOut("your session has ended: sign in again")),
        SessionNow::PasswordChanged => Err(Denial::SignedOut("your password was changed: sign in again")),
    }
}

/// Decides one command.
pub fn permit(actor: &Actor, command: Command, facts: &Facts) -> Result<Permit, Denial> {
    let right = needs(&command);
    if actor.role().is_some() {
        holds(actor, &facts.standing)?;
        let own = matches!(&command, Command::EndSessions { user, .. } if actor.user() == Some(user));
        let allowed = own || facts.standing.role.as_ref().is_some_and(|role| role_has(role, right));
        if !allowed {
            return Err(Denial::Forbidden(match right {
                Right::FirstAccount => "only an operator makes the first account, with `desk user add`",
                Right::Sessions => "only a super administrator ends the sessions of others",
                _ => SUPER_ADMINS_ONLY,
            }));
        }
    } else if right == Right::OwnDesk {
        return Err(Denial::Forbidden("this belongs to somebody who has signed in"));
    } else if actor.kind() == "operator" && right == Right::Sessions {
        if facts.super_admin_besides {
            return Err(Denial::Forbidden("a super administrator does this: sign in with `desk login`"));
        }
    } else if actor.kind() == "operator" && !matches!(right, Right::FirstAccount | Right::Codes | Right::Log)
    {
        return Err(Denial::Forbidden("this is done from the desk, by somebody who has signed in"));
    } else if actor.kind() == "system" {
        return Err(Denial::Forbidden("the desk does nothing of this kind by itself"));
    }
    named_person(&command, facts)?;
    accounts::decide(actor.user(), &command, facts)?;
    Ok(Permit { command, actor: actor.clone() })
}

/// What [`permit`] will most likely say to somebody of this role, as far as the screen knows: to dim and explain.
pub fn foresee(me: &UserId, role: &Role, command: &Command, named: (Role, bool)) -> Result<(), Denial> {
    let session = SessionNow::Holds;
    let standing = Standing { role: Some(role.clone()), active: true, verified: true, session };
    let facts = Facts { standing, named: Some(named), super_admin_besides: true };
    let right = needs(command);
    if !role_has(role, right) {
        return Err(Denial::Forbidden(SUPER_ADMINS_ONLY));
    }
    named_person(command, &facts)?;
    accounts::decide(Some(me), command, &facts)
}

/// Whether somebody of this role sees all that was done.
pub fn sees_log(role: &Role) -> bool {
    role_has(role, Right::Log)
}

/// Whether somebody of this role sees the accounts of staff.
pub fn sees_staff(role: &Role) -> bool {
    role_has(role, Right::Administration)
}

const SUPER_ADMINS_ONLY: &str = "only a super administrator does this";

/// A ticket is given to active staff only; tickets and projects belong to clients.
fn named_person(command: &Command, facts: &Facts) -> Result<(), Denial> {
    match command {
        Command::Assign { change, .. } if change.to.is_some() => match &facts.named {
            Some((role, true)) if role.is_staff() => Ok(()),
            _ => Err(Denial::Forbidden("a ticket can be given to active staff only")),
        },
        Command::EditProject { changes, .. }
            if !changes.iter().any(|change| matches!(change, ProjectChange::Client(_))) =>
        {
            Ok(())
        }
        Command::CreateTicket { .. } | Command::CreateProject { .. } | Command::EditProject { .. } => {
            match &facts.named {
                Some((Role::Client, _)) => Ok(()),
                _ => {
                    Err(Denial::Forbidden("choose a client: staff have no tickets or projects of their own"))
                }
            }
        }
        Command::IssueToken { .. } => match &facts.named {
            None => Err(Denial::Forbidden("this account does not exist any more")),
            Some((_, false)) => {
                Err(Denial::Forbidden("the account is switched off: switch it on before it gets a code"))
            }
            Some((Role::Client, true)) => Ok(()),
            Some((Role::Admin | Role::SuperAdmin, true)) => match &facts.standing.role {
                Some(Role::Admin | Role::Client | Role::Unknown(_)) => {
                    Err(Denial::Forbidden("only a SUPER_ADMIN starts this for staff"))
                }
                Some(Role::SuperAdmin) | None => Ok(()),
            },
            Some((Role::Unknown(_), true)) => Err(Denial::Forbidden(
                "the desk does not know this account's role, so it issues no code for it",
            )),
        },
        Command::Assign { .. }
        | Command::SetStatus { .. }
        | Command::SetPriority { .. }
        | Command::SetWaiting { .. }
        | Command::Reply { .. }
        | Command::SaveDraft { .. }
        | Command::DiscardDraft { .. }
        | Command::MarkSeen { .. }
        | Command::EndSessions { .. }
        | Command::AddUser { .. }
        | Command::CreateUser { .. }
        | Command::EditUser { .. }
        | Command::SetActive { .. }
        | Command::SetRole { .. }
        | Command::ChangeMyPassword { .. }
        | Command::EraseUser(_)
        | Command::ExportUser { .. }
        | Command::ExportEvents => Ok(()),
    }
}

/// What an actor may read, by the role at sign-in. The answer is released only while [`holds`] says so.
pub fn scope(actor: &Actor) -> Scope {
    Scope {
        reader: actor.user().cloned(),
        session: actor.session().cloned(),
        tickets: actor.role().is_none_or(Role::is_staff),
        accounts: match actor.role() {
            None | Some(Role::SuperAdmin) => Accounts::All,
            Some(Role::Admin | Role::Client | Role::Unknown(_)) => Accounts::Clients,
        },
        audit: match actor.role() {
            None | Some(Role::SuperAdmin) => Audit::All,
            Some(Role::Admin) => Audit::Own,
            Some(Role::Client | Role::Unknown(_)) => Audit::Nothing,
        },
    }
}
