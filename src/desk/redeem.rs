//! Using a code. Every refusal is the same in words and in work, and leaves an event without the code.

use super::{Desk, RedeemFailure, failure};
use crate::auth::Password;
use crate::domain::command::PasswordHash;
use crate::domain::token::{Redeemed, TokenCode};
use crate::store::error::{Error, Meaning};
use crate::store::tokens::{self, Attempt, Notice};
use crate::store::transaction::Transaction;

/// How often it is tried when connections are lost or two transactions met.
const ATTEMPTS: usize = 3;

impl Desk {
    /// The password is hashed before anybody looks at the code: a wrong one takes as long as a right one.
    pub(super) async fn use_code(
        &self,
        code: &TokenCode,
        password: Option<Password>,
    ) -> Result<Redeemed, RedeemFailure> {
        let hash = match password {
            Some(password) => Some(self.hash(password).await?),
            None => None,
        };
        let mut attempt = 1;
        loop {
            match self.redeem_once(code, hash.as_ref()).await {
                Ok(Some(redeemed)) => return Ok(redeemed),
                Ok(None) => return Err(RedeemFailure::Refused),
                // A lost answer may have been a yes: the code would be refused now, so it is not tried again.
                Err(error) if attempt < ATTEMPTS && *error.meaning() == Meaning::Conflict => attempt += 1,
                Err(error) => return Err(RedeemFailure::Unavailable(failure::of_store(&error).sentence())),
            }
        }
    }

    async fn redeem_once(
        &self,
        code: &TokenCode,
        hash: Option<&PasswordHash>,
    ) -> Result<Option<Redeemed>, Error> {
        let (source, origin) = (&*self.source, &*self.origin);
        let notice = if self.house.mail.is_some() { Notice::Mailed } else { Notice::None };
        let format = self.house.tokens.format;
        let attempt = Attempt { code, format, hash, source, origin, notice };
        self.pool
            .write(async |client| {
                let tx = Transaction::begin(client);
                let redeemed = tokens::redeem(&tx, &attempt).await?;
                tx.commit().await?;
                Ok(redeemed)
            })
            .await
    }

    /// Off the threads that serve everybody, at most two at a time.
    #[expect(clippy::disallowed_methods, reason = "bounded by the semaphore")]
    async fn hash(&self, password: Password) -> Result<PasswordHash, RedeemFailure> {
        password.check_new().map_err(RedeemFailure::Password)?;
        let unavailable = |why: &str| RedeemFailure::Unavailable(why.to_owned());
        let _place = self.hashing.acquire().await.map_err(|_| unavailable("the desk is closing"))?;
        tokio::task::spawn_blocking(move || password.hash())
            .await
            .map_err(|_| unavailable("the password could not be hashed: try again"))?
            .map_err(RedeemFailure::Password)
    }
}
