//! One listener for the whole process, and what sessions hear from it.
//!
//! It listens first and then says that everything may have changed. A change goes on after a moment, which is another
//! one at each desk, those that follow closely are merged. A lost listener is looked for again with growing, uneven pauses; meanwhile, and
//! slowly even while all is well, everything is read again. Rows that a trigger had to leave are folded here,
//! and the event log is sealed.
//!
//! Invariant: a change that was committed after [`Heard::Live`] is heard, or [`Change::Everything`] is.

use crate::desk::Gateway;
use crate::domain::change::Change;
use crate::domain::ids::{ProjectId, TicketId, UserId};
use crate::store::listen::{Ear, Listener};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, broadcast};
use tokio::task::AbortHandle;
use tokio::time::{Instant, interval_at, sleep, timeout, timeout_at};

/// Changes that follow within this time go together.
const MERGED: Duration = Duration::from_millis(40);
/// The first change waits for a part of this, at random: many desks hear it at the same moment, and would ask the server
/// all at once while it still answers the one who made it. Nobody waits for what they do not know of yet.
const SPREAD: Duration = Duration::from_millis(60);
/// Everything is read again after so long.
const SLOW_POLL: Duration = Duration::from_secs(30);
/// Pauses between attempts to listen again: the first, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_millis(2500));
/// A listener that is back within this time was never gone.
const UNNOTICED: Duration = Duration::from_millis(300);
/// So long may the database take to say that it is there.
const ANSWER: Duration = Duration::from_secs(3);
/// Between two folds, when the first could not finish.
const FOLD_AGAIN: Duration = Duration::from_millis(250);
/// Between two seals of the event log. What is written while others write is sealed the second time.
const SEAL: Duration = Duration::from_secs(25);
/// A session that is so many behind reads everything again.
const QUEUE: usize = 256;

/// What sessions hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Rows changed.
    Changed(Vec<Change>),
    /// Changes arrive by themselves.
    Live,
    /// The listener is lost, the database answers.
    Polling,
    /// The database does not answer.
    Offline,
    /// So many of our triggers are missing: what the web app changes is not told.
    Deaf(usize),
}

/// How to listen to a database.
pub trait Source: Send + Sync + 'static {
    /// A connection that listens.
    type Listener: Listen;
    /// Why there is none.
    type Error: Display + Send;
    /// Connects and listens; what changes from then on is heard.
    fn connect(&self) -> impl Future<Output = Result<Self::Listener, Self::Error>> + Send;
}

/// A connection that listens.
pub trait Listen: Send {
    /// Why it ended.
    type Error: Display + Send;
    /// The next change. May be dropped and called again at any time.
    fn next(&mut self) -> impl Future<Output = Result<Change, Self::Error>> + Send;
}

impl Source for Ear {
    type Listener = Listener;
    type Error = String;

    async fn connect(&self) -> Result<Listener, String> {
        self.listen().await.map_err(|error| error.to_string())
    }
}

impl Listen for Listener {
    type Error = String;

    async fn next(&mut self) -> Result<Change, String> {
        Self::next(self).await.map_err(|error| error.to_string())
    }
}

/// The listener of this process; ends with this value.
#[derive(Debug)]
pub struct Hub {
    sender: broadcast::Sender<Heard>,
    tasks: [AbortHandle; 4],
}

impl Hub {
    /// Begins to listen.
    pub fn start(source: impl Source, gateway: impl Gateway) -> Self {
        let (sender, _) = broadcast::channel(QUEUE);
        let (stale, look) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
        let folding = tokio::spawn(fold_when_stale(gateway.clone(), Arc::clone(&stale)));
        let sealing = tokio::spawn(seal_the_log(gateway.clone()));
        let looking = look_at_triggers(gateway.clone(), sender.clone(), Arc::clone(&look));
        let looking = tokio::spawn(looking);
        let listening = Listening { source, gateway, sender: sender.clone(), stale, look, said: None };
        let listening = tokio::spawn(listening.run());
        Self { sender, tasks: [folding, sealing, looking, listening].map(|task| task.abort_handle()) }
    }

    /// Hears everything from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Heard> {
        self.sender.subscribe()
    }
}

impl Drop for Hub {
    fn drop(&mut self) {
        self.tasks.iter().for_each(AbortHandle::abort);
    }
}

struct Listening<S, G> {
    source: S,
    gateway: G,
    sender: broadcast::Sender<Heard>,
    stale: Arc<Notify>,
    look: Arc<Notify>,
    /// The state of the link as told last.
    said: Option<Heard>,
}

