//! The sample data of `desk demo`, written into a migrated, empty database.
//!
//! One transaction, one statement a table: either all of it is there or nothing. The rows of `desk` come from
//! the desk's own triggers and fold, as for rows of the web app; only what the web app does not know
//! (assignee, priority, what was settled when, who read what) is set here.

mod asset;
mod column;
pub mod live;
pub mod sample;
pub mod when;

use crate::auth::SessionToken;
use crate::domain::ids::{SessionId, UserId};
use crate::domain::time::Timestamp;
use crate::store::error::{Error, Meaning, Result};
use crate::store::sql::Db;
use crate::store::transaction::Transaction;
use crate::store::{seed, sql};
use column::{column, execute};
use sample::{Message, Person, Project, Sample, Ticket};
use tokio_postgres::Client;

/// What was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Accounts of staff, the odd ones included.
    pub staff: usize,
    /// Accounts of clients.
    pub clients: usize,
    /// Projects.
    pub projects: usize,
    /// Tickets.
    pub tickets: usize,
    /// Comments.
    pub comments: usize,
}

/// The name of the demo's database on its private server.
pub const DATABASE: &str = "kaygia";

/// The address of the member of staff as whom the demo signs in.
pub const EMAIL: &str = "ada@kaygia.example";

/// The member of staff as whom the demo signs in.
pub fn staff() -> UserId {
    sample::user_id("ada")
}

/// Whether the sample data are already there.
pub async fn is_filled(db: &impl Db) -> Result<bool> {
    let row = sql::row(
        db,
        "SELECT EXISTS (SELECT FROM public.users WHERE id = $1) AS filled",
        &[sql::text(&staff().as_str())],
    )
    .await?;
    sql::get(&row, "filled")
}

/// Makes the demo's database on its private server. `db` is a connection to another database there.
pub async fn create_database(db: &Client) -> Result<()> {
    match db.batch_execute("CREATE DATABASE kaygia TEMPLATE template0").await.map_err(Error::from) {
        // Another desk was faster.
        Err(error) if matches!(error.code(), Some("42P04" | "23505")) => Ok(()),
        made => made,
    }
}

/// Begins a session of the demo's member of staff, as a sign-in with the password would.
pub async fn begin_session(
    client: &mut Client,
    session: &SessionId,
    token: &SessionToken,
    origin: &str,
) -> Result<()> {
    let tx = Transaction::begin(client);
    sql::execute(
        &tx,
        "INSERT INTO desk.sessions (id, user_id, token_hash, created_at, last_seen_at, expires_at, origin)
         SELECT $1, $2, $3, now.at, now.at, now.at + interval '12 hours', $4
         FROM (SELECT pg_catalog.clock_timestamp() AT TIME ZONE 'utc' AS at) AS now",
        &[
            sql::text(&session.as_str()),
            sql::text(&staff().as_str()),
            sql::text(&token.hash()),
            sql::text(&origin),
        ],
    )
    .await?;
    sql::execute(
        &tx,
        "INSERT INTO desk.events (at, actor_kind, action, entity, entity_id, after, origin)
         VALUES (pg_catalog.clock_timestamp() AT TIME ZONE 'utc', 'operator', 'session.begin', 'session', $1,
                 pg_catalog.jsonb_build_object('user', $2::text), $3)",
        &[sql::text(&session.as_str()), sql::text(&staff().as_str()), sql::text(&origin)],
    )
    .await?;
    tx.commit().await?;
    Ok(())
}

/// Writes the sample data. `now` is the server's clock.
pub async fn fill(client: &mut Client, now: Timestamp) -> Result<Summary> {
    let sample = sample::load(now).map_err(|broken| Error::new(Meaning::Internal, broken.to_string()))?;
    let tx = Transaction::begin(client);
    let mark = seed::stale_mark(&tx).await?;
    insert_people(&tx, &sample.people).await?;
    insert_projects(&tx, &sample.projects).await?;
    insert_tickets(&tx, &sample.tickets).await?;
    insert_comments(&tx, &sample.tickets).await?;
    insert_desk_tickets(&tx, &sample.tickets, mark).await?;
    insert_reads(&tx, &sample, now).await?;
    tx.commit().await?;
    Ok(summary(&sample))
}

