//! Effects as tasks: what a session asks of the desk, each with a limit, answered by a note.
//!
//! Reads run side by side, a few at a time. Writes about the same thing run one after the other in the order in
//! which they were asked for, so that an undo never overtakes what it takes back. A draft that the database does
//! not take soon lies in the spool before anybody waits longer.
//!
//! Invariant: every request is answered exactly once, whatever happens to its task.

use super::spool::{Settled, Spool};
use crate::app::Msg;
use crate::app::requests::Req;
use crate::auth::{Actor, Password, SessionToken};
use crate::desk::{Gateway, SignInFailure, SignedIn};
use crate::domain::command::{About, Command, Done};
use crate::domain::failure::Failure;
use crate::domain::ids::{EventId, TicketId, UserId};
use crate::domain::query::Query;
use crate::domain::ticket::Draft;
use crate::domain::token::TokenCode;
use futures_util::FutureExt;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Reads at a time; the pool has room for three.
const READS: usize = 4;
/// Writes at a time, about different things.
const WRITES: usize = 2;
/// Marks of what was read at a time, beside them: nobody waits for those, and drafts and replies shall not wait for them.
const MARKS: usize = 1;
/// The store has shorter limits of its own, with better sentences; this one holds whatever happens there.
const LIMIT: Duration = Duration::from_secs(15);
/// A draft that is not in the database by then is put into the spool.
const SPOOL_AFTER: Duration = Duration::from_millis(700);
/// Lanes are swept when there are more than this.
const LANES_KEPT: usize = 64;

/// What comes back to the session.
#[derive(Debug)]
pub enum Note {
    /// A message for the core.
    Msg(Msg),
    /// An attempt to sign in was decided.
    SignedIn(Box<Result<SignedIn, SignInFailure>>),
    /// An attempt to open a kept session was.
    Resumed(Box<Result<SignedIn, SignInFailure>>),
}

/// Runs the tasks of one session.
#[derive(Debug)]
pub struct Effects<G> {
    gateway: G,
    notes: mpsc::UnboundedSender<Note>,
    spool: Spool,
    reads: Arc<Semaphore>,
    writes: Arc<Semaphore>,
    marks: Arc<Semaphore>,
    lanes: Lanes,
    writing: JoinSet<()>,
    actor: Option<Actor>,
}

impl<G: Gateway> Effects<G> {
    /// Nobody has signed in yet. Answers go to `notes`.
    pub fn new(gateway: G, spool: Spool, notes: mpsc::UnboundedSender<Note>) -> Self {
        Self {
            gateway,
            notes,
            spool,
            reads: Arc::new(Semaphore::new(READS)),
            writes: Arc::new(Semaphore::new(WRITES)),
            marks: Arc::new(Semaphore::new(MARKS)),
            lanes: Lanes::default(),
            writing: JoinSet::new(),
            actor: None,
        }
    }

    /// Who acts from now on.
    pub fn act_as(&mut self, actor: Option<Actor>) {
        self.actor = actor;
    }

    /// Who acts.
    pub fn actor(&self) -> Option<&Actor> {
        self.actor.as_ref()
    }

    /// Decides an attempt to sign in.
    pub fn sign_in(&self, email: String, password: Password) {
        let gateway = self.gateway.clone();
        self.admit(async move { gateway.sign_in(&email, password).await }, Note::SignedIn);
    }

    /// Uses a code.
    pub fn redeem(&self, code: TokenCode, password: Option<Password>) {
        let (gateway, notes) = (self.gateway.clone(), self.notes.clone());
        tokio::spawn(async move {
            let attempt = AssertUnwindSafe(gateway.redeem(code, password)).catch_unwind();
            let result = match timeout(LIMIT, attempt).await {
                Ok(Ok(result)) => result.map_err(|failure| failure.to_string()),
                Ok(Err(_)) => Err(broken().sentence()),
                Err(_) => Err(late().sentence()),
            };
            let _ = notes.send(Note::Msg(Msg::Redeemed(result)));
        });
    }

    /// Opens a session again, after a pause.
    pub fn resume(&self, token: SessionToken, pause: Duration) {
        let gateway = self.gateway.clone();
        let attempt = async move {
            sleep(pause).await;
            gateway.resume(token).await
        };
        self.admit(attempt, Note::Resumed);
    }

