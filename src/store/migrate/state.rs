//! What a database is to the desk, found out by reading only.

use super::fit::{self, Fit};
use super::steps::{STEPS, Step};
use crate::store::error::Result;
use crate::store::sql;
use crate::store::sql::Db;
use std::collections::BTreeMap;

/// The oldest server that the desk works with.
pub const OLDEST_SERVER: i32 = 140_000;

/// What a database is to the desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Nothing of the web app is there: everything will be created.
    Empty,
    /// The web app's database, and it fits: only `desk` and missing documented indexes will be added.
    Adopt,
    /// The desk can't work here; nothing is changed. What differs, each in a sentence.
    Refused(Vec<String>),
    /// The desk's, and up to date.
    Ours,
    /// The desk's, with steps still to apply.
    Older,
    /// Made by a newer desk: update this one. The steps it does not know.
    Newer(Vec<String>),
}

/// What was found, and what was or will be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// What the database is; after a run: what it was before.
    pub state: State,
    /// Steps still to apply.
    pub pending: Vec<&'static str>,
    /// Steps that this run applied.
    pub applied: Vec<&'static str>,
    /// What an adopted database has lost since that the desk reads or writes every day; among the warnings too.
    pub losses: Vec<String>,
    /// Unlike the document, without harm.
    pub warnings: Vec<String>,
    /// Rights that this role lacks for what is pending, each with the statement that gives it.
    pub rights: Vec<String>,
    /// Statements left to the operator, who owns the tables.
    pub operator: Vec<String>,
}

impl Report {
    /// Whether the desk can work with the database as it is now.
    pub fn is_current(&self) -> bool {
        self.pending.is_empty()
            && matches!(self.state, State::Empty | State::Adopt | State::Ours | State::Older)
    }

    /// What the database is and what is to be done about it, in one sentence.
    pub fn sentence(&self) -> String {
        let made = !self.applied.is_empty() && self.pending.is_empty();
        match &self.state {
            State::Empty if made => "the database was created".to_owned(),
            State::Empty => {
                format!("the database is empty; `desk migrate` creates it in {} steps", self.pending.len())
            }
            State::Adopt if made => {
                "the web app's database was adopted; none of its rows was changed".to_owned()
            }
            State::Adopt => format!(
                "the web app's database, and it fits; `desk migrate` adopts it in {} steps",
                self.pending.len()
            ),
            State::Ours => "the database is up to date".to_owned(),
            State::Older if made => "the database was brought up to date".to_owned(),
            State::Older => format!("{} steps are missing; `desk migrate` applies them", self.pending.len()),
            State::Newer(_) => "a newer desk has been here; update this one".to_owned(),
            State::Refused(_) => "the desk can't work with this database, and changed nothing".to_owned(),
        }
    }

    /// What keeps the desk from this database, a line each.
    pub fn obstacles(&self) -> Vec<String> {
        match &self.state {
            State::Refused(why) => why.clone(),
            State::Newer(steps) => steps.iter().map(|step| format!("unknown step: {step}")).collect(),
            State::Empty | State::Adopt | State::Ours | State::Older => {
                self.rights.iter().map(|right| format!("a right is missing: {right}")).collect()
            }
        }
    }

    fn of(state: State) -> Self {
        Self {
            state,
            pending: Vec::new(),
            applied: Vec::new(),
            losses: Vec::new(),
            warnings: Vec::new(),
            rights: Vec::new(),
            operator: Vec::new(),
        }
    }
}

/// A step that the database has, finished or under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    pub checksum: String,
    pub done: bool,
}

/// Reads what there is. Changes nothing, and needs no right but to connect.
pub async fn inspect<C: Db>(db: &C) -> Result<Report> {
    let mut marks = marks_if_any(db).await?;
    loop {
        let report = look(db, marks.as_ref()).await?;
        let now = marks_if_any(db).await?;
        if now == marks {
            return Ok(report);
        }
        // Another process applied a step meanwhile: tables and steps were seen in two states, of which neither is it.
        marks = now;
    }
}

async fn look<C: Db>(db: &C, marks: Option<&BTreeMap<String, Mark>>) -> Result<Report> {
    let server = sql::row(
        db,
        "SELECT pg_catalog.current_setting('server_version_num')::integer AS version,
                pg_catalog.current_setting('server_encoding') AS encoding,
                pg_catalog.pg_is_in_recovery() AS standby,
                EXISTS (SELECT FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                         WHERE n.nspname = 'desk') AS occupied",
        &[],
    )
    .await?;
    let version: i32 = sql::get(&server, "version")?;
    if version < OLDEST_SERVER {
        let why = format!("the server is PostgreSQL {}; the desk needs 14 or newer", version / 10_000);
        return Ok(Report::of(State::Refused(vec![why])));
    }
    let encoding: String = sql::get(&server, "encoding")?;
    if encoding == "SQL_ASCII" {
        let why =
            "the database's encoding is SQL_ASCII, in which texts have no defined characters".to_owned();
        return Ok(Report::of(State::Refused(vec![why])));
    }
    let fit = fit::examine(db).await?;
    let mut report = match marks {
        Some(marks) => known(marks, fit),
        None => unknown(sql::get(&server, "occupied")?, fit),
    };
    if !report.pending.is_empty() {
        if sql::get(&server, "standby")? {
            report
                .rights
                .push("this server is a standby and only reads: connect to the one that writes".to_owned());
        }
        report.rights.extend(missing_rights(db, &report.state).await?);
    }
    Ok(report)
}

