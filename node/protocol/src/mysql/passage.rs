//! Following an answer that passes through: where it ends and what it comes to, without taking it apart.

use super::{Answer, Done, MAX_PART, PART_HEADER, PrepareOk, ServerError, Status, is_end};
use crate::{DecodeError, Reader};

/// What kind of answer is followed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Expected {
    /// That of COM_QUERY or COM_STMT_EXECUTE: OK, an error, or columns and rows.
    Result,
    /// That of COM_STMT_PREPARE: an error, or OK with definitions.
    Prepared,
}

/// An answer on its way. Give it the bytes from the answer's start each time more have come.
#[derive(Clone, Debug)]
pub struct Passage {
    expected: Expected,
    state: State,
    /// Bytes that have been followed.
    at: usize,
    rows: u64,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    First,
    Columns(u64),
    ColumnsEnd,
    Rows,
    /// So many definitions of parameters and columns, with their ends.
    Definitions(u32),
    Over,
}

/// What an answer came to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Passed {
    /// How long it is.
    pub len: usize,
    /// How many rows it has.
    pub rows: u64,
    /// The error it is, or ends with.
    pub error: Option<ServerError>,
}

impl Passage {
    /// An answer that begins.
    #[must_use]
    pub fn new(expected: Expected) -> Self {
        Self { expected, state: State::First, at: 0, rows: 0 }
    }

    /// Follows the answer as far as `bytes`, which begin with it, go. `None` when its end has not come yet.
    ///
    /// # Errors
    /// It is no answer, asks for a file of the client, promises another result behind it, or has a part of 16 MiB. The
    /// connection it came on cannot be used any more.
    pub fn follow(&mut self, bytes: &[u8]) -> Result<Option<Passed>, DecodeError> {
        while let Some(rest) = bytes.get(self.at..) {
            let Some([a, b, c, _]) = rest.first_chunk::<PART_HEADER>().copied() else { return Ok(None) };
            let len = usize::try_from(u32::from_le_bytes([a, b, c, 0])).unwrap_or(usize::MAX);
            if len == MAX_PART {
                return Err(DecodeError::Invalid { field: "answer", problem: "has a part of 16 MiB" });
            }
            let mut reader = Reader::new(rest);
            reader.skip("header", PART_HEADER)?;
            let Ok(message) = reader.bytes("message", len) else { return Ok(None) };
            self.at = self.at.saturating_add(PART_HEADER).saturating_add(len);
            let error = self.step(message)?;
            if error.is_some() || self.state == State::Over {
                return Ok(Some(Passed { len: self.at, rows: self.rows, error }));
            }
        }
        Ok(None)
    }

    fn step(&mut self, message: &[u8]) -> Result<Option<ServerError>, DecodeError> {
        if self.state == State::First {
            return self.first(message);
        }
        self.state = match self.state {
            State::Columns(left @ 2..) => State::Columns(left.saturating_sub(1)),
            State::Columns(_) => State::ColumnsEnd,
            State::ColumnsEnd => match is_end(message) {
                Some(_) => State::Rows,
                None => return Err(DecodeError::Invalid { field: "columns", problem: "have no end" }),
            },
            State::Rows => match is_end(message) {
                Some(status) => last(status)?,
                None if message.first() == Some(&0xFF) => return ServerError::decode(message).map(Some),
                None => {
                    self.rows = self.rows.saturating_add(1);
                    State::Rows
                }
            },
            State::Definitions(left @ 2..) => State::Definitions(left.saturating_sub(1)),
            State::Definitions(_) | State::First | State::Over => State::Over,
        };
        Ok(None)
    }

    fn first(&mut self, message: &[u8]) -> Result<Option<ServerError>, DecodeError> {
        if message.first() == Some(&0xFF) {
            return ServerError::decode(message).map(Some);
        }
        self.state = match self.expected {
            Expected::Prepared => {
                let ok = PrepareOk::decode(message)?;
                let lists = [ok.parameters, ok.columns].into_iter().filter(|list| *list > 0);
                match lists.map(|list| u32::from(list).saturating_add(1)).sum() {
                    0 => State::Over,
                    definitions => State::Definitions(definitions),
                }
            }
            Expected::Result => match Answer::decode(message)? {
                Answer::Done(Done { status, .. }) => last(status)?,
                Answer::Rows(columns) => State::Columns(columns),
                Answer::Error(error) => return Ok(Some(error)),
                Answer::LocalFile => {
                    return Err(DecodeError::Invalid { field: "answer", problem: "asks for a file" });
                }
            },
        };
        Ok(None)
    }
}

fn last(status: Status) -> Result<State, DecodeError> {
    if status.contains(Status::MORE_RESULTS) {
        return Err(DecodeError::Invalid { field: "answer", problem: "has another one behind it" });
    }
    Ok(State::Over)
}
