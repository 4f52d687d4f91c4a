//! Writing to projects: new ones, and fields of those that are there, all of them or none.

use super::tickets::display_name;
use super::{Outcome, ProjectNow, WriteError, Written};
use crate::domain::command::{Change, ProjectChange, ProjectFields};
use crate::domain::failure::Failure;
use crate::domain::ids::{ProjectId, UserId};
use crate::domain::money::Budget;
use crate::store::transaction::Transaction;

use crate::domain::safe_text::SafeText;
use crate::domain::time::Timestamp;
use crate::store::error::Result;
use crate::store::events::{self, Author, Event};
use crate::store::moment::{Moment, moment_text};
use crate::store::sql;
use crate::store::statement::Statement;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};
use tokio_postgres::types::Type;

/// Makes a project.
pub(super) async fn create(
    tx: &Transaction<'_>,
    author: Author<'_>,
    project: &ProjectId,
    fields: &ProjectFields,
) -> Outcome<Written> {
    let inserted = sql::execute(
        tx,
        "INSERT INTO public.projects (id, title, description, status, client_id, created_at, updated_at, \
                                          start_date, end_date, type, budget, requirements) \
             SELECT $1, $2, $3, $4::text::public.project_status, $5, n.at, n.at, $6, $7, \
                    $8::text::public.project_type, $9, $10 \
               FROM (SELECT clock_timestamp() AT TIME ZONE 'utc' AS at) AS n \
             ON CONFLICT (id) DO NOTHING",
        &[
            (&project.as_str(), Type::TEXT),
            (&fields.title, Type::TEXT),
            (&fields.description, Type::TEXT),
            (&fields.status.as_str(), Type::TEXT),
            (&fields.client.as_str(), Type::TEXT),
            (&fields.start_date.map(Moment), Type::TIMESTAMP),
            (&fields.end_date.map(Moment), Type::TIMESTAMP),
            (&fields.kind.as_str(), Type::TEXT),
            (&fields.budget.map(Budget::pounds), Type::FLOAT4),
            (&fields.requirements, Type::TEXT),
        ],
    )
    .await?;
    if inserted == 0 {
        // Made before, only the answer got lost.
        return Ok(Written::default());
    }
    let after = json!({
        "title": length(Some(&fields.title)),
        "client_id": fields.client.as_str(),
        "status": fields.status.as_str(),
        "type": fields.kind.as_str(),
        "budget": fields.budget.map(|budget| budget.pounds().to_string()),
        "start_date": fields.start_date.map(moment_text),
        "end_date": fields.end_date.map(moment_text),
    });
    log(tx, author, "project.create", project, None, after).await
}

/// Changes fields of a project. What already is as wanted is left alone.
pub(super) async fn edit(
    tx: &Transaction<'_>,
    author: Author<'_>,
    project: &ProjectId,
    now: &ProjectNow,
    changes: &[ProjectChange],
) -> Outcome<Written> {
    let mut update =
        Statement::new("UPDATE public.projects AS p SET updated_at = clock_timestamp() AT TIME ZONE 'utc'");
    let (mut before, mut after) = (Map::new(), Map::new());
    for change in changes {
        match compare(now, change) {
            Compared::Same => {}
            Compared::Differs(shown) => return Err(overtaken(tx, project, change, now, shown).await?),
            Compared::AsSeen => {
                set(&mut update, change);
                before.insert(key(change).to_owned(), value_now(now, change));
                after.insert(key(change).to_owned(), value_wanted(change));
            }
        }
    }
    if after.is_empty() {
        return Ok(Written::default());
    }
    update.sql(" WHERE p.id = ").bind_text(project.as_str());
    sql::execute(tx, update.text(), &update.params()).await?;
    log(tx, author, "project.edit", project, Some(Value::Object(before)), Value::Object(after)).await
}

/// How a field stands to what its author saw and wants.
enum Compared {
    /// It is as wanted.
    Same,
    /// It is as seen.
    AsSeen,
    /// Neither: this is what it is.
    Differs(Shown),
}

/// A value for the screen.
enum Shown {
    Text(String),
    Person(UserId),
}

fn compare(now: &ProjectNow, change: &ProjectChange) -> Compared {
    match change {
        ProjectChange::Title(change) => field(change, &now.title, || now.title.clone()),
        ProjectChange::Client(change) if now.client == change.to => Compared::Same,
        ProjectChange::Client(change) if now.client == change.seen => Compared::AsSeen,
        ProjectChange::Client(_) => Compared::Differs(Shown::Person(now.client.clone())),
        ProjectChange::Status(change) => field(change, &now.status, || now.status.label().to_owned()),
        ProjectChange::Kind(change) => field(change, &now.kind, || now.kind.label().to_owned()),
        ProjectChange::Budget(change) => {
            let budget = now.budget.map(Budget::new);
            field(change, &budget, || {
                budget.map_or_else(|| "nothing".to_owned(), |budget| budget.to_string())
            })
        }
        ProjectChange::StartDate(change) => field(change, &now.start_date, || date(now.start_date)),
        ProjectChange::EndDate(change) => field(change, &now.end_date, || date(now.end_date)),
        ProjectChange::Description(change) => field(change, &now.description, || "another text".to_owned()),
        ProjectChange::Requirements(change) => field(change, &now.requirements, || "another text".to_owned()),
    }
}

