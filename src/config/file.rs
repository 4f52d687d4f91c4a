//! The config file: TOML, each mistake with its line.

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::limits::{self, Idle};
use super::mail::{Mail, MailPassword};
use super::tokens::Tokens;
use super::{Address, ConfigError, Lines, Link, Signs, line_of, nearest};

/// The keys of the file, besides `[keys]`.
const NAMES: &[&str] = &[
    "database_url",
    "listen_url",
    "pooled",
    "theme",
    "editor",
    "signs",
    "keys",
    "token_format",
    "reset_minutes",
    "verification_hours",
    "idle_lock",
    "session_limit",
    "stay_signed_in",
    "mail",
];
/// A config file is a page or two.
const LIMIT: u64 = 1024 * 1024;

/// One line of `[keys]`, for the room that knows the actions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyLine {
    /// Where it stands, from 1.
    pub line: usize,
    /// The action, `ticket.take`.
    pub action: String,
    /// Its keys, as written; none takes the action off the keyboard.
    pub keys: Vec<String>,
}

/// What the file says.
#[derive(Debug, Default)]
pub(super) struct File {
    pub database_url: Option<Address>,
    pub listen_url: Option<Address>,
    pub link: Option<Link>,
    pub theme: Option<String>,
    pub editor: Option<String>,
    pub signs: Option<Signs>,
    pub idle_lock: Option<Idle>,
    pub session_limit: Option<Duration>,
    pub stay_signed_in: Option<bool>,
    pub keys: Vec<KeyLine>,
    pub tokens: Tokens,
    pub mail: Mail,
    pub lines: Lines,
}

type Line = (usize, String);

