//! Signing in and out. Every refusal is the same in words, in work and in what it leaves in the database.

use super::{Desk, SignInFailure, SignedIn, failure};
use crate::auth::{self, Actor, Attempt, Password, SessionToken};
use crate::domain::failure::Failure;
use crate::domain::ids::{SessionId, UserId};
use crate::policy::Denial;
use crate::store::auth::{self as store, Why};
use crate::store::error::{Error, Meaning};
use crate::store::sign_ins::{self, Claim, Claimed};
use crate::store::transaction::Transaction;

/// What somebody who is signed in proves the password for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// To come back to a locked screen.
    Unlock,
    /// To set another one.
    ChangePassword,
}

impl Desk {
    /// Verifies a password and begins a session.
    pub(super) async fn admit(&self, email: &str, password: Password) -> Result<SignedIn, SignInFailure> {
        // Postgres takes no NUL; an address that holds one is nobody's, at the same cost as any other.
        let email = if email.contains('\0') { "" } else { email };
        let (admitted, claim) = self.verify(email, password, None).await?;
        let mark = admitted.mark();
        let actor = admitted.into_actor(SessionId::from_random(random()?));
        let token = SessionToken::from_random(random()?);
        let server_now = self
            .pool
            .write(async |client| {
                let tx = Transaction::begin(client);
                let place = (&*self.origin, &*self.source);
                let now = store::begin_session(&tx, &actor, &mark, &token, self.limits, place).await?;
                sign_ins::succeeded(&tx, email, &self.source, claim).await?;
                tx.commit().await?;
                Ok(now)
            })
            .await
            .map_err(|error| of_store(&error))?;
        Ok(SignedIn { actor, token, server_now })
    }

    /// Verifies the password of somebody who is signed in.
    pub(super) async fn prove(
        &self,
        actor: &Actor,
        password: Password,
        why: Proof,
    ) -> Result<(), SignInFailure> {
        let Some(user) = actor.user() else { return Err(SignInFailure::Refused) };
        let address = self.pool.read(async |client| store::address(client, user).await).await;
        let Some(address) = address.map_err(|error| of_store(&error))? else {
            return Err(SignInFailure::SessionEnded);
        };
        let (_, claim) = self.verify(&address, password, Some(user)).await?;
        self.pool
            .write(async |client| {
                let tx = Transaction::begin(client);
                sign_ins::succeeded(&tx, &address, &self.source, claim).await?;
                match why {
                    Proof::Unlock => store::unlocked(&tx, actor, &self.origin).await?,
                    // The change leaves its own.
                    Proof::ChangePassword => {}
                }
                tx.commit().await?;
                store::seen(client, actor).await
            })
            .await
            .map_err(|error| of_store(&error))
    }

    /// Counts the attempt, then looks at the password. Without a count there is no look.
    async fn verify(
        &self,
        email: &str,
        password: Password,
        only: Option<&UserId>,
    ) -> Result<(auth::Admitted, Claim), SignInFailure> {
        let claimed =
            self.pool.write(async |client| sign_ins::claim(client, email, &self.source).await).await;
        let claim = match claimed.map_err(|error| of_store(&error))? {
            Claimed::Granted(claim) => claim,
            Claimed::Wait(wait) => return Err(SignInFailure::TooSoon(wait)),
        };
        let place = self.hashing.acquire().await.map_err(|_| unavailable("the desk is closing"))?;
        let (account, cost) = self
            .pool
            .read(async |client| store::account(client, email).await)
            .await
            .map_err(|error| of_store(&error))?;
        let account = account.filter(|account| only.is_none_or(|user| account.id == *user));
        let known = account.as_ref().map(|account| account.id.clone());
        let attempt = Attempt::new(account, password, cost);
        let admitted = work(attempt).await?;
        drop(place);
        match admitted {
            Ok(admitted) => Ok((admitted, claim)),
            Err(auth::Refused) => {
                self.note_refusal(known.as_ref()).await;
                Err(SignInFailure::Refused)
            }
        }
    }

