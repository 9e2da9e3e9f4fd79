//! Columns of a result.

use bytes::Bytes;

use super::lengths::{put_length, put_text, take_length, take_text};
use crate::{DecodeError, Reader, Writer};

/// The most columns a result may have (MariaDB's own limit for a table).
pub const MAX_COLUMNS: usize = 4_096;

/// Numbers of collations.
pub mod charset {
    /// utf8mb4_general_ci, MariaDB's default on Debian.
    pub const UTF8MB4: u16 = 45;
    /// No text: numbers and dates.
    pub const BINARY: u16 = 63;
}

macro_rules! column_types {
    ($($(#[$doc:meta])* $name:ident = $value:literal;)*) => {
        /// How a value is encoded.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        #[repr(u8)]
        pub enum ColumnType {
            $($(#[$doc])* $name = $value,)*
        }

        impl TryFrom<u8> for ColumnType {
            type Error = DecodeError;

            fn try_from(value: u8) -> Result<Self, DecodeError> {
                Ok(match value {
                    $($value => Self::$name,)*
                    _ => return Err(DecodeError::Invalid { field: "type", problem: "is not known" }),
                })
            }
        }
    };
}

column_types! {
    /// DECIMAL of old, as text.
    Decimal = 0x00;
    /// One byte.
    Tiny = 0x01;
    /// Two bytes.
    Short = 0x02;
    /// Four bytes.
    Long = 0x03;
    /// A float of four bytes.
    Float = 0x04;
    /// A float of eight bytes.
    Double = 0x05;
    /// Nothing.
    Null = 0x06;
    /// A moment.
    Timestamp = 0x07;
    /// Eight bytes.
    LongLong = 0x08;
    /// Three bytes, sent as four.
    Int24 = 0x09;
    /// A day.
    Date = 0x0A;
    /// A span of time.
    Time = 0x0B;
    /// A moment.
    DateTime = 0x0C;
    /// A year, sent as two bytes.
    Year = 0x0D;
    /// Text.
    VarChar = 0x0F;
    /// Bits, as bytes.
    Bit = 0x10;
    /// JSON, as text.
    Json = 0xF5;
    /// DECIMAL, as text.
    NewDecimal = 0xF6;
    /// One of a list, as text.
    Enum = 0xF7;
    /// Some of a list, as text.
    Set = 0xF8;
    /// Up to 255 bytes.
    TinyBlob = 0xF9;
    /// Up to 16 MiB.
    MediumBlob = 0xFA;
    /// Up to 4 GiB.
    LongBlob = 0xFB;
    /// Up to 64 KiB.
    Blob = 0xFC;
    /// Text of varying length.
    VarString = 0xFD;
    /// Text of fixed length.
    String = 0xFE;
    /// Shapes, as bytes.
    Geometry = 0xFF;
}

/// Flags of a column.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct ColumnFlags(u16);

impl ColumnFlags {
    /// None.
    pub const NONE: Self = Self(0);
    /// Never NULL.
    pub const NOT_NULL: Self = Self(1);
    /// Numbers are not negative.
    pub const UNSIGNED: Self = Self(0x20);

    /// From the wire.
    #[must_use]
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits)
    }

    /// For the wire.
    #[must_use]
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// These and those.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether all of `others` are set.
    #[must_use]
    pub const fn contains(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }
}

/// The definition of one column, or of one parameter of a prepared statement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Column {
    /// Its database.
    pub schema: String,
    /// Its table, under the name the statement gives it.
    pub table: String,
    /// Its table's own name.
    pub table_origin: String,
    /// Its name in the statement.
    pub name: String,
    /// Its own name.
    pub origin: String,
    /// Its collation.
    pub charset: u16,
    /// The most bytes (of text) or digits a value has.
    pub length: u32,
    /// How values are encoded.
    pub kind: ColumnType,
    /// Flags.
    pub flags: ColumnFlags,
    /// Digits behind the point.
    pub decimals: u8,
}

impl Column {
    /// A column that belongs to no table.
    #[must_use]
    pub fn plain(name: impl Into<String>, kind: ColumnType, charset: u16, length: u32) -> Self {
        Self {
            schema: String::new(),
            table: String::new(),
            table_origin: String::new(),
            name: name.into(),
            origin: String::new(),
            charset,
            length,
            kind,
            flags: ColumnFlags::NONE,
            decimals: 0,
        }
    }

    /// Reads one. A default value, which only the refused COM_FIELD_LIST gives, is not accepted.
    ///
    /// # Errors
    /// It is none.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(message);
        let mut name = |field| take_text(&mut reader, field).map(|text| String::from_utf8_lossy(text).into_owned());
        name("catalog")?;
        let (schema, table, table_origin) = (name("schema")?, name("table")?, name("table's own name")?);
        let (name, origin) = (name("name")?, name("own name")?);
        if take_length(&mut reader, "fixed fields")? != 12 {
            return Err(DecodeError::Invalid { field: "fixed fields", problem: "are not 12 bytes" });
        }
        let charset = reader.u16("charset")?;
        let length = reader.u32("length")?;
        let kind = ColumnType::try_from(reader.u8("type")?)?;
        let flags = ColumnFlags(reader.u16("flags")?);
        let decimals = reader.u8("decimals")?;
        reader.skip("filler", 2)?;
        reader.finish()?;
        Ok(Self { schema, table, table_origin, name, origin, charset, length, kind, flags, decimals })
    }

    /// Writes it.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut writer = Writer::default();
        put_text(&mut writer, b"def");
        for name in [&self.schema, &self.table, &self.table_origin, &self.name, &self.origin] {
            put_text(&mut writer, name.as_bytes());
        }
        put_length(&mut writer, 12);
        writer.u16(self.charset).u32(self.length).u8(self.kind as u8).u16(self.flags.0).u8(self.decimals).zeros(2);
        writer.finish()
    }
}
