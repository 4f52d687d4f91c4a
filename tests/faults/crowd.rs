//! More desks than the server has connections for, and more changes than anybody can read.

use crate::cluster::Cluster;
use crate::pty::glass::Glass;
use crate::run;
use crate::support::database_at;
use crate::support::proxy::Proxy;
use crate::support::world::{World, world_in};
use crate::writers::at_the_queue;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A server and a world of its own in it.
async fn own_server(settings: &[&str]) -> (Cluster, World) {
    let cluster = Cluster::new(settings).await;
    let world = world_in(database_at(&cluster.url("postgres")).await).await;
    world.ticket("t", "grace", "OPEN", "1 hour").await;
    (cluster, world)
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_17_sixty_desks_and_twenty_connections() {
    const DESKS: usize = 60;
    let _place = run::alone().await;
    let (_cluster, world) = own_server(&["max_connections=300"]).await;
    // The desk's share is what its role may have; sixty desks need more than sixty connections when there is room.
    let clerk = tokio_postgres::Config::clone(&world.db.url().parse().unwrap());
    let clerk = clerk.get_user().unwrap();
    world.sql(&format!("ALTER ROLE {clerk} CONNECTION LIMIT 20")).await;
    let states: Vec<_> = (0..DESKS).map(|_| TempDir::new().unwrap()).collect();
    let mut desks = Vec::new();
    for state in &states {
        let token = world.token("ada").await;
        desks.push(Glass::desk_with(world.db.url(), state, &[("KAYGIA_DESK_SESSION", token.expose())]));
    }
    let told = |glass: &Glass| glass.text().replace('\n', "").contains("no connection left; waiting for one");
    let inside = |glass: &Glass| glass.text().contains("Nothing is yours");
    let start = Instant::now();
    while !desks.iter().all(|desk| told(desk) || inside(desk)) {
        assert!(start.elapsed() < Duration::from_secs(60), "some desk tells nothing");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let waiting = desks.iter().filter(|desk| !inside(desk)).count();
    let most = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'kaygia-desk'";
    let taken = world.value(most).await;
    // The web app's part is not touched: it connects as ever.
    drop(world.db.connect().await);
    world.sql(&format!("ALTER ROLE {clerk} CONNECTION LIMIT -1")).await;
    let room = Instant::now();
    while !desks.iter().all(|desk| inside(desk) && desk.text().contains(" live")) {
        assert!(room.elapsed() < Duration::from_secs(120), "some desk stays outside");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let took = room.elapsed();
    println!(
        "fault 17: {DESKS} desks, 20 connections (limit of the role): {waiting} wait with a clear text, {taken} connections taken, \
         the web app connects; all in and live {took:.1?} after there is room"
    );
    assert!(waiting >= 30, "{waiting}");
    assert!(took <= Duration::from_secs(60), "{took:?}");
}

/// Changes of the ticket in view, a thousand a second, until told to stop. Answers how many.
async fn storm(world: &World, stop: Arc<AtomicBool>) -> usize {
    let db = world.db.connect().await;
    let mut beat = tokio::time::interval(Duration::from_millis(10));
    let mut told = 0;
    while !stop.load(Ordering::SeqCst) {
        beat.tick().await;
        let notify = format!(
            "SELECT count(pg_notify('desk', 't ' || 1000000 + n || ' t')) FROM generate_series({told}, {told} + 9) AS n"
        );
        db.batch_execute(&notify).await.unwrap();
        told += 10;
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_19_a_storm_of_changes_and_a_listener_that_is_cut_in_the_middle() {
    const STORM: Duration = Duration::from_secs(15);
    const CUT: Duration = Duration::from_secs(10);
    let _place = run::alone().await;
    let (cluster, world) = own_server(&["log_statement=all", "log_line_prefix=%a "]).await;
    let world = Arc::new(world);
    let proxy = Proxy::before(world.db.url()).await;
    let (mut glass, _state) = at_the_queue(&world, proxy.url()).await;
    glass.keys("r");
    glass.shows("Reply to");
    // The loop of the desk is past its beginning, and so is the saving of the first keys.
    run::type_and_time(&mut glass, 10);
    glass.shows("draft saved");
    // Each reading asks for the reader's standing, and for what it shows, in one round trip.
    let asked = || {
        let log = cluster.log();
        let count = |what: &str| {
            log.lines().filter(|line| line.starts_with("kaygia-desk ") && line.contains(what)).count()
        };
        [count("LOG:  execute"), count("execute <unnamed>: SELECT u.role::text")]
    };
    let stop = Arc::new(AtomicBool::new(false));
    let before = asked();
    let start = Instant::now();
    let storming = tokio::spawn({
        let (world, stop) = (Arc::clone(&world), Arc::clone(&stop));
        async move { storm(&world, stop).await }
    });
    tokio::time::sleep(STORM).await;
    let (after, took) = (asked(), start.elapsed());
    let echoes = run::type_and_time(&mut glass, 100);
    // In the middle of it the wire is cut, and meanwhile tickets arrive.
    proxy.refuse(true);
    proxy.cut();
    let cut = Instant::now();
    for n in 0..20 {
        world.ticket(&format!("m{n}"), "grace", "OPEN", "1 minute").await;
        tokio::time::sleep(CUT / 20).await;
    }
    proxy.refuse(false);
    let cut = cut.elapsed();
    stop.store(true, Ordering::SeqCst);
    let told = storming.await.unwrap();
    let back = Instant::now();
    glass.keys("\x1b");
    glass.shows("Send to Grace Hopper");
    glass.keys("n");
    glass.shows("Subject of m19");
    let back = back.elapsed();
    glass.keys("q");
    let missed: Vec<_> = (0..20).filter(|n| !glass.text().contains(&format!("N-m{n}"))).collect();
    let [statements, readings] = [after[0] - before[0], after[1] - before[1]];
    let rate = readings as f64 / took.as_secs_f64();
    println!(
        "fault 19: {told} changes told at 1,000 a second; in {took:.1?} of it (not 30 s) the desk read {readings} times ({rate:.2} a \
         second; {statements} statements), key to screen at most {:.1?} (median {:.1?}); wire cut for {cut:.1?}: 20 tickets came, \
         {} missed, seen {back:.2?} later",
        run::longest(&echoes),
        run::percentile(&echoes, 50),
        missed.len()
    );
    assert!(told > 10_000, "{told}");
    assert!(run::percentile(&echoes, 95) <= Duration::from_millis(50), "{echoes:?}");
    assert_eq!(missed, [0_usize; 0]);
    assert!(readings > 0 && rate <= 2.0, "{readings}");
}
