//! What travels on QUIC streams besides control: game sessions and engine state. And where an engine's SQL ends.
//!
//! Every stream starts with one byte of [`StreamKind`](bifrost_protocol::control::StreamKind) and a delimited header; see
//! [`bifrost_protocol::control`] for who opens what.

pub mod database;
pub(crate) mod game;
pub(crate) mod messages;
pub(crate) mod outbox;
pub(crate) mod sync;

use bifrost_protocol::control::StreamCode;
use quinn::VarInt;

/// The code a stream is reset or stopped with.
pub(crate) fn code(code: StreamCode) -> VarInt {
    VarInt::from_u32(code.into())
}
