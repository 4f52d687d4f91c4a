//! The loop of one session: what arrives is taken in, the core decides, effects run, one frame is drawn.
//!
//! Generic over the screen, the desk and the clock; it does not know whether a terminal of this machine or an SSH
//! channel is behind them. Whatever is queued is taken in before a frame is drawn. When nothing happens it sleeps
//! until something does, or until the core's next deadline.
//!
//! Invariant: no key waits for the network, and on every way out, a mistake of the core included, the terminal is
//! given back and what was typed is in the database or on this machine.

mod arrivals;
mod lending;
#[cfg(debug_assertions)]
mod mistakes;
mod staying;

use super::editor;
use super::effects::{Effects, Note};
use super::hub::Heard;
use super::input::Incoming;
use super::pace::Pace;
use super::screen::{Mouse, Screen};
use super::signals::{Alarm, End, Signal};
use super::spool::Spool;
use super::stay::Stay;
use crate::app::key::Input;
use crate::app::requests::Req;
use crate::app::{Effect, Link, Me, Msg, Settings, State, next_wake, update};
use crate::auth::SessionToken;
use crate::desk::{Gateway, SignInFailure, SignedIn};
use crate::domain::command::Command;
use crate::domain::ids::UserId;
use crate::domain::time::Timestamp;
use crate::ui;
use crate::ui::theme::Theme;
use arrivals::{Arrival, Arrivals};
use lending::Editing;
use std::ffi::OsString;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

/// So much is taken in before a frame is drawn in any case.
const TAKEN_IN: usize = 4096;
/// With a token, the first frame waits this long for the answer: nobody shall see a sign-in screen flash by.
const TOKEN_PATIENCE: Duration = Duration::from_millis(250);
/// A kept session that can't be opened, since the database is away, is tried again after this pause.
const AGAIN: Duration = Duration::from_secs(2);
/// On the way out drafts may take this long to be kept on this machine.
const SPOOL_LIMIT: Duration = Duration::from_millis(400);
/// And this long to be saved in the database.
const SAVE_LIMIT: Duration = Duration::from_millis(800);

/// A frame after a change that was heard of: the answer to a write of ours comes with it, and shall not wait for it.
const CALM: Duration = Duration::from_millis(16);
/// The core never gives this number: drafts on the way out.
const LAST: Req = Req(u64::MAX);

/// The exit code after a mistake of ours, as after any panic.
pub const MISTAKE: u8 = 101;

/// What a session is made of.
#[derive(Debug)]
pub struct Parts<S, G, C> {
    /// Where it is drawn.
    pub screen: S,
    /// What it asks.
    pub gateway: G,
    /// What time it is.
    pub clock: C,
    /// What is typed.
    pub inputs: mpsc::UnboundedReceiver<Incoming>,
    /// What the system says.
    pub signals: mpsc::UnboundedReceiver<Signal>,
    /// What the listener hears.
    pub heard: broadcast::Receiver<Heard>,
    /// What the core begins with.
    pub settings: Settings,
    /// How it looks.
    pub theme: Theme,
    /// Where drafts go that the database does not take.
    pub spool: Spool,
    /// A session to go on with.
    pub token: Option<SessionToken>,
    /// Where a session may be kept, and whether that is offered.
    pub stay: Option<(Stay, Offer)>,
    /// The editor, if there is to be one, and the folder for its texts.
    pub editor: (Option<OsString>, PathBuf),
    /// Stops this process until the shell continues it.
    pub stop: fn(),
    /// Set when the end begins.
    pub alarm: Alarm,
}

/// Whether to stay signed in is offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// After signing in with a password.
    Made,
    /// Only whoever asks for it stays.
    NotMade,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// As asked for.
    Left,
    /// The terminal is gone.
    TerminalGone,
    /// By a signal.
    Signal(End),
    /// By a mistake of ours.
    Mistake,
}

/// How a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Farewell {
    /// Why.
    pub ending: Ending,
    /// Texts that are neither in the database nor on this machine.
    pub lost: usize,
}

