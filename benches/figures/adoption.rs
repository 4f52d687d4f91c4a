//! Adoption of a database as the web app leaves it, while the web app goes on writing.

use std::future::Future;
use std::pin::pin;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use kaygia_desk::store::generate::Plan;
use kaygia_desk::store::migrate::{self, Progress};
use tokio_postgres::Client;

use crate::database::{Postgres, settle};
use crate::table::{Table, Times, ms};

/// The longest that a statement of the web app may wait.
const LONGEST: Duration = Duration::from_millis(500);
/// The longest that an adoption may take, whatever the size.
const WHOLE: Duration = Duration::from_secs(600);
/// The web app writes this often.
const EVERY: Duration = Duration::from_millis(10);
/// How long it writes alone, for comparison.
const ALONE: Duration = Duration::from_secs(5);

/// Statements of the web app, and how long each took.
#[derive(Default)]
struct Writes {
    comments: Times,
    updates: Times,
}

/// Makes such a database, adopts it, and reports.
pub async fn adoption(table: &mut Table, postgres: &Postgres, plan: Plan) {
    let begun = Instant::now();
    let web_app = web_apps_database(postgres, plan).await;
    eprintln!("{} tickets as the web app leaves them: {:.0} s", plan.tickets, begun.elapsed().as_secs_f64());
    let alone = write_until(&web_app, tokio::time::sleep(ALONE)).await;
    let begun = Instant::now();
    let meanwhile = write_until(&web_app, Box::pin(adopt(postgres))).await;
    let whole = begun.elapsed();
    check(&web_app).await;
    let calm = format!("{} without us", ms(alone.longest()));
    table.time("longest statement of the web app", LONGEST, meanwhile.longest(), calm);
    table.info("its comments", &meanwhile.comments, format!("without us: {}", alone.comments));
    table.info("its updates", &meanwhile.updates, format!("without us: {}", alone.updates));
    let tickets = format!("{} tickets", plan.tickets);
    table.time("adoption in all", WHOLE, whole, tickets);
}

impl Writes {
    async fn round(&mut self, client: &Client, at: usize, ticket: &str, author: &str) {
        match at % 3 {
            0 => {
                self.comment(client, ticket, author).await;
                self.update(client, ticket).await;
            }
            1 => {
                client.batch_execute("BEGIN").await.expect("begin");
                self.comment(client, ticket, author).await;
                self.update(client, ticket).await;
                client.batch_execute("COMMIT").await.expect("commit");
            }
            _ => {
                client.batch_execute("BEGIN").await.expect("begin");
                self.update(client, ticket).await;
                self.comment(client, ticket, author).await;
                client.batch_execute("COMMIT").await.expect("commit");
            }
        }
    }

    async fn comment(&mut self, client: &Client, ticket: &str, author: &str) {
        let begun = Instant::now();
        client
            .execute(
                "INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender)
                 VALUES (gen_random_uuid()::text, 'Is there any news?', $1, $2, 'CLIENT')",
                &[&ticket, &author],
            )
            .await
            .expect("a comment of the web app");
        self.comments.push(begun.elapsed());
    }

    async fn update(&mut self, client: &Client, ticket: &str) {
        let begun = Instant::now();
        client
            .execute("UPDATE public.support_tickets SET last_replied_at = now() WHERE id = $1", &[&ticket])
            .await
            .expect("an update of the web app");
        self.updates.push(begun.elapsed());
    }

    fn longest(&self) -> Duration {
        self.comments.quantile(1.0).max(self.updates.quantile(1.0))
    }
}

const NAME: &str = "web_app";

/// Filled by our generator, then stripped of all that is ours and of the documented indexes too.
async fn web_apps_database(postgres: &Postgres, plan: Plan) -> Client {
    postgres.create(NAME, plan).await;
    let client = postgres.connect(NAME).await;
    client.batch_execute("DROP SCHEMA desk CASCADE").await.expect("no desk");
    let indexes = client
        .query(
            "SELECT format('DROP INDEX public.%I', indexname) FROM pg_indexes WHERE indexname LIKE 'idx\\_%'",
            &[],
        )
        .await
        .expect("indexes");
    assert_eq!(indexes.len(), 20, "the documented indexes");
    for index in indexes {
        client.batch_execute(index.get(0)).await.expect("no index");
    }
    settle(&client).await;
    client
}

async fn adopt(postgres: &Postgres) {
    let mut step = ("", Instant::now());
    let mut watch = |progress: Progress| {
        if let Progress::Step(name) = progress {
            if !step.0.is_empty() {
                eprintln!("  {:6.1} s  {}", step.1.elapsed().as_secs_f64(), step.0);
            }
            step = (name, Instant::now());
        }
    };
    let report = migrate::run(&postgres.connector(NAME), &mut watch).await.expect("an adoption");
    eprintln!("  {:6.1} s  {}", step.1.elapsed().as_secs_f64(), step.0);
    assert!(report.is_current(), "{report:?}");
}

/// Writes as the web app does until `end` is over: a comment and an update of its ticket, by themselves or in a
/// transaction, in either order.
async fn write_until(client: &Client, end: impl Future<Output = ()>) -> Writes {
    let tickets = client
        .query("SELECT id, client_id FROM public.support_tickets ORDER BY md5(id) LIMIT 2000", &[])
        .await
        .expect("tickets");
    let mut writes = Writes::default();
    let mut end = pin!(end);
    for (at, ticket) in tickets.iter().cycle().enumerate() {
        let next = tokio::time::Instant::now() + EVERY;
        let mut round = pin!(async {
            writes.round(client, at, ticket.get(0), ticket.get(1)).await;
            tokio::time::sleep_until(next).await;
        });
        match select(&mut end, &mut round).await {
            Either::Left(_) => {
                round.await;
                break;
            }
            Either::Right(_) => {}
        }
    }
    writes
}

/// One row of ours for each row of the web app's, as the whole conversation makes it.
async fn check(client: &Client) {
    let row = client
        .query_one(
            "SELECT (SELECT count(*) FROM public.support_tickets AS t
                     WHERE NOT EXISTS (SELECT FROM desk.tickets AS d WHERE d.ticket_id = t.id)),
                    (SELECT count(*) FROM desk.tickets AS d JOIN
                       (SELECT ticket_id, count(*) AS n FROM public.ticket_comments GROUP BY ticket_id) AS c
                       ON c.ticket_id = d.ticket_id WHERE d.comment_count <> c.n
                         AND NOT EXISTS (SELECT FROM desk.stale AS s WHERE s.row_id = d.ticket_id))",
            &[],
        )
        .await
        .expect("rows");
    let (missing, wrong): (i64, i64) = (row.get(0), row.get(1));
    assert_eq!((missing, wrong), (0, 0), "tickets without a row of ours, and with a wrong one");
}
