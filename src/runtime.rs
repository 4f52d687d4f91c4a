//! The shell around the core: the terminal, the clock, the tasks.
//!
//! The only room where time passes. It turns bytes into inputs, inputs into messages, effects into tasks, and
//! states into frames; it decides nothing about tickets.

pub mod chores;
pub mod clock;
pub mod decode;
pub mod editor;
pub mod effects;
pub mod hub;
pub mod input;
mod pace;
pub mod screen;
pub mod session;
pub mod setup;
pub mod signals;
pub mod spool;
pub mod stay;
pub mod terminal;

use crate::app::Settings;
use crate::app::keymap::Keymap;
use crate::auth::{Limits, SessionToken};
use crate::desk::open::Opened;
use crate::desk::post::Post;
use crate::telemetry::{self, Panicked};
use crate::ui::theme::Theme;
use chores::Chores;
use clock::Clock;
use hub::Hub;
use screen::Mouse;
use session::{Farewell, Offer, Parts, Session};
use signals::Alarm;
use spool::Spool;
use stay::Stay;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use terminal::Terminal;
use terminal::device::{Device, NoTerminal};
use tokio::runtime::Builder;

/// Threads for the network. The screen and the keys have their own.
const WORKERS: usize = 2;
/// Passwords and files: more than ever run at once.
const BLOCKING: usize = 8;
/// What still runs after the session is left alone after this time.
const SHUTDOWN: Duration = Duration::from_millis(100);

/// How a session looks and where it keeps things.
#[derive(Debug)]
pub struct Options {
    /// Colours and signs.
    pub theme: Theme,
    /// Keys.
    pub keymap: Keymap,
    /// Whether the mouse is ours.
    pub mouse: Mouse,
    /// The folder of this machine for what the database could not take.
    pub state: PathBuf,
    /// The log, to be named if something goes wrong.
    pub log: PathBuf,
    /// Which program longer texts are written with.
    pub editor: editor::Choice,
    /// An address to fill into the sign-in screen.
    pub email: Option<String>,
    /// How long sessions last.
    pub limits: Limits,
}

/// What a session works on.
#[derive(Debug)]
pub struct Ready {
    /// The desk.
    pub opened: Opened,
    /// A session to go on with.
    pub token: Option<SessionToken>,
    /// Where a session may be kept, and whether that is offered.
    pub stay: Option<(Stay, Offer)>,
    /// Who sends the mail, where a server is set up.
    pub post: Option<Post>,
}

/// Why no session began. Nothing was drawn.
#[derive(Debug, thiserror::Error)]
pub enum Stopped<E> {
    /// There is no terminal to work on.
    #[error(transparent)]
    NoTerminal(#[from] NoTerminal),
    /// The database cannot be opened.
    #[error("{0}")]
    NotOpened(E),
    /// The system refused something that every program needs.
    #[error("could not start: {0}")]
    System(#[from] io::Error),
}

/// Runs a session on the terminal of this process. The terminal is looked at first, and taken only after `open` is
/// done; until then nothing is drawn, and what `open` says stands on an ordinary screen.
pub fn run<E>(
    options: Options,
    open: impl Future<Output = Result<Ready, E>>,
) -> Result<Farewell, Stopped<E>> {
    let device = Arc::new(Device::open(std::env::var("TERM").ok().as_deref())?);
    let tokio = Builder::new_multi_thread()
        .worker_threads(WORKERS)
        .max_blocking_threads(BLOCKING)
        .enable_all()
        .build()?;
    let alarm = Alarm::new({
        let device = Arc::clone(&device);
        move || device.close()
    })?;
    let ended = tokio.block_on(async {
        let ready = open.await.map_err(Stopped::NotOpened)?;
        Box::pin(session(options, ready, &device, alarm.clone())).await
    });
    device.close();
    tokio.shutdown_timeout(SHUTDOWN);
    drop(alarm);
    ended
}

async fn session<E>(
    options: Options,
    ready: Ready,
    device: &Arc<Device>,
    alarm: Alarm,
) -> Result<Farewell, Stopped<E>> {
    let Ready { opened, token, stay, post } = ready;
    let hub = Hub::start(opened.ear, opened.desk.clone());
    let heard = hub.subscribe();
    let signals = signals::listen(alarm.clone())?;
    let mut seed = [0; 32];
    getrandom::fill(&mut seed).map_err(io::Error::other)?;
    let clock = Clock::start();
    let settings = Settings {
        size: device.size(),
        keymap: options.keymap,
        zone: jiff::tz::TimeZone::system(),
        seed,
        mouse: options.mouse == Mouse::Ours,
        now: clock.now(),
        email: options.email,
        idle: options.limits.idle,
    };
    give_back_on_panic(&options.log, device);
    let (screen, inputs) = Terminal::take_over(Arc::clone(device), options.mouse)?;
    let desk = opened.desk.clone();
    let session = Session::new(Parts {
        screen,
        gateway: opened.desk,
        clock: move || clock.now(),
        inputs,
        signals,
        heard,
        settings,
        theme: options.theme,
        spool: Spool::new(&options.state, opened.database),
        token,
        stay,
        editor: (options.editor.command(|name| std::env::var_os(name)), options.state.join("editor")),
        stop: stop_this_job,
        alarm,
    });
    let chores = Chores::begin(desk, post);
    let farewell = Box::pin(session.run()).await;
    chores.end().await;
    Ok(farewell)
}

/// As Ctrl-z does where it is not ours: the shell gets its prompt back.
fn stop_this_job() {
    let _ = rustix::process::kill_current_process_group(rustix::process::Signal::TSTP);
}

/// A panic of this thread ends the session; one of a task is answered by its failure.
fn give_back_on_panic(log: &std::path::Path, device: &Arc<Device>) {
    let (device, ours) = (Arc::clone(device), std::thread::current().id());
    telemetry::install_panic_hook(log, move || {
        if std::thread::current().id() != ours {
            return Panicked::GoesOn;
        }
        device.close();
        Panicked::Ends
    });
}
