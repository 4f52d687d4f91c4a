//! `desk sessions`: who is signed in, and ending that.

use clap::{Args, Subcommand};
use jiff::tz::TimeZone;

use super::login::{self, SignedIn};
use super::{Exit, Failure, note, say};
use crate::config::Config;
use crate::desk::Gateway;
use crate::domain::command::Command as Write;
use crate::domain::ids::UserId;
use crate::domain::query::{Answer, Query};
use crate::domain::safe_text::SafeText;
use crate::domain::session::{SessionRow, Which};

/// So much of a session's id tells it from others.
const SHORT: usize = 8;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// End a session by its id, or all of somebody
    End(End),
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct End {
    /// The id, or the beginning of it that the list shows
    id: Option<String>,
    /// The address of whoever is to sign in again everywhere
    #[arg(long, value_name = "EMAIL")]
    user: Option<String>,
}

pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<Exit, Failure> {
    super::block_on(async {
        let signed_in = login::acting(config).await?;
        let sessions = list(&signed_in).await?;
        match &arguments.command {
            None => {
                show(&signed_in, &sessions);
                Ok(Exit::Done)
            }
            Some(Command::End(end)) => {
                let (user, which) = chosen(&sessions, end)?;
                let ended = sessions.iter().filter(|row| fits(row, &user, &which)).count();
                let command = Write::EndSessions { user, which };
                let done = signed_in.desk.execute(&signed_in.actor, command).await;
                done.map_err(|failure| Failure::Told(failure.sentence()))?;
                say(format_args!("{ended} {} ended.", if ended == 1 { "session" } else { "sessions" }));
                Ok(Exit::Done)
            }
        }
    })?
}

async fn list(signed_in: &SignedIn) -> Result<Vec<SessionRow>, Failure> {
    let loaded = signed_in.desk.fetch(&signed_in.actor, Query::Sessions).await;
    match loaded.map_err(|failure| Failure::Told(failure.sentence()))?.answer {
        Answer::Sessions(sessions) => Ok(sessions),
        _ => Err(Failure::Told("the desk gave another answer than asked for".to_owned())),
    }
}

fn show(signed_in: &SignedIn, sessions: &[SessionRow]) {
    if sessions.is_empty() {
        note("Nobody is signed in.");
    }
    let zone = TimeZone::system();
    for row in sessions {
        let own = if signed_in.actor.session() == Some(&row.id) { " (this one)" } else { "" };
        say(format_args!(
            "{}  {} <{}> {}  on {} from {}  since {}, last seen {}, ends {}{own}",
            short(row),
            row.person.display_name(),
            row.person.email.one_line(),
            row.person.role.as_str(),
            row.origin.one_line(),
            if row.source.is_blank() { "an unknown place".into() } else { row.source.one_line() },
            row.since.full(&zone),
            row.last_seen.full(&zone),
            row.ends.full(&zone),
        ));
    }
}

fn short(row: &SessionRow) -> String {
    let id: String = row.id.as_str().chars().take(SHORT).collect();
    SafeText::new(&id).one_line().into_owned()
}

/// Whose session, and which.
fn chosen(sessions: &[SessionRow], end: &End) -> Result<(UserId, Which), Failure> {
    if let Some(email) = &end.user {
        let wanted = email.trim().to_lowercase();
        let mut people =
            sessions.iter().filter(|row| row.person.email.as_str().trim().to_lowercase() == wanted);
        let Some(one) = people.next() else {
            return Err(Failure::Told(format!("{} has no session", email.trim())));
        };
        if people.any(|row| row.person.id != one.person.id) {
            let sentence =
                format!("{} is the address of two accounts: end their sessions by id", email.trim());
            return Err(Failure::Told(sentence));
        }
        return Ok((one.person.id.clone(), Which::All));
    }
    let id = end.id.as_deref().unwrap_or_default();
    let mut found = sessions.iter().filter(|row| !id.is_empty() && row.id.as_str().starts_with(id));
    match (found.next(), found.next()) {
        (Some(one), None) => Ok((one.person.id.clone(), Which::One(one.id.clone()))),
        (Some(_), Some(_)) => {
            Err(Failure::Told(format!("more than one session begins with {id}: give more of it")))
        }
        (None, _) => Err(Failure::Told(format!("there is no session {id}: `desk sessions` lists them"))),
    }
}

fn fits(row: &SessionRow, user: &UserId, which: &Which) -> bool {
    row.person.id == *user && which.one().is_none_or(|id| row.id == *id)
}
