//! What surrounds the desk goes wrong: the disk is full or read-only, the clock is wrong, a text is enormous.

use crate::pty::glass::{Glass, environment};
use crate::run;
use crate::support::proxy::Proxy;
use crate::support::world::{World, world};
use crate::writers::at_the_queue;
use kaygia_desk::desk::{Desk, Gateway};
use kaygia_desk::store::pool::{self, Options, Session};
use portable_pty::CommandBuilder;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A desk whose folder for drafts is a small file system of its own.
async fn on_a_small_disk(world: &World, proxy: &Proxy, state: &TempDir, options: &str) -> Glass {
    run::needs("unshare", "util-linux");
    let drafts = state.path().join("drafts");
    fs::create_dir(&drafts).unwrap();
    let mount = format!("mount -t tmpfs -o {options} tmpfs '{}' && exec \"$0\"", drafts.display());
    let mut command = CommandBuilder::new("unshare");
    command.args(if rustix::process::geteuid().is_root() { &["-m"][..] } else { &["-Urm"] });
    command.args(["sh", "-c", &mount, env!("CARGO_BIN_EXE_desk")]);
    environment(&mut command, state.path());
    command.env("DATABASE_URL", proxy.url());
    command.env("KAYGIA_DESK_SESSION", world.token("ada").await.expose());
    let mut glass = Glass::run(command);
    glass.shows("Nothing is yours");
    glass.keys("2");
    glass.shows("Description");
    glass.keys("r");
    glass.shows("Reply to");
    glass
}

/// The folder for drafts as that desk sees it.
fn drafts_of(glass: &Glass, state: &TempDir) -> PathBuf {
    let root = format!("/proc/{}/root", glass.pid.as_raw_nonzero());
    Path::new(&root).join(state.path().strip_prefix("/").unwrap()).join("drafts")
}

fn kept(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let json = files.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    json.map(|path| {
        let kept: serde_json::Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
        kept["content"].as_str().unwrap().to_owned()
    })
    .collect()
}

