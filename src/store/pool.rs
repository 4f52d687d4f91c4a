//! Connections to the web app's server: how they are made, kept, lent and thrown away.
//!
//! Three for reading and one for writing, so that a write does not queue behind slow reads, and meets a server process
//! that has the triggers and plans of writes at hand. A connection on
//! which something timed out is thrown away, and with it all idle ones, since a frozen server freezes them all. It
//! must never hold a lock while it waits for the network.

pub mod address;
pub mod connect;
mod limited;
mod prepared;
mod trust;
pub(in crate::store) use prepared::statement as prepared_statement;

use self::address::Address;
use self::connect::Connector;
use self::prepared::{Prepared, Shelf};
use super::error::{Error, Meaning, Result};
use deadpool_postgres::{
    Hook, HookError, Manager, ManagerConfig, Object, PoolError, QueueMode, RecyclingMethod, Runtime,
    TimeoutType, Timeouts,
};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio_postgres::Client;

/// Between two attempts to get a connection from a server that has none left: the first pause; each is twice as long as
/// the one before, and uneven, so that many desks do not come at once.
const NO_ROOM: Duration = Duration::from_millis(50);
/// Connections for reading; there is one more for writing.
const READERS: usize = 3;
/// A connection idle for longer is asked for a sign of life before it is lent.
const TRUSTED_IDLE: Duration = Duration::from_secs(10);
/// The time for that sign of life; one that does not come costs no more than another connection.
const SIGN_OF_LIFE: Duration = Duration::from_secs(1);
/// The time for keeping statements prepared; on a link of this machine it takes one or two milliseconds, once.
const KEEPING: Duration = Duration::from_millis(100);
/// One use of a connection: more than `statement_timeout`, so that the server's own answer comes first, and little more,
/// so that somebody who waits for a server that stands still is told within six seconds.
const USE_LIMIT: Duration = Duration::from_millis(5500);
/// Waiting for a connection to be given back.
const WAIT_LIMIT: Duration = Duration::from_secs(5);

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Session {
    /// Interactive: every statement has a time limit.
    Desk,
    /// Migrations and repairs: statements may take as long as they need.
    Maintenance,
}

/// How to connect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Through a pooler such as pgbouncer: no settings are sent, nothing outlives a transaction.
    pub pooled: bool,
    /// What the connections are for.
    pub session: Session,
}

impl Options {
    /// For migrations and repairs: a direct link on which statements may take as long as they need.
    pub const MAINTENANCE: Self = Self { pooled: false, session: Session::Maintenance };
}

impl Default for Options {
    fn default() -> Self {
        Self { pooled: false, session: Session::Desk }
    }
}

/// When a server was last found to stand still: what was connected before is not asked for a sign of life one by one.
type Doubt = Arc<Mutex<Option<Instant>>>;

/// A pool of connections. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Pool {
    readers: deadpool_postgres::Pool,
    writer: deadpool_postgres::Pool,
    connector: Connector,
    /// What the writer keeps prepared; none on a pooled link.
    shelf: Option<Shelf>,
}

/// Reads the address for connections outside a pool. Connects to nothing yet.
pub fn connector(url: &str, options: Options) -> Result<Connector> {
    Connector::new(&Address::parse(url)?, options)
}

/// Reads the address and makes a pool. Connects to nothing yet.
pub fn connect(url: &str, options: Options) -> Result<Pool> {
    let connector = connector(url, options)?;
    let doubt = Doubt::default();
    Ok(Pool {
        readers: lender(&connector, &doubt, READERS)?,
        writer: lender(&connector, &doubt, 1)?,
        connector,
        shelf: (!options.pooled).then(Shelf::default),
    })
}

fn lender(connector: &Connector, doubt: &Doubt, size: usize) -> Result<deadpool_postgres::Pool> {
    let manager = Manager::from_connect(
        tokio_postgres::Config::new(),
        connector.clone(),
        ManagerConfig { recycling_method: RecyclingMethod::Fast },
    );
    let doubt = Arc::clone(doubt);
    deadpool_postgres::Pool::builder(manager)
        .max_size(size)
        // The one used last is the one whose server process still has everything at hand.
        .queue_mode(QueueMode::Lifo)
        .runtime(Runtime::Tokio1)
        .wait_timeout(Some(WAIT_LIMIT))
        .pre_recycle(Hook::async_fn(move |client, metrics| {
            let (doubt, created) = (Arc::clone(&doubt), metrics.created);
            let fresh = metrics.last_used() < TRUSTED_IDLE;
            Box::pin(async move {
                let doubted = *doubt.lock().unwrap_or_else(PoisonError::into_inner);
                if doubted.is_some_and(|at| created < at) {
                    return Err(HookError::message("it was connected before the server stood still"));
                }
                if fresh {
                    return Ok(());
                }
                match tokio::time::timeout(SIGN_OF_LIFE, client.simple_query("")).await {
                    Ok(Ok(_)) => Ok(()),
                    Ok(Err(error)) => Err(HookError::Backend(error)),
                    Err(_) => {
                        *doubt.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                        Err(HookError::message("no sign of life"))
                    }
                }
            })
        }))
        .build()
        .map_err(|error| Error::new(Meaning::Internal, error.to_string()))
}

