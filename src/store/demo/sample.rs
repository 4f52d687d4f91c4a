//! The sample data of the demo, read from assets and set on the clock.
//!
//! Reads and checks only: no SQL, no clock. A test reads every asset, so that a slip in a text breaks the
//! test run and not somebody's first start.

use super::asset::{PeopleFile, ProjectFile, RawProject, RawTicket, TicketFile, read};
use super::when::{self, When};
use crate::domain::ids::{CommentId, ProjectId, TicketId, UserId};
use crate::domain::ticket::{Priority, TicketStatus};
use crate::domain::time::Timestamp;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::time::Duration;

const PEOPLE: &str = include_str!("../../../assets/demo/people.toml");
const PROJECTS: &str = include_str!("../../../assets/demo/projects.toml");
const TICKETS: [&str; 5] = [
    include_str!("../../../assets/demo/tickets/waiting.toml"),
    include_str!("../../../assets/demo/tickets/answered.toml"),
    include_str!("../../../assets/demo/tickets/odd.toml"),
    include_str!("../../../assets/demo/tickets/resolved.toml"),
    include_str!("../../../assets/demo/tickets/closed.toml"),
];

/// The first ticket's number.
const FIRST_NUMBER: usize = 1001;
/// How long after the last message a ticket counts as dealt with, unless the data say otherwise.
const SETTLED_AFTER: Duration = Duration::from_secs(300);
/// bcrypt, cost 10, of "a client of kaygia": the desk refuses clients whatever they type.
const CLIENT_HASH: &str = "$2b$10$q6nOVJmwiXQyGDHLGSLDWuyLYuyFMbzG4H1qs6PEL6yANt6K65QoK";

/// The sample data on the clock.
#[derive(Debug)]
pub struct Sample {
    /// Staff first, then clients.
    pub people: Vec<Person>,
    /// All projects.
    pub projects: Vec<Project>,
    /// All tickets, oldest first, numbered in that order.
    pub tickets: Vec<Ticket>,
}

/// A row of `users`.
#[derive(Debug)]
pub struct Person {
    /// The row's id.
    pub id: UserId,
    /// As shown.
    pub name: String,
    /// As written.
    pub email: String,
    /// The company, for clients.
    pub company: Option<String>,
    /// The database's word.
    pub role: &'static str,
    /// bcrypt.
    pub password_hash: String,
    /// Whether the address is confirmed.
    pub verified: bool,
    /// Whether the account is switched on.
    pub active: bool,
    /// When the account was made.
    pub created_at: Timestamp,
    /// The last sign-in.
    pub last_logged_in: Option<Timestamp>,
}

/// A row of `projects`.
#[derive(Debug)]
pub struct Project {
    /// The row's id.
    pub id: ProjectId,
    /// What it is called.
    pub title: String,
    /// What it is about.
    pub description: String,
    /// What the client asked for.
    pub requirements: Option<String>,
    /// The database's word.
    pub status: String,
    /// The database's word.
    pub kind: String,
    /// Whose it is.
    pub client: UserId,
    /// When it was made.
    pub created_at: Timestamp,
    /// First day, midnight UTC.
    pub start_date: Option<Timestamp>,
    /// Last day, midnight UTC.
    pub end_date: Option<Timestamp>,
    /// Pounds.
    pub budget: Option<f32>,
}

/// A row of `support_tickets`, its comments, and what the desk keeps beside it.
#[derive(Debug)]
pub struct Ticket {
    /// The row's id.
    pub id: TicketId,
    /// `TKT-1001` and so on.
    pub number: String,
    /// The subject line.
    pub subject: String,
    /// What the client wrote when opening it.
    pub description: String,
    /// Status now.
    pub status: TicketStatus,
    /// Whose it is.
    pub client: UserId,
    /// When it was opened.
    pub created_at: Timestamp,
    /// Who works on it.
    pub assignee: Option<UserId>,
    /// How urgent.
    pub priority: Priority,
    /// When it was resolved, closed, or marked as needing no answer.
    pub settled_at: Option<Timestamp>,
    /// The conversation, oldest first.
    pub messages: Vec<Message>,
}

/// A row of `ticket_comments`.
#[derive(Debug)]
pub struct Message {
    /// The row's id.
    pub id: CommentId,
    /// Who wrote it.
    pub author: UserId,
    /// Whether staff wrote it.
    pub side: &'static str,
    /// The text.
    pub content: String,
    /// When.
    pub at: Timestamp,
}

/// What is wrong with an asset: which one, and what.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the demo's data: {0}")]
pub struct Broken(pub String);

