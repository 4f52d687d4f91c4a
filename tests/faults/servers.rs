//! Servers that drop connections, crash and stand still under load.

use crate::cluster::Cluster;
use crate::run::{self, Dice};
use crate::support::proxy::Proxy;
use crate::support::world::{desk_from, world, world_in};
use crate::support::{database_at, url_of};
use crate::writers::{Work, at_the_queue, writer};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;

#[tokio::test(flavor = "multi_thread")]
async fn fault_02_connections_ended_five_times_a_second_cost_no_reply() {
    const WRITERS: usize = 8;
    const EACH: usize = 50;
    const CUTTING: Duration = Duration::from_secs(60);
    let _place = run::for_long().await;
    let world = world().await;
    world.ticket("t", "grace", "OPEN", "1 hour").await;
    let ada = world.actor("ada").await;
    let proxy = Proxy::before(world.db.url()).await;
    let (glass, _state) = at_the_queue(&world, proxy.url()).await;
    let killer = crate::support::connect(&url_of("postgres")).await;
    let work = Arc::new(Work::default());
    let start = Instant::now();
    let writers: Vec<_> = (0..WRITERS)
        .map(|n| {
            let desk = desk_from(world.db.url(), &format!("writer {n}"));
            // Fifty in a minute: the last one is not out before the last cut.
            writer(desk, ada.clone(), n, EACH, CUTTING / 52, &work)
        })
        .collect();
    let pids = format!(
        "SELECT pid FROM pg_stat_activity WHERE datname = '{}' AND application_name = 'kaygia-desk' ORDER BY pid",
        world.db.name()
    );
    let (mut ended, mut dice) = (0, Dice::new(2));
    let mut beat = tokio::time::interval(Duration::from_millis(200));
    while start.elapsed() < CUTTING || !writers.iter().all(JoinHandle::is_finished) {
        beat.tick().await;
        let found = killer.query(&pids, &[]).await.unwrap();
        if found.is_empty() {
            continue;
        }
        let pid: i32 = found[dice.below(found.len() as u64) as usize].get(0);
        let gone = killer.query_one("SELECT pg_terminate_backend($1)", &[&pid]).await.unwrap();
        ended += usize::from(gone.get::<_, bool>(0));
    }
    let took = start.elapsed();
    for writer in writers {
        writer.await.unwrap();
    }
    glass.shows("live");
    // Alone these are over before anybody notices. Now nothing can be reached for a while.
    let cut = Instant::now();
    proxy.refuse(true);
    proxy.cut();
    glass.shows("offline");
    let told = cut.elapsed();
    tokio::time::sleep(Duration::from_secs(2)).await;
    proxy.refuse(false);
    let back = Instant::now();
    glass.shows("live");
    let back = back.elapsed();
    let there = world
        .value("SELECT concat_ws(' ', count(*), count(DISTINCT content)) FROM public.ticket_comments")
        .await;
    println!(
        "fault 2: {ended} connections ended in {took:.1?}, {WRITERS} writers, {} replies of {}, {} presses more; offline told after {told:.2?}, live again \
         {back:.2?} after the last cut",
        there,
        WRITERS * EACH,
        work.refused.load(Ordering::SeqCst)
    );
    assert_eq!(there, "400 400");
    assert!(ended >= 250, "{ended}");
    assert!(told <= Duration::from_secs(1), "{told:?}");
    assert!(back <= Duration::from_secs(3), "{back:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_03_a_server_that_crashes_ten_times_keeps_every_confirmed_reply() {
    let _place = run::beside_others().await;
    let mut cluster = Cluster::new(&["synchronous_commit=on"]).await;
    let world = world_in(database_at(&cluster.url("postgres")).await).await;
    let url = world.db.url().to_owned();
    world.ticket("t", "grace", "OPEN", "1 hour").await;
    let ada = world.actor("ada").await;
    let (glass, _state) = at_the_queue(&world, &url).await;
    let work = Arc::new(Work::default());
    let writers: Vec<_> = (0..4)
        .map(|n| {
            let desk = desk_from(&url, &format!("writer {n}"));
            writer(desk, ada.clone(), n, usize::MAX, Duration::from_millis(10), &work)
        })
        .collect();
    let (mut backs, mut lives) = (Vec::new(), Vec::new());
    for _ in 0..10 {
        // Under load: some more are confirmed before each crash.
        let enough = work.confirmed() + 20;
        while work.confirmed() < enough {
            tokio::task::yield_now().await;
        }
        cluster.stop_immediately();
        glass.wait("not live", |screen| !screen.contents().contains(" live"));
        cluster.start().await;
        let since = Instant::now();
        let now = work.confirmed();
        while work.confirmed() == now {
            assert!(since.elapsed() < Duration::from_secs(20), "nobody can write again");
            tokio::task::yield_now().await;
        }
        backs.push(since.elapsed());
        glass.shows("live");
        lives.push(since.elapsed());
    }
    work.stop.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
    let confirmed = work.confirmed();
    let db = cluster.connect("postgres").await;
    let row = db
        .query_one("SELECT count(*), count(DISTINCT content) FROM public.ticket_comments", &[])
        .await
        .unwrap();
    let (there, distinct): (i64, i64) = (row.get(0), row.get(1));
    println!(
        "fault 3: 10 crashes, {confirmed} confirmed, {there} there, {} double; written again at most {:.2?} after the server \
         takes connections, live again {:.2?}; no desk ended",
        there - distinct,
        run::longest(&backs),
        run::longest(&lives)
    );
    assert_eq!((there, distinct), (confirmed as i64, confirmed as i64));
    assert!(run::longest(&backs) <= Duration::from_secs(5), "{backs:?}");
    assert!(run::longest(&lives) <= Duration::from_secs(5), "{lives:?}");
    assert!(glass.text().contains("Subject of t"));
}

#[tokio::test(flavor = "multi_thread")]
async fn fault_04_a_server_that_stands_still_for_twenty_seconds_holds_up_no_key() {
    let _place = run::among_the_calm().await;
    let cluster = Cluster::new(&[]).await;
    let world = world_in(database_at(&cluster.url("postgres")).await).await;
    let url = world.db.url().to_owned();
    world.ticket("t", "grace", "OPEN", "1 hour").await;
    let (mut glass, _state) = at_the_queue(&world, &url).await;
    cluster.freeze(true);
    let frozen = Instant::now();
    glass.keys("p4");
    glass.shows("did not answer in time");
    let told = frozen.elapsed();
    glass.keys("r");
    glass.shows("Reply to");
    let echoes = run::type_and_time(&mut glass, 100);
    glass.keys("\rkept through it all");
    glass.shows("kept through it all");
    while frozen.elapsed() < Duration::from_secs(20) {
        // The length of the standstill is the input of this test.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let more = run::type_and_time(&mut glass, 20);
    cluster.freeze(false);
    let thawed = Instant::now();
    glass.shows("live");
    glass.shows("draft saved");
    let back = thawed.elapsed();
    let draft = world.value("SELECT content FROM desk.drafts").await;
    let all = [echoes, more].concat();
    println!(
        "fault 4: stopped for 20 s: told after {told:.2?}, key to screen at most {:.1?} (median {:.1?}, {} keys), back {back:.2?} \
         after it goes on, draft saved",
        run::longest(&all),
        run::percentile(&all, 50),
        all.len()
    );
    assert!(told <= Duration::from_secs(6), "{told:?}");
    assert!(run::percentile(&all, 95) <= Duration::from_millis(50), "{all:?}");
    assert!(draft.contains("kept through it all"), "{draft}");
    assert!(back <= Duration::from_secs(10), "{back:?}");
}
