//! What is wrong with a database, each with what to do about it, and the repair of what is the desk's own.
//!
//! Looking changes nothing. A repair puts back functions, triggers and indexes and works in what was missed; it never
//! touches a row of the web app's.

mod mail;
mod rows;
mod triggers;

pub use self::triggers::missing_triggers;

use super::error::{Error, Meaning, Result};
use super::grant;
use super::migrate::steps::{STEPS, documented_indexes};
use super::migrate::{self, Progress, State};
use super::pool::connect::Connector;
use super::{seals, sql};
use crate::domain::count::counted;
use crate::store::sql::Db;
use std::time::Duration;
use tokio_postgres::Client;

/// The newest version of Postgres that all tests were run on.
const NEWEST_TRIED: i32 = 18;

/// How grave a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// As it should be.
    Fine,
    /// Worth knowing.
    Note,
    /// The desk works, but not as well as it could.
    Warning,
    /// The desk can't work, or shows what is not so.
    Error,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How grave it is.
    pub severity: Severity,
    /// What was looked at, in a word or two: `server`, `rights`, `triggers`.
    pub subject: &'static str,
    /// What was found.
    pub what: String,
    /// What to do about it; empty when there is nothing to do.
    pub advice: String,
}

impl Severity {
    /// The word for a list.
    pub fn word(self) -> &'static str {
        match self {
            Self::Fine => "fine",
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl Finding {
    /// Whether something should be done.
    pub fn is_complaint(&self) -> bool {
        matches!(self.severity, Severity::Warning | Severity::Error)
    }

    fn new(
        severity: Severity,
        subject: &'static str,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { severity, subject, what: what.into(), advice: advice.into() }
    }

    fn fine(subject: &'static str, what: impl Into<String>) -> Self {
        Self::new(Severity::Fine, subject, what, "")
    }
}

const REPAIR: &str = "run `desk doctor --repair`";

/// Looks at everything. `listener` is the address for the listener where it has one of its own; `plain_text` says
/// that the address allows a remote server without encryption. Needs a connection of the kind `Session::Maintenance`.
pub async fn examine(connector: &Connector, listener: &Connector, plain_text: bool) -> Result<Vec<Finding>> {
    let (db, _) = connector.connect().await?;
    let mut findings = vec![server(&db).await?, encryption(&db, plain_text).await?, time_zone(&db).await?];
    findings.extend(web_app_zone(&db).await?);
    let report = match migrate::inspect(&db).await {
        Err(error) if *error.meaning() == Meaning::Denied => {
            findings.extend(rights(&db).await?);
            return Ok(findings);
        }
        report => report?,
    };
    findings.extend(schema(&report));
    if !matches!(report.state, State::Ours | State::Older) {
        return Ok(findings);
    }
    let rights = rights(&db).await?;
    let may_look = rights.iter().all(|finding| finding.severity == Severity::Fine);
    findings.extend(rights);
    findings.extend(triggers::examine(&db).await?);
    if report.losses.is_empty() {
        findings.push(event_log(&db).await?);
    }
    findings.extend(indexes(&db).await?);
    findings.extend(statistics(&db).await?);
    findings.extend(drizzle(&db).await?);
    if report.state == State::Ours {
        findings.extend(mail::examine(&db).await?);
    }
    findings.push(hears(&db, listener).await);
    if report.losses.is_empty() && may_look {
        findings.extend(rows::examine(&db).await?);
    }
    Ok(findings)
}

/// Puts back what is the desk's own and works in what was missed. Answers with what was done.
pub async fn repair(connector: &Connector, watch: migrate::Watch<'_>) -> Result<Vec<String>> {
    let (mut db, _) = connector.connect().await?;
    let report = migrate::inspect(&db).await?;
    if report.state != State::Ours {
        let sentence = "only a database that is up to date can be repaired: run `desk migrate` first";
        return Err(Error::new(Meaning::NotMigrated, sentence));
    }
    migrate::lock(&db, watch).await?;
    let mut done = Vec::new();
    for step in STEPS.iter().filter(|step| step.repairs) {
        watch(Progress::Step(step.name));
        migrate::again(&mut db, step, watch).await?;
    }
    done.push("functions and triggers were put back".to_owned());
    let built = migrate::missing_indexes(&db).await?;
    if !built.is_empty() {
        let left = migrate::indexes_again(&mut db, watch).await?;
        done.push(format!("{} documented indexes were made", built.len() - left.len()));
        done.extend(left.iter().map(|statement| format!("left to the owner of the tables: {statement}")));
    }
    watch(Progress::Folding);
    done.extend(rows::repair(&db).await?);
    Ok(done)
}

async fn server(db: &Client) -> Result<Finding> {
    let row = sql::row(
        db,
        "SELECT pg_catalog.current_setting('server_version_num')::integer AS version,
                pg_catalog.current_setting('server_version') AS words,
                pg_catalog.pg_is_in_recovery() AS standby",
        &[],
    )
    .await?;
    let (version, words): (i32, String) = (sql::get(&row, "version")?, sql::get(&row, "words")?);
    let words = words.split(' ').next().unwrap_or_default().to_owned();
    Ok(if version < migrate::state::OLDEST_SERVER {
        let what = format!("PostgreSQL {words} is too old");
        Finding::new(
            Severity::Error,
            "server",
            what,
            "use PostgreSQL 14 or newer; 15 is what the desk is always tested on",
        )
    } else if sql::get(&row, "standby")? {
        let advice = "name the server that writes, or both with target_session_attrs=read-write";
        Finding::new(
            Severity::Error,
            "server",
            format!("PostgreSQL {words}, a standby that only reads"),
            advice,
        )
    } else if version / 10_000 <= NEWEST_TRIED {
        Finding::fine("server", format!("PostgreSQL {words}"))
    } else {
        let what = format!("PostgreSQL {words}; the desk was tried on 14 to {NEWEST_TRIED}");
        Finding::new(Severity::Note, "server", what, "")
    })
}

async fn encryption(db: &Client, plain_text: bool) -> Result<Finding> {
    let row = sql::row(
        db,
        "SELECT coalesce(s.ssl, false) AS encrypted, coalesce(s.version, '') AS version,
                pg_catalog.inet_server_addr() IS NULL AS local_socket
           FROM (SELECT pg_catalog.pg_backend_pid() AS pid) me
           LEFT JOIN pg_catalog.pg_stat_ssl s ON s.pid = me.pid",
        &[],
    )
    .await?;
    let version: String = sql::get(&row, "version")?;
    Ok(match (sql::get(&row, "encrypted")?, sql::get(&row, "local_socket")?) {
        (true, _) => Finding::fine("encryption", format!("{version}, the server's certificate verified")),
        (false, true) => Finding::fine("encryption", "a socket of this machine, none needed"),
        (false, false) if plain_text => Finding::new(
            Severity::Warning,
            "encryption",
            "none, to another machine: texts and the password's proof can be read on the way",
            "remove sslmode=disable from the address",
        ),
        (false, false) => Finding::fine("encryption", "this machine, none needed"),
    })
}

/// The head is told wherever it may be kept: it is what shows later that the end of the log was cut off.
async fn event_log(db: &Client) -> Result<Finding> {
    let Some(head) = seals::head(db).await? else {
        return Ok(Finding::fine("event log", "nothing sealed yet"));
    };
    let what = format!(
        "{}, {} to be sealed, head {}",
        counted(head.number, "seal"),
        counted(head.unsealed, "event"),
        head.digest
    );
    Ok(Finding::fine("event log", what))
}

async fn time_zone(db: &Client) -> Result<Finding> {
    let row = sql::row(db, "SELECT pg_catalog.current_setting('TimeZone') AS zone", &[]).await?;
    let zone: String = sql::get(&row, "zone")?;
    Ok(if zone == "UTC" {
        Finding::fine("time zone", "the desk's connections are in UTC")
    } else {
        let advice = "on a pooled link: ALTER ROLE of the desk's own role SET TimeZone = 'UTC'";
        Finding::new(Severity::Note, "time zone", format!("this connection is in {zone}"), advice)
    })
}

/// A zone that somebody set for the database or a role: the web app's `now()` follows it.
async fn web_app_zone(db: &Client) -> Result<Option<Finding>> {
    let rows = sql::rows(
        db,
        "SELECT DISTINCT split_part(c.setting, '=', 2) AS zone, coalesce(r.rolname::text, '') AS role
           FROM pg_catalog.pg_db_role_setting s
           LEFT JOIN pg_catalog.pg_roles r ON r.oid = s.setrole,
                unnest(s.setconfig) AS c (setting)
          WHERE s.setdatabase IN (0, (SELECT oid FROM pg_catalog.pg_database WHERE datname = current_database()))
            AND lower(split_part(c.setting, '=', 1)) = 'timezone'
            AND upper(split_part(c.setting, '=', 2)) NOT IN ('UTC', 'ETC/UTC', 'GMT')",
        &[],
    )
    .await?;
    let Some(row) = rows.first() else { return Ok(None) };
    let (zone, role): (String, String) = (sql::get(row, "zone")?, sql::get(row, "role")?);
    let whose = if role.is_empty() { "the database".to_owned() } else { format!("the role {role}") };
    Ok(Some(Finding::new(
        Severity::Warning,
        "time zone",
        format!("{whose} is set to {zone}: times that the web app leaves to now() are not in UTC"),
        "let the web app's connections set TimeZone=UTC",
    )))
}

fn schema(report: &migrate::Report) -> Vec<Finding> {
    let subject = "schema";
    let mut findings: Vec<Finding> = match &report.state {
        State::Ours if report.losses.is_empty() => vec![Finding::fine(subject, "up to date")],
        State::Ours => report
            .losses
            .iter()
            .map(|loss| {
                let advice = "put it back as the web app's schema has it; the desk can't work without";
                Finding::new(Severity::Error, subject, loss.clone(), advice)
            })
            .collect(),
        State::Older => vec![Finding::new(
            Severity::Error,
            subject,
            format!("{} steps are missing", report.pending.len()),
            "run `desk migrate`",
        )],
        State::Empty => {
            vec![Finding::new(Severity::Error, subject, "the database is empty", "run `desk migrate`")]
        }
        State::Adopt => vec![Finding::new(
            Severity::Error,
            subject,
            "the web app's database, not adopted yet",
            "run `desk migrate`",
        )],
        State::Newer(_) => {
            vec![Finding::new(Severity::Error, subject, "a newer desk has been here", "update this desk")]
        }
        State::Refused(why) => why
            .iter()
            .map(|why| {
                Finding::new(
                    Severity::Error,
                    subject,
                    why.clone(),
                    "the database does not fit; see `desk migrate --check`",
                )
            })
            .collect(),
    };
    findings.extend(report.rights.iter().map(|right| {
        Finding::new(Severity::Error, "rights", "a right that `desk migrate` needs is missing", right.clone())
    }));
    let harmless = report.warnings.iter().filter(|what| !report.losses.contains(what));
    findings.extend(harmless.map(|what| Finding::new(Severity::Note, subject, what.clone(), "")));
    findings
}

/// What the desk does every day, as a right of this role.
async fn rights(db: &Client) -> Result<Vec<Finding>> {
    let missing = grant::missing(db, None).await?;
    let mut findings: Vec<Finding> = missing
        .into_iter()
        .map(|missing| {
            let what = format!("this role has no right to {}", missing.what);
            Finding::new(Severity::Error, "rights", what, missing.statement)
        })
        .collect();
    if findings.is_empty() {
        findings.push(Finding::fine("rights", "all that the desk needs every day"));
    }
    Ok(findings)
}

async fn indexes(db: &Client) -> Result<Vec<Finding>> {
    let mut findings: Vec<Finding> = migrate::missing_indexes(db)
        .await?
        .iter()
        .map(|index| {
            let what = format!("the documented index {} on {} is missing or broken", index.name, index.table);
            let advice = format!("{REPAIR}, or as the tables' owner: {};", index.create_concurrently());
            Finding::new(Severity::Warning, "indexes", what, advice)
        })
        .collect();
    if findings.is_empty() {
        findings
            .push(Finding::fine("indexes", format!("all {} documented ones", documented_indexes().len())));
    }
    let row = sql::row(
        db,
        "SELECT pg_catalog.to_regclass('desk.users_search') IS NULL AS unsearched,
                EXISTS (SELECT FROM pg_catalog.pg_available_extensions WHERE name = 'pg_trgm') AS available",
        &[],
    )
    .await?;
    if sql::get(&row, "unsearched")? {
        let advice = if sql::get(&row, "available")? {
            "as a superuser: CREATE EXTENSION pg_trgm SCHEMA desk; then run `desk doctor --repair`"
        } else {
            "install the server's contrib package (postgresql-contrib), which holds pg_trgm"
        };
        findings.push(Finding::new(
            Severity::Warning,
            "indexes",
            "clients are searched without an index",
            advice,
        ));
    }
    Ok(findings)
}

/// Tables of some size of which the planner knows nothing, as after pg_upgrade: it reads all of a table then.
async fn statistics(db: &Client) -> Result<Option<Finding>> {
    let row = sql::row(
        db,
        "SELECT pg_catalog.string_agg(n.nspname || '.' || c.relname, ', ' ORDER BY n.nspname, c.relname) AS names
           FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_namespace AS n ON n.oid = c.relnamespace
          WHERE n.nspname IN ('public', 'desk') AND c.relkind = 'r' AND c.reltuples < 0
            AND pg_catalog.pg_relation_size(c.oid) > 1048576",
        &[],
    )
    .await?;
    Ok(sql::get::<Option<&str>>(&row, "names")?.map(|names| {
        let what = format!("none are kept of {names}: reading is slow");
        Finding::new(Severity::Warning, "statistics", what, "as the tables' owner: ANALYZE;")
    }))
}

/// On a database that the desk made, the web app's own migrator would try to make the tables again.
async fn drizzle(db: &Client) -> Result<Option<Finding>> {
    let row = sql::row(
        db,
        "SELECT EXISTS (SELECT FROM desk.migrations WHERE name LIKE '0000%' AND kind <> 'adopted')
            AND pg_catalog.to_regclass('drizzle.__drizzle_migrations') IS NULL AS unknown_to_it",
        &[],
    )
    .await?;
    Ok(if sql::get(&row, "unknown_to_it")? {
        let what = "the desk made these tables, and the web app's own migrator does not know";
        let advice = "before the web app runs its migrations here: `desk migrate --drizzle-baseline`";
        Some(Finding::new(Severity::Note, "web app", what, advice))
    } else {
        None
    })
}

/// Whether notifications arrive: a pooler accepts LISTEN and delivers nothing.
async fn hears(db: &Client, listener: &Connector) -> Finding {
    let advice =
        "give the listener a direct address (listen_url); without it changes appear at the next poll";
    let heard = async {
        let (ears, mut notices) = listener.connect_listening().await?;
        ears.batch_execute("LISTEN desk_doctor").await?;
        db.batch_execute("NOTIFY desk_doctor").await?;
        Ok::<bool, Error>(matches!(
            tokio::time::timeout(Duration::from_secs(3), notices.recv()).await,
            Ok(Some(_))
        ))
    };
    match heard.await {
        Ok(true) => Finding::fine("listener", "notifications arrive"),
        Ok(false) => Finding::new(Severity::Warning, "listener", "notifications do not arrive", advice),
        Err(error) => Finding::new(Severity::Warning, "listener", error.sentence(), advice),
    }
}

/// A count, by a statement that selects it as `n`.
async fn count<C: Db>(db: &C, statement: &str) -> Result<i64> {
    sql::get(&sql::row(db, statement, &[]).await?, "n")
}