fn field<T: PartialEq>(change: &Change<T>, now: &T, shown: impl FnOnce() -> String) -> Compared {
    if *now == change.to {
        Compared::Same
    } else if *now == change.seen {
        Compared::AsSeen
    } else {
        Compared::Differs(Shown::Text(shown()))
    }
}

fn date(at: Option<Timestamp>) -> String {
    at.and_then(|at| at.day(&TimeZone::UTC)).map_or_else(|| "no date".to_owned(), |day| day.to_string())
}

/// Adds one column to the update.
fn set(update: &mut Statement, change: &ProjectChange) {
    match change {
        ProjectChange::Title(change) => {
            update.sql(", title = ").bind_text(&change.to);
        }
        ProjectChange::Client(change) => {
            update.sql(", client_id = ").bind_text(change.to.as_str());
        }
        ProjectChange::Status(change) => {
            update.sql(", status = ").bind_text(change.to.as_str()).sql("::text::public.project_status");
        }
        ProjectChange::Kind(change) => {
            update.sql(", type = ").bind_text(change.to.as_str()).sql("::text::public.project_type");
        }
        ProjectChange::Budget(change) => {
            update.sql(", budget = ").bind(change.to.map(Budget::pounds), Type::FLOAT4);
        }
        ProjectChange::StartDate(change) => {
            update.sql(", start_date = ").bind(change.to.map(Moment), Type::TIMESTAMP);
        }
        ProjectChange::EndDate(change) => {
            update.sql(", end_date = ").bind(change.to.map(Moment), Type::TIMESTAMP);
        }
        ProjectChange::Description(change) => {
            update.sql(", description = ").bind(change.to.clone(), Type::TEXT);
        }
        ProjectChange::Requirements(change) => {
            update.sql(", requirements = ").bind(change.to.clone(), Type::TEXT);
        }
    }
}

/// The field's name in the event log.
fn key(change: &ProjectChange) -> &'static str {
    match change {
        ProjectChange::Title(_) => "title",
        ProjectChange::Client(_) => "client_id",
        ProjectChange::Status(_) => "status",
        ProjectChange::Kind(_) => "type",
        ProjectChange::Budget(_) => "budget",
        ProjectChange::StartDate(_) => "start_date",
        ProjectChange::EndDate(_) => "end_date",
        ProjectChange::Description(_) => "description",
        ProjectChange::Requirements(_) => "requirements",
    }
}

/// The field's name on the screen.
fn label(change: &ProjectChange) -> &'static str {
    match change {
        ProjectChange::Client(_) => "client",
        ProjectChange::StartDate(_) => "start date",
        ProjectChange::EndDate(_) => "end date",
        ProjectChange::Title(_)
        | ProjectChange::Status(_)
        | ProjectChange::Kind(_)
        | ProjectChange::Budget(_)
        | ProjectChange::Description(_)
        | ProjectChange::Requirements(_) => key(change),
    }
}

fn value_now(now: &ProjectNow, change: &ProjectChange) -> Value {
    match change {
        ProjectChange::Title(_) => length(Some(&now.title)),
        ProjectChange::Client(_) => json!(now.client.as_str()),
        ProjectChange::Status(_) => json!(now.status.as_str()),
        ProjectChange::Kind(_) => json!(now.kind.as_str()),
        ProjectChange::Budget(_) => json!(now.budget.map(|pounds| pounds.to_string())),
        ProjectChange::StartDate(_) => json!(now.start_date.map(moment_text)),
        ProjectChange::EndDate(_) => json!(now.end_date.map(moment_text)),
        ProjectChange::Description(_) => length(now.description.as_deref()),
        ProjectChange::Requirements(_) => length(now.requirements.as_deref()),
    }
}

fn value_wanted(change: &ProjectChange) -> Value {
    match change {
        ProjectChange::Title(change) => length(Some(&change.to)),
        ProjectChange::Client(change) => json!(change.to.as_str()),
        ProjectChange::Status(change) => json!(change.to.as_str()),
        ProjectChange::Kind(change) => json!(change.to.as_str()),
        ProjectChange::Budget(change) => json!(change.to.map(|budget| budget.pounds().to_string())),
        ProjectChange::StartDate(change) | ProjectChange::EndDate(change) => {
            json!(change.to.map(moment_text))
        }
        ProjectChange::Description(change) | ProjectChange::Requirements(change) => {
            length(change.to.as_deref())
        }
    }
}

/// What the log keeps of a text: how long it is. It can't be changed later, and a title may name a person.
fn length(text: Option<&str>) -> Value {
    json!(text.map(|text| text.chars().count()))
}

async fn overtaken(
    tx: &Transaction<'_>,
    project: &ProjectId,
    change: &ProjectChange,
    now: &ProjectNow,
    shown: Shown,
) -> Result<WriteError> {
    let shown = match shown {
        Shown::Text(text) => SafeText::new(&text),
        Shown::Person(user) => display_name(tx, &user).await?,
    };
    let by = events::who_set(tx, "project", project.as_str(), key(change), &value_now(now, change)).await?;
    Ok(Failure::Overtaken { field: label(change), now: shown, by }.into())
}

async fn log(
    tx: &Transaction<'_>,
    author: Author<'_>,
    action: &str,
    project: &ProjectId,
    before: Option<Value>,
    after: Value,
) -> Outcome<Written> {
    let event = Event { action, entity: "project", id: project.as_str(), before, after };
    Ok(Written::event(events::add(tx, author, &event).await?))
}