/// Reads the assets and sets them on the clock.
pub fn load(now: Timestamp) -> Result<Sample, Broken> {
    let cast = Cast::load()?;
    let people = cast.people(now)?;
    let projects = read::<ProjectFile>(PROJECTS)?
        .project
        .into_iter()
        .map(|raw| project(raw, &cast, now))
        .collect::<Result<_, _>>()?;
    let mut tickets = Vec::new();
    for text in TICKETS {
        for raw in read::<TicketFile>(text)?.ticket {
            tickets.push(ticket(raw, &cast, now)?);
        }
    }
    tickets.sort_by(|a, b| (a.created_at, &a.subject).cmp(&(b.created_at, &b.subject)));
    for (ticket, number) in tickets.iter_mut().zip(FIRST_NUMBER..) {
        ticket.number = format!("TKT-{number}");
    }
    Ok(Sample { people, projects, tickets })
}

/// The row id of a ticket of the sample data.
pub fn ticket_id(subject: &str) -> TicketId {
    TicketId::from_random(digest(&["ticket", subject]))
}

/// The people of the assets by their short names.
pub struct Cast {
    file: PeopleFile,
    sides: HashMap<String, &'static str>,
}

impl Cast {
    /// Reads the people.
    pub fn load() -> Result<Self, Broken> {
        let file: PeopleFile = read(PEOPLE)?;
        let mut sides = HashMap::new();
        sides.extend(file.staff.iter().map(|person| (person.key.clone(), "ADMIN")));
        sides.extend(file.client.iter().map(|person| (person.key.clone(), "CLIENT")));
        Ok(Self { file, sides })
    }

    /// The row id and side of a person.
    pub fn person(&self, key: &str) -> Result<(UserId, &'static str), Broken> {
        let side = self.sides.get(key).ok_or_else(|| Broken(format!("nobody is called {key:?}")))?;
        Ok((user_id(key), side))
    }

    /// The row id of a client.
    pub fn client(&self, key: &str) -> Result<UserId, Broken> {
        match self.person(key)? {
            (id, "CLIENT") => Ok(id),
            _ => Err(Broken(format!("{key:?} is no client"))),
        }
    }

    fn people(&self, now: Timestamp) -> Result<Vec<Person>, Broken> {
        let mut people = Vec::with_capacity(self.file.staff.len() + self.file.client.len());
        for raw in &self.file.staff {
            let role = match raw.role.as_str() {
                "ADMIN" => "ADMIN",
                "SUPER_ADMIN" => "SUPER_ADMIN",
                other => return Err(Broken(format!("{other:?} is no role of staff"))),
            };
            people.push(Person {
                id: user_id(&raw.key),
                name: raw.name.clone(),
                email: raw.email.clone(),
                company: None,
                role,
                password_hash: raw.password_hash.clone(),
                verified: raw.verified,
                active: raw.active,
                created_at: moment(&raw.joined, now, now)?,
                last_logged_in: raw.seen.as_deref().map(|text| moment(text, now, now)).transpose()?,
            });
        }
        for raw in &self.file.client {
            people.push(Person {
                id: user_id(&raw.key),
                name: raw.name.clone(),
                email: raw.email.clone(),
                company: Some(raw.company.clone()),
                role: "CLIENT",
                password_hash: CLIENT_HASH.to_owned(),
                verified: true,
                active: true,
                created_at: moment(&raw.joined, now, now)?,
                last_logged_in: Some(moment(&raw.seen, now, now)?),
            });
        }
        Ok(people)
    }
}

/// The row id of a person of the sample data.
pub fn user_id(key: &str) -> UserId {
    UserId::from_random(digest(&["user", key]))
}

fn project(raw: RawProject, cast: &Cast, now: Timestamp) -> Result<Project, Broken> {
    let date = |text: &Option<String>| {
        text.as_deref()
            .map(|text| when::days(text).ok_or_else(|| Broken(format!("{text:?} is no day"))))
            .transpose()
            .map(|days| days.map(|days| when::midnight(now, days)))
    };
    Ok(Project {
        id: ProjectId::from_random(digest(&["project", &raw.title])),
        start_date: date(&raw.start)?,
        end_date: date(&raw.end)?,
        client: cast.client(&raw.client)?,
        created_at: moment(&raw.created, now, now)?,
        title: raw.title,
        description: raw.description,
        requirements: raw.requirements,
        status: raw.status,
        kind: raw.kind,
        budget: raw.budget,
    })
}