impl<S: Source, G: Gateway> Listening<S, G> {
    async fn run(mut self) {
        loop {
            let mut listener = self.connect().await;
            self.say(Heard::Live);
            self.resync();
            let lost = self.pass_on(&mut listener).await;
            tracing::warn!(reason = %lost, "the listener was lost");
        }
    }

    /// Tries until somebody listens.
    async fn connect(&mut self) -> S::Listener {
        let mut pauses = Pauses::default();
        let mut poll = interval_at(Instant::now() + SLOW_POLL, SLOW_POLL);
        loop {
            match self.attempt().await {
                Ok(listener) => return listener,
                Err(error) => tracing::warn!(reason = %error, "could not listen"),
            }
            let mut pause = pin!(sleep(pauses.next(random_byte())));
            loop {
                tokio::select! {
                    () = &mut pause => break,
                    // A database that does not answer need not be asked; its return is told by itself.
                    _ = poll.tick() => if self.said != Some(Heard::Offline) { self.resync() },
                }
            }
        }
    }

    /// One attempt; one that takes noticeably long tells meanwhile whether the database answers.
    async fn attempt(&mut self) -> Result<S::Listener, S::Error> {
        let Self { source, gateway, sender, said, .. } = self;
        let mut connecting = pin!(source.connect());
        if let Ok(connected) = timeout(UNNOTICED, &mut connecting).await {
            if connected.is_err() {
                say(sender, said, state_of(gateway).await);
            }
            return connected;
        }
        let mut asking = pin!(state_of(gateway));
        tokio::select! {
            connected = &mut connecting => {
                if connected.is_err() {
                    say(sender, said, asking.await);
                }
                connected
            }
            state = &mut asking => {
                say(sender, said, state);
                connecting.await
            }
        }
    }

    /// Passes on what is heard until the listener is lost.
    async fn pass_on(&mut self, listener: &mut S::Listener) -> <S::Listener as Listen>::Error {
        let mut poll = interval_at(Instant::now() + SLOW_POLL, SLOW_POLL);
        loop {
            let first = tokio::select! {
                change = listener.next() => match change {
                    Ok(change) => change,
                    Err(lost) => return lost,
                },
                _ = poll.tick() => {
                    self.resync();
                    continue;
                }
            };
            let mut more = Merged::default();
            more.add(first);
            let mut window = SPREAD.mul_f64(f64::from(random_byte()) / 255.0);
            loop {
                // Those that follow within the window wait for its end and go together.
                let end = Instant::now() + window;
                while let Ok(change) = timeout_at(end, listener.next()).await {
                    match change {
                        Ok(change) => more.add(change),
                        Err(lost) => {
                            self.pass(more);
                            return lost;
                        }
                    }
                }
                if more.is_empty() {
                    break;
                }
                self.pass(std::mem::take(&mut more));
                window = MERGED;
            }
        }
    }

    fn pass(&self, merged: Merged) {
        if merged.stale {
            self.stale.notify_one();
        }
        let changes = merged.into_changes();
        if !changes.is_empty() {
            // Without a session there is nobody to tell.
            let _ = self.sender.send(Heard::Changed(changes));
        }
    }

    fn resync(&self) {
        self.stale.notify_one();
        self.look.notify_one();
        let _ = self.sender.send(Heard::Changed(vec![Change::Everything]));
    }

    fn say(&mut self, state: Heard) {
        say(&self.sender, &mut self.said, state);
    }
}

fn say(sender: &broadcast::Sender<Heard>, said: &mut Option<Heard>, state: Heard) {
    if said.as_ref() != Some(&state) {
        *said = Some(state.clone());
        let _ = sender.send(state);
    }
}

/// Whether the database answers: folding is as good a question as any.
async fn state_of(gateway: &impl Gateway) -> Heard {
    match timeout(ANSWER, gateway.fold()).await {
        Ok(Ok(_)) => Heard::Polling,
        Ok(Err(_)) | Err(_) => Heard::Offline,
    }
}

async fn fold_when_stale(gateway: impl Gateway, stale: Arc<Notify>) {
    loop {
        stale.notified().await;
        loop {
            match gateway.fold().await {
                Ok(true) => sleep(FOLD_AGAIN).await,
                Ok(false) => break,
                Err(failure) => {
                    tracing::warn!(reason = failure.sentence(), "could not fold");
                    break;
                }
            }
        }
    }
}

