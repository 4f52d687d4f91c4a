//! Opening the desk on a database: what must hold before a screen is drawn, else a sentence that says what to do.

use super::{Desk, failure};
use crate::domain::failure::Failure;
use crate::store::error::{Meaning, Result};
use crate::store::listen::{Ear, Patience};
use crate::store::migrate::state::OLDEST_SERVER;
use crate::store::pool::{self, Options, Session};
use crate::store::ready::{self, Found};
use std::time::Duration;

/// How a database is reached.
#[derive(Clone, Copy)]
pub struct Reach<'a> {
    /// Its address.
    pub url: &'a str,
    /// Another address to listen at, where the first one leads through a pooler.
    pub listen_url: Option<&'a str>,
    /// Whether the first address is a pooler's.
    pub pooled: bool,
}

/// The desk on a database that is ready for it.
#[derive(Clone, Debug)]
pub struct Opened {
    /// What the screens ask.
    pub desk: Desk,
    /// Where changes are heard.
    pub ear: Ear,
    /// Tells this database from others, for what is kept on this machine. Holds no secret.
    pub database: String,
}

/// How often a desk that starts looks for a connection, some seconds each time: about ten minutes.
const ATTEMPTS: u32 = 120;
/// The pause before it looks again for a server that went away meanwhile.
const AWAY: Duration = Duration::from_secs(2);

/// Connects and looks whether the desk can start here. `origin` names this desk in drafts and events.
pub async fn open(reach: Reach<'_>, origin: &str) -> std::result::Result<Opened, Failure> {
    let opened = try_open(reach, origin).await;
    opened.unwrap_or_else(|error| Err(failure::of_store(&error)))
}

/// The same, but while the server has no connection left it is tried again, after `waiting` was told so once; the
/// attempts themselves have their pauses. Whoever waits already goes on waiting while the server is started anew:
/// that is how it gets more connections.
#[expect(clippy::disallowed_methods, reason = "bounded by the number of attempts")]
pub async fn open_when_there_is_room(
    reach: Reach<'_>,
    origin: &str,
    waiting: impl Fn(&str),
) -> std::result::Result<Opened, Failure> {
    let mut attempt = 1;
    loop {
        match try_open(reach, origin).await {
            Ok(opened) => return opened,
            Err(error) => match error.meaning() {
                Meaning::TooManyConnections if attempt == 1 => waiting(error.sentence()),
                Meaning::TooManyConnections if attempt < ATTEMPTS => {}
                Meaning::Unavailable | Meaning::Timeout if attempt > 1 && attempt < ATTEMPTS => {
                    tokio::time::sleep(AWAY).await;
                }
                _ => return Err(failure::of_store(&error)),
            },
        }
        attempt += 1;
    }
}

async fn try_open(reach: Reach<'_>, origin: &str) -> Result<std::result::Result<Opened, Failure>> {
    let options = Options { pooled: reach.pooled, session: Session::Desk };
    let pool = pool::connect(reach.url, options)?;
    let ear = match reach.listen_url {
        Some(url) => Ear::new(pool::connector(url, Options::default())?, Patience::default()),
        None if reach.pooled => Ear::deaf(),
        None => Ear::new(pool.connector().clone(), Patience::default()),
    };
    let refusal = match pool.read(async |client| ready::look(client).await).await? {
        Found::Ready(database) => {
            return Ok(Ok(Opened { desk: Desk::new(pool, origin), ear, database }));
        }
        Found::ServerTooOld(major) => format!(
            "this server is PostgreSQL {major}, and the desk needs {} or newer; move the database to a newer server",
            OLDEST_SERVER / 10_000
        ),
        Found::NotMigrated => {
            "this database has not been prepared for the desk; run `desk migrate` once".to_owned()
        }
        Found::Older => {
            "this database was prepared by an older desk; run `desk migrate` to bring it up to date"
                .to_owned()
        }
        Found::Newer => {
            "this database was prepared by a newer desk; update this one before you go on".to_owned()
        }
    };
    Ok(Err(Failure::Invalid(refusal)))
}
