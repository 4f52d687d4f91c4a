//! Whether the triggers are there: a push by the web app's tools, or a restore, may drop them.

use super::{Finding, REPAIR, Severity};
use crate::store::error::Result;
use crate::store::sql;
use crate::store::sql::Db;
use std::collections::BTreeSet;

/// Our triggers: the table, their name, the function in `desk`.
fn expected() -> Vec<(String, String, String)> {
    let mut all = Vec::new();
    for (table, word) in [
        ("users", "users"),
        ("projects", "projects"),
        ("support_tickets", "tickets"),
        ("ticket_comments", "comments"),
    ] {
        for event in ["insert", "update", "delete", "truncate"] {
            all.push((format!("public.{table}"), format!("desk_{event}"), format!("on_{word}_{event}")));
        }
    }
    for table in ["tickets", "projects", "users"] {
        all.push((format!("desk.{table}"), "next_version".to_owned(), "next_version".to_owned()));
        for event in ["insert", "update", "delete"] {
            all.push((format!("desk.{table}"), format!("tell_{event}"), format!("{table}_changed")));
        }
        all.push((format!("desk.{table}"), "tell_truncate".to_owned(), "emptied".to_owned()));
    }
    all.push(("public.users".to_owned(), "desk_access".to_owned(), "on_users_access".to_owned()));
    all.push(("desk.sessions".to_owned(), "begins".to_owned(), "session_begins".to_owned()));
    all.push(("desk.sessions".to_owned(), "tell_delete".to_owned(), "sessions_ended".to_owned()));
    all.push(("desk.sessions".to_owned(), "tell_truncate".to_owned(), "emptied".to_owned()));
    all.push(("desk.events".to_owned(), "hashed".to_owned(), "on_events_insert".to_owned()));
    all.push(("desk.events".to_owned(), "placed".to_owned(), "on_events_placed".to_owned()));
    all.push(("desk.events".to_owned(), "append_only".to_owned(), "append_only_but_places".to_owned()));
    for (table, name) in [
        ("desk.events", "append_only_truncate"),
        ("desk.seals", "append_only"),
        ("desk.seals", "append_only_truncate"),
    ] {
        all.push((table.to_owned(), name.to_owned(), "append_only".to_owned()));
    }
    all.push(("desk.stale".to_owned(), "tell_insert".to_owned(), "stale_added".to_owned()));
    all
}

/// Triggers that are missing, switched off, or lead elsewhere: `desk_insert on public.users`. One round trip.
pub async fn missing_triggers<C: Db>(db: &C) -> Result<Vec<String>> {
    let rows = sql::rows(
        db,
        "SELECT tn.nspname || '.' || c.relname AS place, t.tgname::text AS name, p.proname::text AS function
           FROM pg_catalog.pg_trigger t
           JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
           JOIN pg_catalog.pg_namespace tn ON tn.oid = c.relnamespace
           JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
           JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
          WHERE pn.nspname = 'desk' AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')",
        &[],
    )
    .await?;
    let mut found = BTreeSet::new();
    for row in &rows {
        let key: (String, String, String) =
            (sql::get(row, "place")?, sql::get(row, "name")?, sql::get(row, "function")?);
        found.insert(key);
    }
    Ok(expected()
        .into_iter()
        .filter(|trigger| !found.contains(trigger))
        .map(|(place, name, _)| format!("{name} on {place}"))
        .collect())
}

pub(super) async fn examine<C: Db>(db: &C) -> Result<Vec<Finding>> {
    let missing = missing_triggers(db).await?;
    if missing.is_empty() {
        return Ok(vec![Finding::fine("triggers", format!("all {}", expected().len()))]);
    }
    Ok(missing
        .into_iter()
        .map(|what| {
            let what = format!("the trigger {what} is missing or switched off: changes go unnoticed");
            Finding::new(Severity::Error, "triggers", what, REPAIR)
        })
        .collect())
}
