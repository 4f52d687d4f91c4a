//! What the desk's own database role may do, as one table, and the statements that give it just that.
//!
//! The role owns nothing, makes nothing, deletes nothing of the web app's and never sees a token. Whoever adds a table
//! or a function to schema `desk` adds a line to [`needs`]: a test compares it with what there is.
//!
//! What it is for, and what not: the desk's process decides who somebody is, so this role can write accounts, roles
//! and password hashes, and whoever holds its password can do so too. What it can't do is what no desk ever needs.

pub mod needs;

use self::needs::{FUNCTIONS, RELATIONS, Right};
use super::error::{Error, Meaning, Result};
use super::events::{self, Upkeep};
use super::migrate::{self, Readiness};
use super::pool::connect::Connector;
use super::sql;
use crate::store::sql::Db;
use crate::store::transaction::Transaction;
use std::collections::BTreeMap;
use tokio_postgres::Client;

/// What a grant is to cover besides the rights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The desk sends its settings itself.
    Direct,
    /// A pooler drops them: they become the role's own.
    Pooled,
}

/// A right that a role lacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// `UPDATE (status) on public.support_tickets`.
    pub what: String,
    /// The statement that gives it.
    pub statement: String,
}

/// What came of granting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// The database's name.
    pub database: String,
    /// What the role may do beyond the desk's needs, and by whom it may.
    pub surplus: Vec<String>,
}

/// The statements, in order; each can be run again at any time. They need no more than the schema to be there.
pub fn plan(role: &str, reach: Reach) -> Vec<String> {
    let me = quoted(role);
    let tables = |schema: &str| {
        let names = RELATIONS.iter().map(|relation| relation.name).filter(|name| name.starts_with(schema));
        names.collect::<Vec<_>>().join(", ")
    };
    let mut plan = vec![
        format!("REVOKE ALL ON {} FROM {me};", tables("public.")),
        format!("REVOKE ALL ON ALL TABLES IN SCHEMA desk FROM {me};"),
        format!("REVOKE ALL ON ALL SEQUENCES IN SCHEMA desk FROM {me};"),
        format!("REVOKE ALL ON ALL FUNCTIONS IN SCHEMA desk FROM {me};"),
        format!("REVOKE CREATE ON SCHEMA public, desk FROM {me};"),
        // The database's name is known to the server only.
        format!(
            "DO {};",
            literal(&format!(
                "BEGIN EXECUTE pg_catalog.format('GRANT CONNECT ON DATABASE %I TO %I', \
                 pg_catalog.current_database(), {}); END",
                literal(role)
            ))
        ),
        format!("GRANT USAGE ON SCHEMA public, desk TO {me};"),
    ];
    for relation in RELATIONS {
        let rights: Vec<String> = relation.rights.iter().map(Right::words).collect();
        if !rights.is_empty() {
            plan.push(format!("GRANT {} ON {} TO {me};", rights.join(", "), relation.name));
        }
    }
    let called = FUNCTIONS.iter().filter(|function| function.called);
    plan.extend(called.map(|function| format!("GRANT EXECUTE ON FUNCTION {} TO {me};", function.signature)));
    if reach == Reach::Pooled {
        plan.extend(
            needs::SETTINGS.iter().map(|(name, value)| format!("ALTER ROLE {me} SET {name} = {value};")),
        );
    }
    plan
}

/// The statement that keeps the desks from taking all connections of the server.
pub fn connection_limit(role: &str) -> String {
    format!("ALTER ROLE {} CONNECTION LIMIT 50;", quoted(role))
}

/// Gives a role what the desk needs, all of it or nothing. The event says that it was done from `origin`; none leaves
/// no event.
pub async fn run(connector: &Connector, role: &str, reach: Reach, origin: Option<&str>) -> Result<Granted> {
    let (mut db, _) = connector.connect().await?;
    if migrate::readiness(&db).await? != Readiness::Ready {
        let sentence = "this database is not up to date: run `desk migrate` first";
        return Err(Error::new(Meaning::NotMigrated, sentence));
    }
    let database = refuse_the_mighty(&db, role).await?;
    let tx = Transaction::begin(&mut db);
    tx.batch_execute(&plan(role, reach).concat()).await.map_err(|error| by_whom(Error::from(error)))?;
    // A grant by somebody who may not give it is a warning to the server, no error.
    let missing = missing(&tx, Some(role)).await?;
    if let Some(first) = missing.first() {
        let sentence = format!("{}, so nothing was changed: {OWNER}", first.what);
        return Err(Error::new(Meaning::Denied, format!("this role can't give away {sentence}")));
    }
    let surplus = surplus(&tx, role).await?;
    if let Some(origin) = origin {
        let what = Upkeep::Granted { role, pooled: reach == Reach::Pooled };
        events::upkept(&tx, origin, what).await?;
    }
    tx.commit().await?;
    Ok(Granted { database, surplus })
}

