//! What is done to accounts, from the clients, the staff and one's own.

use crate::domain::account::{AccountChange, ClientTexts};
use crate::domain::command::{Change, Command};
use crate::domain::user::Role;

/// What was done, in words.
pub fn told(command: &Command) -> String {
    match command {
        Command::CreateUser { fields, .. } => format!("the account of {} is made", fields.name),
        Command::EditUser { changes, .. } => {
            let email = changes.iter().any(|change| matches!(change, AccountChange::Email(_)));
            let more = if email { "; the new address is not verified yet" } else { "" };
            format!("the account is changed{more}")
        }
        Command::SetActive { change: Change { to: true, .. }, .. } => "the account is on again".to_owned(),
        Command::SetActive { .. } => "the account is off; its sessions have ended".to_owned(),
        Command::SetRole { change, .. } => match &change.to {
            Role::Client => "the account is a client's now".to_owned(),
            role => format!("the account is {} now", role.as_str()),
        },
        Command::ChangeMyPassword { .. } => {
            "your password is changed; your other sessions have ended".to_owned()
        }
        Command::EraseUser(erasure) => match erasure.texts {
            ClientTexts::Keep => "the account is erased".to_owned(),
            ClientTexts::Erase => "the account and what they wrote are erased".to_owned(),
        },
        _ => "done".to_owned(),
    }
}
