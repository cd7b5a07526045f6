//! The little that differs between the databases: how to begin, bind, run and read.

use std::future::Future;

use sqlx::encode::Encode;
use sqlx::types::Type;
use sqlx::{Arguments as _, Database, Pool, SqlStr, Transaction};

/// What differs between the databases.
pub(crate) trait Dialect: Database + Sized {
    /// The operator of whole-number division.
    const DIVIDE: &'static str;
    /// What a `SELECT` ends in when its rows are about to be changed.
    const FOR_UPDATE: &'static str;

    /// Begins a transaction that will write.
    fn begin(writer: &Pool<Self>) -> impl Future<Output = sqlx::Result<Transaction<'static, Self>>> + Send;

    /// Runs a statement that gives no rows.
    fn execute(
        connection: &mut Self::Connection,
        sql: SqlStr,
        values: Vec<Value<'_>>,
    ) -> impl Future<Output = sqlx::Result<Done>> + Send;

    /// Runs a statement and gives all its rows.
    fn fetch(
        connection: &mut Self::Connection,
        sql: SqlStr,
        values: Vec<Value<'_>>,
    ) -> impl Future<Output = sqlx::Result<Vec<Self::Row>>> + Send;

    /// A whole number at a place in a row.
    fn int(row: &Self::Row, index: usize) -> sqlx::Result<Option<i64>>;
    /// A double at a place in a row.
    fn real(row: &Self::Row, index: usize) -> sqlx::Result<Option<f64>>;
    /// A text at a place in a row.
    fn text(row: &Self::Row, index: usize) -> sqlx::Result<Option<String>>;
}

/// A value to be bound.
pub(crate) enum Value<'a> {
    Int(i64),
    Real(f64),
    Text(&'a str),
    Null,
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}

impl From<f64> for Value<'_> {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value)
    }
}

impl<'a, T: Into<Value<'a>>> From<Option<T>> for Value<'a> {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Binds the values in order.
pub(crate) fn arguments<DB>(values: Vec<Value<'_>>) -> sqlx::Result<DB::Arguments>
where
    DB: Database,
    for<'t> i64: Encode<'t, DB> + Type<DB>,
    for<'t> f64: Encode<'t, DB> + Type<DB>,
    for<'t> &'t str: Encode<'t, DB> + Type<DB>,
    for<'t> Option<i64>: Encode<'t, DB> + Type<DB>,
{
    let mut arguments = DB::Arguments::default();
    arguments.reserve(values.len(), 8 * values.len());
    for value in values {
        match value {
            Value::Int(value) => arguments.add(value),
            Value::Real(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value),
            Value::Null => arguments.add(None::<i64>),
        }
        .map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}

/// What a statement did.
pub(crate) struct Done {
    /// How many rows it touched.
    pub(crate) rows: u64,
    /// The key it gave to the row it inserted.
    pub(crate) id: i64,
}
