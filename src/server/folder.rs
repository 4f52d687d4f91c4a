//! The folder of a private server: its locks, its pipe, its cluster.
//!
//! ```text
//! lock           locked by whoever starts the server, then by its parent process
//! users          share-locked by every desk that uses the server
//! log, log.old   what the server said
//! socket         where the socket is, if the path of this folder is too long for one
//! cluster/       owned by the account of the server: data, run (the socket), hold (the pipe)
//! ```
//!
//! Under root, only `cluster` belongs to the server's account, so that nothing that account puts there makes root open
//! or signal something else.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use rustix::fs::{FlockOperation, OFlags};

use super::account::Account;
use super::{ServerError, ready};

/// Bytes that must be free in memory before a throwaway server goes there.
const ROOM: u64 = 512 * 1024 * 1024;
/// The longest path of a socket that every system takes.
const SOCKET_PATH_LIMIT: usize = 100;
/// How the folders that we make in shared places begin.
const PREFIX: &str = "kaygia-desk-";
/// The shell's answer when what an earlier start left could not be removed.
const NOT_CLEARED: i32 = 3;
/// How much of the log an error quotes.
const LOG_LINES: usize = 8;

/// A lock that is held as long as this value, or the process that inherited it, lives.
#[derive(Debug)]
pub(super) struct Lock(Option<File>);

impl Lock {
    /// A copy for another process, which holds the lock on if this one is killed.
    pub fn share(&self) -> Result<Stdio, ServerError> {
        let Some(file) = &self.0 else { return Ok(Stdio::null()) };
        let copy = file.try_clone().map_err(ServerError::file("copy", Path::new("the lock")))?;
        Ok(copy.into())
    }

    /// The locked file, for another process to hold the lock by.
    pub fn into_file(mut self) -> Option<File> {
        self.0.take()
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing is not enough: a process that is being started at this moment may have a copy for an instant.
        if let Some(file) = &self.0 {
            let _ = rustix::fs::flock(file, FlockOperation::Unlock);
        }
    }
}

#[derive(Debug)]
pub(super) struct Folder {
    pub path: PathBuf,
    throwaway: bool,
}

impl Folder {
    /// A new folder in memory, or on disk where memory is scarce; already locked.
    pub fn throwaway(account: &Account) -> Result<(Self, Lock), ServerError> {
        let base = throwaway_base(account);
        sweep(&base);
        let path = make_unique(&base)?;
        let folder = Self { path, throwaway: true };
        // Locked before it has its name: a sweep by another process never sees it unlocked.
        let nameless = folder.path.join("lock.new");
        let lock = open_lock(&nameless)?;
        rustix::fs::flock(&lock, FlockOperation::LockExclusive)
            .map_err(|error| ServerError::file("lock", &nameless)(error.into()))?;
        fs::rename(&nameless, folder.lock()).map_err(ServerError::file("create", &folder.lock()))?;
        open_lock(&folder.users())?;
        make_cluster_folder(&folder, account)?;
        account.give(&folder.path)?;
        Ok((folder, Lock(Some(lock))))
    }

    /// The folder of a lasting server, made if need be.
    pub fn durable(path: &Path, account: &Account) -> Result<Self, ServerError> {
        let path = std::path::absolute(path).map_err(ServerError::file("find", path))?;
        let folder = Self { path, throwaway: false };
        // In this order: another desk may be making the folder at this moment, and begins with the lock.
        if is_in_use(&folder.path)? && !folder.lock().exists() {
            return Err(ServerError::NotOurs(folder.path));
        }
        make_folders(&folder.path, account)?;
        open_lock(&folder.lock())?;
        Ok(folder)
    }

    pub fn is_throwaway(&self) -> bool {
        self.throwaway
    }

    pub fn data(&self) -> PathBuf {
        self.cluster().join("data")
    }

    pub fn data_new(&self) -> PathBuf {
        self.cluster().join("data.new")
    }

    pub fn hold(&self) -> PathBuf {
        self.cluster().join("hold")
    }

    pub fn log(&self) -> PathBuf {
        self.path.join("log")
    }

    /// The lock, unless somebody else has it.
    pub fn try_lock(&self) -> Result<Option<Lock>, ServerError> {
        try_exclusive(&self.lock())
    }

