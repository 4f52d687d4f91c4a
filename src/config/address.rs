//! The address of a database: it may hold a password, so it never shows itself whole.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

/// A connection URL or a list of `key=value` words, as Postgres clients take it.
#[derive(Clone, PartialEq, Eq)]
pub struct Address(Zeroizing<String>);

impl Address {
    /// Takes any text; whether it is an address is for the store to say.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The whole text, password and all; for connecting only.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether the text holds a password.
    pub fn has_password(&self) -> bool {
        !self.secrets().is_empty()
    }

    /// The ranges of bytes that nobody may see.
    fn secrets(&self) -> Vec<std::ops::Range<usize>> {
        let text = self.0.as_str();
        let mut found = Vec::new();
        if let Some(start) = text.find("://").map(|at| at + 3) {
            // A password may itself hold an `@`, a `/` or a `?` that somebody forgot to encode: hide more, not less.
            let query = text.find('?').unwrap_or(text.len()).max(start);
            let at = text[start..query].rfind('@').or_else(|| text[start..].rfind('@')).map(|at| start + at);
            if let Some((at, colon)) = at.and_then(|at| Some((at, start + text[start..at].find(':')? + 1))) {
                found.push(colon..at);
            }
        }
        let lower = text.to_ascii_lowercase();
        for word in ["password", "passfile", "sslpassword"] {
            for (at, _) in lower.match_indices(word) {
                let begins = at == 0 || !lower.as_bytes()[at - 1].is_ascii_alphanumeric();
                let rest = &text[at + word.len()..];
                let value = rest.trim_start();
                if !begins || !value.starts_with('=') {
                    continue;
                }
                let start = text.len() - value.len() + 1;
                let end = if text.contains("://") {
                    text[start..].find('&').map_or(text.len(), |length| start + length)
                } else {
                    // A quoted value may hold blanks: the rest of the text is hidden then.
                    let quoted = text[start..].trim_start().starts_with('\'');
                    let value = start + (text[start..].len() - text[start..].trim_start().len());
                    let end =
                        text[value..].find(char::is_whitespace).map_or(text.len(), |length| value + length);
                    if quoted { text.len() } else { end }
                };
                found.push(start..end);
            }
        }
        found.retain(|range| !range.is_empty());
        found.sort_by_key(|range| range.start);
        found
    }
}

impl FromStr for Address {
    type Err = std::convert::Infallible;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self::new(text.to_owned()))
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = 0;
        for secret in self.secrets() {
            if secret.start >= shown {
                f.write_str(&self.0[shown..secret.start])?;
                f.write_str("***")?;
            }
            shown = shown.max(secret.end);
        }
        f.write_str(&self.0[shown..])
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::Address;

    #[test]
    fn an_address_shows_everything_but_its_password() {
        for (text, shown) in [
            ("postgres://desk:s3cret@db.example/kaygia", "postgres://desk:***@db.example/kaygia"),
            ("postgres://desk:s3/c@ret@db.example/kaygia", "postgres://desk:***@db.example/kaygia"),
            ("postgres://desk@db.example:5432/kaygia", "postgres://desk@db.example:5432/kaygia"),
            ("postgres://desk:s3?c@db/kaygia", "postgres://desk:***@db/kaygia"),
            (
                "postgres://desk@db:5432/kaygia?application_name=a@b",
                "postgres://desk@db:5432/kaygia?application_name=a@b",
            ),
            (
                "postgres://db/kaygia?user=desk&password=s3cret&x=1",
                "postgres://db/kaygia?user=desk&password=***&x=1",
            ),
            ("host=db user=desk password=s3cret dbname=k", "host=db user=desk password=*** dbname=k"),
            ("host=db password = 's3 cret' dbname=k", "host=db password =***"),
            ("host=db PASSWORD= s3cret", "host=db PASSWORD=***"),
            ("host=db user=desk", "host=db user=desk"),
        ] {
            let address = Address::new(text.to_owned());
            assert_eq!(address.to_string(), shown);
            assert_eq!(format!("{address:?}"), shown);
            assert_eq!(address.has_password(), text != shown, "{text}");
        }
    }
}