fn summary(sample: &Sample) -> Summary {
    let staff = sample.people.iter().filter(|person| person.role != "CLIENT").count();
    Summary {
        staff,
        clients: sample.people.len() - staff,
        projects: sample.projects.len(),
        tickets: sample.tickets.len(),
        comments: sample.tickets.iter().map(|ticket| ticket.messages.len()).sum(),
    }
}

async fn insert_people(tx: &Transaction<'_>, people: &[Person]) -> Result<()> {
    execute(
        tx,
        "INSERT INTO public.users (id, email, name, company, password_hash, created_at, updated_at,
                                   last_logged_in, role, email_verified, active)
         SELECT row.id, row.email, row.name, row.company, row.password_hash, made.at, made.at,
                timestamp 'epoch' + row.seen * interval '1 microsecond', row.role::public.role,
                row.verified, row.active
         FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
              AS row (id, email, name, company, password_hash, made, seen, role, verified, active),
              LATERAL (SELECT timestamp 'epoch' + row.made * interval '1 microsecond' AS at) AS made",
        &[
            column(people, |person| person.id.as_str()),
            column(people, |person| person.email.as_str()),
            column(people, |person| person.name.as_str()),
            column(people, |person| person.company.as_deref()),
            column(people, |person| person.password_hash.as_str()),
            column(people, |person| person.created_at.micros()),
            column(people, |person| person.last_logged_in.map(Timestamp::micros)),
            column(people, |person| person.role),
            column(people, |person| person.verified),
            column(people, |person| person.active),
        ],
    )
    .await?;
    Ok(())
}

async fn insert_projects(tx: &Transaction<'_>, projects: &[Project]) -> Result<()> {
    execute(
        tx,
        "INSERT INTO public.projects (id, title, description, status, client_id, created_at, updated_at,
                                      start_date, end_date, type, budget, requirements)
         SELECT row.id, row.title, row.description, row.status::public.project_status, row.client,
                made.at, made.at, timestamp 'epoch' + row.start * interval '1 microsecond',
                timestamp 'epoch' + row.finish * interval '1 microsecond', row.kind::public.project_type,
                row.budget, row.requirements
         FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
              AS row (id, title, description, status, client, made, start, finish, kind, budget,
                      requirements),
              LATERAL (SELECT timestamp 'epoch' + row.made * interval '1 microsecond' AS at) AS made",
        &[
            column(projects, |project| project.id.as_str()),
            column(projects, |project| project.title.as_str()),
            column(projects, |project| project.description.as_str()),
            column(projects, |project| project.status.as_str()),
            column(projects, |project| project.client.as_str()),
            column(projects, |project| project.created_at.micros()),
            column(projects, |project| project.start_date.map(Timestamp::micros)),
            column(projects, |project| project.end_date.map(Timestamp::micros)),
            column(projects, |project| project.kind.as_str()),
            column(projects, |project| project.budget),
            column(projects, |project| project.requirements.as_deref()),
        ],
    )
    .await?;
    Ok(())
}

async fn insert_tickets(tx: &Transaction<'_>, tickets: &[Ticket]) -> Result<()> {
    execute(
        tx,
        "INSERT INTO public.support_tickets (id, ticket_number, subject, description, status, client_id,
                                             created_at, updated_at, last_replied_at)
         SELECT row.id, row.number, row.subject, row.description, row.status::public.ticket_status,
                row.client, made.at, made.at, timestamp 'epoch' + row.replied * interval '1 microsecond'
         FROM unnest($1, $2, $3, $4, $5, $6, $7, $8)
              AS row (id, number, subject, description, status, client, made, replied),
              LATERAL (SELECT timestamp 'epoch' + row.made * interval '1 microsecond' AS at) AS made",
        &[
            column(tickets, |ticket| ticket.id.as_str()),
            column(tickets, |ticket| ticket.number.as_str()),
            column(tickets, |ticket| ticket.subject.as_str()),
            column(tickets, |ticket| ticket.description.as_str()),
            column(tickets, |ticket| ticket.status.as_str()),
            column(tickets, |ticket| ticket.client.as_str()),
            column(tickets, |ticket| ticket.created_at.micros()),
            column(tickets, |ticket| ticket.messages.last().map(|message| message.at.micros())),
        ],
    )
    .await?;
    Ok(())
}

