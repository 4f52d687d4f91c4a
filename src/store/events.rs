//! The log of all that the desk changes: who, what, when, before, after. Append-only; ids and values, never texts.

pub mod log;

use super::error::Result;
use super::moment::Moment;
use super::sql;
use crate::auth::Actor;
use crate::domain::command::Command;
use crate::domain::ids::{EventId, UserId};
use crate::domain::safe_text::SafeText;
use crate::domain::time::Timestamp;
use crate::store::transaction::Transaction;
use serde_json::{Value, json};
use tokio_postgres::types::Type;

/// Who writes, from where, and what it takes back.
#[derive(Clone, Copy, Debug)]
pub struct Author<'a> {
    /// Whoever acts.
    pub actor: &'a Actor,
    /// Which desk: host and process.
    pub origin: &'a str,
    /// The event that this one undoes.
    pub undoes: Option<EventId>,
}

/// One change.
pub(super) struct Event<'a> {
    /// `entity.verb`.
    pub(super) action: &'a str,
    /// `ticket`, `project`, `user` or `session`.
    pub(super) entity: &'a str,
    /// Its id.
    pub(super) id: &'a str,
    /// The values that were; none for something new.
    pub(super) before: Option<Value>,
    /// The values that are.
    pub(super) after: Value,
}

/// Writes an event down.
pub(super) async fn add(tx: &Transaction<'_>, author: Author<'_>, event: &Event<'_>) -> Result<EventId> {
    let row = sql::row(tx, "INSERT INTO desk.events (at, actor_kind, actor_id, action, entity, entity_id, before, after, undoes, origin) \
             VALUES (clock_timestamp() AT TIME ZONE 'utc', $1, $2, $3, $4, $5, $6, $7, $8, $9) RETURNING id",
            &[
                (&author.actor.kind(), Type::TEXT),
                (&author.actor.user().map(UserId::as_str), Type::TEXT),
                (&event.action, Type::TEXT),
                (&event.entity, Type::TEXT),
                (&event.id, Type::TEXT),
                (&event.before, Type::JSONB),
                (&event.after, Type::JSONB),
                (&author.undoes.map(|EventId(id)| id), Type::INT8),
                (&author.origin, Type::TEXT),
            ],
        )
        .await?;
    sql::get(&row, "id").map(EventId)
}

/// Writes down that somebody was denied a command. Not in the command's own transaction: that is rolled back.
pub async fn denied(tx: &Transaction<'_>, author: Author<'_>, command: &Command) -> Result<()> {
    let (entity, id) = command.subject();
    let after = json!({ "command": command.name() });
    add(tx, author, &Event { action: "denied", entity, id, before: None, after }).await?;
    Ok(())
}

/// Writes down that a part of the log is handed over.
pub(super) async fn exported(tx: &Transaction<'_>, author: Author<'_>) -> Result<EventId> {
    let event = Event { action: "audit.export", entity: "log", id: "events", before: None, after: json!({}) };
    add(tx, author, &event).await
}

/// What an operator did to the database itself.
#[derive(Clone, Copy, Debug)]
pub enum Upkeep<'a> {
    /// These steps were applied.
    Migrated(&'a [&'a str]),
    /// The web app's own migrator was told that its tables are there.
    Baseline,
    /// Functions, triggers and what they missed were put back.
    Repaired,
    /// A role was given what the desk needs.
    Granted {
        /// Its name.
        role: &'a str,
        /// Its settings for a pooled link were written too.
        pooled: bool,
    },
}

/// Writes down what was done to the database itself. No user did it.
pub async fn upkept(tx: &Transaction<'_>, origin: &str, what: Upkeep<'_>) -> Result<()> {
    let (action, entity, id, after) = match what {
        Upkeep::Migrated(steps) => ("schema.migrate", "schema", "desk", json!({ "steps": steps })),
        Upkeep::Baseline => ("schema.baseline", "schema", "drizzle", json!({})),
        Upkeep::Repaired => ("schema.repair", "schema", "desk", json!({})),
        Upkeep::Granted { role, pooled } => ("role.grant", "role", role, json!({ "pooled": pooled })),
    };
    let author = Author { actor: &Actor::operator(), origin, undoes: None };
    add(tx, author, &Event { action, entity, id, before: None, after }).await.map(drop)
}

