//! Facts for the operator: JSON lines in a file that only its owner reads, never on the terminal.
//!
//! Only our own events get there, whatever the level: a dependency at `trace` would write queries and their parameters.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::sync::Mutex;

use rustix::fs::OFlags;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// When a log is put aside at the next start.
const LIMIT: u64 = 8 * 1024 * 1024;

/// Writes the events of this process to `log` from now on; the second call in a process changes nothing.
pub fn start(log: &Path, level: LevelFilter) -> io::Result<()> {
    let file = open(log)?;
    let filter = EnvFilter::new(format!("off,kaygia_desk={level}"));
    let subscriber = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_env_filter(filter)
        .with_writer(Mutex::new(file))
        .finish();
    // Already set: another session in this process has begun the same log.
    let _ = tracing::subscriber::set_global_default(subscriber);
    Ok(())
}

/// Whether a panic ends the desk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Panicked {
    /// It does: the terminal was given back, and somebody is to be told.
    Ends,
    /// It does not: one task failed, and its caller says so on the screen.
    GoesOn,
}

/// Lets a panic give the terminal back if it ends the desk, leave its place in the log, and say one sentence.
///
/// The text of the panic is neither logged nor shown: it may quote what somebody wrote.
pub fn install_panic_hook(log: &Path, give_back: impl Fn() -> Panicked + Send + Sync + 'static) {
    let log = log.display().to_string();
    std::panic::set_hook(Box::new(move |panic| {
        let panicked = give_back();
        let place =
            panic.location().map_or_else(String::new, |place| format!("{}:{}", place.file(), place.line()));
        tracing::error!(place, ends = panicked == Panicked::Ends, "a mistake of the desk itself");
        if panicked == Panicked::Ends {
            // There is nobody left to tell if this fails.
            let _ = writeln!(
                io::stderr(),
                "desk: stopped because of a mistake in itself ({place}); drafts are kept; the log is {log}"
            );
        }
    }));
}

fn open(log: &Path) -> io::Result<File> {
    if let Some(folder) = log.parent() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    if fs::symlink_metadata(log).is_ok_and(|metadata| metadata.len() > LIMIT) {
        fs::rename(log, log.with_extension("log.old"))?;
    }
    // A link may lead to a file of another purpose, whose rights would be changed, and a pipe would be waited for.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits().cast_signed();
    let file = OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(flags).open(log)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is no ordinary file"));
    }
    file.set_permissions(fs::Permissions::from_mode(0o600))?;
    Ok(file)
}
