//! Map-server (`clif.cpp`, `packets.hpp`, `packets_struct.hpp`).
//!
//! A client enters with [`Enter`], gets [`EnteredAs`] and [`AcceptEnter`], loads the map, says [`Loaded`], and is in the
//! world from then on. Times on this link are milliseconds of the sender's own clock, wrapping at 32 bits.

mod parts;
mod position;
mod refused;
mod to_client;

pub use parts::*;
pub use position::{MAX_COORDINATE, PackedMove, PackedPosition};
pub use refused::*;
pub use to_client::*;

use crate::codes::codes;
use crate::ids::{AccountId, CharacterId, ObjectId};
use crate::packet::packets;
use crate::{FixedText, Secret};

packets! {
    /// What a client sends to the map-server.
    pub enum ClientToMap;

    /// Enters the map-server (`clif_parse_WantToConnection`).
    0x0436 [23] Enter {
        account: AccountId,
        character: CharacterId,
        login_id1: Secret<u32>,
        client_tick: u32,
        unknown: u32,
        sex: u8,
    }

    /// The map is loaded (`clif_parse_LoadEndAck`).
    0x007d [2] Loaded {}

    /// Asks for the server's time (`clif_parse_TickSend`).
    0x0360 [6] AskTime { client_tick: u32 }

    /// Answers [`Ping`] (`CZ_PING_LIVE`).
    0x0b1c [2] Pong {}

    /// Walks to a cell (`clif_parse_WalkToXY`).
    0x035f [5] Walk { to: PackedPosition }

    /// Turns (`clif_parse_ChangeDir`).
    0x0361 [5] Turn {
        /// 0 ahead, 1 right, 2 left.
        head: u16,
        /// 0 north, counter-clockwise to 7.
        body: u8,
    }

    /// Attacks, sits down, stands up (`clif_parse_ActionRequest`).
    0x0437 [7] Act { target: ObjectId, action: Action }

    /// Says something aloud: `NAME : TEXT` (`clif_parse_GlobalMessage`).
    0x00f3 [..] Say { text: Vec<u8> }

    /// Says something to one player (`clif_parse_WisMessage`).
    0x0096 [..] Whisper { to: FixedText<24>, text: Vec<u8> }

    /// Shows an emotion (`CZ_REQ_EMOTION`).
    0x00bf [3] Emote { emotion: u8 }

    /// Asks for the name of something in sight (`clif_parse_GetCharNameRequest`).
    0x0368 [6] AskName { object: ObjectId }

    /// Asks for the name of a character (`clif_parse_SolveCharName`).
    0x0369 [6] AskCharacterName { character: CharacterId }

    /// Asks how many players there are (`clif_parse_HowManyConnections`).
    0x00c1 [2] AskPlayerCount {}

    /// Asks for a page of guild information (`clif_parse_GuildRequestInfo`).
    0x014f [6] AskGuild { page: u32 }

    /// The character may act again after loading (`clif_parse_blocking_playcancel`).
    0x0447 [2] Unblock {}

    /// Respawns or returns to character select (`clif_parse_Restart`).
    0x00b2 [3] Restart { kind: RestartKind }

    /// Wants to quit (`clif_parse_QuitGame`).
    0x018a [4] Quit { unknown: u16 }

    /// Keeps the connection to the char-server; harmless here.
    0x0187 [6] KeepAlive { account: AccountId }
}

codes! {
    /// What a client wants to do in [`Act`].
    pub struct Action(u8) {
        /// One attack.
        ATTACK = 0,
        /// Sit down.
        SIT = 2,
        /// Stand up.
        STAND = 3,
        /// Attack until told otherwise.
        ATTACK_ON = 7,
        /// Touch.
        TOUCH = 12,
    }

    /// What a client wants in [`Restart`], and the answer in [`RestartAck`].
    pub struct RestartKind(u8) {
        /// Respawn at the save point.
        RESPAWN = 0,
        /// Return to character select.
        CHARACTER_SELECT = 1,
    }
}

#[cfg(test)]
mod tests;
