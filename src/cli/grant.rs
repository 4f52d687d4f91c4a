//! `desk grant`: give a database role just what the desk needs.

use clap::Args;

use super::{Exit, Failure, migrate, say, wait_for};
use crate::config::Config;
use crate::desk::upkeep::{self, Reach};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// The role that the desk connects as; make it first, with CREATE ROLE .. LOGIN
    pub role: String,
    /// Only print the statements, for whoever owns the tables to run
    #[arg(long)]
    pub print: bool,
    /// The desk connects through a pooler: also write its time limits and time zone as the role's own settings
    #[arg(long)]
    pub pooled: bool,
}

/// `config` is loaded only where a database is asked: printing needs none.
pub(super) fn run(
    config: impl FnOnce() -> Result<Config, Failure>,
    arguments: &Arguments,
) -> Result<Exit, Failure> {
    let role = arguments.role.as_str();
    let reach = if arguments.pooled { Reach::Pooled } else { Reach::Direct };
    if role.is_empty() || role.starts_with("pg_") || role.eq_ignore_ascii_case("public") {
        let sentence =
            "name the role that the desk connects as: not PUBLIC, and none of the server's own (pg_..)";
        return Err(Failure::Told(sentence.to_owned()));
    }
    if arguments.print {
        upkeep::grants(role, reach).iter().for_each(say);
        say("-- Each desk takes up to five connections. To keep the rest for the web app, with ten desks:");
        say(format_args!("-- {}", upkeep::connection_limit(role)));
        return Ok(Exit::Done);
    }
    let granted = wait_for(migrate::upkeep(&config()?)?.grant(role, reach))?;
    say(format_args!("{role} may now do what the desk needs in the database {}.", granted.database));
    for more in &granted.surplus {
        say(format_args!(
            "note: it may do more than that, by PUBLIC or as a member of another role: {more}; revoke that there"
        ));
    }
    say("Each desk takes up to five connections. To keep the rest for the web app, with ten desks:");
    say(format_args!("  {}", upkeep::connection_limit(role)));
    Ok(Exit::Done)
}