/// The rights that a role lacks, or the one that is connected. Tables and columns that are not there are passed over:
/// others tell of them.
pub async fn missing<C: Db>(db: &C, role: Option<&str>) -> Result<Vec<Missing>> {
    let mut missing = Vec::new();
    let schemas = sql::rows(
        db,
        "SELECT n.nspname::text AS name, me.quoted
           FROM pg_catalog.pg_namespace n,
                (SELECT coalesce($1, current_user::text) AS name, pg_catalog.quote_ident(coalesce($1, current_user::text)) AS quoted) me
          WHERE n.nspname IN ('public', 'desk') AND NOT pg_catalog.has_schema_privilege(me.name, n.oid, 'USAGE')
          ORDER BY 1",
        &[sql::text(&role)],
    )
    .await?;
    for row in &schemas {
        let (name, me): (&str, &str) = (sql::get(row, "name")?, sql::get(row, "quoted")?);
        missing.push(Missing {
            what: format!("USAGE of the schema {name}"),
            statement: format!("GRANT USAGE ON SCHEMA {name} TO {me};"),
        });
    }
    let (mut names, mut rights, mut columns) = (Vec::new(), Vec::new(), Vec::new());
    for relation in RELATIONS {
        for right in relation.rights {
            let listed = right.columns();
            for column in if listed.is_empty() { &[""] } else { listed } {
                names.push(relation.name);
                rights.push(right.word());
                columns.push(*column);
            }
        }
    }
    let rows = sql::rows(
        db,
        "SELECT w.table_name, w.right_name, w.column_name, pg_catalog.quote_ident(me.name) AS quoted
           FROM unnest($2::text[], $3::text[], $4::text[]) WITH ORDINALITY
                  AS w (table_name, right_name, column_name, place),
                (SELECT coalesce($1, current_user::text) AS name) me,
                pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname || '.' || c.relname = w.table_name
            AND CASE WHEN w.column_name = '' THEN NOT pg_catalog.has_table_privilege(me.name, c.oid, w.right_name)
                     ELSE EXISTS (SELECT FROM pg_catalog.pg_attribute a
                                   WHERE a.attrelid = c.oid AND a.attname = w.column_name AND NOT a.attisdropped
                                     AND NOT pg_catalog.has_column_privilege(me.name, c.oid, a.attnum, w.right_name)) END
          ORDER BY w.place",
        &[sql::text(&role), sql::texts(&names), sql::texts(&rights), sql::texts(&columns)],
    )
    .await?;
    let mut me = String::new();
    let mut told: BTreeMap<(usize, &str), (&str, Vec<&str>)> = BTreeMap::new();
    for row in &rows {
        let (table, right, column): (&str, &str, &str) =
            (sql::get(row, "table_name")?, sql::get(row, "right_name")?, sql::get(row, "column_name")?);
        let place = RELATIONS.iter().position(|relation| relation.name == table).unwrap_or_default();
        told.entry((place, right)).or_insert((table, Vec::new())).1.push(column);
        me = sql::get(row, "quoted")?;
    }
    for ((_, right), (table, columns)) in told {
        let columns = columns.join(", ");
        let right = if columns.is_empty() { right.to_owned() } else { format!("{right} ({columns})") };
        missing.push(Missing {
            what: format!("{right} on {table}"),
            statement: format!("GRANT {right} ON {table} TO {me};"),
        });
    }
    missing.extend(missing_functions(db, role).await?);
    Ok(missing)
}

async fn missing_functions<C: Db>(db: &C, role: Option<&str>) -> Result<Vec<Missing>> {
    let called: Vec<&str> =
        FUNCTIONS.iter().filter(|function| function.called).map(|function| function.signature).collect();
    let rows = sql::rows(
        db,
        "SELECT w.signature, pg_catalog.quote_ident(me.name) AS quoted
           FROM unnest($2::text[]) AS w (signature), (SELECT coalesce($1, current_user::text) AS name) me,
                -- Whoever may not use the schema can't look a function up by its name.
                pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
          WHERE n.nspname || '.' || p.proname || '(' || pg_catalog.oidvectortypes(p.proargtypes) || ')' = w.signature
            AND NOT pg_catalog.has_function_privilege(me.name, p.oid, 'EXECUTE')
          ORDER BY 1",
        &[sql::text(&role), sql::texts(&called)],
    )
    .await?;
    rows.iter()
        .map(|row| {
            let (signature, me): (&str, &str) = (sql::get(row, "signature")?, sql::get(row, "quoted")?);
            Ok(Missing {
                what: format!("EXECUTE on {signature}"),
                statement: format!("GRANT EXECUTE ON FUNCTION {signature} TO {me};"),
            })
        })
        .collect()
}

