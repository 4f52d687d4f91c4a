//! The sample data of the demo, in a real database, and the clients that `--live` plays.

use std::fs::Permissions;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use portable_pty::CommandBuilder;
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::pty::glass::{Glass, environment};
use crate::support::{self, Database};
use kaygia_desk::domain::ids::UserId;
use kaygia_desk::domain::time::Timestamp;
use kaygia_desk::store::demo::live::{self, Act, Script};
use kaygia_desk::store::demo::{self, Summary};

/// Monday 5 January 2026, 10:00 UTC.
const MONDAY: Timestamp = Timestamp::from_micros(1_767_607_200_000_000);

async fn filled() -> Database {
    let mut db = support::database().await;
    demo::fill(&mut db.client, MONDAY).await.unwrap();
    db
}

async fn number(db: &Database, sql: &str) -> i64 {
    db.client.query_one(sql, &[]).await.unwrap().get(0)
}

/// Our rows, versions apart.
async fn desk_rows(db: &Database) -> Vec<String> {
    let sql = "SELECT (to_jsonb(t) - 'version')::text FROM desk.tickets AS t ORDER BY ticket_id";
    db.client.query(sql, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn a_fill_writes_everything_once() {
    let mut db = support::database().await;
    assert!(!demo::is_filled(&db.client).await.unwrap());
    let summary = demo::fill(&mut db.client, MONDAY).await.unwrap();
    assert_eq!(
        summary,
        Summary { staff: 6, clients: 14, projects: 24, tickets: 80, comments: summary.comments }
    );
    assert!(demo::is_filled(&db.client).await.unwrap());
    demo::fill(&mut db.client, MONDAY).await.unwrap_err();
    for (table, rows) in [
        ("public.users", 20),
        ("desk.users", 20),
        ("public.projects", 24),
        ("desk.projects", 24),
        ("public.support_tickets", 80),
        ("desk.tickets", 80),
        ("desk.stale", 0),
    ] {
        assert_eq!(number(&db, &format!("SELECT count(*) FROM {table}")).await, rows, "{table}");
    }
    let comments = number(&db, "SELECT count(*) FROM public.ticket_comments").await;
    assert_eq!(comments, i64::try_from(summary.comments).unwrap());
}

#[tokio::test]
async fn whose_turn_it_is_agrees_with_the_conversations() {
    let db = filled().await;
    let waiting = number(&db, "SELECT count(*) FROM desk.tickets WHERE waiting_since IS NOT NULL").await;
    assert!((18..=24).contains(&waiting), "{waiting}");
    let late = "SELECT count(*) FROM desk.tickets
                WHERE waiting_since IS NOT NULL AND status IN ('RESOLVED', 'CLOSED')";
    assert_eq!(number(&db, late).await, 2);
    let unassigned =
        number(&db, "SELECT count(*) FROM desk.tickets WHERE active AND assignee_id IS NULL").await;
    assert!(unassigned >= 8, "{unassigned}");
    let before = desk_rows(&db).await;
    db.client
        .batch_execute(
            "INSERT INTO desk.stale (kind) VALUES ('ticket');
             DO $$ BEGIN WHILE (SELECT more FROM desk.fold(500)) LOOP END LOOP; END $$",
        )
        .await
        .unwrap();
    assert_eq!(before, desk_rows(&db).await, "the fold finds nothing to correct");
}

#[tokio::test]
async fn hostile_text_arrives_as_it_was_written() {
    let db = filled().await;
    let sql =
        "SELECT count(*) FROM public.support_tickets WHERE position(chr(27) || '[2J' IN description) > 0
               AND position(chr(8238) IN subject) > 0";
    assert_eq!(number(&db, sql).await, 1);
}

#[tokio::test]
async fn the_documented_passwords_open_the_accounts() {
    let db = filled().await;
    let sql = "SELECT email, password_hash FROM public.users WHERE role <> 'CLIENT'";
    let rows = db.client.query(sql, &[]).await.unwrap();
    assert_eq!(rows.len(), 6);
    for row in rows {
        let (email, hash): (String, String) = (row.get(0), row.get(1));
        let password = format!("{} at the desk", email.split('@').next().unwrap());
        assert!(password.len() >= 12);
        assert!(bcrypt::verify(&password, &hash).unwrap(), "{email}");
    }
    let sql = "SELECT role::text FROM public.users WHERE id = $1 AND active AND email_verified";
    let row = db.client.query_one(sql, &[&demo::staff().as_str()]).await.unwrap();
    assert_eq!(row.get::<_, String>(0), "ADMIN");
}

#[tokio::test]
async fn what_live_clients_do_is_accepted_and_moves_the_queue() {
    let mut db = filled().await;
    let (mut opened, mut answered) = (0, 0);
    for beat in Script::new(11).unwrap().take(60) {
        let done = live::apply(&mut db.client, &beat.act).await.unwrap();
        match beat.act {
            Act::Open { .. } => opened += i64::from(done.is_some()),
            Act::Answer { .. } => answered += i64::from(done.is_some()),
            Act::AnswerBack { .. } => assert_eq!(done, None, "nobody of the staff wrote within the hour"),
        }
    }
    assert_eq!(answered, 12);
    assert_eq!(number(&db, "SELECT count(*) FROM desk.tickets").await, 80 + opened);
    let fresh = "SELECT count(*) FROM desk.tickets WHERE waiting_since IS NOT NULL AND last_side = 'CLIENT'
                 AND last_activity_at > (clock_timestamp() AT TIME ZONE 'utc') - interval '10 minutes'";
    assert!(number(&db, fresh).await >= opened);
}

#[tokio::test]
async fn a_live_client_answers_the_ticket_that_staff_answered_last() {
    let mut db = filled().await;
    let ticket: String =
        db.client.query_one("SELECT max(id) FROM public.support_tickets", &[]).await.unwrap().get(0);
    let ada: UserId = demo::staff();
    db.client
        .execute(
            "INSERT INTO public.ticket_comments (id, content, ticket_id, user_id, sender, created_at, updated_at)
             SELECT 'reply', 'Done.', $1, $2, 'ADMIN', at, at
             FROM (SELECT clock_timestamp() AT TIME ZONE 'utc' AS at) AS now",
            &[&ticket, &ada.as_str()],
        )
        .await
        .unwrap();
    let act = Act::AnswerBack { text: "Thank you!".to_owned() };
    let done = live::apply(&mut db.client, &act).await.unwrap();
    assert_eq!(done.unwrap().as_str(), ticket);
}

/// `desk demo --no-tui` in a folder of its own.
struct Running {
    child: Child,
    url: String,
}

impl Running {
    fn start(home: &Path, arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_desk"))
            .args(["demo", "--no-tui"])
            .args(arguments)
            .env("KAYGIA_DESK_DATA_DIR", home)
            .env("HOME", "/nonexistent")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("DATABASE_URL=").map(str::to_owned);
        let Some(url) = url else { panic!("{line:?} {:?}", child.wait_with_output()) };
        Self { child, url }
    }

    async fn tickets(&self) -> i64 {
        let client = support::connect(&self.url).await;
        client.query_one("SELECT count(*) FROM desk.tickets", &[]).await.unwrap().get(0)
    }

    /// Ctrl-C.
    fn end(mut self) {
        let id = Pid::from_child(&self.child);
        kill_process(id, Signal::INT).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

/// A folder that the account of the server can reach, in memory where the system has that: a new cluster is synced to
/// disk otherwise.
fn home() -> TempDir {
    let base = if Path::new("/dev/shm").is_dir() { "/dev/shm" } else { "/tmp" };
    let home = tempfile::Builder::new().prefix("desk").tempdir_in(base).unwrap();
    std::fs::set_permissions(home.path(), Permissions::from_mode(0o755)).unwrap();
    home
}

fn open_desk(home: &TempDir, arguments: &[&str]) -> Glass {
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_desk"));
    environment(&mut command, home.path());
    command.env("KAYGIA_DESK_DATA_DIR", home.path());
    command.arg("demo");
    command.args(arguments);
    Glass::run(command)
}

fn leave(mut glass: Glass) {
    glass.keys(":quit\r");
    glass.shows("Leave the desk?");
    let since = Instant::now();
    glass.keys("y");
    assert_eq!(glass.ends(since).code, 0);
    glass.is_given_back();
}

#[test]
fn the_demo_opens_the_desk_signed_in_or_at_the_sign_in_screen() {
    let home = home();
    let mut glass = open_desk(&home, &["--live"]);
    glass.shows("Ada Lovelace ADMIN");
    glass.keys("1");
    glass.shows("Driver app: photograph");
    leave(glass);

    let mut glass = open_desk(&home, &["--sign-in"]);
    glass.shows("ada@kaygia.example");
    glass.keys("ada at the desk\r");
    glass.shows("Ada Lovelace ADMIN");
    leave(glass);
    let lock = home.path().join("server/cluster/data/postmaster.pid");
    assert!(!lock.exists(), "the server went with its last desk");
}

/// How many tickets the view has, in its head line.
fn number_in_view(text: &str, view: &str) -> Option<u32> {
    let head = text.lines().find(|line| line.contains(view))?.split('↓').next()?.trim_end();
    head.rsplit(' ').next()?.parse().ok()
}

#[test]
fn in_a_live_demo_a_ticket_comes_by_itself() {
    let home = home();
    let mut glass = open_desk(&home, &["--live"]);
    glass.shows("Ada Lovelace ADMIN");
    glass.keys("2");
    let number = |text: &str| number_in_view(text, "2 Unassigned").filter(|number| *number > 0);
    glass.wait("the number of the view", |screen| number(&screen.contents()).is_some());
    let before = number(&glass.text());
    let patience = Instant::now() + Duration::from_secs(300);
    let mut seen = glass.bytes_written();
    while number(&glass.text()) <= before {
        assert!(Instant::now() < patience, "no ticket came:\n{}", glass.text());
        glass.writes_within(seen, Duration::from_secs(20));
        seen = glass.bytes_written();
    }
    leave(glass);
}

#[test]
fn a_demo_whose_server_dies_says_so_and_fails() {
    let home = home();
    let demo = Running::start(home.path(), &[]);
    let record = std::fs::read_to_string(home.path().join("server/cluster/data/postmaster.pid")).unwrap();
    let postgres = record.lines().next().unwrap().trim().parse().ok().and_then(Pid::from_raw).unwrap();

    kill_process(postgres, Signal::KILL).unwrap();

    let output = demo.child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("desk: the demo's private Postgres has ended by itself"), "{text}");
}

#[tokio::test]
async fn the_demo_keeps_its_database_until_it_is_reset() {
    let home = home();
    let first = Running::start(home.path(), &["--live", "--tickets", "20"]);
    assert_eq!(first.tickets().await, 100);
    let again = Running::start(home.path(), &["--tickets", "20"]);
    assert_eq!(again.url, first.url, "a second desk joins the first one's server");
    first.end();
    assert_eq!(again.tickets().await, 100, "nothing is added twice");
    again.end();
    let fresh = Running::start(home.path(), &["--reset"]);
    assert_eq!(fresh.tickets().await, 80);
    fresh.end();
}
