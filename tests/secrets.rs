//! Planted secrets: none gets to where somebody else could read it.

use crate::pty::glass::{Glass, environment};
use crate::pty::start::{desk, leave};
use portable_pty::CommandBuilder;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

/// What stands for a secret of each kind; none occurs anywhere else.
const URL: &str = "planted-1-of-the-url";
const LISTEN: &str = "planted-2-of-the-listener";
const LIBPQ: &str = "planted-3-of-libpq";
const OWN: &str = "planted-4-of-a-later-setting";
const TYPED: &str = "planted-5-typed-wrongly";

/// All that a folder holds, names and contents.
fn contents(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            all.extend(path.to_string_lossy().bytes());
            if path.is_dir() {
                open.push(path);
            } else {
                all.extend(fs::read(&path).unwrap());
            }
        }
    }
    all
}

fn holds(place: &str, bytes: &[u8], secret: &str) {
    let found = bytes.windows(secret.len()).any(|part| part == secret.as_bytes());
    assert!(!found, "{secret} is in {place}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_planted_secret_is_found_anywhere() {
    let (world, state) = desk().await;
    // The editor is any program that we start: it sees our environment, and all processes.
    let editor = "f() { env > \"$HOME/env\"; cat /proc/self/environ > \"$HOME/environ\"; ps -ewwo args > \"$HOME/ps\"; \
                  cat /proc/$PPID/limits > \"$HOME/limits\"; printf ' and seen' >> \"$1\"; }; f";
    // Our server trusts its socket: any password will do.
    let with = |password: &str| {
        let (_, rest) = world.db.url().split_once("//").unwrap();
        let (role, host) = (rest.split(':').next().unwrap(), rest.split_once('@').unwrap().1);
        format!("postgresql://{role}:{password}@{host}")
    };
    let token = world.token("ada").await;
    let session = token.expose().to_owned();
    let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_desk"));
    environment(&mut command, state.path());
    for (name, value) in [
        ("DATABASE_URL", with(URL).as_str()),
        ("KAYGIA_DESK_LISTEN_URL", with(LISTEN).as_str()),
        ("KAYGIA_DESK_SESSION", session.as_str()),
        ("KAYGIA_DESK_SMTP_PASSWORD", OWN),
        ("PGPASSWORD", LIBPQ),
        ("KAYGIA_DESK_LOG", "trace"),
        ("EDITOR", editor),
    ] {
        command.env(name, value);
    }
    let mut glass = Glass::run(command);
    glass.shows("Nothing is yours");
    glass.keys("2");
    glass.shows("Subject of t1");
    glass.write_reply("written here");
    glass.keys("\x18\x05");
    glass.shows("and seen");
    let read = |name: &str| fs::read(state.path().join(name)).unwrap();
    let secrets = [URL, LISTEN, LIBPQ, OWN, session.as_str()];
    for place in ["env", "environ", "ps"] {
        let bytes = read(place);
        assert!(bytes.len() > 100, "{place} tells nothing");
        for secret in secrets {
            holds(place, &bytes, secret);
        }
    }
    let limits = String::from_utf8(read("limits")).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"], "core files are off: {core}");
    glass.keys("\x1b");
    glass.shows("Send to Grace Hopper");
    glass.keys("n");
    glass.wait("the review to close", |screen| !screen.contents().contains("Send to Grace Hopper"));
    assert_eq!(leave(&mut glass).code, 0);
    for secret in secrets {
        holds("the terminal", &glass.bytes(), secret);
        holds("the files", &contents(state.path()), secret);
    }
    // Once more, typed: a wrong password, and the right one.
    let variables = [("KAYGIA_DESK_LOG", "trace")];
    let mut glass = Glass::desk_with(world.db.url(), &state, &variables);
    glass.shows("Password");
    glass.keys(&format!("ada@example.test\t{TYPED}\r"));
    glass.shows("wrong e-mail or password");
    // The next attempt would have to wait.
    world.sql("TRUNCATE desk.sign_ins").await;
    glass.keys("\x15correct horse\r");
    glass.shows("Nothing is yours");
    // Something for the log.
    world
        .sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
        .await;
    glass.keys("2");
    glass.shows("Subject of t1");
    assert_eq!(leave(&mut glass).code, 0);
    let log = fs::read(state.path().join("desk.log")).unwrap();
    assert!(!log.is_empty());
    for secret in [TYPED, "correct horse"] {
        holds("the terminal", &glass.bytes(), secret);
        holds("the files", &contents(state.path()), secret);
    }
    // And a mistake of the desk's own, while a password stands in its field.
    let variables = [
        ("DATABASE_URL", with(URL)),
        ("KAYGIA_DESK_SMTP_PASSWORD", OWN.to_owned()),
        ("KAYGIA_DESK_LOG", "trace".to_owned()),
        ("KAYGIA_DESK_MISTAKE", "update".to_owned()),
    ];
    let variables = variables.each_ref().map(|(name, value)| (*name, value.as_str()));
    let mut glass = Glass::desk_with(&with(URL), &state, &variables);
    glass.shows("Password");
    glass.keys(&format!("ada@example.test\t{TYPED}"));
    glass.shows("*******");
    glass.signal(rustix::process::Signal::USR1);
    assert_eq!(glass.ends(Instant::now()).code, 101);
    assert!(
        glass.text().replace('\n', "").contains("stopped because of a mistake in itself"),
        "{}",
        glass.text()
    );
    for secret in [URL, OWN, TYPED] {
        holds("the terminal after a mistake", &glass.bytes(), secret);
        holds("the files after a mistake", &contents(state.path()), secret);
    }
    holds(
        "the database",
        world.value("SELECT string_agg(e::text, '') FROM desk.events e").await.as_bytes(),
        TYPED,
    );
}

#[test]
fn a_password_in_an_argument_is_refused() {
    for flag in ["--database-url", "--listen-url"] {
        let output = Command::new(env!("CARGO_BIN_EXE_desk"))
            .args(["doctor", flag, "postgresql://desk:planted@db.example/k"])
            .env("HOME", "/nonexistent")
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1));
        assert!(said.starts_with("desk: a password in an argument is read by everybody"), "{said}");
        assert!(!said.contains("planted"), "{said}");
    }
}
