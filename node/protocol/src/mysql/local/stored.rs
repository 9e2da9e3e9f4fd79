//! Rows that are kept elsewhere: how they are written down, and which of them a statement needs.

use bytes::Bytes;

use super::answers::table_named;
use super::evaluate::{Scope, number};
use super::schema::{Kind, Sign, Table};
use super::tables::{fit, key_len, key_of, new_row};
use crate::mysql::sql::{Comparison, Expr, Statement};
use crate::mysql::{ServerError, Value, take_text, text_row};
use crate::{DecodeError, Reader};

/// The rows that have to be there for a statement to be carried out.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Wanted {
    /// All of the table.
    All,
    /// The one with this key, if it is there.
    One(Vec<u8>),
}

/// A row as it is written down: its columns as text, each with its length before it.
#[must_use]
pub fn encode_row(row: &[Value]) -> Bytes {
    text_row(row)
}

/// Reads a row of a table.
///
/// # Errors
/// It is no row of this table.
pub fn decode_row(table: &Table, body: &[u8]) -> Result<Vec<Value>, DecodeError> {
    let mut reader = Reader::new(body);
    let mut row = Vec::with_capacity(table.columns.len());
    for column in table.columns {
        let text = Value::Bytes(Bytes::copy_from_slice(take_text(&mut reader, column.name)?));
        row.push(match column.kind {
            Kind::Number(_, Sign::Unsigned) => Value::Unsigned(u64::try_from(number(&text)).unwrap_or(0)),
            Kind::Number(_, Sign::Signed) | Kind::Moment => Value::Int(number(&text)),
            Kind::Text(_) | Kind::ExactText(_) => text,
        });
    }
    reader.finish()?;
    Ok(row)
}

/// Which rows of its table a statement needs: the one whose key it names, else all.
///
/// # Errors
/// The statement is refused.
pub fn wanted(statement: &Statement, parameters: &[Value], now: i64) -> Result<Wanted, ServerError> {
    let scope = |table| Scope { table: Some(table), parameters, now };
    let by = |named, filter: Option<&Expr>| {
        let table = table_named(named)?;
        Some(filter.and_then(|filter| key_in(filter, table, &scope(table))).map_or(Wanted::All, Wanted::One))
    };
    let found = match statement {
        Statement::Select(select) => select.table.as_ref().and_then(|named| by(named, select.filter.as_ref())),
        Statement::Update(update) => by(&update.table, update.filter.as_ref()),
        Statement::Delete(delete) => by(&delete.table, delete.filter.as_ref()),
        Statement::Insert(insert) => match (table_named(&insert.table), insert.rows.as_slice()) {
            (Some(table), [values]) => {
                Some(Wanted::One(key_of(table, &new_row(insert, values, table, &scope(table))?)))
            }
            _ => None,
        },
        Statement::Session(_) => None,
    };
    Ok(found.unwrap_or(Wanted::All))
}

/// The key that a filter demands, when it demands a value for each of its columns.
fn key_in(filter: &Expr, table: &'static Table, scope: &Scope<'_>) -> Option<Vec<u8>> {
    let mut key = vec![None; key_len(table)];
    demand(filter, table, scope, &mut key);
    let row = key.into_iter().collect::<Option<Vec<_>>>().filter(|row| !row.is_empty())?;
    Some(key_of(table, &row))
}

fn demand(filter: &Expr, table: &'static Table, scope: &Scope<'_>, key: &mut [Option<Value>]) {
    match filter {
        Expr::And(left, right) => [left, right].into_iter().for_each(|side| demand(side, table, scope, key)),
        Expr::Compare(Comparison::Equal, left, right) => {
            if let (Expr::Column(name), given @ (Expr::Literal(_) | Expr::Parameter(_)))
            | (given @ (Expr::Literal(_) | Expr::Parameter(_)), Expr::Column(name)) = (&**left, &**right)
                && let Some((at, column)) = table.column(name.as_str())
                && let Some(slot) = key.get_mut(at)
                && let Ok(value) = scope.value(given, &[])
                // Text that is compared with a number is compared as a number: many keys may be meant.
                && (matches!(column.kind, Kind::Number(..)) || matches!(value, Value::Bytes(_)))
            {
                *slot = Some(fit(value, column.kind));
            }
        }
        Expr::Column(_)
        | Expr::Literal(_)
        | Expr::Parameter(_)
        | Expr::Variable(_)
        | Expr::Call(..)
        | Expr::Or(..)
        | Expr::Not(_)
        | Expr::Compare(..)
        | Expr::Calculate(..)
        | Expr::In(..)
        | Expr::IsNull(_)
        | Expr::Subquery(_)
        | Expr::Given(_) => {}
    }
}
