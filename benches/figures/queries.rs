//! Keys that need a query, beside the same statements without the desk.

use std::time::Duration;

use tokio_postgres::Client;

use crate::database::{Database, Postgres};
use crate::glass::{Glass, line, shows};
use crate::keys::{PAGE_DOWN, has_rows, show_view, start};
use crate::raw::{self, Log, Statement};
use crate::table::{Table, Times, ms};

/// What the desk may take beyond its statements.
const MARGIN: Duration = Duration::from_millis(2);
const LIMIT: Duration = Duration::from_secs(10);
/// The cursor rests this long between keys, as a person's does; the preview has come by then.
const REST: Duration = Duration::from_millis(250);
const TICKETS: usize = 40;
const PAGES: usize = 40;

/// A key, when it is pressed, and how its answer is known.
struct Probe {
    what: &'static str,
    view: &'static str,
    count: usize,
    /// Which of the statements are compared.
    wanted: fn(&Statement) -> bool,
    /// Presses it, and waits for the answer; none where there was nothing to press it for.
    press: fn(&mut Glass, usize) -> Option<Duration>,
}

const OPEN: Probe = Probe {
    what: "open a ticket with 20 comments, p50 (raw SQL + 2 ms)",
    view: "1",
    count: TICKETS,
    wanted: |statement| !statement.says("AS counts") && !statement.says("AS place"),
    press: open_next,
};
const NEXT: Probe = Probe {
    what: "next page of the queue, p50 (raw SQL + 2 ms)",
    view: "7",
    count: PAGES,
    wanted: |statement| statement.says("AS place") && !statement.says("AS counts"),
    press: |desk, _| page(desk, PAGE_DOWN),
};
const JUMP: Probe = Probe {
    what: "page that must be read first (G, gg), p50 (raw SQL + 2 ms)",
    view: "7",
    count: PAGES,
    wanted: |statement| statement.says("AS place") && !statement.says("AS counts"),
    press: |desk, at| page(desk, if at % 2 == 0 { "G" } else { "gg" }),
};

/// Measures them all.
pub async fn with_queries(table: &mut Table, postgres: &Postgres, database: &Database) {
    for probe in [OPEN, NEXT, JUMP] {
        compare(table, postgres, database, &probe).await;
    }
}

async fn compare(table: &mut Table, postgres: &Postgres, database: &Database, probe: &Probe) {
    let client = database.connect().await;
    let mut recorded = record(postgres, database, probe).await;
    for statements in &mut recorded {
        raw::prepare(&client, statements).await;
    }
    let mut desk = start(database);
    show_view(&mut desk, probe.view);
    let (mut keys, mut raw) = (Times::default(), Times::default());
    for (at, statements) in recorded.iter().enumerate() {
        let Some(time) = (probe.press)(&mut desk, at) else { break };
        keys.push(time);
        desk.settle(REST);
        time_raw(&client, statements, &mut raw).await;
    }
    assert!(
        keys.len() * 2 > probe.count && raw.len() > 0,
        "{}: {} keys, {} raw",
        probe.what,
        keys.len(),
        raw.len()
    );
    let beside = format!("raw SQL {}; {keys}", ms(raw.p50()));
    table.time(probe.what, raw.p50() + MARGIN, keys.p50(), beside);
}

async fn time_raw(client: &Client, statements: &[Statement], times: &mut Times) {
    if !statements.is_empty() {
        times.push(raw::time(client, statements).await);
    }
}

/// Presses the same keys in another desk, whose statements are logged.
async fn record(postgres: &Postgres, database: &Database, probe: &Probe) -> Vec<Vec<Statement>> {
    database.log_statements(true).await;
    let mut desk = start(database);
    database.log_statements(false).await;
    show_view(&mut desk, probe.view);
    let mut log = Log::open(&postgres.log());
    let mut recorded = Vec::new();
    for at in 0..probe.count {
        if (probe.press)(&mut desk, at).is_none() {
            break;
        }
        // A page is read ahead, after the key has been answered.
        desk.settle(REST);
        let mut statements: Vec<Statement> = Vec::new();
        for statement in log.reads() {
            // What is read again, after the ticket was marked as seen, is no part of the answer.
            if (probe.wanted)(&statement) && !statements.contains(&statement) {
                statements.push(statement);
            }
        }
        recorded.push(statements);
    }
    recorded
}

/// The next row, and Enter before the preview follows. The last message of each of these tickets names it.
fn open_next(desk: &mut Glass, at: usize) -> Option<Duration> {
    if at > 0 {
        desk.press("q");
        desk.settle(REST);
    }
    let moved = desk.press("j");
    desk.burst(moved, Duration::from_millis(8))?;
    let number = selected(desk)?;
    let since = desk.press("\r");
    let last = format!("the end of {number}.");
    let time = desk.until(since, LIMIT, |screen| shows(screen, &last));
    assert!(time.is_some(), "{number} did not open:\n{}", desk.text());
    time
}

/// The number of the ticket under the cursor.
pub fn selected(desk: &Glass) -> Option<String> {
    let text = desk.text();
    let line = text.lines().find(|line| line.starts_with('▌'))?;
    line.split_whitespace().find(|word| word.starts_with("TKT-")).map(str::to_owned)
}

/// Another page: the list begins with another ticket.
pub fn page(desk: &mut Glass, key: &str) -> Option<Duration> {
    let before = desk.line(3);
    let since = desk.press(key);
    desk.until(since, LIMIT, |screen| has_rows(screen) && line(screen, 3) != before)
}
