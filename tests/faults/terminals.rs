//! Processes that are killed, and terminals that vanish, while somebody types.

use crate::pty::glass::{Glass, environment};
use crate::run::{self, Dice};
use crate::support::proxy::Proxy;
use crate::support::world::{World, world};
use portable_pty::CommandBuilder;
use rustix::process::{Pid, Signal, kill_process};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::runtime::Handle;

const LANES: usize = 8;
const KILLS: usize = 25;

/// What a kill left, and how much of the typing it cost.
struct Killed {
    lost: Duration,
    from_spool: bool,
}

/// The drafts that lie on this machine. Every file must be whole; one that was not renamed yet counts if it is.
pub fn spooled(state: &Path) -> Vec<String> {
    let files = fs::read_dir(state.join("drafts")).into_iter().flatten().map(|file| file.unwrap().path());
    files
        .filter_map(|path| {
            let kept = serde_json::from_slice::<serde_json::Value>(&fs::read(&path).unwrap());
            let beside = path.extension().is_some_and(|extension| extension == "tmp");
            assert!(kept.is_ok() || beside, "{} is not whole: {kept:?}", path.display());
            Some(kept.ok()?["content"].as_str().unwrap().to_owned())
        })
        .collect()
}

/// One person: types, is killed, starts again and types on, at the end of what is back.
struct Lane {
    world: Arc<World>,
    user: String,
    proxy: Proxy,
    state: TempDir,
    text: String,
    dice: Dice,
}

impl Lane {
    fn draft(&self) -> String {
        let query =
            format!("SELECT coalesce(max(content), '') FROM desk.drafts WHERE user_id = '{}'", self.user);
        Handle::current().block_on(self.world.value(&query))
    }

