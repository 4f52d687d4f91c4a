//! `desk generate`: many made-up tickets, the same ones each time.

use clap::{Args, ValueEnum};

use super::{Exit, Failure, note, say};
use crate::config::{Config, Link};
use crate::desk::demo::{self, Company, Step};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// s: 1,000 tickets, m: 100,000, l: 1,000,000, with accounts and projects in proportion
    #[arg(
        long,
        value_enum,
        ignore_case = true,
        required_unless_present = "tickets",
        conflicts_with = "tickets"
    )]
    pub size: Option<Size>,
    /// How many tickets in all, those of an earlier run included
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=20_000_000))]
    pub tickets: Option<u32>,
    /// Another seed, other rows
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub seed: i32,
    /// Also where there are tickets that were not generated
    #[arg(long)]
    pub yes_add: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Size {
    S,
    M,
    L,
}

pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<Exit, Failure> {
    let Some(url) = &config.database_url else {
        return Err(Failure::Told("no database is named; use DATABASE_URL or --database-url".to_owned()));
    };
    if config.link == Link::Pooled {
        return Err(Failure::Told(
            "`desk generate` needs a direct link to the server, not one through a pooler".to_owned(),
        ));
    }
    let tickets = match (arguments.size, arguments.tickets) {
        (Some(Size::S), _) => 1_000,
        (Some(Size::M), _) => 100_000,
        (Some(Size::L), _) => 1_000_000,
        (None, tickets) => tickets.unwrap_or_default(),
    };
    let company = if arguments.yes_add { Company::Welcome } else { Company::Alone };
    let mut teller = Teller::default();
    let watch = &mut |step| teller.tell(step);
    let work = demo::fill_with_generated(url.expose(), tickets.into(), arguments.seed, company, watch);
    let filled = super::block_on(work)?.map_err(|failure| Failure::Told(failure.sentence()))?;
    say(format_args!(
        "{} generated tickets, {} accounts and {} projects are there.",
        filled.tickets, filled.users, filled.projects
    ));
    Ok(Exit::Done)
}

/// Tells every tenth of the way, once.
#[derive(Debug, Default)]
pub(super) struct Teller {
    last: Option<(Option<&'static str>, i64)>,
}

impl Teller {
    pub(super) fn tell(&mut self, step: Step) {
        let now = (step.what, step.done * 10 / step.total.max(1));
        if self.last.replace(now) == Some(now) {
            return;
        }
        match step.what {
            Some(what) => note(format_args!("Generating {what}: {} of {}", step.done, step.total)),
            None if step.done == 0 => note("Gathering statistics ..."),
            None => {}
        }
    }
}
