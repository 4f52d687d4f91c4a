//! What sessions hear: merged, complete, and through every loss of the listener. The clock jumps.

use kaygia_desk::auth::{Actor, Password, SessionToken};
use kaygia_desk::desk::{Gateway, RedeemFailure, SignInFailure, SignedIn};
use kaygia_desk::domain::change::Change;
use kaygia_desk::domain::command::{Command, Done};
use kaygia_desk::domain::failure::Failure;
use kaygia_desk::domain::ids::{EventId, TicketId};
use kaygia_desk::domain::query::{Loaded, Query};
use kaygia_desk::domain::token::{Redeemed, TokenCode};
use kaygia_desk::runtime::hub::{Heard, Hub, Listen, Source};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::{Instant, sleep, timeout};

/// A database that can be reached or not, and that says what it is told to say.
#[derive(Clone)]
struct Fake(Arc<Inner>);

struct Inner {
    up: watch::Sender<Up>,
    attempts: Mutex<Vec<Instant>>,
    folds: watch::Sender<usize>,
    busy: Mutex<usize>,
    missing: Mutex<usize>,
    line: Mutex<Option<mpsc::UnboundedSender<Change>>>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Up {
    Yes,
    OnlyThePool,
    Down,
    Frozen,
}

impl Fake {
    fn new(up: Up) -> Self {
        Self(Arc::new(Inner {
            up: watch::Sender::new(up),
            attempts: Mutex::default(),
            folds: watch::Sender::new(0),
            busy: Mutex::new(0),
            missing: Mutex::new(0),
            line: Mutex::default(),
        }))
    }

    fn be(&self, up: Up) {
        self.0.up.send_replace(up);
        if up != Up::Yes {
            self.0.line.lock().unwrap().take();
        }
    }

    fn says(&self, change: Change) {
        self.0.line.lock().unwrap().as_ref().unwrap().send(change).unwrap();
    }

    fn attempts(&self) -> Vec<Instant> {
        self.0.attempts.lock().unwrap().clone()
    }

    fn folds(&self) -> usize {
        *self.0.folds.borrow()
    }

    /// Not before it thaws.
    async fn thaw(&self) -> Up {
        *self.0.up.subscribe().wait_for(|up| *up != Up::Frozen).await.unwrap()
    }
}

struct Line(mpsc::UnboundedReceiver<Change>);

impl Source for Fake {
    type Listener = Line;
    type Error = &'static str;

    async fn connect(&self) -> Result<Line, &'static str> {
        self.0.attempts.lock().unwrap().push(Instant::now());
        if self.thaw().await != Up::Yes {
            return Err("nobody there");
        }
        let (sender, receiver) = mpsc::unbounded_channel();
        *self.0.line.lock().unwrap() = Some(sender);
        Ok(Line(receiver))
    }
}

impl Listen for Line {
    type Error = &'static str;

    async fn next(&mut self) -> Result<Change, &'static str> {
        self.0.recv().await.ok_or("the line is dead")
    }
}

impl Gateway for Fake {
    async fn sign_in(&self, _: &str, _: Password) -> Result<SignedIn, SignInFailure> {
        Err(SignInFailure::Refused)
    }

    async fn unlock(&self, _: &Actor, _: Password) -> Result<(), SignInFailure> {
        Err(SignInFailure::Refused)
    }

    async fn seen(&self, _: &Actor) -> Result<(), Failure> {
        Ok(())
    }

    async fn locked(&self, _: &Actor) -> Result<(), Failure> {
        Ok(())
    }

    async fn resume(&self, _: SessionToken) -> Result<SignedIn, SignInFailure> {
        Err(SignInFailure::Refused)
    }

    async fn sign_out(&self, _: &Actor) -> Result<(), Failure> {
        Ok(())
    }

    async fn redeem(&self, _: TokenCode, _: Option<Password>) -> Result<Redeemed, RedeemFailure> {
        Err(RedeemFailure::Refused)
    }

    async fn change_password(&self, _actor: &Actor, _old: Password, _new: Password) -> Result<Done, Failure> {
        Ok(Done::default())
    }

