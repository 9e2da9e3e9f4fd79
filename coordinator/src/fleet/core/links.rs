//! The char-server: what it says, and what it has to hear again after its link was down.

use std::net::{Ipv4Addr, SocketAddrV4};

use bifrost_protocol::ids::{AccountId, MapName};
use bifrost_protocol::inter::{CharToMap, Counted, Online, OnlinePlayer, Ping, ServerGone, ServerMaps};
use bifrost_protocol::{FixedText, Ipv4Be, List, Packet, PortBe};

use super::Fleet;
use crate::config::EngineKind;
use crate::fleet::session::{Phase, Session, Target};

impl Fleet {
    /// The char-server has taken the fleet in: it hears who is here (0x2aff), and everything it has not answered, again.
    pub(super) fn char_up(&mut self) {
        self.char_up = true;
        let online = |account: AccountId, character| OnlinePlayer { account, character };
        let here = self.sessions.values().map(|session| online(session.account, session.character));
        let leaving = self.leaving.iter().map(|(character, leaving)| online(leaving.account, *character));
        let players = here.chain(leaving).collect();
        self.tell_char(Online { players: Counted(players) });
        self.leaving.keys().copied().collect::<Vec<_>>().into_iter().for_each(|id| self.save_finally_again(id));
        for account in self.sessions.keys().copied().collect::<Vec<_>>() {
            if let Some(session) = self.sessions.get_mut(&account) {
                // What was sent before the link broke may not have arrived.
                session.dirty = true;
                session.saves.forget_sent();
            }
            self.save(account);
            match self.sessions.get(&account).map(|session| &session.phase) {
                Some(Phase::Redirecting(_)) => self.ask_to_change(account),
                Some(Phase::Selecting) => self.select(account),
                Some(Phase::Away) => self.expect_again(account),
                _ => {}
            }
        }
        self.arrivals.keys().copied().collect::<Vec<_>>().into_iter().for_each(|key| self.ask_about(key));
        self.introduce();
    }

    /// What the guard knew of players went with the link, or with the coordinator's former life.
    fn introduce(&mut self) {
        let stock = |session: &&Session| self.engine_of(&session.group) == EngineKind::Rathena;
        let images: Vec<_> = self.sessions.values().filter(stock).map(|session| session.image.clone()).collect();
        for image in images {
            self.guard.enters(&image).into_iter().for_each(|question| self.forward(question));
        }
    }

    /// The link to the char-server is gone. It comes back by itself.
    pub(super) fn char_down(&mut self) {
        self.char_up = false;
        self.guard.char_gone();
    }

    /// A client is on its way back, while the char-server has forgotten that it expects it. Its answer changes nothing.
    pub(super) fn expect_again(&mut self, account: AccountId) {
        let Some(to) = self.sessions.get(&account).map(|session| session.at.clone()) else { return };
        let target = Target { to, server: self.config.public, own: true };
        self.set_phase(account, Phase::Redirecting(target));
        self.ask_to_change(account);
        self.set_phase(account, Phase::Away);
    }

    /// A packet of the char-server that is the fleet's own business.
    pub(super) fn char_says(&mut self, packet: CharToMap) {
        match packet {
            CharToMap::Authenticated(answer) => self.arrival_accepted(answer),
            CharToMap::Refused(refused) => self.arrival_refused(&refused),
            CharToMap::ChangeServerAnswer(answer) => self.change_answered(&answer),
            CharToMap::CharacterSelectAnswer(answer) => self.select_answered(&answer),
            CharToMap::Saved(saved) => self.save_confirmed(&saved),
            CharToMap::Kick(kick) => self.kicked(&kick),
            CharToMap::Banned(banned) => self.banned(&banned),
            CharToMap::ServerMaps(maps) => self.neighbour(maps.ip, maps.port.0, &maps.maps),
            CharToMap::ServerGone(gone) => self.neighbour_gone(gone),
            // A stock map-server answers this from its game loop.
            CharToMap::TotalUsers(_) => self.tell_char(Ping {}),
            // The engines' business, if anybody's: they have gone there already.
            CharToMap::LoginAnswer(_)
            | CharToMap::MapsAccepted(_)
            | CharToMap::Cooldowns(_)
            | CharToMap::Fame(_)
            | CharToMap::Status(_)
            | CharToMap::RefreshAddress(_)
            | CharToMap::FameUpdated(_)
            | CharToMap::Pong(_)
            | CharToMap::Bonuses(_)
            | CharToMap::Registry(_)
            | CharToMap::Storage(_)
            | CharToMap::StorageSaved(_)
            | CharToMap::StorageTables(_) => {}
        }
    }

    /// 0x2b04. The fleet's own maps are not for others to claim.
    fn neighbour(&mut self, ip: Ipv4Be, port: u16, maps: &List<FixedText<16>>) {
        for name in &maps.0 {
            let Ok(map) = MapName::new(&name.to_text()) else { continue };
            if !self.group_of.contains_key(&map) && self.neighbours.len() < MAX_NEIGHBOUR_MAPS {
                self.neighbours.insert(map, ip.at(port));
            }
        }
        let theirs = maps.0.iter().filter(|name| {
            MapName::new(&name.to_text()).is_ok_and(|map| self.neighbours.get(&map) == Some(&ip.at(port)))
        });
        let theirs: Vec<_> = theirs.copied().collect();
        if !theirs.is_empty() {
            self.tell_engines(&ServerMaps { ip, port: PortBe(port), maps: List(theirs) }.encode());
        }
    }

    /// 0x2b20. Stock map-servers read its address the wrong way round (`chrif_removemap`), and so they get it.
    fn neighbour_gone(&mut self, gone: ServerGone) {
        let server = SocketAddrV4::new(gone.ip.0, gone.port.0);
        self.neighbours.retain(|_, address| *address != server);
        let [a, b, c, d] = gone.ip.0.octets();
        let turned = ServerGone {
            ip: Ipv4Be(Ipv4Addr::new(d, c, b, a)),
            port: PortBe(gone.port.0.swap_bytes()),
            maps: gone.maps,
        };
        self.tell_engines(&turned.encode());
    }
}

/// `MAX_MAP_PER_SERVER` (mmo.hpp) times more servers than a realm has.
const MAX_NEIGHBOUR_MAPS: usize = 1_500 * 32;
