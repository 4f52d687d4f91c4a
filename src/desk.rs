//! The use cases: signing in, reading, writing. Terminal, command line and SSH all go through here.
//!
//! A read is released only while the reader's account and session hold, which is asked beside it on the same
//! connection. A write is one transaction: lock, facts, permit, compare, write, event. Every use of the database
//! has a time limit, and what comes back are answers, or failures in words a person can act on.

pub mod accounts;
pub mod audit;
mod check;
pub mod chores;
pub mod demo;
mod execute;
pub mod export;
mod failure;
mod fetch;
pub mod open;
mod password;
pub mod post;
mod redeem;
mod sign_in;
pub mod upkeep;

use crate::auth::{Actor, Limits, Password, PasswordRefused, SessionToken};
use crate::domain::command::{Command, Done};
use crate::domain::failure::Failure;
use crate::domain::house::House;
use crate::domain::ids::EventId;
use crate::domain::query::{Loaded, Query};
use crate::domain::time::Timestamp;
use crate::domain::token::{Redeemed, TokenCode};
use crate::store::auth::{self as store, Why};
use crate::store::pool::{self, Options, Pool};
use crate::store::{doctor, fold};
use sign_in::Proof;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

/// At most this many passwords are hashed at a time.
const HASHING: usize = 2;

/// The desk, over a pool of connections. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Desk {
    pool: Pool,
    origin: Arc<str>,
    source: Arc<str>,
    limits: Limits,
    hashing: Arc<Semaphore>,
    house: Arc<House>,
}

impl Desk {
    /// `origin` names this desk in drafts and events: the host and the process.
    pub fn new(pool: Pool, origin: &str) -> Self {
        Self {
            pool,
            origin: origin.into(),
            // Without the process: a place is the same tomorrow.
            source: origin.rsplit_once(' ').map_or(origin, |(place, _)| place).into(),
            limits: Limits::default(),
            hashing: Arc::new(Semaphore::new(HASHING)),
            house: Arc::default(),
        }
    }

    /// The same desk under these rules.
    #[must_use]
    pub fn under(self, house: House) -> Self {
        Self { house: Arc::new(house), ..self }
    }

    /// The desk for one command on the command line. Connects to nothing yet.
    pub fn at(url: &str, pooled: bool, origin: &str) -> Result<Self, Failure> {
        let options = Options { pooled, session: pool::Session::Desk };
        let pool = pool::connect(url, options).map_err(|error| failure::of_store(&error))?;
        Ok(Self::new(pool, origin))
    }

    /// How many passwords are being hashed.
    pub fn hashing_now(&self) -> usize {
        HASHING - self.hashing.available_permits()
    }

    /// Sessions that begin here last so long, and attempts to begin one are counted for this source.
    pub fn for_sign_ins(self, source: &str, limits: Limits) -> Self {
        Self { source: source.into(), limits, ..self }
    }
}

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who.
    pub actor: Actor,
    /// Opens the same session again; to be kept by whoever signed in.
    pub token: SessionToken,
    /// The server's clock.
    pub server_now: Timestamp,
}

/// Why nobody is signed in.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignInFailure {
    /// The one answer to every refusal.
    #[error("wrong e-mail or password, or no access to the desk")]
    Refused,
    /// Too soon after others, at this address or from this place. The same for addresses that nobody has.
    #[error("too many attempts: try again in {}", in_words(*.0))]
    TooSoon(Duration),
    /// The token's session is over.
    #[error("your session has ended: sign in again")]
    SessionEnded,
    /// The database can't be reached, or did not answer in time.
    #[error("{0}")]
    Unavailable(String),
}

/// Why a code was not used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedeemFailure {
    /// The one answer to every code that is refused.
    #[error("this code is not valid: wrong, used, or too old; ask for a new one")]
    Refused,
    /// The new password can't be set, whatever the code is.
    #[error("{0}")]
    Password(PasswordRefused),
    /// The database can't be reached, or did not answer in time.
    #[error("{0}")]
    Unavailable(String),
}

/// `40 s`, `12 min`: rounded up, so that the time told is enough.
fn in_words(wait: Duration) -> String {
    let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    if seconds <= 90 { format!("{seconds} s") } else { format!("{} min", seconds.div_ceil(60)) }
}