    async fn fetch(&self, _: &Actor, _: Query) -> Result<Loaded, Failure> {
        Err(Failure::Gone("test"))
    }

    async fn execute(&self, _: &Actor, _: Command) -> Result<Done, Failure> {
        Err(Failure::Gone("test"))
    }

    async fn undo(&self, _: &Actor, _: Command, _: Option<EventId>) -> Result<Done, Failure> {
        Err(Failure::Gone("test"))
    }

    async fn fold(&self) -> Result<bool, Failure> {
        if self.thaw().await == Up::Down {
            return Err(Failure::Unavailable("down".to_owned()));
        }
        self.0.folds.send_modify(|folds| *folds += 1);
        let mut busy = self.0.busy.lock().unwrap();
        *busy = busy.saturating_sub(1);
        Ok(*busy > 0)
    }

    async fn seal(&self) -> Result<bool, Failure> {
        Ok(false)
    }

    async fn missing_triggers(&self) -> Result<usize, Failure> {
        Ok(*self.0.missing.lock().unwrap())
    }
}

fn start(up: Up) -> (Fake, Hub, broadcast::Receiver<Heard>) {
    let fake = Fake::new(up);
    let hub = Hub::start(fake.clone(), fake.clone());
    let heard = hub.subscribe();
    (fake, hub, heard)
}

/// What is heard within a second of silence.
async fn all(heard: &mut broadcast::Receiver<Heard>) -> Vec<Heard> {
    let mut all = Vec::new();
    while let Ok(Ok(next)) = timeout(Duration::from_secs(1), heard.recv()).await {
        all.push(next);
    }
    all
}

fn everything() -> Heard {
    Heard::Changed(vec![Change::Everything])
}

fn ticket(id: &str, version: i64) -> Change {
    Change::Ticket(TicketId::new(id), version)
}

#[tokio::test(start_paused = true)]
async fn it_listens_first_and_then_everything_is_read() {
    let (_fake, _hub, mut heard) = start(Up::Yes);
    assert_eq!(all(&mut heard).await, [Heard::Live, everything()]);
}

