//! No query of the desk reads more than 5,000 rows of a database of 100,000 tickets, and none scans a large table.
//!
//! What a query reads is taken from the server's own counters of the transaction in which it runs: rows of tables and
//! entries of indexes. So all its statements count, just as they are sent.

use crate::support::{self, Database};
use kaygia_desk::auth::{Account, Actor, resume};
use kaygia_desk::domain::ids::{CommentId, ProjectId, SessionId, TicketId, UserId};
use kaygia_desk::domain::query::{
    Answer, Assignee, BoardFilter, Place, Query, QueuePage, TicketFilter, TicketSort, TicketTerm, Window,
};
use kaygia_desk::domain::safe_text::SafeText;
use kaygia_desk::domain::ticket::TicketStatus;
use kaygia_desk::domain::time::Timestamp;
use kaygia_desk::domain::user::Role;
use kaygia_desk::policy::{self, Scope};
use kaygia_desk::store::generate::{self, Plan};
use kaygia_desk::store::read;
use std::collections::BTreeMap;
use std::time::Duration;
use tokio_postgres::Client;

/// The most that a query may read.
const LIMIT: i64 = 5_000;
/// Tables that no query may scan from end to end.
const LARGE: [&str; 5] =
    ["desk.tickets", "desk.events", "public.support_tickets", "public.ticket_comments", "public.users"];

pub async fn filled(plan: Plan) -> Database {
    let mut db = support::database().await;
    let now: i64 =
        value(&db.client, "SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").await;
    generate::run(&mut db.client, plan, Timestamp::from_micros(now), |_| {}).await.unwrap();
    db.client.batch_execute("VACUUM ANALYZE").await.unwrap();
    db
}

async fn value<T>(client: &Client, query: &str) -> T
where
    T: for<'a> tokio_postgres::types::FromSql<'a>,
{
    client.query_typed_one(query, &[]).await.unwrap().get(0)
}

/// Rows read so far in this transaction, and scans from end to end, by table. An entry of an index and the row to
/// which it leads are one.
async fn read_so_far(client: &Client) -> BTreeMap<String, (i64, i64)> {
    let rows = client
        .query_typed(
            "SELECT n.nspname || '.' || c.relname, \
                    (pg_stat_get_xact_tuples_returned(c.oid) \
                     + greatest(pg_stat_get_xact_tuples_fetched(c.oid), \
                                (SELECT coalesce(sum(pg_stat_get_xact_tuples_returned(i.indexrelid)), 0) \
                                   FROM pg_index i WHERE i.indrelid = c.oid)))::bigint, \
                    pg_stat_get_xact_numscans(c.oid) \
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
              WHERE n.nspname IN ('public', 'desk') AND c.relkind = 'r'",
            &[],
        )
        .await
        .unwrap();
    rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect()
}

/// A filled database and whoever reads it.
pub struct Bench {
    pub db: Database,
    pub scope: Scope,
    pub failures: Vec<String>,
    /// The most that a query has read so far, and which.
    pub most: (i64, String),
}

impl Bench {
    /// Answers a query, and keeps what it read beyond what is allowed.
    pub async fn ask(&mut self, name: &str, query: Query) -> Answer {
        let client = &self.db.client;
        client.batch_execute("BEGIN; SET LOCAL search_path = pg_catalog").await.unwrap();
        let before = read_so_far(client).await;
        let answer = read::answer(client, &self.scope, &query).await.unwrap();
        let after = read_so_far(client).await;
        client.batch_execute("COMMIT").await.unwrap();
        let read: Vec<(&String, i64)> = after
            .iter()
            .map(|(table, now)| (table, now.0 - before[table].0))
            .filter(|(_, rows)| *rows > 0)
            .collect();
        let total: i64 = read.iter().map(|(_, rows)| rows).sum();
        let scanned: Vec<&str> =
            LARGE.into_iter().filter(|table| after[*table].1 > before[*table].1).collect();
        self.most = self.most.clone().max((total, name.to_owned()));
        if total > LIMIT || !scanned.is_empty() {
            self.failures.push(format!("{name}: {total} rows, scans {scanned:?}: {read:?}"));
        }
        answer
    }

    async fn page(&mut self, name: &str, filter: &TicketFilter, sort: TicketSort, window: Window) -> Answer {
        let page = QueuePage { filter: filter.clone(), sort, window, limit: 100 };
        self.ask(name, Query::Queue(page)).await
    }
}

pub fn reader(id: &str) -> Actor {
    let account = Account {
        id: UserId::new(id),
        name: SafeText::new("Reader"),
        email: SafeText::new("reader@example.test"),
        role: Role::SuperAdmin,
        active: true,
        verified: true,
        password_hash: None,
    };
    resume(account, SessionId::new("s")).unwrap()
}

