//! The terminal device of this process: raw mode and the modes of the screen, taken and given back.
//!
//! The device is opened anew, so that it can be non-blocking without touching what the shell holds: no read and
//! no write of ours ever waits longer than we want, even when the other end has stopped reading.
//!
//! Invariant: what was taken is given back exactly once, by whoever comes first: the loop, a panic, a signal or
//! the watchdog; after [`Device::close`] nothing is written any more.

use super::canvas::Kind;
use crate::runtime::screen::Mouse;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fd::{AsFd, BorrowedFd, OwnedFd};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::termios::{
    OptionalActions, Termios, isatty, tcgetattr, tcgetsid, tcgetwinsize, tcsetattr, ttyname,
};
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Taking and giving back may wait this long for a terminal that does not read.
const MODES_LIMIT: Duration = Duration::from_millis(200);
/// A size for terminals that do not know theirs.
const SIZE_UNKNOWN: (u16, u16) = (80, 24);

/// Why there is no terminal to work on.
#[derive(Debug, thiserror::Error)]
pub enum NoTerminal {
    /// Standard input is closed, a pipe or a file.
    #[error("standard input is not a terminal; start desk in a terminal, without a pipe or redirection")]
    Input,
    /// Standard output is closed, a pipe or a file.
    #[error("standard output is not a terminal; start desk in a terminal, without a pipe or redirection")]
    Output,
    /// It can't place text.
    #[error("a terminal of the type `{0}` cannot place text; use another one, or set TERM to what it is")]
    Dumb(String),
    /// The system refused something.
    #[error("could not prepare the terminal: {0}")]
    Refused(#[from] io::Error),
}

/// What is asked of a terminal beside raw mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hold {
    /// It is as it was before us.
    Lent,
    /// It is ours.
    Taken,
    /// It was given back for good.
    Closed,
}

/// The terminal device.
#[derive(Debug)]
pub struct Device {
    input: OwnedFd,
    output: OwnedFd,
    kind: Kind,
    original: Termios,
    hold: Mutex<Hold>,
    /// Becomes readable when nobody shall wait for the terminal any more.
    stop: OwnedFd,
    stopper: OwnedFd,
}

impl Device {
    /// The terminal that standard input and output are. Changes nothing there yet.
    pub fn open(term: Option<&str>) -> Result<Self, NoTerminal> {
        let (input, output) = (io::stdin(), io::stdout());
        if !isatty(&input) {
            return Err(NoTerminal::Input);
        }
        if !isatty(&output) {
            return Err(NoTerminal::Output);
        }
        let kind = match term {
            Some("dumb") => return Err(NoTerminal::Dumb("dumb".to_owned())),
            Some("linux") => Kind::Console,
            Some(_) | None => Kind::Emulator,
        };
        let original = tcgetattr(&input).map_err(io::Error::from)?;
        Ok(Self::new(open_again(input.as_fd())?, open_again(output.as_fd())?, kind, original)?)
    }

    fn new(input: OwnedFd, output: OwnedFd, kind: Kind, original: Termios) -> io::Result<Self> {
        let (stop, stopper) = rustix::pipe::pipe_with(rustix::pipe::PipeFlags::CLOEXEC)?;
        Ok(Self { input, output, kind, original, hold: Mutex::new(Hold::Lent), stop, stopper })
    }

