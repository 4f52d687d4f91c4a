//! `desk user list`: clients that fit a text, or the staff.

use clap::Args;
use serde_json::json;

use super::super::login;
use super::super::{Exit, Failure, block_on, note, say};
use crate::config::Config;
use crate::desk::Gateway;
use crate::domain::account::is_erased;
use crate::domain::query::{Answer, Query};
use crate::domain::safe_text::{SafeText, safe_json};
use crate::domain::user::Person;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    /// Clients whose name, e-mail address or company contains this, at most 100
    #[arg(conflicts_with = "staff")]
    pub text: Option<String>,
    /// The staff
    #[arg(long)]
    pub staff: bool,
    /// One JSON object a line
    #[arg(long)]
    pub json: bool,
}

/// An account in a list.
struct Row {
    person: Person,
    /// What stands in its way: nothing, `off`, `unverified`, `no password`, `erased`.
    state: &'static str,
    twin: bool,
}

pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<Exit, Failure> {
    let rows = block_on(async {
        let signed_in = login::acting(config).await?;
        let query = match (arguments.staff, &arguments.text) {
            (true, _) => Query::StaffAccounts,
            (false, text) => Query::Clients(text.clone().unwrap_or_default()),
        };
        let loaded = signed_in.desk.fetch(&signed_in.actor, query).await;
        match loaded.map_err(|failure| Failure::Told(failure.sentence()))?.answer {
            Answer::StaffAccounts(rows) => Ok(rows
                .into_iter()
                .map(|row| {
                    let state = match (row.verified, row.has_password) {
                        (false, _) => "unverified",
                        (true, false) => "no password",
                        (true, true) => "",
                    };
                    self::row(row.person, state, row.twin)
                })
                .collect()),
            Answer::Clients(rows) => {
                Ok(rows.into_iter().map(|row| self::row(row.person, "", row.twin)).collect())
            }
            _ => Err(Failure::Told("the desk gave another answer than asked for".to_owned())),
        }
    })??;
    let rows: Vec<Row> = rows;
    if rows.is_empty() {
        note(if arguments.staff { "No account that you may see." } else { "No client fits." });
    }
    for row in &rows {
        if arguments.json { as_json(row) } else { as_line(row) }
    }
    Ok(Exit::Done)
}

fn row(person: Person, state: &'static str, twin: bool) -> Row {
    let state = match (is_erased(person.email.raw()), person.active) {
        (true, _) => "erased",
        (false, false) => "off",
        (false, true) => state,
    };
    Row { person, state, twin }
}

fn as_line(row: &Row) {
    let Row { person, state, twin } = row;
    let company = person.company.one_line();
    let remarks = [company.as_ref(), state, if *twin { "twin address" } else { "" }];
    let remarks: Vec<&str> = remarks.into_iter().filter(|remark| !remark.is_empty()).collect();
    say(format_args!(
        "{}  {} <{}> {}{}{}",
        SafeText::new(person.id.as_str()).one_line(),
        person.name.one_line(),
        person.email.one_line(),
        person.role.as_str(),
        if remarks.is_empty() { "" } else { "  " },
        remarks.join(", ")
    ));
}

fn as_json(row: &Row) {
    let person = &row.person;
    let row = json!({
        "id": person.id.as_str(),
        "name": person.name.raw(),
        "email": person.email.raw(),
        "company": person.company.raw(),
        "role": person.role.as_str(),
        "active": person.active,
        "state": row.state,
        "twin": row.twin,
    });
    say(safe_json(&row.to_string()));
}
