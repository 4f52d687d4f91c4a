//! `desk user redeem`: a code from standard input.

use crate::support::world::{World, world};
use kaygia_desk::auth::Password;
use kaygia_desk::desk::Gateway;
use kaygia_desk::domain::command::Command as Write;
use kaygia_desk::domain::ids::UserId;
use kaygia_desk::domain::token::TokenKind;
use std::io::Write as _;
use std::process::{Command, Stdio};

/// Runs `desk user redeem` with these lines on standard input.
fn redeem(world: &World, options: &[&str], lines: &str) -> (bool, String) {
    let mut child = Command::new(env!("CARGO_BIN_EXE_desk"))
        .args(["user", "redeem"])
        .args(options)
        .env("DATABASE_URL", world.db.url())
        .env("HOME", "/nonexistent")
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("KAYGIA_DESK_CONFIG")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A refusal may come before all lines are read.
    let _ = child.stdin.take().unwrap().write_all(lines.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = [output.stdout.as_slice(), output.stderr.as_slice()].concat();
    (output.status.success(), String::from_utf8(text).unwrap())
}

#[tokio::test]
async fn a_code_from_standard_input_sets_the_password_or_verifies() {
    let world = world().await;
    let alan = world.actor("alan").await;
    let code = async |kind| {
        let command = Write::IssueToken { user: UserId::new("ada"), kind };
        world.execute(&alan, command).await.unwrap().code.unwrap().code
    };
    let reset = code(TokenKind::PasswordReset).await;
    let lines = format!("{}\nlong enough by far\n", reset.expose());
    assert_eq!(redeem(&world, &[], &lines), (true, "the new password is set: sign in with it.\n".to_owned()));
    assert!(
        world.desk.sign_in("ada@example.test", Password::new("long enough by far".to_owned())).await.is_ok()
    );
    let refused = "desk: this code is not valid: wrong, used, or too old; ask for a new one\n";
    assert_eq!(redeem(&world, &[], &lines), (false, refused.to_owned()));
    let verification = code(TokenKind::EmailVerification).await;
    let lines = format!("{}\n", verification.expose());
    assert_eq!(redeem(&world, &["--verify"], &lines), (true, "the e-mail address is verified.\n".to_owned()));
    assert_eq!(redeem(&world, &["--verify"], "%\n"), (false, refused.to_owned()));
    let (_, told) = redeem(&world, &[], "");
    assert_eq!(told, "desk: standard input holds no code; write it on a line of its own\n");
}