    /// No server runs or is being started here.
    pub fn is_free(&self) -> bool {
        matches!(self.try_lock(), Ok(Some(_)))
    }

    /// Tells other desks that we are here, until the lock is dropped.
    pub fn join_users(&self) -> Result<Lock, ServerError> {
        let path = self.users();
        let file = open_lock(&path)?;
        rustix::fs::flock(&file, FlockOperation::LockShared)
            .map_err(|error| ServerError::file("lock", &path)(error.into()))?;
        Ok(Lock(Some(file)))
    }

    /// No other desk is here.
    pub fn nobody_uses(&self) -> bool {
        !matches!(try_exclusive(&self.users()), Ok(None))
    }

    /// The write end of a running parent's pipe, unless that one is gone or going.
    pub fn try_hold(&self) -> Result<Option<OwnedFd>, ServerError> {
        let path = self.hold();
        let flags = OFlags::NONBLOCK | OFlags::NOFOLLOW;
        let mut pipe = match OpenOptions::new().write(true).custom_flags(flags.bits() as i32).open(&path) {
            Ok(pipe) => pipe,
            Err(error) if error.kind() == io::ErrorKind::NotFound || is_without_reader(&error) => {
                return Ok(None);
            }
            Err(error) => return Err(ServerError::file("open", &path)(error)),
        };
        let is_pipe = pipe.metadata().is_ok_and(|metadata| metadata.file_type().is_fifo());
        // The line tells the parent that we hold its pipe; see its script.
        Ok((is_pipe && pipe.write_all(b"\n").is_ok()).then(|| pipe.into()))
    }

    /// Both ends of the pipe, for the parent and for us; only under the lock.
    pub fn open_pipe(&self) -> Result<(OwnedFd, OwnedFd), ServerError> {
        let path = self.hold();
        let open = |options: &mut OpenOptions, flags: OFlags| {
            options
                .custom_flags((flags | OFlags::NOFOLLOW).bits() as i32)
                .open(&path)
                .map_err(ServerError::file("open", &path))
        };
        // Without NONBLOCK this would wait for a writer.
        let reader = open(OpenOptions::new().read(true), OFlags::NONBLOCK)?;
        let writer = open(OpenOptions::new().write(true), OFlags::NONBLOCK)?;
        rustix::fs::fcntl_setfl(&reader, OFlags::empty())
            .map_err(|error| ServerError::file("open", &path)(error.into()))?;
        Ok((reader.into(), writer.into()))
    }

    /// A new log; the one of the run before is kept beside it.
    pub fn new_log(&self) -> Result<File, ServerError> {
        let path = self.log();
        if path.exists() {
            fs::rename(&path, self.path.join("log.old")).map_err(ServerError::file("rename", &path))?;
        }
        OpenOptions::new()
            .append(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .map_err(ServerError::file("create", &path))
    }

    /// What the server said last.
    pub fn log_end(&self) -> String {
        let read = || -> io::Result<String> {
            let mut file = File::open(self.log())?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(8 * 1024)))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        last_lines(&read().unwrap_or_default())
    }

    /// The major version that made the cluster, if there is one.
    pub fn version(&self) -> Option<u32> {
        fs::read_to_string(self.data().join("PG_VERSION")).ok()?.trim().parse().ok()
    }

    /// The process id that the cluster's server wrote down.
    pub fn postmaster(&self) -> Option<u32> {
        fs::read_to_string(self.data().join("postmaster.pid")).ok()?.lines().next()?.trim().parse().ok()
    }