async fn insert_comments(tx: &Transaction<'_>, tickets: &[Ticket]) -> Result<()> {
    let rows: Vec<(&Ticket, &Message)> = tickets
        .iter()
        .flat_map(|ticket| ticket.messages.iter().map(move |message| (ticket, message)))
        .collect();
    execute(
        tx,
        "INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender, created_at, updated_at)
         SELECT row.id, row.content, row.ticket, row.author, row.sender::public.comment_sender, made.at,
                made.at
         FROM unnest($1, $2, $3, $4, $5, $6) AS row (id, content, ticket, author, sender, made),
              LATERAL (SELECT timestamp 'epoch' + row.made * interval '1 microsecond' AS at) AS made",
        &[
            column(&rows, |(_, message)| message.id.as_str()),
            column(&rows, |(_, message)| message.content.as_str()),
            column(&rows, |(ticket, _)| ticket.id.as_str()),
            column(&rows, |(_, message)| message.author.as_str()),
            column(&rows, |(_, message)| message.side),
            column(&rows, |(_, message)| message.at.micros()),
        ],
    )
    .await?;
    Ok(())
}

/// What only the desk knows: who works on it, how urgent it is, what was settled when.
async fn insert_desk_tickets(tx: &Transaction<'_>, tickets: &[Ticket], mark: i64) -> Result<()> {
    tx.batch_execute(
        "CREATE TEMPORARY TABLE given (id text, settled_at timestamp, assignee_id text, priority smallint)
         ON COMMIT DROP",
    )
    .await?;
    execute(
        tx,
        "INSERT INTO pg_temp.given (id, settled_at, assignee_id, priority)
         SELECT row.id, timestamp 'epoch' + row.settled * interval '1 microsecond', row.assignee, row.priority
         FROM unnest($1, $2, $3, $4) AS row (id, settled, assignee, priority)",
        &[
            column(tickets, |ticket| ticket.id.as_str()),
            column(tickets, |ticket| ticket.settled_at.map(Timestamp::micros)),
            column(tickets, |ticket| ticket.assignee.as_ref().map(UserId::as_str)),
            column(tickets, |ticket| ticket.priority.number()),
        ],
    )
    .await?;
    seed::replace_desk_tickets(tx, mark).await?;
    Ok(())
}

/// Whoever wrote has read up to there; the one who signs in has read all but the last day's.
async fn insert_reads(tx: &Transaction<'_>, sample: &Sample, now: Timestamp) -> Result<()> {
    let yesterday = now.before(std::time::Duration::from_secs(86_400));
    let mut reads = std::collections::BTreeMap::new();
    for ticket in &sample.tickets {
        let last = ticket.messages.last().map_or(ticket.created_at, |message| message.at);
        if last < yesterday {
            reads.insert((staff(), &ticket.id), last);
        }
        for message in ticket.messages.iter().filter(|message| message.side == "ADMIN") {
            reads
                .entry((message.author.clone(), &ticket.id))
                .and_modify(|at| *at = message.at.max(*at))
                .or_insert(message.at);
        }
    }
    let reads: Vec<_> = reads.into_iter().collect();
    execute(
        tx,
        "INSERT INTO desk.reads (user_id, ticket_id, seen_at)
         SELECT row.reader, row.ticket, timestamp 'epoch' + row.seen * interval '1 microsecond'
         FROM unnest($1, $2, $3) AS row (reader, ticket, seen)",
        &[
            column(&reads, |((reader, _), _)| reader.as_str()),
            column(&reads, |((_, ticket), _)| ticket.as_str()),
            column(&reads, |(_, at)| at.micros()),
        ],
    )
    .await?;
    Ok(())
}
