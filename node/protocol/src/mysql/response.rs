//! What a server answers to a command, rows excepted.

use std::fmt;

use bytes::Bytes;

use super::lengths::{put_length, take_length};
use crate::{DecodeError, Reader, Writer};

/// Flags of the server's state.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Status(u16);

impl Status {
    /// A transaction is open.
    pub const IN_TRANSACTION: Self = Self(1);
    /// Every statement is a transaction of its own.
    pub const AUTOCOMMIT: Self = Self(2);
    /// Another result follows.
    pub const MORE_RESULTS: Self = Self(8);
    /// Rows wait to be fetched.
    pub const CURSOR: Self = Self(0x40);

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

    /// Whether all of `others` are set.
    #[must_use]
    pub const fn contains(self, others: Self) -> bool {
        self.0 & others.0 == others.0
    }
}

/// A statement that gives no rows was carried out.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Done {
    /// Rows that it changed.
    pub affected: u64,
    /// The last number an AUTO_INCREMENT column gave; 0 for none.
    pub insert_id: u64,
    /// The server's state.
    pub status: Status,
    /// How many warnings there are.
    pub warnings: u16,
    /// Something for people, as `Rows matched: 1`.
    pub info: Vec<u8>,
}

impl Done {
    /// Reads one, its first byte 0x00 included. What stands behind the known fields is taken for `info`.
    ///
    /// # Errors
    /// It is none.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(message);
        if reader.u8("kind")? != 0 {
            return Err(DecodeError::Invalid { field: "kind", problem: "is not OK" });
        }
        let affected = take_length(&mut reader, "affected rows")?;
        let insert_id = take_length(&mut reader, "insert id")?;
        let status = Status(reader.u16("status")?);
        let warnings = reader.u16("warnings")?;
        Ok(Self { affected, insert_id, status, warnings, info: reader.rest().to_vec() })
    }

    /// Writes it.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut writer = Writer::default();
        writer.u8(0);
        put_length(&mut writer, self.affected);
        put_length(&mut writer, self.insert_id);
        writer.u16(self.status.0).u16(self.warnings);
        if !self.info.is_empty() {
            super::put_text(&mut writer, &self.info);
        }
        writer.finish()
    }
}

/// Numbers of errors, from MariaDB's list.
pub mod code {
    /// The server takes no more connections.
    pub const TOO_MANY_CONNECTIONS: u16 = 1040;
    /// Wrong user or password.
    pub const ACCESS_DENIED: u16 = 1045;
    /// The command is not one the server knows.
    pub const UNKNOWN_COMMAND: u16 = 1047;
    /// There is no such database.
    pub const UNKNOWN_DATABASE: u16 = 1049;
    /// There is no such column.
    pub const UNKNOWN_COLUMN: u16 = 1054;
    /// Not in this state of the connection.
    pub const SHUTDOWN: u16 = 1053;
    /// A key is there already.
    pub const DUPLICATE_KEY: u16 = 1062;
    /// The statement cannot be read.
    pub const SYNTAX: u16 = 1064;
    /// More than the server has room for.
    pub const OUT_OF_RESOURCES: u16 = 1041;
    /// The table takes no more rows.
    pub const TABLE_FULL: u16 = 1114;
    /// The values are not as many as the columns.
    pub const COLUMN_COUNT: u16 = 1136;
    /// The command is not allowed on this table.
    pub const TABLE_ACCESS_DENIED: u16 = 1142;
    /// A message is longer than the server takes.
    pub const MESSAGE_TOO_LONG: u16 = 1153;
    /// Messages came out of order.
    pub const OUT_OF_ORDER: u16 = 1156;
    /// The statement took too long.
    pub const TIMED_OUT: u16 = 1205;
    /// Parameters of a prepared statement do not fit.
    pub const WRONG_ARGUMENTS: u16 = 1210;
    /// There is no prepared statement with this number.
    pub const UNKNOWN_STATEMENT: u16 = 1243;
    /// More prepared statements than the server keeps.
    pub const TOO_MANY_STATEMENTS: u16 = 1461;
    /// The message is malformed.
    pub const MALFORMED: u16 = 1835;
}