/// What the loop cannot do in the middle of a turn.
enum Pause {
    /// Stop until the shell continues us.
    Suspend,
}

type Flow = ControlFlow<Ending, Option<Pause>>;

/// One session.
pub struct Session<S, G: Gateway, C> {
    screen: S,
    clock: C,
    state: State,
    theme: Theme,
    effects: Effects<G>,
    arrivals: Arrivals,
    notes: mpsc::UnboundedSender<Note>,
    pace: Pace,
    dirty: bool,
    /// What there is to draw can wait until then: what is heard of is only marked, and read later.
    calm_until: Option<Instant>,
    wake: Option<Timestamp>,
    shown_from: Instant,
    listening: Option<Listening>,
    user: Option<UserId>,
    /// A token was given and is not decided yet.
    resuming: bool,
    signed_in_here: bool,
    stay: Option<(Stay, Offer)>,
    /// The session's token, as long as it may have to be kept.
    token: Option<SessionToken>,
    /// The session lies in a file for the next start.
    kept: bool,
    /// Files of it that are being written.
    filing: JoinSet<()>,
    editor: (Option<OsString>, PathBuf),
    /// What an editor of an earlier run left.
    left: Option<PathBuf>,
    editing: Option<Editing>,
    stop: fn(),
    alarm: Alarm,
    #[cfg(debug_assertions)]
    flaws: mistakes::Flaws,
}

/// What the listener said last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Listening {
    Live,
    Not,
}

impl<S: Screen, G: Gateway, C: Fn() -> Timestamp> Session<S, G, C> {
    /// A session that has not begun.
    pub fn new(parts: Parts<S, G, C>) -> Self {
        let (notes, noted) = mpsc::unbounded_channel();
        let effects = Effects::new(parts.gateway, parts.spool, notes.clone());
        let now = Instant::now();
        if let Some(token) = &parts.token {
            effects.resume(token.clone(), Duration::ZERO);
        }
        let mut state = State::new(parts.settings);
        state.sign_in.opening = parts.token.is_some();
        Self {
            screen: parts.screen,
            clock: parts.clock,
            state,
            theme: parts.theme,
            effects,
            arrivals: Arrivals {
                inputs: parts.inputs,
                signals: parts.signals,
                notes: noted,
                heard: parts.heard,
            },
            notes,
            pace: Pace::default(),
            dirty: true,
            calm_until: None,
            wake: None,
            shown_from: if parts.token.is_some() { now + TOKEN_PATIENCE } else { now },
            listening: None,
            user: None,
            resuming: parts.token.is_some(),
            signed_in_here: false,
            left: editor::left(&parts.editor.1).pop(),
            kept: parts.token.is_some() && parts.stay.is_some(),
            stay: parts.stay,
            token: parts.token.clone(),
            filing: JoinSet::new(),
            editor: parts.editor,
            editing: None,
            stop: parts.stop,
            alarm: parts.alarm,
            #[cfg(debug_assertions)]
            flaws: mistakes::Flaws::default(),
        }
    }

    /// Runs to the end.
    pub async fn run(mut self) -> Farewell {
        let ending = self.turns().await;
        self.leave(ending).await
    }

    async fn turns(&mut self) -> Ending {
        let mut flow = self.guarded(|session| session.draw_if_due().map_continue(|()| None));
        loop {
            match flow {
                ControlFlow::Break(ending) => return ending,
                ControlFlow::Continue(Some(Pause::Suspend)) => {
                    if let ControlFlow::Break(ending) = self.suspend().await {
                        return ending;
                    }
                }
                ControlFlow::Continue(None) => {}
            }
            let arrival = self.next().await;
            flow = self.guarded(|session| session.turn(arrival));
        }
    }

    /// Runs a part of a turn; a panic in it ends the session in an orderly way.
    fn guarded(&mut self, part: impl FnOnce(&mut Self) -> Flow) -> Flow {
        // What a panic leaves half done is not used any more, but for its drafts.
        catch_unwind(AssertUnwindSafe(|| part(self))).unwrap_or(ControlFlow::Break(Ending::Mistake))
    }

