//! What the guard has to know of an engine's players and maps: the fleet tells it.

use std::net::{Ipv4Addr, SocketAddrV4};

use bifrost_protocol::ids::{AccountId, CharacterId, MapName, MapPoint};
use bifrost_protocol::layout::CharacterImage;
use bifrost_protocol::{FixedText, Secret};

/// A link of an engine, for as long as it lasts. Chosen by the fleet, never used again.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct EngineKey(pub u64);

/// A player on the engine that speaks, as the coordinator knows it.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Account.
    pub account: AccountId,
    /// Character.
    pub character: CharacterId,
    /// Its name.
    pub name: FixedText<24>,
    /// The login ids the host knows, which are not the real ones.
    pub pseudonyms: Secret<(u32, u32)>,
    /// 0 female, 1 male.
    pub sex: u8,
    /// The account's group (0 player, 99 administrator).
    pub group_id: u32,
    /// Where its client connects from, as the host is told.
    pub client_address: Ipv4Addr,
    /// Whether it was sent to this engine and not asked for yet: 0x2b26 is allowed, once.
    pub awaited: bool,
    /// The last state that was accepted.
    pub image: &'a CharacterImage,
}

/// The players that are leased to the engine that speaks, and the maps there are.
pub trait Sessions {
    /// The player of an account, if it is on this engine.
    fn by_account(&self, account: AccountId) -> Option<Subject<'_>>;

    /// The player of a character, if it is on this engine.
    fn by_character(&self, character: CharacterId) -> Option<Subject<'_>>;

    /// Whether a player was on this engine until a moment ago: what the engine still says of it is no breach.
    fn left(&self, account: Option<AccountId>, character: Option<CharacterId>) -> bool;

    /// Whether this is a map of the realm.
    fn is_map(&self, map: &MapName) -> bool;

    /// Whether the map belongs to the group this engine serves.
    fn serves(&self, map: &MapName) -> bool;

    /// Whether one can stand there; true where the coordinator does not know the cells.
    fn walkable(&self, at: &MapPoint) -> bool;

    /// The map-server that has the map, as other map-servers are told; the relay for the fleet's own maps.
    fn server_of(&self, map: &MapName) -> Option<SocketAddrV4>;
}
