//! The realm's database: a few connections that all hosts share, and what they are asked.
//!
//! ```text
//! request --> queue (fair, bounded) --> connection --> whole answer, bounded --> back to the pool
//! ```
//!
//! An answer is read to its end before the host gets any of it, so that a host that reads slowly holds no connection. Rows
//! pass as the bytes the database sent. Writes are always prepared statements with every value bound; a SELECT that came as
//! text is sent as text, with its literals escaped by us.

mod cache;
mod connection;
mod login;
mod pool;
mod replicated;
mod request;
mod tls;

#[cfg(test)]
pub(super) mod tests;

use std::path::PathBuf;
use std::time::Duration;

use bifrost_protocol::mysql::{ServerError, code};
use bifrost_protocol::{DecodeError, Secret};
use bytes::Bytes;
use thiserror::Error;

#[cfg(test)]
pub(super) use connection::messages;
pub use pool::Upstream;
pub use replicated::Databases;
pub use request::{Definitions, Request};

/// The longest answer that is passed on.
pub(super) const MAX_ANSWER: usize = connection::MAX_ANSWER;

/// Where the database is and how it is used.
#[derive(Clone, Debug)]
pub struct UpstreamConfig {
    /// `host:port`.
    pub address: String,
    /// The user; it needs no more than `sql tables` grants.
    pub user: String,
    /// Its password.
    pub password: Secret<String>,
    /// The realm's database.
    pub database: String,
    /// How many connections there are at most.
    pub connections: usize,
    /// Whether and how the way there is encrypted.
    pub tls: Tls,
    /// How long a statement may take.
    pub statement_timeout: Duration,
}

/// Encryption on the way to the database.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Tls {
    /// None: the database is on this machine or in the same private network.
    #[default]
    Off,
    /// Required, with a certificate that this CA (PEM) has signed for the host's name.
    Verified(PathBuf),
}

/// An answer as the database gave it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Answered {
    /// Its messages with their headers, numbered from 1.
    pub bytes: Bytes,
    /// How many rows it has.
    pub rows: u64,
    /// The number of the error it is, or ends with.
    pub error: Option<u16>,
}

/// Why there is no answer.
#[derive(Debug, Error)]
pub enum UpstreamError {
    /// All connections are busy and too much waits for them.
    #[error("the database is too busy")]
    Busy,
    /// It cannot be reached.
    #[error("the database cannot be reached")]
    Down,
    /// It took too long.
    #[error("the database did not answer in time")]
    TimedOut,
    /// The connection broke in the middle.
    #[error("the connection to the database was lost")]
    Lost(#[source] std::io::Error),
    /// It said something that is no answer.
    #[error("the database's answer cannot be passed on")]
    Garbage(#[from] DecodeError),
    /// The answer is longer than may be passed on.
    #[error("the answer is longer than {0} bytes")]
    TooLong(usize),
    /// It does not let us in.
    #[error("the database does not let the coordinator in: {0}")]
    Refused(String),
    /// A host's parameters do not fit its statement.
    #[error("the parameters do not fit the statement")]
    Parameters,
}

impl UpstreamError {
    /// What the host is told. Nothing about the database itself.
    #[must_use]
    pub fn error(&self) -> ServerError {
        let number = match self {
            Self::Busy => code::TOO_MANY_CONNECTIONS,
            Self::TimedOut => code::TIMED_OUT,
            Self::TooLong(_) => code::OUT_OF_RESOURCES,
            Self::Parameters => code::WRONG_ARGUMENTS,
            Self::Down | Self::Lost(_) | Self::Garbage(_) | Self::Refused(_) => code::SHUTDOWN,
        };
        let text = if matches!(self, Self::Refused(_)) { Self::Down.to_string() } else { self.to_string() };
        ServerError::new(number, text)
    }

    /// A short name, for metrics.
    #[must_use]
    pub const fn class(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Down => "down",
            Self::TimedOut => "timeout",
            Self::Lost(_) => "lost",
            Self::Garbage(_) => "garbage",
            Self::TooLong(_) => "too_long",
            Self::Refused(_) => "refused",
            Self::Parameters => "parameters",
        }
    }
}
