//! Working out expressions over a row. Moments are seconds, truth is 1 and 0, NULL is unknown.

use std::cmp::Ordering;

use bytes::Bytes;

use crate::mysql::sql::{Calculation, Comparison, Expr, Literal};
use crate::mysql::{ServerError, Value, code, variables};

use super::moment;
use super::schema::{Kind, Table};

/// What an expression may refer to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope<'a> {
    /// The table its columns are of.
    pub(super) table: Option<&'static Table>,
    /// Parameters.
    pub(super) parameters: &'a [Value],
    /// The time.
    pub(super) now: i64,
}

impl Scope<'_> {
    /// The value of an expression for a row.
    pub(super) fn value(&self, expr: &Expr, row: &[Value]) -> Result<Value, ServerError> {
        Ok(match expr {
            Expr::Column(name) => {
                let column = self.table.and_then(|table| table.column(name.as_str()));
                let (index, _) = column.ok_or_else(|| unknown_column(name.as_str()))?;
                row.get(index).cloned().unwrap_or(Value::Null)
            }
            Expr::Literal(literal) => literal_value(literal),
            Expr::Parameter(index) => {
                let value = self.parameters.get(*index).cloned();
                own(value.ok_or_else(|| ServerError::new(code::WRONG_ARGUMENTS, "a parameter has no value"))?)
            }
            Expr::Variable(name) => {
                let value = variables::get(name);
                text(value.ok_or_else(|| denied(&format!("variable {name} is not served")))?)
            }
            Expr::Call(name, arguments) => self.call(name, arguments, row)?,
            Expr::And(left, right) => truth(match (self.truth(left, row)?, self.truth(right, row)?) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                (None, _) | (_, None) => None,
            }),
            Expr::Or(left, right) => truth(match (self.truth(left, row)?, self.truth(right, row)?) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                (None, _) | (_, None) => None,
            }),
            Expr::Not(inner) => truth(self.truth(inner, row)?.map(|truth| !truth)),
            Expr::Compare(how, left, right) => truth(self.compare(*how, left, right, row)?),
            Expr::Calculate(how, left, right) => calculate(*how, &self.value(left, row)?, &self.value(right, row)?),
            Expr::In(one, list) => {
                let mut within = Some(false);
                for other in list {
                    match self.compare(Comparison::Equal, one, other, row)? {
                        Some(true) => return Ok(truth(Some(true))),
                        Some(false) => {}
                        None => within = None,
                    }
                }
                truth(within)
            }
            Expr::IsNull(inner) => truth(Some(self.value(inner, row)? == Value::Null)),
            Expr::Subquery(_) | Expr::Given(_) => return Err(denied("a nested query is not served")),
        })
    }

    /// Whether a filter takes a row; one that is not there takes all.
    pub(super) fn takes(&self, filter: Option<&Expr>, row: &[Value]) -> Result<bool, ServerError> {
        filter.map_or(Ok(true), |filter| Ok(self.truth(filter, row)? == Some(true)))
    }

    fn truth(&self, expr: &Expr, row: &[Value]) -> Result<Option<bool>, ServerError> {
        let value = self.value(expr, row)?;
        Ok(if value == Value::Null { None } else { Some(number(&value) != 0) })
    }

    fn compare(&self, how: Comparison, left: &Expr, right: &Expr, row: &[Value]) -> Result<Option<bool>, ServerError> {
        let (exact, is_moment) = (self.is(left, right, is_exact), self.is(left, right, |kind| kind == Kind::Moment));
        let (mut left, mut right) = (self.value(left, row)?, self.value(right, row)?);
        if is_moment {
            (left, right) = (as_moment(left), as_moment(right));
        }
        if left == Value::Null || right == Value::Null {
            return Ok(None);
        }
        let order = compare(&left, &right, exact);
        Ok(Some(match how {
            Comparison::Equal => order == Ordering::Equal,
            Comparison::NotEqual => order != Ordering::Equal,
            Comparison::Less => order == Ordering::Less,
            Comparison::LessOrEqual => order != Ordering::Greater,
            Comparison::Greater => order == Ordering::Greater,
            Comparison::GreaterOrEqual => order != Ordering::Less,
            Comparison::Like => {
                let folded = |value: &Value| {
                    let bytes = value.to_text().unwrap_or_default();
                    if exact { bytes.to_vec() } else { bytes.to_ascii_lowercase() }
                };
                variables::is_like(&folded(&left), &folded(&right))
            }
        }))
    }

    /// Whether one of two expressions is a column of some kind.
    fn is(&self, left: &Expr, right: &Expr, kind: impl Fn(Kind) -> bool) -> bool {
        [left, right].into_iter().any(|expr| {
            let Expr::Column(name) = expr else { return false };
            let column = self.table.and_then(|table| table.column(name.as_str()));
            column.is_some_and(|(_, column)| kind(column.kind))
        })
    }

    fn call(&self, name: &str, arguments: &[Expr], row: &[Value]) -> Result<Value, ServerError> {
        if let (Some(about), []) = (variables::about(name), arguments) {
            return Ok(text(about));
        }
        match (name, arguments) {
            ("NOW" | "CURRENT_TIMESTAMP" | "UNIX_TIMESTAMP", []) => Ok(Value::Int(self.now)),
            ("UNIX_TIMESTAMP", [of]) => Ok(as_moment(self.value(of, row)?)),
            ("FROM_UNIXTIME", [of]) => Ok(Value::Int(number(&self.value(of, row)?))),
            _ => Err(denied(&format!("function {name} is not served"))),
        }
    }
}