impl Pool {
    /// Lends a connection for reading, at most three at a time.
    pub async fn read<T>(&self, work: impl AsyncFnOnce(&mut Client) -> Result<T>) -> Result<T> {
        let object = take(&self.readers).await?;
        self.lend(object, None, work).await
    }

    /// Lends a connection for writing: the one that reads never take, or else, while that is out or the server has no
    /// room for it, one of theirs.
    pub async fn write<T>(&self, work: impl AsyncFnOnce(&mut Client) -> Result<T>) -> Result<T> {
        let at_once = Timeouts { wait: Some(Duration::ZERO), ..Timeouts::default() };
        let (object, prepared) = match self.writer.timeout_get(&at_once).await {
            Ok(object) => {
                let prepared = self.shelf.as_ref().map(|shelf| shelf.of(&object));
                (object, prepared)
            }
            Err(PoolError::Timeout(TimeoutType::Wait)) => (take(&self.readers).await?, None),
            Err(error) => match of_pool(error) {
                error if *error.meaning() == Meaning::TooManyConnections => {
                    (take(&self.readers).await?, None)
                }
                error => return Err(error),
            },
        };
        self.lend(object, prepared, work).await
    }

    /// How the pool connects, for connections of other kinds: the listener's, a migration's.
    pub fn connector(&self) -> &Connector {
        &self.connector
    }

    async fn lend<T>(
        &self,
        mut object: Object,
        prepared: Option<Arc<Prepared>>,
        work: impl AsyncFnOnce(&mut Client) -> Result<T>,
    ) -> Result<T> {
        let working = Box::pin(prepared::with(prepared.clone(), work(&mut object)));
        let outcome = match tokio::time::timeout(USE_LIMIT, working).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Error::timed_out("the connection was given up")),
        };
        match (&outcome, prepared) {
            (Ok(_), Some(prepared)) if prepared.wants() => {
                // The caller waits for this, so a slow link has to do without.
                match tokio::time::timeout(KEEPING, prepared.keep(&object)).await {
                    Ok(true) => {}
                    Ok(false) => drop(Object::take(object)),
                    Err(_) => prepared.stop(),
                }
                return outcome;
            }
            (Err(error), Some(prepared)) if *error.meaning() == Meaning::CachedPlan => prepared.clear(),
            _ => {}
        }
        if outcome.as_ref().is_err_and(Error::spoils_connection) {
            // A statement that the server itself timed out leaves the connection sound.
            let sound = outcome.as_ref().is_err_and(|error| error.code().is_some()) && !object.is_closed();
            if !sound {
                drop(Object::take(object));
                self.readers.retain(|_, _| false);
                self.writer.retain(|_, _| false);
            }
        }
        outcome
    }
}

/// A connection; of a server that has none left, the next one that is given back here or there.
async fn take(lender: &deadpool_postgres::Pool) -> Result<Object> {
    let (start, mut pause) = (Instant::now(), NO_ROOM);
    loop {
        match lender.get().await.map_err(of_pool) {
            Err(error) if *error.meaning() == Meaning::TooManyConnections => {
                if start.elapsed() + pause > WAIT_LIMIT {
                    return Err(error);
                }
                tokio::time::sleep(pause.mul_f64(connect::unevenness())).await;
                pause *= 2;
            }
            other => return other,
        }
    }
}

fn of_pool(error: PoolError) -> Error {
    match error {
        PoolError::Backend(error) => Error::from(error),
        PoolError::Timeout(_) => Error::timed_out("waiting for a connection"),
        PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
            Error::new(Meaning::Internal, "the pool is closed")
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::store::sql;

    fn spawnable<T: Send>(_: T) {}

    #[test]
    fn a_use_of_the_pool_can_be_spawned() {
        let pool = connect("host=/nowhere user=u", Options::default()).unwrap();
        spawnable(async move {
            let name = String::from("x");
            pool.read(async |db| sql::rows(db, "SELECT $1::text", &[sql::text(&name)]).await).await?;
            pool.write(async |db| {
                let tx = db.transaction().await?;
                sql::execute(&tx, "SELECT $1::text", &[sql::text(&name)]).await?;
                tx.commit().await?;
                Ok(())
            })
            .await
        });
    }

    #[tokio::test]
    async fn a_missing_socket_is_told_in_a_sentence() {
        let pool = connect("host=/nowhere user=u", Options::default()).unwrap();
        let error = pool.read(async |db| sql::rows(db, "SELECT 1", &[]).await).await.unwrap_err();
        assert_eq!(*error.meaning(), Meaning::Unavailable);
        assert!(
            error.sentence().starts_with("/nowhere/.s.PGSQL.5432: the database's socket does not exist"),
            "{error}"
        );
    }
}
