//! Typed columns over the portable types both databases have: BIGINT, VARCHAR, VARBINARY and BLOB.

use sqlx::Row;
use sqlx::any::AnyRow;

/// Reading a row; whatever does not fit its type is a decode error.
pub(super) trait Columns {
    fn number<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T, sqlx::Error>;
    fn number_or_none<T: TryFrom<i64>>(&self, column: &'static str) -> Result<Option<T>, sqlx::Error>;
    fn flag(&self, column: &'static str) -> Result<bool, sqlx::Error>;
    fn text(&self, column: &'static str) -> Result<String, sqlx::Error>;
    fn text_or_none(&self, column: &'static str) -> Result<Option<String>, sqlx::Error>;
    fn bytes(&self, column: &'static str) -> Result<Vec<u8>, sqlx::Error>;
    fn bytes_or_none(&self, column: &'static str) -> Result<Option<Vec<u8>>, sqlx::Error>;
    /// UTF-8 kept as bytes, so that neither database's collation or code page touches it.
    fn utf8(&self, column: &'static str) -> Result<String, sqlx::Error>;
}

impl Columns for AnyRow {
    fn number<T: TryFrom<i64>>(&self, column: &'static str) -> Result<T, sqlx::Error> {
        narrow(column, self.try_get::<i64, _>(column)?)
    }

    fn number_or_none<T: TryFrom<i64>>(&self, column: &'static str) -> Result<Option<T>, sqlx::Error> {
        self.try_get::<Option<i64>, _>(column)?.map(|value| narrow(column, value)).transpose()
    }

    fn flag(&self, column: &'static str) -> Result<bool, sqlx::Error> {
        Ok(self.try_get::<i64, _>(column)? != 0)
    }

    fn text(&self, column: &'static str) -> Result<String, sqlx::Error> {
        self.try_get(column)
    }

    fn text_or_none(&self, column: &'static str) -> Result<Option<String>, sqlx::Error> {
        self.try_get(column)
    }

    fn bytes(&self, column: &'static str) -> Result<Vec<u8>, sqlx::Error> {
        self.try_get(column)
    }

    fn bytes_or_none(&self, column: &'static str) -> Result<Option<Vec<u8>>, sqlx::Error> {
        self.try_get(column)
    }

    fn utf8(&self, column: &'static str) -> Result<String, sqlx::Error> {
        String::from_utf8(self.bytes(column)?).map_err(|error| decode(column, error))
    }
}

fn narrow<T: TryFrom<i64>>(column: &'static str, value: i64) -> Result<T, sqlx::Error> {
    T::try_from(value).map_err(|_| decode(column, format!("{value} is out of range")))
}

/// A value that cannot be what the column means.
pub(super) fn decode(
    column: &'static str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync + 'static>>,
) -> sqlx::Error {
    sqlx::Error::ColumnDecode { index: column.to_owned(), source: source.into() }
}

/// A counter as the databases' signed 64 bits. Counters grow by one: none reaches the limit.
pub(super) fn signed(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
