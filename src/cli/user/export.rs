//! `desk user export`: to a file that nobody else can read, or to standard output.

use std::path::PathBuf;

use clap::Args;

use super::super::login;
use super::super::output::Output;
use super::super::{Exit, Failure, block_on};
use super::{Who, find};
use crate::config::Config;
use crate::domain::failure::Failure as Refusal;

#[derive(Debug, Args)]
pub(in crate::cli) struct Arguments {
    #[command(flatten)]
    pub who: Who,
    /// Write to this file, which must not be there yet; else to standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<Exit, Failure> {
    block_on(async {
        let signed_in = login::signed_in(config).await?;
        let person = find(&signed_in, &arguments.who.who).await?;
        let mut output = Output::open(arguments.output.as_ref())?;
        let mut sink = |piece: &str| output.write(piece).map_err(Refusal::Internal);
        let written = signed_in.desk.export(&signed_in.actor, &person.id, &mut sink).await;
        written.map_err(|failure| Failure::Told(failure.sentence()))?;
        output.keep(|file| format!("{file} holds what is known of {}.", person.display_name()))?;
        Ok(Exit::Done)
    })?
}
