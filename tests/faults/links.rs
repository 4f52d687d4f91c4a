//! Wires that swallow everything, and wires that are slow: nobody waits for them at the keys.

use crate::pty::glass::Glass;
use crate::run::{self, Dice};
use crate::support::proxy::Proxy;
use crate::support::world::world;
use crate::terminals::spooled;
use crate::writers::at_the_queue;
use rustix::process::Signal;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};
use tokio::runtime::Handle;
use tokio::sync::mpsc::unbounded_channel;
use tokio_postgres::config::Host;

/// Each way.
const DELAY: Duration = Duration::from_millis(300);
/// One of twenty pieces is lost and comes again later, and all that follow wait for it.
const LOST: u64 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn fault_06_a_wire_that_swallows_everything_is_noticed() {
    run::in_passing();
    let world = world().await;
    world.ticket("t", "grace", "OPEN", "1 hour").await;
    let proxy = Proxy::before(world.db.url()).await;
    let (mut noticed, mut backs) = (Vec::new(), Vec::new());
    let (mut glass, _state): (Glass, _) = at_the_queue(&world, proxy.url()).await;
    glass.keys("r");
    glass.shows("Reply to");
    for round in 0..3 {
        // Nobody touches a key: nothing but the desk itself can find it out.
        let hole = Instant::now();
        proxy.freeze(true);
        glass.shows("offline");
        noticed.push(hole.elapsed());
        // New connections are swallowed as well; what is written meanwhile stays.
        glass.keys(&format!(" kept {round}"));
        glass.shows(&format!("kept {round}"));
        proxy.freeze(false);
        let back = Instant::now();
        glass.shows(" live");
        backs.push(back.elapsed());
    }
    let mut texts = world.value("SELECT max(content) FROM desk.drafts").await;
    let deadline = Instant::now() + Duration::from_secs(10);
    while texts != " kept 0 kept 1 kept 2" && Instant::now() < deadline {
        texts = world.value("SELECT max(content) FROM desk.drafts").await;
    }
    println!(
        "fault 6: 3 times all bytes swallowed, no key touched: noticed after at most {:.1?}, live again {:.1?} after the wire is \
         back, the draft whole",
        run::longest(&noticed),
        run::longest(&backs)
    );
    assert_eq!(texts, " kept 0 kept 1 kept 2");
    assert!(run::longest(&noticed) <= Duration::from_secs(15), "{noticed:?}");
    assert!(run::longest(&backs) <= Duration::from_secs(10), "{backs:?}");
}

/// A slow wire before the database at `url`; its address.
async fn slow(url: &str) -> String {
    let config = tokio_postgres::Config::from_str(url).unwrap();
    let Some(Host::Unix(folder)) = config.get_hosts().first() else { panic!("{url} is no socket") };
    let port = config.get_ports().first().copied().unwrap_or(5432);
    let socket: PathBuf = folder.join(format!(".s.PGSQL.{port}"));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for seed in 1.. {
            let Ok((client, _)) = listener.accept().await else { return };
            client.set_nodelay(true).unwrap();
            let Ok(server) = UnixStream::connect(&socket).await else { continue };
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            tokio::spawn(late(from_client, to_server, Dice::new(seed)));
            tokio::spawn(late(from_server, to_client, Dice::new(seed + 1000)));
        }
    });
    format!("postgresql://{}@127.0.0.1:{own}/{}", config.get_user().unwrap(), config.get_dbname().unwrap())
}

