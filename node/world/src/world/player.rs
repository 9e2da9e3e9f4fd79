//! One player of a world.

use std::time::Duration;

use bifrost_protocol::FixedText;
use bifrost_protocol::client::map::Posture;
use bifrost_protocol::control::{Character, Looks, Place};
use bifrost_protocol::ids::{AccountId, CharacterId, MapName, MapPoint, ObjectId, SessionId};

use super::limits::{Allowance, MESSAGE_BURST, MESSAGES_PER_SECOND, PACKET_BURST, PACKETS_PER_SECOND};
use super::map::{FIRST_WARP_ID, MapId};
use super::status::Stats;
use crate::{Direction, Spot};

/// Milliseconds a straight step takes (`DEFAULT_WALK_SPEED`).
pub const WALK_SPEED: i16 = 150;

/// Where a session is in its life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Stage {
    /// The client loads the map; nobody sees the player yet.
    Loading,
    /// On the map.
    Playing,
    /// On the map or not, and waiting for the coordinator.
    Held {
        /// For what.
        wants: Wish,
        /// Whether others see the player.
        visible: bool,
    },
}

/// What a held session waits for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Wish {
    /// To go to another engine's map.
    ChangeMap,
    /// To return to character select.
    CharacterSelect,
    /// To be closed.
    Close,
}

/// A walk in progress.
#[derive(Clone, Debug)]
pub(super) struct Walk {
    /// The steps still to make, the next one last.
    pub(super) steps: Vec<Direction>,
    /// When the next step is made.
    pub(super) due: Duration,
    /// Where it leads.
    pub(super) to: Spot,
    /// Whether `to` is newer than `steps`: the way is found again at the next cell (`change_walk_target`, unit.cpp).
    pub(super) redirected: bool,
}

#[derive(Clone, Debug)]
pub(super) struct Player {
    pub(super) session: SessionId,
    pub(super) account: AccountId,
    pub(super) character: CharacterId,
    pub(super) name: FixedText<24>,
    pub(super) sex: u8,
    pub(super) class: i16,
    pub(super) base_level: u16,
    pub(super) base_exp: u64,
    pub(super) job_exp: u64,
    pub(super) stats: Stats,
    pub(super) looks: Looks,
    pub(super) save_point: Option<MapPoint>,
    pub(super) hp: i32,
    pub(super) max_hp: i32,
    pub(super) sp: i32,
    pub(super) max_sp: i32,
    pub(super) status_point: u32,
    pub(super) skill_point: u32,

    pub(super) stage: Stage,
    pub(super) map: MapId,
    pub(super) at: Spot,
    pub(super) body: Direction,
    pub(super) head: u16,
    pub(super) posture: Posture,
    pub(super) walk: Option<Walk>,
    /// Whether the client has loaded its first map here (`connect_new`, the other way round).
    pub(super) entered: bool,
    /// Whether the map is another one than the client had before (`changemap`).
    pub(super) other_map: bool,
    /// Whether the client said it has loaded while everything was on hold.
    pub(super) loaded_on_hold: bool,
    /// Warps in a row that led onto a warp.
    pub(super) rewarps: u8,

    pub(super) packets: Allowance,
    pub(super) messages: Allowance,
    pub(super) last_emotion: Option<Duration>,
    pub(super) last_sent: Duration,
}

impl Player {
    /// A player whose client has yet to load the map.
    ///
    /// # Errors
    /// Why the character cannot be played.
    pub(super) fn new(
        session: SessionId,
        data: &Character,
        (map, at): (MapId, Spot),
        now: Duration,
    ) -> Result<Self, &'static str> {
        if data.account == 0 || data.account >= FIRST_WARP_ID {
            return Err("the account id is not one of players");
        }
        let short = |value: u32| u16::try_from(value).unwrap_or(u16::MAX);
        let posture = match (data.hp, data.sitting) {
            (..=0, _) => Posture::DEAD,
            (_, true) => Posture::SITTING,
            (_, false) => Posture::STANDING,
        };
        Ok(Self {
            session,
            account: AccountId(data.account),
            character: CharacterId(data.character),
            name: FixedText::new(&data.name),
            sex: u8::from(data.sex != 0),
            class: i16::try_from(data.class).unwrap_or(0),
            base_level: short(data.base_level),
            base_exp: data.base_exp,
            job_exp: data.job_exp,
            stats: Stats::new(&data.stats),
            looks: data.looks.unwrap_or_default(),
            save_point: data.save_point.as_ref().and_then(map_point),
            hp: data.hp,
            max_hp: data.max_hp,
            sp: data.sp,
            max_sp: data.max_sp,
            status_point: data.status_point,
            skill_point: data.skill_point,
            stage: Stage::Loading,
            map,
            at,
            body: u8::try_from(data.direction).ok().and_then(Direction::from_number).unwrap_or_default(),
            head: 0,
            posture,
            walk: None,
            entered: false,
            other_map: true,
            loaded_on_hold: false,
            rewarps: 0,
            packets: Allowance::new(PACKETS_PER_SECOND, PACKET_BURST, now),
            messages: Allowance::new(MESSAGES_PER_SECOND, MESSAGE_BURST, now),
            last_emotion: None,
            last_sent: now,
        })
    }

    /// The object others see.
    pub(super) fn object(&self) -> ObjectId {
        ObjectId(self.account.0)
    }

    /// Whether others see the player.
    pub(super) fn is_visible(&self) -> bool {
        match self.stage {
            Stage::Loading => false,
            Stage::Playing => true,
            Stage::Held { visible, .. } => visible,
        }
    }
}

/// A place whose map has a legal name.
pub(super) fn map_point(place: &Place) -> Option<MapPoint> {
    let short = |value| u16::try_from(value).unwrap_or(u16::MAX);
    MapName::new(&place.map).ok().map(|map| MapPoint { map, x: short(place.x), y: short(place.y) })
}
