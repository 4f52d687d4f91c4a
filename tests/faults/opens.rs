//! No text makes the desk open a file, start a program or call a server: what the kernel was asked for is the same
//! whether texts name files and addresses or not.

use crate::hostile::goes;
use crate::pty::glass::{Glass, environment};
use crate::pty::start::leave;
use crate::run;
use crate::support::world::{World, world};
use kaygia_desk::auth::SessionToken;
use portable_pty::CommandBuilder;
use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::Instant;
use tempfile::TempDir;

/// What the kernel was asked to open, start or call, without what differs from run to run.
type Asked = BTreeSet<String>;

/// The desk under strace.
fn traced(
    world: &World,
    token: &SessionToken,
    arguments: &[&str],
    walk: impl Fn(&mut Glass),
) -> (Asked, String) {
    let (state, traces) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let trace = traces.path().join("trace");
    let mut command = CommandBuilder::new("strace");
    command.args(["-f", "-qq", "-s", "4096", "-e", "trace=%file,connect", "-e", "signal=none", "-o"]);
    command.arg(&trace);
    command.arg(env!("CARGO_BIN_EXE_desk"));
    command.args(arguments);
    environment(&mut command, state.path());
    command.env("DATABASE_URL", world.db.url());
    command.env("KAYGIA_DESK_SESSION", token.expose());
    let mut glass = Glass::run(command);
    walk(&mut glass);
    let text = fs::read_to_string(&trace).unwrap_or_default();
    assert!(text.contains("openat("), "strace sees nothing here; may it use ptrace? {}", glass.text());
    (text.lines().filter_map(|line| asked(line, state.path())).collect(), text)
}

/// The name in a call: what is quoted first, with `N` for numbers and `STATE` for the folder of the run.
fn asked(line: &str, state: &Path) -> Option<String> {
    let (call, rest) = line.split_once('(')?;
    let call = call.rsplit(' ').next()?;
    let (_, quoted) = rest.split_once('"')?;
    let (name, _) = quoted.split_once('"')?;
    let name = name.replace(&*state.to_string_lossy(), "STATE");
    let mut plain = String::new();
    for c in name.chars() {
        match c {
            '0'..='9' if plain.ends_with('N') => {}
            '0'..='9' => plain.push('N'),
            _ => plain.push(c),
        }
    }
    Some(format!("{call} {plain}"))
}

fn walk(glass: &mut Glass) {
    glass.shows("Nothing is yours");
    glass.resize(200, 60);
    goes(glass, "7", "N-t1");
    goes(glass, "\r", "message of it");
    goes(glass, "H", "History of ");
    glass.keys("q");
    glass.wait("the ticket", |screen| !screen.contents().contains("History of "));
    goes(glass, "gb", "Pending 1");
    goes(glass, "\r", "requirements of it");
    glass.keys("q");
    goes(glass, "gc", "Hopper");
    goes(glass, "ge", "All that was done");
    glass.keys("q");
    glass.wait("the clients", |screen| !screen.contents().contains("All that was done"));
    glass.keys("gq");
    glass.shows("N-t1");
    glass.write_reply("an answer");
    glass.keys("\x1b");
    glass.shows("Send to ");
    glass.keys("y");
    glass.shows("sent to ");
    assert_eq!(leave(glass).code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_28_no_text_opens_a_file_or_calls_a_server() {
    run::needs("strace", "strace");
    let _place = run::beside_others().await;
    let world = world().await;
    world.ticket("t1", "grace", "OPEN", "1 hour").await;
    world.project("p1", "grace", "PENDING", None).await;
    let folder = TempDir::new().unwrap();
    let bait = folder.path().join("bait");
    fs::write(&bait, "what nobody may read").unwrap();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    server.set_nonblocking(true).unwrap();
    let (path, port) = (bait.display().to_string(), server.local_addr().unwrap().port());
    let texts = format!(
        "![i]({path}) [l](file://{path}) <img src=http://127.0.0.1:{port}/i.png> @{path} $(cat {path}) `cat {path}` \
         |cat {path} include::{path}[] \\input{{{path}}} %include {path} http://127.0.0.1:{port}/l {{{{{path}}}}} \
         =HYPERLINK(\"http://127.0.0.1:{port}/h\") \\\\127.0.0.1\\share {path}"
    );
    let token = world.token("alan").await;
    let set = async |text: &str| {
        let db = &world.db.client;
        // Names and titles are short, or there is no room for the rest.
        let short = text.split(' ').take(2).collect::<Vec<_>>().join(" ");
        for statement in [
            "UPDATE public.support_tickets SET subject = $2, description = $1 || ' message of it'",
            "UPDATE public.projects SET title = $2, description = $1, requirements = $1 || ' requirements of it'",
            "UPDATE public.users SET name = 'Hopper ' || $2, company = $2 WHERE $1 <> '' AND id = 'grace'",
        ] {
            db.execute(statement, &[&text, &short]).await.unwrap();
        }
    };
    let all = |world: &World| {
        let commands: [&[&str]; 3] =
            [&["user", "export", "grace"], &["audit", "export", "--format", "csv"], &["user", "list"]];
        let ends = |glass: &mut Glass| assert_eq!(glass.ends(Instant::now()).code, 0);
        let mut runs = vec![traced(world, &token, &[], walk)];
        runs.extend(commands.map(|arguments| traced(world, &token, arguments, ends)));
        runs
    };
    set("plain words").await;
    let plain = all(&world);
    set(&texts).await;
    let baited = all(&world);
    let mut calls = 0;
    for ((plain, _), (asked, trace)) in plain.iter().zip(&baited) {
        assert!(!trace.contains(&*path), "the file was touched");
        let new: Vec<&String> = asked.difference(plain).collect();
        assert!(new.is_empty(), "asked for because of a text: {new:#?}");
        calls += trace.lines().count();
    }
    let nobody = server.accept().err().map(|error| error.kind());
    assert_eq!(nobody, Some(std::io::ErrorKind::WouldBlock), "somebody was called");
    println!(
        "fault 28: a walk through six screens and three commands, {calls} calls of the kernel for files and connections: none \
         because of a text, the file never touched, the server never called"
    );
}
