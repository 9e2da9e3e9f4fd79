//! Values of parameters and rows, and their binary encoding.

use std::fmt;

use bytes::Bytes;

use super::ColumnType;
use super::lengths::{put_text, take_text};
use crate::{DecodeError, Reader, Writer};

/// A value of a parameter or a row.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// NULL.
    Null,
    /// A whole number.
    Int(i64),
    /// A whole number of an unsigned type.
    Unsigned(u64),
    /// A float of four bytes.
    Float(f32),
    /// A float of eight bytes.
    Double(f64),
    /// Text, or anything that travels as text.
    Bytes(Bytes),
    /// A day or moment.
    DateTime(DateTime),
    /// A span of time.
    Time(Time),
}

/// A day or moment, without time zone. All zero is MySQL's "zero date".
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct DateTime {
    /// Year, 0 to 9999.
    pub year: u16,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day, 1 to 31.
    pub day: u8,
    /// Hour.
    pub hour: u8,
    /// Minute.
    pub minute: u8,
    /// Second.
    pub second: u8,
    /// Microsecond.
    pub micro: u32,
}

/// A span of time.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Time {
    /// Whether it is negative.
    pub negative: bool,
    /// Days.
    pub days: u32,
    /// Hours, up to 23.
    pub hours: u8,
    /// Minutes.
    pub minutes: u8,
    /// Seconds.
    pub seconds: u8,
    /// Microseconds.
    pub micros: u32,
}

impl Value {
    /// Reads a value that is not NULL in its binary encoding.
    ///
    /// # Errors
    /// The body ends, or a date has a length there is none of.
    pub fn decode(reader: &mut Reader<'_>, kind: ColumnType, unsigned: bool) -> Result<Self, DecodeError> {
        use ColumnType as Kind;
        Ok(match (kind, unsigned) {
            (Kind::Null, _) => Self::Null,
            (Kind::Tiny, false) => Self::Int(reader.i8("value")?.into()),
            (Kind::Tiny, true) => Self::Unsigned(reader.u8("value")?.into()),
            (Kind::Short, false) => Self::Int(reader.i16("value")?.into()),
            (Kind::Short, true) | (Kind::Year, _) => Self::Unsigned(reader.u16("value")?.into()),
            (Kind::Long | Kind::Int24, false) => Self::Int(reader.i32("value")?.into()),
            (Kind::Long | Kind::Int24, true) => Self::Unsigned(reader.u32("value")?.into()),
            (Kind::LongLong, false) => Self::Int(reader.i64("value")?),
            (Kind::LongLong, true) => Self::Unsigned(reader.u64("value")?),
            (Kind::Float, _) => Self::Float(f32::from_bits(reader.u32("value")?)),
            (Kind::Double, _) => Self::Double(f64::from_bits(reader.u64("value")?)),
            (Kind::Date | Kind::DateTime | Kind::Timestamp, _) => Self::DateTime(DateTime::decode(reader)?),
            (Kind::Time, _) => Self::Time(Time::decode(reader)?),
            (
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
                | Kind::Geometry,
                _,
            ) => Self::Bytes(Bytes::copy_from_slice(take_text(reader, "value")?)),
        })
    }

    /// Writes it in the binary encoding of its own kind: numbers as eight bytes, the rest as text. NULL writes nothing.
    pub fn encode(&self, writer: &mut Writer) {
        match self {
            Self::Null => {}
            Self::Int(value) => drop(writer.i64(*value)),
            Self::Unsigned(value) => drop(writer.u64(*value)),
            Self::Float(value) => drop(writer.u32(value.to_bits())),
            Self::Double(value) => drop(writer.u64(value.to_bits())),
            Self::Bytes(value) => put_text(writer, value),
            Self::DateTime(value) => value.encode(writer),
            Self::Time(value) => value.encode(writer),
        }
    }