impl File {
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let read_error = |error| ConfigError::Read { path: path.to_path_buf(), error };
        let mut source = fs::File::open(path).map_err(read_error)?;
        let metadata = source.metadata().map_err(read_error)?;
        let mut text = String::new();
        source.by_ref().take(LIMIT).read_to_string(&mut text).map_err(read_error)?;
        let file = Self::parse(&text).map_err(|(line, message)| ConfigError::Line {
            path: path.to_path_buf(),
            line,
            message,
        })?;
        let secret = [&file.database_url, &file.listen_url].into_iter().flatten().any(Address::has_password);
        let secret = secret || file.mail.password.is_some();
        let me = rustix::process::geteuid().as_raw();
        ours(metadata.mode(), metadata.uid(), me, secret).map_err(|how| how(path.to_path_buf()))?;
        Ok(file)
    }

    fn parse(text: &str) -> Result<Self, Line> {
        let table = DeTable::parse(text).map_err(|error| {
            let line = line_of(text, error.span().map_or(0, |span| span.start));
            (line, error.message().trim_end().replace('\n', ", "))
        })?;
        let mut entries: Vec<_> = table.get_ref().iter().collect();
        entries.sort_by_key(|(name, _)| name.span().start);
        let mut file = Self::default();
        for (name, value) in entries {
            let entry = Entry { text, name: name.get_ref().as_ref(), value };
            let line = line_of(text, name.span().start);
            file.take(&entry).map_err(|message| (line, message))?;
            file.lines.note(entry.name, line);
            if name.get_ref() == "mail" {
                file.take_mail(&entry)?;
            }
            if name.get_ref() == "keys" {
                file.take_keys(&entry)?;
            }
        }
        Ok(file)
    }

    fn take(&mut self, entry: &Entry) -> Result<(), String> {
        match entry.name {
            "database_url" => self.database_url = Some(Address::new(entry.string()?)),
            "listen_url" => self.listen_url = Some(Address::new(entry.string()?)),
            "pooled" => self.link = Some(if entry.boolean()? { Link::Pooled } else { Link::Direct }),
            "idle_lock" => self.idle_lock = Some(limits::idle(&entry.string()?)?),
            "session_limit" => self.session_limit = Some(limits::session(&entry.string()?)?),
            "stay_signed_in" => self.stay_signed_in = Some(entry.boolean()?),
            "theme" => self.theme = Some(entry.string()?),
            "editor" => self.editor = Some(entry.string()?),
            "signs" => {
                self.signs = match entry.string()?.as_str() {
                    "auto" => None,
                    "unicode" => Some(Signs::Unicode),
                    "ascii" => Some(Signs::Ascii),
                    other => return Err(format!("`signs` is `{other}`; write `auto`, `unicode` or `ascii`")),
                }
            }
            "token_format" => {
                self.tokens.plain = match entry.string()?.as_str() {
                    "sha256-hex" => false,
                    "plain" => true,
                    other => {
                        return Err(format!("`token_format` is `{other}`; write `sha256-hex` or `plain`"));
                    }
                }
            }
            "reset_minutes" => self.tokens.reset_minutes = Some(entry.number()?),
            "verification_hours" => self.tokens.verification_hours = Some(entry.number()?),
            "mail" if entry.value.get_ref().is_table() => {}
            "mail" => {
                return Err("`mail` must be a table: write `[mail]`, then a line per setting".to_owned());
            }
            "keys" if entry.value.get_ref().is_table() => {}
            "keys" => return Err("`keys` must be a table: write `[keys]`, then a line per action".to_owned()),
            unknown => {
                let meant = nearest(unknown, NAMES).map(|near| format!("; did you mean `{near}`?"));
                return Err(format!("unknown key `{unknown}`{}", meant.unwrap_or_default()));
            }
        }
        Ok(())
    }

    fn take_mail(&mut self, entry: &Entry) -> Result<(), Line> {
        let Some(table) = entry.value.get_ref().as_table() else { return Ok(()) };
        for (name, value) in table {
            let line = line_of(entry.text, name.span().start);
            let entry = Entry { text: entry.text, name: name.get_ref().as_ref(), value };
            self.take_mail_line(&entry).map_err(|message| (line, message))?;
            self.lines.note(&format!("mail.{}", entry.name), line);
        }
        Ok(())
    }

    fn take_mail_line(&mut self, entry: &Entry) -> Result<(), String> {
        match entry.name {
            "server" => self.mail.server = Some(entry.string()?),
            "tls" => {
                let tls = super::mail::tls(&entry.string()?).map_err(|why| format!("`tls` is {why}"))?;
                self.mail.tls = Some(tls);
            }
            "user" => self.mail.user = Some(entry.string()?),
            "password" => self.mail.password = Some(MailPassword::new(entry.string()?)),
            "from" => self.mail.from = Some(entry.string()?),
            "ca" => self.mail.ca = Some(entry.string()?.into()),
            "answers" => self.mail.answers = entry.boolean()?,
            "reset_link" => self.mail.reset_link = Some(super::mail::link(entry.name, entry.string()?)?),
            "verify_link" => self.mail.verify_link = Some(super::mail::link(entry.name, entry.string()?)?),
            unknown => {
                let meant =
                    nearest(unknown, super::mail::NAMES).map(|near| format!("; did you mean `{near}`?"));
                return Err(format!("unknown key `{unknown}` in `[mail]`{}", meant.unwrap_or_default()));
            }
        }
        Ok(())
    }

    fn take_keys(&mut self, entry: &Entry) -> Result<(), Line> {
        if let Some(table) = entry.value.get_ref().as_table() {
            key_lines(entry.text, "", table, &mut self.keys)?;
            self.keys.sort_by_key(|line| line.line);
        }
        Ok(())
    }
}

/// Whoever writes the file names the programs that we start and the server that hears our password: that is us alone,
/// or root. With a secret in it nobody else reads it either.
fn ours(mode: u32, owner: u32, me: u32, secret: bool) -> Result<(), fn(PathBuf) -> ConfigError> {
    if secret && mode & 0o077 != 0 {
        return Err(ConfigError::Exposed);
    }
    if owner != me && owner != 0 {
        return Err(ConfigError::Foreign);
    }
    if mode & 0o022 != 0 {
        return Err(ConfigError::Writable);
    }
    Ok(())
}

