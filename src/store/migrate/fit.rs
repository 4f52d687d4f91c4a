//! Whether the web app's tables are those of the schema document. Reads the catalog only, which needs no right.
//!
//! A misfit stops adoption; a warning does not. Misfits: a missing table, column, primary key or documented enum
//! value, a type that the desk can't read, an unknown column that must be given a value. All else is a warning.

use crate::store::error::Result;
use crate::store::sql;
use crate::store::sql::Db;
use std::collections::{BTreeMap, BTreeSet};

/// What a documented column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    Text,
    Moment,
    Truth,
    Amount,
    Enum(&'static str),
}

use Holds::{Amount, Enum, Moment, Text, Truth};

/// A documented column: name, what it holds, whether it may be null.
type Column = (&'static str, Holds, bool);

const USERS: &[Column] = &[
    ("id", Text, false),
    ("email", Text, false),
    ("name", Text, true),
    ("company", Text, true),
    ("password_hash", Text, true),
    ("created_at", Moment, false),
    ("updated_at", Moment, false),
    ("last_logged_in", Moment, true),
    ("role", Enum("role"), false),
    ("email_verified", Truth, false),
    ("active", Truth, false),
];

const PROJECTS: &[Column] = &[
    ("id", Text, false),
    ("title", Text, false),
    ("description", Text, true),
    ("status", Enum("project_status"), false),
    ("client_id", Text, false),
    ("created_at", Moment, false),
    ("updated_at", Moment, false),
    ("start_date", Moment, true),
    ("end_date", Moment, true),
    ("type", Enum("project_type"), false),
    ("budget", Amount, true),
    ("requirements", Text, true),
];

const TICKETS: &[Column] = &[
    ("id", Text, false),
    ("ticket_number", Text, false),
    ("subject", Text, false),
    ("description", Text, false),
    ("status", Enum("ticket_status"), false),
    ("client_id", Text, false),
    ("created_at", Moment, false),
    ("updated_at", Moment, false),
    ("last_replied_at", Moment, true),
];

const COMMENTS: &[Column] = &[
    ("id", Text, false),
    ("content", Text, false),
    ("ticket_id", Text, false),
    ("user_id", Text, false),
    ("sender", Enum("comment_sender"), false),
    ("created_at", Moment, false),
    ("updated_at", Moment, false),
];

const TOKENS: &[Column] = &[
    ("id", Text, false),
    ("token", Text, false),
    ("user_id", Text, false),
    ("expires_at", Moment, false),
    ("used", Truth, false),
    ("created_at", Moment, false),
];

const TABLES: [(&str, &[Column]); 6] = [
    ("users", USERS),
    ("projects", PROJECTS),
    ("support_tickets", TICKETS),
    ("ticket_comments", COMMENTS),
    ("password_resets", TOKENS),
    ("email_verifications", TOKENS),
];

const ENUMS: [(&str, &[&str]); 5] = [
    ("role", &["CLIENT", "ADMIN", "SUPER_ADMIN"]),
    ("project_status", &["PENDING", "APPROVED", "IN_PROGRESS", "REVIEW", "COMPLETED", "CANCELLED"]),
    ("project_type", &["WEBSITE", "E_COMMERCE", "WEB_APP", "MOBILE_APP", "BRANDING", "MARKETING", "OTHER"]),
    ("ticket_status", &["OPEN", "PENDING", "RESOLVED", "CLOSED"]),
    ("comment_sender", &["CLIENT", "ADMIN"]),
];

/// Unique and foreign key constraints under Drizzle's names: table, name, type in the catalog's letters, action.
const CONSTRAINTS: [(&str, &str, &str); 8] = [
    ("users", "users_email_unique", "u"),
    ("support_tickets", "support_tickets_ticket_number_unique", "u"),
    ("projects", "projects_client_id_users_id_fk", "f"),
    ("support_tickets", "support_tickets_client_id_users_id_fk", "f"),
    ("ticket_comments", "ticket_comments_ticket_id_support_tickets_id_fk", "f"),
    ("ticket_comments", "ticket_comments_user_id_users_id_fk", "f"),
    ("password_resets", "password_resets_user_id_users_id_fk", "f"),
    ("email_verifications", "email_verifications_user_id_users_id_fk", "f"),
];

/// Whether a misfit keeps the desk from its everyday work: two tables are the web app's alone.
pub fn matters(misfit: &str) -> bool {
    ["password_resets", "email_verifications"]
        .iter()
        .all(|table| !misfit.contains(&format!("public.{table}")))
}

/// What was found in `public`.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Fit {
    /// How many of the six tables and five enums there are.
    pub found: usize,
    /// What keeps the desk from adopting this database.
    pub misfits: Vec<String>,
    /// What is unlike the document, and does not keep the desk from working.
    pub warnings: Vec<String>,
}

