//! Who runs the server: ourselves, or, when we are root, an account that Postgres accepts.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::ServerError;
use crate::child;

/// The account that owns the cluster and runs its processes.
#[derive(Debug, Clone)]
pub(super) enum Account {
    /// Whoever we are.
    Own,
    /// We are root; the server is not.
    Dropped { name: &'static str, uid: u32, gid: u32 },
}

impl Account {
    pub fn current() -> Result<Self, ServerError> {
        if !rustix::process::geteuid().is_root() {
            return Ok(Self::Own);
        }
        ["postgres", "nobody"]
            .into_iter()
            .find_map(|name| Some(Self::Dropped { name, uid: id("-u", name)?, gid: id("-g", name)? }))
            .ok_or(ServerError::NoAccount)
    }

    /// A command that runs as this account, with nothing of our environment but what a program needs to load.
    pub fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("PATH", "/usr/local/bin:/usr/bin:/bin").env("LC_ALL", "C").env("TZ", "UTC");
        command.current_dir("/").process_group(0);
        match self {
            Self::Own => {
                for name in ["LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "HOME", "TMPDIR"] {
                    if let Some(value) = std::env::var_os(name) {
                        command.env(name, value);
                    }
                }
            }
            Self::Dropped { uid, gid, .. } => {
                command.uid(*uid).gid(*gid);
            }
        }
        command
    }

    /// Gives a file or folder of ours to this account.
    pub fn give(&self, path: &Path) -> Result<(), ServerError> {
        match self {
            Self::Own => Ok(()),
            Self::Dropped { uid, gid, .. } => {
                chown(path, Some(*uid), Some(*gid)).map_err(ServerError::file("hand over", path))
            }
        }
    }

    pub fn name(&self) -> String {
        match self {
            Self::Own => format!("with the user id {}", rustix::process::geteuid().as_raw()),
            Self::Dropped { name, .. } => (*name).to_owned(),
        }
    }

    pub fn is_own(&self) -> bool {
        matches!(self, Self::Own)
    }
}

fn id(kind: &str, name: &str) -> Option<u32> {
    let output = child::command("id").args([kind, name]).stdin(Stdio::null()).output().ok()?;
    if !output.status.success() {
        return None;
    }
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}
