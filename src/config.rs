//! Settings: what a flag says, else the environment, else the config file, else the default.
//!
//! This is the only place that reads environment variables of ours, so that one struct says all that was decided. It
//! must never print a secret: addresses are a type of their own whose `Debug` hides the password.

mod address;
mod file;
mod limits;
mod mail;
mod places;
mod tokens;

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::net::IpAddr;
use std::path::PathBuf;

pub use address::Address;
use file::File;
pub use file::KeyLine;
use limits::Idle;
pub use limits::Limits;
pub use mail::{Mail, MailPassword, Tls};
pub use places::Places;
pub use tokens::Tokens;
use zeroize::Zeroizing;

/// What the command line said.
#[derive(Debug, Default, Clone)]
pub struct Flags {
    /// Another config file than the usual one.
    pub config: Option<PathBuf>,
    /// The database.
    pub database_url: Option<Address>,
    /// The database for the listener alone.
    pub listen_url: Option<Address>,
    /// The theme by name.
    pub theme: Option<String>,
    /// Which signs to draw with.
    pub signs: Option<Signs>,
}

/// Everything that was decided before the desk starts.
#[derive(Debug, Clone)]
pub struct Config {
    /// The database; commands that need one say so if it is missing.
    pub database_url: Option<Address>,
    /// The database for the listener, where the first one leads through a pool that drops notifications.
    pub listen_url: Option<Address>,
    /// Whether the database is reached through a pooler.
    pub link: Link,
    /// The theme by name; the terminal decides if there is none.
    pub theme: Option<String>,
    /// What to write longer texts with.
    pub editor: Editor,
    /// Which signs to draw with.
    pub signs: Signs,
    /// How much the log tells.
    pub log: Log,
    /// The `[keys]` of the config file, as written.
    pub keys: Vec<KeyLine>,
    /// Codes for new passwords and verifications.
    pub tokens: Tokens,
    /// How mail is sent.
    pub mail: Mail,
    /// Where the desk keeps things on this machine.
    pub places: Places,
    /// How long sessions last.
    pub limits: Limits,
    /// Whether somebody may stay signed in on this machine.
    pub stay: Stay,
    /// Where attempts to sign in come from.
    pub source: Option<IpAddr>,
    /// A session to go on with; the sign-in screen asks if there is none.
    pub session: Option<Session>,
    /// The config file that was read.
    pub file: Option<PathBuf>,
    /// Where it says what, as far as nothing else goes before it.
    lines: Lines,
}

/// The settings of the file with their lines, those of a table behind its name and a dot.
#[derive(Debug, Default, Clone)]
struct Lines(BTreeMap<String, usize>);

impl Lines {
    fn note(&mut self, setting: &str, line: usize) {
        self.0.insert(setting.to_owned(), line);
    }

    fn forget(&mut self, setting: &str) {
        self.0.remove(setting);
    }
}

/// Whether a session may be kept for the next start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stay {
    /// Offered after signing in.
    Offered,
    /// Only with `desk login`.
    WhenAsked,
    /// Never: several people share this account of the machine.
    Never,
}

/// The token of a session that was begun elsewhere. It opens the desk, so it never shows itself.
#[derive(Clone)]
pub struct Session(Zeroizing<String>);

impl Session {
    /// The token, for resuming only.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Session(***)")
    }
}

/// The environment variable of [`Config::session`].
pub const SESSION_VARIABLE: &str = "KAYGIA_DESK_SESSION";

/// How the database is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Link {
    /// Straight to the server.
    #[default]
    Direct,
    /// Through a pooler such as pgbouncer.
    Pooled,
}

/// The signs on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signs {
    /// `●`, `▌`, `…`.
    Unicode,
    /// Their twins `*`, `>`, `...`.
    Ascii,
}

/// The program for longer texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Editor {
    /// `$VISUAL`, else `$EDITOR`, else `vi`.
    OfTheEnvironment,
    /// This command line.
    Named(String),
    /// None: an editor can start a shell, and nobody is to get one.
    Off,
}

