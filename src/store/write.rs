//! Every command and the write that carries it out.
//!
//! A write happens inside one transaction: [`lock`] takes the rows, the web app's before ours; the caller reads the
//! facts and gets a permit; [`carry_out`] compares what the author saw, writes, and logs the event. What already
//! is as wanted counts as done and leaves no event, so that any command may be sent again after a lost answer.

mod erasure;
mod projects;
mod replies;
mod tickets;
mod tokens;
mod users;

use self::users::UserNow;
use super::drafts::SavedDraft;
use super::error::{Error, Result};
use super::events::{self, Author};
use super::mails::{self, NewMail};
use super::moment::Moment;
use super::sql;
use super::tickets::by_id;
use super::tokens::NewCode;
use super::{drafts, reads, sessions};
use crate::auth::Actor;
use crate::domain::account::AccountChange;
use crate::domain::command::{Command, IssuedCode};
use crate::domain::failure::Failure;
use crate::domain::house::House;
use crate::domain::ids::{EventId, ProjectId, TicketId, UserId};
use crate::domain::mail::MailKind;
use crate::domain::project::{ProjectStatus, ProjectType};
use crate::domain::ticket::{Answered, Priority, TicketRow, TicketStatus};
use crate::domain::time::Timestamp;
use crate::policy::{self, Permit};
use crate::store::transaction::Transaction;
use futures_util::future::{join, try_join};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

/// Why a write did not happen.
#[derive(Debug)]
pub enum WriteError {
    /// For a reason that its author can act on.
    Refused(Failure),
    /// The database said no, or nothing.
    Database(Error),
}

impl From<Error> for WriteError {
    fn from(error: Error) -> Self {
        Self::Database(error)
    }
}

impl From<Failure> for WriteError {
    fn from(failure: Failure) -> Self {
        Self::Refused(failure)
    }
}

/// How a write ends.
pub type Outcome<T> = std::result::Result<T, WriteError>;

/// What a write left behind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The event in the log; none when there was nothing to change.
    pub event: Option<EventId>,
    /// The draft as kept; none also when its message was sent already.
    pub draft: Option<SavedDraft>,
    /// What a reply made of its ticket.
    pub answered: Option<Answered>,
    /// A code to hand over.
    pub code: Option<IssuedCode>,
    /// The ticket's row after it, where that came with it.
    pub row: Option<Box<TicketRow>>,
    /// It was too much for one transaction: the same command, sent again, goes on.
    pub unfinished: bool,
}

impl Written {
    fn event(event: EventId) -> Self {
        Self { event: Some(event), ..Self::default() }
    }
}

/// What a write is given beside its permit.
#[derive(Clone, Copy, Debug)]
pub struct Means<'a> {
    /// Which desk: host and process.
    pub origin: &'a str,
    /// The event that it takes back.
    pub undoes: Option<EventId>,
    /// What the operator decided for everybody.
    pub house: &'a House,
    /// The code that it may hand over; made for commands that do.
    pub fresh: Option<&'a NewCode>,
}

/// The rows that a command changes, locked until the end of the transaction.
#[derive(Debug)]
pub struct Locked {
    ticket: Option<TicketNow>,
    said: Option<replies::Said>,
    project: Option<ProjectNow>,
    user: Option<UserNow>,
    /// The ticket of what is the author's own: a draft, a read mark.
    there: bool,
}

/// A ticket as it is.
#[derive(Debug)]
struct TicketNow {
    status: TicketStatus,
    assignee: Option<UserId>,
    priority: Priority,
    waiting_since: Option<Timestamp>,
    answered_at: Option<Timestamp>,
}

/// A project as it is.
#[derive(Debug)]
struct ProjectNow {
    title: String,
    client: UserId,
    status: ProjectStatus,
    kind: ProjectType,
    budget: Option<f32>,
    start_date: Option<Timestamp>,
    end_date: Option<Timestamp>,
    description: Option<String>,
    requirements: Option<String>,
}

