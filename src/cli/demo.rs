//! `desk demo`: the desk on a private database with sample data.
//!
//! The server lives as long as this process or another desk uses it, and leaves nothing behind but its data.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::generate::Teller;
use super::server::{self, Consent};
use super::{Exit, Failure, not_there_yet, note, say};
use crate::auth::SessionToken;
use crate::config::Config;
use crate::desk::demo::{Demo, Progress};
use crate::server::Server;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Start over with fresh sample data
    #[arg(long)]
    pub reset: bool,
    /// Keep the database up and print its address, until Ctrl-C
    #[arg(long)]
    pub no_tui: bool,
    /// Show the sign-in screen instead of signing in
    #[arg(long)]
    pub sign_in: bool,
    /// Let the clients of the demo write now and then
    #[arg(long)]
    pub live: bool,
    /// See to it that there are this many generated tickets too
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(..=20_000_000))]
    pub tickets: Option<u32>,
    /// Install Postgres if it is missing, without asking
    #[arg(long)]
    pub yes: bool,
}

pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<Exit, Failure> {
    let server = start_server(&config.places.server(), arguments)?;
    super::block_on(open(&server, config, arguments))?
}

fn start_server(folder: &Path, arguments: &Arguments) -> Result<Server, Failure> {
    let programs = server::programs(if arguments.yes { Consent::Given } else { Consent::Ask })?;
    if arguments.reset {
        Server::erase(folder).map_err(Failure::told)?;
    }
    note("Starting the demo's private Postgres ...");
    Server::durable(&programs, folder).map_err(Failure::told)
}

async fn open(server: &Server, config: &Config, arguments: &Arguments) -> Result<Exit, Failure> {
    let mut teller = Teller::default();
    let tickets = arguments.tickets.map(i64::from);
    let demo = Demo::prepare(|database| server.url(database), tickets, &mut |progress| match progress {
        Progress::Creating => note("Creating its database ..."),
        Progress::Migrating => note("Creating its tables ..."),
        Progress::Filling => note("Writing the sample data ..."),
        Progress::Generating(step) => teller.tell(step),
    })
    .await
    .map_err(|failure| Failure::Told(failure.sentence()))?;
    let url = server.url(crate::desk::demo::DATABASE);
    let work = async {
        if arguments.no_tui {
            return keep_up(&url).await;
        }
        let token = if arguments.sign_in { None } else { Some(sign_in(&demo).await?) };
        start_desk(config, &url, token).await
    };
    tokio::select! {
        done = work => done,
        () = live(&demo, arguments.live) => Ok(Exit::Done),
    }
}

async fn sign_in(demo: &Demo) -> Result<SessionToken, Failure> {
    let mut random = [0; 48];
    getrandom::fill(&mut random)
        .map_err(|error| Failure::Told(format!("this system gives no random bytes: {error}")))?;
    let origin = format!("demo/{}", std::process::id());
    demo.begin_session(&random, &origin).await.map_err(|failure| Failure::Told(failure.sentence()))
}

/// Plays the clients for as long as the desk is open; never ends by itself.
async fn live(demo: &Demo, wanted: bool) {
    if wanted {
        // Another play each time; the desk needs no clock for it.
        let seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let _ = demo.play(seed).await;
    }
    std::future::pending::<()>().await;
}

/// Tells the address, then waits for Ctrl-C, SIGTERM or a closed terminal.
async fn keep_up(url: &str) -> Result<Exit, Failure> {
    let failed = |error: std::io::Error| Failure::Told(format!("could not wait for signals: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(failed)?;
    say(format_args!("DATABASE_URL={url}"));
    note("The database is up until Ctrl-C.");
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
        _ = hang_up.recv() => {}
    }
    Ok(Exit::Done)
}

/// Opens the desk on the demo's database, signed in where there is a token.
#[expect(clippy::unused_async, reason = "the desk opens here once it can")]
async fn start_desk(_config: &Config, _url: &str, _token: Option<SessionToken>) -> Result<Exit, Failure> {
    Err(not_there_yet("desk demo"))
}
