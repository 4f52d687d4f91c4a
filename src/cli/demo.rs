//! `desk demo`: the desk on a private database with sample data.
//!
//! The server lives as long as this process or another desk uses it, and leaves nothing behind but its data.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use tokio::signal::unix::{SignalKind, signal};

use super::generate::Teller;
use super::server::{self, Consent};
use super::{Exit, Failure, note, open, say};
use crate::auth::SessionToken;
use crate::config::Config;
use crate::desk;
use crate::desk::demo::{DATABASE, Demo, EMAIL, Progress};
use crate::desk::open::Reach;
use crate::runtime::{self, Ready};
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
    let folder = config.places.server();
    if arguments.no_tui {
        let server = start_server(&folder, arguments)?;
        return super::block_on(keep_up(&server, arguments))?;
    }
    let mut options = open::options(config)?;
    options.email = arguments.sign_in.then(|| EMAIL.to_owned());
    // Outlives the session: the last look at the database is on the way out.
    let mut server = None;
    let opening = async {
        let server = server.insert(start_server(&folder, arguments)?);
        let demo = prepare(server, arguments).await?;
        let token = if arguments.sign_in { None } else { Some(sign_in(&demo).await?) };
        let url = server.url(DATABASE);
        let reach = Reach { url: &url, listen_url: None, pooled: false };
        let opened = desk::open::open(reach, &open::origin()).await.map_err(told)?;
        let opened = desk::open::Opened {
            desk: opened.desk.for_sign_ins(&open::source(config), open::limits(config)),
            ..opened
        };
        if arguments.live {
            tokio::spawn(async move { live(&demo).await });
        }
        Ok::<_, Failure>(Ready { opened, token, stay: None, post: None })
    };
    open::ended(runtime::run(options, opening))
}

fn start_server(folder: &Path, arguments: &Arguments) -> Result<Server, Failure> {
    let programs = server::programs(if arguments.yes { Consent::Given } else { Consent::Ask })?;
    if arguments.reset {
        Server::erase(folder).map_err(Failure::told)?;
    }
    note("Starting the demo's private Postgres ...");
    Server::durable(&programs, folder).map_err(Failure::told)
}

async fn prepare(server: &Server, arguments: &Arguments) -> Result<Demo, Failure> {
    let mut teller = Teller::default();
    let tickets = arguments.tickets.map(i64::from);
    Demo::prepare(|database| server.url(database), tickets, &mut |progress| match progress {
        Progress::Creating => note("Creating its database ..."),
        Progress::Migrating => note("Creating its tables ..."),
        Progress::Filling => note("Writing the sample data ..."),
        Progress::Generating(step) => teller.tell(step),
    })
    .await
    .map_err(told)
}

async fn sign_in(demo: &Demo) -> Result<SessionToken, Failure> {
    let mut random = [0; 48];
    getrandom::fill(&mut random)
        .map_err(|error| Failure::Told(format!("this system gives no random bytes: {error}")))?;
    demo.begin_session(&random, &open::origin()).await.map_err(told)
}

/// Plays the clients until the task ends.
async fn live(demo: &Demo) {
    // Another play each time; the desk needs no clock for it.
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    if let Err(failure) = demo.play(seed).await {
        tracing::error!("the demo's clients stay away: {}", failure.sentence());
    }
}

/// Keeps the database up until Ctrl-C, SIGTERM or a closed terminal, and tells its address.
async fn keep_up(server: &Server, arguments: &Arguments) -> Result<Exit, Failure> {
    let failed = |error: std::io::Error| Failure::Told(format!("could not wait for signals: {error}"));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(failed)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    let mut hang_up = signal(SignalKind::hangup()).map_err(failed)?;
    let up = async {
        let demo = prepare(server, arguments).await?;
        say(format_args!("DATABASE_URL={}", server.url(DATABASE)));
        note("The database is up until Ctrl-C.");
        if arguments.live {
            live(&demo).await;
        }
        std::future::pending().await
    };
    tokio::select! {
        failed = up => failed,
        () = end_of(server) => Err(Failure::Told(format!(
            "the demo's private Postgres has ended by itself; {} says why, and `desk demo --no-tui` starts it anew",
            server.log().display()
        ))),
        _ = interrupt.recv() => Ok(Exit::Done),
        _ = terminate.recv() => Ok(Exit::Done),
        _ = hang_up.recv() => Ok(Exit::Done),
    }
}

/// Waits until the server is gone, whoever ended it.
async fn end_of(server: &Server) {
    let mut look = tokio::time::interval(Duration::from_millis(500));
    while !server.has_ended() {
        look.tick().await;
    }
}

#[expect(clippy::needless_pass_by_value, reason = "it stands in map_err")]
fn told(failure: crate::domain::failure::Failure) -> Failure {
    Failure::Told(failure.sentence())
}
