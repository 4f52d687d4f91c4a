//! The log of all that was done, as it is read: who, what, on what, when, from where; and which part of it is asked for.

use super::ids::{EventId, ProjectId, TicketId, UserId};
use super::safe_text::SafeText;
use super::time::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// Events that one page holds at most.
pub const PAGE: u16 = 100;

/// One value before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueChange {
    /// `status`, `assignee_id`.
    pub field: SafeText,
    /// What it was; none when it was not told or empty.
    pub before: Option<SafeText>,
    /// What it became; the same.
    pub after: Option<SafeText>,
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Its place in the log.
    pub id: EventId,
    /// By the server's clock.
    pub at: Timestamp,
    /// `staff`, `operator` or `system`.
    pub actor_kind: SafeText,
    /// Their account.
    pub actor: Option<UserId>,
    /// Their name now; what they are where there is none.
    pub actor_name: SafeText,
    /// `entity.verb`.
    pub action: SafeText,
    /// What kind of thing.
    pub entity: SafeText,
    /// Which.
    pub entity_id: SafeText,
    /// What that is called now: a ticket's number, a title, a name.
    pub subject: Option<SafeText>,
    /// Values before and after.
    pub values: Vec<ValueChange>,
    /// The event that this one took back.
    pub undoes: Option<EventId>,
    /// The event that took this one back.
    pub undone_by: Option<EventId>,
    /// Which desk: user, host, process, SSH client.
    pub origin: SafeText,
    /// Who was connected, as the server saw it.
    pub link: SafeText,
}

impl Event {
    fn value(&self, field: &str) -> Option<&ValueChange> {
        self.values.iter().find(|value| value.field.as_str() == field)
    }

    /// What was done, as the end of a sentence that begins with a name.
    pub fn words(&self) -> String {
        let undo = if self.undoes.is_some() { "took back: " } else { "" };
        format!("{undo}{}", self.deed())
    }

    fn deed(&self) -> String {
        let step = |field: &str| self.value(field).map(arrow).unwrap_or_default();
        match self.action.as_str() {
            "ticket.status" => format!("set the status {}", step("status")),
            "ticket.priority" => format!("set the priority {}", step("priority")),
            "ticket.assign" => match self.value("assignee_id").and_then(|value| value.after.as_ref()) {
                Some(to) => format!("gave it to {}", to.one_line()),
                None => "released it".to_owned(),
            },
            "ticket.waiting" => match self.value("waiting_since").and_then(|value| value.after.as_ref()) {
                Some(_) => "let the waiting clock run again".to_owned(),
                None => "said that no answer is needed".to_owned(),
            },
            "ticket.reply" if self.value("status").is_some() => {
                format!("replied, and set the status {}", step("status"))
            }
            "ticket.reply" => "replied".to_owned(),
            "ticket.create" => "opened the ticket".to_owned(),
            "project.create" => "made the project".to_owned(),
            "project.edit" => format!("changed {}", self.changes()),
            "session.sign_in" => "signed in".to_owned(),
            "session.sign_out" => "signed out".to_owned(),
            "session.end" => "lost the session".to_owned(),
            "session.refused" => "refused a sign-in".to_owned(),
            "denied" => match self.value("command").and_then(|value| value.after.as_ref()) {
                Some(command) => format!("was denied {}", command.one_line()),
                None => "was denied".to_owned(),
            },
            "session.lock" => "locked the screen".to_owned(),
            "session.unlock" => "came back to the locked screen".to_owned(),
            "mail.send" => format!("sent {}", self.mail()),
            "mail.fail" => format!("gave up {}", self.mail()),
            "schema.migrate" => "brought the database up to date".to_owned(),
            "schema.baseline" => "told the web app's migrator of its tables".to_owned(),
            "schema.repair" => "put functions and triggers back".to_owned(),
            "role.grant" => "gave a database role what the desk needs".to_owned(),
            "audit.export" => "exported the log".to_owned(),
            "user.export" => "exported all that is known of the person".to_owned(),
            "session.begin" => "began a session".to_owned(),
            "token.issue" => self.with_values("gave out a code"),
            "token.redeem" => self.with_values("used a code"),
            "token.refused" => "refused a code".to_owned(),
            "user.add" | "user.create" => self.with_values("made the account"),
            "user.edit" => match self.value("changed").and_then(|value| value.after.as_ref()) {
                Some(fields) => {
                    format!("changed the account: {}", fields.one_line().replace(['[', ']', '"'], ""))
                }
                None => "changed the account".to_owned(),
            },
            "user.activate" => "switched the account on".to_owned(),
            "user.deactivate" => "switched the account off".to_owned(),
            "user.role" => format!("set the role {}", step("role")),
            "user.password" => "set a new password".to_owned(),
            "user.erase" => self.with_values("erased the account"),
            other => self.with_values(other),
        }
    }

    fn with_values(&self, words: &str) -> String {
        if self.values.is_empty() { words.to_owned() } else { format!("{words}: {}", self.changes()) }
    }

    /// A mail by its kind, and whose account it went to.
    fn mail(&self) -> String {
        let value = |field: &str| self.value(field).and_then(|value| value.after.as_ref());
        let kind = value("kind").map_or_else(String::new, |kind| kind.one_line().replace('_', " "));
        let to = value("user_id").map_or_else(String::new, |user| format!(" to {}", user.one_line()));
        format!("the mail \"{kind}\"{to}")
    }

    fn changes(&self) -> String {
        let one = |value: &ValueChange| {
            let field = value.field.as_str().trim_end_matches("_id").replace('_', " ");
            let texts = matches!(value.field.as_str(), "title" | "description" | "requirements");
            if texts { format!("the {field}") } else { format!("{field} {}", arrow(value)) }
        };
        self.values.iter().map(one).collect::<Vec<_>>().join(", ")
    }
}

