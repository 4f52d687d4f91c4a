//! `desk cleanup`: removes what nobody needs any more.

use clap::Args;

use super::{Exit, Failure, say};
use crate::config::Config;
use crate::desk::chores::How;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only say what would be removed
    #[arg(long)]
    pub dry_run: bool,
}

pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<Exit, Failure> {
    super::database_of(config)?;
    let how = if arguments.dry_run { How::Dry } else { How::Real };
    let cleaned = super::block_on(async {
        let desk = super::open::open(config).await?.desk;
        desk.clean_up(how).await.map_err(|why| Failure::Told(why.sentence()))
    })??;
    let verb = if arguments.dry_run { "would be removed" } else { "removed" };
    for (number, what) in [
        (cleaned.resets, "codes for new passwords, used or expired"),
        (cleaned.verifications, "codes that verify an address, used or expired"),
        (cleaned.counted, "old counts of codes and refusals"),
        (cleaned.sign_ins, "attempts to sign in that count no more"),
        (cleaned.sessions, "sessions that ended more than a day ago"),
        (cleaned.mails, "mails that were sent or given up a month ago"),
    ] {
        say(format_args!("{number:>6}  {what}"));
    }
    say(verb);
    Ok(Exit::Done)
}