/// Locks what a command is to change. Waits for whoever holds it, as long as `lock_timeout` allows.
pub async fn lock(tx: &Transaction<'_>, actor: &Actor, command: &Command) -> Result<Locked> {
    let mut locked = Locked { ticket: None, said: None, project: None, user: None, there: false };
    match command {
        Command::SetStatus { ticket, .. } => locked.ticket = lock_both(tx, ticket).await?,
        Command::Reply { ticket, comment, last_comment, .. } => {
            // Sent together, carried out one after the other: what was said is read once the rows are locked.
            let said = replies::said(tx, actor.user(), ticket, comment, last_comment);
            let (ticket, said) = join(lock_both(tx, ticket), said).await;
            (locked.ticket, locked.said) = (ticket?, Some(said?));
        }
        Command::Assign { ticket, .. }
        | Command::SetPriority { ticket, .. }
        | Command::SetWaiting { ticket, .. } => {
            locked.ticket = lock_ours(tx, ticket).await?;
        }
        Command::EditProject { project, .. } => locked.project = lock_project(tx, project).await?,
        Command::SaveDraft { ticket, .. } | Command::MarkSeen { ticket, .. } => {
            locked.there = ticket_exists(tx, ticket).await?;
        }
        Command::CreateTicket { .. }
        | Command::DiscardDraft { .. }
        | Command::CreateProject { .. }
        | Command::IssueToken { .. }
        | Command::EndSessions { .. }
        | Command::ExportUser { .. }
        | Command::ExportEvents
        | Command::ChangeMyPassword { .. } => {}
        Command::AddUser { .. } | Command::CreateUser { .. } => users::lock_all(tx).await?,
        Command::EditUser { user, .. } | Command::SetActive { user, .. } | Command::SetRole { user, .. } => {
            locked.user = users::lock(tx, user).await?;
        }
        Command::EraseUser(erasure) => locked.user = users::lock(tx, &erasure.user).await?,
    }
    Ok(locked)
}

/// The web app's row and ours. FOR UPDATE, not less: a transaction of the web app that has written a comment holds
/// our row and is about to change the ticket; it must be waited for before we hold anything.
async fn lock_both(tx: &Transaction<'_>, ticket: &TicketId) -> Result<Option<TicketNow>> {
    // Sent together, carried out one after the other.
    let (theirs, ours) = join(
        sql::maybe_row(
            tx,
            "SELECT s.id FROM public.support_tickets AS s WHERE s.id = $1 FOR UPDATE",
            &[(&ticket.as_str(), Type::TEXT)],
        ),
        lock_ours(tx, ticket),
    )
    .await;
    theirs.and(ours)
}

/// Our row alone, with the web app's values beside it. A ticket that no trigger told us of gets its row here.
async fn lock_ours(tx: &Transaction<'_>, ticket: &TicketId) -> Result<Option<TicketNow>> {
    const LOCK: &str = "SELECT s.status::text AS status, t.assignee_id, t.priority, t.waiting_since, t.answered_at \
           FROM desk.tickets AS t JOIN public.support_tickets AS s ON s.id = t.ticket_id \
          WHERE t.ticket_id = $1 FOR UPDATE OF t";
    if let Some(row) = sql::maybe_row(tx, LOCK, &[(&ticket.as_str(), Type::TEXT)]).await? {
        return ticket_now(&row).map(Some);
    }
    sql::rows(
        tx,
        "SELECT desk.add_tickets(ARRAY[$1], ARRAY[NULL::timestamp]) AS added",
        &[(&ticket.as_str(), Type::TEXT)],
    )
    .await?;
    let row = sql::maybe_row(tx, LOCK, &[(&ticket.as_str(), Type::TEXT)]).await?;
    row.as_ref().map(ticket_now).transpose()
}

fn ticket_now(row: &Row) -> Result<TicketNow> {
    Ok(TicketNow {
        status: TicketStatus::parse(sql::get(row, "status")?),
        assignee: sql::get::<Option<&str>>(row, "assignee_id")?.map(UserId::new),
        priority: Priority::from_number(sql::get(row, "priority")?),
        waiting_since: sql::get::<Option<Moment>>(row, "waiting_since")?.map(|at| at.0),
        answered_at: sql::get::<Option<Moment>>(row, "answered_at")?.map(|at| at.0),
    })
}