const OWNER: &str = "run this as a superuser, or as the owner of the tables, or give their owners what \
                     `desk grant ROLE --print` prints";

fn by_whom(error: Error) -> Error {
    if *error.meaning() == Meaning::Denied {
        let sentence = format!("{}; nothing was changed: {OWNER}", error.sentence());
        return Error::new(Meaning::Denied, sentence);
    }
    error
}

/// Some roles can do everything whatever they are granted: such a role is refused. Answers with the database's name.
async fn refuse_the_mighty(db: &Client, role: &str) -> Result<String> {
    let refused = |sentence: String| Err(Error::new(Meaning::Address, sentence));
    let row = sql::maybe_row(
        db,
        "SELECT r.rolsuper, r.rolcreaterole, r.rolbypassrls, current_database()::text AS here,
                (SELECT pg_catalog.min(n.nspname || '.' || c.relname)
                   FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
                  WHERE n.nspname IN ('public', 'desk') AND c.relkind IN ('r', 'p')
                    AND pg_catalog.pg_has_role(r.oid, c.relowner, 'MEMBER')) AS owned,
                (SELECT pg_catalog.min(n.nspname::text) FROM pg_catalog.pg_namespace n
                  WHERE n.nspname IN ('public', 'desk') AND pg_catalog.pg_has_role(r.oid, n.nspowner, 'MEMBER')) AS schema,
                EXISTS (SELECT FROM pg_catalog.pg_roles g
                         WHERE g.rolname IN ('pg_read_all_data', 'pg_write_all_data', 'pg_read_server_files',
                                             'pg_write_server_files', 'pg_execute_server_program')
                           AND pg_catalog.pg_has_role(r.oid, g.oid, 'MEMBER')) AS privileged
           FROM pg_catalog.pg_roles r WHERE r.rolname = $1",
        &[sql::text(&role)],
    )
    .await?;
    let me = quoted(role);
    let Some(row) = row else {
        return refused(format!(
            "there is no role {me}: make it first, with CREATE ROLE {me} LOGIN and a password set by \\password"
        ));
    };
    let instead = "make a role of its own for the desk";
    if sql::get(&row, "rolsuper")? {
        return refused(format!("{me} is a superuser, whom nothing can be refused: {instead}"));
    }
    if sql::get(&row, "rolcreaterole")? || sql::get(&row, "rolbypassrls")? {
        return refused(format!("{me} may make roles or pass by row security: {instead}"));
    }
    if let Some(table) = sql::get::<Option<&str>>(&row, "owned")? {
        return refused(format!(
            "{me} owns {table}, or is a member of its owner, and can do all with it: {instead}"
        ));
    }
    if let Some(schema) = sql::get::<Option<&str>>(&row, "schema")? {
        return refused(format!("{me} owns the schema {schema}, or is a member of its owner: {instead}"));
    }
    if sql::get(&row, "privileged")? {
        return refused(format!("{me} is a member of a role that reads or writes everything: {instead}"));
    }
    sql::get(&row, "here")
}

/// What a role may do beyond its needs, by PUBLIC or as a member of other roles: revoking from it changes nothing there.
async fn surplus<C: Db>(db: &C, role: &str) -> Result<Vec<String>> {
    let (mut names, mut rights) = (Vec::new(), Vec::new());
    for relation in RELATIONS.iter().filter(|relation| relation.name.starts_with("public.")) {
        for right in ["SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "TRIGGER", "REFERENCES"] {
            // Column by column is what the desk needs; the whole table is too much.
            names.push(relation.name);
            rights.push(right);
        }
    }
    let rows = sql::rows(
        db,
        "SELECT pg_catalog.string_agg(w.right_name, ', ' ORDER BY w.place) || ' on ' || w.table_name AS what, w.table_name AS place
           FROM unnest($2::text[], $3::text[]) WITH ORDINALITY AS w (table_name, right_name, place)
          WHERE pg_catalog.has_table_privilege($1, pg_catalog.to_regclass(w.table_name)::oid, w.right_name)
          GROUP BY w.table_name
         UNION ALL
         SELECT 'CREATE in the schema ' || n.nspname, n.nspname FROM pg_catalog.pg_namespace n
          WHERE n.nspname IN ('public', 'desk') AND pg_catalog.has_schema_privilege($1, n.oid, 'CREATE')
          ORDER BY 2",
        &[sql::text(&role), sql::texts(&names), sql::texts(&rights)],
    )
    .await?;
    rows.iter().map(|row| sql::get(row, "what")).collect()
}

fn quoted(role: &str) -> String {
    format!("\"{}\"", role.replace('"', "\"\""))
}

fn literal(text: &str) -> String {
    let mark = if text.contains('\\') { "E" } else { "" };
    format!("{mark}'{}'", text.replace('\\', "\\\\").replace('\'', "''"))
}