    /// Where the socket is.
    pub fn socket_folder(&self) -> Result<PathBuf, ServerError> {
        let record = self.socket_record();
        match fs::read_to_string(&record) {
            Ok(path) => Ok(PathBuf::from(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(self.cluster().join("run")),
            Err(error) => Err(ServerError::file("read", &record)(error)),
        }
    }

    /// What the parent removes when its server has ended; at most two.
    pub fn leftovers(&self, socket: &Path) -> Vec<PathBuf> {
        let mut leftovers = Vec::new();
        if self.throwaway {
            leftovers.push(self.path.clone());
        }
        if !socket.starts_with(&self.path) {
            leftovers.push(socket.to_path_buf());
        }
        leftovers
    }

    /// Makes the folder of the socket and the pipe, as the account of the server, which shows that it can work here.
    pub fn prepare(&self, account: &Account, program: &Path) -> Result<PathBuf, ServerError> {
        make_cluster_folder(self, account)?;
        let script = r#"
cd "$1" && test -x "$2" && umask 077 && mkdir -p run || exit 1
rm -rf hold hold.off data.new || exit 3
mkfifo hold
"#;
        let deadline = Instant::now() + super::CLEAR_LIMIT;
        let output = loop {
            let output = account
                .command(super::parent::SHELL)
                .args(["-c", script, "kaygia-desk-server"])
                .arg(self.cluster())
                .arg(program)
                .stdin(Stdio::null())
                .output()
                .map_err(|error| ServerError::Run { program: PathBuf::from(super::parent::SHELL), error })?;
            if output.status.code() != Some(NOT_CLEARED) {
                break output;
            }
            // A program that outlived the kill of its desk may still be writing there.
            if Instant::now() >= deadline {
                let detail = last_lines(&String::from_utf8_lossy(&output.stderr));
                return Err(ServerError::NotCleared { folder: self.path.clone(), detail });
            }
            ready::pause();
        };
        if !output.status.success() {
            let mut detail = last_lines(&String::from_utf8_lossy(&output.stderr));
            if detail.is_empty() {
                detail = format!("{} cannot be run by it", program.display());
            }
            return Err(ServerError::Unreachable {
                folder: self.path.clone(),
                account: account.name(),
                detail,
            });
        }
        self.place_socket(account)
    }

    /// Stops a server whose parent was killed: nobody would ever stop it, and it would bar the next one.
    pub fn stop_orphan(&self, account: &Account) -> Result<(), ServerError> {
        let Some(process) = self.postmaster() else { return Ok(()) };
        let data = self.data();
        let is_ours = || command_line(process).is_some_and(|line| line.contains(&*data.to_string_lossy()));
        if !is_ours() {
            // The machine went down under it, and the number may belong to somebody else by now.
            let record = data.join("postmaster.pid");
            return fs::remove_file(&record).map_err(ServerError::file("remove", &record));
        }
        // The group is the killed parent's, whose reader may still wait for a desk: it must not meddle with the next
        // server. The second signal is nothing new to postgres.
        let group = process_group(process).map_or_else(String::new, |group| format!("-{group}"));
        let script = r#"kill -INT "$1"; kill -CONT "$1"; [ -z "$2" ] || kill -TERM "$2""#;
        account
            .command(super::parent::SHELL)
            .args(["-c", script, "kaygia-desk-server", &process.to_string(), &group])
            .stdin(Stdio::null())
            .output()
            .map_err(|error| ServerError::Run { program: PathBuf::from(super::parent::SHELL), error })?;
        let deadline = Instant::now() + super::STOP_LIMIT;
        while is_ours() {
            if Instant::now() >= deadline {
                return Err(ServerError::InUse(self.path.clone()));
            }
            ready::pause();
        }
        Ok(())
    }

    /// Takes the cluster away; only under the lock.
    pub fn remove_cluster(&self) -> Result<(), ServerError> {
        let cluster = self.cluster();
        if !cluster.exists() {
            return Ok(());
        }
        fs::remove_dir_all(&cluster).map_err(ServerError::file("remove", &cluster))
    }

    fn cluster(&self) -> PathBuf {
        self.path.join("cluster")
    }

    fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    fn users(&self) -> PathBuf {
        self.path.join("users")
    }

    fn socket_record(&self) -> PathBuf {
        self.path.join("socket")
    }

    /// The socket lies in the folder, or in a short one of the temporary folder, which is then written down.
    fn place_socket(&self, account: &Account) -> Result<PathBuf, ServerError> {
        let record = self.socket_record();
        match fs::remove_file(&record) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(ServerError::file("remove", &record)(error));
            }
            _ => {}
        }
        let inside = self.cluster().join("run");
        if inside.as_os_str().len() + "/.s.PGSQL.5432.lock".len() <= SOCKET_PATH_LIMIT {
            return Ok(inside);
        }
        let outside = make_unique(Path::new("/tmp"))?;
        account.give(&outside)?;
        let text = outside.to_string_lossy().into_owned();
        fs::write(&record, text).map_err(ServerError::file("write", &record))?;
        Ok(outside)
    }
}

/// The last lines of a program's words, for an error.
pub(super) fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}

