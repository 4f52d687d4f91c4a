//! People at work: a desk on a terminal that looks on, and writers who send one reply after the other.

use crate::pty::glass::Glass;
use crate::support::world::{World, reply};
use kaygia_desk::auth::Actor;
use kaygia_desk::desk::{Desk, Gateway};
use kaygia_desk::domain::failure::Failure;
use kaygia_desk::domain::ticket::TicketStatus::Open;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::task::JoinHandle;

/// A desk on a terminal, at the queue, with the newest ticket in view.
pub async fn at_the_queue(world: &World, url: &str) -> (Glass, TempDir) {
    let state = TempDir::new().unwrap();
    let token = world.token("alan").await;
    let mut glass = Glass::desk_with(url, &state, &[("KAYGIA_DESK_SESSION", token.expose())]);
    glass.shows("Nothing is yours");
    glass.keys("2");
    glass.shows("Subject of t");
    glass.shows("Description");
    glass.shows("live");
    (glass, state)
}

/// What writers have done so far.
#[derive(Default)]
pub struct Work {
    /// They are to stop.
    pub stop: AtomicBool,
    /// Presses that were answered by a failure.
    pub refused: AtomicUsize,
    /// Replies that the desk said are sent: who, and the id.
    confirmed: Mutex<Vec<(usize, String)>>,
}

impl Work {
    /// How many replies are confirmed.
    pub fn confirmed(&self) -> usize {
        self.confirmed.lock().unwrap().len()
    }

    /// How many writers have got a reply confirmed after the first so many.
    pub fn writing_since(&self, before: usize) -> usize {
        let confirmed = self.confirmed.lock().unwrap();
        confirmed[before..].iter().map(|(writer, _)| *writer).collect::<BTreeSet<_>>().len()
    }

    /// The ids of the replies that are confirmed.
    pub fn ids(&self) -> Vec<String> {
        self.confirmed.lock().unwrap().iter().map(|(_, id)| id.clone()).collect()
    }
}

/// Writes replies one after the other, each until it is confirmed, with a pause after each.
pub fn writer(
    desk: Desk,
    actor: Actor,
    name: usize,
    limit: usize,
    pause: Duration,
    work: &Arc<Work>,
) -> JoinHandle<()> {
    let work = Arc::clone(work);
    tokio::spawn(async move {
        for n in 0..limit {
            let id = format!("w{name} {n}");
            let command = reply("t", &id, (Open, Open), None);
            while let Err(failure) = desk.execute(&actor, command.clone()).await {
                assert!(matches!(failure, Failure::Unavailable(_)), "{failure:?}");
                work.refused.fetch_add(1, Ordering::SeqCst);
                // A person presses again, but not at once.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            work.confirmed.lock().unwrap().push((name, id));
            if work.stop.load(Ordering::SeqCst) {
                return;
            }
            tokio::time::sleep(pause).await;
        }
    })
}
