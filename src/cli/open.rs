//! `desk`: sign in and work.

use super::{Exit, Failure, note};
use crate::auth::SessionToken;
use crate::config::{Address, Config, Link, Log, SESSION_VARIABLE, Signs};
use crate::desk::open::{self, Reach};
use crate::runtime::screen::Mouse;
use crate::runtime::session::{Ending, Farewell};
use crate::runtime::{self, Options, Ready, Stopped, setup};
use crate::telemetry;
use std::net::IpAddr;
use tracing::level_filters::LevelFilter;

pub(super) fn run(config: &Config) -> Result<Exit, Failure> {
    let url = config.database_url.as_ref().ok_or_else(no_database)?;
    let options = options(config)?;
    let token = token(config)?;
    let house = super::house::of(config)?;
    let open = async {
        let waiting = |why: &str| note(format_args!("desk: {why}"));
        let opened = open::open_when_there_is_room(reach(config, url), &origin(), waiting).await;
        let mut opened = opened.map_err(|why| Failure::Told(why.sentence()))?;
        opened.desk = opened.desk.under(house);
        Ok::<_, Failure>(Ready { opened, token })
    };
    ended(runtime::run(options, open))
}

/// How the database of the settings is reached.
pub(super) fn reach<'a>(config: &'a Config, url: &'a Address) -> Reach<'a> {
    Reach {
        url: url.expose(),
        listen_url: config.listen_url.as_ref().map(Address::expose),
        pooled: config.link == Link::Pooled,
    }
}

/// The session that the environment names.
fn token(config: &Config) -> Result<Option<SessionToken>, Failure> {
    let Some(session) = &config.session else { return Ok(None) };
    let token = SessionToken::parse(session.expose());
    token.map(Some).ok_or_else(|| {
        Failure::Told(format!("{SESSION_VARIABLE} holds no session token; unset it to sign in by password"))
    })
}

/// How a session looks, from the settings; the log begins here.
pub(super) fn options(config: &Config) -> Result<Options, Failure> {
    let log = config.places.log();
    let level = match config.log {
        Log::Error => LevelFilter::ERROR,
        Log::Warn => LevelFilter::WARN,
        Log::Info => LevelFilter::INFO,
        Log::Debug => LevelFilter::DEBUG,
        Log::Trace => LevelFilter::TRACE,
    };
    if let Err(error) = telemetry::start(&log, level) {
        // A full disk is no reason not to answer clients.
        note(format_args!("desk: works without a log: {}: {error}", log.display()));
    }
    let signs = match config.signs {
        Signs::Unicode => setup::Signs::Unicode,
        Signs::Ascii => setup::Signs::Ascii,
    };
    let lines: Vec<(&str, &[String])> =
        config.keys.iter().map(|line| (line.action.as_str(), line.keys.as_slice())).collect();
    let keymap = setup::keymap(&lines).map_err(|bad| {
        Failure::told(config.error_at(config.keys.get(bad.at).map_or(0, |line| line.line), bad.why))
    })?;
    Ok(Options {
        theme: setup::theme(config.theme.as_deref(), signs).map_err(Failure::Told)?,
        keymap,
        mouse: Mouse::Ours,
        state: config.places.state.clone(),
        log,
        email: None,
    })
}

/// What is said after a session, and the exit code.
pub(super) fn ended<E: std::fmt::Display>(ended: Result<Farewell, Stopped<E>>) -> Result<Exit, Failure> {
    let Farewell { ending, lost } = ended.map_err(Failure::told)?;
    if lost > 0 {
        note(format_args!(
            "desk: {lost} unsaved text could be kept neither in the database nor on this machine; the log says why"
        ));
    }
    match ending {
        Ending::Left | Ending::TerminalGone => Ok(Exit::Done),
        Ending::Signal(end) => Ok(Exit::Code(end.exit_code())),
        Ending::Mistake => Ok(Exit::Code(runtime::session::MISTAKE)),
    }
}

/// Names this desk in drafts and events: the user, the host, the process, and where an SSH client came from.
pub(super) fn origin() -> String {
    let user = std::env::var("USER").unwrap_or_else(|_| rustix::process::getuid().as_raw().to_string());
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let desk = format!("{user}@{host} {}", std::process::id());
    match std::env::var("SSH_CONNECTION").ok().as_deref().and_then(ssh_client) {
        Some(client) => format!("{desk} from {client}"),
        None => desk,
    }
}

/// The client's address in `client port server port`, if it is one.
fn ssh_client(connection: &str) -> Option<IpAddr> {
    connection.split_whitespace().next()?.parse().ok()
}

fn no_database() -> Failure {
    Failure::Told(
        "no database is named; set DATABASE_URL or database_url in the config file, or try `desk demo`"
            .to_owned(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ssh_clients_address_is_an_address_or_nothing() {
        let client = |text| ssh_client(text).map(|address| address.to_string());
        assert_eq!(client("192.0.2.7 51022 198.51.100.1 22").as_deref(), Some("192.0.2.7"));
        assert_eq!(client("2001:db8::7 51022 2001:db8::1 22").as_deref(), Some("2001:db8::7"));
        assert_eq!(client("ada\x1b[2J 1 2 3"), None);
        assert_eq!(client(""), None);
    }
}
