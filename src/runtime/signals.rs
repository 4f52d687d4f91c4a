//! Signals as values, and the alarm that ends a process which does not end by itself.
//!
//! Invariant: once a session is told to end, the process is gone two seconds later, whatever hangs.

use std::io;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal as Stream, SignalKind, signal};
use tokio::sync::mpsc;

/// How long an orderly end may take.
const PATIENCE: Duration = Duration::from_millis(1800);

/// What the system tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Signal {
    /// The terminal has another size.
    Resized,
    /// The shell lets us go on.
    Continued,
    /// Ctrl-C or Ctrl-\ while the terminal is lent: they mean whoever has it.
    Interrupt(End),
    /// The process is to end.
    End(End),
    /// SIGUSR1, in debug builds only: a mistake is to be made, so that tests can see what becomes of it.
    #[cfg(debug_assertions)]
    Break(Mistake),
}

/// Where a mistake is to be made. `KAYGIA_DESK_MISTAKE` says so: `update`, `draw`, `task` or `drop`.
#[cfg(debug_assertions)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake {
    /// In the middle of a turn of the loop.
    Update,
    /// While a frame is drawn.
    Draw,
    /// In a task that waits for the database.
    Task,
    /// When the session is dropped, after an orderly end.
    Drop,
}

#[cfg(debug_assertions)]
impl Mistake {
    fn asked_for() -> Self {
        match std::env::var("KAYGIA_DESK_MISTAKE").as_deref() {
            Ok("draw") => Self::Draw,
            Ok("task") => Self::Task,
            Ok("drop") => Self::Drop,
            _ => Self::Update,
        }
    }
}

/// Which signal ends the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// SIGHUP: the terminal is gone.
    Hangup,
    /// SIGTERM.
    Terminate,
    /// SIGINT.
    Interrupt,
    /// SIGQUIT.
    Quit,
}

impl End {
    /// As shells report it: 128 and the signal's number.
    pub const fn exit_code(self) -> u8 {
        128 + match self {
            Self::Hangup => 1,
            Self::Interrupt => 2,
            Self::Quit => 3,
            Self::Terminate => 15,
        }
    }
}

/// Hears the signals of this process from now on. An end starts the alarm at once, even if nobody reads.
pub fn listen(alarm: Alarm) -> io::Result<mpsc::UnboundedReceiver<Signal>> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let mut streams = Streams {
        hangup: signal(SignalKind::hangup())?,
        terminate: signal(SignalKind::terminate())?,
        interrupt: signal(SignalKind::interrupt())?,
        quit: signal(SignalKind::quit())?,
        resized: signal(SignalKind::window_change())?,
        continued: signal(SignalKind::from_raw(rustix::process::Signal::CONT.as_raw()))?,
        #[cfg(debug_assertions)]
        broken: signal(SignalKind::user_defined1())?,
    };
    tokio::spawn(async move {
        while let Some(told) = streams.next().await {
            if let Signal::End(end) = told {
                alarm.set(end.exit_code());
            }
            if sender.send(told).is_err() {
                return;
            }
        }
    });
    Ok(receiver)
}

struct Streams {
    hangup: Stream,
    terminate: Stream,
    interrupt: Stream,
    quit: Stream,
    resized: Stream,
    continued: Stream,
    #[cfg(debug_assertions)]
    broken: Stream,
}

impl Streams {
    async fn next(&mut self) -> Option<Signal> {
        #[cfg(debug_assertions)]
        let broken = async { self.broken.recv().await.map(|()| Signal::Break(Mistake::asked_for())) };
        #[cfg(not(debug_assertions))]
        let broken = std::future::pending();
        tokio::select! {
            told = broken => told,
            told = self.hangup.recv() => told.map(|()| Signal::End(End::Hangup)),
            told = self.terminate.recv() => told.map(|()| Signal::End(End::Terminate)),
            told = self.interrupt.recv() => told.map(|()| Signal::Interrupt(End::Interrupt)),
            told = self.quit.recv() => told.map(|()| Signal::Interrupt(End::Quit)),
            told = self.resized.recv() => told.map(|()| Signal::Resized),
            told = self.continued.recv() => told.map(|()| Signal::Continued),
        }
    }
}

/// Ends the process when an orderly end takes too long. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Alarm(Option<Sender<u8>>);

impl Alarm {
    /// For a session that shares its process with others, and for tests.
    pub const fn none() -> Self {
        Self(None)
    }

    /// For a session that is the whole process. `restore` is called before a hard end.
    pub fn new(restore: impl FnOnce() + Send + 'static) -> io::Result<Self> {
        let (sender, set) = channel::<u8>();
        let watch = move || {
            let Ok(code) = set.recv() else { return };
            let deadline = Instant::now() + PATIENCE;
            loop {
                match set.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                    Ok(_) => {}
                    // Nobody can set it any more: the session is over, the process does something else.
                    Err(RecvTimeoutError::Disconnected) => return,
                    Err(RecvTimeoutError::Timeout) => break,
                }
            }
            tracing::error!("an orderly end took too long");
            restore();
            std::process::exit(code.into());
        };
        std::thread::Builder::new().name("alarm".to_owned()).spawn(watch)?;
        Ok(Self(Some(sender)))
    }

    /// The end has begun. Only the first call counts.
    pub fn set(&self, code: u8) {
        if let Some(sender) = &self.0 {
            let _ = sender.send(code);
        }
    }
}
