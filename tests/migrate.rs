//! The migrator: what it makes of an empty database, and that each step is applied once whatever happens.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use kaygia_desk::store::migrate::steps::STEPS;
use kaygia_desk::store::migrate::{self, Progress, Readiness, Report, State};
use kaygia_desk::store::pool::connect::Connector;
use kaygia_desk::store::pool::{self, Options};
use tokio_postgres::Client;

use crate::support::{self, Database};

pub fn connector(database: &Database) -> Connector {
    pool::connector(database.owner_url(), Options::MAINTENANCE).unwrap()
}

pub async fn migrate(database: &Database) -> Report {
    migrate::run(&connector(database), &mut |_| {}).await.unwrap()
}

/// The names of all steps, in order.
pub fn all_steps() -> Vec<&'static str> {
    STEPS.iter().map(|step| step.name).collect()
}

/// First columns of all rows, as text.
pub async fn list(db: &Client, statement: &str) -> Vec<String> {
    db.simple_query(statement)
        .await
        .unwrap()
        .into_iter()
        .filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|i| row.get(i).unwrap_or("∅")).collect::<Vec<_>>().join(" | "))
            }
            _ => None,
        })
        .collect()
}

/// Everything in `public` that the schema document speaks of. From 18 on NOT NULL is a constraint too: the columns tell it.
pub const CATALOG: &str = "
    SELECT 'column ' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod)
           || CASE WHEN a.attnotnull THEN ' not null' ELSE '' END
           || coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '') AS line
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
      LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT 'constraint ' || conname || ' on ' || conrelid::regclass || ' ' || pg_get_constraintdef(oid)
      FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND contype <> 'n'
    UNION ALL
    SELECT 'enum ' || t.typname || ' ' || string_agg(e.enumlabel, ',' ORDER BY e.enumsortorder)
      FROM pg_type t JOIN pg_enum e ON e.enumtypid = t.oid
     WHERE t.typnamespace = 'public'::regnamespace GROUP BY t.typname
    UNION ALL
    SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
    UNION ALL
    SELECT 'object ' || relkind::text || ' ' || relname FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind NOT IN ('r', 'i')
    UNION ALL
    SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
    ORDER BY 1";

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_database_becomes_the_documented_one() {
    let database = support::empty_database().await;
    let report = migrate(&database).await;
    assert_eq!(report.state, State::Empty);
    assert_eq!(report.applied, all_steps());
    assert_eq!(report.operator, [""; 0]);
    assert!(report.is_current());
    insta::assert_snapshot!(list(&database.client, CATALOG).await.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_run_changes_nothing() {
    let database = support::empty_database().await;
    migrate(&database).await;
    let before = list(&database.client, "SELECT * FROM desk.migrations ORDER BY name").await;
    let report = migrate(&database).await;
    assert_eq!(report.state, State::Ours);
    assert_eq!(report.applied, [""; 0]);
    assert_eq!(list(&database.client, "SELECT * FROM desk.migrations ORDER BY name").await, before);
    assert_eq!(before.len(), STEPS.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_processes_at_once_apply_each_step_once() {
    let database = support::empty_database().await;
    let applied = Mutex::new(Vec::new());
    let runs = (0..8).map(|_| async {
        let report = migrate::run(&connector(&database), &mut |_| {}).await.unwrap();
        applied.lock().unwrap().extend(report.applied);
    });
    futures_util::future::join_all(runs).await;
    let mut applied = applied.into_inner().unwrap();
    applied.sort_unstable();
    assert_eq!(applied, all_steps());
    let done =
        list(&database.client, "SELECT name FROM desk.migrations WHERE state = 'done' ORDER BY 1").await;
    assert_eq!(done, all_steps());
}

/// Killing a process ends its connection at any point: here after each of its reports of progress.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_killed_at_any_point_is_finished_by_the_next() {
    let database = support::empty_database().await;
    let (kill_at, mut kills) = (AtomicUsize::new(0), 0);
    loop {
        let reports = AtomicUsize::new(0);
        let limit = kill_at.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = tokio::sync::oneshot::channel();
        let sender = Mutex::new(Some(sender));
        let mut watch = |_: Progress| {
            if reports.fetch_add(1, Ordering::Relaxed) == limit
                && let Some(sender) = sender.lock().unwrap().take()
            {
                let _ = sender.send(());
            }
        };
        let connector = connector(&database);
        let ended = tokio::select! {
            biased;
            _ = receiver => None,
            report = migrate::run(&connector, &mut watch) => Some(report.unwrap()),
        };
        match ended {
            Some(report) => {
                assert!(report.is_current());
                break;
            }
            None => kills += 1,
        }
    }
    assert!(kills > 5, "killed {kills} times");
    let done =
        list(&database.client, "SELECT name FROM desk.migrations WHERE state = 'done' ORDER BY 1").await;
    assert_eq!(done, all_steps());
    let other = support::empty_database().await;
    migrate(&other).await;
    assert_eq!(list(&database.client, CATALOG).await, list(&other.client, CATALOG).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_was_killed_goes_on_where_it_was() {
    let database = support::database().await;
    let db = &database.client;
    db.batch_execute(
        "INSERT INTO public.users (id, email) SELECT 'u' || n, n || '@example.org' FROM generate_series(1, 4100) n;
         DELETE FROM desk.stale; DELETE FROM desk.users;
         UPDATE desk.migrations SET state = 'running', progress = NULL WHERE name = '0014_desk_backfill_users'",
    )
    .await
    .unwrap();
    let (sender, receiver) = tokio::sync::oneshot::channel();
    let mut sender = Some(sender);
    let mut watch = |progress| {
        if matches!(progress, Progress::Batch(..)) {
            let _ = sender.take().map(|sender| sender.send(()));
        }
    };
    let connector = connector(&database);
    tokio::select! {
        biased;
        _ = receiver => {}
        _ = migrate::run(&connector, &mut watch) => panic!("finished before it was killed"),
    }
    assert_eq!(list(db, "SELECT count(*) FROM desk.users").await, ["2000"]);
    let progress =
        list(db, "SELECT state, progress FROM desk.migrations WHERE name = '0014_desk_backfill_users'").await;
    assert_eq!(progress, list(db, "SELECT 'running', max(user_id) FROM desk.users").await);
    assert!(migrate(&database).await.is_current());
    assert_eq!(list(db, "SELECT count(*) FROM desk.users").await, ["4100"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_step_means_that_a_newer_desk_was_here() {
    let database = support::database().await;
    database
        .client
        .batch_execute("INSERT INTO desk.migrations (name, checksum, kind, state) VALUES ('9999_later', 'x', 'tx', 'done')")
        .await
        .unwrap();
    let report = migrate(&database).await;
    assert_eq!(report.state, State::Newer(vec!["9999_later".to_owned()]));
    assert!(!report.is_current());
    assert_eq!(migrate::readiness(&database.client).await.unwrap(), Readiness::Newer);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_applied_with_another_text_is_refused() {
    let database = support::database().await;
    database
        .client
        .batch_execute("UPDATE desk.migrations SET checksum = 'x' WHERE name = '0006_desk_tables'")
        .await
        .unwrap();
    let State::Refused(why) = migrate(&database).await.state else { panic!("not refused") };
    assert_eq!(why, ["the step 0006_desk_tables was applied with another text than this desk's"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn readiness_tells_the_states_apart() {
    let database = support::empty_database().await;
    assert_eq!(migrate::readiness(&database.client).await.unwrap(), Readiness::NotMigrated);
    migrate(&database).await;
    assert_eq!(migrate::readiness(&database.client).await.unwrap(), Readiness::Ready);
    database.client.batch_execute("DELETE FROM desk.migrations WHERE name LIKE '0017%'").await.unwrap();
    assert_eq!(migrate::readiness(&database.client).await.unwrap(), Readiness::Older);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_baseline_row_is_written_once_and_only_on_request() {
    let database = support::database().await;
    let there = "SELECT to_regclass('drizzle.__drizzle_migrations') IS NOT NULL";
    assert_eq!(list(&database.client, there).await, ["f"]);
    assert!(migrate::drizzle_baseline(&connector(&database)).await.unwrap());
    assert!(!migrate::drizzle_baseline(&connector(&database)).await.unwrap());
    // The web app's migrator applies what is later than the newest row: nothing that exists today.
    let covers = "SELECT count(*), bool_and(abs(created_at / 1000 - extract(epoch FROM now())) < 60)
                    FROM drizzle.__drizzle_migrations";
    assert_eq!(list(&database.client, covers).await, ["1 | t"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn looking_needs_no_right() {
    let database = support::empty_database().await;
    migrate(&database).await;
    let role = format!("looker_{}", database.name());
    database
        .client
        .batch_execute(&format!("CREATE ROLE {role}; GRANT USAGE ON SCHEMA desk TO {role}; GRANT SELECT ON desk.migrations TO {role}; SET ROLE {role}"))
        .await
        .unwrap();
    assert_eq!(migrate::inspect(&database.client).await.unwrap().state, State::Ours);
    database
        .client
        .batch_execute(&format!("RESET ROLE; DROP OWNED BY {role}; DROP ROLE {role}"))
        .await
        .unwrap();
}