fn arrow(value: &ValueChange) -> String {
    let text = |text: &Option<SafeText>| text.as_ref().map(|text| text.one_line().into_owned());
    match (text(&value.before), text(&value.after)) {
        (Some(before), Some(after)) => format!("{before} -> {after}"),
        (None, Some(after)) => after,
        (Some(before), None) => format!("{before} -> nothing"),
        (None, None) => "nothing".to_owned(),
    }
}

/// Which part of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventsOf {
    /// What was done to a ticket.
    Ticket(TicketId),
    /// What was done to a project.
    Project(ProjectId),
    /// All that fits.
    Log(LogFilter),
}

/// Terms that all hold; none means everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// The person's name, e-mail address or company contains this, or it is their id; or `operator`, `system`.
    pub who: Option<String>,
    /// The action is this, or begins with it.
    pub action: Option<String>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

/// A page of the log, newest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventsPage {
    /// Which events.
    pub of: EventsOf,
    /// Only those before this one in the log.
    pub before: Option<EventId>,
    /// At most this many.
    pub limit: u16,
}

impl LogFilter {
    /// Reads `who:ana action:ticket.status since:2026-11-20 until:2026-11-22`. Quotes hold a value with blanks
    /// together; a word without a name is a person; both days are whole days of the reader's.
    pub fn parse(text: &str, zone: &TimeZone) -> Result<Self, String> {
        let mut filter = Self::default();
        for (name, value) in words(text)? {
            if value.is_empty() {
                return Err(format!("`{name}:` needs a value"));
            }
            let given = match name.as_str() {
                "" | "who" | "person" => filter.who.replace(value).is_some(),
                "action" | "what" => filter.action.replace(value.to_lowercase()).is_some(),
                "since" => filter.since.replace(day(&value)?.start(zone)?).is_some(),
                "until" => filter.until.replace(day(&value)?.end(zone)?).is_some(),
                other => return Err(format!("`{other}:` is unknown: who, action, since, until")),
            };
            if given {
                let name = if name.is_empty() { "a person" } else { name.as_str() };
                return Err(format!("{name} is given twice"));
            }
        }
        if filter.since.zip(filter.until).is_some_and(|(since, until)| since >= until) {
            return Err("`since:` is after `until:`: nothing can fit".to_owned());
        }
        Ok(filter)
    }
}

/// A day as typed.
struct Day(Date);

fn day(text: &str) -> Result<Day, String> {
    super::time::parse_date(text)
        .map(Day)
        .ok_or_else(|| format!("`{text}` is no day: write it like 2026-11-20"))
}

impl Day {
    fn start(&self, zone: &TimeZone) -> Result<Timestamp, String> {
        let start = self.0.to_zoned(zone.clone()).map_err(|_| format!("{} does not exist there", self.0))?;
        Ok(Timestamp::from_micros(start.timestamp().as_microsecond()))
    }

    fn end(&self, zone: &TimeZone) -> Result<Timestamp, String> {
        let next = self.0.tomorrow().map_err(|_| format!("{} is the last day of all", self.0))?;
        Self(next).start(zone)
    }
}

/// The words of a text, each with the name before its colon.
fn words(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut words = Vec::new();
    let (mut name, mut value) = (String::new(), String::new());
    let (mut quoted, mut begun) = (false, false);
    for c in text.chars() {
        match c {
            '"' => (quoted, begun) = (!quoted, true),
            ':' if !quoted && name.is_empty() && !value.is_empty() => name = std::mem::take(&mut value),
            c if c.is_whitespace() && !quoted => {
                if begun {
                    words.push((std::mem::take(&mut name), std::mem::take(&mut value)));
                }
                begun = false;
            }
            c => {
                value.push(c);
                begun = true;
            }
        }
    }
    if quoted {
        return Err("a quote is not closed".to_owned());
    }
    if begun {
        words.push((name, value));
    }
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> String {
        match LogFilter::parse(text, &TimeZone::UTC) {
            Ok(LogFilter { who, action, since, until }) => {
                let day = |at: Option<Timestamp>| at.map_or("-".to_owned(), |at| at.full(&TimeZone::UTC));
                let text = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
                format!("{}|{}|{}|{}", text(who), text(action), day(since), day(until))
            }
            Err(why) => why,
        }
    }

    #[test]
    fn a_filter_is_read_or_told_what_is_wrong_with_it() {
        for (text, found) in [
            ("", "-|-|-|-"),
            ("ana", "ana|-|-|-"),
            ("who:\"Ana Lima\" action:Ticket.", "Ana Lima|ticket.|-|-"),
            ("since:2026-11-20 until:2026-11-20", "-|-|20 Nov 2026 00:00|21 Nov 2026 00:00"),
            ("who:a%_b'\"", "a quote is not closed"),
            ("who:a%_b'", "a%_b'|-|-|-"),
            ("who:", "`who:` needs a value"),
            ("\"\"", "`:` needs a value"),
            ("when:today", "`when:` is unknown: who, action, since, until"),
            ("since:monday", "`monday` is no day: write it like 2026-11-20"),
            ("since:2026-02-30", "`2026-02-30` is no day: write it like 2026-11-20"),
            ("since:2026-11-21 until:2026-11-20", "`since:` is after `until:`: nothing can fit"),
            ("who:a who:b", "who is given twice"),
            ("ana lima", "a person is given twice"),
        ] {
            assert_eq!(told(text), found, "{text}");
        }
    }
}
