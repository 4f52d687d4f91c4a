//! What the settings decide for everybody.

use super::{Failure, note};
use crate::config::{Config, Tls};
use crate::domain::house::House;
use crate::domain::mail::MailRules;
use crate::domain::token::{TokenFormat, TokenRules};
use crate::mail::{Security, Server, Settings, Unusable};
use std::time::Duration;
use zeroize::Zeroizing;

/// The rules of the house, with a warning for what is dangerous.
pub(super) fn of(config: &Config) -> Result<House, Failure> {
    let house = quietly(config)?;
    if house.tokens.format == TokenFormat::Plain {
        note("desk: token_format is \"plain\": whoever can read the database can take over accounts");
    }
    Ok(house)
}

/// The rules of the house.
pub(super) fn quietly(config: &Config) -> Result<House, Failure> {
    let limits = TokenRules::default();
    let within = |named: &'static str, given: Option<u32>, unit: u64, limit: Duration| match given {
        None => Ok(limit),
        Some(given) => {
            let wanted = Duration::from_secs(u64::from(given) * unit);
            if wanted.is_zero() || wanted > limit {
                let most = limit.as_secs() / unit;
                let message = format!("`{named}` is {given}; write a whole number from 1 to {most}");
                return Err(Failure::told(config.error_of(&[named], message)));
            }
            Ok(wanted)
        }
    };
    let tokens = TokenRules {
        format: if config.tokens.plain { TokenFormat::Plain } else { TokenFormat::Sha256Hex },
        reset: within("reset_minutes", config.tokens.reset_minutes, 60, limits.reset)?,
        verification: within(
            "verification_hours",
            config.tokens.verification_hours,
            3600,
            limits.verification,
        )?,
    };
    let mail = config.mail.server.as_ref().map(|_| MailRules {
        answers: config.mail.answers,
        reset_link: config.mail.reset_link.clone(),
        verify_link: config.mail.verify_link.clone(),
    });
    Ok(House { tokens, mail })
}

/// The server that takes our mail; none is set up where the settings name none.
pub(super) fn mail_server(config: &Config) -> Result<Option<Server>, Failure> {
    let mail = &config.mail;
    let Some(server) = &mail.server else { return Ok(None) };
    let told = |settings: &[&str], sentence: &str| Failure::told(config.error_of(settings, sentence));
    let security = match mail.tls {
        None | Some(Tls::StartTls) => Security::StartTls,
        Some(Tls::Implicit) => Security::Implicit,
        Some(Tls::None) => Security::Plain,
    };
    let (host, port) = match server.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => {
            let wrong = "mail.server must be a name, or a name and a port: `smtp.example.com:587`";
            let port = port.parse().ok().filter(|port| *port > 0);
            (host, Some(port.ok_or_else(|| told(&["mail.server"], wrong))?))
        }
        _ => (server.as_str(), None),
    };
    let credentials = match (&mail.user, &mail.password) {
        (Some(user), Some(password)) => Some((user.clone(), Zeroizing::new(password.expose().to_owned()))),
        (None, None) => None,
        _ => {
            let sentence = "mail.user and mail.password belong together: set both or none";
            return Err(told(&["mail.user", "mail.password"], sentence));
        }
    };
    let roots = mail.ca.as_ref().map(|path| {
        std::fs::read(path)
            .map_err(|error| told(&["mail.ca"], &format!("could not read {}: {error}", path.display())))
    });
    let roots = roots.transpose()?;
    let from = mail.from.clone();
    let from = from.ok_or_else(|| {
        told(&["mail.server"], "mail.server is set, but not mail.from: in whose name does mail go?")
    })?;
    let settings = Settings { host: host.to_owned(), port, security, credentials, from, roots };
    Server::new(settings).map(Some).map_err(|why| {
        let settings: &[&str] = match why {
            Unusable::From => &["mail.from"],
            Unusable::Host => &["mail.server"],
            Unusable::Unprotected => &["mail.tls", "mail.server"],
        };
        told(settings, &why.to_string())
    })
}
