//! Programs that serve while a test lasts: they end with it, however it ends.

use std::ffi::OsStr;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

/// A running program. Its shell's standard input is a pipe of ours: when that closes, the shell stops the program.
pub struct Daemon {
    shell: Child,
}

impl Daemon {
    /// Starts it; what it says on both outputs is to be read.
    pub fn start(account: &Account, program: impl AsRef<OsStr>, arguments: &[&OsStr]) -> (Self, ChildStdout) {
        let script =
            "\"$@\" 2>&1 <&- & daemon=$!; read -r end; kill -INT $daemon; kill -TERM $daemon; wait $daemon";
        let mut shell = account
            .command("/bin/sh")
            .args(["-c", script, "sh"])
            .arg(program)
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let said = shell.stdout.take().unwrap();
        (Self { shell }, said)
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// Who runs a program: Postgres and pgbouncer refuse to be run by root.
pub enum Account {
    Own,
    Of(u32, u32),
}

impl Account {
    /// Ourselves, or the account of Postgres' package when we are root.
    pub fn of_postgres() -> Self {
        if !rustix::process::geteuid().is_root() {
            return Self::Own;
        }
        let id = |kind: &str| {
            let output = Command::new("id").args([kind, "postgres"]).output().unwrap();
            String::from_utf8(output.stdout)
                .unwrap()
                .trim()
                .parse()
                .expect("the account postgres of the package")
        };
        Self::Of(id("-u"), id("-g"))
    }

    /// A command of this account, in an empty environment and a process group of its own.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin").env("LC_ALL", "C");
        command.current_dir("/").process_group(0);
        if let Self::Of(user, group) = self {
            command.uid(*user).gid(*group);
        }
        command
    }

    /// Gives a file or folder to it.
    pub fn own(&self, path: &Path) {
        if let Self::Of(user, group) = self {
            chown(path, Some(*user), Some(*group)).unwrap();
        }
    }
}