struct Found {
    holds: String,
    nullable: bool,
    fillable: bool,
    own_collation: bool,
}

/// Compares `public` with the schema document.
pub async fn examine<C: Db>(db: &C) -> Result<Fit> {
    let mut fit = Fit::default();
    let relations = relations(db).await?;
    let enums = enums(db).await?;
    let columns = columns(db).await?;
    let keys = primary_keys(db).await?;
    for (name, values) in ENUMS {
        let Some(labels) = enums.get(name) else {
            fit.misfits.push(format!("the enum public.{name} is missing"));
            continue;
        };
        fit.found += 1;
        for value in values.iter().filter(|value| !labels.contains(**value)) {
            fit.misfits.push(format!("the enum public.{name} lacks the value {value}"));
        }
        for label in labels.iter().filter(|label| !values.contains(&label.as_str())) {
            fit.warnings.push(format!("the enum public.{name} has a value that is not documented: {label}"));
        }
    }
    for (table, documented) in TABLES {
        match relations.get(table).map(String::as_str) {
            Some("r" | "p") => fit.found += 1,
            Some(_) => {
                fit.found += 1;
                fit.misfits.push(format!("public.{table} is not a table"));
                continue;
            }
            None => {
                fit.misfits.push(format!("the table public.{table} is missing"));
                continue;
            }
        }
        let none = BTreeMap::new();
        let have = columns.get(table).unwrap_or(&none);
        compare_columns(table, documented, have, &mut fit);
        if keys.get(table).map(String::as_str) != Some("id") {
            fit.misfits.push(format!("public.{table} has no primary key on id"));
        }
    }
    if fit.misfits.is_empty() {
        fit.warnings.extend(constraint_warnings(db).await?);
    }
    Ok(fit)
}

fn compare_columns(table: &str, documented: &[Column], have: &BTreeMap<String, Found>, fit: &mut Fit) {
    for (name, holds, nullable) in documented {
        let Some(found) = have.get(*name) else {
            fit.misfits.push(format!("public.{table} lacks the column {name}"));
            continue;
        };
        if !holds.admits(&found.holds) {
            fit.misfits.push(format!(
                "public.{table}.{name} is of the type {}, the desk needs {}",
                found.holds,
                holds.words()
            ));
        }
        match (nullable, found.nullable) {
            (false, true) => {
                fit.warnings.push(format!("public.{table}.{name} may be null, unlike the document"));
            }
            (true, false) => {
                fit.warnings.push(format!("public.{table}.{name} may not be null, unlike the document"));
            }
            _ => {}
        }
        if found.own_collation {
            fit.warnings.push(format!("public.{table}.{name} sorts by a collation of its own"));
        }
    }
    for (name, found) in have.iter().filter(|(name, _)| documented.iter().all(|(known, _, _)| known != name))
    {
        if !found.nullable && !found.fillable {
            fit.misfits.push(format!(
                "public.{table}.{name} is unknown to the desk, and has neither a default nor may be null"
            ));
        } else {
            fit.warnings.push(format!("public.{table}.{name} is not documented; the desk leaves it alone"));
        }
    }
}

impl Holds {
    fn admits(self, found: &str) -> bool {
        match self {
            Text => matches!(found, "pg_catalog.text" | "pg_catalog.varchar"),
            Moment => found == "pg_catalog.timestamp",
            Truth => found == "pg_catalog.bool",
            Amount => matches!(found, "pg_catalog.float4" | "pg_catalog.float8"),
            Enum(name) => found.strip_prefix("public.") == Some(name),
        }
    }

    fn words(self) -> String {
        match self {
            Text => "text".to_owned(),
            Moment => "timestamp without time zone".to_owned(),
            Truth => "boolean".to_owned(),
            Amount => "real".to_owned(),
            Enum(name) => format!("the enum public.{name}"),
        }
    }
}

async fn relations<C: Db>(db: &C) -> Result<BTreeMap<String, String>> {
    let rows = sql::rows(
        db,
        "SELECT c.relname::text AS name, c.relkind::text AS kind
           FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = 'public' AND c.relname = ANY ($1)
            AND c.relkind IN ('r', 'p', 'v', 'm', 'f')",
        &[sql::texts(&TABLES.map(|(name, _)| name).to_vec())],
    )
    .await?;
    rows.iter().map(|row| Ok((sql::get(row, "name")?, sql::get(row, "kind")?))).collect()
}

