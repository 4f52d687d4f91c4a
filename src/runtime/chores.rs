//! What goes on behind the screen: mail is sent, and once a day what nobody needs any more is removed.

use super::hub::seal_the_log;
use crate::desk::post::{Post, Round};
use crate::desk::{Desk, Gateway};
use crate::domain::failure::Failure;
use std::io;
use std::pin::pin;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

/// How long a mail waits at most for somebody to look.
const LOOK: Duration = Duration::from_secs(10);
/// How often it is asked whose turn the daily clean-up is.
const TURN: Duration = Duration::from_secs(60 * 60);
/// How long a desk that is being left waits for the mail that is on its way.
const GOODBYE: Duration = Duration::from_secs(2);
/// How long leaving waits for the last seal of the event log. Where it takes longer, the next desk seals.
const SEAL: Duration = Duration::from_millis(200);

/// The chores of an open desk.
#[derive(Debug)]
pub struct Chores {
    stop: watch::Sender<bool>,
    post: Option<JoinHandle<()>>,
    clean_up: JoinHandle<()>,
    desk: Desk,
}

impl Chores {
    /// Begins; nothing of it shows on the screen.
    pub fn begin(desk: Desk, post: Option<Post>) -> Self {
        let (stop, stopped) = watch::channel(false);
        // Failures are logged where they are made.
        let post = post.map(|post| tokio::spawn(deliver(post, stopped, |_: &Result<Round, Failure>| ())));
        Self { stop, post, clean_up: tokio::spawn(clean_up(desk.clone())), desk }
    }

    /// Ends, but for the mail that is on its way: cut off now, it would be in doubt. Leaves the event log sealed.
    pub async fn end(self) {
        self.clean_up.abort();
        let _ = self.stop.send(true);
        if let Some(post) = self.post {
            let _ = timeout(GOODBYE, post).await;
        }
        seal(&self.desk).await;
    }
}

/// Whoever leaves last leaves nothing that can be changed unnoticed. Nobody waits for it: what fails is logged where it
/// is made.
async fn seal(desk: &impl Gateway) {
    let _ = timeout(SEAL, desk.seal()).await;
}

/// SIGTERM and SIGINT: from here on they end nothing by themselves.
#[derive(Debug)]
pub struct Leave {
    terminate: Signal,
    interrupt: Signal,
}

impl Leave {
    /// Begins to listen.
    pub fn listen() -> io::Result<Self> {
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }
}

/// Does the chores in the foreground until it is told to leave; `told` hears of each round.
pub async fn serve(desk: Desk, post: Post, mut leave: Leave, told: impl Fn(&Result<Round, Failure>)) {
    let (stop, stopped) = watch::channel(false);
    let mut deliver = pin!(deliver(post, stopped, told));
    let mut clean_up = pin!(clean_up(desk.clone()));
    let mut sealing = pin!(seal_the_log(desk.clone()));
    loop {
        tokio::select! {
            () = &mut deliver => break,
            () = &mut clean_up => {}
            () = &mut sealing => {}
            _ = leave.terminate.recv() => drop(stop.send(true)),
            _ = leave.interrupt.recv() => drop(stop.send(true)),
        }
    }
    seal(&desk).await;
}

/// Sends mail until it is told to stop.
async fn deliver(post: Post, mut stopped: watch::Receiver<bool>, told: impl Fn(&Result<Round, Failure>)) {
    while !*stopped.borrow() {
        let go_on = stopped.clone();
        told(&post.round(|| !*go_on.borrow()).await);
        tokio::select! {
            () = sleep(LOOK) => {}
            _ = stopped.changed() => return,
        }
    }
}

/// Cleans up once a day. What fails is logged where it is made, and tried again within the hour.
async fn clean_up(desk: Desk) {
    loop {
        if let Ok(Some(cleaned)) = desk.clean_up_daily().await {
            tracing::info!(?cleaned, "cleaned up");
        }
        sleep(TURN).await;
    }
}
