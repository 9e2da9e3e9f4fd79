//! Stream kinds, length-delimited messages and the limits of the link.

use bytes::{Buf, Bytes, BytesMut};
use prost::Message;

use crate::DecodeError;

/// ALPN of the link between node and coordinator.
pub const ALPN: &[u8] = b"bifrost/1";
/// The version in [`Hello`](super::Hello); the coordinator refuses another major one.
pub const PROTOCOL_VERSION: u32 = 1;
/// The longest control or sync message. An assignment with a few large maps is the largest there is.
pub const MAX_MESSAGE: usize = 8 * 1024 * 1024;
/// The longest control or sync message a node may send. A full sync of a map group with thousands of players fits.
pub const MAX_MESSAGE_UP: usize = 1024 * 1024;
/// The most streams a node may have open at once: control, one a leased group, probes.
pub const MAX_NODE_STREAMS: u32 = 1_024;
/// Packets after which a peer that understands the request acknowledges at the latest, when nothing else is to be sent.
/// Questions and answers carry acknowledgements along; the two packets of RFC 9000 would cost one of their own each.
pub const ACK_EVERY: u32 = 10;
/// The longest message of an inter stream: a save that no difference makes smaller, with room.
pub const MAX_INTER: usize = 512 * 1024;
/// The longest stream header.
pub const MAX_HEADER: usize = 64 * 1024;
/// The most bytes one probe may send.
pub const MAX_PROBE: u64 = 16 * 1024 * 1024;
/// The most probes a node may run at once.
pub const MAX_PROBES: usize = 4;

/// The first byte of a stream.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub enum StreamKind {
    /// Registration of presence, assignment, drain.
    Control = 1,
    /// The engine's char-server link.
    Inter = 2,
    /// One player's client connection.
    Game = 3,
    /// One SQL connection of the engine.
    Database = 4,
    /// State of an embedded engine.
    Sync = 5,
    /// Measurements.
    Probe = 6,
    /// One connection of a game client, on a gateway's connection.
    Line = 7,
}

impl TryFrom<u8> for StreamKind {
    type Error = DecodeError;

    fn try_from(kind: u8) -> Result<Self, DecodeError> {
        Ok(match kind {
            1 => Self::Control,
            2 => Self::Inter,
            3 => Self::Game,
            4 => Self::Database,
            5 => Self::Sync,
            6 => Self::Probe,
            7 => Self::Line,
            _ => return Err(DecodeError::Invalid { field: "stream kind", problem: "is not known" }),
        })
    }
}

/// Why a stream is reset or stopped before its end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u32)]
pub enum StreamCode {
    /// Nothing in particular: the other side has let go of it.
    Dropped = 0,
    /// The stream is not one that may be opened: unknown kind, bad header, bad token, too many.
    Refused = 1,
    /// A game stream whose client is still there but goes elsewhere. For the engine as good as a client that is gone.
    Detached = 2,
    /// What came on it is not what its kind allows.
    Misbehaved = 3,
}

impl From<StreamCode> for u32 {
    fn from(code: StreamCode) -> Self {
        code as Self
    }
}

/// Encodes a message with its length before it (protobuf varint).
#[must_use]
pub fn delimited(message: &impl Message) -> Bytes {
    message.encode_length_delimited_to_vec().into()
}

/// Takes the next length-delimited message out of `buffer`; `None` when more bytes are needed.
///
/// # Errors
/// A length over `max`, or bytes that are not the message.
pub fn next_message<M: Message + Default>(buffer: &mut BytesMut, max: usize) -> Result<Option<M>, DecodeError> {
    let invalid = |problem| DecodeError::Invalid { field: "message", problem };
    let mut head = buffer.chunk();
    let available = head.len();
    let Ok(len) = prost::decode_length_delimiter(&mut head) else {
        return if available < 10 { Ok(None) } else { Err(invalid("has no legal length")) };
    };
    if len > max {
        return Err(invalid("is longer than the link allows"));
    }
    let header = available.saturating_sub(head.len());
    let whole = header.saturating_add(len);
    if buffer.len() < whole {
        return Ok(None);
    }
    let mut body = buffer.split_to(whole);
    body.advance(header);
    M::decode(body).map(Some).map_err(|_| invalid("is not valid protobuf"))
}
