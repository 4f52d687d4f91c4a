//! The real program on a pseudo terminal, on a real Postgres: what a person does with it, and every way it ends.

mod editor;
pub(crate) mod glass;
mod paste;
pub(crate) mod start;

use crate::support::connect;
use crate::support::proxy::Proxy;
use glass::{Glass, environment};
use kaygia_desk::server::{Programs, Server};
use kaygia_desk::store::migrate;
use kaygia_desk::store::pool::{self, Options};
use portable_pty::CommandBuilder;
use rustix::process::Signal;
use start::{at_the_queue, becomes, desk, draft, leave, spooled};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A process that is told to end is gone after this.
const GONE: Duration = Duration::from_secs(2);

/// Waits until a text lies on this machine.
async fn kept(state: &TempDir, text: &str) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !spooled(state).contains(text) {
        assert!(Instant::now() < deadline, "the draft is not kept on this machine");
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_day_at_the_desk() {
    let (world, _state, mut glass) = at_the_queue().await;
    glass.keys("t");
    glass.shows("is yours");
    assert_eq!(world.value("SELECT assignee_id FROM desk.tickets WHERE ticket_id = 't1'").await, "ada");
    glass.keys("\r");
    glass.write_reply("It works again");
    glass.keys("\x1b");
    glass.shows("Send to Grace Hopper");
    glass.keys("y");
    glass.shows("sent to Grace Hopper");
    assert_eq!(
        world.value("SELECT content || ' ' || sender || ' ' || user_id FROM public.ticket_comments").await,
        "It works again ADMIN ada"
    );
    let end = leave(&mut glass);
    println!("end when asked to: {:?}", end.took);
    assert_eq!(end.code, 0);
    assert!(end.took < GONE, "{end:?}");
    glass.is_given_back();
    assert_eq!(
        world.value("SELECT count(*) FROM desk.sessions").await,
        "0",
        "the session ended with the desk"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_one_sentence() {
    let (world, state) = desk().await;
    let mut glass = Glass::desk(world.db.url(), &state);
    glass.shows("Password");
    glass.keys("ada@example.test\twrong\r");
    glass.shows("wrong e-mail or password");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_by_somebody_else_appears_without_a_key() {
    let (world, _state, glass) = at_the_queue().await;
    glass.shows("live");
    world.ticket("t9", "grace", "OPEN", "1 minute").await;
    glass.shows("Subject of t9");
    world.sql("UPDATE public.support_tickets SET subject = 'Renamed meanwhile' WHERE id = 't1'").await;
    glass.shows("Renamed meanwhile");
    // The listener is not missed for longer than it takes to make another one.
    let listeners = "SELECT count(pg_terminate_backend(a.pid)) FROM pg_stat_activity AS a \
                     WHERE a.datname = current_database() AND a.query LIKE 'UNLISTEN%'";
    assert_eq!(world.value(listeners).await, "1");
    world.ticket("t10", "grace", "OPEN", "1 minute").await;
    glass.shows("Subject of t10");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_follows_the_size_of_the_terminal() {
    let (_world, _state, mut glass) = at_the_queue().await;
    for (cols, rows) in [(200, 50), (80, 24), (40, 12)] {
        glass.resize(cols, rows);
        glass.shows("N-t1");
        glass.wait("the footer", |screen| {
            let last = screen.contents_between(rows - 1, 0, rows - 1, cols);
            !last.trim().is_empty()
        });
    }
    glass.resize(39, 11);
    glass.shows("needs 40 columns and 12");
    glass.resize(120, 40);
    glass.shows("Subject of t1");
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_end_it_with_the_draft_saved_and_the_terminal_given_back() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::HUP, 129), (Signal::INT, 130)] {
        let (world, state, mut glass) = at_the_queue().await;
        glass.write_reply("typed just before");
        let since = Instant::now();
        glass.signal(signal);
        let end = glass.ends(since);
        println!("end by {signal:?}: {:?}", end.took);
        assert!(end.took < GONE, "{signal:?}: {end:?}");
        assert_eq!(end.code, code, "{signal:?}");
        glass.is_given_back();
        assert_eq!(draft(&world).await, "typed just before", "{signal:?}");
        assert_eq!(spooled(&state), "", "{signal:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_when_its_terminal_vanishes_however_deaf_it_was_made() {
    // A dropped connection is an everyday case. `nohup` and the like ignore SIGHUP; a process in a session without a
    // controlling terminal gets none at all.
    let no_controlling_terminal = "trap '' HUP; exec 3<&0; setsid \"$0\" <&3 & wait";
    for wrapper in ["exec \"$0\"", "trap '' HUP; exec \"$0\"", no_controlling_terminal] {
        let (world, state) = desk().await;
        let mut shell = CommandBuilder::new("/bin/sh");
        shell.args(["-c", wrapper, env!("CARGO_BIN_EXE_desk")]);
        environment(&mut shell, state.path());
        shell.env("DATABASE_URL", world.db.url());
        let mut glass = Glass::run(shell);
        glass.sign_in("ada");
        glass.keys("2");
        glass.shows("Subject of t1");
        glass.write_reply("typed just before");
        let since = glass.vanish();
        let end = glass.ends(since);
        println!("end after the terminal vanished ({wrapper}): {:?}", end.took);
        assert!(end.took < GONE, "{wrapper}: {end:?}");
        assert_eq!(draft(&world).await, "typed just before", "{wrapper}");
    }
}

#[cfg(debug_assertions)]
#[tokio::test(flavor = "multi_thread")]
async fn a_mistake_of_the_desk_gives_the_terminal_back_and_keeps_the_draft() {
    let (world, state, mut glass) = at_the_queue().await;
    glass.write_reply("typed just before");
    let since = Instant::now();
    // Debug builds panic on this signal in the middle of a turn.
    glass.signal(Signal::USR1);
    let end = glass.ends(since);
    println!("end after a panic: {:?}", end.took);
    assert!(end.took < GONE, "{end:?}");
    assert_eq!(end.code, 101);
    glass.is_given_back();
    let said = glass.text();
    assert!(said.contains("stopped because of a mistake in itself") && said.contains("desk.log"), "{said}");
    assert_eq!(draft(&world).await, "typed just before");
    let log = std::fs::read_to_string(state.path().join("desk.log")).unwrap();
    assert!(log.contains("mistakes.rs") && !log.contains("typed just before"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_database_holds_up_neither_keys_nor_the_end_and_the_next_start_saves_the_draft() {
    let (world, state) = desk().await;
    let proxy = Proxy::before(world.db.url()).await;
    let mut glass = Glass::desk(proxy.url(), &state);
    glass.sign_in("ada");
    glass.keys("2");
    glass.shows("Subject of t1");
    glass.keys("r");
    glass.shows("Reply to");
    proxy.freeze(true);
    let since = Instant::now();
    glass.keys("written in vain?");
    glass.shows("written in vain?");
    println!("key to screen with a frozen database: {:?}", since.elapsed());
    let since = Instant::now();
    glass.signal(Signal::TERM);
    let end = glass.ends(since);
    println!("end with a frozen database: {:?}", end.took);
    assert!(end.took < GONE, "{end:?}");
    glass.is_given_back();
    assert!(spooled(&state).contains("written in vain?"));

    proxy.freeze(false);
    let mut again = Glass::desk(proxy.url(), &state);
    again.sign_in("ada");
    becomes(&world, "SELECT content FROM desk.drafts", "written in vain?").await;
    assert_eq!(leave(&mut again).code, 0);
    assert_eq!(spooled(&state), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_and_comes_back_is_told_and_everything_resumes() {
    let (world, state) = desk().await;
    world.comment("c1", "t1", "grace", "CLIENT", "30 minutes").await;
    let proxy = Proxy::before(world.db.url()).await;
    let mut glass = Glass::desk(proxy.url(), &state);
    glass.sign_in("ada");
    glass.keys("2");
    glass.shows("Subject of t1");
    glass.shows("live");
    glass.shows("Text of c1");
    proxy.refuse(true);
    proxy.cut();
    glass.shows("offline");
    glass.write_reply("typed offline");
    kept(&state, "typed offline").await;
    world.ticket("t9", "grace", "OPEN", "1 minute").await;
    proxy.refuse(false);
    let since = Instant::now();
    glass.shows("live");
    println!("live again after {:?}", since.elapsed());
    glass.shows("Subject of t9");
    becomes(&world, "SELECT content FROM desk.drafts", "typed offline").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_restarted_is_told_and_everything_resumes() {
    let home = tempfile::Builder::new().permissions(Permissions::from_mode(0o755)).tempdir().unwrap();
    let state = TempDir::new().unwrap();
    let folder = home.path().join("server");
    let programs = Programs::find().unwrap();
    let server = Server::durable(&programs, &folder).unwrap();
    let url = server.admin_url();
    let connector = pool::connector(&url, Options::MAINTENANCE).unwrap();
    migrate::run(&connector, &mut |_| {}).await.unwrap();
    let hash = bcrypt::hash("correct horse", 4).unwrap();
    let people = format!(
        "INSERT INTO public.users (id, email, name, role, password_hash, email_verified) VALUES
           ('ada', 'ada@example.test', 'Ada Lovelace', 'ADMIN', '{hash}', true),
           ('grace', 'grace@example.test', 'Grace Hopper', 'CLIENT', NULL, true);
         INSERT INTO public.support_tickets (id, ticket_number, subject, description, client_id)
           VALUES ('t1', 'N-t1', 'Subject of t1', 'Description', 'grace')"
    );
    connect(&url).await.batch_execute(&people).await.unwrap();
    let mut glass = Glass::desk(&url, &state);
    glass.sign_in("ada");
    glass.keys("2");
    glass.shows("Subject of t1");
    glass.shows("live");
    glass.shows("Description");
    drop(server);
    glass.shows("offline");
    glass.write_reply("typed meanwhile");
    let server = Server::durable(&programs, &folder).unwrap();
    let since = Instant::now();
    glass.shows("live");
    println!("live again after a restart: {:?}", since.elapsed());
    glass.shows("draft saved");
    let saved = connect(&server.admin_url()).await.query_one("SELECT content FROM desk.drafts", &[]).await;
    assert_eq!(saved.unwrap().get::<_, String>(0), "typed meanwhile");
    let since = Instant::now();
    glass.signal(Signal::TERM);
    assert!(glass.ends(since).took < GONE);
    assert_eq!(spooled(&state), "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_while_the_database_is_frozen_loses_no_more_than_two_seconds() {
    let (world, state) = desk().await;
    let proxy = Proxy::before(world.db.url()).await;
    let mut glass = Glass::desk(proxy.url(), &state);
    glass.sign_in("ada");
    glass.keys("2");
    glass.shows("Subject of t1");
    glass.keys("r");
    glass.shows("Reply to");
    proxy.freeze(true);
    glass.keys("typed two seconds ago");
    let since = Instant::now();
    kept(&state, "typed two seconds ago").await;
    println!("on disk {:?} after typing", since.elapsed());
    assert!(since.elapsed() < Duration::from_secs(2));
    glass.signal(Signal::KILL);
    glass.ends(Instant::now());
    proxy.freeze(false);
    let mut again = Glass::desk(proxy.url(), &state);
    again.sign_in("ada");
    becomes(&world, "SELECT content FROM desk.drafts", "typed two seconds ago").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_editor_gets_the_text_and_the_terminal() {
    let (world, state) = desk().await;
    let editor = "f() { stty -a > \"$HOME/modes\"; printf 'and from the editor' >> \"$1\"; }; f";
    let mut glass = Glass::desk_with(world.db.url(), &state, &[("EDITOR", editor)]);
    glass.sign_in("ada");
    glass.keys("2");
    glass.shows("Subject of t1");
    glass.write_reply("from the desk");
    glass.keys("\x18\x05");
    glass.shows("and from the editor");
    glass.shows("from the desk");
    let modes = std::fs::read_to_string(state.path().join("modes")).unwrap();
    assert!(modes.contains(" icanon") && modes.contains(" echo "), "the editor found raw modes: {modes}");
    becomes(&world, "SELECT content FROM desk.drafts", "from the desk\nand from the editor").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_shell_stops_it_and_lets_it_go_on() {
    let (world, state) = desk().await;
    let mut shell = CommandBuilder::new("/bin/sh");
    shell.args(["-i"]);
    environment(&mut shell, state.path());
    shell.env("DATABASE_URL", world.db.url());
    shell.env("PS1", "shell> ");
    shell.env("DESK", env!("CARGO_BIN_EXE_desk"));
    let mut glass = Glass::run(shell);
    glass.shows("shell> ");
    glass.keys("$DESK\r");
    glass.sign_in("ada");
    glass.keys("2");
    glass.shows("Subject of t1");
    glass.keys("\x1a");
    glass.shows("Stopped");
    glass.keys("echo back in the $((1+1))nd shell\r");
    glass.shows("back in the 2nd shell");
    glass.keys("fg\r");
    glass.shows("Subject of t1");
    glass.keys("?");
    glass.shows("Keys that mean");
}

#[tokio::test(flavor = "multi_thread")]
async fn frames_are_whole_and_the_terminal_is_asked_nothing() {
    let (_world, _state, mut glass) = at_the_queue().await;
    glass.shows("live");
    glass.keys("j");
    glass.shows("Subject of t2");
    let bytes = glass.bytes();
    let text = String::from_utf8_lossy(&bytes);
    let frames = text.matches("\x1b[?2026h").count();
    assert!(frames > 0 && frames == text.matches("\x1b[?2026l").count(), "frames are whole");
    assert!(!text.contains("\x1b[6n") && !text.contains("\x1b[c"), "the terminal is asked nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_terminal_it_says_so() {
    let (world, state) = desk().await;
    let run = |stdin: Stdio| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_desk"));
        command.env("DATABASE_URL", world.db.url()).env("KAYGIA_DESK_STATE_DIR", state.path());
        command.env("HOME", state.path()).env_remove("XDG_CONFIG_HOME").stdin(stdin);
        command.output().unwrap()
    };
    let closed_input = Command::new("/bin/sh")
        .args(["-c", "exec \"$0\" <&-", env!("CARGO_BIN_EXE_desk")])
        .env("DATABASE_URL", world.db.url())
        .env("HOME", state.path())
        .output()
        .unwrap();
    for output in [run(Stdio::null()), run(Stdio::piped()), closed_input] {
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(output.stdout, b"");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.starts_with("desk: standard input is not a terminal"), "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_keeps_it_from_starting_is_one_sentence_on_an_ordinary_screen() {
    let (world, state) = desk().await;
    let bare = crate::support::empty_database().await;
    world.sql("CREATE ROLE desk_test_stranger LOGIN").await;
    let stranger = world.db.owner_url().replacen("kaygia@", "desk_test_stranger@", 1);
    let cases = [
        ("nonsense", "", "the database's address is not valid"),
        ("postgresql://u@127.0.0.1:1/d", "", "nothing listens at the database's address"),
        ("postgresql://u@%2Fnowhere/d", "", "the database's socket does not exist"),
        (bare.url(), "", "run `desk migrate` once"),
        (stranger.as_str(), "", "this role may not use the desk's tables"),
        ("", "", "no database is named"),
        (world.db.url(), "dumb", "cannot place text"),
    ];
    for (url, term, sentence) in cases {
        let term = if term.is_empty() { "xterm" } else { term };
        let mut glass = Glass::desk_with(url, &state, &[("TERM", term)]);
        let end = glass.ends(Instant::now());
        glass.is_given_back();
        let said = glass.text();
        assert_eq!(end.code, 1, "{url}: {said}");
        assert!(said.starts_with("desk: ") && said.replace('\n', "").contains(sentence), "{url}: {said}");
        let bytes = glass.bytes();
        assert!(!bytes.contains(&0x1b), "{url}: something was drawn: {:?}", String::from_utf8_lossy(&bytes));
    }
    world.sql("DROP ROLE desk_test_stranger").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_line_of_keys_or_an_unknown_theme_is_told_before_anything_is_drawn() {
    let (world, state) = desk().await;
    let config = state.path().join("config.toml");
    for (text, sentence) in [
        ("theme = 'neon'\n", "unknown theme `neon`"),
        ("theme = 'dark'\n[keys]\n'ticket.tale' = 'F5'\n", "line 3: unknown action `ticket.tale`"),
    ] {
        std::fs::write(&config, text).unwrap();
        let variables = [("KAYGIA_DESK_CONFIG", config.to_str().unwrap())];
        let mut glass = Glass::desk_with(world.db.url(), &state, &variables);
        let end = glass.ends(Instant::now());
        glass.is_given_back();
        let said = glass.text().replace('\n', "");
        assert_eq!(end.code, 1, "{said}");
        assert!(said.contains(sentence), "{said}");
    }
}
