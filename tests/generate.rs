//! The generator: counts, determinism, agreement with the fold, and manners towards rows that are there already.

use std::process::Command;

use crate::support::{self, Database};
use kaygia_desk::domain::time::Timestamp;
use kaygia_desk::store::demo;
use kaygia_desk::store::generate::{self, Generated, Plan};

/// Monday 5 January 2026, 10:00 UTC.
const MONDAY: Timestamp = Timestamp::from_micros(1_767_607_200_000_000);
/// Large enough for every status, type and kind of waiting.
const PLAN: Plan = Plan::of(600);

async fn generated(plan: Plan, now: Timestamp) -> Database {
    let mut db = support::database().await;
    generate::run(&mut db.client, plan, now, |_| {}).await.unwrap();
    db
}

async fn number(db: &Database, sql: &str) -> i64 {
    db.client.query_one(sql, &[]).await.unwrap().get(0)
}

/// A digest of every generated row, versions apart.
async fn digest(db: &Database) -> String {
    let row = db
        .client
        .query_one(
            "SELECT md5(string_agg(line, '|' ORDER BY line)) FROM (
               SELECT to_jsonb(t)::text FROM public.users t
               UNION ALL SELECT to_jsonb(t)::text FROM public.projects t
               UNION ALL SELECT to_jsonb(t)::text FROM public.support_tickets t
               UNION ALL SELECT to_jsonb(t)::text FROM public.ticket_comments t
               UNION ALL SELECT (to_jsonb(t) - 'version')::text FROM desk.tickets t
               UNION ALL SELECT (to_jsonb(t) - 'version')::text FROM desk.projects t
               UNION ALL SELECT (to_jsonb(t) - 'version')::text FROM desk.users t
               UNION ALL SELECT to_jsonb(t)::text FROM desk.reads t) AS row (line)",
            &[],
        )
        .await
        .unwrap();
    row.get(0)
}

#[tokio::test]
async fn a_fill_has_the_shape_that_the_benches_rely_on() {
    let db = generated(PLAN, MONDAY).await;
    assert_eq!(
        generate::generated(&db.client).await.unwrap(),
        Generated { tickets: 600, users: 200, projects: 100 }
    );
    let staff = number(&db, "SELECT count(*) FROM public.users WHERE role <> 'CLIENT'").await;
    assert_eq!(staff, 12 + 1, "twelve and the one for benches");
    let longest = "SELECT max(comment_count)::bigint FROM desk.tickets";
    assert_eq!(number(&db, longest).await, 1000);
    for (what, least) in [
        ("SELECT count(DISTINCT status) FROM public.support_tickets", 4),
        ("SELECT count(DISTINCT status) FROM public.projects", 6),
        ("SELECT count(DISTINCT type) FROM public.projects", 7),
        ("SELECT count(DISTINCT priority) FROM desk.tickets", 4),
        ("SELECT count(DISTINCT assignee_id) FROM desk.tickets", 12),
        ("SELECT count(*) FROM desk.tickets WHERE assignee_id IS NULL", 1),
        ("SELECT count(*) FROM desk.tickets WHERE active AND waiting_since IS NOT NULL", 1),
        ("SELECT count(*) FROM desk.tickets WHERE active AND waiting_since IS NULL", 1),
        ("SELECT count(*) FROM desk.reads", 100),
        ("SELECT count(*) FROM public.projects WHERE end_date < '2026-01-05' AND status = 'IN_PROGRESS'", 1),
    ] {
        let found = number(&db, what).await;
        assert!(found >= least, "{what}: {found}");
    }
    let future = "SELECT count(*) FROM desk.tickets WHERE last_activity_at >= '2026-01-05'";
    assert_eq!(number(&db, future).await, 0, "everything lies before the day's start");
}

