//! A session under test: a screen of paper, a desk that does as it is told, keys as text.

use crate::fixtures::{NOW, ada, answer_to};
use kaygia_desk::app::Settings;
use kaygia_desk::app::key::{Input, Key};
use kaygia_desk::app::keymap::Keymap;
use kaygia_desk::auth::{Account, Actor, Attempt, Password, SessionToken};
use kaygia_desk::desk::{Gateway, RedeemFailure, SignInFailure, SignedIn};
use kaygia_desk::domain::command::{Command, Done, PasswordHash};
use kaygia_desk::domain::failure::Failure;
use kaygia_desk::domain::ids::{EventId, SessionId, TicketId, UserId};
use kaygia_desk::domain::query::{Loaded, Query};
use kaygia_desk::domain::time::Timestamp;
use kaygia_desk::domain::token::{Redeemed, TokenCode, TokenKind};
use kaygia_desk::runtime::hub::Heard;
use kaygia_desk::runtime::input::Incoming;
use kaygia_desk::runtime::screen::{Lent, Mouse, Screen};
use kaygia_desk::runtime::session::{Farewell, Offer, Parts, Session};
use kaygia_desk::runtime::signals::{Alarm, Signal};
use kaygia_desk::runtime::spool::Spool;
use kaygia_desk::runtime::stay::Stay;
use kaygia_desk::ui::theme::Theme;
use ratatui::backend::TestBackend;
use ratatui::{Frame, Terminal};
use std::io;
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// Nothing in these tests takes this long, and the clock jumps.
pub const PATIENCE: Duration = Duration::from_secs(120);

/// What the desk does with what it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mood {
    Willing,
    Unreachable,
    Frozen,
    Mistaken,
}

/// A desk without a database.
#[derive(Clone)]
pub struct Fake(pub Arc<Inner>);

pub struct Inner {
    pub mood: watch::Sender<Mood>,
    pub commands: watch::Sender<Vec<Command>>,
    pub fetches: Mutex<usize>,
    pub signed_out: Mutex<bool>,
}

impl Fake {
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            mood: watch::Sender::new(Mood::Willing),
            commands: watch::Sender::new(Vec::new()),
            fetches: Mutex::new(0),
            signed_out: Mutex::new(false),
        }))
    }

    pub fn be(&self, mood: Mood) {
        self.0.mood.send_replace(mood);
    }

    pub fn commands(&self) -> Vec<Command> {
        self.0.commands.borrow().clone()
    }

    async fn answer<T>(&self, answer: impl FnOnce() -> T) -> Result<T, Failure> {
        let mut mood = self.0.mood.subscribe();
        loop {
            match *mood.borrow_and_update() {
                Mood::Willing => return Ok(answer()),
                Mood::Unreachable => return Err(Failure::Unavailable("the database is down".to_owned())),
                Mood::Mistaken => panic!("a mistake in a task"),
                Mood::Frozen => {}
            }
            mood.changed().await.unwrap();
        }
    }

    /// Waits until a command of this kind was carried out.
    pub async fn carried_out(&self, wanted: impl Fn(&Command) -> bool) -> Command {
        let mut commands = self.0.commands.subscribe();
        let seen = timeout(PATIENCE, commands.wait_for(|all| all.iter().any(&wanted))).await;
        let all = seen.expect("the command was not carried out").unwrap();
        all.iter().rfind(|command| wanted(command)).unwrap().clone()
    }
}

pub fn actor() -> Actor {
    // The lowest cost there is; hashed once.
    static HASH: LazyLock<String> = LazyLock::new(|| bcrypt::hash("correct horse", 4).unwrap());
    let person = ada();
    let account = Account {
        id: person.id,
        name: person.name,
        email: person.email,
        role: person.role,
        active: true,
        verified: true,
        password_hash: Some(PasswordHash::new(HASH.as_str())),
    };
    let attempt = Attempt::new(Some(account), Password::new("correct horse".to_owned()), 4);
    attempt.work().unwrap().into_actor(SessionId::new("s1"))
}

/// The code that the fake desk takes.
pub fn good_code() -> TokenCode {
    TokenCode::from_random(&[9; 32])
}

pub fn signed_in() -> SignedIn {
    SignedIn { actor: actor(), token: SessionToken::from_random([1; 32]), server_now: NOW }
}

