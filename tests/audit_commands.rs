//! `desk audit verify` and `desk audit export` as processes: what they say, write, and end with.

use crate::support::world::{World, assign, world};
use kaygia_desk::auth::SessionToken;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

fn command(world: &World, token: Option<&SessionToken>, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_desk"));
    command.args(arguments).env("DATABASE_URL", world.db.url()).env("HOME", "/nonexistent").env("TZ", "UTC");
    for name in ["XDG_STATE_HOME", "XDG_CONFIG_HOME", "KAYGIA_DESK_CONFIG", "KAYGIA_DESK_SESSION"] {
        command.env_remove(name);
    }
    if let Some(token) = token {
        command.env("KAYGIA_DESK_SESSION", token.expose());
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

async fn desk(
    world: &World,
    token: Option<&SessionToken>,
    arguments: &[&str],
) -> (Option<i32>, String, String) {
    let mut command = command(world, token, arguments);
    let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let Output { status, stdout, stderr } = output;
    (status.code(), String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap())
}

/// Events of Ada's, as many as asked for.
async fn logged(world: &World, events: u32) {
    let events = format!(
        "INSERT INTO desk.events (actor_kind, actor_id, action, entity, entity_id, before, after, origin) \
         SELECT 'staff', 'ada', 'ticket.status', 'ticket', 't' || n, '{{\"status\": \"OPEN\"}}', '{{\"status\": \"PENDING\"}}', 'ada@desk 7' \
           FROM generate_series(1, {events}) AS n"
    );
    world.sql(&events).await;
}

/// As the owner of the database, who switches the triggers off.
async fn tamper(world: &World, statement: &str) {
    let statement =
        format!("SET session_replication_role = replica; {statement}; SET session_replication_role = origin");
    world.sql(&statement).await;
}

/// The story: somebody with the owner's password moved a deed to a colleague, and `verify` in a nightly job went on
/// ending with 0.
#[tokio::test(flavor = "multi_thread")]
async fn verify_ends_with_1_and_names_what_was_tampered_with() {
    let world = world().await;
    logged(&world, 30).await;
    let verify = async |arguments: &[&str]| {
        let (code, said, error) = desk(&world, None, &[&["audit", "verify"], arguments].concat()).await;
        assert_eq!(error, "");
        (code, said)
    };
    let (code, said) = verify(&[]).await;
    let head = said.lines().find_map(|line| line.strip_prefix("head ")).unwrap().to_owned();
    let whole = "30 events under 1 seal, and 0 not sealed yet, are as they were written.\n";
    let keep = "Keep the head outside of this database: with --head a later run tells whether the end was cut off.\n";
    assert_eq!((code, said), (Some(0), format!("{whole}head {head}\n{keep}")));
    assert_eq!(verify(&["--head", &head]).await, (Some(0), format!("{whole}head {head}\n")));
    tamper(&world, "UPDATE desk.events SET actor_id = 'alan' WHERE id = 7").await;
    let found = "TAMPERED: event 7 was changed after it was written\n\
                 Before that, 0 events under 0 seals are as they were written.\n";
    assert_eq!(verify(&[]).await, (Some(1), found.to_owned()));
    tamper(&world, "UPDATE desk.events SET actor_id = 'ada' WHERE id = 7").await;
    assert_eq!(verify(&[]).await.0, Some(0), "as it was");
    tamper(&world, "DELETE FROM desk.events WHERE id > 20; DELETE FROM desk.seals").await;
    assert_eq!(verify(&[]).await.0, Some(0), "what is left fits together");
    let (code, said) = verify(&["--head", &head]).await;
    assert_eq!(code, Some(1));
    assert!(
        said.starts_with("TAMPERED: no seal has the noted head: the end of the log was cut off"),
        "{said}"
    );
    let (code, out, error) = desk(&world, None, &["audit", "verify", "--head", "abc"]).await;
    let sentence = "desk: --head takes the 64 hexadecimal digits that an earlier run printed\n";
    assert_eq!((code, out.as_str(), error.as_str()), (Some(1), "", sentence));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_written_in_both_formats_and_is_itself_in_the_log() {
    let world = world().await;
    world.sql("UPDATE public.users SET password_hash = 'x', name = CASE id WHEN 'ada' THEN '=cmd(\"a\", 1)' ELSE name END").await;
    world.ticket("t", "grace", "OPEN", "1 hour").await;
    let (ada, alan) = (world.actor("ada").await, world.token("alan").await);
    world.execute(&ada, assign("t", None, Some("alan"))).await.unwrap();
    let (code, out, error) = desk(&world, Some(&alan), &["audit", "export"]).await;
    assert_eq!((code, error.as_str()), (Some(0), ""));
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let actions: Vec<&str> = lines.iter().map(|line| line["action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["audit.export", "ticket.assign"], "newest first");
    assert_eq!((lines[0]["person"].as_str(), lines[0]["name"].as_str()), (Some("alan"), Some("Alan Turing")));
    let assigned = serde_json::json!([{ "field": "assignee_id", "before": null, "after": "Alan Turing" }]);
    assert_eq!((&lines[1]["values"], lines[1]["subject"].as_str()), (&assigned, Some("N-t")));
    let keys: BTreeSet<&str> = lines[1].as_object().unwrap().keys().map(String::as_str).collect();
    let head = "id,at,kind,person,name,action,entity,entity_id,subject,values,undoes,origin,link";
    assert_eq!(keys, head.split(',').collect());

    let folder = TempDir::new().unwrap();
    let file = folder.path().join("log.csv");
    let path = file.to_str().unwrap();
    let csv = ["audit", "export", "--format", "csv", "--action", "ticket.", "--output", path];
    let said = desk(&world, Some(&alan), &csv).await;
    assert_eq!(said, (Some(0), String::new(), format!("desk: 1 event in {path}\n").replace("desk: ", "")));
    let text = fs::read_to_string(&file).unwrap();
    let rows: Vec<&str> = text.split("\r\n").collect();
    assert_eq!((rows[0], rows.len()), (head, 3), "{text}");
    assert!(rows[1].contains(",staff,ada,\"'=cmd(\"\"a\"\", 1)\",ticket.assign,ticket,t,N-t,"), "{text}");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let (code, _, error) = desk(&world, Some(&alan), &csv).await;
    assert_eq!(
        (code, error),
        (Some(1), format!("desk: {path} is there already, and stays as it is: name a new file\n"))
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    let nowhere = folder.path().join("none/log.csv");
    let (code, _, error) =
        desk(&world, Some(&alan), &["audit", "export", "--output", nowhere.to_str().unwrap()]).await;
    assert!(code == Some(1) && error.contains("none/log.csv could not be made: No such file"), "{error}");
    for (filter, found) in [
        (&["--person", "ada"][..], 1),
        (&["--person", "operator"], 0),
        (&["--since", "2999-01-01"], 0),
        (&["--until", "2001-01-01"], 0),
        (&["--action", "ticket.assign", "--person", "ada", "--since", "2026-01-01"], 1),
    ] {
        let (code, out, _) = desk(&world, Some(&alan), &[&["audit", "export"], filter].concat()).await;
        assert_eq!((code, out.lines().count()), (Some(0), found), "{filter:?}: {out}");
    }
    let (code, _, error) = desk(&world, Some(&alan), &["audit", "export", "--since", "monday"]).await;
    assert_eq!((code, error.as_str()), (Some(1), "desk: `monday` is no day: write it like 2026-11-20\n"));
    let refused = folder.path().join("refused.json");
    let ada = world.token("ada").await;
    let (code, _, error) =
        desk(&world, Some(&ada), &["audit", "export", "--output", refused.to_str().unwrap()]).await;
    assert!(code == Some(1) && !refused.exists(), "nothing is left that could pass for an export: {error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_but_a_super_administrator_exports_and_the_attempt_is_in_the_log() {
    let world = world().await;
    world.sql("UPDATE public.users SET password_hash = 'x'").await;
    let (code, out, error) = desk(&world, None, &["audit", "export"]).await;
    assert_eq!((code, out.as_str()), (Some(1), ""));
    assert_eq!(error, "desk: you are not signed in: sign in with `desk login`\n");
    let ada = world.token("ada").await;
    let (code, out, error) = desk(&world, Some(&ada), &["audit", "export"]).await;
    assert_eq!((code, out.as_str()), (Some(1), ""), "{error}");
    let log =
        "SELECT string_agg(concat_ws(' ', actor_id, action, after ->> 'command'), '; ') FROM desk.events";
    assert_eq!(world.value(log).await, "ada denied audit.export");
}

/// The most memory that a process has held so far.
fn most(id: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_of_any_length_is_written_as_it_is_read() {
    let world = world().await;
    logged(&world, 12_000).await;
    world.sql("ANALYZE desk.events").await;
    let mut child = command(&world, None, &["audit", "export"]).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let (first, last) = tokio::task::block_in_place(|| {
        let mut read = |lines_read: usize| {
            assert_eq!(lines.by_ref().take(lines_read).map(Result::unwrap).count(), lines_read);
            // What is not read yet is more than a pipe holds: the process is still there.
            most(child.id())
        };
        (read(1_000), read(10_000))
    });
    println!("most memory after 1,000 and after 11,000 events: {first} and {last} kB");
    assert!(last < first + 6_000, "{first} kB grew to {last} kB");
    // Whoever reads no more ends it, with a sentence.
    drop(lines);
    let output = tokio::task::block_in_place(|| child.wait_with_output().unwrap());
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        (output.status.code(), said.as_str()),
        (Some(1), "desk: the export could not be written: Broken pipe (os error 32)\n")
    );
}