async fn lock_project(tx: &Transaction<'_>, project: &ProjectId) -> Result<Option<ProjectNow>> {
    let row = sql::maybe_row(tx, "SELECT p.title, p.client_id, p.status::text AS status, p.type::text AS kind, p.budget::float8 AS budget, \
                    p.start_date, p.end_date, p.description, p.requirements \
               FROM public.projects AS p WHERE p.id = $1 FOR NO KEY UPDATE",
            &[(&project.as_str(), Type::TEXT)],
        )
        .await?;
    sql::maybe_row(
        tx,
        "SELECT p.project_id FROM desk.projects AS p WHERE p.project_id = $1 FOR UPDATE",
        &[(&project.as_str(), Type::TEXT)],
    )
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(Some(ProjectNow {
        title: sql::get(&row, "title")?,
        client: UserId::new(sql::get::<&str>(&row, "client_id")?),
        status: ProjectStatus::parse(sql::get(&row, "status")?),
        kind: ProjectType::parse(sql::get(&row, "kind")?),
        budget: sql::get::<Option<f64>>(&row, "budget")?.map(|pounds| pounds as f32),
        start_date: sql::get::<Option<Moment>>(&row, "start_date")?.map(|at| at.0),
        end_date: sql::get::<Option<Moment>>(&row, "end_date")?.map(|at| at.0),
        description: sql::get(&row, "description")?,
        requirements: sql::get(&row, "requirements")?,
    }))
}

/// Carries out what was permitted, on the rows that were locked for it. Where mail is set up, whoever it happens to
/// is told.
pub async fn carry_out(
    tx: &Transaction<'_>,
    permit: Permit,
    locked: Locked,
    means: Means<'_>,
) -> Outcome<Written> {
    let (command, actor) = permit.into_parts();
    let notice = means.house.mail.as_ref().and_then(|_| notice(&command, &actor, locked.user.as_ref()));
    let written = change(tx, command, &actor, locked, means).await?;
    if let (Some(Notice { user, kind, former }), Some(_)) = (notice, written.event) {
        mails::enqueue(tx, &NewMail { to_user: &user, kind }).await?;
        if let Some(former) = former {
            mails::enqueue_to_former(tx, &user, &former).await?;
        }
    }
    Ok(written)
}

/// What the owner of an account hears.
struct Notice {
    user: UserId,
    kind: MailKind,
    /// The address until now, where the account gets another mailbox.
    former: Option<String>,
}

impl Notice {
    fn new(user: &UserId, kind: MailKind) -> Self {
        Self { user: user.clone(), kind, former: None }
    }

    /// Of a new address, where it is one; the old one hears of it unless it leads to the same mailbox.
    fn of_address(user: &UserId, now: &UserNow, changes: &[AccountChange]) -> Option<Self> {
        let to = changes.iter().find_map(|change| match change {
            AccountChange::Email(change) => Some(change.to.as_str()),
            AccountChange::Name(_) | AccountChange::Company(_) => None,
        });
        let to = to.filter(|to| *to != now.email)?;
        let mailbox = |address: &str| address.trim().to_lowercase();
        let former = Some(now.email.clone()).filter(|former| mailbox(former) != mailbox(to));
        Some(Self { user: user.clone(), kind: MailKind::EmailChanged, former })
    }
}

/// Of what the owner of an account hears.
fn notice(command: &Command, actor: &Actor, now: Option<&UserNow>) -> Option<Notice> {
    match command {
        Command::ChangeMyPassword { .. } => Some(Notice::new(actor.user()?, MailKind::PasswordChanged)),
        Command::SetRole { user, .. } => Some(Notice::new(user, MailKind::RoleChanged)),
        Command::EndSessions { user, .. } => Some(Notice::new(user, MailKind::SessionsEnded)),
        Command::EditUser { user, changes } => Notice::of_address(user, now?, changes),
        Command::Assign { .. }
        | Command::SetStatus { .. }
        | Command::SetPriority { .. }
        | Command::SetWaiting { .. }
        | Command::Reply { .. }
        | Command::CreateTicket { .. }
        | Command::SaveDraft { .. }
        | Command::DiscardDraft { .. }
        | Command::MarkSeen { .. }
        | Command::CreateProject { .. }
        | Command::EditProject { .. }
        | Command::IssueToken { .. }
        | Command::AddUser { .. }
        | Command::CreateUser { .. }
        | Command::SetActive { .. }
        | Command::EraseUser(_)
        | Command::ExportUser { .. }
        | Command::ExportEvents => None,
    }
}