struct Entry<'a> {
    text: &'a str,
    name: &'a str,
    value: &'a Spanned<DeValue<'a>>,
}

impl Entry<'_> {
    fn string(&self) -> Result<String, String> {
        let value = self.value.get_ref();
        value.as_str().map(str::to_owned).ok_or_else(|| {
            // The value itself may be a mistyped password.
            format!("`{}` must be a text in quotes, not a value of type {}", self.name, value.type_str())
        })
    }

    fn number(&self) -> Result<u32, String> {
        let number = self.value.get_ref().as_integer().and_then(|it| it.as_str().parse().ok());
        number.ok_or_else(|| format!("`{}` must be a whole number", self.name))
    }

    fn boolean(&self) -> Result<bool, String> {
        let value = self.value.get_ref();
        value.as_bool().ok_or_else(|| format!("`{}` must be `true` or `false`", self.name))
    }
}

/// `"ticket.take" = "t"`, `ticket.take = ["t", "F6"]` and `[keys.ticket]` with `take = "t"` all mean the same.
fn key_lines(text: &str, above: &str, table: &DeTable<'_>, lines: &mut Vec<KeyLine>) -> Result<(), Line> {
    for (name, value) in table {
        let action = format!("{above}{}", name.get_ref());
        let line = line_of(text, name.span().start);
        let texts = |values: &[&Spanned<DeValue<'_>>]| {
            let texts: Option<Vec<String>> =
                values.iter().map(|value| value.get_ref().as_str().map(str::to_owned)).collect();
            let message =
                || format!("the keys of `{action}` must be texts, like `\"t\"` or `[\"t\", \"F6\"]`");
            texts.ok_or_else(|| (line, message()))
        };
        let keys = match value.get_ref() {
            DeValue::Table(table) => {
                key_lines(text, &format!("{action}."), table, lines)?;
                continue;
            }
            DeValue::Array(array) => texts(&array.iter().collect::<Vec<_>>())?,
            _ => texts(&[value])?,
        };
        lines.push(KeyLine { line, action, keys });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{ConfigError, ours};
    use std::path::PathBuf;

    #[test]
    fn a_secret_lies_in_a_file_of_its_reader_alone() {
        let verdict = |mode, owner, me| ours(mode, owner, me, true).map_err(|how| how(PathBuf::new()));
        for (mode, owner, me) in [(0o600, 7, 7), (0o400, 7, 7), (0o100_600, 0, 7), (0o600, 0, 0)] {
            assert!(verdict(mode, owner, me).is_ok(), "{mode:o} {owner} {me}");
        }
        for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o660, 0o100_644] {
            assert!(matches!(verdict(mode, 7, 7), Err(ConfigError::Exposed(_))), "{mode:o}");
        }
        for (owner, me) in [(8, 7), (7, 0)] {
            assert!(matches!(verdict(0o600, owner, me), Err(ConfigError::Foreign(_))), "{owner} {me}");
        }
    }

    #[test]
    fn what_others_can_write_is_not_obeyed() {
        let verdict = |mode, owner, me| ours(mode, owner, me, false).map_err(|how| how(PathBuf::new()));
        for (mode, owner, me) in [(0o644, 7, 7), (0o755, 7, 7), (0o444, 0, 7), (0o100_600, 0, 0)] {
            assert!(verdict(mode, owner, me).is_ok(), "{mode:o} {owner} {me}");
        }
        for mode in [0o664, 0o646, 0o620, 0o602, 0o100_666] {
            assert!(matches!(verdict(mode, 7, 7), Err(ConfigError::Writable(_))), "{mode:o}");
        }
        for (owner, me) in [(8, 7), (7, 0)] {
            assert!(matches!(verdict(0o644, owner, me), Err(ConfigError::Foreign(_))), "{owner} {me}");
        }
    }
}
