//! `desk doctor`: what is wrong with the database, and what to do about it.

use clap::Args;

use super::{Exit, Failure, migrate, note, say, wait_for};
use crate::config::Config;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Put back triggers that are missing, and what they missed
    #[arg(long)]
    pub repair: bool,
}

pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<Exit, Failure> {
    let upkeep = migrate::upkeep(config)?;
    if arguments.repair {
        for line in wait_for(upkeep.repair(&mut |progress| note(progress)))? {
            say(line);
        }
    }
    let findings = wait_for(upkeep.examine())?;
    for finding in &findings {
        say(format_args!("{:<8} {:<11} {}", finding.severity.word(), finding.subject, finding.what));
        if !finding.advice.is_empty() {
            say(format_args!("{:<20} -> {}", "", finding.advice));
        }
    }
    Ok(if findings.iter().any(|finding| finding.is_complaint()) { Exit::No } else { Exit::Done })
}
