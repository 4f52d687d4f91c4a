//! `desk generate`: many made-up tickets, the same ones each time.

use clap::{Args, ValueEnum};

use super::{Exit, Failure, not_there_yet};
use crate::config::Config;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// As much as a small, a middling or a large agency has
    #[arg(long, required_unless_present = "tickets")]
    pub size: Option<Size>,
    /// This many tickets
    #[arg(long, value_name = "N", conflicts_with = "size")]
    pub tickets: Option<u32>,
}

/// How much to generate.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Size {
    /// 1,000 tickets
    S,
    /// 100,000 tickets
    M,
    /// 1,000,000 tickets
    L,
}

pub(super) fn run(_config: &Config, _arguments: &Arguments) -> Result<Exit, Failure> {
    Err(not_there_yet("desk generate"))
}
