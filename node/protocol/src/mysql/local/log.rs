//! Lines of logs: they are written and never read by who writes them, so they need no more than to be readable.

use super::evaluate::Scope;
use super::moment;
use crate::mysql::sql::{Expr, Insert};
use crate::mysql::{ServerError, Value};

/// A line: the names of columns and their values.
pub type LogLine = Vec<(String, Option<String>)>;

/// The lines an INSERT adds: for each the names of its columns and their values as text. Moments are dates in UTC; columns that
/// the statement does not name are counted from 1.
///
/// # Errors
/// A value cannot be worked out.
pub fn log_lines(insert: &Insert, parameters: &[Value], now: i64) -> Result<Vec<LogLine>, ServerError> {
    let scope = Scope { table: None, parameters, now };
    let line = |row: &Vec<Expr>| {
        let named = row.iter().enumerate().map(|(at, expr)| {
            let name = insert
                .columns
                .get(at)
                .map_or_else(|| at.saturating_add(1).to_string(), |name| name.as_str().to_owned());
            let value = scope.value(expr, &[])?;
            let value = match (expr, value) {
                (Expr::Call(name, _), Value::Int(seconds)) if name != "UNIX_TIMESTAMP" => {
                    Value::DateTime(moment::date(seconds))
                }
                (_, value) => value,
            };
            Ok((name, value.to_text().map(|text| String::from_utf8_lossy(&text).into_owned())))
        });
        named.collect()
    };
    insert.rows.iter().map(line).collect()
}
