//! `desk migrate` and `desk doctor` as processes: what they print, how they exit, and killed while they work.

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::migrate::{CATALOG, all_steps, list};
use crate::support::{self, Database};
use kaygia_desk::desk::upkeep::Upkeep;

fn desk(database: &Database, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_desk"));
    command
        .args(arguments)
        .env("DATABASE_URL", database.owner_url())
        .env("HOME", "/nonexistent")
        .stdin(Stdio::null());
    command
}

async fn run(database: &Database, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut command = desk(database, arguments);
    let Output { status, stdout, stderr } =
        tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn check_only_reports_and_migrate_does() {
    let database = support::empty_database().await;
    let empty = format!("the database is empty; `desk migrate` creates it in {} steps\n", all_steps().len());
    assert_eq!(run(&database, &["migrate", "--check"]).await, (Some(1), empty, String::new()));
    assert_eq!(list(&database.client, "SELECT to_regnamespace('desk')").await, ["∅"]);
    let (code, said, progress) = run(&database, &["migrate"]).await;
    assert_eq!((code, said.as_str()), (Some(0), "the database was created\n"));
    assert!(progress.contains("0008_desk_fold\n"), "{progress}");
    let current = (Some(0), "the database is up to date\n".to_owned(), String::new());
    assert_eq!(run(&database, &["migrate", "--check"]).await, current);
    let (code, said, _) = run(&database, &["migrate", "--drizzle-baseline"]).await;
    assert_eq!(code, Some(0));
    assert_eq!(
        said,
        "the database is up to date\nthe web app's own migrator now takes the tables as they are\n"
    );
    let (code, said, _) = run(&database, &["doctor"]).await;
    assert_eq!(code, Some(0), "{said}");
    assert!(said.contains("fine     triggers    all "), "{said}");
    database.client.batch_execute("DROP TRIGGER desk_insert ON public.users").await.unwrap();
    let (code, said, _) = run(&database, &["doctor"]).await;
    assert_eq!(code, Some(1));
    assert!(said.contains("-> run `desk doctor --repair`\n"), "{said}");
    assert_eq!(run(&database, &["doctor", "--repair"]).await.0, Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_column_is_an_error_with_a_sentence_and_an_exit_code() {
    let database = support::database().await;
    database.client.batch_execute("ALTER TABLE public.projects DROP COLUMN requirements").await.unwrap();
    let (code, said, error) = run(&database, &["migrate"]).await;
    assert_eq!((code, said.as_str()), (Some(1), ""));
    assert!(
        error.starts_with("desk: the web app's tables have lost what the desk needs every day"),
        "{error}"
    );
    assert!(error.ends_with("\n  public.projects lacks the column requirements\n"), "{error}");
    let (code, said, _) = run(&database, &["migrate", "--check"]).await;
    assert_eq!(code, Some(1));
    assert!(said.contains("\nerror: public.projects lacks the column requirements\n"), "{said}");
    assert!(!said.contains("note: public.projects lacks"), "{said}");
}

/// The story: an operator's update went wrong, and nobody could say who had run what, and when.
#[tokio::test(flavor = "multi_thread")]
async fn what_operators_do_to_the_database_is_in_its_log() {
    let database = support::empty_database().await;
    let role = format!("{}_logged", database.name());
    database.client.batch_execute(&format!("CREATE ROLE {role} LOGIN")).await.unwrap();
    let commands: [&[&str]; 9] = [
        &["migrate", "--check"],
        &["grant", &role],
        &["migrate"],
        &["migrate"],
        &["migrate", "--drizzle-baseline"],
        &["migrate", "--drizzle-baseline"],
        &["doctor", "--repair"],
        &["grant", &role, "--pooled"],
        &["grant", "nobody-here"],
    ];
    let mut codes = Vec::new();
    for command in commands {
        codes.push(run(&database, command).await.0.unwrap());
    }
    let log = "SELECT concat_ws(' ', actor_kind, actor_id, action, entity, entity_id, before, after - 'steps', \
                 jsonb_array_length(after -> 'steps'), split_part(origin, ' ', 1) LIKE '_%@_%') FROM desk.events ORDER BY id";
    let log = list(&database.client, log).await;
    database.client.batch_execute(&format!("DROP OWNED BY {role}; DROP ROLE {role}")).await.unwrap();
    assert_eq!(codes, [1, 1, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(
        log,
        [
            format!("operator schema.migrate schema desk {{}} {} t", all_steps().len()),
            "operator schema.baseline schema drizzle {} t".to_owned(),
            "operator schema.repair schema desk {} t".to_owned(),
            format!("operator role.grant role {role} {{\"pooled\": true}} t"),
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_fit_is_refused_on_standard_error() {
    let database = support::empty_database().await;
    database.client.batch_execute("CREATE TYPE public.comment_sender AS ENUM ('CLIENT')").await.unwrap();
    let (code, said, error) = run(&database, &["migrate"]).await;
    assert_eq!((code, said.as_str()), (Some(1), ""));
    assert!(
        error.starts_with("desk: the desk can't work with this database, and changed nothing\n  the enum"),
        "{error}"
    );
    assert!(error.contains("\n  the enum public.comment_sender lacks the value ADMIN\n"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_addresses_get_one_sentence() {
    let database = support::empty_database().await;
    for (url, expected) in [
        ("nonsense", "desk: the database's address is not valid: write postgresql://user@host/database\n"),
        (
            "postgresql://u@127.0.0.1:1/d",
            "desk: 127.0.0.1:1: nothing listens at the database's address: is the server running, is the port right?\n",
        ),
        (
            "postgresql://u@%2Fnowhere/d",
            "desk: /nowhere/.s.PGSQL.5432: the database's socket does not exist: is the server running, is the folder right?\n",
        ),
    ] {
        let (code, said, error) = run(&database, &["migrate", "--database-url", url]).await;
        assert_eq!((code, said.as_str(), error.as_str()), (Some(1), "", expected));
    }
    let missing = database.owner_url().replace(database.name(), "not_there");
    let (code, _, error) = run(&database, &["doctor", "--database-url", &missing]).await;
    assert_eq!(code, Some(1));
    assert!(error.contains("database \"not_there\" does not exist: is the address right?\n"), "{error}");
}

/// The steps that the log tells of, each as often as it does.
const NOTED: &str = "SELECT s.name FROM desk.events AS e, jsonb_array_elements_text(e.after -> 'steps') AS s (name) \
                      WHERE e.action = 'schema.migrate' ORDER BY 1";

/// The story: an update was killed when all was done and nothing said. The log began with a database that nobody had made.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_killed_before_it_could_say_what_it_did_is_told_of_by_the_next() {
    let database = support::empty_database().await;
    for nth in 0.. {
        let upkeep = Upkeep::new(database.owner_url(), None, "test").unwrap();
        let (sender, killed) = tokio::sync::oneshot::channel();
        let (mut sender, mut reports) = (Some(sender), 0);
        // From one report of progress on each, the last of them after the last step.
        let mut watch = |_: String| {
            reports += 1;
            if reports > nth % 3 + 1 {
                let _ = sender.take().map(|sender| sender.send(()));
            }
        };
        let all_done = tokio::select! {
            biased;
            _ = killed => false,
            report = upkeep.migrate(&mut watch) => report.unwrap().is_current(),
        };
        if all_done {
            break;
        }
    }
    assert_eq!(list(&database.client, NOTED).await, all_steps());
    // All steps are done and none is told of, as after a kill behind the last one; and four come at once.
    let database = support::database().await;
    assert_eq!(list(&database.client, NOTED).await, [""; 0]);
    let desks = (0..4).map(|_| async {
        let upkeep = Upkeep::new(database.owner_url(), None, "test").unwrap();
        upkeep.migrate(&mut |_| {}).await.unwrap();
    });
    futures_util::future::join_all(desks).await;
    assert_eq!(list(&database.client, NOTED).await, all_steps());
}

/// Eight at once, all killed at some moment, twenty times over; then one that is left alone.
#[tokio::test(flavor = "multi_thread")]
async fn processes_killed_twenty_times_apply_each_step_once() {
    let database = support::empty_database().await;
    for round in 0..20_u64 {
        let mut children: Vec<_> = (0..if round == 19 { 8 } else { 2 })
            .map(|_| {
                desk(&database, &["migrate"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
            })
            .collect();
        // The moment of the kill is the input of this test, not a wait for something.
        tokio::time::sleep(Duration::from_millis(15 + round * 9)).await;
        for child in &mut children {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }
    let (code, _, error) = run(&database, &["migrate"]).await;
    assert_eq!(code, Some(0), "{error}");
    let done =
        list(&database.client, "SELECT name FROM desk.migrations WHERE state = 'done' ORDER BY 1").await;
    assert_eq!(done, all_steps());
    assert_eq!(list(&database.client, NOTED).await, all_steps());
    let own = support::database().await;
    assert_eq!(list(&database.client, CATALOG).await, list(&own.client, CATALOG).await);
}