/// How much the log tells; each tells what those before it tell too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Log {
    /// Mistakes of the desk itself.
    Error,
    /// What went wrong elsewhere.
    Warn,
    /// What an operator wants to know.
    #[default]
    Info,
    /// What helps to find a mistake.
    Debug,
    /// Everything.
    Trace,
}

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file that was asked for by name does not exist, or the usual one cannot be read.
    #[error("could not read the config file {}: {error}", .path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A line of the file cannot be used.
    #[error("{}, line {line}: {message}", .path.display())]
    Line {
        /// Which file.
        path: PathBuf,
        /// Which line, from 1.
        line: usize,
        /// What is wrong with it.
        message: String,
    },
    /// The file holds a password that others can read.
    #[error("{} holds a password and can be read by others; run `chmod 600 {}`", .0.display(), .0.display())]
    Exposed(PathBuf),
    /// Others can write the file, and so decide which programs are started and who hears passwords.
    #[error("{} can be changed by others; run `chmod go-w {}`", .0.display(), .0.display())]
    Writable(PathBuf),
    /// Whoever owns the file can read and change it.
    #[error("{} belongs to another user; run `chown \"$(id -un)\" {}`", .0.display(), .0.display())]
    Foreign(PathBuf),
    /// Others could put drafts, links and sessions of theirs where ours are kept.
    #[error(
        "{} is where the desk keeps drafts, sessions and its log, and others can write there; run `chmod go-w {}`, or name \
         another folder by KAYGIA_DESK_STATE_DIR", .0.display(), .0.display()
    )]
    OpenFolder(PathBuf),
    /// An address on the command line holds a password.
    #[error(
        "a password in an argument is read by everybody on this machine, and kept by the shell; put the address into {0} \
         or the config file"
    )]
    Argument(&'static str),
    /// An environment variable cannot be used.
    #[error("the environment variable {name} {message}")]
    Variable {
        /// Which one.
        name: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// A setting cannot be used, wherever it comes from.
    #[error("{0}")]
    Setting(String),
    /// There is no place for our files.
    #[error(
        "HOME is not set, so there is no folder for the desk's files; set HOME, or KAYGIA_DESK_STATE_DIR and KAYGIA_DESK_DATA_DIR"
    )]
    Homeless,
}

