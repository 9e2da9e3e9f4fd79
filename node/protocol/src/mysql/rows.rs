//! Rows of results: all text, or binary as the columns say (prepared statements).

use bytes::Bytes;

use super::lengths::put_text;
use super::{Column, ColumnType, Value};
use crate::Writer;

/// A row of a text result.
#[must_use]
pub fn text_row<'a>(values: impl IntoIterator<Item = &'a Value>) -> Bytes {
    let mut writer = Writer::default();
    for value in values {
        match value.to_text() {
            Some(text) => put_text(&mut writer, &text),
            None => drop(writer.u8(0xFB)),
        }
    }
    writer.finish()
}

/// A row of a prepared statement's result. A value that is not of its column's type is given as it can be: a number that
/// does not fit keeps its low bytes, text where a number belongs is 0.
#[must_use]
pub fn binary_row(columns: &[Column], values: &[Value]) -> Bytes {
    let mut writer = Writer::default();
    writer.u8(0);
    // The bitmap's first two bits belong to no column.
    let bits = [false, false].into_iter().chain(values.iter().map(|value| *value == Value::Null)).collect::<Vec<_>>();
    for eight in bits.chunks(8) {
        writer.u8(eight.iter().rev().fold(0_u8, |bits, null| bits << 1 | u8::from(*null)));
    }
    for (column, value) in columns.iter().zip(values) {
        put(&mut writer, column, value);
    }
    writer.finish()
}

fn put(writer: &mut Writer, column: &Column, value: &Value) {
    use ColumnType as Kind;
    if *value == Value::Null {
        return;
    }
    let [a, b, c, d, ..] = number(value);
    match column.kind {
        Kind::Null => {}
        Kind::Tiny => drop(writer.bytes(&[a])),
        Kind::Short | Kind::Year => drop(writer.bytes(&[a, b])),
        Kind::Long | Kind::Int24 => drop(writer.bytes(&[a, b, c, d])),
        Kind::LongLong => drop(writer.bytes(&number(value))),
        Kind::Float => drop(writer.u32(if let Value::Float(value) = value { value.to_bits() } else { 0 })),
        Kind::Double => drop(writer.u64(if let Value::Double(value) = value { value.to_bits() } else { 0 })),
        Kind::Date | Kind::DateTime | Kind::Timestamp if matches!(value, Value::DateTime(_)) => value.encode(writer),
        Kind::Time if matches!(value, Value::Time(_)) => value.encode(writer),
        Kind::Date | Kind::DateTime | Kind::Timestamp | Kind::Time => drop(writer.u8(0)),
        Kind::Decimal
        | Kind::NewDecimal
        | Kind::VarChar
        | Kind::VarString
        | Kind::String
        | Kind::Bit
        | Kind::Json
        | Kind::Enum
        | Kind::Set
        | Kind::TinyBlob
        | Kind::MediumBlob
        | Kind::LongBlob
        | Kind::Blob
        | Kind::Geometry => put_text(writer, &value.to_text().unwrap_or_default()),
    }
}

/// The number as eight little-endian bytes, of which narrower columns take the first.
fn number(value: &Value) -> [u8; 8] {
    match value {
        Value::Int(value) => value.to_le_bytes(),
        Value::Unsigned(value) => value.to_le_bytes(),
        Value::Bytes(text) => {
            let text = String::from_utf8_lossy(text);
            text.parse::<i64>().map_or_else(|_| text.parse::<u64>().unwrap_or(0).to_le_bytes(), i64::to_le_bytes)
        }
        Value::Null | Value::Float(_) | Value::Double(_) | Value::DateTime(_) | Value::Time(_) => [0; 8],
    }
}