async fn enums<C: Db>(db: &C) -> Result<BTreeMap<String, BTreeSet<String>>> {
    let rows = sql::rows(
        db,
        "SELECT t.typname::text AS name, coalesce(array_agg(e.enumlabel::text) FILTER (WHERE e.oid IS NOT NULL), '{}') AS labels
           FROM pg_catalog.pg_type t JOIN pg_catalog.pg_namespace n ON n.oid = t.typnamespace
           LEFT JOIN pg_catalog.pg_enum e ON e.enumtypid = t.oid
          WHERE n.nspname = 'public' AND t.typtype = 'e' AND t.typname = ANY ($1)
          GROUP BY t.typname",
        &[sql::texts(&ENUMS.map(|(name, _)| name).to_vec())],
    )
    .await?;
    rows.iter()
        .map(|row| {
            let labels: Vec<String> = sql::get(row, "labels")?;
            Ok((sql::get(row, "name")?, labels.into_iter().collect()))
        })
        .collect()
}

async fn columns<C: Db>(db: &C) -> Result<BTreeMap<String, BTreeMap<String, Found>>> {
    let rows = sql::rows(
        db,
        "SELECT c.relname::text AS table_name, a.attname::text AS name, tn.nspname || '.' || t.typname AS holds,
                NOT a.attnotnull AS nullable,
                a.atthasdef OR a.attidentity <> '' OR a.attgenerated <> '' AS fillable,
                a.attcollation <> t.typcollation AS own_collation
           FROM pg_catalog.pg_attribute a
           JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
           JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace
          WHERE n.nspname = 'public' AND c.relname = ANY ($1) AND c.relkind IN ('r', 'p')
            AND a.attnum > 0 AND NOT a.attisdropped",
        &[sql::texts(&TABLES.map(|(name, _)| name).to_vec())],
    )
    .await?;
    let mut tables: BTreeMap<String, BTreeMap<String, Found>> = BTreeMap::new();
    for row in &rows {
        let found = Found {
            holds: sql::get(row, "holds")?,
            nullable: sql::get(row, "nullable")?,
            fillable: sql::get(row, "fillable")?,
            own_collation: sql::get(row, "own_collation")?,
        };
        tables.entry(sql::get(row, "table_name")?).or_default().insert(sql::get(row, "name")?, found);
    }
    Ok(tables)
}

async fn primary_keys<C: Db>(db: &C) -> Result<BTreeMap<String, String>> {
    let rows = sql::rows(
        db,
        "SELECT c.relname::text AS table_name, string_agg(a.attname::text, ',') AS columns
           FROM pg_catalog.pg_constraint k
           JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
           JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY (k.conkey)
          WHERE n.nspname = 'public' AND k.contype = 'p' AND c.relname = ANY ($1)
          GROUP BY c.relname",
        &[sql::texts(&TABLES.map(|(name, _)| name).to_vec())],
    )
    .await?;
    rows.iter().map(|row| Ok((sql::get(row, "table_name")?, sql::get(row, "columns")?))).collect()
}

async fn constraint_warnings<C: Db>(db: &C) -> Result<Vec<String>> {
    let rows = sql::rows(
        db,
        "SELECT k.conname::text AS name, k.confdeltype = 'c' AS cascades
           FROM pg_catalog.pg_constraint k
           JOIN pg_catalog.pg_class c ON c.oid = k.conrelid
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = 'public' AND k.contype IN ('u', 'f')",
        &[],
    )
    .await?;
    let have: BTreeMap<String, bool> = rows
        .iter()
        .map(|row| Ok((sql::get(row, "name")?, sql::get(row, "cascades")?)))
        .collect::<Result<_>>()?;
    let mut warnings = Vec::new();
    for (table, name, kind) in CONSTRAINTS {
        match (have.get(name), kind) {
            (None, _) => warnings.push(format!(
                "public.{table} has no constraint named {name}; a push by Drizzle may offer to rebuild the table: refuse it"
            )),
            (Some(false), "f") => warnings.push(format!("{name} on public.{table} does not cascade")),
            _ => {}
        }
    }
    let secured = sql::rows(
        db,
        "SELECT c.relname::text AS name FROM pg_catalog.pg_class c
           JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
          WHERE n.nspname = 'public' AND c.relrowsecurity AND c.relname = ANY ($1) ORDER BY 1",
        &[sql::texts(&TABLES.map(|(name, _)| name).to_vec())],
    )
    .await?;
    for row in &secured {
        let name: String = sql::get(row, "name")?;
        warnings.push(format!(
            "public.{name} has row security: rows hidden from the desk's role are missing in the desk"
        ));
    }
    Ok(warnings)
}
