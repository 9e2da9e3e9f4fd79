//! Sessions and state of embedded engines: what travels on game and sync streams beside the game's own packets.

use std::fmt;

use prost::Message;
use sha2::{Digest, Sha256};

use crate::Secret;

/// Header of a game stream: the player who arrives.
#[derive(Clone, PartialEq, Message)]
pub struct GameOpen {
    /// The session.
    #[prost(uint64, tag = "1")]
    pub session: u64,
    /// The map group it goes to.
    #[prost(string, tag = "2")]
    pub group: String,
    /// The epoch of the group's lease.
    #[prost(uint64, tag = "3")]
    pub epoch: u64,
    /// The character, as the char-server holds it.
    #[prost(message, optional, tag = "4")]
    pub character: Option<Character>,
    /// Whether the player comes from another map-server (no greeting then).
    #[prost(bool, tag = "5")]
    pub changing: bool,
    /// For a `rathena` engine: the packet that enters it (0x0436), under this host's pseudonym for the login id.
    #[prost(bytes = "vec", tag = "6")]
    pub enter: Vec<u8>,
}

/// A character as an embedded engine needs it. No login ids: a host never learns them.
#[derive(Clone, PartialEq, Message)]
pub struct Character {
    /// Account, also the game object id.
    #[prost(uint32, tag = "1")]
    pub account: u32,
    /// Character.
    #[prost(uint32, tag = "2")]
    pub character: u32,
    /// Name, in the client's code page.
    #[prost(bytes = "vec", tag = "3")]
    pub name: Vec<u8>,
    /// 0 female, 1 male.
    #[prost(uint32, tag = "4")]
    pub sex: u32,
    /// Job class.
    #[prost(int32, tag = "5")]
    pub class: i32,
    /// Base level.
    #[prost(uint32, tag = "6")]
    pub base_level: u32,
    /// Job level.
    #[prost(uint32, tag = "7")]
    pub job_level: u32,
    /// Base experience.
    #[prost(uint64, tag = "8")]
    pub base_exp: u64,
    /// Job experience.
    #[prost(uint64, tag = "9")]
    pub job_exp: u64,
    /// Money.
    #[prost(int32, tag = "10")]
    pub zeny: i32,
    /// Health.
    #[prost(int32, tag = "11")]
    pub hp: i32,
    /// Full health.
    #[prost(int32, tag = "12")]
    pub max_hp: i32,
    /// Spirit.
    #[prost(int32, tag = "13")]
    pub sp: i32,
    /// Full spirit.
    #[prost(int32, tag = "14")]
    pub max_sp: i32,
    /// Points to spend on stats.
    #[prost(uint32, tag = "15")]
    pub status_point: u32,
    /// Points to spend on skills.
    #[prost(uint32, tag = "16")]
    pub skill_point: u32,
    /// str, agi, vit, int, dex, luk.
    #[prost(uint32, repeated, tag = "17")]
    pub stats: Vec<u32>,
    /// Looks.
    #[prost(message, optional, tag = "18")]
    pub looks: Option<Looks>,
    /// Where the character stands.
    #[prost(message, optional, tag = "19")]
    pub at: Option<Place>,
    /// Where it returns to.
    #[prost(message, optional, tag = "20")]
    pub save_point: Option<Place>,
    /// Whether it sits: the state a failed engine left it in.
    #[prost(bool, tag = "21")]
    pub sitting: bool,
    /// Body direction, 0 north, counter-clockwise to 7.
    #[prost(uint32, tag = "22")]
    pub direction: u32,
}

/// What others see of a character.
#[derive(Clone, Copy, Eq, PartialEq, Message)]
pub struct Looks {
    /// Hair style.
    #[prost(uint32, tag = "1")]
    pub hair: u32,
    /// Hair colour.
    #[prost(uint32, tag = "2")]
    pub hair_color: u32,
    /// Clothes colour.
    #[prost(uint32, tag = "3")]
    pub clothes_color: u32,
    /// Body style.
    #[prost(uint32, tag = "4")]
    pub body: u32,
    /// Weapon sprite.
    #[prost(uint32, tag = "5")]
    pub weapon: u32,
    /// Shield sprite.
    #[prost(uint32, tag = "6")]
    pub shield: u32,
    /// Upper headgear sprite.
    #[prost(uint32, tag = "7")]
    pub head_top: u32,
    /// Middle headgear sprite.
    #[prost(uint32, tag = "8")]
    pub head_mid: u32,
    /// Lower headgear sprite.
    #[prost(uint32, tag = "9")]
    pub head_bottom: u32,
    /// Robe sprite.
    #[prost(uint32, tag = "10")]
    pub robe: u32,
}

