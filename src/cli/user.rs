//! `desk user`: accounts, for whoever holds the database.

use clap::{Args, Subcommand};

use super::{Exit, Failure, open, prompt, say};
use crate::auth::Password;
use crate::config::{Config, Link};
use crate::desk::Gateway;
use crate::desk::accounts::{self, NewAccount};
use crate::domain::ids::UserId;
use crate::domain::token::TokenCode;
use crate::domain::user::Role;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Make an account; its password is asked for, or read from standard input
    Add(Add),
    /// Use a code: for a new password, or to verify an address; both are asked for, or read from standard input
    Redeem(Redeem),
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

#[derive(Debug, Args)]
pub(super) struct Redeem {
    /// The code only verifies an address: no new password
    #[arg(long)]
    pub verify: bool,
}

pub(super) fn run(config: &Config, command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Add(add) => self::add(config, add),
        Command::Redeem(redeem) => self::redeem(config, redeem),
    }
}

/// On standard input the code is the first line, the new password the second.
fn redeem(config: &Config, redeem: &Redeem) -> Result<Exit, Failure> {
    super::database_of(config)?;
    super::house::of(config)?;
    let mut code = prompt::code()?;
    let password =
        if redeem.verify { None } else { Some(Password::new(std::mem::take(&mut *prompt::new_password()?))) };
    let code = TokenCode::typed(&std::mem::take(&mut *code));
    let redeemed = super::block_on(async {
        open::open(config).await?.desk.redeem(code, password).await.map_err(Failure::told)
    })??;
    say(format_args!("{}.", redeemed.sentence()));
    Ok(Exit::Done)
}

fn add(config: &Config, add: &Add) -> Result<Exit, Failure> {
    let Some(url) = &config.database_url else {
        return Err(Failure::Told("no database is named; use DATABASE_URL or --database-url".to_owned()));
    };
    let mut password = prompt::new_password()?;
    let role = Role::parse(&add.role.to_uppercase());
    let may = if role.is_staff() { "can sign in to the desk now" } else { "can use the web app now" };
    let account = NewAccount {
        user: UserId::from_random(random()?),
        email: add.email.clone(),
        name: add.name.clone(),
        company: add.company.clone(),
        role,
        password: Password::new(std::mem::take(&mut *password)),
    };
    let origin = format!("desk user add, process {}", std::process::id());
    let work = accounts::add(url.expose(), config.link == Link::Pooled, account, &origin);
    super::block_on(work)?.map_err(|failure| Failure::Told(failure.sentence()))?;
    say(format_args!("{} {may}, as {}.", add.email.trim(), add.role.to_uppercase()));
    Ok(Exit::Done)
}

fn random() -> Result<[u8; 16], Failure> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Failure::Told(format!("this system gives no random bytes: {error}")))?;
    Ok(bytes)
}