    async fn next(&mut self) -> Arrival {
        let now = Instant::now();
        let frame = (self.dirty && self.editing.is_none()).then(|| self.frame_due(now));
        let wake = self.wake.map(|due| now + due.since((self.clock)()));
        self.arrivals.next(frame, wake).await
    }

    /// Takes in what arrived and all that is queued behind it, then draws if it is time.
    fn turn(&mut self, first: Arrival) -> Flow {
        let mut arrived = Some(first);
        for _ in 0..TAKEN_IN {
            let Some(arrival) = arrived else { break };
            if let Some(pause) = self.take_in(arrival)? {
                return ControlFlow::Continue(Some(pause));
            }
            arrived = self.arrivals.queued();
        }
        self.draw_if_due()?;
        ControlFlow::Continue(None)
    }

    fn take_in(&mut self, arrival: Arrival) -> Flow {
        match arrival {
            Arrival::Incoming(Incoming::Input(input)) => {
                if self.shown_from <= Instant::now() && input.is_typed() {
                    // Whoever began to sign in shall not find the rest of a password among the keys of the queue.
                    self.resuming = false;
                }
                self.tell(Msg::Input(input))
            }
            Arrival::Incoming(Incoming::Ended) => ControlFlow::Break(Ending::TerminalGone),
            Arrival::Signal(signal) => self.signalled(signal),
            Arrival::Note(Note::SignedIn(result)) => {
                self.resuming = false;
                self.admitted(*result)
            }
            Arrival::Note(Note::Resumed(result)) if self.resuming => match (*result, &self.token) {
                (Err(SignInFailure::Unavailable(why)), Some(token)) => {
                    self.effects.resume(token.clone(), AGAIN);
                    self.shown_from = Instant::now();
                    self.tell(Msg::SignedIn(Err(format!("trying again: {why}"))))
                }
                (result, _) => self.admitted(result),
            },
            Arrival::Note(Note::Resumed(_)) => ControlFlow::Continue(None),
            Arrival::Note(Note::Msg(Msg::Edited(result))) => {
                self.take_terminal()?;
                self.tell(Msg::Edited(result))
            }
            Arrival::Note(Note::Msg(Msg::WasRead(result))) => {
                self.take_terminal()?;
                self.tell(Msg::WasRead(result))
            }
            Arrival::Note(Note::Msg(Msg::Recovered(mut drafts))) => {
                // What is being written is newer than what was kept of it.
                let writing = self.state.composer.as_ref().map(|composer| &composer.ticket);
                drafts.retain(|(ticket, _)| Some(ticket) != writing);
                if drafts.is_empty() {
                    ControlFlow::Continue(None)
                } else {
                    self.tell(Msg::Recovered(drafts))
                }
            }
            Arrival::Note(Note::Msg(msg)) => self.tell(msg),
            Arrival::Heard(heard) => self.hear(heard),
            Arrival::Woke => {
                let flow = self.tell(Msg::Woke);
                // A deadline that stays though it was told is told again only after something else has happened.
                self.wake = self.wake.filter(|due| *due > self.state.now);
                flow
            }
            Arrival::FrameDue => ControlFlow::Continue(None),
        }
    }

    /// Tells the core, and starts what it asks for.
    fn tell(&mut self, msg: Msg) -> Flow {
        match msg {
            Msg::Changed(_) if !self.dirty => self.calm_until = Some(Instant::now() + CALM),
            Msg::Changed(_) => {}
            _ => self.calm_until = None,
        }
        self.dirty = true;
        let now = (self.clock)();
        let away = matches!(self.state.link, Link::Offline(_));
        let asked = update(&mut self.state, msg, now);
        if away && !matches!(self.state.link, Link::Offline(_)) {
            self.recover();
        }
        if self.state.me.is_none() && self.effects.actor().is_some() {
            // Nobody knows when its owner comes back, or whether this machine is still up then.
            if let Some(user) = self.user.clone() {
                self.effects.keep(user, self.state.unsaved_drafts());
            }
            self.effects.end();
            self.forget_session();
            self.effects.act_as(None);
        }
        let mut pause = None;
        for effect in asked {
            pause = self.start(effect)?.or(pause);
        }
        // An answer of the database makes the core forget that the listener never went.
        if self.state.link == Link::Polling && self.listening == Some(Listening::Live) {
            pause = self.tell(Msg::Link(Link::Live))?.or(pause);
        }
        self.wake = next_wake(&self.state);
        ControlFlow::Continue(pause)
    }

