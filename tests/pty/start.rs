//! What most runs of the real program begin and end with.

use super::glass::{End, Glass};
use crate::support::world::{World, world};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// A desk with two staff who can sign in, and a few tickets.
pub(crate) async fn desk() -> (World, TempDir) {
    let world = world().await;
    let hash = bcrypt::hash("correct horse", 4).unwrap();
    world.sql(&format!("UPDATE public.users SET password_hash = '{hash}' WHERE role <> 'CLIENT'")).await;
    for (id, ago) in [("t1", "3 hours"), ("t2", "2 hours"), ("t3", "1 hour")] {
        world.ticket(id, "grace", "OPEN", ago).await;
    }
    (world, TempDir::new().unwrap())
}

/// A signed-in desk that shows the queue.
pub(crate) async fn at_the_queue() -> (World, TempDir, Glass) {
    let (world, state) = desk().await;
    let mut glass = Glass::desk(world.db.url(), &state);
    glass.sign_in("ada");
    glass.keys("2");
    glass.shows("Subject of t1");
    (world, state, glass)
}

pub(crate) fn leave(glass: &mut Glass) -> End {
    glass.keys(":quit\r");
    glass.shows("Leave the desk?");
    let since = Instant::now();
    glass.keys("y");
    glass.ends(since)
}

pub(crate) async fn draft(world: &World) -> String {
    world.value("SELECT string_agg(content, '|') FROM desk.drafts").await
}

/// Waits for a value in the database.
pub(crate) async fn becomes(world: &World, query: &str, wanted: &str) {
    let deadline = Instant::now() + Duration::from_secs(40);
    loop {
        let value = world.value(query).await;
        if value == wanted {
            return;
        }
        assert!(Instant::now() < deadline, "{query} stays {value:?}, not {wanted:?}");
        tokio::task::yield_now().await;
    }
}

pub(crate) fn spooled(state: &TempDir) -> String {
    let files = std::fs::read_dir(state.path().join("drafts")).into_iter().flatten();
    let text = |path| match std::fs::read_to_string(path) {
        // The desk has saved it since the folder was read.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        text => text.unwrap(),
    };
    files.map(|file| text(file.unwrap().path())).collect()
}