#[tokio::test]
async fn the_same_seed_on_the_same_day_gives_the_same_rows_in_any_number_of_runs() {
    let evening = MONDAY.after(std::time::Duration::from_secs(9 * 3600));
    let (first, mut second) = tokio::join!(generated(PLAN, MONDAY), generated(PLAN, evening));
    assert_eq!(digest(&first).await, digest(&second).await);
    let other = generated(Plan { seed: 2, ..PLAN }, MONDAY).await;
    assert_ne!(digest(&first).await, digest(&other).await);
    let again = generate::run(&mut second.client, PLAN, MONDAY, |_| {}).await.unwrap();
    assert_eq!(again.tickets, PLAN.tickets);
    assert_eq!(digest(&first).await, digest(&second).await, "a second run finds nothing to do");
}

#[tokio::test]
async fn the_fold_finds_nothing_to_correct() {
    let db = generated(PLAN, MONDAY).await;
    assert_eq!(number(&db, "SELECT count(*) FROM desk.stale").await, 0);
    let before = digest(&db).await;
    db.client
        .batch_execute(
            "INSERT INTO desk.stale (kind) VALUES ('ticket'), ('project'), ('user');
             DO $$ BEGIN WHILE (SELECT more FROM desk.fold(500)) LOOP END LOOP; END $$",
        )
        .await
        .unwrap();
    assert_eq!(before, digest(&db).await);
}

#[tokio::test]
async fn rows_that_are_there_already_stay_and_numbers_go_on() {
    let mut db = support::database().await;
    demo::fill(&mut db.client, MONDAY).await.unwrap();
    assert!(generate::has_others(&db.client).await.unwrap());
    generate::run(&mut db.client, PLAN, MONDAY, |_| {}).await.unwrap();
    assert_eq!(number(&db, "SELECT count(*) FROM public.support_tickets").await, 680);
    assert_eq!(number(&db, "SELECT max(number_value) FROM desk.tickets").await, 1680);
    let ada = "SELECT count(*) FROM desk.tickets AS t JOIN public.users AS u ON u.id = t.assignee_id
               WHERE u.email = 'ada@kaygia.example'";
    assert!(number(&db, ada).await > 20, "generated tickets are spread over the staff of the demo too");
}

#[tokio::test]
async fn a_larger_plan_tops_up_and_only_generated_tickets_count() {
    let mut db = generated(Plan::of(50), MONDAY).await;
    assert!(!generate::has_others(&db.client).await.unwrap());
    let mut seen = Vec::new();
    generate::run(&mut db.client, Plan::of(80), MONDAY, |progress| seen.push(progress)).await.unwrap();
    assert_eq!(generate::generated(&db.client).await.unwrap().tickets, 80);
    assert!(seen.iter().all(|progress| progress.done <= progress.total));
}

/// `desk generate` on a database.
fn desk(url: &str, arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_desk"))
        .arg("generate")
        .args(arguments)
        .env("DATABASE_URL", url)
        .env("HOME", "/nonexistent")
        .output()
        .unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn the_command_fills_a_migrated_database_and_tells_what_is_there() {
    let db = support::database().await;
    let (code, text) = desk(db.owner_url(), &["--tickets", "30"]);
    assert_eq!(code, Some(0), "{text}");
    assert!(text.starts_with("30 generated tickets, 200 accounts and 100 projects are there.\n"), "{text}");
    assert_eq!(number(&db, "SELECT count(*) FROM desk.tickets").await, 30);
    assert_eq!(number(&db, "SELECT count(*) FROM desk.events WHERE action = 'database.generate'").await, 1);
}

#[tokio::test]
async fn the_command_refuses_what_is_not_migrated_or_not_only_generated() {
    let empty = support::empty_database().await;
    let (code, text) = desk(empty.owner_url(), &["--size", "S"]);
    assert_eq!(
        (code, text.as_str()),
        (Some(1), "desk: this database is not ready; run `desk migrate` first\n")
    );

    let mut db = support::database().await;
    demo::fill(&mut db.client, MONDAY).await.unwrap();
    let (code, text) = desk(db.owner_url(), &["--tickets", "30"]);
    assert_eq!(code, Some(1));
    assert!(text.contains("--yes-add"), "{text}");
    assert_eq!(number(&db, "SELECT count(*) FROM desk.tickets").await, 80);
    assert_eq!(desk(db.owner_url(), &["--tickets", "30", "--yes-add"]).0, Some(0));
    assert_eq!(number(&db, "SELECT count(*) FROM desk.tickets").await, 110);
}