/// Whether a function with so many arguments can be worked out. COUNT only as the one thing a SELECT asks for.
pub(super) fn is_function(name: &str, arguments: usize) -> bool {
    match arguments {
        0 => {
            variables::about(name).is_some() || matches!(name, "NOW" | "CURRENT_TIMESTAMP" | "UNIX_TIMESTAMP" | "COUNT")
        }
        1 => matches!(name, "UNIX_TIMESTAMP" | "FROM_UNIXTIME" | "COUNT"),
        _ => false,
    }
}

/// A command or function that is refused.
pub(super) fn denied(why: &str) -> ServerError {
    ServerError::new(code::TABLE_ACCESS_DENIED, why)
}

/// A column that the table has not.
pub(super) fn unknown_column(name: &str) -> ServerError {
    ServerError::new(code::UNKNOWN_COLUMN, format!("unknown column {name}"))
}

/// Less, equal or greater: as text when both are, else as numbers.
pub(super) fn compare(left: &Value, right: &Value, exact: bool) -> Ordering {
    match (left, right) {
        (Value::Bytes(left), Value::Bytes(right)) if exact => left.cmp(right),
        (Value::Bytes(left), Value::Bytes(right)) => {
            let folded = |bytes: &Bytes| bytes.to_ascii_lowercase();
            folded(left).cmp(&folded(right))
        }
        _ => number(left).cmp(&number(right)),
    }
}

/// The whole number a value is, as MySQL reads text: what of it is a number, else 0.
#[expect(
    clippy::cast_possible_truncation,
    reason = "what is behind the point is cut off, what is too great is the greatest"
)]
pub(super) fn number(value: &Value) -> i64 {
    match value {
        Value::Null | Value::Time(_) => 0,
        Value::Int(number) => *number,
        Value::Unsigned(number) => i64::try_from(*number).unwrap_or(i64::MAX),
        Value::Float(number) => *number as i64,
        Value::Double(number) => *number as i64,
        Value::DateTime(date) => moment::seconds(date),
        Value::Bytes(text) => {
            let text = String::from_utf8_lossy(text);
            let text = text.trim_start();
            let digits = text
                .bytes()
                .skip(1)
                .position(|byte| !byte.is_ascii_digit())
                .map_or(text.len(), |at| at.saturating_add(1));
            text.get(..digits).unwrap_or_default().parse().unwrap_or(0)
        }
    }
}

/// A value as a moment: text may be a date.
pub(super) fn as_moment(value: Value) -> Value {
    if value == Value::Null {
        return value;
    }
    let date = if let Value::Bytes(text) = &value { moment::parse(&String::from_utf8_lossy(text)) } else { None };
    Value::Int(date.unwrap_or_else(|| number(&value)))
}

fn is_exact(kind: Kind) -> bool {
    matches!(kind, Kind::ExactText(_))
}

fn calculate(how: Calculation, left: &Value, right: &Value) -> Value {
    if *left == Value::Null || *right == Value::Null {
        return Value::Null;
    }
    let (left, right) = (number(left), number(right));
    Value::Int(match how {
        Calculation::Add => left.saturating_add(right),
        Calculation::Subtract => left.saturating_sub(right),
        Calculation::Multiply => left.saturating_mul(right),
    })
}

fn truth(truth: Option<bool>) -> Value {
    truth.map_or(Value::Null, |truth| Value::Int(i64::from(truth)))
}

fn text(text: &str) -> Value {
    Value::Bytes(Bytes::copy_from_slice(text.as_bytes()))
}

/// A value that does not keep a whole message alive.
fn own(value: Value) -> Value {
    if let Value::Bytes(bytes) = &value { Value::Bytes(Bytes::copy_from_slice(bytes)) } else { value }
}

fn literal_value(literal: &Literal) -> Value {
    match literal {
        Literal::Null => Value::Null,
        Literal::Int(number) => Value::Int(*number),
        Literal::Unsigned(number) => Value::Unsigned(*number),
        Literal::Decimal(digits) => text(digits),
        Literal::Text(bytes) => own(Value::Bytes(bytes.clone())),
    }
}