impl Gateway for Fake {
    async fn sign_in(&self, email: &str, _password: Password) -> Result<SignedIn, SignInFailure> {
        if email == "ada@example.test" { Ok(signed_in()) } else { Err(SignInFailure::Refused) }
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

    async fn resume(&self, _token: SessionToken) -> Result<SignedIn, SignInFailure> {
        self.answer(signed_in).await.map_err(|failure| SignInFailure::Unavailable(failure.sentence()))
    }

    async fn sign_out(&self, _actor: &Actor) -> Result<(), Failure> {
        *self.0.signed_out.lock().unwrap() = true;
        Ok(())
    }

    async fn redeem(&self, code: TokenCode, password: Option<Password>) -> Result<Redeemed, RedeemFailure> {
        if code != good_code() {
            return Err(RedeemFailure::Refused);
        }
        let (kind, password_set) = match password {
            Some(_) => (TokenKind::PasswordReset, true),
            None => (TokenKind::EmailVerification, false),
        };
        Ok(Redeemed { kind, password_set })
    }

    async fn change_password(&self, _actor: &Actor, _old: Password, _new: Password) -> Result<Done, Failure> {
        Ok(Done::default())
    }

    async fn fetch(&self, _actor: &Actor, query: Query) -> Result<Loaded, Failure> {
        *self.0.fetches.lock().unwrap() += 1;
        self.answer(|| Loaded { answer: answer_to(&query, 20), server_now: NOW }).await
    }

    async fn execute(&self, _actor: &Actor, command: Command) -> Result<Done, Failure> {
        let done = self.answer(|| Done { draft_version: Some(1), ..Done::default() }).await?;
        self.0.commands.send_modify(|commands| commands.push(command));
        Ok(done)
    }

    async fn undo(&self, actor: &Actor, command: Command, _: Option<EventId>) -> Result<Done, Failure> {
        self.execute(actor, command).await
    }

    async fn fold(&self) -> Result<bool, Failure> {
        self.answer(|| false).await
    }

    async fn seal(&self) -> Result<bool, Failure> {
        Ok(false)
    }

    async fn missing_triggers(&self) -> Result<usize, Failure> {
        Ok(0)
    }
}

/// What became of the screen.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub text: String,
    pub frames: Vec<Instant>,
    pub lent: usize,
    pub taken: usize,
    pub drawn_while_lent: bool,
}

/// A screen that a test can read.
pub struct Paper {
    terminal: Terminal<TestBackend>,
    seen: watch::Sender<Seen>,
    size: Arc<Mutex<(u16, u16)>>,
    lent: bool,
    /// A frame with this text is a mistake in drawing.
    breaks_on: &'static str,
}

impl Screen for Paper {
    fn size(&self) -> (u16, u16) {
        *self.size.lock().unwrap()
    }

    fn draw(&mut self, size: (u16, u16), paint: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.backend_mut().resize(size.0, size.1);
        self.terminal.draw(paint).unwrap();
        let buffer = self.terminal.backend().buffer();
        let width = usize::from(size.0);
        let rows = buffer.content().chunks(width).map(|row| row.iter().map(|cell| cell.symbol()).collect());
        let text = rows.collect::<Vec<String>>().join("\n");
        assert!(self.breaks_on.is_empty() || !text.contains(self.breaks_on), "a mistake in drawing");
        let lent = self.lent;
        self.seen.send_modify(|seen| {
            seen.text = text;
            seen.frames.push(Instant::now());
            seen.drawn_while_lent |= lent;
        });
        Ok(())
    }

    fn forget(&mut self) -> io::Result<()> {
        self.terminal.clear().unwrap();
        Ok(())
    }

    fn title(&mut self, _: &str) {}

    fn copy(&mut self, _: &str) -> Result<(), String> {
        Err("no clipboard here".to_owned())
    }

    fn mouse(&mut self, _: Mouse) {}

    fn lend(&mut self) -> Lent {
        self.lent = true;
        self.seen.send_modify(|seen| seen.lent += 1);
        Lent::Yes
    }

    fn take(&mut self) -> io::Result<()> {
        self.lent = false;
        self.seen.send_modify(|seen| seen.taken += 1);
        Ok(())
    }
}

/// A session under way, and all that it is connected to.
pub struct Desk {
    pub fake: Fake,
    pub keys: mpsc::UnboundedSender<Incoming>,
    pub signals: mpsc::UnboundedSender<Signal>,
    pub heard: broadcast::Sender<Heard>,
    pub seen: watch::Receiver<Seen>,
    pub size: Arc<Mutex<(u16, u16)>>,
    pub ended: JoinHandle<Farewell>,
    pub state: TempDir,
}

pub struct Begin {
    pub token: bool,
    pub breaks_on: &'static str,
    pub editor: &'static str,
    /// The clock itself breaks once this is set: a mistake in the middle of an update.
    pub broken_clock: Arc<Mutex<bool>>,
    pub idle: Option<Duration>,
    pub stay: Option<Offer>,
}

