//! What the char-server says, and which engines hear it.

use bifrost_protocol::ids::{AccountId, GroupName};
use bifrost_protocol::inter::{CharToMap, CooldownSave, Cooldowns};
use bifrost_protocol::{Packet, frame};
use bytes::Bytes;

use crate::config::EngineKind;
use crate::fleet::LinkId;
use crate::fleet::command::Command;
use crate::fleet::core::Fleet;
use crate::fleet::session::Session;
use crate::guard::{EngineKey, Way};

impl Fleet {
    /// Any packet of the char-server.
    pub(in crate::fleet::core) fn char_packet(&mut self, packet: &Bytes) {
        if frame::packet_id(packet) == Ok(Cooldowns::ID) {
            self.hold_cooldowns(packet);
        }
        self.handed_out(packet);
        match self.guard.down(packet) {
            Ok(Way::Fleet) => match CharToMap::decode(packet) {
                Ok(packet) => self.char_says(packet),
                Err(error) => tracing::debug!(%error, "char-server packet passed over"),
            },
            Ok(Way::Drop) => {}
            Ok(way) => self.route(&way, packet, None),
            Err(error) => {
                self.command(Command::Count("char_server_packet"));
                tracing::warn!(%error, "char-server packet passed over");
            }
        }
    }

    /// Sends a packet to the engines it is for, except the one it came from.
    pub(super) fn route(&mut self, way: &Way, packet: &Bytes, from: Option<(LinkId, &GroupName)>) {
        let to: Vec<(LinkId, GroupName)> = match way {
            Way::Account(account) => self.engine_with(*account).into_iter().collect(),
            Way::Accounts(accounts) => {
                let mut engines: Vec<_> = accounts.iter().filter_map(|account| self.engine_with(*account)).collect();
                engines.sort();
                engines.dedup();
                engines
            }
            Way::Engine(key) => self.engines_called(std::slice::from_ref(key)),
            Way::Engines(keys) => self.engines_called(keys),
            Way::All => self.engines.keys().cloned().collect(),
            Way::Masters => self.engines_where(|session| session.group_id > 0),
            Way::Back(answer) => return self.forward(answer.clone()),
            Way::Fleet | Way::Drop => Vec::new(),
        };
        let others = to.into_iter().filter(|(link, group)| from != Some((*link, group)));
        for (link, group) in others.collect::<Vec<_>>() {
            self.tell_engine(link, &group, packet.clone());
        }
    }

    fn engines_called(&self, keys: &[EngineKey]) -> Vec<(LinkId, GroupName)> {
        self.engines.iter().filter(|(_, engine)| keys.contains(&engine.key)).map(|(at, _)| at.clone()).collect()
    }

    /// The stock map-server a player is on.
    fn engine_with(&self, account: AccountId) -> Option<(LinkId, GroupName)> {
        let session = self.sessions.get(&account)?;
        let stock = self.engine_of(&session.group) == EngineKind::Rathena;
        Some((session.link().filter(|_| stock)?, session.group.clone()))
    }

    /// The stock map-servers that have a player of whom this holds.
    fn engines_where(&self, holds: impl Fn(&Session) -> bool) -> Vec<(LinkId, GroupName)> {
        let there = self.sessions.values().filter(|session| holds(session));
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