/// Who gave a field the value that it has now; none when the newest event of the field says otherwise, that is,
/// when it was changed elsewhere.
pub(super) async fn who_set(
    tx: &Transaction<'_>,
    entity: &str,
    id: &str,
    field: &str,
    now: &Value,
) -> Result<Option<SafeText>> {
    let row = sql::maybe_row(
        tx,
        "SELECT coalesce(nullif(btrim(u.name), ''), u.email) AS name \
               FROM (SELECT e.actor_id, e.after FROM desk.events AS e \
                      WHERE e.entity = $1 AND e.entity_id = $2 AND jsonb_exists(e.after, $3) \
                      ORDER BY e.id DESC LIMIT 1) AS latest \
               JOIN public.users AS u ON u.id = latest.actor_id \
              WHERE latest.after -> $3 = $4",
        &[(&entity, Type::TEXT), (&id, Type::TEXT), (&field, Type::TEXT), (&now, Type::JSONB)],
    )
    .await?;
    row.map(|row| sql::get::<&str>(&row, "name").map(SafeText::new)).transpose()
}

/// Who changed a field last of which the log keeps no value, only that it was changed; none where that is not known.
pub(super) async fn who_changed(
    tx: &Transaction<'_>,
    entity: &str,
    id: &str,
    field: &str,
) -> Result<Option<SafeText>> {
    let row = sql::maybe_row(
        tx,
        "SELECT coalesce(nullif(btrim(u.name), ''), u.email) AS name \
               FROM (SELECT e.actor_id FROM desk.events AS e \
                      WHERE e.entity = $1 AND e.entity_id = $2 AND jsonb_exists(e.after -> 'changed', $3) \
                      ORDER BY e.id DESC LIMIT 1) AS latest \
               JOIN public.users AS u ON u.id = latest.actor_id",
        &[(&entity, Type::TEXT), (&id, Type::TEXT), (&field, Type::TEXT)],
    )
    .await?;
    row.map(|row| sql::get::<&str>(&row, "name").map(SafeText::new)).transpose()
}

/// The event of a reply that was sent before.
pub(super) async fn of_reply(tx: &Transaction<'_>, ticket: &str, comment: &str) -> Result<Option<EventId>> {
    let row = sql::maybe_row(
        tx,
        "SELECT e.id FROM desk.events AS e \
              WHERE e.entity = 'ticket' AND e.entity_id = $1 AND e.after ->> 'comment_id' = $2 \
              ORDER BY e.id DESC LIMIT 1",
        &[(&ticket, Type::TEXT), (&comment, Type::TEXT)],
    )
    .await?;
    row.map(|row| sql::get(&row, "id").map(EventId)).transpose()
}

/// When the client had been told "no answer needed" before the newest change of status finished the ticket.
pub(super) async fn answered_before_finish(
    tx: &Transaction<'_>,
    ticket: &str,
    status: &str,
) -> Result<Option<Timestamp>> {
    let row = sql::maybe_row(
        tx,
        "SELECT (latest.before ->> 'answered_at')::timestamp AS answered_at \
               FROM (SELECT e.before, e.after FROM desk.events AS e \
                      WHERE e.entity = 'ticket' AND e.entity_id = $1 AND jsonb_exists(e.after, 'status') \
                      ORDER BY e.id DESC LIMIT 1) AS latest \
              WHERE latest.after ->> 'status' = $2",
        &[(&ticket, Type::TEXT), (&status, Type::TEXT)],
    )
    .await?;
    let Some(row) = row else { return Ok(None) };
    Ok(sql::get::<Option<Moment>>(&row, "answered_at")?.map(|at| at.0))
}