fn sends(glass: &mut Glass) {
    glass.shows("live");
    glass.keys("\x1b");
    glass.shows("Send to Grace Hopper");
    glass.keys("y");
    glass.shows("sent to Grace Hopper");
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_11_a_full_disk_and_a_folder_that_cannot_be_written() {
    let _place = run::beside_others().await;
    let world = world().await;
    world.ticket("t1", "grace", "OPEN", "1 hour").await;
    let proxy = Proxy::before(world.db.url()).await;

    let state = TempDir::new().unwrap();
    let mut glass = on_a_small_disk(&world, &proxy, &state, "size=64k,mode=700").await;
    let folder = drafts_of(&glass, &state);
    proxy.freeze(true);
    glass.keys("the older text");
    let deadline = Instant::now() + Duration::from_secs(20);
    while kept(&folder) != ["the older text"] {
        assert!(Instant::now() < deadline, "the draft is not kept on this machine");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(fs::write(folder.join("filler"), vec![b'x'; 1 << 20]).is_err(), "64 KB are full");
    let full = Instant::now();
    glass.keys(" and what finds no room any more");
    glass.shows("in memory only");
    let told = full.elapsed();
    assert_eq!(kept(&folder), ["the older text"], "the older draft stays whole");
    proxy.cut();
    proxy.freeze(false);
    sends(&mut glass);
    let sent = world.value("SELECT string_agg(content, '|') FROM public.ticket_comments").await;
    assert_eq!(sent, "the older text and what finds no room any more");
    drop(glass);

    let state = TempDir::new().unwrap();
    let mut glass = on_a_small_disk(&world, &proxy, &state, "ro").await;
    proxy.freeze(true);
    let full = Instant::now();
    glass.keys("on a read-only disk");
    glass.shows("in memory only");
    let told_read_only = full.elapsed();
    proxy.cut();
    proxy.freeze(false);
    sends(&mut glass);
    let log = fs::read_to_string(state.path().join("desk.log")).unwrap();
    assert!(!log.contains("a mistake of the desk itself"), "{log}");
    println!(
        "fault 11: disk full: told after {told:.1?}, the older draft whole, sent all the same; folder read-only: told after \
         {told_read_only:.1?}, sent all the same; no panic"
    );
}

/// The library that makes a process believe in another time.
fn another_time() -> PathBuf {
    let found = fs::read_dir("/usr/lib").unwrap().filter_map(|entry| {
        let library = entry.ok()?.path().join("faketime/libfaketimeMT.so.1");
        library.exists().then_some(library)
    });
    let library = found.into_iter().next();
    library.expect("this test needs libfaketime: install it by `apt-get install faketime`")
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_12_a_wrong_clock_changes_neither_ages_nor_order_nor_expiry() {
    const SESSIONS: usize = 1000;
    let _place = run::beside_others().await;
    let world = world().await;
    let name = world.db.name().to_owned();
    world.sql(&format!("ALTER DATABASE {name} SET TimeZone = 'Asia/Tokyo'")).await;
    for (id, ago) in [("t1", "50 hours"), ("t2", "3 hours 30 minutes"), ("t3", "12 minutes")] {
        world.ticket(id, "grace", "OPEN", ago).await;
    }
    let library = another_time();
    let ages = |glass: &Glass| -> Vec<String> {
        let text = glass.text();
        let lists = text.lines().map(|line| line.split('│').next().unwrap_or_default());
        let rows = lists.filter(|line| line.contains("N-t"));
        rows.map(|line| line.split_whitespace().last().unwrap().to_owned()).collect()
    };
    let mut seen = Vec::new();
    let mut leaps = 0;
    for (offset, first, second) in [("+0", "+1h", "-1h"), ("+3d", "+71h", "+73h"), ("-3d", "-71h", "-73h")] {
        let state = TempDir::new().unwrap();
        let clock = state.path().join("clock");
        fs::write(&clock, format!("{offset}\n")).unwrap();
        let token = world.token("ada").await;
        let variables = [
            ("KAYGIA_DESK_SESSION", token.expose()),
            ("LD_PRELOAD", library.to_str().unwrap()),
            ("FAKETIME_TIMESTAMP_FILE", clock.to_str().unwrap()),
            ("FAKETIME_NO_CACHE", "1"),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1"),
        ];
        let mut glass = Glass::desk_with(world.db.url(), &state, &variables);
        glass.shows("Nothing is yours");
        glass.keys("2");
        glass.shows("Subject of t3");
        glass.shows("live");
        seen.push((offset.to_owned(), ages(&glass)));
        // While somebody types, by more than the quarter of an hour after which an idle screen locks.
        glass.keys("r");
        glass.shows("Reply to");
        let mut text = String::from("before");
        glass.keys(&text);
        glass.shows(&text);
        for leap in [first, second] {
            fs::write(&clock, format!("{leap}\n")).unwrap();
            for word in [" typed", " on", " and", " on"] {
                text.push_str(word);
                glass.keys(word);
                glass.shows(&text);
            }
            leaps += 1;
        }
        glass.shows("draft saved");
        glass.keys("\x1b");
        glass.shows("Send to Grace Hopper");
        glass.keys("q");
        glass.keys("1");
        glass.shows("Nothing is yours");
        glass.keys("2");
        glass.shows("Subject of t3");
        let deadline = Instant::now() + Duration::from_secs(10);
        while ages(&glass) != seen[0].1 && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        seen.push((format!("{offset}, then {first} and {second}"), ages(&glass)));
        let kept = world.value("SELECT max(content) FROM desk.drafts").await;
        assert!(kept.ends_with(&text), "{kept}");
        world.sql("DELETE FROM desk.drafts").await;
    }
    // Half of the sessions have ended a minute ago by the server's clock, through a link that sets no time zone.
    let options = Options { pooled: true, session: Session::Desk };
    let desk = Desk::new(pool::connect(world.db.url(), options).unwrap(), "clock");
    let mut wrong = 0;
    for n in 0..SESSIONS {
        let token = world.token("ada").await;
        let over = n % 2 == 0;
        let minutes = if over { -1 } else { 1 };
        world
            .sql(&format!(
                "UPDATE desk.sessions SET expires_at = clock_timestamp() AT TIME ZONE 'utc' + interval '{minutes} minute' \
                  WHERE token_hash = '{}'",
                token.hash()
            ))
            .await;
        wrong += usize::from(desk.resume(token).await.is_ok() == over);
    }
    let odd: Vec<_> = seen.iter().filter(|(_, ages)| *ages != seen[0].1).collect();
    println!(
        "fault 12: clock of the desk right, 3 days ahead and 3 days behind, {leaps} leaps by an hour and more, ahead and back, \
         while somebody types: not locked, not ended, the text whole; TimeZone Asia/Tokyo: ages {:?} in that order every time \
         ({} of {} odd); {wrong} wrong expiries of {SESSIONS}",
        seen[0].1,
        odd.len(),
        seen.len()
    );
    assert_eq!(seen[0].1.len(), 3, "{seen:?}");
    assert!(odd.is_empty(), "{seen:?}");
    assert_eq!(wrong, 0);
}

/// What a process keeps in memory.
fn resident(glass: &Glass) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", glass.pid.as_raw_nonzero())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_sizes_open_soon_and_stay_small() {
    let _place = run::alone().await;
    let world = world().await;
    world.ticket("t0", "grace", "OPEN", "1 hour").await;
    let texts = [
        ("10 MB description", "left(repeat('ten megabytes of words ', 500000), 10000000)"),
        ("one line of 5 MB", "repeat('x', 5000000)"),
        ("200,000 lines", "repeat(E'a line\\n', 200000)"),
        ("5 MB in emoji", "repeat('👩‍🚀', 450000)"),
    ];
    let (mut glass, _state) = at_the_queue(&world, world.db.url()).await;
    glass.keys("\r");
    let mut told = Vec::new();
    for (n, (what, text)) in texts.iter().enumerate() {
        world.ticket(&format!("h{n}"), "grace", "OPEN", &format!("{} minutes", 50 - n)).await;
        world
            .sql(&format!(
                "UPDATE public.support_tickets SET description = {text} || ' fin {n}' WHERE id = 'h{n}'"
            ))
            .await;
        glass.shows(&format!("N-h{n}"));
        let since = Instant::now();
        glass.keys("J");
        let number = format!("N-h{n}  Subject of h{n}");
        glass.wait(&number, |screen| {
            let text = screen.contents();
            text.contains(&number) && text.contains(" more: ")
        });
        let opened = since.elapsed();
        glass.keys("gg");
        let since = Instant::now();
        glass.keys("?");
        glass.shows("Keys that mean");
        let key = since.elapsed();
        glass.keys("q");
        told.push((*what, opened, key));
    }
    let resident = resident(&glass);
    let figures: Vec<_> = told
        .iter()
        .map(|(what, opened, key)| format!("{what} open after {opened:.0?}, next key {key:.0?}"))
        .collect();
    println!(
        "hostile: {}; at most {resident} MB in memory (unoptimised build: {})",
        figures.join("; "),
        cfg!(debug_assertions)
    );
    // An unoptimised build takes its time over each letter.
    let limit = if cfg!(debug_assertions) { Duration::from_secs(8) } else { Duration::from_secs(1) };
    assert!(told.iter().all(|(_, opened, key)| *opened <= limit && *key <= limit), "{told:?}");
    assert!(resident < 200, "{resident} MB");
}
