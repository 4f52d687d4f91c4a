//! The command line: what can be asked for, and one file per command that answers.
//!
//! A command either works or says in one sentence on standard error why not; the exit code says which.

mod audit;
mod cleanup;
mod demo;
mod doctor;
mod generate;
mod grant;
mod house;
mod login;
mod migrate;
mod open;
mod output;
mod prompt;
mod server;
mod sessions;
mod user;
mod worker;

use std::borrow::Cow;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, CommandFactory, Parser, Subcommand};

use crate::config::{Address, Config, Environment, Flags, Signs};
use crate::domain;
use crate::domain::safe_text::sanitise;

/// How a command went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// As asked.
    Done,
    /// It worked, and the answer is no: a check that found something.
    No,
    /// It ended in another way than asked, with this exit code.
    Code(u8),
}

/// Why a command did not do as asked.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A sentence for whoever asked.
    #[error("{0}")]
    Told(String),
    /// Ctrl-C at a prompt.
    #[error("interrupted")]
    Interrupted,
}

impl Failure {
    /// A failure told by another room's error.
    fn told(error: impl std::fmt::Display) -> Self {
        Self::Told(error.to_string())
    }
}

/// A support desk in the terminal, on the web app's own Postgres
#[derive(Debug, Parser)]
#[command(
    name = "desk",
    version,
    about,
    max_term_width = 100,
    disable_help_subcommand = true,
    after_help = "With a session token in KAYGIA_DESK_SESSION desk goes on with that session instead of asking for a password."
)]
struct Line {
    #[command(flatten)]
    shared: Shared,
    #[command(subcommand)]
    command: Option<Command>,
}

/// What holds for every command; the environment variables are read by `config`.
#[derive(Debug, Args)]
struct Shared {
    /// Read this config file [env: KAYGIA_DESK_CONFIG] [default: ~/.config/kaygia-desk/config.toml]
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Work on this database [env: DATABASE_URL]
    #[arg(long, global = true, value_name = "URL")]
    database_url: Option<Address>,
    /// Listen for changes here, if the database is behind a pooler [env: KAYGIA_DESK_LISTEN_URL]
    #[arg(long, global = true, value_name = "URL", hide = true)]
    listen_url: Option<Address>,
    /// Draw in these colours [env: KAYGIA_DESK_THEME]
    #[arg(long, global = true, value_name = "NAME", hide = true)]
    theme: Option<String>,
    /// Draw with ASCII signs only
    #[arg(long, global = true, hide = true)]
    ascii: bool,
}

/// A command that is not whole yet stays out of the help.
#[derive(Debug, Subcommand)]
enum Command {
    /// Open the desk on a private database with sample data
    Demo(demo::Arguments),
    /// Create the database's tables, or adopt the web app's
    Migrate(migrate::Arguments),
    /// Give a database role just what the desk needs, and nothing else
    Grant(grant::Arguments),
    /// Check the database and say what to do about each finding
    Doctor(doctor::Arguments),
    /// Sign in for the commands and the next start; the password is asked for, or read from standard input
    Login(login::Arguments),
    /// End the session of `desk login`
    Logout,
    /// Who is signed in, and ending that
    Sessions(sessions::Arguments),
    /// Accounts
    #[command(subcommand)]
    User(user::Command),
    /// The log of all that was done
    #[command(subcommand)]
    Audit(audit::Command),
    /// Remove used and expired codes, old sessions and old mails
    Cleanup(cleanup::Arguments),
    /// Send the desk's mail in the foreground, without a screen
    Worker,
    /// Fill a migrated database with generated tickets
    Generate(generate::Arguments),
    /// The Postgres programs that the demo and the tests need
    #[command(subcommand)]
    Server(server::Command),
}

/// Does what the command line asks for.
pub fn main() -> ExitCode {
    keep_memory_to_ourselves();
    run(std::env::args_os(), &Environment::of_this_process())
}

