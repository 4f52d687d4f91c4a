//! `desk login`, `desk logout`, `desk sessions`: a session of the command line, and who may end whose.

use crate::pty::glass::Glass;
use crate::support::world::{World, world};
use rustix::process::Signal;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;
use tempfile::TempDir;

const PASSWORD: &str = "correct horse";

/// Staff with a password, and somebody's folder.
async fn desk() -> (World, TempDir) {
    let world = world().await;
    let hash = bcrypt::hash(PASSWORD, 4).unwrap();
    world.sql(&format!("UPDATE public.users SET password_hash = '{hash}'")).await;
    (world, TempDir::new().unwrap())
}

/// Runs a command with a line on standard input: whether it worked, and all that it said.
fn run(world: &World, state: &TempDir, arguments: &[&str], line: &str) -> (bool, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_desk"));
    command.args(arguments).env("DATABASE_URL", world.db.url()).env("HOME", state.path());
    for name in ["XDG_STATE_HOME", "XDG_CONFIG_HOME", "KAYGIA_DESK_CONFIG", "SSH_CONNECTION"] {
        command.env_remove(name);
    }
    command.env("KAYGIA_DESK_STATE_DIR", state.path()).env("TZ", "UTC");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(format!("{line}\n").as_bytes());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    (output.status.success(), said)
}

fn login(world: &World, state: &TempDir, user: &str) -> (bool, String) {
    run(world, state, &["login", "--email", &format!("{user}@example.test")], PASSWORD)
}

fn kept(state: &TempDir) -> Vec<PathBuf> {
    let files = std::fs::read_dir(state.path().join("login")).into_iter().flatten();
    files.map(|file| file.unwrap().path()).collect()
}

