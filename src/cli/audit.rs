//! `desk audit`: whether the log of all that was done is whole, and a part of it to take away.

mod export;

use clap::{Args, Subcommand};

use super::{Exit, Failure, database_of, open, say, wait_for};
use crate::config::{Config, Link};
use crate::desk::Desk;
use crate::desk::audit::Verdict;
use crate::domain::count::counted;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Look whether the log was tampered with
    Verify(Verify),
    /// Write a part of the log out, which leaves an event
    Export(export::Export),
}

#[derive(Debug, Args)]
pub(super) struct Verify {
    /// The head that an earlier run printed: tells whether the end of the log was cut off since
    #[arg(long, value_name = "HASH")]
    pub head: Option<String>,
}

pub(super) fn run(config: &Config, command: &Command) -> Result<Exit, Failure> {
    match command {
        Command::Verify(arguments) => verify(config, arguments),
        Command::Export(arguments) => export::run(config, arguments),
    }
}

fn verify(config: &Config, arguments: &Verify) -> Result<Exit, Failure> {
    let head = arguments.head.as_deref().map(str::trim);
    if head.is_some_and(|head| head.len() != 64 || !head.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        return Err(Failure::Told(
            "--head takes the 64 hexadecimal digits that an earlier run printed".into(),
        ));
    }
    let url = database_of(config)?.expose();
    let verdict = wait_for(async {
        Desk::at(url, config.link == Link::Pooled, &open::origin())?.verify_log(head).await
    })?;
    Ok(report(&verdict, head.is_some()))
}

fn report(verdict: &Verdict, compared: bool) -> Exit {
    let Verdict { seals, sealed, unsealed, head, tampering } = verdict;
    if let Some(tampering) = tampering {
        say(format_args!("TAMPERED: {tampering}"));
        let (events, seals) = (counted(*sealed, "event"), counted(*seals, "seal"));
        say(format_args!("Before that, {events} under {seals} are as they were written."));
        return Exit::No;
    }
    say(format_args!(
        "{} under {}, and {unsealed} not sealed yet, are as they were written.",
        counted(*sealed, "event"),
        counted(*seals, "seal")
    ));
    if let Some(head) = head {
        say(format_args!("head {}", head.digest));
        if !compared {
            say(
                "Keep the head outside of this database: with --head a later run tells whether the end was cut off.",
            );
        }
    }
    Exit::Done
}
