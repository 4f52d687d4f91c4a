//! A program on a pseudo terminal of 120x40, and what it shows.
//!
//! A thread reads and notes the moment of each read; screens are worked out only when somebody asks, so that the
//! emulation costs nothing while the clock runs.

use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::process::Pid;

const COLUMNS: NonZeroU16 = NonZeroU16::new(120).unwrap();
const ROWS: NonZeroU16 = NonZeroU16::new(40).unwrap();

/// A program that runs on a terminal of ours.
pub struct Glass {
    child: Box<dyn Child + Send + Sync>,
    /// Kept: the terminal hangs up when it goes.
    _master: Box<dyn MasterPty + Send>,
    keys: Box<dyn Write + Send>,
    chunks: Receiver<Chunk>,
    screen: vt100::Parser,
    started: Instant,
}

struct Chunk {
    at: Instant,
    bytes: Vec<u8>,
}

/// All that a program wrote before it fell silent.
#[derive(Clone, Copy)]
pub struct Burst {
    /// From the key to the last byte.
    pub last: Duration,
    /// How much it was.
    pub bytes: usize,
}

impl Glass {
    /// Starts a program in an environment that holds nothing but what is given.
    pub fn start(program: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let size = PtySize { rows: ROWS.get(), cols: COLUMNS.get(), pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).expect("open a pseudo terminal");
        let mut command = CommandBuilder::new(program);
        command.args(arguments);
        command.env_clear();
        for (name, value) in [
            ("PATH", "/usr/local/bin:/usr/bin:/bin"),
            ("TERM", "xterm-256color"),
            ("LANG", "C.UTF-8"),
            ("TZ", "UTC"),
        ] {
            command.env(name, value);
        }
        for (name, value) in environment {
            command.env(name, value);
        }
        command.cwd("/");
        let mut reader = pair.master.try_clone_reader().expect("read from the terminal");
        let keys = pair.master.take_writer().expect("write to the terminal");
        let (sender, chunks) = channel();
        std::thread::spawn(move || {
            let mut buffer = vec![0; 65_536];
            // The end of the program ends the thread, by an error on Linux.
            while let Ok(read) = reader.read(&mut buffer) {
                let chunk = Chunk { at: Instant::now(), bytes: buffer[..read].to_vec() };
                if read == 0 || sender.send(chunk).is_err() {
                    break;
                }
            }
        });
        let started = Instant::now();
        let child = pair.slave.spawn_command(command).expect("start the program");
        drop(pair.slave);
        let screen = vt100::Parser::new(ROWS, COLUMNS, 0);
        Self { child, _master: pair.master, keys, chunks, screen, started }
    }

    /// The moment before it was started.
    pub const fn started(&self) -> Instant {
        self.started
    }

    /// The process.
    pub fn pid(&self) -> Pid {
        Pid(self.child.process_id().expect("a running program"))
    }

    /// Presses keys, as the bytes that a terminal sends; the moment before.
    pub fn press(&mut self, keys: &str) -> Instant {
        let at = Instant::now();
        self.keys.write_all(keys.as_bytes()).and_then(|()| self.keys.flush()).expect("press a key");
        at
    }

    /// What comes until `quiet` has passed without a byte; none when nothing comes within two seconds.
    pub fn burst(&mut self, since: Instant, quiet: Duration) -> Option<Burst> {
        self.until_quiet(since, Duration::from_secs(2), quiet)
    }

    /// As [`Glass::burst`], with another patience for the first byte.
    pub fn until_quiet(&mut self, since: Instant, patience: Duration, quiet: Duration) -> Option<Burst> {
        let mut burst: Option<Burst> = None;
        let mut pending = Vec::new();
        let mut patience = patience;
        while let Ok(chunk) = self.chunks.recv_timeout(patience) {
            patience = quiet;
            let bytes = burst.map_or(0, |burst| burst.bytes) + chunk.bytes.len();
            burst = Some(Burst { last: chunk.at.saturating_duration_since(since), bytes });
            pending.push(chunk);
        }
        for chunk in pending {
            self.screen.process(&chunk.bytes);
        }
        burst
    }

    /// The time from `since` to the bytes that made `wanted` true.
    pub fn until(
        &mut self,
        since: Instant,
        limit: Duration,
        wanted: impl Fn(&vt100::Screen) -> bool,
    ) -> Option<Duration> {
        let deadline = since + limit;
        if wanted(self.screen.screen()) {
            return Some(Duration::ZERO);
        }
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.chunks.recv_timeout(left) {
                Ok(chunk) => {
                    self.screen.process(&chunk.bytes);
                    if wanted(self.screen.screen()) {
                        return Some(chunk.at.saturating_duration_since(since));
                    }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// As [`Glass::until`], for what must come: shows the screen when it does not.
    pub fn expect(&mut self, what: &str, wanted: impl Fn(&vt100::Screen) -> bool) -> Duration {
        let since = Instant::now();
        match self.until(since, Duration::from_secs(30), wanted) {
            Some(time) => time,
            None => panic!("{what} did not come to the screen, which shows:\n{}", self.text()),
        }
    }

    /// Waits until the program has said nothing for `quiet`; how much it said meanwhile.
    pub fn settle(&mut self, quiet: Duration) -> usize {
        let mut bytes = 0;
        while let Ok(chunk) = self.chunks.recv_timeout(quiet) {
            bytes += chunk.bytes.len();
            self.screen.process(&chunk.bytes);
        }
        bytes
    }

    /// Listens for that long; how much was said.
    pub fn listen(&mut self, time: Duration) -> usize {
        let deadline = Instant::now() + time;
        let mut bytes = 0;
        while let Ok(chunk) = self.chunks.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            bytes += chunk.bytes.len();
            self.screen.process(&chunk.bytes);
        }
        bytes
    }

    /// The whole screen as text.
    pub fn text(&self) -> String {
        self.screen.screen().contents()
    }

    /// One line of the screen, from 0.
    pub fn line(&self, row: u16) -> String {
        line(self.screen.screen(), row)
    }
}

impl Drop for Glass {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a text stands anywhere on a screen.
pub fn shows(screen: &vt100::Screen, text: &str) -> bool {
    screen.contents().contains(text)
}

/// One line of a screen, from 0.
pub fn line(screen: &vt100::Screen, row: u16) -> String {
    screen.contents_between(row, 0, row, COLUMNS.get())
}
