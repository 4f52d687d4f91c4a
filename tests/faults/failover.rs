//! A primary that dies or stands still, and its standby that takes over: an address that names both servers.

use crate::cluster::Cluster;
use crate::pty::glass::Glass;
use crate::run;
use crate::support::database_at;
use crate::support::world::{desk_from, world_in};
use crate::writers::{Work, at_the_queue, writer};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// How the primary is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loss {
    Killed,
    Frozen,
}

/// The address of a server, with another one behind it.
fn with_standby(url: &str, primary: &Cluster, standby: &Cluster) -> String {
    let folder = |cluster: &Cluster| cluster.socket().to_str().unwrap().replace('/', "%2F");
    let (first, second) = (folder(primary), folder(standby));
    assert!(url.contains(&first), "{url}");
    format!("{}?target_session_attrs=read-write", url.replace(&first, &format!("{first},{second}")))
}

async fn failover(loss: Loss) {
    const WRITERS: usize = 4;
    let mut primary = Cluster::new(&["max_wal_senders=4", "synchronous_commit=on"]).await;
    let world = world_in(database_at(&primary.url("postgres")).await).await;
    world.ticket("t", "grace", "OPEN", "1 hour").await;
    world.ticket("t0", "grace", "OPEN", "2 hours").await;
    let ada = world.actor("ada").await;
    let standby = primary.standby().await;
    let url = with_standby(world.db.url(), &primary, &standby);
    let (mut glass, _state): (Glass, _) = at_the_queue(&world, &url).await;
    glass.write_reply("Through it all");
    glass.keys("\x1b");
    glass.shows("Send to Grace Hopper");
    let work = Arc::new(Work::default());
    let writers: Vec<_> = (0..WRITERS)
        .map(|n| {
            let desk = desk_from(&url, &format!("writer {n}"));
            writer(desk, ada.clone(), n, usize::MAX, Duration::from_millis(10), &work)
        })
        .collect();
    while work.confirmed() < 100 {
        tokio::task::yield_now().await;
    }
    match loss {
        Loss::Killed => primary.kill(),
        Loss::Frozen => primary.freeze(true),
    }
    glass.keys("y");
    let before = work.confirmed();
    // Whoever watches over the servers needs a moment to decide.
    tokio::time::sleep(Duration::from_secs(2)).await;
    standby.promote();
    let promoted = Instant::now();
    let mut db = standby.connect("postgres").await;
    let new = "INSERT INTO public.support_tickets (id, ticket_number, subject, description, client_id) \
                 VALUES ('t9', 'N-t9', 'After failover', 'Description', 'grace')";
    db.batch_execute(new).await.unwrap();
    // All of them: each has told that another one of its own is sent.
    while work.writing_since(before) < WRITERS {
        assert!(promoted.elapsed() < Duration::from_secs(60), "nobody can write again");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let written = promoted.elapsed();
    glass.shows("After failover");
    let seen = promoted.elapsed();
    // What went to the lost server is told as not confirmed, lies there as it was, and goes out once.
    glass.shows("not confirmed; y tries again");
    glass.keys("y");
    glass.shows("sent to Grace Hopper");
    let sent = promoted.elapsed();
    work.stop.store(true, Ordering::SeqCst);
    for writer in writers {
        writer.await.unwrap();
    }
    db = standby.connect("postgres").await;
    let texts = "SELECT ticket_id = 't0', id, content FROM public.ticket_comments";
    let rows = db.query(texts, &[]).await.unwrap();
    let (ours, theirs): (Vec<_>, Vec<_>) = rows.iter().partition(|row| row.get(0));
    let ours: Vec<&str> = ours.iter().map(|row| row.get(2)).collect();
    let there: Vec<String> = theirs.iter().map(|row| row.get(1)).collect();
    let lost: Vec<_> = work.ids().into_iter().filter(|id| !there.contains(id)).collect();
    println!(
        "failover, primary {loss:?}: {} replies confirmed (standby synchronous), {} of them lost, {} there; all {WRITERS} write \
         again {written:.2?} after the promotion, the queue shows what is new after {seen:.2?}; a reply begun before is told as \
         not confirmed and sent once, after {sent:.2?}",
        work.confirmed(),
        lost.len(),
        there.len()
    );
    assert!(lost.is_empty(), "{lost:?}");
    assert_eq!(ours, ["Through it all"]);
    assert_eq!(there.len(), work.confirmed());
    assert!(written <= Duration::from_secs(10), "{written:?}");
    assert!(seen <= Duration::from_secs(10), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failover_of_a_primary_that_is_killed() {
    let _place = run::for_long().await;
    failover(Loss::Killed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failover_of_a_primary_that_stands_still() {
    let _place = run::for_long().await;
    failover(Loss::Frozen).await;
}
