//! A player arrives, loads the map, and leaves.

use bifrost_protocol::Packet;
use bifrost_protocol::client::map::{
    AcceptEnter, ActKind, ChangeMap, EnteredAs, Friends, Hotkeys, InventoryEnd, InventorySlots, InventoryStart,
    LookChange, MapProperty, OverweightPercent, PartyInvitations, Posture, Reputation, Setting, ShowEquipment, Skill,
    Skills, SwapEquipment, UnreadMail, Vanish, VanishReason,
};
use bifrost_protocol::control::{Character, PlayerUpdate};
use bifrost_protocol::ids::SessionId;
use bifrost_protocol::{FixedText, List};
use bytes::{Bytes, BytesMut};

use super::limits::MAX_PLAYERS;
use super::map::{Map, MapId};
use super::player::{Player, Stage, Wish, map_point};
use super::{World, WorldOutput};
use crate::Spot;

/// `LOOK_WEAPON` in [`LookChange`].
const LOOK_WEAPON: u8 = 2;
/// The basic skill: without it, clients do not even ask to sit or to show emotions.
const BASIC_SKILL: u16 = 1;
/// The level of the basic skill that allows everything.
const BASIC_SKILL_LEVEL: u16 = 9;
/// [`MapProperty`] flags of an ordinary field: carts and the stars' miracle are allowed (`clif_map_property`).
const ORDINARY_MAP: u32 = 1 << 9 | 1 << 10;
/// Percent of its load at which a character regenerates no longer (`natural_heal_weight_rate`).
const OVERWEIGHT_PERCENT: u32 = 50;
/// Pages of the hotkey bar.
const HOTKEY_PAGES: u16 = 2;
/// The settings of [`Setting`] a client is told on every map: calls, pet and homunculus feeding (`e_config_type`).
const SETTINGS: [u32; 3] = [2, 1, 3];

fn put(out: &mut BytesMut, packet: &impl Packet) {
    out.extend_from_slice(&packet.encode());
}

impl World {
    pub(super) fn join(&mut self, session: SessionId, character: &Character, changing: bool) {
        if self.players.contains_key(&session) {
            return self.misbehaved(session, "joins a second time".into());
        }
        match self.admit(session, character) {
            Ok(player) => {
                // The coordinator knows one session an account: an older one that is still here is over.
                if let Some(older) = self.accounts.get(&player.account).copied() {
                    self.release(older);
                }
                self.accounts.insert(player.account, session);
                let greeting = self.greeting(&player, changing);
                self.players.insert(session, player);
                self.changed.insert(session);
                self.send_bytes(session, greeting);
            }
            Err(_) => self.outputs.push_back(WorldOutput::Released { session, last: unchanged(session, character) }),
        }
    }