    /// The value as text, as a text result carries it; `None` for NULL.
    #[must_use]
    pub fn to_text(&self) -> Option<Bytes> {
        match self {
            Self::Null => None,
            Self::Bytes(value) => Some(value.clone()),
            Self::Int(_) | Self::Unsigned(_) | Self::Float(_) | Self::Double(_) | Self::DateTime(_) | Self::Time(_) => {
                Some(self.to_string().into())
            }
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => out.write_str("NULL"),
            Self::Int(value) => write!(out, "{value}"),
            Self::Unsigned(value) => write!(out, "{value}"),
            Self::Float(value) => write!(out, "{value}"),
            Self::Double(value) => write!(out, "{value}"),
            Self::Bytes(value) => out.write_str(&String::from_utf8_lossy(value)),
            Self::DateTime(value) => value.fmt(out),
            Self::Time(value) => value.fmt(out),
        }
    }
}

/// Values are players' words and secrets: only their kind is printed.
impl fmt::Debug for Value {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Null => "Null",
            Self::Int(_) => "Int(..)",
            Self::Unsigned(_) => "Unsigned(..)",
            Self::Float(_) => "Float(..)",
            Self::Double(_) => "Double(..)",
            Self::Bytes(_) => "Bytes(..)",
            Self::DateTime(_) => "DateTime(..)",
            Self::Time(_) => "Time(..)",
        })
    }
}

impl DateTime {
    /// Reads one: a length of 0, 4 (day), 7 (second) or 11 (microsecond), then that many bytes.
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let len = reader.u8("date")?;
        let mut date = Self::default();
        if !matches!(len, 0 | 4 | 7 | 11) {
            return Err(DecodeError::Invalid { field: "date", problem: "has a length there is none of" });
        }
        if len >= 4 {
            (date.year, date.month, date.day) = (reader.u16("year")?, reader.u8("month")?, reader.u8("day")?);
        }
        if len >= 7 {
            (date.hour, date.minute, date.second) = (reader.u8("hour")?, reader.u8("minute")?, reader.u8("second")?);
        }
        if len == 11 {
            date.micro = reader.u32("microsecond")?;
        }
        Ok(date)
    }

    fn encode(self, writer: &mut Writer) {
        writer.u8(11).u16(self.year).u8(self.month).u8(self.day);
        writer.u8(self.hour).u8(self.minute).u8(self.second).u32(self.micro);
    }
}

impl fmt::Display for DateTime {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second, micro } = self;
        write!(out, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")?;
        if *micro == 0 { Ok(()) } else { write!(out, ".{micro:06}") }
    }
}

impl Time {
    /// Reads one: a length of 0, 8 (second) or 12 (microsecond), then that many bytes.
    fn decode(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let len = reader.u8("time")?;
        let mut time = Self::default();
        if !matches!(len, 0 | 8 | 12) {
            return Err(DecodeError::Invalid { field: "time", problem: "has a length there is none of" });
        }
        if len >= 8 {
            (time.negative, time.days) = (reader.u8("sign")? != 0, reader.u32("days")?);
            (time.hours, time.minutes, time.seconds) =
                (reader.u8("hours")?, reader.u8("minutes")?, reader.u8("seconds")?);
        }
        if len == 12 {
            time.micros = reader.u32("microseconds")?;
        }
        Ok(time)
    }

    fn encode(self, writer: &mut Writer) {
        writer.u8(12).u8(u8::from(self.negative)).u32(self.days);
        writer.u8(self.hours).u8(self.minutes).u8(self.seconds).u32(self.micros);
    }
}

impl fmt::Display for Time {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hours = u64::from(self.days).saturating_mul(24).saturating_add(self.hours.into());
        let sign = if self.negative { "-" } else { "" };
        write!(out, "{sign}{hours:02}:{:02}:{:02}", self.minutes, self.seconds)?;
        if self.micros == 0 { Ok(()) } else { write!(out, ".{:06}", self.micros) }
    }
}
