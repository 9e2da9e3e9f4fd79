//! What travels on inter streams: the char-server link of a stock map-server, packet by packet.

use std::fmt;

use prost::Message;

use super::SessionRef;
use crate::Secret;

/// Header of an inter stream: which engine speaks.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct InterOpen {
    /// The host token.
    #[prost(string, tag = "1")]
    pub token: String,
    /// The map group.
    #[prost(string, tag = "2")]
    pub group: String,
    /// The epoch of the assignment this engine was started for: that of a lease, or the ticket of a standby.
    #[prost(uint64, tag = "3")]
    pub epoch: u64,
    /// A number for this run of the engine's process: another one after each restart.
    #[prost(uint64, tag = "4")]
    pub instance: u64,
    /// How its structs are laid out.
    #[prost(message, optional, tag = "5")]
    pub build: Option<EngineBuild>,
}

impl fmt::Debug for InterOpen {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("InterOpen")
            .field("token", &Secret::new(()))
            .field("group", &self.group)
            .field("epoch", &self.epoch)
            .field("instance", &self.instance)
            .field("build", &self.build)
            .finish()
    }
}

/// What a map-server binary was compiled for: it decides the layout of everything it puts on its char-server link.
#[derive(Clone, Eq, PartialEq, Message)]
pub struct EngineBuild {
    /// `linux-x86_64` or `windows-x86_64`.
    #[prost(string, tag = "1")]
    pub abi: String,
    /// The client version, as `20211103`.
    #[prost(uint32, tag = "2")]
    pub packetver: u32,
    /// Whether it is a renewal build.
    #[prost(bool, tag = "3")]
    pub renewal: bool,
}

/// A bundle a node has to run: what it is and where the node finds it in the coordinator's repository.
#[derive(Clone, Eq, PartialEq, Message)]
pub struct BundleRef {
    /// The version, growing by one with every bundle of an ABI.
    #[prost(uint64, tag = "1")]
    pub version: u64,
    /// What its map-server was compiled for.
    #[prost(message, optional, tag = "2")]
    pub build: Option<EngineBuild>,
    /// The target's name in the TUF repository.
    #[prost(string, tag = "3")]
    pub target: String,
}

/// Node to coordinator, on an inter stream.
#[derive(Clone, PartialEq, Message)]
pub struct InterUp {
    /// What it says.
    #[prost(oneof = "InterSays", tags = "1, 2, 3")]
    pub says: Option<InterSays>,
}

/// The kinds of [`InterUp`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum InterSays {
    /// One whole packet of the engine that is not part of a save, in the engine's own layout.
    #[prost(bytes, tag = "1")]
    Packet(Vec<u8>),
    /// All packets of one save of one character.
    #[prost(message, tag = "2")]
    Save(SaveBundle),
    /// The client of a session has loaded the map (0x007d): it is in play.
    #[prost(message, tag = "3")]
    Entered(SessionRef),
}

/// One save of one character: whole chrif packets in the order the engine sent them (0x2b2e .. 0x2b01 and what follows),
/// as a difference to the last save of the same character on the same stream.
#[derive(Clone, PartialEq, Message)]
pub struct SaveBundle {
    /// The character.
    #[prost(uint32, tag = "1")]
    pub character: u32,
    /// The account.
    #[prost(uint32, tag = "2")]
    pub account: u32,
    /// Grows by one with each save of this character on this stream, from 1.
    #[prost(uint64, tag = "3")]
    pub sequence: u64,
    /// The sequence of the save that `delta` was made against; 0: none.
    #[prost(uint64, tag = "4")]
    pub base: u64,
    /// Length of the packets, in bytes.
    #[prost(uint32, tag = "5")]
    pub len: u32,
    /// The packets, packed by [`crate::save::pack`].
    #[prost(bytes = "vec", tag = "6")]
    pub delta: Vec<u8>,
    /// BLAKE3 of the packets, first 16 bytes.
    #[prost(bytes = "vec", tag = "7")]
    pub hash: Vec<u8>,
}

/// Coordinator to node, on an inter stream.
#[derive(Clone, PartialEq, Message)]
pub struct InterDown {
    /// What it says.
    #[prost(oneof = "InterOrder", tags = "1, 2, 3")]
    pub says: Option<InterOrder>,
}

/// The kinds of [`InterDown`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum InterOrder {
    /// One whole packet for the engine, in the engine's own layout.
    #[prost(bytes, tag = "1")]
    Packet(Vec<u8>),
    /// A save could not be rebuilt: the next one of this character has to be whole.
    #[prost(message, tag = "2")]
    Whole(WholeSave),
    /// The engine is not taken, for this reason; nothing follows.
    #[prost(message, tag = "3")]
    Refused(EngineRefused),
}

/// Asks for a whole save.
#[derive(Clone, Copy, Eq, PartialEq, Message)]
pub struct WholeSave {
    /// The character.
    #[prost(uint32, tag = "1")]
    pub character: u32,
}

/// Why an engine is not taken.
#[derive(Clone, PartialEq, Message)]
pub struct EngineRefused {
    /// For people, with both values where two differ.
    #[prost(string, tag = "1")]
    pub reason: String,
}
