//! The private Postgres of the demo and of the tests: the system's own programs, a cluster of ours, one socket.
//!
//! It never listens on the network, never touches another cluster, and never outlives its users: each desk
//! that uses a server holds the write end of one pipe, and a small parent process reads it. When the last write
//! end closes, by an orderly exit, an abort or a SIGKILL alike, the parent stops the server.
//!
//! Invariant: whoever holds the lock of a folder, and nobody else, starts, repairs or erases the cluster in it. The
//! parent process keeps that lock for as long as its server runs.

mod account;
mod folder;
pub mod install;
mod parent;
mod programs;
mod ready;

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use account::Account;
use folder::{Folder, Lock};
use parent::Ending;
pub use programs::Programs;
use ready::Waited;
use rustix::event::{PollFd, PollFlags, Timespec};

/// The owner of every private cluster, and the role that the desk signs in with there.
pub const OWNER: &str = "kaygia";

/// How long a start may take, the creation of the cluster on a busy machine included.
const START_LIMIT: Duration = Duration::from_secs(90);
/// How long a start waits for programs of a killed one that still write.
const CLEAR_LIMIT: Duration = Duration::from_secs(10);
/// How long an orderly end waits for the server before it leaves the rest to the parent.
const STOP_LIMIT: Duration = Duration::from_secs(15);

/// Why a private server cannot be had; each text says what to do next.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// No folder with both `initdb` and `postgres` was found.
    #[error("no PostgreSQL programs were found on this machine; {}", install::advice())]
    ProgramsMissing,
    /// `KAYGIA_DESK_PG_BIN` names a folder without the programs.
    #[error("KAYGIA_DESK_PG_BIN names {}, which does not hold both initdb and postgres", .0.display())]
    ProgramsNotThere(PathBuf),
    /// Only versions that the desk does not work with were found.
    #[error("the PostgreSQL programs in {} are version {major}, and the desk needs 14 or newer; {}", .bin.display(), install::advice())]
    ProgramsTooOld {
        /// Where they are.
        bin: PathBuf,
        /// Their major version.
        major: u32,
    },
    /// The cluster was made by another major version than any that is installed.
    #[error(
        "the data in {} were made by PostgreSQL {major}, whose programs are not installed; install them, or start over with another folder",
        .folder.display()
    )]
    VersionMissing {
        /// The folder of the cluster.
        folder: PathBuf,
        /// The version that made it.
        major: u32,
    },
    /// A program could not be run at all.
    #[error("could not run {}: {error}", .program.display())]
    Run {
        /// The program.
        program: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Root has no account to hand the server to.
    #[error(
        "PostgreSQL refuses to run as root, and there is neither an account postgres nor an account nobody to run it as"
    )]
    NoAccount,
    /// A file or folder could not be used.
    #[error("could not {action} {}: {error}", .path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The folder holds something that is not ours.
    #[error("{} holds other files; name an empty or a new folder for the private server", .0.display())]
    NotOurs(PathBuf),
    /// The account of the server cannot use the folder.
    #[error("the account {account} cannot use {}: {detail}", .folder.display())]
    Unreachable {
        /// The folder of the server.
        folder: PathBuf,
        /// Who tried.
        account: String,
        /// What the shell said.
        detail: String,
    },
    /// What an earlier start left is still there, and perhaps still being written.
    #[error(
        "what an earlier start left in {} can't be removed yet: {detail}; end the programs that still write there, or try again in a moment",
        .folder.display()
    )]
    NotCleared {
        /// The folder of the server.
        folder: PathBuf,
        /// What the shell said.
        detail: String,
    },
    /// `initdb` failed.
    #[error("could not create a cluster in {}: {detail}", .folder.display())]
    Create {
        /// The folder of the server.
        folder: PathBuf,
        /// The end of what initdb said.
        detail: String,
    },
    /// The server ended, or refused us, while starting.
    #[error("the private server in {} did not start: {detail}", .folder.display())]
    Start {
        /// The folder of the server.
        folder: PathBuf,
        /// The end of its log, or its refusal.
        detail: String,
    },
    /// Nothing answered in time.
    #[error("the private server in {} did not answer within {} seconds; see {}", .folder.display(), START_LIMIT.as_secs(), .log.display())]
    Slow {
        /// The folder of the server.
        folder: PathBuf,
        /// Its log.
        log: PathBuf,
    },
    /// The folder is in use, so its cluster cannot be erased.
    #[error("the private server in {} is in use by another desk; close that one first", .0.display())]
    InUse(PathBuf),
}

impl ServerError {
    fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_path_buf();
        move |error| Self::File { action, path, error }
    }
}

/// A running private server; it lives at least as long as this value.
#[derive(Debug)]
pub struct Server {
    folder: Folder,
    socket: PathBuf,
    /// The write end of the parent's pipe; its end is our farewell.
    hold: Option<OwnedFd>,
    /// A shared lock that tells other desks that somebody is still here.
    user: Option<Lock>,
    /// The parent process, where it is our child.
    parent: Option<Child>,
}

