//! One player in game.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use bifrost_protocol::Secret;
use bifrost_protocol::client::CloseReason;
use bifrost_protocol::control::{Character, PlayerUpdate};
use bifrost_protocol::ids::{AccountId, CharacterId, GroupName, MapPoint, SessionId};
use bifrost_protocol::layout::CharacterImage;

use super::character::{for_engine, image_point, place};
use super::saves::Saves;
use super::{ConnectionId, LinkId};

/// One player in game. An account has at most one.
#[derive(Clone, Debug)]
pub struct Session {
    /// Changes with every arrival.
    pub id: SessionId,
    /// Account.
    pub account: AccountId,
    /// Character.
    pub character: CharacterId,
    /// The client, while it is connected.
    pub connection: Option<ConnectionId>,
    /// Where the client connects from.
    pub address: Ipv4Addr,
    /// Session secret; never shown to a host.
    pub login_id1: Secret<u32>,
    /// Session secret; never shown to a host.
    pub login_id2: Secret<u32>,
    /// 0 female, 1 male.
    pub sex: u8,
    /// The account's group (0 player, 99 administrator).
    pub group_id: u32,
    /// Unix time the account expires; 0 never.
    pub expiration: u32,
    /// The character as the char-server knows it, with what engines changed.
    pub image: CharacterImage,
    /// Where it stands.
    pub at: MapPoint,
    /// Body direction.
    pub direction: u8,
    /// Whether it sits.
    pub sitting: bool,
    /// The map group.
    pub group: GroupName,
    /// Whether it came from another map-server.
    pub changing: bool,
    /// How far it is.
    pub phase: Phase,
    /// Since when.
    pub since: Duration,
    /// Whether the char-server lacks something.
    pub dirty: bool,
    /// When the char-server last got its state.
    pub saved: Duration,
    /// How often in a row an engine dropped it.
    pub drops: u8,
    /// What a stock map-server saved beside the image.
    pub saves: Saves,
    /// Whether a stock map-server has asked for it (0x2b26) and got it.
    pub handed_out: bool,
    /// Whether a gateway carries its client, which is still there after the coordinator was away.
    pub held: bool,
    /// Whether it was restored after a restart and its client is expected back.
    pub restored: bool,
}

/// How far a session is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Phase {
    /// Restored after a restart; its client is gone.
    Orphaned,
    /// Its client waits for an engine. A fresh one has not been let in yet; others are on a map and see it standing still.
    Limbo {
        /// Whether no engine has answered the client yet.
        fresh: bool,
    },
    /// Handed to an engine; the client is loading the map.
    Entering(LinkId),
    /// In play.
    Playing(LinkId),
    /// The engine was asked, or is about, to let it go.
    Releasing(LinkId, Leave),
    /// 0x2b05 is on its way; the client is told when 0x2b06 comes.
    Redirecting(Target),
    /// The client was told to come back (0x0ac7).
    Away,
    /// 0x2b02 is on its way.
    Selecting,
    /// The client was told to go to character select.
    Selected,
}

/// Why an engine lets a session go.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Leave {
    /// The client is gone.
    Logout,
    /// Back to character select.
    Select,
    /// To another map.
    Change(MapPoint),
    /// The group changes hosts; the player stays where it is.
    Move,
    /// The char-server or an operator wants it gone.
    Kick(CloseReason),
}

/// Where a redirect leads.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Target {
    /// The map and cell.
    pub to: MapPoint,
    /// The server's public address.
    pub server: SocketAddrV4,
    /// Whether it is the fleet itself.
    pub own: bool,
}

impl Session {
    /// The connection of the node whose engine has it.
    #[must_use]
    pub fn link(&self) -> Option<LinkId> {
        match &self.phase {
            Phase::Entering(link) | Phase::Playing(link) | Phase::Releasing(link, _) => Some(*link),
            Phase::Orphaned
            | Phase::Limbo { .. }
            | Phase::Redirecting(_)
            | Phase::Away
            | Phase::Selecting
            | Phase::Selected => None,
        }
    }

    /// Whether its engine has let it go, and the char-server has to have everything.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        match self.phase {
            Phase::Redirecting(_) | Phase::Selecting | Phase::Selected | Phase::Away => true,
            Phase::Orphaned | Phase::Limbo { .. } | Phase::Entering(_) | Phase::Playing(_) | Phase::Releasing(..) => {
                false
            }
        }
    }

    /// Enters another phase.
    pub fn become_at(&mut self, phase: Phase, now: Duration) {
        self.phase = phase;
        self.since = now;
    }

    /// What an engine gets to know.
    #[must_use]
    pub fn for_engine(&self) -> Character {
        let mut character = for_engine(&self.image);
        character.at = Some(place(&self.at));
        character.direction = u32::from(self.direction);
        character.sitting = self.sitting;
        character
    }

    /// Its state as an engine would report it.
    #[must_use]
    pub fn as_update(&self) -> PlayerUpdate {
        let status = self.image.view();
        PlayerUpdate {
            session: self.id.0,
            at: Some(place(&self.at)),
            direction: u32::from(self.direction),
            sitting: self.sitting,
            hp: status.hp,
            sp: status.sp,
        }
    }

    /// Takes over what an engine reported. Health may not exceed its maximum; the caller has checked the place.
    pub fn apply(&mut self, update: &PlayerUpdate, at: MapPoint) {
        let status = self.image.view();
        self.image.set_hp(update.hp.clamp(0, status.max_hp.max(1)));
        self.image.set_sp(update.sp.clamp(0, status.max_sp.max(0)));
        self.image.set_last_point(image_point(&at));
        self.at = at;
        self.direction = u8::try_from(update.direction & 7).unwrap_or_default();
        self.sitting = update.sitting;
        self.dirty = true;
    }
}
