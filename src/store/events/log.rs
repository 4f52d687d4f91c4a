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

/// A person's text stands for at most this many people, staff first.
const PEOPLE: i64 = 40;
/// Pairs of a person and an action that are looked up one by one: a page of each is read.
const PAIRS: usize = 40;
/// Transactions end in another order than their events are numbered: so many numbers around a moment are looked at.
const SKEW: i64 = 1000;

/// One page, with whether there is more.
pub async fn page(client: &Client, scope: &Scope, page: &EventsPage) -> Result<Answer> {
    let limit = usize::from(page.limit.max(1));
    let rows = statement(client, scope, page).await?.rows(client).await?;
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
        "(SELECT u.user_id FROM desk.users AS u \
           WHERE u.role IN ('ADMIN', 'SUPER_ADMIN') AND (u.user_id = $1 OR u.search LIKE lower($2)) LIMIT $3) \
         UNION ALL \
         (SELECT u.user_id FROM desk.users AS u \
           WHERE u.role NOT IN ('ADMIN', 'SUPER_ADMIN') AND (u.user_id = $1 OR u.search LIKE lower($2)) LIMIT $3) \
         LIMIT $3",
        &[sql::text(&who), sql::text(&contains_pattern(who)), sql::int8(&PEOPLE)],
    )
    .await?;
    // Somebody who is gone is known by the id alone.
    let found = rows.iter().map(|row| sql::get::<String>(row, "user_id"));
    found.chain([Ok(who.to_owned())]).collect()
}

/// The actions in the log that begin with a text: from each to the next one, which is one look into the index.
async fn actions(client: &Client, start: &str) -> Result<Vec<String>> {
    let rows = sql::rows(
        client,
        "WITH RECURSIVE a AS ( \
           (SELECT e.action FROM desk.events AS e ORDER BY e.action LIMIT 1) \
           UNION ALL \
           SELECT (SELECT e.action FROM desk.events AS e WHERE e.action > a.action ORDER BY e.action LIMIT 1) \
             FROM a WHERE a.action IS NOT NULL) \
         SELECT a.action FROM a WHERE a.action LIKE $1",
        &[sql::text(&(escape_like(start) + "%"))],
    )
    .await?;
    rows.iter().map(|row| sql::get(row, "action")).collect()
}

/// Of these people and actions, the pairs that are in the log.
async fn pairs(client: &Client, people: &[String], actions: &[String]) -> Result<(Vec<String>, Vec<String>)> {
    let rows = sql::rows(
        client,
        "SELECT w.id, a.action FROM unnest($1) AS w (id) CROSS JOIN unnest($2) AS a (action) \
          CROSS JOIN LATERAL (SELECT e.id FROM desk.events AS e \
                               WHERE (e.actor_id, e.action) >= (w.id, a.action) AND (e.actor_id, e.action) <= (w.id, a.action) \
                               ORDER BY e.actor_id, e.action, e.id LIMIT 1) AS one",
        &[sql::texts(&people), sql::texts(&actions)],
    )
    .await?;
    rows.iter().map(|row| Ok((sql::get(row, "id")?, sql::get(row, "action")?))).collect()
}

/// Numbers of events between which everything asked for lies, the first one included, the last one not.
#[derive(Clone, Copy)]
struct Range {
    from: i64,
    to: i64,
}

async fn range(client: &Client, page: &EventsPage) -> Result<Range> {
    let all = Range { from: i64::MIN, to: page.before.map_or(i64::MAX, |EventId(id)| id) };
    let EventsOf::Log(LogFilter { since, until, .. }) = &page.of else { return Ok(all) };
    if since.is_none() && until.is_none() {
        return Ok(all);
    }
    let (since, until) = (since.map(Moment), until.map(Moment));
    let row = sql::row(
        client,
        "SELECT (SELECT b.id FROM desk.events AS b WHERE b.at >= $1 ORDER BY b.at LIMIT 1) AS first, \
                (SELECT b.id FROM desk.events AS b WHERE b.at < $2 ORDER BY b.at DESC LIMIT 1) AS last",
        &[(&since, Type::TIMESTAMP), (&until, Type::TIMESTAMP)],
    )
    .await?;
    let (first, last): (Option<i64>, Option<i64>) = (sql::get(&row, "first")?, sql::get(&row, "last")?);
    // Nothing is that young, or that old.
    let nothing = since.is_some() && first.is_none() || until.is_some() && last.is_none();
    Ok(Range {
        from: first.map_or(all.from, |id| id - SKEW),
        to: if nothing { i64::MIN } else { last.map_or(all.to, |id| all.to.min(id + SKEW)) },
    })
}

