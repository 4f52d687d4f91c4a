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

/// Waits until all of them are as wanted; how long that took.
async fn all_of(desks: &[Glass], what: &str, limit: u64, holds: impl Fn(&Glass) -> bool) -> Duration {
    let since = Instant::now();
    while !desks.iter().all(&holds) {
        if since.elapsed() > Duration::from_secs(limit) {
            let left: Vec<_> = desks.iter().filter(|desk| !holds(desk)).map(Glass::text).collect();
            panic!("{} desks are not {what}, the first:\n{}", left.len(), left[0]);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    since.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_17_sixty_desks_and_twenty_connections() {
    const DESKS: usize = 60;
    const SHARE: usize = 10;
    const WEB: usize = 5;
    let _place = run::beside_others().await;
    // Ten of the twenty are the desk's share, five the web app's. The others are Postgres's own three, the test's, and
    // one for those who are being turned away.
    let (mut cluster, world) = own_server(&["max_connections=20"]).await;
    let clerk = tokio_postgres::Config::clone(&world.db.url().parse().unwrap());
    let clerk = clerk.get_user().unwrap();
    let roles = format!(
        "ALTER ROLE {clerk} CONNECTION LIMIT {SHARE}; CREATE ROLE web LOGIN; GRANT SELECT ON public.users TO web"
    );
    world.sql(&roles).await;
    let states: Vec<_> = (0..DESKS).map(|_| TempDir::new().unwrap()).collect();
    let mut desks = Vec::new();
    for state in &states {
        let token = world.token("ada").await;
        desks.push(Glass::desk_with(world.db.url(), state, &[("KAYGIA_DESK_SESSION", token.expose())]));
    }
    let told = |glass: &Glass| glass.text().replace('\n', "").contains("no connection left; waiting for one");
    let inside = |glass: &Glass| glass.text().contains("Nothing is yours");
    // The web app goes on all the while, with all that is left to it.
    let web_url = cluster.url("postgres").replace("kaygia@", "web@");
    let mut web = Vec::new();
    for _ in 1..WEB {
        web.push(crate::support::connect(&web_url).await);
    }
    let (mut served, mut most, mut waits) = (0, 0, Vec::new());
    let since = Instant::now();
    while !desks.iter().all(|desk| told(desk) || inside(desk)) || since.elapsed() < Duration::from_secs(5) {
        assert!(since.elapsed() < Duration::from_secs(60), "some desk tells nothing");
        for open in &web {
            open.query("SELECT id FROM public.users", &[]).await.unwrap();
            served += 1;
        }
        // The last one comes anew each time. A desk takes a place for a moment before it is turned away.
        let asked = Instant::now();
        let newest = loop {
            match tokio_postgres::connect(&web_url, tokio_postgres::NoTls).await {
                Ok((client, connection)) => {
                    tokio::spawn(connection);
                    break client;
                }
                Err(error) => assert!(asked.elapsed() < Duration::from_secs(5), "{error:?}"),
            }
        };
        waits.push(asked.elapsed());
        newest.query("SELECT id FROM public.users", &[]).await.unwrap();
        served += 1;
        let taken =
            format!("SELECT count(*) FROM pg_stat_activity WHERE usename = '{clerk}' AND state IS NOT NULL");
        most = most.max(world.value(&taken).await.parse::<usize>().unwrap());
        drop(newest);
    }
    drop(web);
    let waiting = desks.iter().filter(|desk| !inside(desk)).count();
    // Without a share of their own they meet the limit of the server itself.
    world.sql(&format!("ALTER ROLE {clerk} CONNECTION LIMIT -1")).await;
    let full = "FATAL:  remaining connection slots are reserved";
    let deadline = Instant::now() + Duration::from_secs(30);
    while !cluster.log().contains(full) && !cluster.log().contains("FATAL:  sorry, too many clients already")
    {
        assert!(Instant::now() < deadline, "the server is not full");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    all_of(&desks, "inside or told", 20, |desk| told(desk) || inside(desk)).await;
    let still = desks.iter().filter(|desk| !inside(desk)).count();
    // Room comes as it does in life: somebody gives the server more, and starts it anew.
    cluster.stop_immediately();
    cluster.set(&["max_connections=300"]);
    cluster.start().await;
    let took = all_of(&desks, "inside", 120, |desk| inside(desk) && desk.text().contains(" live")).await;
    println!(
        "fault 17: {DESKS} desks, max_connections=20, {SHARE} of them for the desk: {waiting} wait with a clear text, {most} \
         connections taken at most, the web app was served {served} times of {served} and connected anew {} times within {:.1?} at most; without that limit the server is full \
         and {still} wait; all in and live {took:.1?} after there is room",
        waits.len(),
        run::longest(&waits)
    );
    assert!(waiting >= 30 && still >= 30, "{waiting} {still}");
    assert!((1..=SHARE).contains(&most), "{most}");
    assert!(served >= WEB, "{served}");
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
    const PART: Duration = Duration::from_secs(10);
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
    // Whoever types has drafts saved: what the storm costs is counted while nobody does.
    tokio::time::sleep(PART).await;
    let first = (asked(), start.elapsed());
    let mut echoes = run::type_and_time(&mut glass, 100);
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
    glass.shows(" live");
    let (again, since) = (asked(), Instant::now());
    tokio::time::sleep(PART).await;
    let (after, rest) = (asked(), since.elapsed());
    echoes.extend(run::type_and_time(&mut glass, 100));
    let all = start.elapsed();
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
    let calm = first.1 + rest;
    let [statements, readings] = [0, 1].map(|n| (first.0[n] - before[n]) + (after[n] - again[n]));
    let rate = readings as f64 / calm.as_secs_f64();
    println!(
        "fault 19: {told} changes told in {all:.1?} ({:.0} a second); in {calm:.1?} of it the desk read {readings} times ({rate:.2} \
         a second; {statements} statements), key to screen at most {:.1?} (median {:.1?}, {} keys); in the middle the wire cut for \
         {cut:.1?}: 20 tickets came, {} missed, seen {back:.2?} later",
        told as f64 / all.as_secs_f64(),
        run::longest(&echoes),
        run::percentile(&echoes, 50),
        echoes.len(),
        missed.len()
    );
    assert!(told > 29_000 && all >= Duration::from_secs(30), "{told} in {all:?}");
    assert!(run::percentile(&echoes, 95) <= Duration::from_millis(50), "{echoes:?}");
    assert_eq!(missed, [0_usize; 0]);
    assert!(readings > 0 && rate <= 2.0, "{readings}");
}
