//! What is done to accounts, from the clients, the staff and one's own.
//!
//! Whether it may be done is asked of the policy, with what is known here; the desk asks it again with what is so.

pub mod forms;

use super::action::Action;
use super::available::Availability;
use super::overlay::confirm::{self, Then};
use super::overlay::picker;
use super::requests::{Cause, Purpose};
use super::screen::{Tab, clients, staff};
use super::{State, input};
use crate::domain::account::{AccountChange, AccountFields, ClientTexts, Erasure, is_erased};
use crate::domain::command::{Change, Command, Done};
use crate::domain::failure::Failure;
use crate::domain::ids::UserId;
use crate::domain::query::Query;
use crate::domain::session::Which;
use crate::domain::token::TokenKind;
use crate::domain::user::{Person, Role};
use crate::policy::{self, Denial};

/// Whose account the actions are about.
pub fn target(state: &State) -> Option<&Person> {
    match state.tab {
        Tab::Clients => state.clients.person(),
        Tab::Staff => state.staff_pane.selected().map(|row| &row.person),
        Tab::Queue | Tab::Boards => None,
    }
}

/// Whether an action about accounts makes sense now.
pub fn available(action: Action, state: &State) -> Availability {
    use Availability::{Hidden, No, Yes};
    let Some(me) = &state.me else { return Hidden };
    if action == Action::GoStaff {
        return if policy::sees_staff(&me.role) { Yes } else { Hidden };
    }
    let has_sessions = state.tab == Tab::Staff || action != Action::AccountSessions;
    if !matches!(state.tab, Tab::Clients | Tab::Staff) || !has_sessions {
        return Hidden;
    }
    if action == Action::AccountNew {
        return Yes;
    }
    let Some(person) = target(state) else { return No("there is no account under the cursor".to_owned()) };
    if is_erased(person.email.raw()) {
        return No("this account is erased: nothing of it can be changed".to_owned());
    }
    let Some(command) = sample(action, person) else { return Hidden };
    match policy::foresee(&me.id, &me.role, &command, (person.role.clone(), person.active)) {
        Ok(()) => verdict(action, state, person),
        Err(Denial::Forbidden(why) | Denial::SignedOut(why)) => No(why.to_owned()),
    }
}

/// What the policy does not ask.
fn verdict(action: Action, state: &State, person: &Person) -> Availability {
    let verified = match state.tab {
        Tab::Staff => state.staff_pane.selected().map(|row| row.verified),
        Tab::Clients => {
            let profile = state.clients.profile.as_ref().and_then(|profile| profile.current());
            profile.filter(|it| it.client.person.id == person.id).map(|it| it.email_verified)
        }
        Tab::Queue | Tab::Boards => None,
    };
    if action == Action::AccountVerify && verified == Some(true) {
        return Availability::No("the address is verified already".to_owned());
    }
    Availability::Yes
}

/// What an action would send, as far as the policy looks at it.
fn sample(action: Action, person: &Person) -> Option<Command> {
    let user = person.id.clone();
    Some(match action {
        Action::AccountEdit => Command::EditUser { user, changes: Vec::new() },
        Action::AccountActive => {
            Command::SetActive { user, change: Change::new(person.active, !person.active) }
        }
        Action::AccountVerify => Command::IssueToken { user, kind: TokenKind::EmailVerification },
        Action::AccountReset => Command::IssueToken { user, kind: TokenKind::PasswordReset },
        Action::AccountRole => {
            Command::SetRole { user, change: Change::new(person.role.clone(), person.role.clone()) }
        }
        Action::AccountSessions => Command::EndSessions { user, which: Which::All },
        Action::AccountErase => {
            Command::EraseUser(Box::new(Erasure::new(user, String::new(), ClientTexts::Keep, [0; 16])))
        }
        _ => return None,
    })
}

/// Does it. What can't be done is refused before.
pub fn run(state: &mut State, action: Action) {
    let Some(person) = target(state).cloned() else {
        if action == Action::AccountNew {
            forms::new(state);
        }
        return;
    };
    let name = person.display_name().to_owned();
    let user = person.id.clone();
    match action {
        Action::AccountNew => forms::new(state),
        Action::AccountEdit => forms::edit(state, person),
        Action::AccountActive if person.active => {
            let question = format!(
                "Switch off the account of {name}? They can't sign in any more, here or in the web app, \
                 and their sessions end. Nothing is deleted."
            );
            let change = Change::new(true, false);
            confirm::ask(state, question, Then::Account(Box::new(Command::SetActive { user, change })));
        }
        Action::AccountActive => {
            send(state, Command::SetActive { user, change: Change::new(false, true) });
        }
        Action::AccountVerify => {
            send(state, Command::IssueToken { user, kind: TokenKind::EmailVerification });
        }
        Action::AccountReset => {
            let question =
                format!("Start a new password for {name}? Their present one holds until the code is used.");
            let command = Command::IssueToken { user, kind: TokenKind::PasswordReset };
            confirm::ask(state, question, Then::Account(Box::new(command)));
        }
        Action::AccountRole => picker::role(state, &person),
        Action::AccountSessions => {
            let question = format!("End all sessions of {name}? What they are writing is kept.");
            let command = Command::EndSessions { user, which: Which::All };
            confirm::ask(state, question, Then::Account(Box::new(command)));
        }
        Action::AccountErase => {
            state.requests.forget(|purpose| matches!(purpose, Purpose::Erasure(_)));
            state.fetch(Purpose::Erasure(user.clone()), Query::Erasure(user));
        }
        _ => {}
    }
}