fn throwaway_base(account: &Account) -> PathBuf {
    let memory = Path::new("/dev/shm");
    let roomy = rustix::fs::statvfs(memory).is_ok_and(|space| space.f_bavail * space.f_frsize >= ROOM);
    if roomy && rustix::fs::access(memory, rustix::fs::Access::WRITE_OK).is_ok() {
        return memory.to_path_buf();
    }
    // Root's own temporary folder may be closed to the account of the server.
    if account.is_own() { std::env::temp_dir() } else { PathBuf::from("/tmp") }
}

/// Removes what servers left whose machine or whole process group was killed.
fn sweep(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else { return };
    for entry in entries.flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(PREFIX)
            && entry.file_type().is_ok_and(|kind| kind.is_dir());
        let lock = entry.path().join("lock");
        if ours && lock.exists() && matches!(try_exclusive(&lock), Ok(Some(_))) {
            // Another account's folder stays: that is the other account's to sweep.
            drop(fs::remove_dir_all(entry.path()));
        }
    }
}

/// A new folder that only we can enter.
fn make_unique(base: &Path) -> Result<PathBuf, ServerError> {
    let mut attempt = 0;
    loop {
        let path = base.join(format!("{PREFIX}{}-{attempt}", std::process::id()));
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && attempt < 10_000 => attempt += 1,
            Err(error) => return Err(ServerError::file("create", &path)(error)),
        }
    }
}

fn is_in_use(path: &Path) -> Result<bool, ServerError> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_some()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(ServerError::file("read", path)(error)),
    }
}

fn make_folders(path: &Path, account: &Account) -> Result<(), ServerError> {
    // Under root the server's account must be able to walk in, whatever the umask.
    let (above, own) = if account.is_own() { (0o700, 0o700) } else { (0o755, 0o711) };
    let missing: Vec<&Path> = path.ancestors().skip(1).take_while(|folder| !folder.exists()).collect();
    for folder in missing.into_iter().rev() {
        make_folder(folder, above)?;
    }
    make_folder(path, own)
}

fn make_cluster_folder(folder: &Folder, account: &Account) -> Result<(), ServerError> {
    let cluster = folder.cluster();
    if cluster.is_dir() {
        return Ok(());
    }
    make_folder(&cluster, 0o700)?;
    account.give(&cluster)
}

fn make_folder(path: &Path, mode: u32) -> Result<(), ServerError> {
    match DirBuilder::new().mode(mode).create(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        Err(error) => return Err(ServerError::file("create", path)(error)),
    }
    let now = path.metadata().map_err(ServerError::file("read", path))?;
    if now.mode() & 0o777 == mode {
        return Ok(());
    }
    fs::set_permissions(path, fs::Permissions::from_mode(mode))
        .map_err(ServerError::file("close to others", path))
}

fn open_lock(path: &Path) -> Result<File, ServerError> {
    OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits() as i32)
        .open(path)
        .map_err(ServerError::file("open", path))
}

fn try_exclusive(path: &Path) -> Result<Option<Lock>, ServerError> {
    let file = open_lock(path)?;
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Some(Lock(Some(file)))),
        Err(error) if error == rustix::io::Errno::WOULDBLOCK => Ok(None),
        Err(error) => Err(ServerError::file("lock", path)(error.into())),
    }
}

fn is_without_reader(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::NXIO.raw_os_error())
}

/// The command line of a process, if it lives.
fn command_line(process: u32) -> Option<String> {
    if cfg!(target_os = "linux") {
        let bytes = fs::read(format!("/proc/{process}/cmdline")).ok()?;
        return Some(String::from_utf8_lossy(&bytes).into_owned());
    }
    ask_ps("command=", process)
}

fn process_group(process: u32) -> Option<u32> {
    if cfg!(target_os = "linux") {
        let text = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        // The name stands in brackets and may hold anything; state, parent and group follow it.
        return text.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse().ok();
    }
    ask_ps("pgid=", process)?.trim().parse().ok()
}

fn ask_ps(column: &str, process: u32) -> Option<String> {
    let mut command = crate::child::command("ps");
    let output =
        command.args(["-o", column, "-p", &process.to_string()]).stdin(Stdio::null()).output().ok()?;
    String::from_utf8(output.stdout).ok()
}