    fn start(&mut self, effect: Effect) -> Flow {
        match effect {
            Effect::Fetch { req, query } => self.effects.fetch(req, query),
            Effect::Execute { req, command, undoes } => self.effects.execute(req, command, undoes),
            Effect::Keep { ticket, draft } => {
                if let Some(user) = self.user.clone() {
                    self.effects.keep(user, vec![(ticket, draft)]);
                }
            }
            Effect::SignIn { email, password } => self.effects.sign_in(email, password),
            Effect::Redeem { code, password } => self.effects.redeem(code, password),
            Effect::ChangePassword { req, old, new } => self.effects.change_password(req, old, new),
            Effect::Unlock { password } => self.effects.unlock(password),
            Effect::Seen => self.effects.seen(),
            Effect::Locked => self.effects.locked(),
            Effect::Stay(answer) => self.stay(answer),
            Effect::Copy(text) => {
                if let Err(why) = self.screen.copy(&text) {
                    self.note(Msg::Notice(why));
                }
            }
            Effect::Edit(text) => self.edit(text),
            Effect::Read(text) => self.show(text),
            Effect::Suspend => return ControlFlow::Continue(Some(Pause::Suspend)),
            Effect::Redraw => self.forget_glass()?,
            Effect::Title(title) => self.screen.title(&title),
            Effect::Mouse(wanted) => self.screen.mouse(if wanted { Mouse::Ours } else { Mouse::Terminals }),
            Effect::Quit => return ControlFlow::Break(Ending::Left),
        }
        ControlFlow::Continue(None)
    }

    fn note(&self, msg: Msg) {
        // The receiver lives as long as this value.
        let _ = self.notes.send(Note::Msg(msg));
    }

    fn admitted(&mut self, result: Result<SignedIn, SignInFailure>) -> Flow {
        let resuming = std::mem::take(&mut self.resuming);
        self.shown_from = Instant::now();
        let signed_in = match result {
            Ok(signed_in) => signed_in,
            Err(failure) => {
                if resuming && failure == SignInFailure::SessionEnded {
                    self.forget_session();
                }
                return self.tell(Msg::SignedIn(Err(failure.to_string())));
            }
        };
        let Some(id) = signed_in.actor.user().cloned() else {
            return self.tell(Msg::SignedIn(Err(SignInFailure::Refused.to_string())));
        };
        let Some(role) = signed_in.actor.role().cloned() else {
            return self.tell(Msg::SignedIn(Err(SignInFailure::Refused.to_string())));
        };
        self.signed_in_here = !resuming;
        self.user = Some(id.clone());
        let me = Me { id: id.clone(), name: signed_in.actor.name(), role };
        self.effects.act_as(Some(signed_in.actor));
        self.recover();
        if let Some(left) = self.left.take() {
            self.note(Msg::Notice(format!("an editor that was cut off left its text in {}", left.display())));
        }
        self.token = Some(signed_in.token);
        if !resuming {
            self.offer_to_stay();
        }
        self.tell(Msg::SignedIn(Ok(me)))
    }

    /// Saves what an earlier run could not, now that the database is there.
    fn recover(&self) {
        if let (Some(user), Some(_)) = (&self.user, self.effects.actor()) {
            self.effects.recover(user.clone());
        }
    }

    fn hear(&mut self, heard: Heard) -> Flow {
        let msg = match heard {
            Heard::Changed(changes) => Msg::Changed(changes),
            Heard::Live => Msg::Link(Link::Live),
            Heard::Polling => Msg::Link(Link::Polling),
            Heard::Offline => Msg::Link(Link::Offline((self.clock)())),
            Heard::Deaf(missing) => Msg::Notice(format!(
                "{missing} triggers of the desk are missing, so changes go unnoticed: run `desk doctor --repair`"
            )),
        };
        if let Msg::Link(link) = &msg {
            self.listening = Some(if *link == Link::Live { Listening::Live } else { Listening::Not });
        }
        self.tell(msg)
    }

