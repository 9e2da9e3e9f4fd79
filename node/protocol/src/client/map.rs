//! Map-server.

use crate::Secret;
use crate::ids::{AccountId, CharacterId};
use crate::packet::packets;

packets! {
    /// What a client sends to the map-server.
    pub enum ClientToMap;

    /// Enters the map-server (`clif.cpp`, `clif_parse_WantToConnection`).
    0x0436 [23] Enter {
        account: AccountId,
        character: CharacterId,
        login_id1: Secret<u32>,
        client_tick: u32,
        unknown: u32,
        sex: u8,
    }
}