/// What the screens need of the desk. Tests put a fake in its place.
pub trait Gateway: Clone + Send + Sync + 'static {
    /// Signs somebody in. Takes about half a second, whoever it is.
    fn sign_in(
        &self,
        email: &str,
        password: Password,
    ) -> impl Future<Output = Result<SignedIn, SignInFailure>> + Send;

    /// Checks the password of somebody who is signed in, as signing in does; nobody else's will do.
    fn unlock(
        &self,
        actor: &Actor,
        password: Password,
    ) -> impl Future<Output = Result<(), SignInFailure>> + Send;

    /// Notes that the actor is at the desk.
    fn seen(&self, actor: &Actor) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Notes that the actor's screen is locked.
    fn locked(&self, actor: &Actor) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Opens a session again.
    fn resume(&self, token: SessionToken) -> impl Future<Output = Result<SignedIn, SignInFailure>> + Send;

    /// Ends the actor's session.
    fn sign_out(&self, actor: &Actor) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Uses a code: for a new password, which must come with it, or to verify an address.
    fn redeem(
        &self,
        code: TokenCode,
        password: Option<Password>,
    ) -> impl Future<Output = Result<Redeemed, RedeemFailure>> + Send;

    /// Sets the actor's own password, if the old one is right. Takes about a second.
    fn change_password(
        &self,
        actor: &Actor,
        old: Password,
        new: Password,
    ) -> impl Future<Output = Result<Done, Failure>> + Send;

    /// Reads.
    fn fetch(&self, actor: &Actor, query: Query) -> impl Future<Output = Result<Loaded, Failure>> + Send;

    /// Writes.
    fn execute(&self, actor: &Actor, command: Command) -> impl Future<Output = Result<Done, Failure>> + Send;

    /// Writes what takes an earlier event back; the log names that one.
    fn undo(
        &self,
        actor: &Actor,
        command: Command,
        undone: Option<EventId>,
    ) -> impl Future<Output = Result<Done, Failure>> + Send;

    /// Brings our rows up to date where a trigger had to give way. Answers whether to come again shortly.
    fn fold(&self) -> impl Future<Output = Result<bool, Failure>> + Send;

    /// Seals what was logged since the last time. Answers whether there is more to come at once for.
    fn seal(&self) -> impl Future<Output = Result<bool, Failure>> + Send;

    /// How many of our triggers are missing or switched off: what the web app changes goes unnoticed then.
    fn missing_triggers(&self) -> impl Future<Output = Result<usize, Failure>> + Send;
}

impl Gateway for Desk {
    async fn sign_in(&self, email: &str, password: Password) -> Result<SignedIn, SignInFailure> {
        self.admit(email, password).await
    }

    async fn unlock(&self, actor: &Actor, password: Password) -> Result<(), SignInFailure> {
        self.prove(actor, password, Proof::Unlock).await
    }

    async fn seen(&self, actor: &Actor) -> Result<(), Failure> {
        self.pool
            .write(async |client| store::seen(client, actor).await)
            .await
            .map_err(|error| failure::of_store(&error))
    }

    async fn locked(&self, actor: &Actor) -> Result<(), Failure> {
        self.note_lock(actor).await
    }

    async fn resume(&self, token: SessionToken) -> Result<SignedIn, SignInFailure> {
        self.continue_session(token).await
    }

    async fn sign_out(&self, actor: &Actor) -> Result<(), Failure> {
        self.end_session(actor, Why::SignOut).await
    }

    async fn redeem(&self, code: TokenCode, password: Option<Password>) -> Result<Redeemed, RedeemFailure> {
        self.use_code(&code, password).await
    }

    async fn change_password(&self, actor: &Actor, old: Password, new: Password) -> Result<Done, Failure> {
        self.set_own_password(actor, old, new).await
    }

    async fn fetch(&self, actor: &Actor, query: Query) -> Result<Loaded, Failure> {
        self.read(actor, &query).await
    }

    async fn execute(&self, actor: &Actor, command: Command) -> Result<Done, Failure> {
        self.write(actor, &command, None).await
    }

    async fn undo(&self, actor: &Actor, command: Command, undone: Option<EventId>) -> Result<Done, Failure> {
        self.write(actor, &command, undone).await
    }

    async fn fold(&self) -> Result<bool, Failure> {
        self.pool
            .write(async |client| fold::fold(client).await)
            .await
            .map(|folded| folded.busy > 0)
            .map_err(|error| failure::of_store(&error))
    }

    async fn seal(&self) -> Result<bool, Failure> {
        self.seal_log().await
    }

    async fn missing_triggers(&self) -> Result<usize, Failure> {
        self.pool
            .read(async |client| doctor::missing_triggers(&*client).await)
            .await
            .map(|missing| missing.len())
            .map_err(|error| failure::of_store(&error))
    }
}
