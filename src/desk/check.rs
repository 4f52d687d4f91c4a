//! What a command must be before the database sees it: no blank texts, nothing that Postgres can't store.

use crate::domain::account::{AccountChange, is_erased};
use crate::domain::command::{Command, ProjectChange, ProjectFields};
use crate::domain::failure::Failure;
use crate::domain::safe_text::sanitise;
use crate::domain::user::Role;
use email_address::{EmailAddress, Options};
use std::borrow::Cow;

/// What a name or a company may have, in characters.
const LABEL_LIMIT: usize = 200;
/// What an e-mail address may have, in bytes.
const ADDRESS_LIMIT: usize = 254;

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
            label("name", name)?;
            label("company", company.as_deref().unwrap_or_default())?;
            address(email)?;
            known(role)
        }
        Command::CreateUser { fields, .. } => {
            filled("name", &fields.name)?;
            label("name", &fields.name)?;
            label("company", fields.company.as_deref().unwrap_or_default())?;
            address(&fields.email)?;
            known(&fields.role)
        }
        Command::EditUser { changes, .. } => changes.iter().try_for_each(account_field),
        Command::SetRole { change, .. } => known(&change.to),
        Command::Assign { .. }
        | Command::SetStatus { .. }
        | Command::SetPriority { .. }
        | Command::SetWaiting { .. }
        | Command::DiscardDraft { .. }
        | Command::MarkSeen { .. }
        | Command::IssueToken { .. }
        | Command::EndSessions { .. }
        | Command::SetActive { .. }
        | Command::ChangeMyPassword { .. }
        | Command::EraseUser(_)
        | Command::ExportUser { .. }
        | Command::ExportEvents => Ok(()),
    }
}

fn account_field(change: &AccountChange) -> Result<(), Failure> {
    match change {
        AccountChange::Name(change) => {
            // None is what an undone change may lead back to.
            change
                .to
                .as_deref()
                .map_or(Ok(()), |name| filled("name", name).and_then(|()| label("name", name)))
        }
        AccountChange::Company(change) => label("company", change.to.as_deref().unwrap_or_default()),
        AccountChange::Email(change) => address(&change.to),
    }
}

fn known(role: &Role) -> Result<(), Failure> {
    match role {
        Role::Client | Role::Admin | Role::SuperAdmin => Ok(()),
        Role::Unknown(role) => {
            Err(Failure::Invalid(format!("there is no role {role}: take CLIENT, ADMIN or SUPER_ADMIN")))
        }
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

/// A text of one line that everybody sees as it is.
fn label(what: &str, text: &str) -> Result<(), Failure> {
    plain(what, text)?;
    if text.chars().count() > LABEL_LIMIT {
        return Err(Failure::Invalid(format!(
            "the {what} is longer than {LABEL_LIMIT} characters: shorten it"
        )));
    }
    Ok(())
}

fn address(email: &str) -> Result<(), Failure> {
    plain("e-mail address", email)?;
    if email.len() > ADDRESS_LIMIT {
        return Err(Failure::Invalid(format!("the e-mail address is longer than {ADDRESS_LIMIT} bytes")));
    }
    let options = Options::default().without_display_text().without_domain_literal();
    let fits = EmailAddress::parse_with_options(email, options).is_ok();
    if fits && !email.contains(char::is_whitespace) && !is_erased(email) {
        Ok(())
    } else {
        Err(Failure::Invalid("this is no e-mail address".to_owned()))
    }
}

/// Two accounts must not look alike by characters that nobody sees.
fn plain(what: &str, text: &str) -> Result<(), Failure> {
    if text.contains(['\n', '\t']) || matches!(sanitise(text), Cow::Owned(_)) {
        let sentence = format!("the {what} holds control or invisible characters: type it anew without them");
        return Err(Failure::Invalid(sentence));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::domain::ids::UserId;

    fn told(email: &str, name: &str, company: &str) -> String {
        let command = Command::AddUser {
            user: UserId::from_random([7; 16]),
            email: email.to_owned(),
            name: name.to_owned(),
            company: Some(company.to_owned()),
            role: Role::Admin,
            password_hash: crate::domain::command::PasswordHash::new("hash"),
        };
        check(&command).map_or_else(|why| why.sentence(), |()| "accepted".to_owned())
    }

    #[test]
    fn an_account_takes_what_is_seen_as_it_is() {
        let (long, longer) = ("ä".repeat(200), "ä".repeat(201));
        let address = |label: usize| {
            ["a".repeat(64), [label, 62, 62].map(|length| "b".repeat(length)).join(".")].join("@")
        };
        assert_eq!(told("a@b", "Zoë 👩‍🚀", "東京"), "accepted");
        assert_eq!(told(&address(63), &long, &long), "accepted");
        assert_eq!(told(&address(64), "A", ""), "the e-mail address is longer than 254 bytes");
        assert_eq!(told("a@b", &longer, ""), "the name is longer than 200 characters: shorten it");
        assert_eq!(told("a@b", "A", &longer), "the company is longer than 200 characters: shorten it");
        for odd in ["\u{202e}a@b", "a\x1b]0;b@c", "a@b\u{34f}", "a@\tb", "a@b\nc", "a\u{200b}@b"] {
            for (email, name, company) in [(odd, "A", ""), ("a@b", odd, ""), ("a@b", "A", odd)] {
                let sentence = told(email, name, company);
                assert!(sentence.contains("holds control or invisible characters"), "{odd:?}: {sentence}");
            }
        }
        for no in ["", "a", "@", "a@", "@b", "a@b@c", "a@@b", "a b@c", "a@b\u{a0}c", "A <a@b>", "a@[::1]"] {
            assert_eq!(told(no, "A", ""), "this is no e-mail address", "{no:?}");
        }
    }
}
