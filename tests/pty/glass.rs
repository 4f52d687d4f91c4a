//! The real binary on a pseudo terminal, with a terminal emulator to look at.

use portable_pty::{ChildKiller, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::tcgetattr;
use std::io::{Read, Write};
use std::num::NonZero;
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// No wait is longer, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(20);

/// What a program wrote so far.
struct Written {
    screen: vt100::Parser,
    bytes: Vec<u8>,
    over: bool,
}

/// A program on a pseudo terminal.
pub struct Glass {
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Option<Box<dyn Write + Send>>,
    pub pid: Pid,
    killer: Box<dyn ChildKiller + Send + Sync>,
    ended: mpsc::Receiver<(u32, Instant)>,
    written: Arc<(Mutex<Written>, Condvar)>,
    reader: Option<JoinHandle<()>>,
    leave: Arc<Mutex<bool>>,
    before: Option<String>,
}

/// How a program ended.
#[derive(Debug)]
pub struct End {
    pub code: u32,
    pub took: Duration,
}

/// The desk's own environment: a home that is empty but for what the test puts there.
pub fn environment(command: &mut CommandBuilder, state: &Path) {
    for (name, _) in std::env::vars() {
        if name.starts_with("KAYGIA_") || name.starts_with("XDG_") || name.starts_with("PG") {
            command.env_remove(&name);
        }
    }
    for name in ["NO_COLOR", "DATABASE_URL", "VISUAL", "EDITOR", "COLORTERM", "LC_ALL", "LC_CTYPE"] {
        command.env_remove(name);
    }
    command.env("HOME", state);
    command.env("KAYGIA_DESK_STATE_DIR", state);
    command.env("TERM", "xterm-256color");
    command.env("LANG", "C.UTF-8");
    command.env("TZ", "UTC");
    // Keys of a test are no answers to a question that comes by itself.
    command.env("KAYGIA_DESK_STAY_SIGNED_IN", "false");
    command.cwd("/");
}

impl Glass {
    /// The desk on a database, at 120x40.
    pub fn desk(url: &str, state: &TempDir) -> Self {
        Self::desk_with(url, state, &[])
    }

    /// The same, with more variables.
    pub fn desk_with(url: &str, state: &TempDir, variables: &[(&str, &str)]) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_desk"));
        environment(&mut command, state.path());
        command.env("DATABASE_URL", url);
        for (name, value) in variables {
            command.env(name, value);
        }
        Self::run(command)
    }

    /// Any program at 120x40.
    pub fn run(command: CommandBuilder) -> Self {
        let size = PtySize { rows: 40, cols: 120, ..PtySize::default() };
        let pty = native_pty_system().openpty(size).unwrap();
        let before = line_modes(&*pty.master);
        let mut child = pty.slave.spawn_command(command).unwrap();
        drop(pty.slave);
        let pid = Pid::from_raw(i32::try_from(child.process_id().unwrap()).unwrap()).unwrap();
        let killer = child.clone_killer();
        let (end, ended) = mpsc::channel();
        std::thread::spawn(move || {
            let code = child.wait().unwrap().exit_code();
            let _ = end.send((code, Instant::now()));
        });
        let written = Written { screen: emulator(40, 120), bytes: Vec::new(), over: false };
        let written = Arc::new((Mutex::new(written), Condvar::new()));
        let leave = Arc::new(Mutex::new(false));
        let mut source = pty.master.try_clone_reader().unwrap();
        let reader = std::thread::spawn({
            let (written, leave) = (Arc::clone(&written), Arc::clone(&leave));
            move || {
                let mut bytes = [0; 8192];
                loop {
                    let count = source.read(&mut bytes).unwrap_or(0);
                    let mut now = written.0.lock().unwrap();
                    now.screen.process(&bytes[..count]);
                    now.bytes.extend(&bytes[..count]);
                    now.over = count == 0;
                    written.1.notify_all();
                    if count == 0 || *leave.lock().unwrap() {
                        return;
                    }
                }
            }
        });
        let writer = pty.master.take_writer().unwrap();
        Self {
            master: Some(pty.master),
            writer: Some(writer),
            pid,
            killer,
            ended,
            written,
            reader: Some(reader),
            leave,
            before,
        }
    }

    /// Types.
    pub fn keys(&mut self, keys: &str) {
        self.writer.as_mut().unwrap().write_all(keys.as_bytes()).unwrap();
    }

    /// What stands on the screen.
    pub fn text(&self) -> String {
        self.written.0.lock().unwrap().screen.screen().contents()
    }

    /// Waits until the screen shows this.
    pub fn shows(&self, text: &str) {
        self.wait(text, |screen| screen.contents().contains(text));
    }

    /// Waits until the screen is as wanted.
    pub fn wait(&self, what: &str, holds: impl Fn(&vt100::Screen) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        let (written, changed) = &*self.written;
        let mut now = written.lock().unwrap();
        while !holds(now.screen.screen()) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || now.over {
                let text = now.screen.screen().contents();
                drop(now);
                panic!("waited for {what:?}, and the screen is\n{text}");
            }
            now = changed.wait_timeout(now, left).unwrap().0;
        }
    }

    /// All bytes written so far.
    pub fn bytes(&self) -> Vec<u8> {
        self.written.0.lock().unwrap().bytes.clone()
    }

    /// How many bytes were written so far.
    #[allow(dead_code, reason = "for the suite of faults")]
    pub fn bytes_written(&self) -> usize {
        self.written.0.lock().unwrap().bytes.len()
    }

    /// Whether more than these bytes are written within this time.
    #[allow(dead_code, reason = "for the suite of faults")]
    pub fn writes_within(&self, bytes: usize, limit: Duration) -> bool {
        let (written, changed) = &*self.written;
        let now = written.lock().unwrap();
        let waited = changed.wait_timeout_while(now, limit, |now| now.bytes.len() <= bytes).unwrap();
        !waited.1.timed_out()
    }

    /// Signs in as the one whose password is `correct horse`.
    pub fn sign_in(&mut self, user: &str) {
        self.shows("Password");
        self.keys(&format!("{user}@example.test\tcorrect horse\r"));
        self.shows("Nothing is yours");
    }

    /// Begins a reply to the ticket in view, and types.
    pub fn write_reply(&mut self, text: &str) {
        self.keys("r");
        self.shows("Reply to");
        self.keys(text);
        self.shows(text);
    }

    /// Changes the size.
    pub fn resize(&mut self, cols: u16, rows: u16) {
        self.written.0.lock().unwrap().screen.screen_mut().set_size(nonzero(rows), nonzero(cols));
        let size = PtySize { rows, cols, ..PtySize::default() };
        self.master.as_ref().unwrap().resize(size).unwrap();
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid, signal).unwrap();
    }

    /// Takes the terminal away: every end of ours is closed. Answers when.
    pub fn vanish(&mut self) -> Instant {
        *self.leave.lock().unwrap() = true;
        // The reader leaves after the next bytes: another size makes the program draw.
        self.resize(100, 30);
        self.reader.take().unwrap().join().unwrap();
        let since = Instant::now();
        self.writer.take();
        self.master.take();
        since
    }

    /// Waits for the end; `since` it was asked to.
    pub fn ends(&mut self, since: Instant) -> End {
        let Ok((code, at)) = self.ended.recv_timeout(PATIENCE) else {
            panic!("it does not end; the screen is\n{}", self.text());
        };
        End { code, took: at.duration_since(since) }
    }

    /// The terminal is as it was before: line modes, screen, cursor, pastes, mouse.
    pub fn is_given_back(&mut self) {
        if let Some(reader) = self.reader.take() {
            // The program is gone: the last bytes are read, then comes the end.
            reader.join().unwrap();
        }
        if let (Some(before), Some(master)) = (&self.before, &self.master) {
            assert_eq!(line_modes(&**master).as_ref(), Some(before), "the line modes differ");
        }
        let now = self.written.0.lock().unwrap();
        let screen = now.screen.screen();
        assert!(!screen.alternate_screen(), "still on the alternate screen");
        assert!(!screen.hide_cursor(), "the cursor is hidden");
        assert!(!screen.bracketed_paste(), "pastes are still bracketed");
        assert_eq!(screen.mouse_protocol_mode(), vt100::MouseProtocolMode::None, "the mouse is still taken");
        // A protocol of keys that is pushed would have to be popped: it is never asked for.
        let told = |bytes: &[u8]| now.bytes.windows(bytes.len()).any(|at| at == bytes);
        assert!(!told(b"\x1b[>") && !told(b"\x1b[="), "the protocol of the keys was changed");
    }
}

impl Drop for Glass {
    fn drop(&mut self) {
        let _ = self.killer.kill();
    }
}

fn emulator(rows: u16, cols: u16) -> vt100::Parser {
    vt100::Parser::new(nonzero(rows), nonzero(cols), 0)
}

fn nonzero(cells: u16) -> NonZero<u16> {
    NonZero::new(cells).unwrap()
}

fn line_modes(master: &(dyn MasterPty + Send)) -> Option<String> {
    let terminal = std::fs::File::options().read(true).write(true).open(master.tty_name()?).ok()?;
    Some(format!("{:?}", tcgetattr(&terminal).ok()?))
}
