//! `desk user add`: the first account of a new database, and what is refused.

use crate::support::world::{World, empty_world};
use kaygia_desk::auth::Password;
use kaygia_desk::desk::Gateway;
use std::io::Write;
use std::process::{Command, Output, Stdio};

const PASSWORD: &str = "twelve chars";

/// Runs `desk user add` with a password on standard input.
fn add(world: &World, email: &str, role: &str, password: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_desk"))
        .args(["user", "add", "--email", email, "--name", "Ada Lovelace", "--role", role])
        .env("DATABASE_URL", world.db.url())
        .env("HOME", "/nonexistent")
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("KAYGIA_DESK_CONFIG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A refusal may come before the password is read.
    let _ = child.stdin.take().unwrap().write_all(format!("{password}\n").as_bytes());
    child.wait_with_output().unwrap()
}

fn said(output: &Output) -> (bool, String) {
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn the_first_account_can_sign_in_at_once() {
    let world = empty_world().await;
    let made = said(&add(&world, "ada@kaygia.example", "super_admin", PASSWORD));
    assert_eq!(made, (true, "ada@kaygia.example can sign in to the desk now, as SUPER_ADMIN.\n".to_owned()));
    let signed_in =
        world.desk.sign_in("ada@kaygia.example", Password::new(PASSWORD.to_owned())).await.unwrap();
    assert_eq!(signed_in.actor.name().as_str(), "Ada Lovelace");
    let kept =
        world.value("SELECT concat_ws(' ', left(password_hash, 7), length(id)) FROM public.users").await;
    assert_eq!(kept, "$2b$12$ 36");
    let again = said(&add(&world, "ADA@kaygia.example", "ADMIN", PASSWORD));
    assert!(!again.0 && again.1 == "desk: you are not signed in: sign in with `desk login`\n", "{again:?}");
}

#[tokio::test]
async fn what_cannot_be_an_account_is_refused_in_one_sentence() {
    let world = empty_world().await;
    let long = "x".repeat(73);
    let cases = [
        (
            "ada@kaygia.example",
            "elevenchars",
            "desk: the password is too short: take 12 characters or more\n",
        ),
        (
            "ada@kaygia.example",
            long.as_str(),
            "desk: the password is too long: 72 bytes at most (the web app reads no further)\n",
        ),
        (
            "ada@kaygia.example",
            "Password-2026",
            "desk: the password is among the commonest, or one of them with something added: take a few words that have \
             nothing to do with each other\n",
        ),
        (
            "ada@kaygia.example",
            "lovelace 1815",
            "desk: the password is little more than a name, an address or this product's name: take a few words that have \
             nothing to do with you\n",
        ),
        ("ada at kaygia", PASSWORD, "desk: this is no e-mail address\n"),
    ];
    for (email, password, sentence) in cases {
        assert_eq!(said(&add(&world, email, "ADMIN", password)), (false, sentence.to_owned()));
    }
    world.sql("DROP SCHEMA desk CASCADE").await;
    let bare = said(&add(&world, "ada@kaygia.example", "ADMIN", PASSWORD));
    assert!(!bare.0 && bare.1.contains("desk migrate"), "{bare:?}");
    assert_eq!(world.value("SELECT count(*) FROM public.users").await, "0");
}