    fn admit(&mut self, session: SessionId, character: &Character) -> Result<Player, &'static str> {
        if self.players.len() >= MAX_PLAYERS {
            return Err("the world is full");
        }
        let place = character.at.as_ref().and_then(map_point).ok_or("the character stands nowhere")?;
        let map = self.maps.id(&place.map).ok_or("the character's map is not here")?;
        let at = self.arrival(map, Spot::new(place.x, place.y));
        Player::new(session, character, (map, at), self.now)
    }

    pub(super) fn arrival(&mut self, map: MapId, wanted: Spot) -> Spot {
        self.maps.get(map).arrival(wanted, &mut self.random)
    }

    /// What a client gets before it loads the map (`clif_parse_WantToConnection`, `pc_authok`, `pc_reg_received`).
    fn greeting(&self, player: &Player, changing: bool) -> Bytes {
        let mut out = BytesMut::new();
        put(&mut out, &EnteredAs { account: player.account });
        put(&mut out, &InventorySlots { extra: 0 });
        put(&mut out, &AcceptEnter { start_time: self.tick(), at: player.packed_position(), size: [5; 2], font: 0 });
        put(&mut out, &Friends { friends: Vec::new() });
        if !changing {
            put(&mut out, &change_map_packet(self.maps.get(player.map), player.at));
        }
        player.put_first_status(&mut out);
        put(&mut out, &UnreadMail { unread: 0 });
        put(&mut out, &OverweightPercent { percent: OVERWEIGHT_PERCENT });
        out.freeze()
    }

    /// The client has loaded the map (`clif_parse_LoadEndAck`).
    pub(super) fn loaded(&mut self, session: SessionId) {
        let Some(player) = self.players.get_mut(&session) else { return };
        player.stage = Stage::Playing;
        let (first, other_map) = (!player.entered, player.other_map);
        (player.entered, player.other_map) = (true, false);
        let player = &*player;

        let (before, mut after) = (before_sight(player), BytesMut::new());
        if first {
            put_first_load(&mut after, player);
        } else {
            player.put_stats(&mut after);
        }
        if other_map {
            put_other_map(&mut after);
        }
        let (posture, object) = (player.posture, player.object());
        self.send_bytes(session, before);
        self.appear(session);
        self.send_bytes(session, after.freeze());
        match posture {
            Posture::SITTING => self.show_act(session, ActKind::SIT),
            Posture::DEAD => self.show(session, false, &Vanish { object, reason: VanishReason::DEAD }),
            _ => {}
        }
        if first {
            self.outputs.push_back(WorldOutput::Entered { session });
            self.log(session, "enter");
        }
        self.touch(session);
    }

    /// Takes a player out of the world.
    pub(super) fn release(&mut self, session: SessionId) {
        self.halt(session);
        let Some(player) = self.players.get(&session) else { return };
        let (last, account) = (self.update_of(player), player.account);
        if player.is_visible() {
            let warps = matches!(player.stage, Stage::Held { wants: Wish::ChangeMap, .. });
            self.vanish(session, if warps { VanishReason::OUT_OF_SIGHT } else { VanishReason::LOGGED_OUT });
        }
        self.players.remove(&session);
        self.changed.remove(&session);
        if self.accounts.get(&account) == Some(&session) {
            self.accounts.remove(&account);
        }
        self.log(session, "leave");
        self.outputs.push_back(WorldOutput::Released { session, last });
    }
}

pub(super) fn change_map_packet(map: &Map, at: Spot) -> ChangeMap {
    ChangeMap { map: FixedText::new(format!("{}.gat", map.name)), x: at.x, y: at.y }
}

/// Looks, items, weight and what the map allows.
fn before_sight(player: &Player) -> Bytes {
    let mut out = BytesMut::new();
    put(&mut out, &LookChange { object: player.object(), kind: LOOK_WEAPON, value: 0, value2: 0 });
    put(&mut out, &InventoryStart { kind: 0, name: vec![0] });
    put(&mut out, &InventoryEnd { kind: 0, flag: 0 });
    put(&mut out, &SwapEquipment { items: Vec::new() });
    Player::put_weight(&mut out);
    player.put_max_weight(&mut out);
    put(&mut out, &MapProperty { kind: 0, flags: ORDINARY_MAP });
    out.freeze()
}

/// Skills, hotkeys, experience and the status window: once a connection.
fn put_first_load(out: &mut BytesMut, player: &Player) {
    let basic = Skill {
        id: BASIC_SKILL,
        kind: 0,
        level: BASIC_SKILL_LEVEL,
        sp: 0,
        range: 0,
        can_rise: 0,
        level2: BASIC_SKILL_LEVEL,
    };
    put(out, &Skills { skills: List(vec![basic]) });
    for tab in 0..HOTKEY_PAGES {
        put(out, &Hotkeys { rotate: 0, tab, keys: [0; 266] });
    }
    player.put_window(out);
}

/// What a client forgets when it changes maps.
fn put_other_map(out: &mut BytesMut) {
    put(out, &PartyInvitations { refused: 0 });
    put(out, &ShowEquipment { shown: 0 });
    for kind in SETTINGS {
        put(out, &Setting { kind, value: 0 });
    }
    put(out, &Reputation { success: 1, list: Vec::new() });
}

/// The state of a character that was never let in.
fn unchanged(session: SessionId, character: &Character) -> PlayerUpdate {
    PlayerUpdate {
        session: session.0,
        at: character.at.clone(),
        direction: character.direction,
        sitting: character.sitting,
        hp: character.hp,
        sp: character.sp,
    }
}