    fn signalled(&mut self, signal: Signal) -> Flow {
        match signal {
            Signal::End(end) => ControlFlow::Break(Ending::Signal(end)),
            // They mean the editor.
            Signal::Interrupt(_) | Signal::Continued if self.editing.is_some() => ControlFlow::Continue(None),
            Signal::Interrupt(end) => ControlFlow::Break(Ending::Signal(end)),
            Signal::Resized => self.resize(),
            #[cfg(debug_assertions)]
            Signal::Break(mistake) => self.make(mistake),
            Signal::Continued => {
                // Somebody else had the terminal meanwhile.
                self.screen.lend();
                self.take_terminal()?;
                ControlFlow::Continue(None)
            }
        }
    }

    fn resize(&mut self) -> Flow {
        let (width, height) = self.screen.size();
        if self.state.size == (width, height) {
            return ControlFlow::Continue(None);
        }
        self.tell(Msg::Input(Input::Resize(width, height)))
    }

    fn frame_due(&self, now: Instant) -> Instant {
        let due = self.pace.next(now).max(self.shown_from);
        self.calm_until.map_or(due, |calm| calm.max(due))
    }

    fn draw_if_due(&mut self) -> ControlFlow<Ending> {
        let now = Instant::now();
        if !self.dirty || self.editing.is_some() || self.frame_due(now) > now {
            return ControlFlow::Continue(());
        }
        self.dirty = false;
        self.calm_until = None;
        self.pace.drawn(now);
        #[cfg(debug_assertions)]
        self.flaws.show(mistakes::Moment::Drawing);
        let Self { screen, state, theme, .. } = self;
        if let Err(error) = screen.draw(state.size, |frame| ui::draw(state, theme, frame)) {
            tracing::info!(%error, "the terminal took no frame");
            return ControlFlow::Break(Ending::TerminalGone);
        }
        // What asks to be confirmed has been seen now; that itself shows nothing new.
        if self.state.overlay.is_some() || self.state.composer.is_some() {
            self.tell(Msg::Drawn).map_continue(|_| ())?;
            self.dirty = false;
        }
        ControlFlow::Continue(())
    }

    /// The way out: the terminal first, then what was typed, then everything else.
    async fn leave(mut self, ending: Ending) -> Farewell {
        self.alarm.set(match ending {
            Ending::Signal(end) => end.exit_code(),
            Ending::Left | Ending::TerminalGone => 0,
            Ending::Mistake => MISTAKE,
        });
        self.screen.lend();
        self.take_back().await;
        let state = &self.state;
        let unsaved = catch_unwind(AssertUnwindSafe(|| state.unsaved_drafts())).unwrap_or_default();
        let count = unsaved.len();
        let mut lost = count;
        if let (Some(user), false) = (self.user.clone(), unsaved.is_empty()) {
            lost = timeout(SPOOL_LIMIT, self.effects.spool(user, unsaved.clone())).await.unwrap_or(count);
        }
        let saved = async {
            while self.filing.join_next().await.is_some() {}
            for (ticket, draft) in unsaved {
                self.effects.execute(LAST, Command::SaveDraft { ticket, draft }, None);
            }
            self.effects.settle().await;
            if self.signed_in_here && !self.kept {
                self.effects.sign_out().await;
            }
        };
        if timeout(SAVE_LIMIT, saved).await.is_err() {
            tracing::warn!("the end did not wait for the database");
        }
        Farewell { ending, lost: lost.saturating_sub(self.saved_last()) }
    }

    /// How many of the last drafts the database has confirmed.
    fn saved_last(&mut self) -> usize {
        let notes = std::iter::from_fn(|| self.arrivals.notes.try_recv().ok());
        notes.filter(|note| matches!(note, Note::Msg(Msg::Done { req: LAST, result: Ok(_) }))).count()
    }
}
