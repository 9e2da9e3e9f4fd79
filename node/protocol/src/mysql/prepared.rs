//! Prepared statements: what preparing gives, and one run with its parameters.

use bytes::{Buf, Bytes};

use super::{ColumnType, Value};
use crate::{DecodeError, Reader, Writer};

/// The most parameters a prepared statement may have. A stock map-server's have two.
pub const MAX_PARAMETERS: usize = 1_024;

/// The first answer to a prepared statement; definitions of its parameters and then its columns follow, each list with an end
/// behind it unless it is empty.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PrepareOk {
    /// Its number.
    pub statement: u32,
    /// How many columns its rows have.
    pub columns: u16,
    /// How many parameters it takes.
    pub parameters: u16,
    /// How many warnings there are.
    pub warnings: u16,
}

impl PrepareOk {
    /// Reads one.
    ///
    /// # Errors
    /// It is none.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(message);
        if reader.u8("kind")? != 0 {
            return Err(DecodeError::Invalid { field: "kind", problem: "is not OK" });
        }
        let statement = reader.u32("statement")?;
        let (columns, parameters) = (reader.u16("columns")?, reader.u16("parameters")?);
        reader.skip("filler", 1)?;
        let warnings = reader.u16("warnings")?;
        Ok(Self { statement, columns, parameters, warnings })
    }

    /// Writes it.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut writer = Writer::default();
        writer.u8(0).u32(self.statement).u16(self.columns).u16(self.parameters).u8(0).u16(self.warnings);
        writer.finish()
    }
}

/// How a parameter is encoded.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ParameterType {
    /// Its type.
    pub kind: ColumnType,
    /// Whether numbers are not negative.
    pub unsigned: bool,
}

/// One run of a prepared statement. How its parameters lie in it depends on how many the statement has: [`bind`](Self::bind).
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Execute {
    /// The statement.
    pub statement: u32,
    /// 0: rows are sent at once. Anything else asks for a cursor.
    pub cursor: u8,
    /// NULL bitmap, types and values.
    parameters: Bytes,
}

impl Execute {
    pub(super) fn decode(mut body: Bytes) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(&body);
        let (statement, cursor) = (reader.u32("statement")?, reader.u8("cursor")?);
        if reader.u32("iterations")? != 1 {
            return Err(DecodeError::Invalid { field: "iterations", problem: "are not 1" });
        }
        let head = body.len().saturating_sub(reader.left());
        body.advance(head);
        Ok(Self { statement, cursor, parameters: body })
    }

    pub(super) fn encode(&self, writer: &mut Writer) {
        writer.u32(self.statement).u8(self.cursor).u32(1).bytes(&self.parameters);
    }

    /// A run with these values.
    #[must_use]
    pub fn with(statement: u32, values: &[Value]) -> Self {
        let mut writer = Writer::default();
        if !values.is_empty() {
            for eight in values.chunks(8) {
                let nulls = eight.iter().rev().fold(0_u8, |bits, value| bits << 1 | u8::from(*value == Value::Null));
                writer.u8(nulls);
            }
            writer.u8(1);
            for value in values {
                let kind = type_of(value);
                writer.u8(kind.kind as u8).u8(if kind.unsigned { 0x80 } else { 0 });
            }
            for value in values {
                value.encode(&mut writer);
            }
        }
        Self { statement, cursor: 0, parameters: writer.finish() }
    }

    /// The values of a statement with `count` parameters. `types` are those of its last run, taken when this run brings none
    /// and replaced when it brings some; `long` are values that were sent before, by parameter.
    ///
    /// # Errors
    /// The parameters are not that many, have no known type, or the body does not end behind them.
    pub fn bind(
        &self,
        count: usize,
        types: &mut Vec<ParameterType>,
        mut long: impl FnMut(usize) -> Option<Bytes>,
    ) -> Result<Vec<Value>, DecodeError> {
        let mut reader = Reader::new(&self.parameters);
        if count > MAX_PARAMETERS {
            return Err(DecodeError::Invalid { field: "parameters", problem: "are more than can be" });
        }
        if count == 0 {
            // libmariadb writes nothing here, other clients the mark that types follow.
            return Ok(Vec::new());
        }
        let nulls = reader.bytes("NULL bitmap", count.div_ceil(8))?;
        if reader.u8("new types")? == 1 {
            types.clear();
            for _ in 0..count {
                let kind = ColumnType::try_from(reader.u8("type")?)?;
                types.push(ParameterType { kind, unsigned: reader.u8("sign")? & 0x80 != 0 });
            }
        }
        if types.len() != count {
            return Err(DecodeError::Invalid { field: "types", problem: "are missing" });
        }
        let mut values = Vec::with_capacity(count);
        for (index, kind) in types.iter().enumerate() {
            let byte = nulls.get(index / 8).copied().unwrap_or_default();
            let null = byte >> (index % 8) & 1 == 1;
            values.push(match long(index) {
                Some(value) => Value::Bytes(value),
                None if null => Value::Null,
                None => Value::decode(&mut reader, kind.kind, kind.unsigned)?,
            });
        }
        reader.finish()?;
        Ok(values)
    }
}

fn type_of(value: &Value) -> ParameterType {
    let kind = match value {
        Value::Null => ColumnType::Null,
        Value::Int(_) | Value::Unsigned(_) => ColumnType::LongLong,
        Value::Float(_) => ColumnType::Float,
        Value::Double(_) => ColumnType::Double,
        Value::Bytes(_) => ColumnType::VarString,
        Value::DateTime(_) => ColumnType::DateTime,
        Value::Time(_) => ColumnType::Time,
    };
    ParameterType { kind, unsigned: matches!(value, Value::Unsigned(_)) }
}
