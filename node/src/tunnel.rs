//! What travels on QUIC streams besides control: game sessions and engine state.
//!
//! Every stream starts with one byte of [`StreamKind`](bifrost_protocol::control::StreamKind) and a delimited header; see
//! [`bifrost_protocol::control`] for who opens what.

pub(crate) mod messages;
pub(crate) mod outbox;

/// Why this node resets or stops a stream: the application error code of QUIC.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub(crate) enum StreamCode {
    /// All is said.
    Done = 0,
    /// The header is missing, late or makes no sense.
    BadHeader = 1,
    /// The group is not served here under this epoch.
    NotLeased = 2,
    /// The engine takes no more players.
    Full = 3,
    /// The bytes cannot be cut into packets.
    Garbage = 4,
    /// The reader is too slow for what it is sent.
    TooSlow = 5,
    /// The engine has stopped.
    Stopped = 6,
}

impl From<StreamCode> for quinn::VarInt {
    fn from(code: StreamCode) -> Self {
        Self::from_u32(code as u32)
    }
}