/// A statement, login or command failed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServerError {
    /// Its number; see [`code`].
    pub code: u16,
    /// Its SQLSTATE, 5 letters or digits.
    pub state: [u8; 5],
    /// What is wrong, for people.
    pub message: String,
}

impl ServerError {
    /// An error with the SQLSTATE that belongs to its number.
    #[must_use]
    pub fn new(code: u16, message: impl Into<String>) -> Self {
        Self { code, state: *state_of(code), message: message.into() }
    }

    /// Reads one, its first byte 0xFF included. A server that refuses a connection outright leaves the state out.
    ///
    /// # Errors
    /// It is none.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(message);
        if reader.u8("kind")? != 0xFF {
            return Err(DecodeError::Invalid { field: "kind", problem: "is not an error" });
        }
        let code = reader.u16("code")?;
        let mut state = *state_of(code);
        if reader.clone().u8("state") == Ok(b'#') {
            reader.skip("state", 1)?;
            state = reader.array("state")?;
        }
        Ok(Self { code, state, message: String::from_utf8_lossy(reader.rest()).into_owned() })
    }

    /// Writes it.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut writer = Writer::default();
        writer.u8(0xFF).u16(self.code).u8(b'#').bytes(&self.state).bytes(self.message.as_bytes());
        writer.finish()
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "error {}: {}", self.code, self.message)
    }
}

fn state_of(code: u16) -> &'static [u8; 5] {
    match code {
        code::TOO_MANY_CONNECTIONS | code::UNKNOWN_COMMAND | code::OUT_OF_ORDER | code::SHUTDOWN => b"08S01",
        code::MESSAGE_TOO_LONG => b"08S01",
        code::ACCESS_DENIED => b"28000",
        code::UNKNOWN_DATABASE | code::SYNTAX | code::TABLE_ACCESS_DENIED | code::TOO_MANY_STATEMENTS => b"42000",
        code::UNKNOWN_COLUMN => b"42S22",
        code::DUPLICATE_KEY => b"23000",
        code::COLUMN_COUNT => b"21S01",
        _ => b"HY000",
    }
}

/// The end of a list of columns or rows (EOF).
#[must_use]
pub fn end(warnings: u16, status: Status) -> Bytes {
    let mut writer = Writer::default();
    writer.u8(0xFE).u16(warnings).u16(status.0);
    writer.finish()
}

/// The state in the end of a list; `None` when the message is something else. A row can start with 0xFE too, but is longer.
#[must_use]
pub fn is_end(message: &[u8]) -> Option<Status> {
    match message {
        [0xFE, _, _, low, high] => Some(Status(u16::from_le_bytes([*low, *high]))),
        _ => None,
    }
}

/// The first message that answers a command.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// Done, no rows.
    Done(Done),
    /// Failed.
    Error(ServerError),
    /// So many columns and then rows follow.
    Rows(u64),
    /// The server asks for a file of the client.
    LocalFile,
}

impl Answer {
    /// Reads the first answer to COM_QUERY or COM_STMT_EXECUTE.
    ///
    /// # Errors
    /// It is none of the kinds there are.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        match message.first() {
            Some(0) => Done::decode(message).map(Self::Done),
            Some(0xFF) => ServerError::decode(message).map(Self::Error),
            Some(0xFB) => Ok(Self::LocalFile),
            _ => {
                let mut reader = Reader::new(message);
                let columns = take_length(&mut reader, "columns")?;
                // MariaDB's own clients agree with the server on a byte here: 1 when the columns' definitions follow.
                if reader.left() == 1 && reader.u8("definitions")? != 1 {
                    return Err(DecodeError::Invalid { field: "definitions", problem: "do not follow" });
                }
                reader.finish()?;
                Ok(Self::Rows(columns))
            }
        }
    }
}
