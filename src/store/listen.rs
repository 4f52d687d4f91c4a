//! The ear of the desk: a direct connection of its own that hears what changed.
//!
//! LISTEN comes first; whoever listens reads again what is on the screen once [`Listener::connect`] has answered,
//! and misses nothing from then on. A pooler in transaction mode answers LISTEN with success and delivers nothing,
//! so the listener first sends itself a notification. A server that is frozen rather than gone is noticed by asking
//! for a sign of life after some silence. On any loss the listener ends; when to try again is the caller's to say.

use super::error::{Error, Meaning, Result};
use super::pool::connect::Connector;
use super::sql;
use crate::domain::change::Change;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Notification};

/// How patient a listener is.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Silence after which it asks for a sign of life.
    pub silence: Duration,
    /// How long that may take.
    pub answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { silence: Duration::from_secs(4), answer: Duration::from_secs(3) }
    }
}

/// How long a notification to oneself may take.
const ECHO: Duration = Duration::from_secs(2);

/// Where to listen, again after each loss. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Ear {
    /// None: there is no address but the pooler's. It is not even tried: a pooler that happens to lend the same
    /// connection twice delivers the notification to oneself, and no other.
    connector: Option<Connector>,
    patience: Patience,
}

impl Ear {
    /// An ear that connects by itself.
    pub const fn new(connector: Connector, patience: Patience) -> Self {
        Self { connector: Some(connector), patience }
    }

    /// An ear that hears nothing, behind a pooler.
    pub fn deaf() -> Self {
        Self { connector: None, patience: Patience::default() }
    }

    /// Connects and listens, as [`Listener::connect`] does.
    pub async fn listen(&self) -> Result<Listener> {
        match &self.connector {
            Some(connector) => Listener::connect(connector, self.patience).await,
            None => Err(Error::new(
                Meaning::Address,
                "a pooler delivers no notifications: give the listener a direct address as listen_url",
            )),
        }
    }
}

/// A connection that listens.
pub struct Listener {
    client: Client,
    heard: UnboundedReceiver<Notification>,
    patience: Patience,
    probe_at: Instant,
}

impl Listener {
    /// Connects and listens. What changed before is not told: read it.
    pub async fn connect(connector: &Connector, patience: Patience) -> Result<Self> {
        let (client, heard) = connector.connect_listening().await?;
        let mut listener = Self { client, heard, patience, probe_at: Instant::now() + patience.silence };
        match timeout(patience.answer, listener.subscribe()).await {
            Ok(done) => done?,
            Err(_) => return Err(Error::timed_out("listening")),
        }
        Ok(listener)
    }

    async fn subscribe(&mut self) -> Result<()> {
        self.client.batch_execute("LISTEN desk; LISTEN desk_echo").await?;
        let pid: i32 =
            sql::get(&sql::row(&self.client, "SELECT pg_backend_pid() AS pid", &[]).await?, "pid")?;
        let echo = pid.to_string();
        sql::execute(&self.client, "SELECT pg_notify('desk_echo', $1)", &[(&echo, Type::TEXT)]).await?;
        // What others have to say meanwhile is read again anyway.
        while let Ok(Some(notice)) = timeout(ECHO, self.heard.recv()).await {
            if notice.channel() == "desk_echo" && notice.payload() == echo {
                sql::execute(&self.client, "UNLISTEN desk_echo", &[]).await?;
                return Ok(());
            }
        }
        if self.client.is_closed() {
            return Err(lost());
        }
        Err(Error::new(
            Meaning::Address,
            "this connection delivers no notifications (a pooler in between?): give the listener a direct address",
        ))
    }

    /// The next change. May be dropped and called again at any time.
    pub async fn next(&mut self) -> Result<Change> {
        loop {
            match timeout_at(self.probe_at, self.heard.recv()).await {
                Ok(Some(notice)) => {
                    self.probe_at = Instant::now() + self.patience.silence;
                    if notice.channel() == "desk" {
                        return Ok(Change::parse(notice.payload()));
                    }
                }
                Ok(None) => return Err(lost()),
                Err(_) => self.probe().await?,
            }
        }
    }

    /// Asks for a sign of life.
    async fn probe(&mut self) -> Result<()> {
        match timeout(self.patience.answer, sql::execute(&self.client, "SELECT 1", &[])).await {
            Ok(answer) => answer?,
            Err(_) => return Err(Error::timed_out("the listener's sign of life")),
        };
        self.probe_at = Instant::now() + self.patience.silence;
        Ok(())
    }
}

fn lost() -> Error {
    Error::new(Meaning::Unavailable, "the listener's connection to the database was lost")
}