/// Everything about other rows is looked up for those of the page, one by one, and nothing is joined: a plan for a
/// few rows must not scan a table for them. The number of what took an event back is hidden in a sum: for the least of
/// numbers the planner may walk the log from its beginning.
async fn statement(client: &Client, scope: &Scope, page: &EventsPage) -> Result<Statement> {
    let Range { from, to } = range(client, page).await?;
    let limit = i64::from(page.limit.max(1)) + 1;
    let mut statement = Statement::new("");
    statement.give(to, Type::INT8).give(limit, Type::INT8).give(from, Type::INT8);
    statement.sql(
        "SELECT e.id, e.at, e.actor_kind, e.actor_id, e.action, e.entity, e.entity_id, e.before, e.after, e.undoes, \
                e.origin, e.db_link, \
                (SELECT coalesce(nullif(btrim(a.name), ''), a.email) FROM public.users AS a WHERE a.id = e.actor_id) AS actor_name, \
                CASE e.entity \
                  WHEN 'ticket' THEN (SELECT t.ticket_number FROM public.support_tickets AS t WHERE t.id = e.entity_id) \
                  WHEN 'project' THEN (SELECT p.title FROM public.projects AS p WHERE p.id = e.entity_id) \
                  WHEN 'user' THEN (SELECT coalesce(nullif(btrim(u.name), ''), u.email) FROM public.users AS u WHERE u.id = e.entity_id) \
                END AS subject, \
                (SELECT min(z.id + 0) FROM desk.events AS z WHERE z.undoes = e.id) AS undone_by FROM (",
    );
    match &page.of {
        EventsOf::Ticket(ticket) => of_entity(&mut statement, scope, "ticket", ticket.as_str()),
        EventsOf::Project(project) => of_entity(&mut statement, scope, "project", project.as_str()),
        EventsOf::Log(filter) => of_log(client, &mut statement, scope, filter).await?,
    }
    statement.sql(") AS k JOIN desk.events AS e ON e.id = k.id ORDER BY e.id DESC");
    Ok(statement)
}

// All of these walk down one index from the page's start, and say in what order: with an equality instead of the two
// comparisons the planner may take the order from the numbers alone, and read all events of everybody else since.

fn of_entity(statement: &mut Statement, scope: &Scope, entity: &'static str, id: &str) {
    statement.sql("SELECT e.id FROM (SELECT ").bind_text(entity).sql(" AS entity, ").bind_text(id);
    statement.sql(
        " AS id) AS w CROSS JOIN LATERAL (SELECT e.id FROM desk.events AS e \
           WHERE (e.entity, e.entity_id, e.id) < (w.entity, w.id, $1) AND (e.entity, e.entity_id, e.id) >= (w.entity, w.id, $3) \
           ORDER BY e.entity DESC, e.entity_id DESC, e.id DESC LIMIT $2) AS e WHERE ",
    );
    statement.bind(scope.tickets(), Type::BOOL);
}

async fn of_log(client: &Client, statement: &mut Statement, scope: &Scope, filter: &LogFilter) -> Result<()> {
    let who = filter.who.as_deref();
    let kind = who.and_then(kind);
    let people = match who {
        Some(who) if kind.is_none() => Some(people(client, who).await?),
        Some(_) | None => None,
    };
    let own = match scope.audit() {
        Audit::All => None,
        Audit::Own => Some(scope.reader().map(|id| id.as_str().to_owned()).into_iter().collect()),
        Audit::Nothing => Some(Vec::new()),
    };
    let people: Option<Vec<String>> = match (people, own) {
        (Some(people), Some(own)) => Some(people.into_iter().filter(|id| own.contains(id)).collect()),
        // Events of nobody are not one's own.
        (None, Some(_)) if kind.is_some() => Some(Vec::new()),
        (people, own) => people.or(own),
    };
    let actions = match (&filter.action, &people, kind) {
        (Some(start), _, _) => Some(actions(client, start).await?),
        (None, None, Some(_)) => Some(actions(client, "").await?),
        (None, _, _) => None,
    };
    match (people, actions) {
        (Some(mut people), actions) => {
            people.sort_unstable();
            people.dedup();
            of_people(client, statement, filter, people, actions).await?;
        }
        (None, Some(actions)) => match kind {
            Some(kind) => of_kind(statement, filter, kind, actions),
            None => of_actions(statement, filter, actions),
        },
        (None, None) => {
            statement.sql("SELECT e.id FROM desk.events AS e WHERE e.id < $1 AND e.id >= $3");
            times(statement, filter);
            statement.sql(" ORDER BY e.id DESC LIMIT $2");
        }
    }
    Ok(())
}