impl Config {
    /// Decides every setting.
    pub fn load(flags: Flags, environment: &Environment) -> Result<Self, ConfigError> {
        for (flag, variable) in
            [(&flags.database_url, "DATABASE_URL"), (&flags.listen_url, "KAYGIA_DESK_LISTEN_URL")]
        {
            if flag.as_ref().is_some_and(Address::has_password) {
                return Err(ConfigError::Argument(variable));
            }
        }
        let (path, file) = read_file(&flags, environment)?;
        let from_environment = |name: &'static str| environment.text(name);
        let address = |flag: Option<Address>, name: &'static str, file: Option<Address>| match flag {
            Some(address) => Ok(Some(address)),
            None => Ok::<_, ConfigError>(from_environment(name)?.map(Address::new).or(file)),
        };
        let link = match from_environment("KAYGIA_DESK_POOLED")?.as_deref() {
            None => file.link.unwrap_or_default(),
            Some("1" | "true" | "yes") => Link::Pooled,
            Some("0" | "false" | "no") => Link::Direct,
            Some(other) => {
                let message = format!("is `{other}`; write `true` or `false`");
                return Err(ConfigError::Variable { name: "KAYGIA_DESK_POOLED", message });
            }
        };
        let log = match from_environment("KAYGIA_DESK_LOG")?.as_deref() {
            None => Log::default(),
            Some("error") => Log::Error,
            Some("warn") => Log::Warn,
            Some("info") => Log::Info,
            Some("debug") => Log::Debug,
            Some("trace") => Log::Trace,
            Some(other) => {
                let message = format!("is `{other}`; write `error`, `warn`, `info`, `debug` or `trace`");
                return Err(ConfigError::Variable { name: "KAYGIA_DESK_LOG", message });
            }
        };
        let limits = limits(&file, environment)?;
        let mut lines = file.lines.clone();
        // https://no-color.org: any value but the empty one; a flag is a later word of the same person.
        let without_color = environment.text("NO_COLOR")?.map(|_| "none".to_owned());
        let theme = match flags.theme {
            Some(theme) => Some(theme),
            None => without_color.or(from_environment("KAYGIA_DESK_THEME")?).or(file.theme),
        };
        let signs = flags.signs.or(file.signs).unwrap_or_else(|| environment.signs());
        let source = source(environment);
        let stay = match from_environment("KAYGIA_DESK_STAY_SIGNED_IN")?.as_deref() {
            None => file.stay_signed_in,
            Some("1" | "true" | "yes") => Some(true),
            Some("0" | "false" | "no") => Some(false),
            Some(other) => {
                let message = format!("is `{other}`; write `true` or `false`");
                return Err(ConfigError::Variable { name: "KAYGIA_DESK_STAY_SIGNED_IN", message });
            }
        };
        let stay = match stay {
            Some(true) => Stay::Offered,
            Some(false) => Stay::Never,
            // Who comes by SSH often shares the account there with others.
            None if source.is_some() => Stay::WhenAsked,
            None => Stay::Offered,
        };
        Ok(Self {
            database_url: address(flags.database_url, "DATABASE_URL", file.database_url)?,
            listen_url: address(flags.listen_url, "KAYGIA_DESK_LISTEN_URL", file.listen_url)?,
            link,
            theme,
            editor: match file.editor.as_deref() {
                None | Some("") => Editor::OfTheEnvironment,
                Some("off") => Editor::Off,
                Some(command) => Editor::Named(command.to_owned()),
            },
            signs,
            log,
            keys: file.keys,
            tokens: file.tokens,
            mail: file.mail.over(environment, &mut lines)?,
            lines,
            places: Places::find(environment)?,
            limits,
            stay,
            source,
            session: from_environment(SESSION_VARIABLE)?.map(|token| Session(Zeroizing::new(token))),
            file: path,
        })
    }

    /// An error about one of these settings, for what only another room can judge: with the line of the first of them
    /// that the config file decides.
    pub fn error_of(&self, settings: &[&str], message: impl std::fmt::Display) -> ConfigError {
        match settings.iter().find_map(|setting| self.lines.0.get(*setting)) {
            Some(line) => self.error_at(*line, message),
            None => ConfigError::Setting(message.to_string()),
        }
    }

    /// An error about one line of the config file, for what only another room can judge, such as a key's name.
    pub fn error_at(&self, line: usize, message: impl std::fmt::Display) -> ConfigError {
        let path = self.file.clone().unwrap_or_default();
        ConfigError::Line { path, line, message: message.to_string() }
    }
}

fn limits(file: &File, environment: &Environment) -> Result<Limits, ConfigError> {
    let mut limits = Limits::default();
    let named = |name, read: Result<(), String>| {
        read.map_err(|message| ConfigError::Variable { name, message: format!("names {message}") })
    };
    limits.idle = file.idle_lock.map_or(limits.idle, Idle::limit);
    limits.session = file.session_limit.unwrap_or(limits.session);
    if let Some(text) = environment.text("KAYGIA_DESK_IDLE_LOCK")? {
        named("KAYGIA_DESK_IDLE_LOCK", limits::idle(&text).map(|idle| limits.idle = idle.limit()))?;
    }
    if let Some(text) = environment.text("KAYGIA_DESK_SESSION_LIMIT")? {
        named("KAYGIA_DESK_SESSION_LIMIT", limits::session(&text).map(|session| limits.session = session))?;
    }
    Ok(limits)
}

