//! `desk demo`: the desk on a private database with sample data.

use clap::Args;

use super::{Exit, Failure, not_there_yet};
use crate::config::Config;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Start over with fresh sample data
    #[arg(long)]
    pub reset: bool,
    /// Keep the database up and print its address, until Ctrl-C
    #[arg(long)]
    pub no_tui: bool,
    /// Show the sign-in screen instead of signing in
    #[arg(long)]
    pub sign_in: bool,
    /// Let the clients of the demo write now and then
    #[arg(long)]
    pub live: bool,
    /// Add this many generated tickets
    #[arg(long, value_name = "N")]
    pub tickets: Option<u32>,
    /// Install Postgres if it is missing, without asking
    #[arg(long)]
    pub yes: bool,
}

pub(super) fn run(_config: &Config, _arguments: &Arguments) -> Result<Exit, Failure> {
    Err(not_there_yet("desk demo"))
}