/// A cell of a map.
#[derive(Clone, PartialEq, Message)]
pub struct Place {
    /// Map name without extension.
    #[prost(string, tag = "1")]
    pub map: String,
    /// Column.
    #[prost(uint32, tag = "2")]
    pub x: u32,
    /// Row.
    #[prost(uint32, tag = "3")]
    pub y: u32,
}

/// Header of a sync stream.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct SyncOpen {
    /// The host token.
    #[prost(string, tag = "1")]
    pub token: String,
    /// The map group.
    #[prost(string, tag = "2")]
    pub group: String,
    /// The epoch of its lease.
    #[prost(uint64, tag = "3")]
    pub epoch: u64,
}

impl fmt::Debug for SyncOpen {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SyncOpen")
            .field("token", &Secret::new(()))
            .field("group", &self.group)
            .field("epoch", &self.epoch)
            .finish()
    }
}

/// Engine to coordinator, in order.
#[derive(Clone, PartialEq, Message)]
pub struct EngineUp {
    /// What it says.
    #[prost(oneof = "EngineSays", tags = "1, 2, 3, 4, 5, 6")]
    pub says: Option<EngineSays>,
}

/// The kinds of [`EngineUp`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum EngineSays {
    /// State that changed.
    #[prost(message, tag = "1")]
    Sync(DbSync),
    /// A session's client has loaded the map: it is in play.
    #[prost(message, tag = "2")]
    Entered(SessionRef),
    /// A session wants to go to a map that this engine does not have. It is held until the coordinator answers.
    #[prost(message, tag = "3")]
    ChangeMap(ChangeMap),
    /// A session wants to return to character select. It is held until the coordinator answers.
    #[prost(message, tag = "4")]
    CharacterSelect(SessionRef),
    /// The engine has let a session go; its last state went before, in a [`DbSync`].
    #[prost(message, tag = "5")]
    Released(SessionRef),
    /// A client broke the protocol; the engine asks for it to be closed.
    #[prost(message, tag = "6")]
    Misbehaved(Misbehaved),
}

/// A session.
#[derive(Clone, Copy, Eq, PartialEq, Message)]
pub struct SessionRef {
    /// Its id.
    #[prost(uint64, tag = "1")]
    pub session: u64,
}

/// A session wants to leave for another map.
#[derive(Clone, PartialEq, Message)]
pub struct ChangeMap {
    /// Its id.
    #[prost(uint64, tag = "1")]
    pub session: u64,
    /// Where to.
    #[prost(message, optional, tag = "2")]
    pub to: Option<Place>,
}

/// A client broke the protocol.
#[derive(Clone, PartialEq, Message)]
pub struct Misbehaved {
    /// Its session.
    #[prost(uint64, tag = "1")]
    pub session: u64,
    /// How, without the packet's content.
    #[prost(string, tag = "2")]
    pub problem: String,
}

/// Coordinator to engine.
#[derive(Clone, PartialEq, Message)]
pub struct EngineDown {
    /// What it says.
    #[prost(oneof = "EngineOrder", tags = "1, 2, 3, 4")]
    pub says: Option<EngineOrder>,
}

/// The kinds of [`EngineDown`].
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum EngineOrder {
    /// Everything up to this sequence is durable at the coordinator.
    #[prost(message, tag = "1")]
    Ack(SyncAck),
    /// Let this session go: send its last state, then [`EngineSays::Released`].
    #[prost(message, tag = "2")]
    Release(SessionRef),
    /// A held session stays where it is.
    #[prost(message, tag = "3")]
    Stay(SessionRef),
    /// The sync could not be applied; send a full one.
    #[prost(message, tag = "4")]
    Resync(Resync),
}

/// Sync messages up to here are durable.
#[derive(Clone, Copy, Eq, PartialEq, Message)]
pub struct SyncAck {
    /// Sequence of the last one.
    #[prost(uint64, tag = "1")]
    pub sequence: u64,
}