impl Server {
    /// Starts a server for one test run: nothing is synced to disk, and its folder goes when it ends.
    pub fn throwaway(programs: &Programs) -> Result<Self, ServerError> {
        let account = Account::current()?;
        let (folder, lock) = Folder::throwaway(&account)?;
        let user = folder.join_users()?;
        start(programs, &account, folder, lock, user, Instant::now() + START_LIMIT)
    }

    /// Starts the server of `folder`, creating its cluster on first use, or joins the one that is already up.
    pub fn durable(programs: &Programs, folder: &Path) -> Result<Self, ServerError> {
        let account = Account::current()?;
        let folder = Folder::durable(folder, &account)?;
        let deadline = Instant::now() + START_LIMIT;
        let user = folder.join_users()?;
        loop {
            if let Some(lock) = folder.try_lock()? {
                return start(programs, &account, folder, lock, user, deadline);
            }
            // Somebody is starting, running or stopping a server here: join it, or wait until it is gone.
            if let Some(hold) = folder.try_hold()? {
                let socket = folder.socket_folder()?;
                match ready::wait(&socket, deadline, || folder.is_free()) {
                    Waited::Ready => {
                        return Ok(Self { folder, socket, hold: Some(hold), user: Some(user), parent: None });
                    }
                    Waited::Gone => continue,
                    Waited::Refused(detail) => {
                        return Err(ServerError::Start { folder: folder.path, detail });
                    }
                    Waited::Late => {}
                }
            }
            if Instant::now() >= deadline {
                return Err(ServerError::Slow { log: folder.log(), folder: folder.path });
            }
            ready::pause();
        }
    }

    /// Removes the cluster in `folder`, if there is one; refused while a desk uses it.
    pub fn erase(folder: &Path) -> Result<(), ServerError> {
        if !folder.exists() {
            return Ok(());
        }
        let account = Account::current()?;
        let folder = Folder::durable(folder, &account)?;
        let deadline = Instant::now() + STOP_LIMIT;
        let _lock = loop {
            match folder.try_lock()? {
                Some(lock) => break lock,
                // The last desk has just left, and its server is on its way down.
                None if folder.nobody_uses() && Instant::now() < deadline => ready::pause(),
                None => return Err(ServerError::InUse(folder.path)),
            }
        };
        folder.stop_orphan(&account)?;
        folder.remove_cluster()
    }

    /// The address of one database of this server, for any Postgres client.
    pub fn url(&self, database: &str) -> String {
        let socket = percent_encode(&self.socket.to_string_lossy());
        format!("postgresql://{OWNER}@{socket}/{}", percent_encode(database))
    }

    /// The address of the maintenance database.
    pub fn admin_url(&self) -> String {
        self.url("postgres")
    }

    /// The folder that holds the socket, as psql's `-h` takes it.
    pub fn socket_folder(&self) -> &Path {
        &self.socket
    }

    /// The server's own folder.
    pub fn folder(&self) -> &Path {
        &self.folder.path
    }

    /// The server's log.
    pub fn log(&self) -> PathBuf {
        self.folder.log()
    }

    /// The process id of the postmaster, while it runs.
    pub fn process_id(&self) -> Option<u32> {
        self.folder.postmaster()
    }

    /// Whether the server is gone, and not by us: its parent no longer reads the pipe.
    pub fn has_ended(&self) -> bool {
        let Some(hold) = &self.hold else { return true };
        let mut pipe = [PollFd::new(hold, PollFlags::empty())];
        rustix::event::poll(&mut pipe, Some(&Timespec { tv_sec: 0, tv_nsec: 0 })).is_ok()
            && pipe[0].revents().intersects(PollFlags::ERR | PollFlags::HUP)
    }

