//! `desk login` and `desk logout`: a session for the commands and for the next start, kept in a file of its owner's.

use std::time::Duration;

use clap::Args;

use super::{Exit, Failure, note, open, prompt, say};
use crate::auth::{Actor, Password};
use crate::config::{Config, Stay as Allowed};
use crate::desk::{Desk, Gateway, SignInFailure};
use crate::domain::query::{Answer, Query};
use crate::runtime::stay::Stay;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The e-mail address to sign in with; asked for if not given
    #[arg(long)]
    pub email: Option<String>,
}

/// Somebody whom a command acts as, and the desk that does it.
pub(super) struct SignedIn {
    /// What carries commands and queries out.
    pub desk: Desk,
    /// Who acts.
    pub actor: Actor,
}

pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<Exit, Failure> {
    super::database_of(config)?;
    if config.stay == Allowed::Never {
        let sentence = "staying signed in is switched off here (stay_signed_in = false)";
        return Err(Failure::Told(sentence.to_owned()));
    }
    let email = match &arguments.email {
        Some(email) => email.clone(),
        None if prompt::can_ask() => prompt::line("E-mail: ")?,
        None => {
            let sentence = "say who you are with --email, and write the password to standard input";
            return Err(Failure::Told(sentence.to_owned()));
        }
    };
    let mut password = prompt::password()?;
    let password = Password::new(std::mem::take(&mut *password));
    super::block_on(async {
        let opened = open::open(config).await?;
        let stay = Stay::new(&config.places.state, &opened.database);
        let signed_in = opened.desk.sign_in(email.trim(), password).await.map_err(Failure::told)?;
        // The one that it takes the place of is nobody's any more.
        if let Ok(Some(before)) = stay.token()
            && let Ok(before) = opened.desk.resume(before).await
        {
            let _ = opened.desk.sign_out(&before.actor).await;
        }
        if let Err(error) = stay.keep(&signed_in.token) {
            let _ = opened.desk.sign_out(&signed_in.actor).await;
            return Err(Failure::Told(format!(
                "could not keep the session in {}: {error}",
                stay.file().display()
            )));
        }
        let ends = opened.desk.fetch(&signed_in.actor, Query::Session).await;
        let until = match ends.map_err(|failure| Failure::Told(failure.sentence()))?.answer {
            Answer::Session(Some(ends)) => format!(" until {}", ends.clock(&jiff::tz::TimeZone::system())),
            _ => String::new(),
        };
        say(format_args!("{} is signed in{until}.", signed_in.actor.name().one_line()));
        if let Some(idle) = config.limits.idle {
            note(format_args!("Unused for {}, it wants the password again.", span(idle)));
        }
        Ok(Exit::Done)
    })?
}

pub(super) fn out(config: &Config) -> Result<Exit, Failure> {
    super::block_on(async {
        let opened = open::open(config).await?;
        let stay = Stay::new(&config.places.state, &opened.database);
        let token = stay.token();
        let forgotten = stay.forget();
        let ended = match &token {
            Ok(Some(token)) => match opened.desk.resume(token.clone()).await {
                Ok(session) => opened.desk.sign_out(&session.actor).await.map(|()| true),
                Err(SignInFailure::Unavailable(why)) => return Err(Failure::Told(why)),
                Err(_) => Ok(false),
            },
            Ok(None) | Err(_) => Ok(false),
        };
        forgotten
            .map_err(|error| Failure::Told(format!("could not remove {}: {error}", stay.file().display())))?;
        if let Err(refused) = token {
            return Err(Failure::told(refused));
        }
        let ended = ended.map_err(|failure| Failure::Told(failure.sentence()))?;
        say(if ended { "You are signed out." } else { "Nobody was signed in here." });
        Ok(Exit::Done)
    })?
}

/// Whoever signed in with `desk login`, stays signed in on this machine, or is named by the environment.
pub(super) async fn signed_in(config: &Config) -> Result<SignedIn, Failure> {
    let opened = open::open(config).await?;
    let Some(token) = open::token(config, &opened.database)? else {
        return Err(Failure::Told("you are not signed in: sign in with `desk login`".to_owned()));
    };
    match opened.desk.resume(token).await {
        Ok(session) => Ok(SignedIn { desk: opened.desk, actor: session.actor }),
        Err(SignInFailure::SessionEnded) => {
            Err(Failure::Told("your session has ended: sign in again with `desk login`".to_owned()))
        }
        Err(failure) => Err(Failure::told(failure)),
    }
}

/// Whoever is signed in; whoever holds the database's address, as long as nobody could sign in to administer it.
pub(super) async fn acting(config: &Config) -> Result<SignedIn, Failure> {
    let opened = open::open(config).await?;
    if opened.desk.has_super_admin().await.map_err(|failure| Failure::Told(failure.sentence()))? {
        return signed_in(config).await;
    }
    Ok(SignedIn { desk: opened.desk, actor: Actor::operator() })
}

fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    match (seconds % 3600, seconds % 60) {
        (0, _) => format!("{} h", seconds / 3600),
        (_, 0) => format!("{} min", seconds / 60),
        _ => format!("{seconds} s"),
    }
}
