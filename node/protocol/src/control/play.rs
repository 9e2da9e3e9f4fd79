//! Gateway and coordinator: a player's game connections over QUIC.
//!
//! The same endpoint as the link of nodes, under [`PLAY_ALPN`], with the certificate and the token of the player's registration.
//!
//! * control (opened by the gateway, first): [`PlayUp`] up, [`PlayDown`] down, each length-delimited. [`PlayHello`] comes
//!   first and once and is answered by [`PlayWelcome`]. [`Farewell`] is the last message.
//! * line (opened by the gateway): [`LineOpen`], answered by [`LineAnswer`]; then [`LineFrame`]s both ways. A line is one TCP
//!   connection of a game client. It outlives its stream: the gateway opens another one for the same line, both say what
//!   they have received, and what is missing is sent again.
//!
//! Every stream starts with one byte of [`StreamKind`](super::StreamKind).

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};

use bytes::Bytes;
use prost::Message;

use super::{Farewell, Renewed};
use crate::Secret;

/// ALPN of gateways.
pub const PLAY_ALPN: &[u8] = b"bifrost-play/1";
/// The version in [`PlayHello`].
pub const PLAY_VERSION: u32 = 1;
/// The longest message of a gateway's control stream, and the longest header of a line.
pub const MAX_PLAY_MESSAGE: usize = 4 * 1024;
/// Most bytes in one [`LineFrame`].
pub const MAX_LINE_DATA: usize = 16 * 1024;
/// The longest [`LineFrame`] as it is encoded.
pub const MAX_LINE_FRAME: usize = MAX_LINE_DATA + 64;
/// Most lines of one host at once: a few clients, and each has two for a moment when it changes servers.
pub const MAX_LINES: usize = 64;

/// Gateway to coordinator, on the control stream.
#[derive(Clone, PartialEq, Message)]
pub struct PlayUp {
    /// What it says.
    #[prost(oneof = "PlayUpSays", tags = "1, 2")]
    pub says: Option<PlayUpSays>,
}

/// The kinds of [`PlayUp`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum PlayUpSays {
    /// First message of the connection.
    #[prost(message, tag = "1")]
    Hello(PlayHello),
    /// The token was renewed. Without this the connection ends when the token of [`PlayHello`] does.
    #[prost(message, tag = "2")]
    Renewed(Renewed),
}

/// Coordinator to gateway, on the control stream.
#[derive(Clone, PartialEq, Message)]
pub struct PlayDown {
    /// What it says.
    #[prost(oneof = "PlayDownSays", tags = "1, 2")]
    pub says: Option<PlayDownSays>,
}

/// The kinds of [`PlayDown`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum PlayDownSays {
    /// Answers [`PlayHello`].
    #[prost(message, tag = "1")]
    Welcome(PlayWelcome),
    /// The connection is about to be closed for this reason.
    #[prost(message, tag = "2")]
    Farewell(Farewell),
}

/// Who a gateway is.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct PlayHello {
    /// [`PLAY_VERSION`].
    #[prost(uint32, tag = "1")]
    pub protocol: u32,
    /// The token (PASETO) from registration.
    #[prost(string, tag = "2")]
    pub token: String,
    /// The program's version, for the operator.
    #[prost(string, tag = "3")]
    pub version: String,
}

impl fmt::Debug for PlayHello {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("PlayHello")
            .field("protocol", &self.protocol)
            .field("token", &Secret::new(()))
            .field("version", &self.version)
            .finish()
    }
}

/// The coordinator takes a gateway in.
#[derive(Clone, PartialEq, Message)]
pub struct PlayWelcome {
    /// The host id of the certificate.
    #[prost(string, tag = "1")]
    pub host: String,
    /// How long a line is kept without a stream, in milliseconds.
    #[prost(uint32, tag = "2")]
    pub reconnect_ms: u32,
    /// The map-server that the fleet is: a client that lost its line may be sent there again.
    #[prost(message, optional, tag = "3")]
    pub relay: Option<ServerAddress>,
    /// The port of the login-server, as the coordinator knows it; 0: not known.
    #[prost(uint32, tag = "4")]
    pub login_port: u32,
}

/// A server as packets for clients name it: IPv4 and port.
#[derive(Clone, Copy, Eq, PartialEq, Message)]
pub struct ServerAddress {
    /// The address as a number, first byte highest.
    #[prost(fixed32, tag = "1")]
    pub ip: u32,
    /// The port.
    #[prost(uint32, tag = "2")]
    pub port: u32,
}

impl ServerAddress {
    /// As a socket address; none when the port is no port.
    #[must_use]
    pub fn to_socket(self) -> Option<SocketAddrV4> {
        let port = u16::try_from(self.port).ok().filter(|port| *port > 0)?;
        Some(SocketAddrV4::new(Ipv4Addr::from(self.ip), port))
    }
}

impl From<SocketAddrV4> for ServerAddress {
    fn from(address: SocketAddrV4) -> Self {
        Self { ip: u32::from(*address.ip()), port: address.port().into() }
    }
}

/// Which server a client of a line speaks with.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, prost::Enumeration)]
#[repr(i32)]
pub enum LineKind {
    /// Not said.
    Unknown = 0,
    /// The login-server.
    Login = 1,
    /// A char-server.
    Char = 2,
    /// A map-server.
    Map = 3,
}

/// First message of a line's stream, up.
#[derive(Clone, PartialEq, Message)]
pub struct LineOpen {
    /// The gateway's own number for the line, random and never used twice.
    #[prost(fixed64, tag = "1")]
    pub line: u64,
    /// The kind of server.
    #[prost(enumeration = "LineKind", tag = "2")]
    pub kind: i32,
    /// The server, as packets to this gateway's clients have named it; none: the realm's first.
    #[prost(message, optional, tag = "3")]
    pub server: Option<ServerAddress>,
    /// How much of the line the gateway has received.
    #[prost(uint64, tag = "4")]
    pub received: u64,
    /// Whether the line was answered before: then it has to be known, and no new one is begun.
    #[prost(bool, tag = "5")]
    pub known: bool,
}

/// First message of a line's stream, down.
#[derive(Clone, PartialEq, Message)]
pub struct LineAnswer {
    /// Stable code of why there is no such line; empty when there is one. `unknown`: a line that was answered before is not
    /// known any more. `refused`: there may not be one. `unreachable`: the server does not answer. `full`: too many lines.
    #[prost(string, tag = "1")]
    pub problem: String,
    /// How much of the line the coordinator has received.
    #[prost(uint64, tag = "2")]
    pub received: u64,
}

/// A piece of a line, either way. The end counts as one byte more.
#[derive(Clone, PartialEq, Message)]
pub struct LineFrame {
    /// The next bytes, at most [`MAX_LINE_DATA`].
    #[prost(bytes = "bytes", tag = "1")]
    pub data: Bytes,
    /// How much the sender of this frame has received.
    #[prost(uint64, tag = "2")]
    pub received: u64,
    /// Nothing follows `data`.
    #[prost(bool, tag = "3")]
    pub end: bool,
}
