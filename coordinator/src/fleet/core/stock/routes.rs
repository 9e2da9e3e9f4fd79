//! What the char-server says, and which engines hear it.

use bifrost_protocol::ids::{AccountId, GroupName};
use bifrost_protocol::inter::{CharToMap, Cooldowns, CooldownSave};
use bifrost_protocol::{Packet, frame};
use bytes::Bytes;

use crate::config::EngineKind;
use crate::fleet::LinkId;
use crate::fleet::core::Fleet;
use crate::guard::Way;

/// What every starting map-server is told, as the char-server told the fleet.
#[derive(Clone, Debug, Default)]
pub(in crate::fleet::core) struct RealmFacts {
    /// 0x388c.
    pub(super) storages: Option<Bytes>,
    /// 0x2afb.
    pub(super) accepted: Option<Bytes>,
    /// 0x2b1b.
    pub(super) fame: Option<Bytes>,
}

impl Fleet {
    /// Any packet of the char-server.
    pub(in crate::fleet::core) fn char_packet(&mut self, packet: &Bytes) {
        match frame::packet_id(packet) {
            Ok(0x388c) => self.realm.storages = Some(packet.clone()),
            Ok(0x2afb) => self.realm.accepted = Some(packet.clone()),
            Ok(0x2b1b) => self.realm.fame = Some(packet.clone()),
            Ok(0x2b0b) => self.hold_cooldowns(packet),
            Ok(_) | Err(_) => {}
        }
        match self.guard.down(packet) {
            Ok(Way::Fleet) => match CharToMap::decode(packet) {
                Ok(packet) => self.char_says(packet),
                Err(error) => tracing::debug!(%error, "char-server packet passed over"),
            },
            Ok(Way::Drop) => {}
            Ok(way) => self.route(&way, packet),
            Err(error) => {
                self.command(crate::fleet::command::Command::Count("char_server_packet"));
                tracing::warn!(%error, "char-server packet passed over");
            }
        }
    }

    fn route(&mut self, way: &Way, packet: &Bytes) {
        let to: Vec<(LinkId, GroupName)> = match way {
            Way::Account(account) => self.engine_with(*account).into_iter().collect(),
            Way::Character(character) => {
                self.characters.get(character).and_then(|account| self.engine_with(*account)).into_iter().collect()
            }
            Way::Party(party) => self.engines_where(|status| u32::try_from(status.party) == Ok(*party)),
            Way::Guild(guild) => self.engines_where(|status| u32::try_from(status.guild) == Ok(*guild)),
            Way::Requester(key) => {
                self.engines.iter().filter(|(_, engine)| engine.key == *key).map(|(at, _)| at.clone()).collect()
            }
            Way::All => self.engines.keys().cloned().collect(),
            Way::Fleet | Way::Drop => Vec::new(),
        };
        for (link, group) in to {
            self.tell_engine(link, &group, packet.clone());
        }
    }

    /// The stock map-server a player is on.
    fn engine_with(&self, account: AccountId) -> Option<(LinkId, GroupName)> {
        let session = self.sessions.get(&account)?;
        let stock = self.engine_of(&session.group) == EngineKind::Rathena;
        Some((session.link().filter(|_| stock)?, session.group.clone()))
    }

    /// The stock map-servers that have a player of whom this holds.
    fn engines_where(
        &self,
        holds: impl Fn(&bifrost_protocol::layout::CharacterStatus) -> bool,
    ) -> Vec<(LinkId, GroupName)> {
        let there = self.sessions.values().filter(|session| holds(&session.image.view()));
        let mut engines: Vec<_> = there.filter_map(|session| self.engine_with(session.account)).collect();
        engines.sort();
        engines.dedup();
        engines
    }

    /// 0x2b0b: the char-server has forgotten these. Until the player leaves its engine they are kept here.
    fn hold_cooldowns(&mut self, packet: &Bytes) {
        let Ok(cooldowns) = Cooldowns::decode(packet) else { return };
        let (account, character) = (cooldowns.account, cooldowns.character);
        if let Some(session) = self.sessions.get_mut(&account).filter(|session| session.character == character) {
            let save = CooldownSave { account, character, cooldowns: cooldowns.cooldowns };
            session.saves.put_one(&save.encode());
        }
    }
}
