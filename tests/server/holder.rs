//! Another process that holds a server, so that a test can kill it.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Another process of ours that holds a server.
pub struct Holder {
    pub child: Child,
    pub stdin: Option<ChildStdin>,
    /// Kept open: the test runner in the child goes on writing.
    _stdout: Option<BufReader<ChildStdout>>,
    pub folder: PathBuf,
    pub error: String,
}

impl Holder {
    pub fn start(order: &str) -> Self {
        Self::of(Self::command(&std::env::current_exe().unwrap(), order))
    }

    /// Does not wait until it is ready.
    pub fn spawn(order: &str, bin: Option<&Path>) -> Self {
        let mut command = Self::command(&std::env::current_exe().unwrap(), order);
        if let Some(bin) = bin {
            command.env("KAYGIA_DESK_PG_BIN", bin);
        }
        let mut child = command.spawn().unwrap();
        Self { stdin: child.stdin.take(), _stdout: None, child, folder: PathBuf::new(), error: String::new() }
    }

    pub fn command(program: &Path, order: &str) -> Command {
        let mut command = Command::new(program);
        command
            .args(["--exact", "server::holds_a_server_for_another_test", "--nocapture"])
            .env("KAYGIA_DESK_TEST_HOLDER", order)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        command
    }

    pub fn of(mut command: Command) -> Self {
        let mut child = command.spawn().unwrap();
        let stdin = child.stdin.take();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        let (mut folder, mut error) = (PathBuf::new(), String::new());
        for line in stdout.by_ref().lines() {
            let line = line.unwrap();
            if let Some(ready) = line.strip_prefix("READY ") {
                folder = PathBuf::from(ready);
                break;
            }
            if let Some(words) = line.strip_prefix("ERROR ") {
                words.clone_into(&mut error);
                break;
            }
        }
        Self { child, stdin, _stdout: Some(stdout), folder, error }
    }

    pub fn say(&mut self, order: &str) {
        self.stdin.take().unwrap().write_all(order.as_bytes()).unwrap();
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        self.stdin.take();
        let _ = self.child.wait();
    }
}
