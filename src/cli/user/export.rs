//! `desk user export`: to a file that nobody else can read, or to standard output.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use clap::Args;

use super::super::login;
use super::super::{Exit, Failure, block_on, note};
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
        let mut output: Box<dyn Write + Send> = match &arguments.output {
            None => Box::new(io::stdout()),
            Some(path) => {
                let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
                Box::new(file.map_err(|error| Failure::Told(format!("{}: {error}", path.display())))?)
            }
        };
        let mut output = BufWriter::new(&mut output);
        let mut sink = |piece: &str| {
            output
                .write_all(piece.as_bytes())
                .map_err(|error| Refusal::Internal(format!("could not write: {error}")))
        };
        let written = signed_in.desk.export(&signed_in.actor, &person.id, &mut sink).await;
        let flushed = output.flush();
        drop(output);
        match (written, flushed) {
            (Err(failure), _) => {
                // Half of it must not pass for all of it.
                if let Some(path) = &arguments.output {
                    let _ = std::fs::remove_file(path);
                }
                Err(Failure::Told(failure.sentence()))
            }
            (Ok(()), Err(error)) => Err(Failure::Told(format!("could not write: {error}"))),
            (Ok(()), Ok(())) => {
                if let Some(path) = &arguments.output {
                    note(format_args!(
                        "{} holds what is known of {}.",
                        path.display(),
                        person.display_name()
                    ));
                }
                Ok(Exit::Done)
            }
        }
    })?
}