    fn wait_for_the_end(&mut self) {
        let deadline = Instant::now() + STOP_LIMIT;
        while self.folder.nobody_uses() && Instant::now() < deadline {
            let gone = match &mut self.parent {
                Some(parent) => !matches!(parent.try_wait(), Ok(None)),
                None => self.folder.is_free(),
            };
            if gone {
                return;
            }
            ready::pause();
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.hold.take();
        self.user.take();
        self.wait_for_the_end();
    }
}

/// Starts the server of a folder whose lock we hold; the lock goes over to the parent process.
fn start(
    programs: &Programs,
    account: &Account,
    folder: Folder,
    lock: Lock,
    user: Lock,
    deadline: Instant,
) -> Result<Server, ServerError> {
    folder.stop_orphan(account)?;
    let programs = match folder.version() {
        Some(major) => programs
            .of_version(major)
            .ok_or_else(|| ServerError::VersionMissing { folder: folder.path.clone(), major })?,
        None => programs.best().clone(),
    };
    let socket = folder.prepare(account, &programs.bin.join("postgres"))?;
    if folder.version().is_none() {
        create(account, &folder, &lock, &programs)?;
    }
    let (reader, hold) = folder.open_pipe()?;
    let log = folder.new_log()?;
    let mut postgres = vec![programs.bin.join("postgres").into_os_string()];
    postgres.extend(settings(&folder, &socket));
    let leftovers = folder.leftovers(&socket);
    let mut parent = {
        let mut command =
            parent::command(account, ending(&folder), Some(&folder.hold()), leftovers, &postgres);
        command
            .stdin(Stdio::from(reader))
            .stdout(lock.into_file().map_or_else(Stdio::null, Stdio::from))
            .stderr(Stdio::from(log));
        // The command keeps copies of the pipe and of the lock: it must be gone before anybody waits for either.
        command.spawn().map_err(|error| ServerError::Run { program: PathBuf::from(parent::SHELL), error })?
    };
    let waited = ready::wait(&socket, deadline, || !matches!(parent.try_wait(), Ok(None)));
    let server = Server { folder, socket, hold: Some(hold), user: Some(user), parent: Some(parent) };
    match waited {
        Waited::Ready => Ok(server),
        Waited::Gone => {
            Err(ServerError::Start { folder: server.folder.path.clone(), detail: server.folder.log_end() })
        }
        Waited::Refused(detail) => Err(ServerError::Start { folder: server.folder.path.clone(), detail }),
        Waited::Late => Err(ServerError::Slow { log: server.log(), folder: server.folder.path.clone() }),
    }
}

/// Runs initdb into `data.new` and renames it, so that a half-made cluster is never taken for a whole one.
fn create(
    account: &Account,
    folder: &Folder,
    lock: &Lock,
    programs: &programs::Installation,
) -> Result<(), ServerError> {
    let data_new = folder.data_new();
    let mut initdb = vec![programs.bin.join("initdb").into_os_string()];
    initdb.extend(
        ["-U", OWNER, "--auth=trust", "-E", "UTF8", "--no-instructions", "--lc-messages=C"].map(Into::into),
    );
    initdb.extend(programs.locale().into_iter().map(Into::into));
    if folder.is_throwaway() {
        initdb.push("--no-sync".into());
    }
    initdb.push("-D".into());
    initdb.push(data_new.clone().into_os_string());
    let mut child = parent::command(account, ending(folder), None, Vec::new(), &initdb)
        .stdin(Stdio::piped())
        .stdout(lock.share()?)
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| ServerError::Run { program: PathBuf::from(parent::SHELL), error })?;
    // Held until initdb is done: if we are killed, its end stops initdb.
    let hold = child.stdin.take();
    let output = child
        .wait_with_output()
        .map_err(|error| ServerError::Run { program: programs.bin.join("initdb"), error })?;
    drop(hold);
    if !output.status.success() {
        let detail = folder::last_lines(&String::from_utf8_lossy(&output.stderr));
        return Err(ServerError::Create { folder: folder.path.clone(), detail });
    }
    let data = folder.data();
    fs::rename(&data_new, &data).map_err(ServerError::file("move the new cluster to", &data))?;
    if let Some(cluster) = data.parent().filter(|_| !folder.is_throwaway()) {
        File::open(cluster)
            .and_then(|cluster| cluster.sync_all())
            .map_err(ServerError::file("write", cluster))?;
    }
    Ok(())
}

fn ending(folder: &Folder) -> Ending {
    if folder.is_throwaway() { Ending::Quick } else { Ending::Clean }
}

fn settings(folder: &Folder, socket: &Path) -> Vec<std::ffi::OsString> {
    let mut arguments: Vec<std::ffi::OsString> =
        vec!["-D".into(), folder.data().into(), "-k".into(), socket.into()];
    let common = [
        "listen_addresses=",
        "unix_socket_permissions=0700",
        "port=5432",
        "jit=off",
        "timezone=UTC",
        "log_timezone=UTC",
        "logging_collector=off",
        "log_destination=stderr",
    ];
    // What people write to each other must not end up in the log of the demo.
    let durable = ["shared_buffers=128MB", "log_error_verbosity=terse", "log_min_error_statement=panic"];
    let throwaway = [
        "fsync=off",
        "synchronous_commit=off",
        "full_page_writes=off",
        "autovacuum=off",
        "shared_buffers=32MB",
        "max_connections=300",
    ];
    let own: &[&str] = if folder.is_throwaway() { &throwaway } else { &durable };
    for setting in common.iter().chain(own) {
        arguments.push("-c".into());
        arguments.push((*setting).into());
    }
    arguments
}

fn percent_encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 3);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.extend(
                [byte >> 4, byte & 15].map(|digit| char::from(b"0123456789ABCDEF"[usize::from(digit)])),
            );
        }
    }
    encoded
}