async fn of_people(
    client: &Client,
    statement: &mut Statement,
    filter: &LogFilter,
    people: Vec<String>,
    actions: Option<Vec<String>>,
) -> Result<()> {
    if let Some(actions) = &actions {
        let (who, what) = pairs(client, &people, actions).await?;
        if who.len() <= PAIRS {
            statement.sql("SELECT f.id FROM unnest(").bind(who, Type::TEXT_ARRAY);
            statement.sql(", ").bind(what, Type::TEXT_ARRAY);
            statement.sql(
                ") AS w (id, action) CROSS JOIN LATERAL (SELECT e.id FROM desk.events AS e \
                   WHERE (e.actor_id, e.action, e.id) < (w.id, w.action, $1) \
                     AND (e.actor_id, e.action, e.id) >= (w.id, w.action, $3)",
            );
            times(statement, filter);
            statement.sql(
                " ORDER BY e.actor_id DESC, e.action DESC, e.id DESC LIMIT $2) AS f ORDER BY f.id DESC LIMIT $2",
            );
            return Ok(());
        }
    }
    statement.sql("SELECT f.id FROM unnest(").bind(people, Type::TEXT_ARRAY);
    statement.sql(
        ") AS w (id) CROSS JOIN LATERAL (SELECT e.id FROM desk.events AS e \
           WHERE (e.actor_id, e.id) < (w.id, $1) AND (e.actor_id, e.id) >= (w.id, $3)",
    );
    if let Some(actions) = actions {
        // Many people who do all of it often: a page of each is soon found.
        statement.sql(" AND e.action = ANY (").bind(actions, Type::TEXT_ARRAY).sql(")");
    }
    times(statement, filter);
    statement.sql(" ORDER BY e.actor_id DESC, e.id DESC LIMIT $2) AS f ORDER BY f.id DESC LIMIT $2");
    Ok(())
}

fn of_kind(statement: &mut Statement, filter: &LogFilter, kind: &str, actions: Vec<String>) {
    statement.sql("SELECT f.id FROM unnest(").bind(actions, Type::TEXT_ARRAY);
    statement.sql(") AS w (action) CROSS JOIN (SELECT ").bind_text(kind);
    statement.sql(
        " AS kind) AS a CROSS JOIN LATERAL (SELECT e.id FROM desk.events AS e \
           WHERE e.actor_id IS NULL AND (e.actor_kind, e.action, e.id) < (a.kind, w.action, $1) \
             AND (e.actor_kind, e.action, e.id) >= (a.kind, w.action, $3)",
    );
    times(statement, filter);
    statement.sql(
        " ORDER BY e.actor_kind DESC, e.action DESC, e.id DESC LIMIT $2) AS f ORDER BY f.id DESC LIMIT $2",
    );
}

fn of_actions(statement: &mut Statement, filter: &LogFilter, actions: Vec<String>) {
    statement.sql("SELECT f.id FROM unnest(").bind(actions, Type::TEXT_ARRAY);
    statement.sql(
        ") AS w (action) CROSS JOIN LATERAL (SELECT e.id FROM desk.events AS e \
           WHERE (e.action, e.id) < (w.action, $1) AND (e.action, e.id) >= (w.action, $3)",
    );
    times(statement, filter);
    statement.sql(" ORDER BY e.action DESC, e.id DESC LIMIT $2) AS f ORDER BY f.id DESC LIMIT $2");
}

/// The range of numbers is a little wider than these. `coalesce` hides from the planner how few or many they leave: it
/// would read the whole time by its index, or all events of each person, once for each of the rows that are walked from.
fn times(statement: &mut Statement, filter: &LogFilter) {
    if let Some(since) = filter.since {
        statement.sql(" AND coalesce(e.at >= ").bind(Moment(since), Type::TIMESTAMP).sql(", false)");
    }
    if let Some(until) = filter.until {
        statement.sql(" AND coalesce(e.at < ").bind(Moment(until), Type::TIMESTAMP).sql(", false)");
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
