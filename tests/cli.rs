//! The command line: each mistake one sentence and an exit code.

use std::io::Read;
use std::process::{Command, Output, Stdio};

use portable_pty::{CommandBuilder, PtySize, native_pty_system};

#[test]
fn the_help_names_every_command() {
    let help = desk(&["--help"]);
    assert!(help.status.success());
    let text = String::from_utf8(help.stdout).unwrap();
    for command in ["demo", "migrate", "grant", "doctor", "user", "generate", "server"] {
        assert!(text.contains(&format!("\n  {command} ")), "{command} is not in the help:\n{text}");
    }
}

#[test]
fn a_wrong_word_is_told_with_the_right_one() {
    let output = desk(&["server", "instal"]);
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("install"), "{text}");
}

#[test]
fn a_broken_config_file_is_one_sentence() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.toml");
    std::fs::write(&file, "theme = 'dark'\npoled = true\n").unwrap();
    let output = desk(&["migrate", "--config", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        text,
        format!("desk: {}, line 2: unknown key `poled`; did you mean `pooled`?\n", file.display())
    );
}

#[test]
fn nothing_that_a_message_quotes_is_obeyed_by_the_terminal() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("config.toml");
    std::fs::write(&file, "theme = \"\\u001b]0;evil\\u0007\"\n").unwrap();
    let file = file.to_str().unwrap();
    let run = |mut command: Command| command.env("KAYGIA_DESK_STATE_DIR", home.path()).output().unwrap();
    let desk = |arguments: &[&str]| run(command(arguments));
    let named = |address| desk(&["doctor", "--database-url", address]);
    let outputs = [
        named("postgresql://\x1b]0;evil\x07/x"),
        named("postgresql://nobody@127.0.0.1:1/\u{202e}evil?nonsense=\x1b[31m"),
        desk(&["--database-url", "postgres://nobody@127.0.0.1:1/none", "--config", file]),
        desk(&["--config", "/nowhere/\x1b]0;evil\x07"]),
        desk(&["\x1b]0;evil\x07"]),
        desk(&["user", "add", "--email", "\u{202e}evil@x.yy", "--name", "E", "--role", "\u{9b}31m"]),
    ];
    for output in outputs {
        assert!(!output.status.success());
        let text = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
        assert!(!text.is_empty());
        let obeyed = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!text.contains(obeyed), "{text:?}");
    }
}

#[test]
fn a_session_that_is_no_token_is_told_before_anything_is_drawn() {
    let state = tempfile::tempdir().unwrap();
    let output = command(&[])
        .env("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none")
        .env("KAYGIA_DESK_SESSION", "swordfish")
        .env("KAYGIA_DESK_STATE_DIR", state.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "desk: KAYGIA_DESK_SESSION holds no session token; unset it to sign in by password\n"
    );
    assert!(output.stdout.is_empty());
}

#[test]
fn server_install_does_nothing_where_the_programs_are() {
    let output = desk(&["server", "install", "--yes"]);
    assert!(output.status.success(), "{output:?}");
    assert!(output.stderr.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("PostgreSQL ") && text.contains(" is installed in /"), "{text}");
}

#[test]
fn server_install_says_what_is_wrong_with_the_named_programs() {
    let output = command(&["server", "install"]).env("KAYGIA_DESK_PG_BIN", "/nowhere").output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(
        text,
        "desk: KAYGIA_DESK_PG_BIN names /nowhere, which does not hold both initdb and postgres\n"
    );
}

#[test]
fn closed_streams_are_no_panic() {
    let output = command(&["server", "install"]).stdout(closed()).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let output = command(&["--help"]).stdout(closed()).stderr(closed()).output().unwrap();
    assert!(output.status.code().is_some(), "{output:?}");
}

#[test]
fn a_password_is_typed_without_an_echo_and_ctrl_c_gives_the_echo_back() {
    let pty = native_pty_system().openpty(PtySize::default()).unwrap();
    let mut shell = CommandBuilder::new("/bin/sh");
    // The shell outlives the desk and shows the state of the terminal afterwards.
    let script = "trap : INT; \"$1\" login --email a@example.com; echo \"exit $?\"; stty -a";
    shell.args(["-c", script, "sh", env!("CARGO_BIN_EXE_desk")]);
    shell.env("HOME", "/nonexistent");
    // Nothing is connected to before the password is there.
    shell.env("DATABASE_URL", "postgresql://nobody@%2Fnowhere/none");
    shell.cwd("/");
    let mut child = pty.slave.spawn_command(shell).unwrap();
    drop(pty.slave);
    let mut screen = pty.master.try_clone_reader().unwrap();
    let mut keys = pty.master.take_writer().unwrap();
    let mut seen = read_until(&mut *screen, "Password: ");
    keys.write_all(b"s3cret\x03").unwrap();
    seen += &read_until(&mut *screen, "echok");
    child.wait().unwrap();
    assert!(seen.contains("desk: interrupted") && seen.contains("exit 130"), "{seen}");
    for mode in ["echo", "isig", "icanon"] {
        assert!(seen.split_whitespace().any(|word| word == mode), "{mode} is off: {seen}");
    }
    assert!(!seen.contains("s3cret"), "{seen}");
}

fn read_until(screen: &mut dyn Read, text: &str) -> String {
    let mut seen = String::new();
    let mut bytes = [0; 1024];
    while !seen.contains(text) {
        let count = screen.read(&mut bytes).unwrap_or(0);
        assert_ne!(count, 0, "the terminal closed after {seen:?}");
        seen += &String::from_utf8_lossy(&bytes[..count]);
    }
    seen
}

fn desk(arguments: &[&str]) -> Output {
    command(arguments).output().unwrap()
}

fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_desk"));
    command.args(arguments).stdin(Stdio::null()).env_remove("DATABASE_URL").env("HOME", "/nonexistent");
    for name in ["XDG_CONFIG_HOME", "KAYGIA_DESK_CONFIG", "KAYGIA_DESK_PG_BIN"] {
        command.env_remove(name);
    }
    command
}

/// A stream that nobody reads.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}