fn ticket(raw: RawTicket, cast: &Cast, now: Timestamp) -> Result<Ticket, Broken> {
    let created_at = moment(&raw.created, now, now)?;
    let mut last = created_at;
    let mut messages = Vec::with_capacity(raw.messages.len());
    for (index, message) in raw.messages.into_iter().enumerate() {
        let at = moment(&message.at, now, last)?;
        if at <= last || at >= now {
            return Err(Broken(format!("message {index} of {:?} is out of order", raw.subject)));
        }
        last = at;
        let (author, side) = cast.person(&message.by)?;
        let id = CommentId::from_random(digest(&["comment", &raw.subject, &index.to_string()]));
        messages.push(Message { id, author, side, content: message.text, at });
    }
    let status = TicketStatus::parse(&raw.status);
    let settled_at = match raw.settled.as_deref() {
        Some(text) => Some(moment(text, now, last)?),
        None if status.is_done() => Some(last.after(SETTLED_AFTER)),
        None => None,
    };
    Ok(Ticket {
        id: ticket_id(&raw.subject),
        number: String::new(),
        client: cast.client(&raw.client)?,
        assignee: raw.assignee.as_deref().map(|key| cast.person(key).map(|(id, _)| id)).transpose()?,
        priority: raw.priority.into(),
        subject: raw.subject,
        description: raw.text,
        status,
        created_at,
        settled_at,
        messages,
    })
}

fn moment(text: &str, now: Timestamp, before: Timestamp) -> Result<Timestamp, Broken> {
    let when = When::parse(text).ok_or_else(|| Broken(format!("{text:?} is no moment")))?;
    Ok(when.at(now, before))
}

/// Sixteen bytes that stand for random ones: the same parts give the same id on every machine.
fn digest(parts: &[&str]) -> [u8; 16] {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash.finalize()[..16]);
    bytes
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::domain::project::{ProjectStatus, ProjectType};
    use std::collections::HashSet;

    /// Monday 5 January 2026, 10:00 UTC.
    const MONDAY: Timestamp = Timestamp::from_micros(1_767_607_200_000_000);

    #[test]
    fn conversations_are_in_order_whenever_the_demo_starts() {
        for step in 0..120 {
            let now = MONDAY.after(Duration::from_secs(step * 97 * 60));
            let sample = load(now).unwrap();
            assert!(sample.tickets.is_sorted_by_key(|ticket| ticket.created_at));
            assert!(sample.people.iter().all(|person| person.created_at < now));
        }
    }

    #[test]
    fn the_sample_has_what_the_demo_promises() {
        let sample = load(MONDAY).unwrap();
        let working = |role: &str| {
            let may = |person: &&Person| person.role == role && person.active && person.verified;
            sample.people.iter().filter(may).count()
        };
        assert_eq!((working("ADMIN"), working("SUPER_ADMIN"), working("CLIENT")), (2, 2, 14));
        let companies: HashSet<_> =
            sample.people.iter().filter_map(|person| person.company.as_ref()).collect();
        assert_eq!((companies.len(), sample.projects.len(), sample.tickets.len()), (9, 24, 80));
        assert!(sample.tickets.iter().any(|ticket| ticket.messages.len() > 40));
        assert!(sample.tickets.iter().any(|ticket| ticket.messages.is_empty()));
        for status in TicketStatus::ALL {
            assert!(sample.tickets.iter().any(|ticket| ticket.status == status), "{status:?}");
        }
        for priority in Priority::ALL {
            assert!(sample.tickets.iter().any(|ticket| ticket.priority == priority), "{priority:?}");
        }
        for status in ProjectStatus::ALL {
            assert!(sample.projects.iter().any(|project| project.status == status.as_str()), "{status:?}");
        }
        for kind in ProjectType::ALL {
            assert!(sample.projects.iter().any(|project| project.kind == kind.as_str()), "{kind:?}");
        }
        assert!(sample.projects.iter().any(|project| {
            project.end_date.is_some_and(|end| end < MONDAY)
                && !ProjectStatus::parse(&project.status).is_done()
        }));
    }

    #[test]
    fn subjects_titles_and_addresses_are_unique() {
        let sample = load(MONDAY).unwrap();
        let tickets: HashSet<_> = sample.tickets.iter().map(|ticket| &ticket.subject).collect();
        let projects: HashSet<_> = sample.projects.iter().map(|project| &project.title).collect();
        let people: HashSet<_> = sample.people.iter().map(|person| &person.email).collect();
        assert_eq!(tickets.len(), sample.tickets.len());
        assert_eq!(projects.len(), sample.projects.len());
        assert_eq!(people.len(), sample.people.len());
    }
}
