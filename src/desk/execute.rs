//! Writing: one transaction for a command, and what to do when its end got lost.

use super::{Desk, check, failure};
use crate::auth::Actor;
use crate::domain::command::{Command, Done};
use crate::domain::failure::Failure;
use crate::domain::ids::EventId;
use crate::domain::ticket::TicketRow;
use crate::policy::{self, Denial};
use crate::store::error::{Error, Meaning};
use crate::store::events::{self, Author};
use crate::store::tokens::NewCode;
use crate::store::transaction::Transaction;
use crate::store::write::{self, Means, WriteError, Written};
use crate::store::{facts, tickets};
use futures_util::future::join;

/// How often a command is tried when connections are lost or two transactions met.
const ATTEMPTS: usize = 3;

/// What one attempt came to: written, with the row as it is now, or refused for a reason.
type Attempt = Result<(Written, Option<Box<TicketRow>>), Refusal>;

/// Why an attempt came to nothing.
enum Refusal {
    Denied(Denial),
    Failed(Failure),
}

impl Desk {
    /// Carries a command out. When the connection was lost, perhaps with the answer to COMMIT, it is sent again on
    /// a new one: commands find what they did already, by the ids and values that they bring.
    pub(super) async fn write(
        &self,
        actor: &Actor,
        command: &Command,
        undoes: Option<EventId>,
    ) -> Result<Done, Failure> {
        check::check(command)?;
        let fresh = fresh(command)?;
        let mut attempt = 1;
        let mut begun = None;
        loop {
            match Box::pin(self.attempt(actor, command, undoes, fresh.as_ref())).await {
                Ok(Ok((written, _))) if written.unfinished => begun = begun.or(written.event),
                Ok(Ok((written, row))) => {
                    let (draft_version, other_text) = written
                        .draft
                        .map_or((None, None), |draft| (Some(draft.version), draft.older_content));
                    return Ok(Done {
                        row,
                        answered: written.answered.map(Box::new),
                        draft_version,
                        other_text,
                        event: begun.or(written.event),
                        code: written.code,
                    });
                }
                Ok(Err(Refusal::Failed(failure))) => return Err(failure),
                Ok(Err(Refusal::Denied(denial))) => {
                    self.note_denial(actor, command).await;
                    return Err(self.denied(actor, &denial).await);
                }
                Err(error) if attempt < ATTEMPTS && may_pass(&error) => attempt += 1,
                Err(error) => return Err(failure::of_store(&error)),
            }
        }
    }

    /// What was denied stays denied whether or not it could be written down; the failure is logged where it is made.
    async fn note_denial(&self, actor: &Actor, command: &Command) {
        let author = Author { actor, origin: &self.origin, undoes: None };
        let noted = self
            .pool
            .write(async |client| {
                let tx = Transaction::begin(client);
                events::denied(&tx, author, command).await?;
                tx.commit().await?;
                Ok(())
            })
            .await;
        if let Err(error) = noted {
            failure::of_store(&error);
        }
    }

    async fn attempt(
        &self,
        actor: &Actor,
        command: &Command,
        undoes: Option<EventId>,
        fresh: Option<&NewCode>,
    ) -> Result<Attempt, Error> {
        let means = Means { origin: &self.origin, undoes, house: &self.house, fresh };
        self.pool
            .write(async |client| {
                let tx = Transaction::begin(client);
                // Sent together, BEGIN before them, carried out one after the other: the facts are read once the rows are
                // locked.
                let (locked, facts) =
                    join(write::lock(&tx, actor, command), facts::read(&tx, actor, command)).await;
                let (locked, facts) = (locked?, facts?);
                let permit = match policy::permit(actor, command.clone(), &facts) {
                    Ok(permit) => permit,
                    Err(denial) => {
                        tx.rollback().await?;
                        return Ok(Err(Refusal::Denied(denial)));
                    }
                };
                let written = match write::carry_out(&tx, permit, locked, means).await {
                    Ok(written) => written,
                    Err(WriteError::Refused(refused)) => {
                        tx.rollback().await?;
                        return Ok(Err(Refusal::Failed(refused)));
                    }
                    Err(WriteError::Database(error)) => return Err(error),
                };
                let mut written = written;
                let told = written.answered.is_some()
                    || written.row.is_some()
                    || matches!(command, Command::SaveDraft { .. } | Command::DiscardDraft { .. });
                let row = async {
                    match command.ticket() {
                        Some(ticket) if !told => tickets::by_id(&tx, &policy::scope(actor), ticket).await,
                        Some(_) | None => Ok(None),
                    }
                };
                // Sent together; the row is read when all is done.
                let (committed, row) = join(tx.commit_first(), row).await;
                committed?;
                // A row that can't be read now is read later.
                let row = written.row.take().or(row.unwrap_or(None).map(Box::new));
                Ok(Ok((written, row)))
            })
            .await
    }
}

/// The code that a command hands over; made once, so that trying again issues the same one.
#[expect(
    clippy::disallowed_methods,
    reason = "a code is made where it is issued, and nobody outside may know it"
)]
fn fresh(command: &Command) -> Result<Option<NewCode>, Failure> {
    let Command::IssueToken { .. } = command else { return Ok(None) };
    let mut bytes = [0; 48];
    getrandom::fill(&mut bytes)
        .map_err(|_| Failure::Internal("this system gives no random bytes".to_owned()))?;
    Ok(Some(NewCode::from_random(&bytes)))
}

/// Whether the same command may succeed at once.
fn may_pass(error: &Error) -> bool {
    match error.meaning() {
        Meaning::Unavailable | Meaning::Conflict | Meaning::CachedPlan => true,
        Meaning::Timeout
        | Meaning::Locked
        | Meaning::Duplicate(_)
        | Meaning::Constraint(_)
        | Meaning::Denied
        | Meaning::SignIn
        | Meaning::NoDatabase
        | Meaning::TooManyConnections
        | Meaning::ServerFull
        | Meaning::ReadOnly
        | Meaning::NotMigrated
        | Meaning::BadText
        | Meaning::Tls
        | Meaning::Address
        | Meaning::Internal => false,
    }
}