    /// What it understands.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// Where keys come from; never blocks.
    pub fn input(&self) -> BorrowedFd<'_> {
        self.input.as_fd()
    }

    /// Columns and rows now.
    pub fn size(&self) -> (u16, u16) {
        match tcgetwinsize(&self.output) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
            Ok(_) | Err(_) => SIZE_UNKNOWN,
        }
    }

    /// Raw mode, the other screen, pastes as one event, no cursor, the mouse if wanted.
    pub fn take(&self, mouse: Mouse) -> io::Result<()> {
        let mut hold = self.hold();
        if *hold != Hold::Lent {
            return Ok(());
        }
        let mut raw = self.original.clone();
        raw.make_raw();
        tcsetattr(&self.input, OptionalActions::Now, &raw)?;
        *hold = Hold::Taken;
        self.write_all(enter(self.kind, mouse).as_bytes(), Some(MODES_LIMIT))
    }

    /// Gives the terminal back until the next [`Device::take`].
    pub fn lend(&self) {
        let mut hold = self.hold();
        if *hold == Hold::Taken {
            *hold = Hold::Lent;
            self.leave();
        }
    }

    /// Gives the terminal back for good. Whoever waits for it to take bytes stops waiting.
    pub fn close(&self) {
        let _ = rustix::io::write(&self.stopper, &[0]);
        let mut hold = self.hold();
        let taken = std::mem::replace(&mut *hold, Hold::Closed) == Hold::Taken;
        if taken {
            self.leave();
        }
    }

    /// Writes a whole frame, however long the terminal takes for it; nothing when the terminal is not ours.
    pub fn write(&self, bytes: &[u8]) -> io::Result<()> {
        let hold = self.hold();
        match *hold {
            Hold::Taken => self.write_all(bytes, None),
            Hold::Lent | Hold::Closed => Ok(()),
        }
    }

    fn leave(&self) {
        // First the modes of the line: that never waits. A terminal that is gone takes neither.
        let _ = tcsetattr(&self.input, OptionalActions::Now, &self.original);
        let _ = self.write_all(leave(self.kind).as_bytes(), Some(MODES_LIMIT));
    }

    fn write_all(&self, mut bytes: &[u8], limit: Option<Duration>) -> io::Result<()> {
        let deadline = limit.map(|limit| Instant::now() + limit);
        while !bytes.is_empty() {
            match rustix::io::write(&self.output, bytes) {
                Ok(written) => bytes = &bytes[written..],
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.wait_for_room(deadline)?,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// With a deadline for that long; without one until [`Device::close`].
    fn wait_for_room(&self, deadline: Option<Instant>) -> io::Result<()> {
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let left = left.map(timespec);
        let mut waits = [PollFd::new(&self.output, PollFlags::OUT), PollFd::new(&self.stop, PollFlags::IN)];
        let waits = if deadline.is_some() { &mut waits[..1] } else { &mut waits[..] };
        match poll(waits, left.as_ref()) {
            Ok(0) => Err(io::ErrorKind::TimedOut.into()),
            Ok(_) if waits.get(1).is_some_and(|stop| !stop.revents().is_empty()) => {
                Err(io::ErrorKind::TimedOut.into())
            }
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn hold(&self) -> MutexGuard<'_, Hold> {
        self.hold.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        self.close();
    }
}

/// A duration as poll(2) takes it.
pub fn timespec(duration: Duration) -> Timespec {
    Timespec {
        tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        tv_nsec: duration.subsec_nanos().into(),
    }
}

/// The same terminal with a description of our own; where the system refuses that, the one we were given.
fn open_again(file: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let same = |other: &OwnedFd| {
        let device = |stat: rustix::fs::Stat| (stat.st_rdev, stat.st_ino);
        matches!((rustix::fs::fstat(file), rustix::fs::fstat(other)), (Ok(a), Ok(b)) if device(a) == device(b))
    };
    let named = ttyname(file, Vec::new()).and_then(|name| rustix::fs::open(name, flags, Mode::empty()));
    if let Ok(terminal) = named
        && same(&terminal)
    {
        return Ok(terminal);
    }
    let ours = rustix::process::getsid(None).is_ok_and(|session| tcgetsid(file) == Ok(session));
    if ours && let Ok(terminal) = rustix::fs::open("/dev/tty", flags, Mode::empty()) {
        return Ok(terminal);
    }
    Ok(rustix::io::fcntl_dupfd_cloexec(file, 3)?)
}

fn enter(kind: Kind, mouse: Mouse) -> String {
    let title = if kind == Kind::Emulator { "\x1b[22;0t" } else { "" };
    format!("{title}\x1b[?1049h\x1b[?2004h\x1b[?25l{}", mouse_mode(mouse))
}

fn leave(kind: Kind) -> String {
    let title = if kind == Kind::Emulator { "\x1b[23;0t" } else { "" };
    // A frame may have been cut: Esc ends the sequence that it broke off in, then the update ends.
    format!("\x1b[?2026l\x1b[0m{}\x1b[?2004l\x1b[?1049l\x1b[?25h{title}", mouse_mode(Mouse::Terminals))
}

/// Clicks and the wheel, with coordinates of any size; no movements.
pub const fn mouse_mode(mouse: Mouse) -> &'static str {
    match mouse {
        Mouse::Ours => "\x1b[?1000h\x1b[?1006h",
        Mouse::Terminals => "\x1b[?1006l\x1b[?1000l",
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use portable_pty::{PtyPair, PtySize, native_pty_system};
    use std::io::Read;
    use std::sync::Arc;

    fn pty() -> PtyPair {
        native_pty_system().openpty(PtySize { rows: 30, cols: 100, ..PtySize::default() }).unwrap()
    }

    fn device(pty: &PtyPair) -> Device {
        let name = pty.master.tty_name().unwrap();
        let open =
            |flags| rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY | flags, Mode::empty()).unwrap();
        let given = open(OFlags::empty());
        let again = || open_again(given.as_fd()).unwrap();
        Device::new(again(), again(), Kind::Emulator, tcgetattr(&given).unwrap()).unwrap()
    }

    fn read(pty: &PtyPair, length: usize) -> String {
        let mut bytes = vec![0; length];
        pty.master.try_clone_reader().unwrap().read_exact(&mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    fn line_modes(device: &Device) -> String {
        format!("{:?}", tcgetattr(device.input()).unwrap())
    }

    #[test]
    fn what_was_taken_is_given_back_once() {
        let pty = pty();
        let device = device(&pty);
        let before = line_modes(&device);
        device.take(Mouse::Ours).unwrap();
        assert_ne!(line_modes(&device), before);
        device.write(b"frame").unwrap();
        device.close();
        device.close();
        device.take(Mouse::Ours).unwrap();
        device.write(b"late").unwrap();
        assert_eq!(line_modes(&device), before);
        let expected = format!("{}frame{}", enter(Kind::Emulator, Mouse::Ours), leave(Kind::Emulator));
        assert_eq!(read(&pty, expected.len()), expected);
        device.hold().clone_from(&Hold::Taken);
        device.write(b"nothing in between").unwrap();
        assert_eq!(read(&pty, 18), "nothing in between");
    }

    #[test]
    fn a_lent_terminal_is_as_it_was_and_can_be_taken_again() {
        let pty = pty();
        let device = device(&pty);
        let before = line_modes(&device);
        device.take(Mouse::Terminals).unwrap();
        device.lend();
        assert_eq!(line_modes(&device), before);
        device.take(Mouse::Terminals).unwrap();
        assert_ne!(line_modes(&device), before);
    }

    #[test]
    fn a_terminal_that_does_not_read_holds_nobody_up() {
        let pty = pty();
        let device = Arc::new(device(&pty));
        device.take(Mouse::Terminals).unwrap();
        while rustix::io::write(&device.output, &[b'x'; 4096]).is_ok() {}
        let writer = std::thread::spawn({
            let device = Arc::clone(&device);
            move || device.write(b"nobody reads this")
        });
        device.close();
        // It ends: with an error if it was waiting, or without a write if it came late.
        let _ = writer.join().unwrap();
    }

    #[test]
    fn the_size_is_the_terminals() {
        let pty = pty();
        assert_eq!(device(&pty).size(), (100, 30));
    }
}
