//! Reading the log: pages of it, newest first, each event in words and names that a person can read.
//!
//! Pages go on from an event (keyset). The web app's tables are joined after the limit.

use crate::domain::event::{Event, EventsOf, EventsPage, LogFilter, ValueChange};
use crate::domain::ids::{EventId, UserId};
use crate::domain::query::Answer;
use crate::domain::safe_text::SafeText;
use crate::domain::ticket::Priority;
use crate::policy::{Audit, Scope};
use crate::store::error::Result;
use crate::store::moment::Moment;
use crate::store::sql;
use crate::store::statement::{Statement, contains_pattern, escape_like};
use serde_json::{Map, Value};
use std::collections::HashMap;
use tokio_postgres::types::Type;
use tokio_postgres::{Client, Row};

/// A person's text stands for at most this many people.
const PEOPLE: i64 = 50;
/// Transactions end in another order than their events are numbered: so many numbers around a moment are looked at.
const SKEW: i64 = 1000;

/// One page, with whether there is more.
pub async fn page(client: &Client, scope: &Scope, page: &EventsPage) -> Result<Answer> {
    let limit = usize::from(page.limit.max(1));
    let people = match &page.of {
        EventsOf::Log(LogFilter { who: Some(who), .. }) if kind(who).is_none() => {
            Some(people(client, who).await?)
        }
        EventsOf::Log(_) | EventsOf::Ticket(_) | EventsOf::Project(_) => None,
    };
    let rows = statement(scope, page, people).rows(client).await?;
    let more = rows.len() > limit;
    let rows: Vec<Raw> = rows.iter().take(limit).map(raw).collect::<Result<_>>()?;
    let names = names(client, &rows).await?;
    Ok(Answer::Events { events: rows.into_iter().map(|row| row.event(&names)).collect(), more })
}

/// Those who have no account act under these words.
fn kind(who: &str) -> Option<&str> {
    Some(who).filter(|who| matches!(*who, "operator" | "system"))
}

/// Whoever a text may mean.
async fn people(client: &Client, who: &str) -> Result<Vec<String>> {
    let rows = sql::rows(
        client,
        "SELECT u.user_id FROM desk.users AS u WHERE u.user_id = $1 OR u.search LIKE lower($2) LIMIT $3",
        &[sql::text(&who), sql::text(&contains_pattern(who)), sql::int8(&PEOPLE)],
    )
    .await?;
    // Somebody who is gone is known by the id alone.
    let found = rows.iter().map(|row| sql::get::<String>(row, "user_id"));
    found.chain([Ok(who.to_owned())]).collect()
}

fn statement(scope: &Scope, page: &EventsPage, people: Option<Vec<String>>) -> Statement {
    let before = page.before.map_or(i64::MAX, |EventId(id)| id);
    let limit = i64::from(page.limit.max(1)) + 1;
    let mut statement = Statement::new("");
    statement.give(before, Type::INT8).give(limit, Type::INT8);
    statement.sql(
        "SELECT e.id, e.at, e.actor_kind, e.actor_id, e.action, e.entity, e.entity_id, e.before, e.after, e.undoes, \
                e.origin, e.db_link, coalesce(nullif(btrim(a.name), ''), a.email) AS actor_name, \
                coalesce(t.ticket_number, p.title, nullif(btrim(u.name), ''), u.email) AS subject, \
                (SELECT min(z.id) FROM desk.events AS z WHERE z.undoes = e.id) AS undone_by FROM (",
    );
    match &page.of {
        EventsOf::Ticket(ticket) => of_entity(&mut statement, scope, "ticket", ticket.as_str()),
        EventsOf::Project(project) => of_entity(&mut statement, scope, "project", project.as_str()),
        EventsOf::Log(filter) => of_log(&mut statement, scope, filter, people),
    }
    statement.sql(
        ") AS k JOIN desk.events AS e ON e.id = k.id \
          LEFT JOIN public.users AS a ON a.id = e.actor_id \
          LEFT JOIN public.support_tickets AS t ON e.entity = 'ticket' AND t.id = e.entity_id \
          LEFT JOIN public.projects AS p ON e.entity = 'project' AND p.id = e.entity_id \
          LEFT JOIN public.users AS u ON e.entity = 'user' AND u.id = e.entity_id \
         ORDER BY e.id DESC",
    );
    statement
}

fn of_entity(statement: &mut Statement, scope: &Scope, entity: &'static str, id: &str) {
    statement.sql("SELECT e.id FROM desk.events AS e WHERE e.entity = ").bind_text(entity);
    statement.sql(" AND e.entity_id = ").bind_text(id);
    statement.sql(" AND e.id < $1 AND ").bind(scope.tickets(), Type::BOOL);
    statement.sql(" ORDER BY e.id DESC LIMIT $2");
}

fn of_log(statement: &mut Statement, scope: &Scope, filter: &LogFilter, people: Option<Vec<String>>) {
    let own = match scope.audit() {
        Audit::All => None,
        Audit::Own => Some(scope.reader().map(|id| id.as_str().to_owned()).into_iter().collect()),
        Audit::Nothing => Some(Vec::new()),
    };
    let people: Option<Vec<String>> = match (people, own) {
        (Some(people), Some(own)) => Some(people.into_iter().filter(|id| own.contains(id)).collect()),
        (people, own) => people.or(own),
    };
    match people {
        Some(mut people) => {
            people.sort_unstable();
            people.dedup();
            statement.sql("SELECT f.id FROM unnest(").bind(people, Type::TEXT_ARRAY);
            statement.sql(
                ") AS w (id) CROSS JOIN LATERAL (SELECT e.id FROM desk.events AS e WHERE e.actor_id = w.id AND e.id < $1",
            );
            terms(statement, filter);
            statement.sql(" ORDER BY e.id DESC LIMIT $2) AS f ORDER BY f.id DESC LIMIT $2");
        }
        None => {
            statement.sql("SELECT e.id FROM desk.events AS e WHERE e.id < $1");
            if let Some(kind) = filter.who.as_deref().and_then(kind) {
                statement.sql(" AND e.actor_id IS NULL AND e.actor_kind = ").bind_text(kind);
            }
            terms(statement, filter);
            statement.sql(" ORDER BY e.id DESC LIMIT $2");
        }
    }
}