/// The story: a desk that was open with the earlier session removed the file of the new one when its own had ended.
#[tokio::test(flavor = "multi_thread")]
async fn a_new_login_is_kept_whatever_becomes_of_the_one_before() {
    let (world, state) = desk().await;
    assert!(login(&world, &state, "alan").0);
    let variables = [("KAYGIA_DESK_STAY_SIGNED_IN", "true")];
    let mut glass = Glass::desk_with(world.db.url(), &state, &variables);
    glass.shows("Nothing is yours");
    let (done, said) = login(&world, &state, "alan");
    assert!(done, "{said}");
    glass.shows("your session has ended");
    glass.signal(Signal::TERM);
    assert_eq!(glass.ends(Instant::now()).code, 143);
    let (done, said) = run(&world, &state, &["sessions"], "");
    assert!(done && said.contains("(this one)"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_logs_in_acts_until_logging_out() {
    let (world, state) = desk().await;
    let (_, refused) = run(&world, &state, &["sessions"], "");
    assert_eq!(refused, "desk: you are not signed in: sign in with `desk login`\n");
    let (done, said) = login(&world, &state, "alan");
    assert!(done && said.starts_with("Alan Turing is signed in until "), "{said}");
    assert!(said.contains("Unused for 15 min, it wants the password again."), "{said}");
    let [file] = kept(&state).try_into().unwrap();
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let token = std::fs::read_to_string(&file).unwrap();
    assert_eq!(world.value("SELECT token_hash LIKE '%' || left('x', 0) FROM desk.sessions").await, "true");
    assert_ne!(
        world.value("SELECT token_hash FROM desk.sessions").await,
        token.trim(),
        "at rest it is hashed"
    );
    let (done, said) = run(&world, &state, &["sessions"], "");
    assert!(done && said.contains("Alan Turing <alan@example.test> SUPER_ADMIN"), "{said}");
    assert!(said.contains("uid ") && said.ends_with("(this one)\n"), "{said}");
    assert!(login(&world, &state, "alan").0);
    assert_eq!(world.value("SELECT count(*) FROM desk.sessions").await, "1", "the new one takes its place");
    assert_eq!(run(&world, &state, &["logout"], ""), (true, "You are signed out.\n".to_owned()));
    assert_eq!(world.value("SELECT count(*) FROM desk.sessions").await, "0");
    assert!(kept(&state).is_empty());
    assert_eq!(run(&world, &state, &["logout"], ""), (true, "Nobody was signed in here.\n".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_keeps_nothing_and_says_no_more_than_the_screen() {
    let (world, state) = desk().await;
    for user in ["alan", "nobody"] {
        let email = format!("{user}@example.test");
        let refused = run(&world, &state, &["login", "--email", &email], "wrong");
        assert_eq!(refused, (false, "desk: wrong e-mail or password, or no access to the desk\n".to_owned()));
        let again = run(&world, &state, &["login", "--email", &email], PASSWORD);
        assert_eq!(again, (false, "desk: too many attempts: try again in 1 s\n".to_owned()), "{user}");
        world.sql("TRUNCATE desk.sign_ins").await;
    }
    assert!(kept(&state).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_lies_unused_or_is_old_or_was_seen_by_others_is_no_good() {
    let (world, state) = desk().await;
    let ended = (false, "desk: your session has ended: sign in again with `desk login`\n".to_owned());
    for change in [
        "last_seen_at = last_seen_at - interval '15 minutes'",
        "expires_at = expires_at - interval '12 hours'",
        "role = 'ADMIN'",
        "password_mark = ''",
    ] {
        assert!(login(&world, &state, "alan").0);
        assert!(run(&world, &state, &["sessions"], "").0);
        world.sql(&format!("UPDATE desk.sessions SET {change}")).await;
        assert_eq!(run(&world, &state, &["sessions"], ""), ended, "{change}");
    }
    assert!(login(&world, &state, "alan").0);
    let [file] = kept(&state).try_into().unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let (done, said) = run(&world, &state, &["sessions"], "");
    assert!(!done && said.contains("may have been read by others"), "{said}");
    std::fs::set_permissions(state.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let (done, said) = run(&world, &state, &["sessions"], "");
    assert!(!done && said.contains("others can write there; run `chmod go-w"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_super_admin_ends_sessions_and_everybody_their_own() {
    let (world, state) = desk().await;
    let (ada, alan) = (TempDir::new().unwrap(), state);
    assert!(login(&world, &alan, "alan").0 && login(&world, &ada, "ada").0);
    let id = async |user: &str| {
        world.value(&format!("SELECT left(id, 8) FROM desk.sessions WHERE user_id = '{user}'")).await
    };
    let (_, said) = run(&world, &ada, &["sessions"], "");
    assert!(said.contains("ada@") && !said.contains("alan@"), "an ADMIN sees no other's: {said}");
    let (done, said) = run(&world, &ada, &["sessions", "end", &id("alan").await], "");
    assert!(!done && said.contains("there is no session"), "{said}");
    let ended = run(&world, &alan, &["sessions", "end", &id("ada").await], "");
    assert_eq!(ended, (true, "1 session ended.\n".to_owned()));
    assert!(run(&world, &ada, &["sessions"], "").1.contains("your session has ended"));
    assert!(login(&world, &ada, "ada").0);
    let by_address = run(&world, &alan, &["sessions", "end", "--user", " ADA@example.test"], "");
    assert_eq!(by_address, (true, "1 session ended.\n".to_owned()));
    let log = "SELECT string_agg(concat_ws(' ', actor_kind, actor_id, before), ',') FROM desk.events WHERE action = 'session.end'";
    assert_eq!(world.value(log).await, r#"staff alan {"user": "ada"},staff alan {"user": "ada"}"#);
    assert!(login(&world, &ada, "ada").0);
    assert!(run(&world, &ada, &["sessions", "end", &id("ada").await], "").0, "one's own");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_holds_the_address_ends_sessions_while_nobody_administers() {
    let (world, state) = desk().await;
    world.sql("UPDATE public.users SET active = false WHERE role = 'SUPER_ADMIN'").await;
    let _ada = world.token("ada").await;
    let (done, said) = run(&world, &state, &["sessions"], "");
    assert!(done && said.contains("Ada Lovelace"), "{said}");
    let ended = run(&world, &state, &["sessions", "end", "--user", "ada@example.test"], "");
    assert_eq!(ended, (true, "1 session ended.\n".to_owned()));
}