fn run(arguments: impl Iterator<Item = OsString>, environment: &Environment) -> ExitCode {
    let line = match Line::try_parse_from(arguments) {
        Ok(line) => line,
        Err(error) => {
            say_usage(&error);
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match dispatch(line, environment) {
        Ok(Exit::Done) => ExitCode::SUCCESS,
        Ok(Exit::No) => ExitCode::from(1),
        Ok(Exit::Code(code)) => ExitCode::from(code),
        Err(failure) => {
            say_error(&failure);
            ExitCode::from(match failure {
                Failure::Told(_) => 1,
                Failure::Interrupted => 130,
            })
        }
    }
}

/// Passwords and the texts of clients pass through our memory: no core file is written, and other processes of this
/// user can read neither our memory nor the environment that we were started with. A system that knows no such
/// thing runs the desk all the same.
fn keep_memory_to_ourselves() {
    use rustix::process::{Resource, Rlimit, setrlimit};
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) });
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

fn dispatch(line: Line, environment: &Environment) -> Result<Exit, Failure> {
    let Line { shared, command } = line;
    let config = || {
        let Shared { config, database_url, listen_url, theme, ascii } = shared;
        let signs = ascii.then_some(Signs::Ascii);
        let flags = Flags { config, database_url, listen_url, theme, signs };
        Config::load(flags, environment).map_err(Failure::told)
    };
    match command {
        None => open::run(&config()?),
        Some(Command::Demo(arguments)) => demo::run(&config()?, &arguments),
        Some(Command::Migrate(arguments)) => migrate::run(&config()?, &arguments),
        Some(Command::Grant(arguments)) => grant::run(config, &arguments),
        Some(Command::Doctor(arguments)) => doctor::run(&config()?, &arguments),
        Some(Command::Login(arguments)) => login::run(&config()?, &arguments),
        Some(Command::Logout) => login::out(&config()?),
        Some(Command::Sessions(arguments)) => sessions::run(&config()?, &arguments),
        Some(Command::User(command)) => user::run(&config()?, &command),
        Some(Command::Audit(command)) => audit::run(&config()?, &command),
        Some(Command::Cleanup(arguments)) => cleanup::run(&config()?, &arguments),
        Some(Command::Worker) => worker::run(&config()?),
        Some(Command::Generate(arguments)) => generate::run(&config()?, &arguments),
        // Works with no config at all, and with a broken one.
        Some(Command::Server(command)) => server::run(&command),
    }
}

/// The database that a command works on.
fn database_of(config: &Config) -> Result<&Address, Failure> {
    config.database_url.as_ref().ok_or_else(|| {
        let sentence =
            "no database is named: set DATABASE_URL, or database_url in the config file, or --database-url";
        Failure::Told(sentence.to_owned())
    })
}

/// Waits for a use case, and tells its failure in its own words.
fn wait_for<T>(work: impl Future<Output = Result<T, domain::failure::Failure>>) -> Result<T, Failure> {
    block_on(work)?.map_err(|failure| Failure::Told(failure.sentence()))
}

/// A line on standard output. Whatever it quotes, the terminal obeys none of it.
fn say(text: impl std::fmt::Display) {
    // Whoever closed the output does not want the line.
    let _ = writeln!(std::io::stdout(), "{}", sanitise(&text.to_string()));
}

/// A line on standard error, for progress and questions, so that the output stays clean.
fn note(text: impl std::fmt::Display) {
    let _ = writeln!(std::io::stderr(), "{}", sanitise(&text.to_string()));
}

/// Help on standard output, mistakes on standard error; a closed one changes nothing.
fn say_usage(error: &clap::Error) {
    let plain = error.render().to_string();
    match sanitise(&plain) {
        Cow::Borrowed(_) => drop(error.print()),
        // What it quotes of the line is no text to print as it is.
        Cow::Owned(safe) => note(safe.trim_end()),
    }
}

fn say_error(failure: &Failure) {
    note(format_args!("desk: {failure}"));
}

/// Runs what waits for the network or the clock.
fn block_on<F: Future>(work: F) -> Result<F::Output, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::Told(format!("could not start: {error}")))?;
    Ok(runtime.block_on(work))
}

/// The command line as clap knows it, for its own documents.
pub fn command() -> clap::Command {
    Line::command()
}
