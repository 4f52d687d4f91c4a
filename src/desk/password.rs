//! Changing one's own password: the old one is asked again, under the same limits as at the sign-in.

use super::sign_in::Proof;
use super::{Desk, SignInFailure, failure};
use crate::auth::{Actor, Password};
use crate::domain::command::{Change, Command, Done, PasswordHash};
use crate::domain::failure::Failure;
use crate::domain::query::Query;
use crate::store::auth as store;

impl Desk {
    /// Whatever happens between the look at the old password and the new one: the command names the hash that the old
    /// one was to fit, and is refused if it is another one by then.
    pub(super) async fn set_own_password(
        &self,
        actor: &Actor,
        old: Password,
        new: Password,
    ) -> Result<Done, Failure> {
        let signed_out = || Failure::SignedOut("you are not signed in: sign in again".to_owned());
        let user = actor.user().ok_or_else(signed_out)?;
        // Nobody whose session is over may try passwords here.
        self.read(actor, &Query::Session).await?;
        let account = self.pool.read(async |client| store::account_by_id(client, user).await).await;
        let account = account.map_err(|error| failure::of_store(&error))?.ok_or_else(signed_out)?;
        let about = [account.name.raw(), account.email.raw()];
        new.check_new_of(&about).map_err(|why| Failure::Invalid(why.to_string()))?;
        let Some(seen) = account.password_hash.clone() else {
            let sentence = "this account has no password: ask for a code to choose one with";
            return Err(Failure::Invalid(sentence.to_owned()));
        };
        self.prove(actor, old, Proof::ChangePassword).await.map_err(of_proof)?;
        let to = self.hash_new(new).await?;
        self.write(actor, &Command::ChangeMyPassword { change: Change::new(seen, to) }, None).await
    }

    /// Off the threads that serve everybody, at most two at a time.
    #[expect(clippy::disallowed_methods, reason = "bounded by the semaphore")]
    async fn hash_new(&self, password: Password) -> Result<PasswordHash, Failure> {
        let unavailable = |why: &str| Failure::Unavailable(why.to_owned());
        let _place = self.hashing.acquire().await.map_err(|_| unavailable("the desk is closing"))?;
        tokio::task::spawn_blocking(move || password.hash())
            .await
            .map_err(|_| unavailable("the password could not be hashed: try again"))?
            .map_err(|why| Failure::Invalid(why.to_string()))
    }
}

fn of_proof(why: SignInFailure) -> Failure {
    match why {
        SignInFailure::Refused => Failure::Invalid("the old password is not right".to_owned()),
        SignInFailure::TooSoon(_) => Failure::Invalid(why.to_string()),
        SignInFailure::SessionEnded => Failure::SignedOut(why.to_string()),
        SignInFailure::Unavailable(why) => Failure::Unavailable(why),
    }
}
