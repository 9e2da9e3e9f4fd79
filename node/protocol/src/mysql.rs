//! The MySQL client/server protocol, as MariaDB 10.11 and its clients speak it: framing, handshake, commands, results.
//!
//! * [`Framing`] cuts a stream into messages and joins what is split at 16 MiB; it alone may ask for more bytes.
//! * [`Greeting`] and [`Login`] open a connection, [`native_proof`] and [`verify_native`] are `mysql_native_password`.
//! * [`Command`] is what a client asks, [`Execute`] one run of a prepared statement with its [`Value`]s.
//! * [`sql`]: the statements themselves, read into a small syntax tree and written from it.
//! * [`local`]: what is answered without a database server.
//! * [`Passage`] follows an answer that is passed on as it is.
//! * [`Done`], [`ServerError`], [`end`], [`Column`], [`text_row`] and [`binary_row`] are what a server answers.
//!
//! Source of all facts: the "Client/Server Protocol" chapters of the MariaDB and MySQL documentation, checked against
//! recorded traffic of a stock map-server. Only the 4.1 protocol with 4-byte capabilities is spoken, without compression,
//! `LOCAL INFILE`, replication and `DEPRECATE_EOF`.

mod auth;
mod capabilities;
mod column;
mod command;
mod framing;
mod handshake;
mod lengths;
pub mod local;
mod passage;
mod prepared;
mod response;
mod rows;
pub mod sql;
mod value;
pub mod variables;

#[cfg(test)]
mod tests;

pub use auth::{CACHING_SHA2, NATIVE, NONCE_LEN, Nonce, native_proof, sha2_proof, verify_native};
pub use capabilities::Capabilities;
pub use column::{Column, ColumnFlags, ColumnType, MAX_COLUMNS, charset};
pub use command::{Command, command_name};
pub use framing::{Framing, FramingError, MAX_PART, PART_HEADER, make_room};
pub use handshake::{AuthSwitch, Greeting, Login, MAX_LOGIN};
pub use lengths::{put_length, put_text, take_length, take_text};
pub use passage::{Expected, Passage, Passed};
pub use prepared::{Execute, MAX_PARAMETERS, ParameterType, PrepareOk};
pub use response::{Answer, Done, ServerError, Status, code, end, is_end};
pub use rows::{binary_row, text_row};
pub use value::{DateTime, Time, Value};