/// The built-in views, all tickets, searches.
async fn filters(client: &Client) -> Vec<(&'static str, TicketFilter)> {
    let all = |terms: &[TicketTerm]| TicketFilter::All(terms.to_vec());
    let day = Duration::from_secs(86_400);
    let busiest = "SELECT client_id FROM desk.tickets GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1";
    let number: String =
        value(client, "SELECT ticket_number FROM public.support_tickets ORDER BY id LIMIT 1").await;
    let company: String = value(
        client,
        "SELECT company FROM public.users WHERE role = 'CLIENT' AND company IS NOT NULL ORDER BY id LIMIT 1",
    )
    .await;
    vec![
        ("mine", all(&[TicketTerm::Active, TicketTerm::Assignee(Assignee::Me)])),
        ("unassigned", all(&[TicketTerm::Assignee(Assignee::Nobody), TicketTerm::Active])),
        ("silent", all(&[TicketTerm::Status(TicketStatus::Pending), TicketTerm::SilentFor(7 * day)])),
        ("active", all(&[TicketTerm::Active])),
        ("resolved", all(&[TicketTerm::Status(TicketStatus::Resolved), TicketTerm::UpdatedWithin(14 * day)])),
        ("all", all(&[])),
        ("client", TicketFilter::Client(UserId::new(value::<String>(client, busiest).await))),
        ("company", TicketFilter::ClientText(company)),
        ("everybody's word", TicketFilter::ClientText("example".to_owned())),
        ("nobody's word", TicketFilter::ClientText("qqqqq".to_owned())),
        ("two letters", TicketFilter::ClientText("an".to_owned())),
        ("number", TicketFilter::Number(number.clone())),
        ("digits", TicketFilter::Number("10".to_owned())),
        ("prefix", TicketFilter::Number(number[..5].to_owned())),
    ]
}

#[tokio::test]
async fn no_query_reads_more_than_5000_rows_of_100000_tickets() {
    let db = filled(Plan::M).await;
    let staff = "SELECT assignee_id FROM desk.tickets WHERE active AND assignee_id IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1";
    let scope = policy::scope(&reader(&value::<String>(&db.client, staff).await));
    let filters = filters(&db.client).await;
    let mut bench = Bench { db, scope, failures: Vec::new(), most: (0, String::new()) };

    for (name, filter) in &filters {
        for sort in [TicketSort::Waiting, TicketSort::Activity] {
            let sort = filter.sort(sort);
            let first = bench.page(&format!("{name}, first page"), filter, sort, Window::First).await;
            let last = bench.page(&format!("{name}, last page"), filter, sort, Window::Last).await;
            let (Answer::Queue { rows: first, .. }, Answer::Queue { rows: last, .. }) = (first, last) else {
                panic!()
            };
            let (Some(from), Some(to)) = (first.last(), last.first()) else { continue };
            let (from, to) = (Place::of(from, sort), Place::of(to, sort));
            let next =
                bench.page(&format!("{name}, next page"), filter, sort, Window::After(from.clone())).await;
            bench.page(&format!("{name}, page before the last"), filter, sort, Window::Before(to)).await;
            bench.page(&format!("{name}, again from a place"), filter, sort, Window::From(from)).await;
            drop(next);
        }
    }
    let counted = filters
        .iter()
        .filter(|(name, _)| ["mine", "unassigned", "silent", "active", "resolved"].contains(name));
    for (name, filter) in counted {
        bench.ask(&format!("{name}, count"), Query::Counts(vec![filter.clone()])).await;
    }
    threads(&mut bench).await;
    boards_and_clients(&mut bench).await;
    assert!(bench.failures.is_empty(), "{:#?}", bench.failures);
    let prepared: i64 = value(&bench.db.client, "SELECT count(*) FROM pg_prepared_statements").await;
    assert_eq!(
        prepared, 0,
        "a column that is not of a built-in type makes the driver prepare, which pgbouncer breaks"
    );
}

async fn threads(bench: &mut Bench) {
    let client = &bench.db.client;
    let long: String =
        value(client, "SELECT ticket_id FROM desk.tickets ORDER BY comment_count DESC LIMIT 1").await;
    let usual: String =
        value(client, "SELECT ticket_id FROM desk.tickets WHERE comment_count = 20 ORDER BY 1 LIMIT 1").await;
    let busiest = "SELECT min(ticket_id) FROM desk.tickets WHERE active GROUP BY client_id ORDER BY count(*) DESC LIMIT 1";
    let busiest: String = value(client, busiest).await;
    for id in [&long, &usual, &busiest] {
        bench.ask("thread", Query::Thread(TicketId::new(id.as_str()))).await;
    }
    let before = (Timestamp::from_micros(i64::MAX), CommentId::new(""));
    bench.ask("older comments", Query::OlderComments { ticket: TicketId::new(long), before }).await;
    for number in ["1042", "TKT-1042", "none"] {
        bench.ask("ticket by number", Query::TicketByNumber(number.to_owned())).await;
    }
}

async fn boards_and_clients(bench: &mut Bench) {
    let project: String = value(&bench.db.client, "SELECT min(project_id) FROM desk.projects").await;
    let owner: String = value(
        &bench.db.client,
        "SELECT client_id FROM desk.tickets GROUP BY 1 ORDER BY count(*) DESC LIMIT 1",
    )
    .await;
    let board = bench.ask("board", Query::Board(BoardFilter::default())).await;
    let Answer::Board(columns) = board else { panic!() };
    for column in columns.into_iter().filter(|column| !column.cards.is_empty()) {
        let after = Box::new(column.cards.last().unwrap().clone());
        let query = Query::BoardColumn { filter: BoardFilter::default(), status: column.status, after };
        bench.ask("board column", query).await;
    }
    bench
        .ask(
            "board of a client",
            Query::Board(BoardFilter { client: Some(UserId::new(owner.as_str())), text: String::new() }),
        )
        .await;
    bench.ask("project", Query::Project(ProjectId::new(project))).await;
    for text in ["", "a", "an", "ann", "example", "qqqqq"] {
        bench.ask(&format!("clients {text:?}"), Query::Clients(text.to_owned())).await;
    }
    bench.ask("client", Query::Client(UserId::new(owner))).await;
    bench.ask("staff", Query::Staff).await;
}