async fn change(
    tx: &Transaction<'_>,
    command: Command,
    actor: &Actor,
    locked: Locked,
    means: Means<'_>,
) -> Outcome<Written> {
    let origin = means.origin;
    let author = Author { actor, origin, undoes: means.undoes };
    let ticket_now = locked.ticket.ok_or(Failure::Gone("ticket"));
    let user_now = locked.user.ok_or(Failure::Gone("account"));
    let there = if locked.there { Ok(()) } else { Err(Failure::Gone("ticket")) };
    match command {
        Command::Assign { ticket, change } => {
            tickets::assign(tx, author, &ticket, &ticket_now?, &change).await
        }
        Command::SetStatus { ticket, change, last_comment } => {
            tickets::set_status(tx, author, &ticket, &ticket_now?, &change, &last_comment).await
        }
        Command::SetPriority { ticket, change } => {
            tickets::set_priority(tx, author, &ticket, &ticket_now?, &change).await
        }
        Command::SetWaiting { ticket, change } => {
            tickets::set_waiting(tx, author, &ticket, &ticket_now?, &change).await
        }
        Command::Reply { ticket, comment, content, status, .. } => {
            let reply = replies::Reply { ticket, comment, content, status };
            let said = locked.said.unwrap_or_default();
            replies::send(tx, author, means, reader(author)?, (&ticket_now?, said), &reply).await
        }
        Command::CreateTicket { ticket, client, subject, description, priority } => {
            let new = tickets::NewTicket { ticket, client, subject, description, priority };
            tickets::create(tx, author, &new).await
        }
        Command::SaveDraft { ticket, draft } => {
            there?;
            let save = drafts::save(tx, reader(author)?, &ticket, &draft, origin);
            Ok(Written { draft: tx.commit_behind(save).await?, ..Written::default() })
        }
        Command::DiscardDraft { ticket, comment } => {
            tx.commit_behind(drafts::discard(tx, reader(author)?, &ticket, &comment)).await?;
            Ok(Written::default())
        }
        Command::MarkSeen { ticket, up_to: Some(up_to) } => {
            there?;
            let mark = reads::mark(tx, reader(author)?, &ticket, up_to);
            with_row(tx, actor, &ticket, mark).await
        }
        Command::MarkSeen { ticket, up_to: None } => {
            with_row(tx, actor, &ticket, reads::unmark(tx, reader(author)?, &ticket)).await
        }
        Command::CreateProject { project, fields } => projects::create(tx, author, &project, &fields).await,
        Command::EditProject { project, changes } => {
            let now = locked.project.ok_or(Failure::Gone("project"))?;
            projects::edit(tx, author, &project, &now, &changes).await
        }
        Command::IssueToken { user, kind } => tokens::issue(tx, author, means, &user, kind).await,
        Command::EndSessions { user, which } => {
            let event = sessions::end(tx, author, &user, &which).await?;
            Ok(Written { event, ..Written::default() })
        }
        Command::AddUser { user, email, name, company, role, password_hash } => {
            let new = users::NewUser { user, email, name, company, role, password_hash };
            users::add(tx, author, &new).await
        }
        Command::CreateUser { user, fields } => users::create(tx, author, &user, &fields).await,
        Command::EditUser { user, changes } => users::edit(tx, author, &user, &user_now?, &changes).await,
        Command::SetActive { user, change } => {
            users::set_active(tx, author, &user, &user_now?, &change).await
        }
        Command::SetRole { user, change } => users::set_role(tx, author, &user, &user_now?, &change).await,
        Command::ChangeMyPassword { change } => {
            users::change_password(tx, author, reader(author)?, &change).await
        }
        Command::EraseUser(erasure) => erasure::erase(tx, author, &erasure, &user_now?).await,
        Command::ExportUser { user } => users::note_export(tx, author, &user).await,
        Command::ExportEvents => Ok(Written::event(events::exported(tx, author).await?)),
    }
}

/// Marks a ticket, reads its row and commits, in one flight.
async fn with_row(
    tx: &Transaction<'_>,
    actor: &Actor,
    ticket: &TicketId,
    mark: impl Future<Output = Result<()>>,
) -> Outcome<Written> {
    let scope = policy::scope(actor);
    let ((), row) = tx.commit_behind(try_join(mark, by_id(tx, &scope, ticket))).await?;
    Ok(Written { row: row.map(Box::new), ..Written::default() })
}

/// Whose drafts and read marks these are. A permit for them is given to staff only.
fn reader(author: Author<'_>) -> std::result::Result<&UserId, Failure> {
    author
        .actor
        .user()
        .ok_or_else(|| Failure::Denied("this belongs to somebody who has signed in".to_owned()))
}

async fn ticket_exists(tx: &Transaction<'_>, ticket: &TicketId) -> Result<bool> {
    let row = sql::maybe_row(
        tx,
        "SELECT s.id FROM public.support_tickets AS s WHERE s.id = $1",
        &[(&ticket.as_str(), Type::TEXT)],
    )
    .await?;
    Ok(row.is_some())
}
