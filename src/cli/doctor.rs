//! `desk doctor`: what is wrong with the database, and what to do about it.

use clap::Args;

use super::{Exit, Failure, not_there_yet};
use crate::config::Config;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Put back triggers that are missing, and what they missed
    #[arg(long)]
    pub repair: bool,
}

pub(super) fn run(_config: &Config, _arguments: &Arguments) -> Result<Exit, Failure> {
    Err(not_there_yet("desk doctor"))
}
