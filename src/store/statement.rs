//! A statement put together from fixed pieces of SQL and bound values.
//!
//! Pieces are `&'static str`, so that text from outside can only arrive as a parameter.

use super::error::Result;
use super::sql;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Row};

/// SQL text and its parameters, growing side by side.
pub(super) struct Statement {
    text: String,
    values: Vec<(Box<dyn ToSql + Sync + Send>, Type)>,
}

impl Statement {
    /// Starts with a piece of SQL.
    pub(super) fn new(piece: &'static str) -> Self {
        Self { text: piece.to_owned(), values: Vec::new() }
    }

    /// Adds a piece of SQL.
    pub(super) fn sql(&mut self, piece: &'static str) -> &mut Self {
        self.text.push_str(piece);
        self
    }

    /// Adds a parameter, `$n`.
    pub(super) fn bind(&mut self, value: impl ToSql + Sync + Send + 'static, kind: Type) -> &mut Self {
        use std::fmt::Write as _;
        self.values.push((Box::new(value), kind));
        let _ = write!(self.text, "${}", self.values.len());
        self
    }

    /// Gives a parameter that pieces name by its number: it must come before all that are bound in place.
    pub(super) fn give(&mut self, value: impl ToSql + Sync + Send + 'static, kind: Type) -> &mut Self {
        self.values.push((Box::new(value), kind));
        self
    }

    /// Adds a text parameter.
    pub(super) fn bind_text(&mut self, value: &str) -> &mut Self {
        self.bind(value.to_owned(), Type::TEXT)
    }

    /// The text so far, for looking at its plan.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Runs it.
    pub(super) async fn rows(&self, client: &Client) -> Result<Vec<Row>> {
        sql::rows(client, &self.text, &self.params()).await
    }

    /// The parameters, as the driver takes them.
    pub(super) fn params(&self) -> Vec<(&(dyn ToSql + Sync), Type)> {
        self.values.iter().map(|(value, kind)| (&**value as &(dyn ToSql + Sync), kind.clone())).collect()
    }
}

/// `text` as a LIKE pattern that matches wherever all its words stand in this order, taken literally.
pub(super) fn contains_pattern(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().map(escape_like).collect();
    format!("%{}%", words.join("%"))
}

/// Takes the meaning from LIKE's three signs.
pub(super) fn escape_like(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len() + 4);
    for c in text.chars() {
        if matches!(c, '\\' | '%' | '_') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_signs_of_like_are_taken_literally() {
        assert_eq!(contains_pattern("50%_off \\ now"), "%50\\%\\_off%\\\\%now%");
        assert_eq!(contains_pattern(""), "%%");
    }

    #[test]
    fn parameters_are_numbered_in_the_order_of_binding() {
        let mut statement = Statement::new("SELECT ");
        statement.bind_text("a").sql(", ").bind(7_i64, Type::INT8);
        assert_eq!(statement.text(), "SELECT $1, $2");
        assert_eq!(statement.params().len(), 2);
    }
}
