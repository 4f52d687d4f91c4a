//! Making accounts from the command line, by whoever holds the database's address.

use super::{Desk, Gateway, check, failure};
use crate::auth::{Actor, Password};
use crate::domain::command::Command;
use crate::domain::failure::Failure;
use crate::domain::ids::UserId;
use crate::domain::user::Role;
use crate::store::pool::{self, Options, Session};

/// An account to be made.
#[derive(Debug)]
pub struct NewAccount {
    /// The id that it gets.
    pub user: UserId,
    /// Address; blanks around it are dropped.
    pub email: String,
    /// Full name.
    pub name: String,
    /// Company, if any.
    pub company: Option<String>,
    /// Rights.
    pub role: Role,
    /// A new password.
    pub password: Password,
}

/// Makes an account that can sign in at once. Hashing the password takes about half a second.
pub async fn add(url: &str, pooled: bool, account: NewAccount, origin: &str) -> Result<(), Failure> {
    let NewAccount { user, email, name, company, role, password } = account;
    let about = [email.as_str(), name.as_str(), company.as_deref().unwrap_or_default()];
    password.check_new_of(&about).map_err(|refused| Failure::Invalid(refused.to_string()))?;
    let password_hash = password.hash().map_err(|refused| Failure::Invalid(refused.to_string()))?;
    let command = Command::AddUser {
        user,
        email: email.trim().to_owned(),
        name: name.trim().to_owned(),
        company: company.map(|company| company.trim().to_owned()).filter(|company| !company.is_empty()),
        role,
        password_hash,
    };
    check::check(&command)?;
    let options = Options { pooled, session: Session::Desk };
    let pool = pool::connect(url, options).map_err(|error| failure::of_store(&error))?;
    Desk::new(pool, origin).execute(&Actor::operator(), command).await?;
    Ok(())
}
