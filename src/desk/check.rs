//! What a command must be before the database sees it: no blank texts, nothing that Postgres can't store.

use crate::domain::command::{Command, ProjectChange, ProjectFields};
use crate::domain::failure::Failure;
use crate::domain::user::Role;

/// Refuses what can't be stored or makes no sense, with what to do about it.
pub(super) fn check(command: &Command) -> Result<(), Failure> {
    match command {
        Command::Reply { content, .. } => filled("message", content),
        Command::CreateTicket { subject, description, .. } => {
            filled("subject", subject)?;
            filled("description", description)
        }
        Command::SaveDraft { draft, .. } => {
            storable("draft", &draft.content)?;
            storable("draft", draft.older_content.as_deref().unwrap_or_default())
        }
        Command::CreateProject { fields, .. } => new_project(fields),
        Command::EditProject { changes, .. } => changes.iter().try_for_each(field),
        Command::AddUser { email, name, company, role, .. } => {
            filled("name", name)?;
            storable("company", company.as_deref().unwrap_or_default())?;
            address(email)?;
            match role {
                Role::Client | Role::Admin | Role::SuperAdmin => Ok(()),
                Role::Unknown(role) => Err(Failure::Invalid(format!(
                    "there is no role {role}: take CLIENT, ADMIN or SUPER_ADMIN"
                ))),
            }
        }
        Command::Assign { .. }
        | Command::SetStatus { .. }
        | Command::SetPriority { .. }
        | Command::SetWaiting { .. }
        | Command::DiscardDraft { .. }
        | Command::MarkSeen { .. } => Ok(()),
    }
}

fn new_project(fields: &ProjectFields) -> Result<(), Failure> {
    filled("title", &fields.title)?;
    storable("description", fields.description.as_deref().unwrap_or_default())?;
    storable("requirements", fields.requirements.as_deref().unwrap_or_default())?;
    match (fields.start_date, fields.end_date) {
        (Some(start), Some(end)) if end < start => {
            Err(Failure::Invalid("the project would end before it starts".to_owned()))
        }
        _ => Ok(()),
    }
}

fn field(change: &ProjectChange) -> Result<(), Failure> {
    match change {
        ProjectChange::Title(change) => filled("title", &change.to),
        ProjectChange::Description(change) | ProjectChange::Requirements(change) => {
            storable("text", change.to.as_deref().unwrap_or_default())
        }
        ProjectChange::Client(_)
        | ProjectChange::Status(_)
        | ProjectChange::Kind(_)
        | ProjectChange::Budget(_)
        | ProjectChange::StartDate(_)
        | ProjectChange::EndDate(_) => Ok(()),
    }
}

fn filled(what: &str, text: &str) -> Result<(), Failure> {
    if text.trim().is_empty() {
        return Err(Failure::Invalid(format!("the {what} is empty")));
    }
    storable(what, text)
}

fn storable(what: &str, text: &str) -> Result<(), Failure> {
    if text.contains('\0') {
        return Err(Failure::Invalid(format!("the {what} holds a NUL character: remove it")));
    }
    Ok(())
}

fn address(email: &str) -> Result<(), Failure> {
    let odd = |c: char| c.is_whitespace() || c.is_control();
    let fits = email.split_once('@').is_some_and(|(name, host)| {
        !name.is_empty() && !host.is_empty() && !host.contains('@') && !email.contains(odd)
    });
    if fits { Ok(()) } else { Err(Failure::Invalid("this is no e-mail address".to_owned())) }
}
