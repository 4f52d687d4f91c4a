//! `desk audit export`: a part of the log, to standard output or a file of one's own.

use clap::{Args, ValueEnum};
use serde_json::json;
use std::path::PathBuf;

use crate::auth::Actor;
use crate::cli::login::{self, SignedIn};
use crate::cli::output::Output;
use crate::cli::{Exit, Failure, block_on};
use crate::config::Config;
use crate::desk::{Desk, Gateway};
use crate::domain::command::Command;
use crate::domain::count::counted;
use crate::domain::event::{Event, EventsOf, EventsPage, LogFilter};
use crate::domain::ids::UserId;
use crate::domain::query::{Answer, Query};
use crate::domain::safe_text::{SafeText, safe_json};
use jiff::tz::TimeZone;

/// Events in one read.
const PAGE: u16 = 500;

#[derive(Debug, Args)]
pub(in crate::cli) struct Export {
    /// Only from this day on: 2026-11-20
    #[arg(long, value_name = "DAY")]
    since: Option<String>,
    /// Only up to this day, itself included
    #[arg(long, value_name = "DAY")]
    until: Option<String>,
    /// Only what this person did: an id, or a part of a name, address or company; `operator` or `system`
    #[arg(long, value_name = "WHO")]
    person: Option<String>,
    /// Only actions that begin with this: ticket.status, session.
    #[arg(long, value_name = "NAME")]
    action: Option<String>,
    /// How to write it
    #[arg(long, value_enum, default_value = "json")]
    format: Format,
    /// Write into this new file, which only you can read
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// One object a line
    Json,
    /// With a line of headings
    Csv,
}

pub(super) fn run(config: &Config, export: &Export) -> Result<Exit, Failure> {
    let filter = filter(export)?;
    block_on(async {
        let SignedIn { desk, actor } = login::acting(config).await?;
        let mut output = Output::open(export.output.as_ref())?;
        // Decides, too: what is not permitted is not read.
        let noted = desk.execute(&actor, Command::ExportEvents).await;
        noted.map_err(|failure| Failure::Told(failure.sentence()))?;
        let written = write(&desk, &actor, filter, export.format, &mut output).await?;
        output.keep(|file| format!("{} in {file}", counted(written, "event")))?;
        Ok(Exit::Done)
    })?
}

fn filter(export: &Export) -> Result<LogFilter, Failure> {
    let quoted = |name: &str, value: &Option<String>| {
        value.as_ref().map(|value| format!("{name}:\"{}\"", value.trim())).unwrap_or_default()
    };
    let given = [("since", &export.since), ("until", &export.until), ("action", &export.action)];
    let text: Vec<String> = given.iter().map(|(name, value)| quoted(name, value)).collect();
    let filter = LogFilter::parse(&text.join(" "), &TimeZone::system()).map_err(Failure::Told)?;
    let who = export.person.as_ref().map(|person| person.trim().to_owned());
    Ok(LogFilter { who: who.filter(|person| !person.is_empty()), ..filter })
}

async fn write(
    desk: &Desk,
    actor: &Actor,
    filter: LogFilter,
    format: Format,
    output: &mut Output,
) -> Result<u64, Failure> {
    if matches!(format, Format::Csv) {
        let headings = "id,at,kind,person,name,action,entity,entity_id,subject,values,undoes,origin,link\r\n";
        output.write(headings).map_err(Failure::Told)?;
    }
    let (mut before, mut written) = (None, 0);
    loop {
        let page = EventsPage { of: EventsOf::Log(filter.clone()), before, limit: PAGE };
        let loaded = desk.fetch(actor, Query::Events(page)).await;
        let loaded = loaded.map_err(|failure| Failure::Told(failure.sentence()))?;
        let Answer::Events { events, more } = loaded.answer else { break };
        for event in &events {
            let line = match format {
                Format::Json => json_line(event),
                Format::Csv => csv_line(event),
            };
            output.write(&line).map_err(Failure::Told)?;
            written += 1;
        }
        before = events.last().map(|event| event.id);
        if !more || before.is_none() {
            break;
        }
    }
    Ok(written)
}

fn at(event: &Event) -> String {
    jiff::Timestamp::from_microsecond(event.at.micros()).map_or_else(|_| String::new(), |at| at.to_string())
}

fn json_line(event: &Event) -> String {
    // As the database holds it: a program reads this.
    let text = |text: &Option<SafeText>| text.as_ref().map(|text| text.raw().to_owned());
    let values: Vec<_> = event
        .values
        .iter()
        .map(|value| json!({ "field": value.field.raw(), "before": text(&value.before), "after": text(&value.after) }))
        .collect();
    let line = json!({
        "id": event.id.0, "at": at(event), "kind": event.actor_kind.raw(),
        "person": event.actor.as_ref().map(UserId::as_str),
        "name": event.actor_name.raw(), "action": event.action.raw(), "entity": event.entity.raw(),
        "entity_id": event.entity_id.raw(), "subject": text(&event.subject), "values": values,
        "undoes": event.undoes.map(|id| id.0), "origin": event.origin.raw(), "link": event.link.raw(),
    });
    format!("{}\n", safe_json(&line.to_string()))
}

fn csv_line(event: &Event) -> String {
    let text =
        |text: &Option<SafeText>| text.as_ref().map(|text| text.as_str().to_owned()).unwrap_or_default();
    let values: Vec<String> = event
        .values
        .iter()
        .map(|value| format!("{}: {} -> {}", value.field, text(&value.before), text(&value.after)))
        .collect();
    let cells = [
        event.id.0.to_string(),
        at(event),
        event.actor_kind.as_str().to_owned(),
        event.actor.as_ref().map(|id| SafeText::new(id.as_str()).as_str().to_owned()).unwrap_or_default(),
        event.actor_name.as_str().to_owned(),
        event.action.as_str().to_owned(),
        event.entity.as_str().to_owned(),
        event.entity_id.as_str().to_owned(),
        text(&event.subject),
        values.join("; "),
        event.undoes.map(|id| id.0.to_string()).unwrap_or_default(),
        event.origin.as_str().to_owned(),
        event.link.as_str().to_owned(),
    ];
    cells.iter().map(|text| cell(text)).collect::<Vec<_>>().join(",") + "\r\n"
}

/// A cell that no table program takes for a formula.
fn cell(text: &str) -> String {
    let formula = text.trim_start().starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
        || text.starts_with(['\t', '\r', '\n']);
    let text = if formula { format!("'{text}") } else { text.to_owned() };
    if text.contains(['"', ',', '\r', '\n']) || formula {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for (text, written) in [
            ("plain", "plain"),
            ("=1+1", "\"'=1+1\""),
            ("+1", "\"'+1\""),
            ("-1", "\"'-1\""),
            ("@SUM(A1)", "\"'@SUM(A1)\""),
            ("  =1", "\"'  =1\""),
            ("\t=1", "\"'\t=1\""),
            ("＝1", "\"'＝1\""),
            ("a,\"b\"", "\"a,\"\"b\"\"\""),
            ("a\r\nb", "\"a\r\nb\""),
        ] {
            assert_eq!(cell(text), written, "{text:?}");
        }
    }
}
