//! `desk user`: accounts, for whoever holds the database.

use clap::{Args, Subcommand};

use super::{Exit, Failure, not_there_yet, prompt};
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make an account; its password is asked for, or read from standard input
    Add(Add),
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// Their e-mail address, which they sign in with
    #[arg(long)]
    pub email: String,
    /// Their name
    #[arg(long)]
    pub name: String,
    /// What they may do: ADMIN, SUPER_ADMIN or CLIENT
    #[arg(long, value_parser = ["ADMIN", "SUPER_ADMIN", "CLIENT"], ignore_case = true)]
    pub role: String,
    /// Their company
    #[arg(long)]
    pub company: Option<String>,
}

pub(super) fn run(_config: &Config, command: &Command) -> Result<Exit, Failure> {
    let Command::Add(_account) = command;
    let _password = prompt::new_password()?;
    Err(not_there_yet("desk user add"))
}
