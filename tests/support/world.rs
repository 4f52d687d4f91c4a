//! A desk over a database of its own, with as many people, tickets and projects as a test needs.

use super::{Database, database};
use kaygia_desk::auth::{Actor, SessionToken};
use kaygia_desk::desk::{Desk, Gateway};
use kaygia_desk::domain::command::{Change, Command, Done, LastComment};
use kaygia_desk::domain::failure::Failure;
use kaygia_desk::domain::ids::{CommentId, TicketId, UserId};
use kaygia_desk::domain::query::{Answer, Query, QueuePage, TicketFilter, TicketSort, Window};
use kaygia_desk::domain::ticket::{Thread, TicketRow, TicketStatus};
use kaygia_desk::store::pool::{self, Options};

/// A desk and its database.
pub struct World {
    pub db: Database,
    pub desk: Desk,
}

/// A migrated database without anybody in it.
pub async fn empty_world() -> World {
    let db = database().await;
    let desk = desk_at(db.url());
    World { db, desk }
}

/// With `ada` and `alan` (staff) and `grace` of Acme Ltd (client).
pub async fn world() -> World {
    let world = empty_world().await;
    world.fill().await;
    world
}

/// The same on a database that is there, and empty.
#[allow(dead_code, reason = "for the suite of faults")]
pub async fn world_in(db: Database) -> World {
    let desk = desk_at(db.url());
    let world = World { db, desk };
    world.fill().await;
    world
}

/// A desk at an address.
pub fn desk_at(url: &str) -> Desk {
    desk_from(url, "test")
}

/// A desk of another host.
pub fn desk_from(url: &str, origin: &str) -> Desk {
    Desk::new(pool::connect(url, Options::default()).unwrap(), origin)
}

impl World {
    async fn fill(&self) {
        self.user("ada", "Ada Lovelace", "ADMIN").await;
        self.user("alan", "Alan Turing", "SUPER_ADMIN").await;
        self.user("grace", "Grace Hopper", "CLIENT").await;
        self.sql("UPDATE public.users SET company = 'Acme Ltd' WHERE id = 'grace'").await;
    }

    /// Raw SQL, as the web app or an operator sends it.
    pub async fn sql(&self, statement: &str) {
        self.db
            .client
            .batch_execute(statement)
            .await
            .unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }

    /// The first value of the first row, as text; `null` when it is null.
    pub async fn value(&self, query: &str) -> String {
        let row = self
            .db
            .client
            .query_one(&format!("SELECT ({query})::text AS value"), &[])
            .await
            .unwrap_or_else(|error| panic!("{query}: {error:?}"));
        row.get::<_, Option<String>>("value").unwrap_or_else(|| "null".to_owned())
    }

    /// An active, verified account without a password.
    pub async fn user(&self, id: &str, name: &str, role: &str) {
        self.db
            .client
            .execute(
                "INSERT INTO public.users (id, email, name, role, email_verified, active) \
                 VALUES ($1, $1 || '@example.test', $2, $3::text::public.role, true, true)",
                &[&id, &name, &role],
            )
            .await
            .unwrap();
    }

    /// A ticket of a client, opened some time ago (`2 hours`), numbered as its id says.
    pub async fn ticket(&self, id: &str, client: &str, status: &str, ago: &str) {
        self.db
            .client
            .execute(
                "INSERT INTO public.support_tickets \
                   (id, ticket_number, subject, description, status, client_id, created_at, updated_at) \
                 SELECT $1, 'N-' || $1, 'Subject of ' || $1, 'Description', $2::text::public.ticket_status, $3, n.at, n.at \
                   FROM (SELECT date_trunc('milliseconds', clock_timestamp() AT TIME ZONE 'utc' - $4::text::interval) AS at) AS n",
                &[&id, &status, &client, &ago],
            )
            .await
            .unwrap();
    }

    /// A message some time ago.
    pub async fn comment(&self, id: &str, ticket: &str, user: &str, sender: &str, ago: &str) {
        self.db
            .client
            .execute(
                "INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender, created_at, updated_at) \
                 SELECT $1, 'Text of ' || $1, $2, $3, $4::text::public.comment_sender, n.at, n.at \
                   FROM (SELECT date_trunc('milliseconds', clock_timestamp() AT TIME ZONE 'utc' - $5::text::interval) AS at) AS n",
                &[&id, &ticket, &user, &sender, &ago],
            )
            .await
            .unwrap();
    }