/// Soon after the start, then now and then. Whichever desk comes first does it for all.
pub(super) async fn seal_the_log(gateway: impl Gateway) {
    loop {
        sleep(SEAL).await;
        // A long log is sealed in parts. The failure is logged where it is made.
        while matches!(gateway.seal().await, Ok(true)) {}
    }
}

/// A push by the web app's tools, or a restore, may drop triggers: told when that is seen first.
async fn look_at_triggers(gateway: impl Gateway, sender: broadcast::Sender<Heard>, look: Arc<Notify>) {
    let mut told = 0;
    loop {
        look.notified().await;
        // Without an answer nothing is known.
        let Ok(missing) = gateway.missing_triggers().await else { continue };
        if missing > 0 && missing != told {
            let _ = sender.send(Heard::Deaf(missing));
        }
        told = missing;
    }
}

/// Changes of a moment: of each row the newest.
#[derive(Debug, Default)]
struct Merged {
    tickets: BTreeMap<TicketId, i64>,
    projects: BTreeMap<ProjectId, i64>,
    users: BTreeMap<UserId, i64>,
    sessions: BTreeSet<UserId>,
    everything: bool,
    stale: bool,
}

impl Merged {
    fn add(&mut self, change: Change) {
        match change {
            Change::Ticket(id, version) => newest(&mut self.tickets, id, version),
            Change::Project(id, version) => newest(&mut self.projects, id, version),
            Change::User(id, version) => newest(&mut self.users, id, version),
            Change::Session(user) => {
                self.sessions.insert(user);
            }
            Change::Everything => self.everything = true,
            Change::Stale => self.stale = true,
        }
    }

    fn is_empty(&self) -> bool {
        let rows = self.tickets.len() + self.projects.len() + self.users.len() + self.sessions.len();
        rows == 0 && !self.everything && !self.stale
    }

    /// Sessions come first: somebody may have to leave.
    fn into_changes(self) -> Vec<Change> {
        let sessions = self.sessions.into_iter().map(Change::Session);
        if self.everything {
            return sessions.chain([Change::Everything]).collect();
        }
        let tickets = self.tickets.into_iter().map(|(id, version)| Change::Ticket(id, version));
        let projects = self.projects.into_iter().map(|(id, version)| Change::Project(id, version));
        let users = self.users.into_iter().map(|(id, version)| Change::User(id, version));
        sessions.chain(tickets).chain(projects).chain(users).collect()
    }
}

fn newest<Id: Ord>(rows: &mut BTreeMap<Id, i64>, id: Id, version: i64) {
    let known = rows.entry(id).or_insert(version);
    *known = version.max(*known);
}

/// Growing pauses, each somewhere in the upper half of what it may be, so that many desks do not come at once.
#[derive(Debug)]
struct Pauses(Duration);

impl Default for Pauses {
    fn default() -> Self {
        Self(PAUSES.0)
    }
}

impl Pauses {
    fn next(&mut self, random: u8) -> Duration {
        let longest = self.0;
        self.0 = (longest * 2).min(PAUSES.1);
        longest.mul_f64(0.5 + f64::from(random) / 510.0)
    }
}

fn random_byte() -> u8 {
    let mut byte = [0];
    // Without randomness the pauses are even, and that is all.
    let _ = getrandom::fill(&mut byte);
    byte[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_their_limit_and_are_uneven() {
        let (mut low, mut high) = (Pauses::default(), Pauses::default());
        let millis = |pause: Duration| pause.as_millis();
        let pauses: Vec<_> = (0..8).map(|_| (millis(low.next(0)), millis(high.next(255)))).collect();
        assert_eq!(pauses[0], (100, 200));
        assert_eq!(pauses[3], (800, 1600));
        assert_eq!(pauses[7], (1250, 2500));
    }

    #[test]
    fn of_each_row_the_newest_change_is_kept() {
        let mut merged = Merged::default();
        for version in [3, 9, 4] {
            merged.add(Change::Ticket(TicketId::new("t"), version));
            merged.add(Change::User(UserId::new("u"), version));
        }
        let expected = [Change::Ticket(TicketId::new("t"), 9), Change::User(UserId::new("u"), 9)];
        assert_eq!(merged.into_changes(), expected);
    }

    #[test]
    fn everything_says_all_but_the_end_of_a_session() {
        let mut merged = Merged::default();
        merged.add(Change::Ticket(TicketId::new("t"), 1));
        merged.add(Change::Everything);
        merged.add(Change::Session(UserId::new("u")));
        assert_eq!(merged.into_changes(), [Change::Session(UserId::new("u")), Change::Everything]);
    }
}
