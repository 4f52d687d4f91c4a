//! `desk doctor`: what is wrong with the database, and what to do about it.

use clap::Args;

use super::{Exit, Failure, migrate, note, say, wait_for};
use crate::config::Config;
use crate::desk::upkeep::{Finding, Severity};
use crate::domain::token::TokenFormat;

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Put back triggers that are missing, and what they missed
    #[arg(long)]
    pub repair: bool,
}

pub(super) fn run(config: &Config, arguments: &Arguments) -> Result<Exit, Failure> {
    let upkeep = migrate::upkeep(config)?;
    if arguments.repair {
        for line in wait_for(upkeep.repair(&mut |progress| note(progress)))? {
            say(line);
        }
    }
    let mut findings = wait_for(upkeep.examine())?;
    findings.extend(settings(config));
    for finding in &findings {
        say(format_args!("{:<8} {:<11} {}", finding.severity.word(), finding.subject, finding.what));
        if !finding.advice.is_empty() {
            say(format_args!("{:<20} -> {}", "", finding.advice));
        }
    }
    Ok(if findings.iter().any(|finding| finding.is_complaint()) { Exit::No } else { Exit::Done })
}

/// What the settings of this machine say of mail and codes.
fn settings(config: &Config) -> Vec<Finding> {
    let mut findings = vec![match super::house::mail_server(config) {
        Ok(Some(_)) => Finding {
            severity: Severity::Fine,
            subject: "mail",
            what: "a server is set up on this machine".to_owned(),
            advice: String::new(),
        },
        Ok(None) => Finding {
            severity: Severity::Note,
            subject: "mail",
            what: "no server is set up on this machine: codes are shown, to be handed over".to_owned(),
            advice: "write `[mail]` with `server` and `from` into the config file".to_owned(),
        },
        Err(why) => unusable("mail", &why),
    }];
    match super::house::quietly(config).map(|house| house.tokens.format) {
        Ok(TokenFormat::Sha256Hex) => {}
        Ok(TokenFormat::Plain) => findings.push(Finding {
            severity: Severity::Warning,
            subject: "codes",
            what: "token_format is \"plain\": whoever can read the database can take over accounts"
                .to_owned(),
            advice: "let the web app keep SHA-256 of its codes, then set token_format to \"sha256-hex\""
                .to_owned(),
        }),
        Err(why) => findings.push(unusable("codes", &why)),
    }
    findings
}

/// A setting with which no desk starts.
fn unusable(subject: &'static str, why: &Failure) -> Finding {
    Finding {
        severity: Severity::Error,
        subject,
        what: why.to_string(),
        advice: "correct it in the settings of this machine: no desk starts with it".to_owned(),
    }
}
