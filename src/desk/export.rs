//! Handing over all that is known of a person, row by row: however much it is, little of it is held at a time.

use super::{Desk, failure};
use crate::auth::Actor;
use crate::domain::command::Command;
use crate::domain::failure::Failure;
use crate::domain::ids::UserId;
use crate::domain::safe_text::safe_json;
use crate::policy;
use crate::store::export::{self, PAGE, Part};
use serde_json::Value;

/// Takes the next piece of the text; an error ends the export.
pub type Sink<'a> = &'a mut (dyn FnMut(&str) -> Result<(), Failure> + Send);

impl Desk {
    /// Writes an account as JSON: who it is, their tickets, messages, what was answered, projects and events. An event
    /// tells that it was handed over, before the first row is read.
    pub async fn export(&self, actor: &Actor, user: &UserId, sink: Sink<'_>) -> Result<(), Failure> {
        self.write(actor, &Command::ExportUser { user: user.clone() }, None).await?;
        let scope = policy::scope(actor);
        for (at, part) in Part::ALL.into_iter().enumerate() {
            sink(if at == 0 { "{\n" } else { ",\n" })?;
            sink(&format!("\"{}\": ", part.name()))?;
            let single = part == Part::Account;
            sink(if single { "" } else { "[" })?;
            let (mut after, mut first) = (String::new(), true);
            loop {
                let page =
                    self.pool.read(async |client| export::page(client, &scope, user, part, &after).await);
                let page = page.await.map_err(|error| failure::of_store(&error))?;
                for (_, row) in &page {
                    sink(if first && single {
                        ""
                    } else if first {
                        "\n"
                    } else {
                        ",\n"
                    })?;
                    sink(&line(row))?;
                    first = false;
                }
                let full = page.len() == usize::try_from(PAGE).unwrap_or(usize::MAX);
                match page.into_iter().next_back() {
                    Some((key, _)) if full => after = key,
                    _ => break,
                }
            }
            sink(match (single, first) {
                (true, true) => "null",
                (true, false) => "",
                (false, true) => "]",
                (false, false) => "\n]",
            })?;
        }
        sink("\n}\n")
    }
}

/// A row as JSON that may be shown.
fn line(row: &Value) -> String {
    safe_json(&row.to_string()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_a_terminal_could_obey_is_escaped_and_reads_the_same() {
        let row = json!({ "name": "a\u{1b}]0;x\u{7}\u{9b}2J\u{202e}b\u{e0041}👩\u{200d}🚀" });
        let text = line(&row);
        assert!(text.is_ascii() || !text.chars().any(|c| c.is_control() || c == '\u{202e}'), "{text}");
        assert!(text.contains("\\u202e") && text.contains("\\udb40\\udc41"), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).ok(), Some(row));
    }
}