    fn admit(
        &self,
        attempt: impl Future<Output = Result<SignedIn, SignInFailure>> + Send + 'static,
        note: fn(Box<Result<SignedIn, SignInFailure>>) -> Note,
    ) {
        let notes = self.notes.clone();
        tokio::spawn(async move {
            let result = match timeout(LIMIT, AssertUnwindSafe(attempt).catch_unwind()).await {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err(SignInFailure::Unavailable(broken().sentence())),
                Err(_) => Err(SignInFailure::Unavailable(late().sentence())),
            };
            let _ = notes.send(note(Box::new(result)));
        });
    }

    /// Looks at the password of whoever is signed in.
    pub fn unlock(&self, password: Password) {
        let Some(actor) = self.actor.clone() else { return };
        let (gateway, notes) = (self.gateway.clone(), self.notes.clone());
        tokio::spawn(async move {
            let attempt = AssertUnwindSafe(gateway.unlock(&actor, password)).catch_unwind();
            let result = match timeout(LIMIT, attempt).await {
                Ok(Ok(Err(SignInFailure::Refused))) => Err("this is not your password".to_owned()),
                Ok(Ok(result)) => result.map_err(|failure| failure.to_string()),
                Ok(Err(_)) => Err(broken().sentence()),
                Err(_) => Err(late().sentence()),
            };
            let _ = notes.send(Note::Msg(Msg::Unlocked(result)));
        });
    }

    /// Notes that somebody is at the desk; nothing hangs on it.
    pub fn seen(&self) {
        let Some(actor) = self.actor.clone() else { return };
        let gateway = self.gateway.clone();
        tokio::spawn(async move { limited(gateway.seen(&actor)).await });
    }

    /// Notes that the screen is locked, which it is whatever becomes of the note.
    pub fn locked(&self) {
        let Some(actor) = self.actor.clone() else { return };
        let gateway = self.gateway.clone();
        tokio::spawn(async move { limited(gateway.locked(&actor)).await });
    }

    /// Ends the session in the database while this one goes on.
    pub fn end(&self) {
        let Some(actor) = self.actor.clone() else { return };
        let gateway = self.gateway.clone();
        tokio::spawn(async move { limited(gateway.sign_out(&actor)).await });
    }

    /// Reads.
    pub fn fetch(&self, req: Req, query: Query) {
        let (notes, reads, gateway) = (self.notes.clone(), Arc::clone(&self.reads), self.gateway.clone());
        let actor = self.actor.clone();
        tokio::spawn(async move {
            let result = match actor {
                Some(actor) => {
                    let _place = reads.acquire().await;
                    limited(gateway.fetch(&actor, query)).await
                }
                None => Err(signed_out()),
            };
            let _ = notes.send(Note::Msg(Msg::Loaded { req, result }));
        });
    }

    /// A read that goes wrong by a mistake of ours, for tests.
    #[cfg(debug_assertions)]
    pub(super) fn make_a_mistake(&self) {
        let notes = self.notes.clone();
        tokio::spawn(async move {
            let mistake = async {
                assert!(notes.is_closed(), "a mistake that was asked for");
                Ok(())
            };
            let failed = limited(mistake).await;
            let told = failed.err().map_or_else(String::new, |failure| failure.sentence());
            let _ = notes.send(Note::Msg(Msg::Notice(told)));
        });
    }

    /// Sets a new password for whoever is signed in.
    pub fn change_password(&mut self, req: Req, old: Password, new: Password) {
        let (notes, gateway) = (self.notes.clone(), self.gateway.clone());
        let actor = self.actor.clone();
        self.writing.spawn(async move {
            let result = match actor {
                Some(actor) => limited(gateway.change_password(&actor, old, new)).await,
                None => Err(signed_out()),
            };
            let _ = notes.send(Note::Msg(Msg::Done { req, result }));
        });
    }