#[tokio::test(start_paused = true)]
async fn a_change_goes_on_after_a_moment_and_those_that_follow_are_merged() {
    let (fake, _hub, mut heard) = start(Up::Yes);
    all(&mut heard).await;
    let start = Instant::now();
    for version in 1..=20 {
        fake.says(ticket("a", version));
        fake.says(ticket("b", 100 - version));
    }
    let both = heard.recv().await.unwrap();
    assert_eq!(both, Heard::Changed(vec![ticket("a", 20), ticket("b", 99)]));
    assert!(start.elapsed().as_millis() <= 61, "{:?}", start.elapsed());
    fake.says(ticket("a", 21));
    let start = Instant::now();
    assert_eq!(heard.recv().await.unwrap(), Heard::Changed(vec![ticket("a", 21)]));
    assert!((39..=41).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    assert_eq!(all(&mut heard).await, []);
}

/// Fifty that hear the same do not all ask at once.
#[tokio::test(start_paused = true)]
async fn desks_that_hear_the_same_go_on_at_moments_of_their_own() {
    let mut moments = Vec::new();
    for _ in 0..50 {
        let (fake, _hub, mut heard) = start(Up::Yes);
        all(&mut heard).await;
        let start = Instant::now();
        fake.says(ticket("a", 1));
        heard.recv().await.unwrap();
        moments.push(start.elapsed().as_millis());
    }
    moments.sort_unstable();
    let (early, late) = (moments[10], moments[40]);
    assert!(moments[49] <= 61 && late - early >= 15, "{moments:?}");
}

#[tokio::test(start_paused = true)]
async fn a_storm_is_at_most_25_messages_a_second() {
    let (fake, _hub, mut heard) = start(Up::Yes);
    all(&mut heard).await;
    let storm = tokio::spawn(async move {
        for version in 0..1000 {
            fake.says(ticket("a", version));
            sleep(Duration::from_millis(1)).await;
        }
        fake
    });
    let messages = all(&mut heard).await;
    storm.await.unwrap();
    assert!((20..=27).contains(&messages.len()), "{}", messages.len());
    assert_eq!(messages.last(), Some(&Heard::Changed(vec![ticket("a", 999)])));
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_is_soon_back_is_not_told_but_everything_is_read_again() {
    let (fake, _hub, mut heard) = start(Up::Yes);
    all(&mut heard).await;
    fake.0.line.lock().unwrap().take();
    assert_eq!(all(&mut heard).await, [everything()]);
}

#[tokio::test(start_paused = true)]
async fn without_a_listener_the_database_is_polled() {
    let (fake, _hub, mut heard) = start(Up::OnlyThePool);
    assert_eq!(heard.recv().await.unwrap(), Heard::Polling);
    let start = Instant::now();
    assert_eq!(timeout(Duration::from_secs(100), heard.recv()).await.unwrap().unwrap(), everything());
    assert!((29..32).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    fake.be(Up::Yes);
    assert_eq!(timeout(Duration::from_secs(20), heard.recv()).await.unwrap().unwrap(), Heard::Live);
}

#[tokio::test(start_paused = true)]
async fn a_database_that_is_down_is_told_once_and_tried_again_with_growing_pauses() {
    let (fake, _hub, mut heard) = start(Up::Yes);
    all(&mut heard).await;
    fake.be(Up::Down);
    sleep(Duration::from_secs(25)).await;
    let attempts = fake.attempts();
    let pauses: Vec<u128> = attempts.windows(2).skip(1).map(|two| (two[1] - two[0]).as_millis()).collect();
    assert!((100..=200).contains(&pauses[0]), "{pauses:?}");
    for (n, pause) in pauses.iter().enumerate() {
        let longest = (200 << n.min(4)).min(2500);
        assert!((longest / 2..=longest).contains(pause), "{pauses:?}");
    }
    fake.be(Up::Yes);
    sleep(Duration::from_secs(3)).await;
    let told = all(&mut heard).await;
    assert_eq!(told, [Heard::Offline, Heard::Live, everything()]);
}

#[tokio::test(start_paused = true)]
async fn a_frozen_database_is_told_while_the_attempt_still_hangs() {
    let (fake, _hub, mut heard) = start(Up::Yes);
    all(&mut heard).await;
    let start = Instant::now();
    fake.be(Up::Frozen);
    assert_eq!(heard.recv().await.unwrap(), Heard::Offline);
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    fake.be(Up::Yes);
    assert_eq!(all(&mut heard).await, [Heard::Live, everything()]);
}

#[tokio::test(start_paused = true)]
async fn everything_is_read_again_slowly_even_while_all_is_well() {
    let (fake, _hub, mut heard) = start(Up::Yes);
    all(&mut heard).await;
    let (start, folds) = (Instant::now(), fake.folds());
    assert_eq!(heard.recv().await.unwrap(), everything());
    assert!((25..=30).contains(&start.elapsed().as_secs()), "{:?}", start.elapsed());
    sleep(Duration::from_millis(1)).await;
    assert_eq!(fake.folds(), folds + 1);
}

#[tokio::test(start_paused = true)]
async fn rows_that_wait_are_folded_until_none_is_left() {
    let (fake, _hub, mut heard) = start(Up::Yes);
    all(&mut heard).await;
    let before = fake.folds();
    *fake.0.busy.lock().unwrap() = 4;
    fake.says(Change::Stale);
    assert_eq!(all(&mut heard).await, [], "nothing on a screen changes by that");
    assert_eq!(fake.folds(), before + 4);
}

#[tokio::test(start_paused = true)]
async fn triggers_that_vanish_are_told_once() {
    // The story: the web app's tools push their schema and drop our triggers; the desk would show old rows for ever.
    let (fake, _hub, mut heard) = start(Up::Yes);
    all(&mut heard).await;
    *fake.0.missing.lock().unwrap() = 16;
    sleep(Duration::from_secs(95)).await;
    let told = all(&mut heard).await.into_iter().filter(|heard| *heard == Heard::Deaf(16)).count();
    assert_eq!(told, 1);
}