    /// Waits until the server is done with what the killed process had sent.
    fn is_gone(&self) {
        let query = format!("SELECT count(*) FROM pg_stat_activity WHERE application_name = '{}'", self.user);
        while Handle::current().block_on(self.world.value(&query)) != "0" {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn becomes(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let draft = self.draft();
            if draft == text {
                return;
            }
            assert!(Instant::now() < deadline, "{}: the draft is {draft:?}, not {text:?}", self.user);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn kill(&mut self, frozen: bool) -> Killed {
        let token = Handle::current().block_on(self.world.token(&self.user));
        let session = [("KAYGIA_DESK_SESSION", token.expose())];
        let url = format!("{}?application_name={}", self.proxy.url(), self.user);
        let mut glass = Glass::desk_with(&url, &self.state, &session);
        glass.shows("Nothing is yours");
        self.becomes(&self.text);
        glass.keys("2");
        glass.shows("Description");
        glass.keys("r");
        glass.shows("Reply to");
        let end = self.text.rsplit(' ').next().unwrap().to_owned();
        glass.shows(&end);
        if frozen {
            self.proxy.freeze(true);
        }
        // The moment of the kill is the input of this test.
        let until = Instant::now() + Duration::from_millis(200 + self.dice.below(2800));
        let mut typed = Vec::new();
        while Instant::now() < until {
            let key =
                if self.dice.below(6) == 0 { ' ' } else { char::from(b'a' + self.dice.below(26) as u8) };
            glass.keys(&key.to_string());
            typed.push((Instant::now(), key));
            std::thread::sleep(Duration::from_millis(60 + self.dice.below(200)));
        }
        glass.signal(Signal::KILL);
        let killed = Instant::now();
        glass.ends(killed);
        self.proxy.cut();
        self.proxy.freeze(false);
        self.is_gone();
        let all = format!("{}{}", self.text, typed.iter().map(|(_, key)| key).collect::<String>());
        let (draft, kept) = (self.draft(), spooled(self.state.path()));
        let from_spool = kept.iter().any(|kept| kept.len() > draft.len());
        let back = kept.into_iter().chain([draft]).max_by_key(String::len).unwrap();
        assert!(all.starts_with(&back) && back.len() >= self.text.len(), "{back:?} is no part of {all:?}");
        let first_lost = typed.get(back.len() - self.text.len());
        self.text = back;
        Killed { lost: first_lost.map_or(Duration::ZERO, |(at, _)| killed - *at), from_spool }
    }
}

async fn lane(world: Arc<World>, n: usize) -> Vec<Killed> {
    let user = format!("typist{n}");
    world.user(&user, &format!("Typist {n}"), "ADMIN").await;
    let proxy = Proxy::before(world.db.url()).await;
    let state = TempDir::new().unwrap();
    let dice = Dice::new(80 + n as u64);
    let mut lane = Lane { world, user, proxy, state, text: String::new(), dice };
    // The first line is typed in peace: each round needs something to find again.
    tokio::task::spawn_blocking(move || (0..KILLS).map(|round| lane.kill(round % 2 == 1)).collect())
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_08_two_hundred_kills_while_typing_cost_two_seconds_at_most() {
    let _place = run::for_long().await;
    let world = Arc::new(world().await);
    world.ticket("t1", "grace", "OPEN", "1 hour").await;
    let lanes: Vec<_> = (0..LANES).map(|n| tokio::spawn(lane(Arc::clone(&world), n))).collect();
    let mut all = Vec::new();
    for lane in lanes {
        all.extend(lane.await.unwrap());
    }
    let lost: Vec<_> = all.iter().map(|killed| killed.lost).collect();
    println!(
        "fault 8: {} kills while typing, half of them with the wire frozen: typing lost at most {:.2?} (median {:.2?}), {} drafts \
         came back from this machine, no file half written",
        all.len(),
        run::longest(&lost),
        run::percentile(&lost, 50),
        all.iter().filter(|killed| killed.from_spool).count()
    );
    assert_eq!(all.len(), LANES * KILLS);
    assert!(run::longest(&lost) <= Duration::from_secs(2), "{lost:?}");
}

/// The time that a process has used so far, while it is there.
fn used(pid: Pid) -> Option<Duration> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let ticks = fields[11].parse::<u64>().ok()? + fields[12].parse::<u64>().ok()?;
    (fields[0] != "Z").then(|| Duration::from_millis(ticks * 10))
}

/// The desk among a process and what it started.
fn desk_below(pid: Pid) -> Pid {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let mut family = vec![pid.as_raw_nonzero().get()];
        let mut at = 0;
        while let Some(pid) = family.get(at).copied() {
            if fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.trim() == "desk") {
                return Pid::from_raw(pid).unwrap();
            }
            let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
            family.extend(children.split_whitespace().map(|pid| pid.parse::<i32>().unwrap()));
            at += 1;
        }
        assert!(Instant::now() < deadline, "no desk runs there");
        std::thread::yield_now();
    }
}

/// How long a process lives on, and the time that it uses meanwhile.
fn outlives(pid: Pid, since: Instant, before: Duration) -> (Duration, Duration) {
    let mut last = before;
    while let Some(now) = used(pid) {
        assert!(since.elapsed() < Duration::from_secs(20), "it does not end");
        last = now;
        std::thread::sleep(Duration::from_millis(1));
    }
    (since.elapsed(), last.saturating_sub(before))
}

/// A desk in a pane of a tmux of our own.
struct Pane {
    socket: String,
}

impl Pane {
    fn new(world: &World, state: &TempDir) -> Self {
        run::needs("tmux", "tmux");
        let pane = Self { socket: format!("desk-faults-{}", std::process::id()) };
        let desk = format!(
            "exec env HOME='{0}' KAYGIA_DESK_STATE_DIR='{0}' DATABASE_URL='{1}' TERM=screen-256color LANG=C.UTF-8 \
             KAYGIA_DESK_STAY_SIGNED_IN=false '{2}'",
            state.path().display(),
            world.db.url(),
            env!("CARGO_BIN_EXE_desk")
        );
        pane.tmux(&["-f", "/dev/null", "new-session", "-d", "-x", "120", "-y", "40", &desk]);
        pane
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let output = Command::new("tmux").arg("-L").arg(&self.socket).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    fn shows(&self, text: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !self.tmux(&["capture-pane", "-p"]).contains(text) {
            assert!(Instant::now() < deadline, "{text:?} is never seen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn keys(&self, keys: &str) {
        self.tmux(&["send-keys", "-l", keys]);
    }
}

impl Drop for Pane {
    fn drop(&mut self) {
        let _ = Command::new("tmux").args(["-L", &self.socket, "kill-server"]).output();
    }
}

/// A desk in a program of the test's, with a reply begun.
fn writing(world: &World, state: &TempDir, shell: &[&str]) -> Glass {
    let mut command = CommandBuilder::new("/bin/sh");
    command.args(shell);
    command.arg(env!("CARGO_BIN_EXE_desk"));
    environment(&mut command, state.path());
    command.env("DATABASE_URL", world.db.url());
    let mut glass = Glass::run(command);
    glass.sign_in("ada");
    glass.keys("2");
    glass.shows("Description");
    glass.write_reply("typed just before");
    glass
}

/// What one way to lose the terminal came to.
async fn lost(way: &str) -> (Duration, Duration, Duration) {
    let world = world().await;
    let hash = bcrypt::hash("correct horse", 4).unwrap();
    world.sql(&format!("UPDATE public.users SET password_hash = '{hash}' WHERE role <> 'CLIENT'")).await;
    world.ticket("t1", "grace", "OPEN", "1 hour").await;
    let state = TempDir::new().unwrap();
    let plain = ["-c", "exec \"$0\""];
    let deaf = ["-c", "trap '' HUP; exec \"$0\""];
    let child = ["-c", "\"$0\"; true"];
    let mut pane = None;
    let mut glass = match way {
        "SIGHUP" | "SIGTERM" | "SIGINT" => Some(writing(&world, &state, &plain)),
        "closed, deaf to SIGHUP" => Some(writing(&world, &state, &deaf)),
        "dead parent" => Some(writing(&world, &state, &child)),
        _ => {
            let tmux = Pane::new(&world, &state);
            tmux.shows("Password");
            tmux.keys("ada@example.test\tcorrect horse\r");
            tmux.shows("Nothing is yours");
            tmux.keys("2");
            tmux.shows("Description");
            tmux.keys("r");
            tmux.shows("Reply to");
            tmux.keys("typed just before");
            tmux.shows("typed just before");
            pane = Some(tmux);
            None
        }
    };
    let pid = match (&glass, &pane) {
        (Some(glass), _) => desk_below(glass.pid),
        (None, Some(pane)) => {
            let pid = pane.tmux(&["display-message", "-p", "#{pane_pid}"]).trim().parse().unwrap();
            desk_below(Pid::from_raw(pid).unwrap())
        }
        (None, None) => unreachable!(),
    };
    let before = used(pid).unwrap();
    let mut since = Instant::now();
    match (way, &mut glass, &pane) {
        ("SIGHUP", ..) => kill_process(pid, Signal::HUP).unwrap(),
        ("SIGTERM", ..) => kill_process(pid, Signal::TERM).unwrap(),
        ("SIGINT", ..) => kill_process(pid, Signal::INT).unwrap(),
        ("dead parent", Some(glass), _) => glass.signal(Signal::KILL),
        (_, Some(glass), _) => since = glass.vanish(),
        (_, None, Some(pane)) => {
            pane.tmux(&["kill-pane"]);
        }
        (_, None, None) => unreachable!(),
    }
    let (gone, busy) = outlives(pid, since, before);
    let connections = "SELECT count(*) FROM pg_stat_activity \
                        WHERE datname = current_database() AND application_name = 'kaygia-desk'";
    while world.value(connections).await != "0" {
        assert!(since.elapsed() < Duration::from_secs(20), "{way}: connections stay");
        tokio::task::yield_now().await;
    }
    let closed = since.elapsed();
    let draft = world.value("SELECT coalesce(max(content), '') FROM desk.drafts").await;
    let kept = spooled(state.path());
    assert!(draft == "typed just before" || kept == ["typed just before"], "{way}: {draft:?} {kept:?}");
    (gone, busy, closed)
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_09_six_ways_to_lose_the_terminal() {
    let _place = run::among_the_calm().await;
    let ways = ["SIGHUP", "SIGTERM", "SIGINT", "closed tmux pane", "closed, deaf to SIGHUP", "dead parent"];
    let mut told = Vec::new();
    let (mut gone, mut busy, mut closed) = (Vec::new(), Vec::new(), Vec::new());
    for way in ways {
        let (one, two, three) = lost(way).await;
        told.push(format!("{way} {one:.2?}"));
        gone.push(one);
        busy.push(two);
        closed.push(three);
    }
    println!(
        "fault 9: gone after: {}; at most {:.0?} of CPU meanwhile ({:.1} % of two seconds); every draft kept; connections gone \
         after at most {:.2?}",
        told.join(", "),
        run::longest(&busy),
        run::longest(&busy).as_secs_f64() * 50.0,
        run::longest(&closed)
    );
    assert!(run::longest(&gone) <= Duration::from_secs(2), "{gone:?}");
    assert!(run::longest(&busy) < Duration::from_millis(100), "{busy:?}");
    assert!(run::longest(&closed) <= Duration::from_secs(5), "{closed:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_13_a_thousand_sizes_while_typing_change_no_letter() {
    const STEPS: usize = 1000;
    let _place = run::beside_others().await;
    let world = world().await;
    world.ticket("t1", "grace", "OPEN", "1 hour").await;
    let state = TempDir::new().unwrap();
    let token = world.token("ada").await;
    let mut glass = Glass::desk_with(world.db.url(), &state, &[("KAYGIA_DESK_SESSION", token.expose())]);
    glass.shows("Nothing is yours");
    glass.keys("2");
    glass.shows("Description");
    glass.keys("r");
    glass.shows("Reply to");
    let (mut dice, mut text) = (Dice::new(13), String::new());
    let (mut drawn, start) = (0, Instant::now());
    for _ in 0..STEPS {
        let before = glass.bytes_written();
        glass.resize(1 + dice.below(500) as u16, 1 + dice.below(200) as u16);
        let key = if dice.below(7) == 0 { ' ' } else { char::from(b'a' + dice.below(26) as u8) };
        glass.keys(&key.to_string());
        text.push(key);
        drawn += usize::from(glass.writes_within(before, Duration::from_millis(100)));
    }
    let took = start.elapsed();
    glass.resize(120, 40);
    glass.keys("the end");
    text.push_str("the end");
    glass.shows("the end");
    let deadline = Instant::now() + Duration::from_secs(20);
    let draft = loop {
        let draft = world.value("SELECT max(content) FROM desk.drafts").await;
        if draft == text || Instant::now() > deadline {
            break draft;
        }
        tokio::task::yield_now().await;
    };
    println!(
        "fault 13: {STEPS} sizes from 1x1 to 500x200 in {took:.1?}, {drawn} of them drawn before the next one, {} keys typed, \
         the text is equal: {}",
        text.len(),
        draft == text
    );
    assert_eq!(draft, text);
    assert!(drawn > STEPS / 2, "{drawn}");
}

#[cfg(debug_assertions)]
#[tokio::test(flavor = "multi_thread")]
async fn fault_10_a_mistake_in_four_places_gives_the_terminal_back_and_keeps_the_draft() {
    let _place = run::beside_others().await;
    let mut told = Vec::new();
    for place in ["draw", "update", "task", "drop"] {
        let world = world().await;
        world.ticket("t1", "grace", "OPEN", "1 hour").await;
        let state = TempDir::new().unwrap();
        let token = world.token("ada").await;
        let variables = [("KAYGIA_DESK_SESSION", token.expose()), ("KAYGIA_DESK_MISTAKE", place)];
        let mut glass = Glass::desk_with(world.db.url(), &state, &variables);
        glass.shows("Nothing is yours");
        glass.keys("2");
        glass.shows("Description");
        glass.write_reply("typed just before");
        let since = Instant::now();
        glass.signal(Signal::USR1);
        if place == "task" {
            glass.shows("a mistake here and did nothing more");
            glass.keys(" and after");
            glass.shows("typed just before and after");
            glass.signal(Signal::TERM);
            assert_eq!(glass.ends(since).code, 143);
            glass.is_given_back();
        } else {
            let end = glass.ends(since);
            assert_eq!(end.code, 101, "{place}");
            assert!(end.took < Duration::from_secs(2), "{place}: {end:?}");
            glass.is_given_back();
            let said = glass.text().replace('\n', "");
            assert!(said.contains("stopped because of a mistake in itself"), "{place}: {said}");
            assert!(said.contains("desk.log"), "{place}: {said}");
        }
        let draft = world.value("SELECT max(content) FROM desk.drafts").await;
        assert!(draft.starts_with("typed just before"), "{place}: {draft}");
        let log = fs::read_to_string(state.path().join("desk.log")).unwrap();
        assert!(
            log.contains("a mistake of the desk itself") && !log.contains("typed just"),
            "{place}: {log}"
        );
        told.push(place);
    }
    println!(
        "fault 10: a panic in {}: line modes equal before and after, other screen, mouse, pastes and cursor given back, the \
         sentence readable, the draft kept, 4 of 4",
        told.join(", ")
    );
}
