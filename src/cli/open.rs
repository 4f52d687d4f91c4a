//! `desk`: sign in and work.

use super::{Exit, Failure, note};
use crate::auth::{Limits, SessionToken};
use crate::config::{Address, Config, Editor, Link, Log, SESSION_VARIABLE, Signs, Stay as Allowed};
use crate::desk::open::{self, Opened, Reach};
use crate::desk::post::Post;
use crate::runtime::screen::Mouse;
use crate::runtime::session::{Ending, Farewell, Offer};
use crate::runtime::stay::Stay;
use crate::runtime::{self, Options, Ready, Stopped, editor, setup};
use crate::telemetry;
use std::net::IpAddr;
use tracing::level_filters::LevelFilter;

pub(super) fn run(config: &Config) -> Result<Exit, Failure> {
    config.database_url.as_ref().ok_or_else(no_database)?;
    let options = options(config)?;
    named_token(config)?;
    // Said before anything is drawn.
    super::house::of(config)?;
    let server = super::house::mail_server(config)?;
    let open = async {
        let opened = open(config).await?;
        let token = token(config, &opened.database)?;
        let stay = Stay::new(&config.places.state, &opened.database);
        let stay = match config.stay {
            _ if config.session.is_some() => None,
            Allowed::Offered => Some((stay, Offer::Made)),
            Allowed::WhenAsked => Some((stay, Offer::NotMade)),
            Allowed::Never => None,
        };
        let post = server.map(|server| Post::new(opened.desk.clone(), server));
        Ok::<_, Failure>(Ready { opened, token, stay, post })
    };
    ended(runtime::run(options, open))
}

/// Opens the desk on the database of the settings.
pub(super) async fn open(config: &Config) -> Result<Opened, Failure> {
    let url = config.database_url.as_ref().ok_or_else(no_database)?;
    config.places.check_state().map_err(Failure::told)?;
    let house = super::house::quietly(config)?;
    let waiting = |why: &str| note(format_args!("desk: {why}"));
    let opened = open::open_when_there_is_room(reach(config, url), &origin(), waiting).await;
    let opened = opened.map_err(|why| Failure::Told(why.sentence()))?;
    let desk = opened.desk.under(house).for_sign_ins(&source(config), limits(config));
    Ok(Opened { desk, ..opened })
}

/// How the database of the settings is reached.
fn reach<'a>(config: &'a Config, url: &'a Address) -> Reach<'a> {
    Reach {
        url: url.expose(),
        listen_url: config.listen_url.as_ref().map(Address::expose),
        pooled: config.link == Link::Pooled,
    }
}

/// How long sessions last.
pub(super) fn limits(config: &Config) -> Limits {
    Limits { idle: config.limits.idle, session: config.limits.session }
}

/// Where attempts to sign in come from: the other end of an SSH connection, else this machine's user.
pub(super) fn source(config: &Config) -> String {
    match config.source {
        Some(address) => format!("ssh {address}"),
        None => {
            let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
            format!("{host} uid {}", rustix::process::getuid().as_raw())
        }
    }
}

/// The session that the environment names, or that is kept on this machine.
pub(super) fn token(config: &Config, database: &str) -> Result<Option<SessionToken>, Failure> {
    match named_token(config)? {
        Some(token) => Ok(Some(token)),
        None if config.stay == Allowed::Never => Ok(None),
        None => Stay::new(&config.places.state, database).token().map_err(Failure::told),
    }
}

/// The session that the environment names.
fn named_token(config: &Config) -> Result<Option<SessionToken>, Failure> {
    let Some(session) = &config.session else { return Ok(None) };
    let token = SessionToken::parse(session.expose());
    token.map(Some).ok_or_else(|| {
        Failure::Told(format!("{SESSION_VARIABLE} holds no session token; unset it to sign in by password"))
    })
}

/// How a session looks, from the settings; the log begins here.
pub(super) fn options(config: &Config) -> Result<Options, Failure> {
    config.places.check_state().map_err(Failure::told)?;
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
        editor: match &config.editor {
            Editor::OfTheEnvironment => editor::Choice::OfTheEnvironment,
            Editor::Named(command) => editor::Choice::Named(command.into()),
            Editor::Off => editor::Choice::Off,
        },
        email: None,
        limits: limits(config),
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
