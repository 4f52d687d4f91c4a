//! `desk generate`: many made-up tickets, the same ones each time.

use clap::Args;

use super::{Exit, Failure, not_there_yet};
use crate::config::Config;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// How many
    #[arg(long, value_name = "N")]
    pub tickets: u32,
}

pub(super) fn run(_config: &Config, _arguments: &Arguments) -> Result<Exit, Failure> {
    Err(not_there_yet("desk generate"))
}
