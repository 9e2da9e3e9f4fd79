//! What a client asks for.

use bytes::{Buf, Bytes};

use super::Execute;
use crate::{DecodeError, Reader, Writer};

const QUIT: u8 = 0x01;
const INIT_DB: u8 = 0x02;
const QUERY: u8 = 0x03;
const PING: u8 = 0x0E;
const STMT_PREPARE: u8 = 0x16;
const STMT_EXECUTE: u8 = 0x17;
const STMT_SEND_LONG_DATA: u8 = 0x18;
const STMT_CLOSE: u8 = 0x19;
const STMT_RESET: u8 = 0x1A;

/// A command.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// The connection ends. No answer.
    Quit,
    /// Another default database.
    InitDb(Bytes),
    /// A statement as text.
    Query(Bytes),
    /// Is the server there?
    Ping,
    /// A statement to be prepared.
    Prepare(Bytes),
    /// A run of a prepared statement.
    Execute(Execute),
    /// A piece of a parameter, before the run. No answer.
    LongData {
        /// The statement.
        statement: u32,
        /// The parameter.
        parameter: u16,
        /// The piece.
        data: Bytes,
    },
    /// A prepared statement is not needed any more. No answer.
    Close(u32),
    /// A prepared statement's cursor and long data are dropped.
    Reset(u32),
    /// A command that is not served here, by its number; see [`command_name`].
    Other(u8),
}

impl Command {
    /// Reads one.
    ///
    /// # Errors
    /// It is empty, or its fields do not fit.
    pub fn decode(message: &Bytes) -> Result<Self, DecodeError> {
        let mut body = message.clone();
        let kind = Reader::new(message).u8("command")?;
        body.advance(1);
        let mut reader = Reader::new(&body);
        Ok(match kind {
            QUIT => Self::Quit,
            INIT_DB => Self::InitDb(body),
            QUERY => Self::Query(body),
            PING => Self::Ping,
            STMT_PREPARE => Self::Prepare(body),
            STMT_EXECUTE => Self::Execute(Execute::decode(body)?),
            STMT_SEND_LONG_DATA => {
                let (statement, parameter) = (reader.u32("statement")?, reader.u16("parameter")?);
                Self::LongData { statement, parameter, data: body.slice_ref(reader.rest()) }
            }
            STMT_CLOSE => Self::Close(only(reader)?),
            STMT_RESET => Self::Reset(only(reader)?),
            other => Self::Other(other),
        })
    }

    /// Writes it. `Other` is written without a body.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut writer = Writer::default();
        match self {
            Self::Quit => writer.u8(QUIT),
            Self::InitDb(name) => writer.u8(INIT_DB).bytes(name),
            Self::Query(statement) => writer.u8(QUERY).bytes(statement),
            Self::Ping => writer.u8(PING),
            Self::Prepare(statement) => writer.u8(STMT_PREPARE).bytes(statement),
            Self::Execute(run) => {
                writer.u8(STMT_EXECUTE);
                run.encode(&mut writer);
                &mut writer
            }
            Self::LongData { statement, parameter, data } => {
                writer.u8(STMT_SEND_LONG_DATA).u32(*statement).u16(*parameter).bytes(data)
            }
            Self::Close(statement) => writer.u8(STMT_CLOSE).u32(*statement),
            Self::Reset(statement) => writer.u8(STMT_RESET).u32(*statement),
            Self::Other(kind) => writer.u8(*kind),
        };
        writer.finish()
    }
}

fn only(mut reader: Reader<'_>) -> Result<u32, DecodeError> {
    let statement = reader.u32("statement")?;
    reader.finish()?;
    Ok(statement)
}

/// The name of a command, for logs.
#[must_use]
pub fn command_name(kind: u8) -> &'static str {
    match kind {
        0x00 => "COM_SLEEP",
        QUIT => "COM_QUIT",
        INIT_DB => "COM_INIT_DB",
        QUERY => "COM_QUERY",
        0x04 => "COM_FIELD_LIST",
        0x05 => "COM_CREATE_DB",
        0x06 => "COM_DROP_DB",
        0x07 => "COM_REFRESH",
        0x08 => "COM_SHUTDOWN",
        0x09 => "COM_STATISTICS",
        0x0A => "COM_PROCESS_INFO",
        0x0C => "COM_PROCESS_KILL",
        0x0D => "COM_DEBUG",
        PING => "COM_PING",
        0x11 => "COM_CHANGE_USER",
        0x12 => "COM_BINLOG_DUMP",
        0x13 => "COM_TABLE_DUMP",
        0x15 => "COM_REGISTER_SLAVE",
        STMT_PREPARE => "COM_STMT_PREPARE",
        STMT_EXECUTE => "COM_STMT_EXECUTE",
        STMT_SEND_LONG_DATA => "COM_STMT_SEND_LONG_DATA",
        STMT_CLOSE => "COM_STMT_CLOSE",
        STMT_RESET => "COM_STMT_RESET",
        0x1B => "COM_SET_OPTION",
        0x1C => "COM_STMT_FETCH",
        0x1E => "COM_BINLOG_DUMP_GTID",
        0x1F => "COM_RESET_CONNECTION",
        0xFA => "COM_STMT_BULK_EXECUTE",
        _ => "unknown command",
    }
}