    /// Whether somebody can administer the desk by signing in; until then the command line does.
    pub async fn has_super_admin(&self) -> Result<bool, Failure> {
        self.pool
            .read(async |client| store::has_super_admin(client).await)
            .await
            .map_err(|error| failure::of_store(&error))
    }

    /// Opens the session of a token again.
    pub(super) async fn continue_session(&self, token: SessionToken) -> Result<SignedIn, SignInFailure> {
        let mut found = self.look_up(&token).await;
        if matches!(&found, Err(error) if *error.meaning() == Meaning::Unavailable) {
            found = self.look_up(&token).await;
        }
        let Some((account, session, server_now)) = found.map_err(|error| of_store(&error))? else {
            return Err(SignInFailure::SessionEnded);
        };
        let actor = auth::resume(account, session).map_err(|auth::Refused| SignInFailure::SessionEnded)?;
        Ok(SignedIn { actor, token, server_now })
    }

    async fn look_up(
        &self,
        token: &SessionToken,
    ) -> Result<Option<(auth::Account, SessionId, crate::domain::time::Timestamp)>, Error> {
        self.pool.write(async |client| store::session(client, token).await).await
    }

    /// Ends the actor's session.
    pub(super) async fn end_session(&self, actor: &Actor, why: Why) -> Result<(), Failure> {
        self.pool
            .write(async |client| {
                let tx = Transaction::begin(client);
                store::end_session(&tx, actor, why, &self.origin).await?;
                tx.commit().await?;
                Ok(())
            })
            .await
            .map_err(|error| failure::of_store(&error))
    }

    /// Writes down that the actor's screen is locked.
    pub(super) async fn note_lock(&self, actor: &Actor) -> Result<(), Failure> {
        self.pool
            .write(async |client| {
                let tx = Transaction::begin(client);
                store::locked(&tx, actor, &self.origin).await?;
                tx.commit().await?;
                Ok(())
            })
            .await
            .map_err(|error| failure::of_store(&error))
    }

    /// A session that does not hold any more ends for good: it shall not come back with the role or the access that
    /// its owner lost. What was denied stays denied whether or not that could be written down.
    pub(super) async fn denied(&self, actor: &Actor, denial: &Denial) -> Failure {
        if matches!(denial, Denial::SignedOut(_)) {
            // The failure is logged where it is made.
            let _ = self.end_session(actor, Why::Lapsed).await;
        }
        failure::of_denial(denial)
    }

    /// A refusal stands whether or not it could be written down.
    async fn note_refusal(&self, account: Option<&UserId>) {
        let noted = self
            .pool
            .write(async |client| {
                let tx = Transaction::begin(client);
                store::refused(&tx, account, &self.origin).await?;
                tx.commit().await?;
                Ok(())
            })
            .await;
        if let Err(error) = noted {
            failure::of_store(&error);
        }
    }
}

/// Takes as long as bcrypt does, off the threads that serve everybody.
#[expect(clippy::disallowed_methods, reason = "bounded by the semaphore that the caller holds")]
async fn work(attempt: Attempt) -> Result<Result<auth::Admitted, auth::Refused>, SignInFailure> {
    tokio::task::spawn_blocking(move || attempt.work())
        .await
        .map_err(|_| unavailable("the password could not be checked: try again"))
}

/// Random bytes of the operating system: the only ones that are made here, since nobody outside may know them.
#[expect(clippy::disallowed_methods, reason = "a session's id and token are made where the session is")]
fn random<const N: usize>() -> Result<[u8; N], SignInFailure> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| unavailable("this system gives no random bytes"))?;
    Ok(bytes)
}

fn of_store(error: &Error) -> SignInFailure {
    SignInFailure::Unavailable(failure::of_store(error).sentence())
}

fn unavailable(why: &str) -> SignInFailure {
    SignInFailure::Unavailable(why.to_owned())
}
