//! Rows turned into columns: the arrays that one `INSERT .. SELECT .. FROM unnest(..)` takes.

use crate::store::error::Result;
use crate::store::sql::Db;
use crate::store::sql::{self, Param};
use tokio_postgres::types::{ToSql, Type};

/// A value that may stand in a column.
pub trait Cell: ToSql + Sync {
    /// The array type of the column.
    const ARRAY: Type;
}

impl Cell for &str {
    const ARRAY: Type = Type::TEXT_ARRAY;
}

impl Cell for i64 {
    const ARRAY: Type = Type::INT8_ARRAY;
}

impl Cell for i16 {
    const ARRAY: Type = Type::INT2_ARRAY;
}

impl Cell for f32 {
    const ARRAY: Type = Type::FLOAT4_ARRAY;
}

impl Cell for bool {
    const ARRAY: Type = Type::BOOL_ARRAY;
}

impl<T: Cell> Cell for Option<T> {
    const ARRAY: Type = T::ARRAY;
}

/// One column, ready to be a parameter.
pub struct Column<'a> {
    values: Box<dyn ToSql + Sync + Send + 'a>,
    array: Type,
}

/// One field of every row.
pub fn column<'a, R, C: Cell + Send + 'a>(rows: &'a [R], field: impl Fn(&'a R) -> C) -> Column<'a> {
    Column { values: Box::new(rows.iter().map(field).collect::<Vec<_>>()), array: C::ARRAY }
}

/// Runs a statement whose parameters are columns.
pub async fn execute(db: &impl Db, statement: &str, columns: &[Column<'_>]) -> Result<u64> {
    let params: Vec<Param<'_>> =
        columns.iter().map(|column| (&*column.values as &(dyn ToSql + Sync), column.array.clone())).collect();
    sql::execute(db, statement, &params).await
}