fn terms(statement: &mut Statement, filter: &LogFilter) {
    if let Some(action) = &filter.action {
        statement.sql(" AND e.action LIKE ").bind_text(&(escape_like(action) + "%"));
    }
    if let Some(since) = filter.since {
        let since = Moment(since);
        statement.sql(" AND e.at >= ").bind(since, Type::TIMESTAMP);
        statement.sql(" AND e.id >= coalesce((SELECT b.id FROM desk.events AS b WHERE b.at >= ");
        statement.bind(since, Type::TIMESTAMP).sql(" ORDER BY b.at LIMIT 1) - ").bind(SKEW, Type::INT8);
        statement.sql(", 0)");
    }
    if let Some(until) = filter.until {
        let until = Moment(until);
        statement.sql(" AND e.at < ").bind(until, Type::TIMESTAMP);
        statement.sql(" AND e.id <= coalesce((SELECT b.id FROM desk.events AS b WHERE b.at < ");
        statement.bind(until, Type::TIMESTAMP).sql(" ORDER BY b.at DESC LIMIT 1) + ").bind(SKEW, Type::INT8);
        statement.sql(", 0)");
    }
}

/// A row whose values hold ids still.
struct Raw {
    event: Event,
    before: Map<String, Value>,
    after: Map<String, Value>,
}

fn raw(row: &Row) -> Result<Raw> {
    let text = |column: &str| sql::get::<&str>(row, column).map(SafeText::new);
    let maybe = |column: &str| sql::get::<Option<&str>>(row, column).map(|text| text.map(SafeText::new));
    let values = |column: &str| -> Result<Map<String, Value>> {
        Ok(match sql::get::<Option<Value>>(row, column)? {
            Some(Value::Object(values)) => values,
            _ => Map::new(),
        })
    };
    let actor_kind = text("actor_kind")?;
    let actor = sql::get::<Option<&str>>(row, "actor_id")?.map(UserId::new);
    let nobody = if actor.is_some() { SafeText::new("somebody who is gone") } else { actor_kind.clone() };
    Ok(Raw {
        event: Event {
            id: EventId(sql::get(row, "id")?),
            at: sql::get::<Moment>(row, "at")?.0,
            actor_kind,
            actor,
            actor_name: maybe("actor_name")?.unwrap_or(nobody),
            action: text("action")?,
            entity: text("entity")?,
            entity_id: text("entity_id")?,
            subject: maybe("subject")?,
            values: Vec::new(),
            undoes: sql::get::<Option<i64>>(row, "undoes")?.map(EventId),
            undone_by: sql::get::<Option<i64>>(row, "undone_by")?.map(EventId),
            origin: text("origin")?,
            link: text("db_link")?,
        },
        before: values("before")?,
        after: values("after")?,
    })
}

impl Raw {
    fn event(self, names: &HashMap<String, String>) -> Event {
        let Self { mut event, before, after } = self;
        let mut fields: Vec<&String> = after.keys().collect();
        fields.extend(before.keys().filter(|field| !after.contains_key(*field)));
        event.values = fields
            .into_iter()
            .map(|field| ValueChange {
                field: SafeText::new(field),
                before: before.get(field).and_then(|value| shown(field, value, names)),
                after: after.get(field).and_then(|value| shown(field, value, names)),
            })
            .collect();
        event
    }
}

/// A value as text: people by their names, priorities by their words.
fn shown(field: &str, value: &Value, names: &HashMap<String, String>) -> Option<SafeText> {
    let text = match value {
        Value::Null => return None,
        Value::String(id) if is_person(field) => names.get(id).unwrap_or(id).clone(),
        Value::String(text) => text.clone(),
        Value::Number(number) if field == "priority" => {
            let number = number.as_i64().and_then(|number| i16::try_from(number).ok());
            number
                .map_or_else(|| value.to_string(), |number| Priority::from_number(number).label().to_owned())
        }
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => value.to_string(),
    };
    Some(SafeText::new(&text))
}

fn is_person(field: &str) -> bool {
    matches!(field, "assignee_id" | "client_id" | "user_id")
}

/// The names of all whom the values of a page name.
async fn names(client: &Client, rows: &[Raw]) -> Result<HashMap<String, String>> {
    let mut ids: Vec<&str> = rows
        .iter()
        .flat_map(|row| row.before.iter().chain(&row.after))
        .filter(|(field, _)| is_person(field))
        .filter_map(|(_, value)| value.as_str())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let rows = sql::rows(
        client,
        "SELECT u.id, coalesce(nullif(btrim(u.name), ''), u.email) AS name FROM public.users AS u WHERE u.id = ANY ($1)",
        &[sql::texts(&ids)],
    )
    .await?;
    rows.iter().map(|row| Ok((sql::get(row, "id")?, sql::get(row, "name")?))).collect()
}
