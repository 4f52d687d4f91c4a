//! Looking after a database: migrations and the doctor, for the operator who runs them.
//!
//! Needs a direct link: locks and notifications do not pass through a pooler.

use super::failure;
use crate::domain::failure::Failure;
use crate::store::doctor;
pub use crate::store::doctor::{Finding, Severity};
use crate::store::error::{Meaning, Result as StoreResult};
use crate::store::events;
use crate::store::grant::{self, Granted};
use crate::store::migrate::{self, Progress, Report};
use crate::store::pool::address::Address;
use crate::store::pool::connect::Connector;
use crate::store::pool::{self, Options};
use crate::store::transaction::Transaction;

/// How the desk reaches the database for which a role is granted its rights.
pub use crate::store::grant::Reach;

/// The statements that give a role what the desk needs, for somebody who runs them by hand.
pub fn grants(role: &str, reach: Reach) -> Vec<String> {
    grant::plan(role, reach)
}

/// The statement that keeps desks from taking all connections of the server.
pub fn connection_limit(role: &str) -> String {
    grant::connection_limit(role)
}

/// A database to look after.
#[derive(Clone, Debug)]
pub struct Upkeep {
    connector: Connector,
    listener: Connector,
    plain_text: bool,
    origin: String,
}

impl Upkeep {
    /// Reads the addresses; the listener's is the same where it has none of its own. Connects to nothing yet. The log
    /// will say that what is done was done from `origin`.
    pub fn new(url: &str, listen_url: Option<&str>, origin: &str) -> Result<Self, Failure> {
        let open =
            |url: &str| pool::connector(url, Options::MAINTENANCE).map_err(|error| failure::of_store(&error));
        Ok(Self {
            connector: open(url)?,
            listener: open(listen_url.unwrap_or(url))?,
            plain_text: Address::parse(url).is_ok_and(|address| address.plain_text_to_remote()),
            origin: origin.to_owned(),
        })
    }

    /// What a migration would do. Changes nothing, and needs no right but to connect.
    pub async fn check(&self) -> Result<Report, Failure> {
        let (db, _) = self.connector.connect().await.map_err(|error| failure::of_store(&error))?;
        migrate::inspect(&db).await.map_err(|error| failure::of_store(&error))
    }

    /// Creates the database, adopts the web app's, or brings it up to date; `tell` hears of the progress in words.
    pub async fn migrate(&self, tell: &mut (dyn FnMut(String) + Send)) -> Result<Report, Failure> {
        let mut watch = |progress: Progress| tell(progress.to_string());
        let migrated = async {
            let report = migrate::run(&self.connector, &mut watch).await?;
            if report.is_current() {
                match self.note_steps().await {
                    // Somebody without the right to write the log has found everything done.
                    Err(error) if *error.meaning() == Meaning::Denied && report.applied.is_empty() => {}
                    other => other?,
                }
            }
            Ok(report)
        };
        migrated.await.map_err(|error| failure::of_store(&error))
    }

    /// Tells the web app's own migrator that its tables are there. Answers whether it did not know.
    pub async fn drizzle_baseline(&self) -> Result<bool, Failure> {
        let told = async {
            let news = migrate::drizzle_baseline(&self.connector).await?;
            if news {
                self.note(events::Upkeep::Baseline).await?;
            }
            Ok(news)
        };
        told.await.map_err(|error| failure::of_store(&error))
    }

    /// Gives a role what the desk needs, and nothing else.
    pub async fn grant(&self, role: &str, reach: Reach) -> Result<Granted, Failure> {
        let origin = Some(self.origin.as_str());
        grant::run(&self.connector, role, reach, origin).await.map_err(|error| failure::of_store(&error))
    }

    /// Looks at everything.
    pub async fn examine(&self) -> Result<Vec<Finding>, Failure> {
        doctor::examine(&self.connector, &self.listener, self.plain_text)
            .await
            .map_err(|error| failure::of_store(&error))
    }

    /// Puts back what is the desk's own. Answers with what was done.
    pub async fn repair(&self, tell: &mut (dyn FnMut(String) + Send)) -> Result<Vec<String>, Failure> {
        let mut watch = |progress: Progress| tell(progress.to_string());
        let repaired = async {
            let done = doctor::repair(&self.connector, &mut watch).await?;
            self.note(events::Upkeep::Repaired).await?;
            Ok(done)
        };
        repaired.await.map_err(|error| failure::of_store(&error))
    }

    /// Once for each step, whoever applied it, also where that run was killed before it could say so.
    async fn note_steps(&self) -> StoreResult<()> {
        let (mut db, _) = self.connector.connect().await?;
        if migrate::unnoted(&db).await?.is_empty() {
            return Ok(());
        }
        let tx = Transaction::begin(&mut db);
        migrate::lock_steps(&tx).await?;
        let steps = migrate::unnoted(&tx).await?;
        if !steps.is_empty() {
            events::upkept(&tx, &self.origin, events::Upkeep::Migrated(&steps)).await?;
        }
        tx.commit().await
    }

    /// In a transaction of its own: what was done is many.
    async fn note(&self, what: events::Upkeep<'_>) -> StoreResult<()> {
        let (mut db, _) = self.connector.connect().await?;
        let tx = Transaction::begin(&mut db);
        events::upkept(&tx, &self.origin, what).await?;
        tx.commit().await?;
        Ok(())
    }
}
