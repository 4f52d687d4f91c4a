//! The one way statements reach the server: typed, in one round trip.
//!
//! Named prepared statements fail behind pgbouncer in transaction mode, so nothing here prepares; a connection that
//! writes on a direct link has some prepared (see [`super::pool`]), and those are used. A result column of an enum type would make the driver prepare behind our back: cast enums to text. Values are parameters, always.

use super::error::{Error, Meaning, Result};
use super::pool::prepared_statement;
use std::future::ready;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{GenericClient, Row};

/// A value and the type under which the server is to read it.
pub type Param<'a> = (&'a (dyn ToSql + Sync), Type);

/// Names a value's type; see the functions below for the common ones.
pub fn typed<T: ToSql + Sync>(value: &T, as_type: Type) -> Param<'_> {
    (value, as_type)
}

/// A text value, or an optional one.
pub fn text<T: ToSql + Sync>(value: &T) -> Param<'_> {
    (value, Type::TEXT)
}

/// Many texts, for `= ANY ($1)`.
pub fn texts<T: ToSql + Sync>(value: &T) -> Param<'_> {
    (value, Type::TEXT_ARRAY)
}

/// A 64-bit number.
pub fn int8<T: ToSql + Sync>(value: &T) -> Param<'_> {
    (value, Type::INT8)
}

/// A 32-bit number.
pub fn int4<T: ToSql + Sync>(value: &T) -> Param<'_> {
    (value, Type::INT4)
}

/// A 16-bit number.
pub fn int2<T: ToSql + Sync>(value: &T) -> Param<'_> {
    (value, Type::INT2)
}

/// A 32-bit float, as budgets are kept.
pub fn float4<T: ToSql + Sync>(value: &T) -> Param<'_> {
    (value, Type::FLOAT4)
}

/// A truth value.
pub fn bool<T: ToSql + Sync>(value: &T) -> Param<'_> {
    (value, Type::BOOL)
}

/// A JSON value of an event.
pub fn jsonb<T: ToSql + Sync>(value: &T) -> Param<'_> {
    (value, Type::JSONB)
}

/// What a statement can be sent to: a connection, or a transaction on one.
pub trait Db: Sync {
    /// The connection.
    type Link: GenericClient + Sync;
    /// Whether a statement that failed may be sent again.
    const AGAIN: bool = true;

    /// The connection, if it takes statements.
    fn link(&self) -> Result<&Self::Link>;

    /// Whether what was sent was sent inside the transaction.
    fn begun(&self) -> impl Future<Output = Result<()>> + Send {
        ready(Ok(()))
    }
}

impl<C: GenericClient + Sync> Db for C {
    type Link = C;

    fn link(&self) -> Result<&C> {
        Ok(self)
    }
}

/// All rows.
pub async fn rows<D: Db>(db: &D, statement: &str, params: &[Param<'_>]) -> Result<Vec<Row>> {
    let link = db.link()?;
    let rows = match prepared_statement(statement, types(params)) {
        Some(prepared) => link.query(&prepared, &values(params)).await.map_err(Error::from),
        None => match link.query_typed(statement, params).await.map_err(Error::from) {
            Err(error) if D::AGAIN && *error.meaning() == Meaning::CachedPlan => {
                link.query_typed(statement, params).await.map_err(|_| error)
            }
            other => other,
        },
    };
    db.begun().await?;
    rows
}

/// The one row that there must be.
pub async fn row<D: Db>(db: &D, statement: &str, params: &[Param<'_>]) -> Result<Row> {
    maybe_row(db, statement, params)
        .await?
        .ok_or_else(|| Error::new(Meaning::Internal, "the database sent no row where one was due"))
}

/// The first row, if there is any.
pub async fn maybe_row<D: Db>(db: &D, statement: &str, params: &[Param<'_>]) -> Result<Option<Row>> {
    Ok(rows(db, statement, params).await?.into_iter().next())
}

/// Carries a statement out; how many rows it touched.
pub async fn execute<D: Db>(db: &D, statement: &str, params: &[Param<'_>]) -> Result<u64> {
    let link = db.link()?;
    let count = match prepared_statement(statement, types(params)) {
        Some(prepared) => link.execute(&prepared, &values(params)).await.map_err(Error::from),
        None => match link.execute_typed(statement, params).await.map_err(Error::from) {
            Err(error) if D::AGAIN && *error.meaning() == Meaning::CachedPlan => {
                link.execute_typed(statement, params).await.map_err(|_| error)
            }
            other => other,
        },
    };
    db.begun().await?;
    count
}

fn types(params: &[Param<'_>]) -> impl Iterator<Item = Type> {
    params.iter().map(|(_, as_type)| as_type.clone())
}

fn values<'a>(params: &[Param<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    params.iter().map(|(value, _)| *value).collect()
}

/// A column of a row, by name.
pub fn get<'a, T: tokio_postgres::types::FromSql<'a>>(row: &'a Row, column: &str) -> Result<T> {
    row.try_get(column).map_err(Error::from)
}