    /// Writes, after all earlier writes about the same thing; `undoes` is the event that this takes back.
    pub fn execute(&mut self, req: Req, command: Command, undoes: Option<EventId>) {
        while self.writing.try_join_next().is_some() {}
        let Some(actor) = self.actor.clone() else {
            let _ = self.notes.send(Note::Msg(Msg::Done { req, result: Err(signed_out()) }));
            return;
        };
        let turn = self.lanes.queue(lane(&command));
        let write = Write {
            gateway: self.gateway.clone(),
            notes: self.notes.clone(),
            spool: self.spool.clone(),
            actor,
        };
        let marks = matches!(command, Command::MarkSeen { .. });
        let writes = Arc::clone(if marks { &self.marks } else { &self.writes });
        self.writing.spawn(async move {
            let carry_out = async {
                let turn = turn.come().await;
                let _place = writes.acquire().await;
                (limited(write.execute(command.clone(), undoes)).await, turn)
            };
            let (result, turn) = write.with_its_draft_safe(&command, carry_out).await;
            let taken = result.is_ok();
            let _ = write.notes.send(Note::Msg(Msg::Done { req, result }));
            if taken {
                write.forget_draft(&command).await;
            }
            drop(turn);
        });
    }

    /// Looks for drafts that an earlier run could not save.
    pub fn recover(&self, user: UserId) {
        let (spool, notes) = (self.spool.clone(), self.notes.clone());
        tokio::spawn(async move {
            let drafts = tokio::task::spawn_blocking(move || spool.kept(&user)).await.unwrap_or_default();
            if !drafts.is_empty() {
                let _ = notes.send(Note::Msg(Msg::Recovered(drafts)));
            }
        });
    }

    /// Keeps these drafts on this machine while the session goes on.
    pub fn keep(&self, user: UserId, drafts: Vec<(TicketId, Draft)>) {
        if drafts.is_empty() {
            return;
        }
        let spool = self.spool.clone();
        tokio::task::spawn_blocking(move || keep_all(&spool, &user, &drafts));
    }

    /// Keeps these drafts on this machine. Answers those that could not be kept.
    pub async fn spool(&self, user: UserId, drafts: Vec<(TicketId, Draft)>) -> usize {
        let spool = self.spool.clone();
        let count = drafts.len();
        tokio::task::spawn_blocking(move || keep_all(&spool, &user, &drafts)).await.unwrap_or(count)
    }

    /// Waits for all writes that were asked for.
    pub async fn settle(&mut self) {
        while self.writing.join_next().await.is_some() {}
    }

    /// Ends the session in the database.
    pub async fn sign_out(&self) {
        if let Some(actor) = &self.actor {
            let _ = self.gateway.sign_out(actor).await;
        }
    }
}

/// How many could not be kept.
fn keep_all(spool: &Spool, user: &UserId, drafts: &[(TicketId, Draft)]) -> usize {
    let kept = |(ticket, draft): &(TicketId, Draft)| match spool.keep(user, ticket, draft) {
        Ok(()) => true,
        Err(error) => {
            tracing::error!(%error, "a draft could not be kept on this machine");
            false
        }
    };
    drafts.iter().filter(|draft| !kept(draft)).count()
}

/// One write under way.
struct Write<G> {
    gateway: G,
    notes: mpsc::UnboundedSender<Note>,
    spool: Spool,
    actor: Actor,
}

impl<G: Gateway> Write<G> {
    async fn execute(&self, command: Command, undoes: Option<EventId>) -> Result<Done, Failure> {
        match undoes {
            Some(_) => self.gateway.undo(&self.actor, command, undoes).await,
            None => self.gateway.execute(&self.actor, command).await,
        }
    }

    /// A draft that is not in the database soon, whatever it waits for, lies on this machine from then on.
    async fn with_its_draft_safe<T>(
        &self,
        command: &Command,
        carry_out: impl Future<Output = (Result<Done, Failure>, T)>,
    ) -> (Result<Done, Failure>, T) {
        let Command::SaveDraft { ticket, draft } = command else { return carry_out.await };
        let mut carry_out = pin!(carry_out);
        if let Ok(carried_out) = timeout(SPOOL_AFTER, &mut carry_out).await {
            if carried_out.0.is_err() {
                self.keep_draft(ticket, draft).await;
            }
            return carried_out;
        }
        self.keep_draft(ticket, draft).await;
        carry_out.await
    }