/// The client's address of an SSH connection, which sshd puts first.
fn source(environment: &Environment) -> Option<IpAddr> {
    environment.raw("SSH_CONNECTION")?.to_str()?.split(' ').next()?.parse().ok()
}

fn read_file(flags: &Flags, environment: &Environment) -> Result<(Option<PathBuf>, File), ConfigError> {
    let named = flags.config.clone().or_else(|| environment.path("KAYGIA_DESK_CONFIG"));
    let asked_for = named.is_some();
    let Some(path) = named.or_else(|| Places::config_file(environment)) else {
        return Ok((None, File::default()));
    };
    match File::read(&path) {
        Ok(file) => Ok((Some(path), file)),
        Err(ConfigError::Read { error, .. })
            if !asked_for
                && matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
                ) =>
        {
            Ok((None, File::default()))
        }
        Err(error) => Err(error),
    }
}

/// The environment variables of this process, as they were at its start.
#[derive(Clone)]
pub struct Environment {
    variables: BTreeMap<OsString, OsString>,
    superuser: Superuser,
}

/// Whether we are root, whose files lie elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Superuser {
    /// We are root.
    Yes,
    /// We are somebody.
    No,
}

impl std::fmt::Debug for Environment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Values may be secrets of other programs.
        f.debug_struct("Environment").field("superuser", &self.superuser).finish_non_exhaustive()
    }
}

impl Environment {
    /// What this process was started with.
    pub fn of_this_process() -> Self {
        let superuser = if rustix::process::geteuid().is_root() { Superuser::Yes } else { Superuser::No };
        Self { variables: std::env::vars_os().collect(), superuser }
    }

    /// One made up, for tests.
    pub fn of(variables: &[(&str, &str)], superuser: Superuser) -> Self {
        let variables = variables.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        Self { variables, superuser }
    }

    /// A variable that is set and not empty.
    fn raw(&self, name: &str) -> Option<&OsStr> {
        self.variables.get(OsStr::new(name)).map(OsString::as_os_str).filter(|value| !value.is_empty())
    }

    fn text(&self, name: &'static str) -> Result<Option<String>, ConfigError> {
        let Some(value) = self.raw(name) else { return Ok(None) };
        let message = "is not UTF-8".to_owned();
        value.to_str().map(|text| Some(text.to_owned())).ok_or(ConfigError::Variable { name, message })
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        self.raw(name).map(PathBuf::from)
    }

    /// A path as the XDG base directories want it: relative ones are ignored.
    fn absolute_path(&self, name: &str) -> Option<PathBuf> {
        self.path(name).filter(|path| path.is_absolute())
    }

    fn home(&self) -> Option<PathBuf> {
        self.absolute_path("HOME")
    }

    fn is_superuser(&self) -> bool {
        self.superuser == Superuser::Yes
    }

    /// By the locale; where none is set, terminals of today speak UTF-8.
    fn signs(&self) -> Signs {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| self.raw(name));
        let Some(locale) = locale else { return Signs::Unicode };
        let locale = locale.to_string_lossy().to_ascii_lowercase();
        if locale.contains("utf-8") || locale.contains("utf8") { Signs::Unicode } else { Signs::Ascii }
    }
}

/// The candidate that `word` is most likely meant to be.
fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    let (distance, near) =
        candidates.iter().map(|candidate| (distance(word, candidate), *candidate)).min()?;
    (distance <= 1 + near.len() / 4).then_some(near)
}

/// Insertions, deletions and replacements between two words.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in right.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[right.len()]
}

/// The number, from 1, of the line in which a byte lies.
fn line_of(text: &str, byte: usize) -> usize {
    text.as_bytes()[..byte.min(text.len())].split(|byte| *byte == b'\n').count()
}

/// The usual place of the config file, for messages that ask somebody to write one.
pub fn usual_file(environment: &Environment) -> Option<PathBuf> {
    Places::config_file(environment)
}
