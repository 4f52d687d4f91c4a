//! `desk worker`: the chores of a desk without its screen.

use super::{Exit, Failure, note};
use crate::config::Config;
use crate::desk::post::{Post, Round};
use crate::domain;
use crate::runtime::chores::{self, Leave};

pub(super) fn run(config: &Config) -> Result<Exit, Failure> {
    super::database_of(config)?;
    super::house::of(config)?;
    let Some(server) = super::house::mail_server(config)? else {
        let sentence =
            "no mail server is set up: write `[mail]` with `server` and `from` into the config file";
        return Err(Failure::Told(sentence.to_owned()));
    };
    super::block_on(async {
        let desk = super::open::open(config).await?.desk;
        // Whoever has read the line may end it cleanly.
        let leave = Leave::listen().map_err(Failure::told)?;
        note("desk: sending mail; SIGTERM or Ctrl-C ends it");
        Box::pin(chores::serve(desk.clone(), Post::new(desk, server), leave, told)).await;
        Ok::<_, Failure>(())
    })??;
    note("desk: ended");
    Ok(Exit::Done)
}

/// A line for each round in which something happened.
fn told(round: &Result<Round, domain::failure::Failure>) {
    match round {
        Ok(Round { sent: 0, later: 0, failed: 0, .. }) => {}
        Ok(Round { sent, later, failed, stopped }) => {
            let why = stopped.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
            note(format_args!("desk: sent {sent}, to be tried again {later}, given up {failed}{why}"));
        }
        Err(failure) => note(format_args!("desk: {}", failure.sentence())),
    }
}