    async fn keep_draft(&self, ticket: &TicketId, draft: &Draft) {
        let Some(user) = self.actor.user().cloned() else { return };
        let (spool, kept_ticket, kept_draft) = (self.spool.clone(), ticket.clone(), draft.clone());
        let keep = move || spool.keep(&user, &kept_ticket, &kept_draft).map_err(|error| error.to_string());
        let kept = tokio::task::spawn_blocking(keep).await;
        let result = kept.unwrap_or_else(|_| Err("the desk made a mistake".to_owned()));
        let (ticket, content) = (ticket.clone(), draft.content.clone());
        let _ = self.notes.send(Note::Msg(Msg::DraftKept { ticket, content, result }));
    }

    /// The database has it, or nobody wants it any more.
    async fn forget_draft(&self, command: &Command) {
        let (ticket, settled) = match command {
            Command::SaveDraft { ticket, draft } => (ticket, Settled::Saved(draft.clone())),
            Command::DiscardDraft { ticket, comment } | Command::Reply { ticket, comment, .. } => {
                (ticket, Settled::Over(comment.clone()))
            }
            Command::Assign { .. }
            | Command::SetStatus { .. }
            | Command::SetPriority { .. }
            | Command::SetWaiting { .. }
            | Command::CreateTicket { .. }
            | Command::MarkSeen { .. }
            | Command::CreateProject { .. }
            | Command::EditProject { .. }
            | Command::IssueToken { .. }
            | Command::EndSessions { .. }
            | Command::AddUser { .. }
            | Command::CreateUser { .. }
            | Command::EditUser { .. }
            | Command::SetActive { .. }
            | Command::SetRole { .. }
            | Command::ChangeMyPassword { .. }
            | Command::EraseUser(_)
            | Command::ExportUser { .. }
            | Command::ExportEvents => return,
        };
        let Some(user) = self.actor.user().cloned() else { return };
        let (spool, ticket) = (self.spool.clone(), ticket.clone());
        let forgotten = tokio::task::spawn_blocking(move || spool.forget(&user, &ticket, &settled)).await;
        if let Ok(Err(error)) = forgotten {
            tracing::warn!(%error, "a draft that is saved could not be removed from this machine");
        }
    }
}

/// Runs a use of the desk: no longer than the limit, and a mistake in it does not end the session.
async fn limited<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    match timeout(LIMIT, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(broken()),
        Err(_) => Err(late()),
    }
}

fn broken() -> Failure {
    Failure::Internal("the desk made a mistake here and did nothing more".to_owned())
}

fn late() -> Failure {
    Failure::Unavailable("the database did not answer in time".to_owned())
}

fn signed_out() -> Failure {
    Failure::SignedOut("you are not signed in: sign in again".to_owned())
}

/// What a command is about: commands of one lane wait for each other.
fn lane(command: &Command) -> String {
    match command.about() {
        // What was read waits for nothing else.
        About::Ticket(ticket) if matches!(command, Command::MarkSeen { .. }) => {
            format!("s {}", ticket.as_str())
        }
        About::Ticket(ticket) => format!("t {}", ticket.as_str()),
        About::Project(project) => format!("p {}", project.as_str()),
        About::User(user) => format!("u {}", user.as_str()),
        About::Myself => "password".to_owned(),
        About::Log => "log".to_owned(),
    }
}

/// The last in each line.
#[derive(Debug, Default)]
struct Lanes(HashMap<String, oneshot::Receiver<()>>);

/// A place in a line; the next one comes when it is dropped.
struct Turn {
    before: Option<oneshot::Receiver<()>>,
    after: oneshot::Sender<()>,
}

impl Lanes {
    fn queue(&mut self, lane: String) -> Turn {
        if self.0.len() > LANES_KEPT {
            self.0.retain(|_, last| matches!(last.try_recv(), Err(oneshot::error::TryRecvError::Empty)));
        }
        let (after, last) = oneshot::channel();
        Turn { before: self.0.insert(lane, last), after }
    }
}

impl Turn {
    /// Waits for those before.
    async fn come(self) -> oneshot::Sender<()> {
        if let Some(before) = self.before {
            // Answered or dropped: it is done either way.
            let _ = before.await;
        }
        self.after
    }
}
