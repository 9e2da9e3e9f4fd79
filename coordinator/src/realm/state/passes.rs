//! Passes: what lets one connection of an account go on to the next server (rAthena: auth nodes).

use std::net::SocketAddrV4;
use std::time::Instant;

use bifrost_protocol::ids::{AccountId, CharacterId, MapName, MapPoint};
use bifrost_protocol::inter::ChangeServer;
use bifrost_protocol::layout::{CharacterImage, Point};
use bifrost_protocol::{FixedText, Secret};

use super::{MAX_PRESENCES, PASS_LIFETIME, ServerId, State};

/// The two numbers that identify a login session. Secret: whoever has them is the player.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::realm) struct LoginIds {
    pub(in crate::realm) first: Secret<u32>,
    pub(in crate::realm) second: Secret<u32>,
}

/// Lets one connection go on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(in crate::realm) struct Pass {
    /// The session.
    pub(in crate::realm) ids: LoginIds,
    /// The character it is for; none at the character selection.
    pub(in crate::realm) character: Option<CharacterId>,
    /// 0 female, 1 male.
    pub(in crate::realm) sex: u8,
    /// The account's group.
    pub(in crate::realm) group: u32,
    /// Where the character stands on arrival, whatever is saved of it.
    pub(in crate::realm) arrival: Option<MapPoint>,
    /// Whether it comes from another map-server.
    pub(in crate::realm) changing: bool,
    /// When it ends.
    pub(in crate::realm) until: Instant,
}

impl Pass {
    /// A pass to the char-server for a login session. Whoever hands it out sets when it ends.
    pub(in crate::realm) const fn for_session(ids: LoginIds, sex: u8, group: u32, until: Instant) -> Self {
        Self { ids, character: None, sex, group, arrival: None, changing: false, until }
    }

    /// What a map-server is given of the character: what was saved, with where it arrives written over it (0x2b05,
    /// `char_mapif.cpp`).
    pub(in crate::realm) fn apply(&self, image: &mut CharacterImage) {
        if let Some(MapPoint { map, x, y }) = &self.arrival {
            image.set_last_point(Point { map: FixedText::new(map.as_str()), x: *x, y: *y });
        }
        if self.changing {
            image.set_sex(self.sex);
        }
    }
}

impl State {
    /// A player at the character selection chose the character that `pass` is for, and goes to `map`. The address of the
    /// first map-server that has it; none when no one has, or the player is not at the selection any more.
    pub(in crate::realm) fn choose(
        &mut self,
        account: AccountId,
        map: &MapName,
        pass: Pass,
        now: Instant,
    ) -> Option<SocketAddrV4> {
        let address = self.server_with(map, None).map(|(_, server)| server.address)?;
        if !self.leaves_selection(account, pass.character) {
            return None;
        }
        self.passes.insert(account, Pass { until: now + PASS_LIFETIME, ..pass });
        Some(address)
    }

    /// 0x2b05: a player goes to another map-server. False when there is none at that address with that map.
    pub(in crate::realm) fn change_server(&mut self, change: &ChangeServer, now: Instant) -> bool {
        let Ok(map) = MapName::new(&change.map.to_text()) else { return false };
        let address = change.ip.at(change.port.0);
        let Some(server) = self.server_with(&map, Some(address)).map(|(id, _)| id) else { return false };
        if !self.arrives(change.account, change.character, server) {
            return false;
        }
        let pass = Pass {
            ids: LoginIds { first: change.login_id1, second: change.login_id2 },
            character: Some(change.character),
            sex: change.sex,
            group: change.group,
            arrival: Some(MapPoint { map, x: change.x, y: change.y }),
            changing: true,
            until: now + PASS_LIFETIME,
        };
        self.passes.insert(change.account, pass);
        true
    }

    /// 0x2b02: a player returns from a map-server to the character selection. False when it plays on another one.
    pub(in crate::realm) fn return_to_selection(
        &mut self,
        server: ServerId,
        account: AccountId,
        pass: Pass,
        now: Instant,
    ) -> bool {
        if self.passes.len() >= MAX_PRESENCES || !self.returns(server, account, now) {
            return false;
        }
        self.passes.insert(account, pass);
        true
    }

    /// 0x2b26: takes the pass with which a client wants to enter a map-server.
    pub(in crate::realm) fn take_pass(
        &mut self,
        account: AccountId,
        character: CharacterId,
        login_id1: Secret<u32>,
        now: Instant,
    ) -> Option<Pass> {
        let fits = self
            .passes
            .get(&account)
            .is_some_and(|pass| pass.character == Some(character) && pass.ids.first == login_id1 && pass.until > now);
        if fits { self.passes.remove(&account) } else { None }
    }
}
