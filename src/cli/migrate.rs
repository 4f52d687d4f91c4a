//! `desk migrate`: bring a database to what the desk needs.

use clap::Args;

use super::{Exit, Failure, database_of, note, say, wait_for};
use crate::config::{Address, Config, Link};
use crate::desk::upkeep::Upkeep;

const LOST: &str = "the web app's tables have lost what the desk needs every day; the desk can't put it back: \
                    let the web app's own migrator do so, or restore it";

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Only say what would be done
    #[arg(long)]
    pub check: bool,
    /// Also tell the web app's own migrator that its tables are there
    #[arg(long)]
    pub drizzle_baseline: bool,
}

pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<Exit, Failure> {
    let upkeep = upkeep(config)?;
    let report = if arguments.check {
        wait_for(upkeep.check())?
    } else {
        wait_for(upkeep.migrate(&mut |progress| note(progress)))?
    };
    let obstacles = report.obstacles();
    if !arguments.check && !obstacles.is_empty() {
        return Err(Failure::Told(format!("{}\n  {}", report.sentence(), obstacles.join("\n  "))));
    }
    if !arguments.check && !report.losses.is_empty() {
        return Err(Failure::Told(format!("{LOST}\n  {}", report.losses.join("\n  "))));
    }
    say(report.sentence());
    for obstacle in &obstacles {
        say(format_args!("  {obstacle}"));
    }
    for loss in &report.losses {
        say(format_args!("error: {loss}"));
    }
    if !report.losses.is_empty() {
        say(LOST);
    }
    for warning in report.warnings.iter().filter(|warning| !report.losses.contains(warning)) {
        say(format_args!("note: {warning}"));
    }
    if !report.operator.is_empty() {
        say("the owner of the tables should still run:");
        for statement in &report.operator {
            say(format_args!("  {statement}"));
        }
    }
    if arguments.drizzle_baseline && !arguments.check {
        say(if wait_for(upkeep.drizzle_baseline())? {
            "the web app's own migrator now takes the tables as they are"
        } else {
            "the web app's own migrator knows the tables already; nothing was written for it"
        });
    }
    Ok(if report.is_current() && report.losses.is_empty() { Exit::Done } else { Exit::No })
}

/// The database of the settings over a direct link.
pub(super) fn upkeep(config: &Config) -> Result<Upkeep, Failure> {
    let url = database_of(config)?;
    let direct = match (config.link, &config.listen_url) {
        (Link::Direct, _) => url,
        (Link::Pooled, Some(direct)) => direct,
        (Link::Pooled, None) => {
            let sentence = "this needs a direct link to the database: give its address as listen_url, beside the pooled one";
            return Err(Failure::Told(sentence.to_owned()));
        }
    };
    let listen = config.listen_url.as_ref().map(Address::expose);
    Upkeep::new(direct.expose(), listen, &super::open::origin())
        .map_err(|failure| Failure::Told(failure.sentence()))
}
