//! `desk migrate`: bring a database to what the desk needs.

use clap::Args;

use super::{Exit, Failure, not_there_yet};
use crate::config::Config;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only say what would be done
    #[arg(long)]
    pub check: bool,
    /// Also tell the web app's own migrator that its tables are there
    #[arg(long)]
    pub drizzle_baseline: bool,
}

pub(super) fn run(_config: &Config, _arguments: &Arguments) -> Result<Exit, Failure> {
    Err(not_there_yet("desk migrate"))
}