/// Carries bytes one way, each piece late.
async fn late(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin + Send + 'static,
    mut dice: Dice,
) {
    let (sender, mut pieces) = unbounded_channel::<(tokio::time::Instant, Vec<u8>)>();
    tokio::spawn(async move {
        while let Some((due, piece)) = pieces.recv().await {
            // The delay is the input of this test.
            tokio::time::sleep_until(due).await;
            if to.write_all(&piece).await.is_err() {
                return;
            }
        }
        // The end of the wire is as late as all before it.
        let _ = to.shutdown().await;
    });
    let mut bytes = vec![0; 1400];
    while let Ok(length @ 1..) = from.read(&mut bytes).await {
        let again = if dice.below(LOST) == 0 { DELAY } else { Duration::ZERO };
        if sender.send((tokio::time::Instant::now() + DELAY + again, bytes[..length].to_vec())).is_err() {
            return;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_07_a_slow_wire_slows_no_key() {
    let _place = run::among_the_calm().await;
    let world = world().await;
    world.ticket("t", "grace", "OPEN", "1 day").await;
    for n in 0..100 {
        world.ticket(&format!("s{n}"), "grace", "OPEN", &format!("{} minutes", 300 - n)).await;
    }
    let url = slow(world.db.url()).await;
    let begun = Instant::now();
    let (mut glass, _state): (Glass, _) = at_the_queue(&world, &url).await;
    let started = begun.elapsed();
    let mut opened = Vec::new();
    for _ in 0..5 {
        glass.keys("1");
        glass.shows("Nothing is yours");
        let since = Instant::now();
        glass.keys("2");
        glass.shows("Subject of s0");
        opened.push(since.elapsed());
    }
    let mut turned = Vec::new();
    glass.keys("\r");
    for n in 0..5 {
        let since = Instant::now();
        glass.keys("J");
        glass.shows(&format!("N-s{n}  Subject of s{n}"));
        turned.push(since.elapsed());
    }
    glass.keys("r");
    glass.shows("Reply to");
    let echoes = run::type_and_time(&mut glass, 100);
    glass.keys("\x1b");
    glass.shows("Send to Grace Hopper");
    let since = Instant::now();
    glass.keys("y");
    glass.shows("sent to Grace Hopper");
    let sent = since.elapsed();
    println!(
        "fault 7: {DELAY:?} each way and one piece in {LOST} lost once: start to a live list {started:.1?}, list at most {:.2?}, the \
         next ticket {:.2?}, reply sent after {sent:.1?}; key to screen at most {:.1?} (median {:.1?}, {} keys)",
        run::longest(&opened),
        run::longest(&turned),
        run::longest(&echoes),
        run::percentile(&echoes, 50),
        echoes.len()
    );
    assert!(run::percentile(&echoes, 95) <= Duration::from_millis(50), "{echoes:?}");
    assert!(run::longest(&opened) <= Duration::from_secs(3), "{opened:?}");
    assert!(run::longest(&turned) <= Duration::from_secs(3), "{turned:?}");
    // The saving under way and the message: two flights each, and one of five pieces lost.
    assert!(sent <= Duration::from_secs(4), "{sent:?}");
}

/// What one way out of the desk came to: the draft in the database after the last key, the process gone after the
/// signal, and whether the last words lay on this machine then.
async fn left_by(signal: Signal) -> (Duration, Duration, bool) {
    let world = world().await;
    world.ticket("t", "grace", "OPEN", "1 day").await;
    let (mut glass, state): (Glass, _) = at_the_queue(&world, &slow(world.db.url()).await).await;
    glass.keys("r");
    glass.shows("Reply to");
    let mut text = String::new();
    for key in "what-is-typed-while-a-saving-is-under-way".chars() {
        text.push(key);
        glass.keys(&key.to_string());
        glass.shows(&text);
    }
    let typed = Instant::now();
    let draft = "SELECT coalesce(max(content), '') FROM desk.drafts";
    while world.value(draft).await != text {
        assert!(typed.elapsed() < Duration::from_secs(20), "the draft is never saved");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let saved = typed.elapsed();
    glass.keys("-last");
    text.push_str("-last");
    glass.shows(&text);
    let since = Instant::now();
    glass.signal(signal);
    let gone = glass.ends(since).took;
    let kept = spooled(state.path()).contains(&text);
    // What was sent before the end arrives after it.
    tokio::time::sleep(2 * (DELAY + DELAY)).await;
    assert!(kept || world.value(draft).await == text, "{signal:?}: neither kept nor saved");
    (saved, gone, kept)
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_07_on_a_slow_wire_nothing_typed_is_lost_on_the_way_out() {
    run::in_passing();
    // On threads of their own: the wire must not wait for those who look at the terminal.
    let leave = |signal| tokio::task::spawn_blocking(move || Handle::current().block_on(left_by(signal)));
    let (hangup, interrupt) = (leave(Signal::HUP), leave(Signal::INT));
    let ways = [hangup.await.unwrap(), interrupt.await.unwrap()];
    println!(
        "fault 7: on that wire a draft is in the database {:.2?} after its last key; SIGHUP and SIGINT with a word more: gone \
         after {:.2?}, {} of 2 times the last word lies on this machine, never nowhere",
        ways.iter().map(|way| way.0).max().unwrap(),
        ways.iter().map(|way| way.1).max().unwrap(),
        ways.iter().filter(|way| way.2).count()
    );
    for (saved, gone, _) in ways {
        assert!(saved <= Duration::from_secs(5), "{saved:?}");
        assert!(gone <= Duration::from_secs(2), "{gone:?}");
    }
}
