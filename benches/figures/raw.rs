//! The statements of a key, as the server logged them, sent again without the desk around them.
//!
//! What the desk asks is taken from the server's log, not from its source, so that the comparison is with exactly
//! what it asks, whatever becomes of the code.

use std::error::Error;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio_postgres::Client;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{Format, IsNull, ToSql, Type};

/// A statement with its values, as text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    sql: String,
    values: Vec<Text>,
    types: Vec<Type>,
}

/// Reads the server's log from where it was last read.
pub struct Log {
    path: PathBuf,
    at: u64,
}

impl Log {
    /// From its end.
    pub fn open(path: &Path) -> Self {
        let at = std::fs::metadata(path).expect("the server's log").len();
        Self { path: path.to_owned(), at }
    }

    /// The reads that were logged since; what belongs to a write is left out.
    pub fn reads(&mut self) -> Vec<Statement> {
        let mut file = File::open(&self.path).expect("the server's log");
        file.seek(SeekFrom::Start(self.at)).expect("seek");
        let mut text = String::new();
        self.at += file.read_to_string(&mut text).expect("read") as u64;
        parse(&text)
    }
}

/// Sends statements together, each unprepared, and waits for all answers.
pub async fn time(client: &Client, statements: &[Statement]) -> Duration {
    let begun = Instant::now();
    let answers = join_all(statements.iter().map(|statement| {
        let values: Vec<(&(dyn ToSql + Sync), Type)> = statement
            .values
            .iter()
            .zip(&statement.types)
            .map(|(value, as_type)| (value as &(dyn ToSql + Sync), as_type.clone()))
            .collect();
        async move { client.query_typed(&statement.sql, &values).await.map(|rows| rows.len()) }
    }))
    .await;
    let took = begun.elapsed();
    for (answer, statement) in answers.into_iter().zip(statements) {
        assert!(answer.is_ok(), "{answer:?}: {}", statement.sql);
    }
    took
}

/// Finds a type for each value: the server's own guess, where the statement leaves it none, text.
pub async fn prepare(client: &Client, statements: &mut [Statement]) {
    for statement in statements {
        while let Err(error) = query(client, statement).await {
            // "could not determine data type of parameter $1"
            let message = error.as_db_error().map(|error| error.message().to_owned()).unwrap_or_default();
            let Some(at) = message.rsplit_once("parameter $").and_then(|(_, at)| at.parse::<usize>().ok())
            else {
                panic!("{message}: {}", statement.sql);
            };
            statement.types[at - 1] = Type::TEXT;
        }
    }
}

async fn query(client: &Client, statement: &Statement) -> Result<(), tokio_postgres::Error> {
    let values: Vec<(&(dyn ToSql + Sync), Type)> = statement
        .values
        .iter()
        .zip(&statement.types)
        .map(|(value, as_type)| (value as &(dyn ToSql + Sync), as_type.clone()))
        .collect();
    client.query_typed(&statement.sql, &values).await.map(drop)
}

impl Statement {
    /// Whether its text holds this.
    pub fn says(&self, text: &str) -> bool {
        self.sql.contains(text)
    }
}

/// A value in the server's own text form.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Text(Option<String>);

impl ToSql for Text {
    fn to_sql(&self, _: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match &self.0 {
            Some(text) => {
                out.extend_from_slice(text.as_bytes());
                Ok(IsNull::No)
            }
            None => Ok(IsNull::Yes),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    fn to_sql_checked(
        &self,
        as_type: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        self.to_sql(as_type, out)
    }
}

/// One line of the log with its continuations.
struct Entry<'a> {
    process: &'a str,
    level: &'a str,
    message: String,
}

fn parse(log: &str) -> Vec<Statement> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for line in log.lines() {
        if let Some(more) = line.strip_prefix('\t') {
            if let Some(entry) = entries.last_mut() {
                entry.message.push('\n');
                entry.message.push_str(more);
            }
        } else if let Some(entry) = entry(line) {
            entries.push(entry);
        }
    }
    let mut writing: Vec<&str> = Vec::new();
    let mut found: Vec<(&str, Statement)> = Vec::new();
    for entry in &entries {
        let plain = entry.message.strip_prefix("statement: ");
        let text =
            entry.message.strip_prefix("execute ").and_then(|text| text.split_once(": ")).map(|(_, sql)| sql);
        match entry.level {
            "LOG" => {
                let sql = plain.or(text).unwrap_or_default();
                if starts(sql, "BEGIN") || starts(sql, "START") {
                    writing.push(entry.process);
                } else if starts(sql, "COMMIT") || starts(sql, "ROLLBACK") {
                    writing.retain(|process| *process != entry.process);
                } else if text.is_some() && starts(sql, "SELECT") && !writing.contains(&entry.process) {
                    let statement = Statement { sql: sql.to_owned(), values: Vec::new(), types: Vec::new() };
                    found.push((entry.process, statement));
                }
            }
            "DETAIL" if !writing.contains(&entry.process) => {
                let owner = found.iter_mut().rfind(|(process, _)| *process == entry.process);
                if let (Some((_, statement)), Some((_, list))) =
                    (owner, entry.message.split_once("arameters: "))
                {
                    statement.values = values(list);
                    statement.types = vec![Type::UNKNOWN; statement.values.len()];
                }
            }
            _ => {}
        }
    }
    found.into_iter().map(|(_, statement)| statement).collect()
}

fn starts(sql: &str, word: &str) -> bool {
    sql.trim_start().get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

/// `2026-11-22 17:00:08.123 UTC [4711] LOG:  execute <unnamed>: SELECT 1`
fn entry(line: &str) -> Option<Entry<'_>> {
    let (before, rest) = line.split_once("] ")?;
    let (_, process) = before.split_once('[')?;
    let (level, message) = rest.split_once(":  ")?;
    Some(Entry { process, level, message: message.to_owned() })
}

/// `$1 = 'it''s', $2 = NULL`
fn values(list: &str) -> Vec<Text> {
    let mut values = Vec::new();
    let mut rest = list;
    while let Some((_, value)) = rest.split_once(" = ") {
        if let Some(after) = value.strip_prefix("NULL") {
            values.push(Text(None));
            rest = after;
            continue;
        }
        let mut text = String::new();
        let mut signs = value.strip_prefix('\'').unwrap_or(value).chars().peekable();
        while let Some(sign) = signs.next() {
            if sign == '\'' && signs.next_if_eq(&'\'').is_none() {
                break;
            }
            text.push(sign);
        }
        values.push(Text(Some(text)));
        let left: usize = signs.map(char::len_utf8).sum();
        rest = &value[value.len() - left..];
    }
    values
}
