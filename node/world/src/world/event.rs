//! What goes into a [`World`](super::World) and what comes out.

use bifrost_protocol::DecodeError;
use bifrost_protocol::control::{Character, MapData, PlayerUpdate, WarpData};
use bifrost_protocol::ids::{MapPoint, SessionId};
use bytes::Bytes;
use thiserror::Error;

use crate::cells::CellsError;

/// The maps a world consists of.
#[derive(Clone, Debug, Default)]
pub struct WorldConfig {
    /// Its maps, as in [`Assign`](bifrost_protocol::control::Assign).
    pub maps: Vec<MapData>,
    /// Warps that start on them.
    pub warps: Vec<WarpData>,
}

/// Why a world cannot be made of a configuration.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum WorldError {
    /// No maps, too many, or two of one name.
    #[error("{0}")]
    Maps(&'static str),
    /// A map's name or cells are not legal.
    #[error("map {name:?}: {problem}")]
    Map {
        /// The name it states.
        name: String,
        /// What is wrong.
        problem: MapProblem,
    },
    /// A warp stands outside of the maps, leads to no legal place, or there are too many.
    #[error("warp {name:?} on map {map:?}: {problem}")]
    Warp {
        /// The name it states.
        name: String,
        /// The map it states.
        map: String,
        /// What is wrong.
        problem: &'static str,
    },
}

/// What is wrong with a map.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum MapProblem {
    /// Its name.
    #[error(transparent)]
    Name(#[from] DecodeError),
    /// Its cells.
    #[error(transparent)]
    Cells(#[from] CellsError),
}

/// Something that happens to a world.
#[derive(Clone, Debug)]
pub enum WorldEvent {
    /// A player arrives. The world writes everything the client sees, from 0x0283 on.
    Join {
        /// The session, new to this world.
        session: SessionId,
        /// The character.
        character: Box<Character>,
        /// Whether the client comes from another map-server: it then knows already which map to load.
        changing: bool,
    },
    /// A client sent one whole packet.
    Packet {
        /// Its session.
        session: SessionId,
        /// The packet, id included.
        packet: Bytes,
    },
    /// A client is gone.
    Leave {
        /// Its session.
        session: SessionId,
    },
    /// The coordinator lets a session go.
    Release {
        /// The session.
        session: SessionId,
    },
    /// The coordinator answers [`WorldOutput::ChangeMap`] or [`WorldOutput::CharacterSelect`] with no: the session stays.
    Stay {
        /// The session.
        session: SessionId,
    },
    /// The lease has lapsed: nobody moves or acts until [`WorldEvent::Resume`].
    Hold,
    /// The lease is good again.
    Resume,
    /// Time has passed: [`World::next_wakeup`](super::World::next_wakeup) has come.
    Tick,
}

/// Something a world wants done.
#[derive(Clone, Debug, PartialEq)]
pub enum WorldOutput {
    /// Send these bytes, one or more whole packets, to a client.
    ToClient {
        /// Its session.
        session: SessionId,
        /// Whole packets.
        bytes: Bytes,
    },
    /// A client has loaded its first map: the player is in play.
    Entered {
        /// The session.
        session: SessionId,
    },
    /// A player wants to go to a map that is not here. The session is held until released or told to stay.
    ChangeMap {
        /// The session.
        session: SessionId,
        /// Where to.
        to: MapPoint,
    },
    /// A player wants to return to character select. The session is held until released or told to stay.
    CharacterSelect {
        /// The session.
        session: SessionId,
    },
    /// The session is no longer in this world. Also the answer to a [`WorldEvent::Join`] that cannot be taken.
    Released {
        /// The session.
        session: SessionId,
        /// Its last state. After [`WorldOutput::ChangeMap`]: where the player stood before it.
        last: PlayerUpdate,
    },
    /// A client broke the protocol. It is held, and should be closed.
    Misbehaved {
        /// Its session.
        session: SessionId,
        /// How, without the packet's content.
        problem: String,
    },
}