impl Default for Begin {
    fn default() -> Self {
        Self {
            token: true,
            breaks_on: "",
            editor: "true",
            broken_clock: Arc::default(),
            idle: None,
            stay: None,
        }
    }
}

impl Desk {
    pub fn begin(begin: Begin) -> Self {
        let state = TempDir::new().unwrap();
        Self::begin_in(begin, state, Fake::new())
    }

    pub fn begin_in(begin: Begin, state: TempDir, fake: Fake) -> Self {
        let (keys, inputs) = mpsc::unbounded_channel();
        let (signals, signalled) = mpsc::unbounded_channel();
        let (heard, hearing) = broadcast::channel(16);
        let (seen, seeing) = watch::channel(Seen::default());
        let size = Arc::new(Mutex::new((120, 40)));
        let (start, broken) = (Instant::now(), begin.broken_clock);
        let terminal = Terminal::new(TestBackend::new(120, 40)).unwrap();
        let session = Session::new(Parts {
            screen: Paper {
                terminal,
                seen,
                size: Arc::clone(&size),
                lent: false,
                breaks_on: begin.breaks_on,
            },
            gateway: fake.clone(),
            clock: move || -> Timestamp {
                assert!(!*broken.lock().unwrap(), "a mistake in an update");
                NOW.after(start.elapsed())
            },
            inputs,
            signals: signalled,
            heard: hearing,
            settings: Settings {
                size: (120, 40),
                keymap: Keymap::default(),
                zone: jiff::tz::TimeZone::UTC,
                seed: [7; 32],
                mouse: true,
                now: NOW,
                email: Some("ada@example.test".to_owned()),
                idle: begin.idle,
            },
            theme: Theme::built_in("dark", false).unwrap(),
            spool: spool(state.path()),
            token: begin.token.then(|| SessionToken::from_random([1; 32])),
            stay: begin.stay.map(|offer| (Stay::new(state.path(), "test"), offer)),
            editor: (Some(begin.editor.into()), state.path().join("edit")),
            stop: || {},
            alarm: Alarm::none(),
        });
        Self { fake, keys, signals, heard, seen: seeing, size, ended: tokio::spawn(session.run()), state }
    }

    /// A session in which the queue is on the screen.
    pub async fn ready(begin: Begin) -> Self {
        let mut desk = Self::begin(begin);
        desk.shows("TKT-1042").await;
        desk
    }

    pub fn keys(&self, keys: &str) {
        for key in keys.split(' ') {
            self.keys.send(Incoming::Input(Input::Key(Key::parse(key).unwrap()))).unwrap();
        }
    }

    pub fn text(&self, text: &str) {
        self.keys.send(Incoming::Input(Input::Paste { text: text.to_owned(), dropped: 0 })).unwrap();
    }

    pub async fn wait(&mut self, what: &str, holds: impl Fn(&Seen) -> bool) -> Seen {
        let found = timeout(PATIENCE, self.seen.wait_for(holds)).await.map(|seen| seen.unwrap().clone());
        found.unwrap_or_else(|_| panic!("{what}: never seen in\n{}", self.seen.borrow().text))
    }

    pub async fn shows(&mut self, text: &str) -> Seen {
        self.wait(text, |seen| seen.text.contains(text)).await
    }

    pub async fn hides(&mut self, text: &str) -> Seen {
        self.wait(text, |seen| !seen.text.contains(text)).await
    }

    pub async fn leave(&mut self) {
        self.keys(": q u i t Enter");
        self.shows("Leave the desk?").await;
        self.keys("y");
    }

    pub async fn write_reply(&mut self, text: &str) {
        self.keys("r");
        self.shows("Reply to Grace Hopper").await;
        self.text(text);
        self.shows(text).await;
    }

    pub async fn ends(self) -> (Farewell, Fake, TempDir) {
        let farewell = timeout(PATIENCE, self.ended).await.expect("it does not end").unwrap();
        let seen = self.seen.borrow().clone();
        assert!(seen.lent > seen.taken, "the terminal was not given back: {seen:?}");
        assert!(!seen.drawn_while_lent);
        (farewell, self.fake, self.state)
    }
}

pub fn spool(state: &Path) -> Spool {
    Spool::new(state, "test")
}

pub fn spooled(state: &TempDir) -> Vec<(TicketId, String)> {
    let kept = spool(state.path()).kept(&UserId::new("ada"));
    kept.into_iter().map(|(ticket, draft)| (ticket, draft.content)).collect()
}

pub fn is_draft_of(text: &str) -> impl Fn(&Command) -> bool {
    move |command| matches!(command, Command::SaveDraft { draft, .. } if draft.content == text)
}