    /// A project of a client.
    pub async fn project(&self, id: &str, client: &str, status: &str, end: Option<&str>) {
        self.db
            .client
            .execute(
                "INSERT INTO public.projects (id, title, status, client_id, type, end_date, created_at, updated_at) \
                 SELECT $1, 'Title of ' || $1, $2::text::public.project_status, $3, 'WEBSITE', $4::text::timestamp, n.at, n.at \
                   FROM (SELECT clock_timestamp() AT TIME ZONE 'utc' AS at) AS n",
                &[&id, &status, &client, &end],
            )
            .await
            .unwrap();
    }

    /// A member of staff, signed in with a session but without a password's work.
    pub async fn actor(&self, user: &str) -> Actor {
        let token = self.token(user).await;
        self.desk.resume(token).await.unwrap().actor
    }

    /// A session of a user, whoever that is.
    pub async fn token(&self, user: &str) -> SessionToken {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).unwrap();
        let token = SessionToken::from_random(bytes);
        self.db
            .client
            .execute(
                "INSERT INTO desk.sessions (id, user_id, token_hash, expires_at) \
                 VALUES ('session ' || $2, $1, $2, clock_timestamp() AT TIME ZONE 'utc' + interval '1 hour')",
                &[&user, &token.hash()],
            )
            .await
            .unwrap();
        token
    }

    pub async fn fetch(&self, actor: &Actor, query: Query) -> Answer {
        self.desk.fetch(actor, query).await.unwrap().answer
    }

    pub async fn execute(&self, actor: &Actor, command: Command) -> Result<Done, Failure> {
        self.desk.execute(actor, command).await
    }

    pub async fn page(
        &self,
        actor: &Actor,
        filter: TicketFilter,
        sort: TicketSort,
        window: Window,
        limit: u16,
    ) -> Page {
        match self.fetch(actor, Query::Queue(QueuePage { filter, sort, window, limit })).await {
            Answer::Queue { rows, before, after } => Page { rows, before, after },
            other => panic!("{other:?}"),
        }
    }

    /// The ids of all tickets that a filter finds, in order.
    pub async fn ids(&self, actor: &Actor, filter: TicketFilter, sort: TicketSort) -> Vec<String> {
        self.page(actor, filter, sort, Window::First, 1000).await.ids()
    }

    pub async fn thread(&self, actor: &Actor, ticket: &str) -> Thread {
        match self.fetch(actor, Query::Thread(TicketId::new(ticket))).await {
            Answer::Thread(Some(thread)) => *thread,
            other => panic!("{other:?}"),
        }
    }

    pub async fn row(&self, actor: &Actor, ticket: &str) -> TicketRow {
        self.thread(actor, ticket).await.ticket
    }
}

/// A page of the queue.
#[derive(Debug)]
pub struct Page {
    pub rows: Vec<TicketRow>,
    pub before: bool,
    pub after: bool,
}

impl Page {
    pub fn ids(&self) -> Vec<String> {
        self.rows.iter().map(|row| row.id.as_str().to_owned()).collect()
    }
}

pub fn assign(ticket: &str, seen: Option<&str>, to: Option<&str>) -> Command {
    Command::Assign {
        ticket: TicketId::new(ticket),
        change: Change::new(seen.map(UserId::new), to.map(UserId::new)),
    }
}

pub fn set_status(ticket: &str, seen: TicketStatus, to: TicketStatus) -> Command {
    Command::SetStatus {
        ticket: TicketId::new(ticket),
        change: Change::new(seen, to),
        last_comment: LastComment::Any,
    }
}

/// A reply that was begun when `seen` was the newest comment.
pub fn reply(
    ticket: &str,
    comment: &str,
    status: (TicketStatus, TicketStatus),
    seen: Option<&str>,
) -> Command {
    Command::Reply {
        ticket: TicketId::new(ticket),
        comment: CommentId::new(comment),
        content: format!("Answer {comment}"),
        status: Change::new(status.0, status.1),
        last_comment: LastComment::Seen(seen.map(CommentId::new)),
    }
}
