//! The demo: its database on the private server, its session, its clients at work.
//!
//! For whoever started that server, and for no other database: nothing here asks who somebody is.

use super::failure;
use crate::auth::SessionToken;
use crate::domain::failure::Failure;
use crate::domain::ids::SessionId;
use crate::store::demo;
use crate::store::demo::live::{self, Script};
use crate::store::error::{Error, Meaning, Result};
use crate::store::generate::{self, Plan, Stage};
use crate::store::migrate::{self, Readiness};
use crate::store::pool::connect::Connector;
use crate::store::pool::{self, Options};
use crate::store::seed;

/// The name of the demo's database on its private server.
pub const DATABASE: &str = demo::DATABASE;

/// The address of the demo's member of staff, for the sign-in screen.
pub const EMAIL: &str = demo::EMAIL;

/// What the demo is doing before the desk opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The database is being made.
    Creating,
    /// Its tables are being made, or brought up to date.
    Migrating,
    /// The sample data are being written.
    Filling,
    /// Tickets are being generated.
    Generating(Step),
}

/// How far the generator is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// What is being made, as a plural; none while statistics are gathered.
    pub what: Option<&'static str>,
    /// How many there are.
    pub done: i64,
    /// How many there will be.
    pub total: i64,
}

impl Step {
    fn of(progress: generate::Progress) -> Self {
        let what = match progress.stage {
            Stage::Users => Some("accounts"),
            Stage::Projects => Some("projects"),
            Stage::Tickets => Some("tickets"),
            Stage::Statistics => None,
        };
        Self { what, done: progress.done, total: progress.total }
    }
}

/// Hears of the progress.
pub type Watch<'a> = &'a mut (dyn FnMut(Progress) + Send);

/// The demo's database.
#[derive(Clone, Debug)]
pub struct Demo {
    connector: Connector,
}

impl Demo {
    /// Makes the database ready: creates, migrates and fills it as far as that has not happened, and sees to it that
    /// it holds at least so many generated tickets. `url` gives the address of a database of the private server.
    pub async fn prepare(
        url: impl Fn(&str) -> String,
        tickets: Option<i64>,
        watch: Watch<'_>,
    ) -> std::result::Result<Self, Failure> {
        prepare(&url, tickets, watch).await.map_err(|error| failure::of_store(&error))
    }

    /// Begins a session of the demo's member of staff, from 48 random bytes; `origin` names this desk.
    pub async fn begin_session(
        &self,
        random: &[u8; 48],
        origin: &str,
    ) -> std::result::Result<SessionToken, Failure> {
        let (mut id, mut secret) = ([0; 16], [0; 32]);
        id.copy_from_slice(&random[..16]);
        secret.copy_from_slice(&random[16..]);
        let (session, token) = (SessionId::from_random(id), SessionToken::from_random(secret));
        let begun = async {
            let (mut db, _) = self.connector.connect().await?;
            demo::begin_session(&mut db, &session, &token, origin).await
        };
        begun.await.map_err(|error| failure::of_store(&error))?;
        Ok(token)
    }

    /// Plays clients until the task that runs this is dropped. The same seed gives the same play.
    pub async fn play(&self, seed: u64) -> std::result::Result<(), Failure> {
        let script = Script::new(seed).map_err(|broken| Failure::Internal(broken.to_string()))?;
        live::play(&self.connector, script).await;
        Ok(())
    }
}

async fn prepare(url: &impl Fn(&str) -> String, tickets: Option<i64>, watch: Watch<'_>) -> Result<Demo> {
    let connector = pool::connector(&url(DATABASE), Options::MAINTENANCE)?;
    let mut db = match connector.connect().await {
        Err(error) if *error.meaning() == Meaning::NoDatabase => {
            watch(Progress::Creating);
            create(&url("postgres")).await?;
            connector.connect().await?.0
        }
        connected => connected?.0,
    };
    if migrate::readiness(&db).await? != Readiness::Ready {
        watch(Progress::Migrating);
        let report = migrate::run(&connector, &mut |_| {}).await?;
        if !report.pending.is_empty() {
            let sentence =
                "the demo's database does not fit this program; start over with `desk demo --reset`";
            return Err(Error::new(Meaning::NotMigrated, sentence));
        }
    }
    let now = seed::clock(&db).await?;
    if !demo::is_filled(&db).await? {
        watch(Progress::Filling);
        match demo::fill(&mut db, now).await {
            // Another desk was faster.
            Err(error)
                if matches!(error.meaning(), Meaning::Duplicate(_)) && demo::is_filled(&db).await? => {}
            filled => drop(filled?),
        }
    }
    if let Some(tickets) = tickets
        && generate::generated(&db).await?.tickets < tickets
    {
        generate::run(&mut db, Plan::of(tickets), now, |step| watch(Progress::Generating(Step::of(step))))
            .await?;
    }
    Ok(Demo { connector })
}

async fn create(maintenance_url: &str) -> Result<()> {
    let (db, _) = pool::connector(maintenance_url, Options::MAINTENANCE)?.connect().await?;
    demo::create_database(&db).await
}

/// Whether generated tickets may come beside others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Company {
    /// Only into a database that holds generated tickets or none.
    Alone,
    /// Beside whatever is there.
    Welcome,
}

/// What there is of generated data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filled {
    /// Tickets.
    pub tickets: i64,
    /// Accounts.
    pub users: i64,
    /// Projects.
    pub projects: i64,
}

/// Fills a migrated database, on a direct link, until it holds so many generated tickets.
pub async fn fill_with_generated(
    url: &str,
    tickets: i64,
    seed: i32,
    company: Company,
    watch: &mut (dyn FnMut(Step) + Send),
) -> std::result::Result<Filled, Failure> {
    let plan = Plan { seed, ..Plan::of(tickets) };
    generate(url, plan, company, watch).await.unwrap_or_else(|error| Err(failure::of_store(&error)))
}

async fn generate(
    url: &str,
    plan: Plan,
    company: Company,
    watch: &mut (dyn FnMut(Step) + Send),
) -> Result<std::result::Result<Filled, Failure>> {
    let (mut db, _) = pool::connector(url, Options::MAINTENANCE)?.connect().await?;
    let refusal = match migrate::readiness(&db).await? {
        Readiness::NotMigrated | Readiness::Older => {
            Some("this database is not ready; run `desk migrate` first")
        }
        Readiness::Newer => Some("this database belongs to a newer desk; update this one"),
        Readiness::Ready if company == Company::Alone && generate::has_others(&db).await? => Some(
            "this database holds tickets that were not generated; --yes-add puts generated ones beside them",
        ),
        Readiness::Ready => None,
    };
    if let Some(refusal) = refusal {
        return Ok(Err(Failure::Invalid(refusal.to_owned())));
    }
    let now = seed::clock(&db).await?;
    let filled = generate::run(&mut db, plan, now, |progress| watch(Step::of(progress))).await?;
    Ok(Ok(Filled { tickets: filled.tickets, users: filled.users, projects: filled.projects }))
}