/// The same, where there may be no desk yet.
async fn marks_if_any<C: Db>(db: &C) -> Result<Option<BTreeMap<String, Mark>>> {
    let ours =
        sql::row(db, "SELECT pg_catalog.to_regclass('desk.migrations') IS NOT NULL AS ours", &[]).await?;
    if sql::get(&ours, "ours")? { marks(db).await.map(Some) } else { Ok(None) }
}

/// The steps that the database has.
pub(super) async fn marks<C: Db>(db: &C) -> Result<BTreeMap<String, Mark>> {
    let rows =
        sql::rows(db, "SELECT name, checksum, state = 'done' AS done FROM desk.migrations", &[]).await?;
    rows.iter()
        .map(|row| {
            Ok((
                sql::get(row, "name")?,
                Mark { checksum: sql::get(row, "checksum")?, done: sql::get(row, "done")? },
            ))
        })
        .collect()
}

pub(super) fn done(marks: &BTreeMap<String, Mark>, step: &Step) -> bool {
    marks.get(step.name).is_some_and(|mark| mark.done)
}

fn known(marks: &BTreeMap<String, Mark>, fit: Fit) -> Report {
    let newer: Vec<String> =
        marks.keys().filter(|name| STEPS.iter().all(|step| step.name != name.as_str())).cloned().collect();
    if !newer.is_empty() {
        return Report::of(State::Newer(newer));
    }
    let edited: Vec<String> = STEPS
        .iter()
        .filter(|step| marks.get(step.name).is_some_and(|mark| mark.checksum != step.checksum()))
        .map(|step| format!("the step {} was applied with another text than this desk's", step.name))
        .collect();
    if !edited.is_empty() {
        return Report::of(State::Refused(edited));
    }
    let pending: Vec<&'static str> =
        STEPS.iter().filter(|step| !done(marks, step)).map(|step| step.name).collect();
    let public_is_made = STEPS.iter().filter(|step| step.documented).all(|step| done(marks, step));
    let mut report = Report::of(match (pending.is_empty(), public_is_made && !fit.misfits.is_empty()) {
        (true, _) => State::Ours,
        (false, false) => State::Older,
        (false, true) => return Report::of(State::Refused(fit.misfits)),
    });
    report.pending = pending;
    if public_is_made {
        report.losses = fit.misfits.iter().filter(|misfit| fit::matters(misfit)).cloned().collect();
        report.warnings = fit.misfits.into_iter().chain(fit.warnings).collect();
    }
    report
}

fn unknown(occupied: bool, fit: Fit) -> Report {
    if occupied {
        let why =
            "a schema named desk is there already, and holds something that is not the desk's".to_owned();
        return Report::of(State::Refused(vec![why]));
    }
    if fit.found == 0 {
        let mut report = Report::of(State::Empty);
        report.pending = STEPS.iter().map(|step| step.name).collect();
        return report;
    }
    if !fit.misfits.is_empty() {
        return Report::of(State::Refused(fit.misfits));
    }
    let mut report = Report::of(State::Adopt);
    report.pending = STEPS.iter().filter(|step| !step.documented).map(|step| step.name).collect();
    report.warnings = fit.warnings;
    report
}

/// What this role may not do, though the pending steps need it.
async fn missing_rights<C: Db>(db: &C, state: &State) -> Result<Vec<String>> {
    let row = sql::row(
        db,
        "SELECT pg_catalog.quote_ident(current_user) AS me, pg_catalog.quote_ident(current_database()) AS here,
                pg_catalog.to_regnamespace('desk') IS NULL AS bare,
                pg_catalog.has_database_privilege(current_database(), 'CREATE') AS may_make_schema,
                coalesce(pg_catalog.has_schema_privilege(pg_catalog.to_regnamespace('desk')::oid, 'CREATE, USAGE'), false)
                  AS may_use_desk,
                coalesce(pg_catalog.has_schema_privilege(pg_catalog.to_regnamespace('public')::oid, 'CREATE'), false)
                  AS may_use_public",
        &[],
    )
    .await?;
    let (me, here): (String, String) = (sql::get(&row, "me")?, sql::get(&row, "here")?);
    let mut missing = Vec::new();
    if sql::get(&row, "bare")? {
        if !sql::get::<bool>(&row, "may_make_schema")? {
            missing.push(format!("GRANT CREATE ON DATABASE {here} TO {me};"));
        }
    } else if !sql::get::<bool>(&row, "may_use_desk")? {
        missing.push(format!("GRANT CREATE, USAGE ON SCHEMA desk TO {me};"));
    }
    if *state == State::Empty && !sql::get::<bool>(&row, "may_use_public")? {
        missing.push(format!("GRANT CREATE ON SCHEMA public TO {me};"));
    }
    let tables = sql::rows(
        db,
        "SELECT c.relname::text AS name, pg_catalog.has_table_privilege(c.oid, 'TRIGGER') AS may_trigger,
                pg_catalog.has_table_privilege(c.oid, 'SELECT') AS may_read
           FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p')
            AND c.relname IN ('users', 'projects', 'support_tickets', 'ticket_comments')
          ORDER BY 1",
        &[],
    )
    .await?;
    for table in &tables {
        let name: String = sql::get(table, "name")?;
        for (column, right) in [("may_read", "SELECT"), ("may_trigger", "TRIGGER")] {
            if !sql::get::<bool>(table, column)? {
                missing.push(format!("GRANT {right} ON public.{name} TO {me};"));
            }
        }
    }
    Ok(missing)
}