/// A full sync is wanted.
#[derive(Clone, PartialEq, Message)]
pub struct Resync {
    /// Why: `gap`, `checksum`.
    #[prost(string, tag = "1")]
    pub reason: String,
}

/// State of one map group, full or as changes since the message before.
#[derive(Clone, PartialEq, Message)]
pub struct DbSync {
    /// `db_sync`, for readers of captures.
    #[prost(string, tag = "1")]
    pub kind: String,
    /// The host it comes from.
    #[prost(string, tag = "2")]
    pub host_id: String,
    /// The host's clock, Unix milliseconds. For people; order comes from epoch and sequence.
    #[prost(uint64, tag = "3")]
    pub timestamp: u64,
    /// The lease's epoch.
    #[prost(uint64, tag = "4")]
    pub epoch: u64,
    /// Grows by one each, from 1 in each epoch.
    #[prost(uint64, tag = "5")]
    pub sequence: u64,
    /// Whether [`SyncData`] is all there is, not only what changed.
    #[prost(bool, tag = "6")]
    pub full: bool,
    /// Encoded [`SyncData`].
    #[prost(bytes = "vec", tag = "7")]
    pub data: Vec<u8>,
    /// SHA-256 of `data`.
    #[prost(bytes = "vec", tag = "8")]
    pub checksum: Vec<u8>,
}

impl DbSync {
    /// Seals `data` under the next sequence.
    #[must_use]
    pub fn seal(host_id: &str, timestamp: u64, epoch: u64, sequence: u64, full: bool, data: &SyncData) -> Self {
        let data = data.encode_to_vec();
        let checksum = Sha256::digest(&data).to_vec();
        Self { kind: "db_sync".into(), host_id: host_id.into(), timestamp, epoch, sequence, full, data, checksum }
    }

    /// The state, if the checksum holds and the bytes mean something.
    #[must_use]
    pub fn open(&self) -> Option<SyncData> {
        (Sha256::digest(&self.data).as_slice() == self.checksum)
            .then(|| SyncData::decode(self.data.as_slice()).ok())
            .flatten()
    }
}

/// What a [`DbSync`] carries.
#[derive(Clone, PartialEq, Message)]
pub struct SyncData {
    /// Of the group as a whole.
    #[prost(message, optional, tag = "1")]
    pub map_state: Option<MapState>,
    /// Players that changed, or all.
    #[prost(message, repeated, tag = "2")]
    pub player_updates: Vec<PlayerUpdate>,
    /// What happened, for the operator's records.
    #[prost(message, repeated, tag = "3")]
    pub event_logs: Vec<EventLog>,
}

/// State of a map group as a whole.
#[derive(Clone, Copy, Eq, PartialEq, Message)]
pub struct MapState {
    /// The engine's tick, in milliseconds since it started.
    #[prost(uint64, tag = "1")]
    pub tick: u64,
    /// Players on it.
    #[prost(uint32, tag = "2")]
    pub players: u32,
}

/// What an embedded engine may change of a character.
#[derive(Clone, PartialEq, Message)]
pub struct PlayerUpdate {
    /// The session.
    #[prost(uint64, tag = "1")]
    pub session: u64,
    /// Where the player stands.
    #[prost(message, optional, tag = "2")]
    pub at: Option<Place>,
    /// Body direction, 0 to 7.
    #[prost(uint32, tag = "3")]
    pub direction: u32,
    /// Whether the player sits.
    #[prost(bool, tag = "4")]
    pub sitting: bool,
    /// Health.
    #[prost(int32, tag = "5")]
    pub hp: i32,
    /// Spirit.
    #[prost(int32, tag = "6")]
    pub sp: i32,
}

/// Something that happened.
#[derive(Clone, PartialEq, Message)]
pub struct EventLog {
    /// The session it happened to; 0 for none.
    #[prost(uint64, tag = "1")]
    pub session: u64,
    /// What: `enter`, `leave`, `warp`, `respawn`.
    #[prost(string, tag = "2")]
    pub what: String,
    /// The engine's tick, in milliseconds since it started.
    #[prost(uint64, tag = "3")]
    pub tick: u64,
}