/// Sends a command about an account.
pub fn send(state: &mut State, command: Command) {
    state.execute(command, Cause::Asked);
}

/// A role was picked: what it means is asked first.
pub fn ask_role(state: &mut State, user: &UserId, to: &Role) {
    let Some(person) = target(state).filter(|person| person.id == *user) else { return };
    if person.role == *to {
        return;
    }
    let name = person.display_name();
    let means = match to {
        Role::Client => "They lose the desk, and their sessions end.".to_owned(),
        Role::Admin => "They work on all tickets, projects and clients. Their sessions end.".to_owned(),
        Role::SuperAdmin => {
            "They also administer staff: roles, erasure, the event log. Their sessions end.".to_owned()
        }
        Role::Unknown(_) => return,
    };
    let question = format!("Make {name} {}? {means}", to.as_str());
    let change = Change::new(person.role.clone(), to.clone());
    let command = Command::SetRole { user: user.clone(), change };
    confirm::ask(state, question, Then::Account(Box::new(command)));
}

/// A command about an account was carried out: what follows from it.
pub fn carried_out(state: &mut State, command: &Command, cause: Cause) {
    match command {
        Command::CreateUser { user, .. } if cause == Cause::Asked => {
            let kind = TokenKind::EmailVerification;
            state.execute(Command::IssueToken { user: user.clone(), kind }, Cause::Asked);
        }
        Command::EditUser { user, changes } if state.is_me(user) => {
            let name = changes.iter().find_map(|change| match change {
                AccountChange::Name(change) => change.to.clone(),
                AccountChange::Company(_) | AccountChange::Email(_) => None,
            });
            if let (Some(me), Some(name)) = (&mut state.me, name) {
                me.name = crate::domain::safe_text::SafeText::new(&name);
            }
        }
        _ => {}
    }
    if command.account().is_some() || matches!(command, Command::EndSessions { .. }) {
        reload(state);
    }
}

/// The list at hand is read again.
fn reload(state: &mut State) {
    match state.tab {
        Tab::Clients => clients::reload(state),
        Tab::Staff => staff::reload(state),
        Tab::Queue | Tab::Boards => {}
    }
}

/// The attempt to set a new password was answered; what is wrong stands in the form.
pub fn password_answered(state: &mut State, result: &Result<Done, Failure>) {
    let now = state.now;
    if result.is_ok() {
        state.toasts.good("your password is changed; your other sessions have ended", now);
    }
}

/// Enter on an account.
pub fn open(state: &mut State) {
    input::perform(state, Action::AccountEdit);
}

/// What was done, in words.
pub fn told(command: &Command) -> String {
    match command {
        Command::CreateUser { fields, .. } => format!("the account of {} is made", one_line(fields)),
        Command::EditUser { changes, .. } => {
            let email = changes.iter().any(|change| matches!(change, AccountChange::Email(_)));
            let more = if email { ", the new address is not verified yet" } else { "" };
            format!("the account is changed{more}")
        }
        Command::SetActive { change: Change { to: true, .. }, .. } => "the account is on again".to_owned(),
        Command::SetActive { .. } => "the account is off, its sessions have ended".to_owned(),
        Command::SetRole { change, .. } => match &change.to {
            Role::Client => "the account is a client's now".to_owned(),
            role => format!("the account is {} now", role.as_str()),
        },
        Command::EndSessions { .. } => "their sessions have ended".to_owned(),
        Command::EraseUser(erasure) => match erasure.texts {
            ClientTexts::Keep => "the account is erased".to_owned(),
            ClientTexts::Erase => "the account and what they wrote are erased".to_owned(),
        },
        _ => "done".to_owned(),
    }
}

fn one_line(fields: &AccountFields) -> String {
    crate::domain::safe_text::SafeText::new(&fields.name).one_line().into_owned()
}

/// Why a command about an account can't be taken back.
pub const fn stays(command: &Command) -> Option<&'static str> {
    match command {
        Command::CreateUser { .. } => Some("an account once made stays: switch it off instead"),
        Command::EraseUser(_) => Some("what is erased is gone"),
        Command::EndSessions { .. } => Some("a session that has ended stays ended"),
        Command::IssueToken { .. } => Some("a code that is out is out; a newer one makes it worthless"),
        _ => None,
    }
}
