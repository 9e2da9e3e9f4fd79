//! A client goes: to another map, to another host, to character select, or away.

use std::net::SocketAddrV4;

use bifrost_protocol::client::CloseReason;
use bifrost_protocol::client::map::{ChangeServer as GoToServer, Disconnect, RestartAck, RestartKind};
use bifrost_protocol::control::{EngineOrder, SessionRef};
use bifrost_protocol::ids::{AccountId, CharacterId, MapPoint};
use bifrost_protocol::inter::{
    BanKind, Banned, ChangeServer, ChangeServerAnswer, CharacterSelect, CharacterSelectAnswer, Kick, KickReason, Save,
    Saved,
};
use bifrost_protocol::{FixedText, Ipv4Be, Packet, PortBe};

use super::{Fleet, Leaving};
use crate::config::EngineKind;
use crate::fleet::ConnectionId;
use crate::fleet::character::image_point;
use crate::fleet::command::{Command, StoreWrite};
use crate::fleet::session::{Leave, Phase, Target};

impl Fleet {
    /// The client's connection ended.
    pub(super) fn client_closed(&mut self, connection: ConnectionId) {
        self.arrivals.retain(|_, arrival| arrival.connection != connection);
        let account = self.account_of(connection);
        self.connections.remove(&connection);
        let Some(account) = account else { return };
        let Some(session) = self.sessions.get_mut(&account) else { return };
        session.connection = None;
        match session.phase.clone() {
            // It comes back, or upkeep ends it.
            Phase::Away | Phase::Orphaned => {}
            // The relay has ended the game stream: the engine sends the last state and lets go.
            Phase::Entering(link) | Phase::Playing(link) | Phase::Releasing(link, _) => {
                self.set_phase(account, Phase::Releasing(link, Leave::Logout));
            }
            Phase::Limbo { .. } | Phase::Redirecting(_) | Phase::Selecting | Phase::Selected => self.finish(account),
        }
    }

    /// Asks the engine to let a session go, for this reason.
    pub(super) fn release(&mut self, account: AccountId, leave: Leave) {
        let Some(session) = self.sessions.get_mut(&account) else { return };
        if let Phase::Releasing(_, why) = &mut session.phase {
            // It has been asked already, and has no more time because somebody asks again.
            *why = leave;
            return;
        }
        let Some(link) = session.link() else { return self.released(account, leave) };
        let order = EngineOrder::Release(SessionRef { session: session.id.0 });
        let group = session.group.clone();
        if self.engine_of(&group) == EngineKind::Rathena {
            return if self.kick_from_engine(link, account) {
                self.set_phase(account, Phase::Releasing(link, leave));
            } else {
                self.released(account, leave);
            };
        }
        self.set_phase(account, Phase::Releasing(link, leave));
        self.command(Command::Order(link, group, order));
    }

    /// The engine has let it go, or there is none to ask: its state is final.
    pub(super) fn released(&mut self, account: AccountId, leave: Leave) {
        match leave {
            Leave::Logout => self.finish(account),
            Leave::Select => self.select(account),
            Leave::Change(to) => self.depart(account, to),
            Leave::Move => {
                if let Some(at) = self.sessions.get(&account).map(|session| session.at.clone()) {
                    self.depart(account, at);
                }
            }
            Leave::Kick(reason) => {
                if let Some(connection) = self.sessions.get(&account).and_then(|session| session.connection) {
                    self.command(Command::CloseClient(connection, Some(Disconnect { reason }.encode())));
                }
                self.finish(account);
            }
        }
    }

    /// Where a map is served: by the fleet itself (`true`) or by another map-server of the realm.
    pub(super) fn server_of(&self, to: &MapPoint) -> Option<(SocketAddrV4, bool)> {
        if self.group_of.contains_key(&to.map) {
            return Some((self.config.public, true));
        }
        self.neighbours.get(&to.map).map(|server| (*server, false))
    }

    /// Sends a session to a map, its own or another: 0x2b05, and once the char-server expects it there, 0x0ac7.
    ///
    /// The save goes before 0x2b05 to another server, which asks for the character on a link of its own. To the fleet itself
    /// it goes after: the fleet asks on this link, so the save comes first anyway, and when a host is lost no redirect
    /// waits for the saves of all the others.
    pub(super) fn depart(&mut self, account: AccountId, to: MapPoint) {
        let Some((server, own)) = self.server_of(&to) else {
            return self.released(account, Leave::Select);
        };
        self.set_phase(account, Phase::Redirecting(Target { to, server, own }));
        if own {
            self.departed.push(account);
        } else {
            self.save(account);
        }
        self.ask_to_change(account);
    }

    /// The saves of those that [`depart`](Self::depart) has sent off, with the place the char-server was told.
    pub(super) fn save_departed(&mut self) {
        for account in std::mem::take(&mut self.departed) {
            let Some(session) = self.sessions.get_mut(&account) else { continue };
            if let (true, Phase::Redirecting(target)) = (session.dirty, &session.phase) {
                session.image.set_last_point(image_point(&target.to));
            }
            self.save(account);
        }
    }

    /// 0x2b05 for a session that is being redirected.
    pub(super) fn ask_to_change(&mut self, account: AccountId) {
        let Some(session) = self.sessions.get(&account) else { return };
        let Phase::Redirecting(target) = &session.phase else { return };
        let request = ChangeServer {
            account,
            login_id1: session.login_id1,
            login_id2: session.login_id2,
            character: session.character,
            map: FixedText::new(target.to.map.as_str()),
            x: target.to.x,
            y: target.to.y,
            ip: Ipv4Be(*target.server.ip()),
            port: PortBe(target.server.port()),
            sex: session.sex,
            client_ip: Ipv4Be(session.address),
            group: session.group_id,
        };
        self.tell_char(request);
    }

    /// 0x2b06: the char-server expects the player there, or does not.
    pub(super) fn change_answered(&mut self, answer: &ChangeServerAnswer) {
        let account = answer.account;
        let Some(session) = self.sessions.get(&account) else { return };
        let Phase::Redirecting(target) = session.phase.clone() else { return };
        if answer.character != session.character {
            return;
        }
        if *answer.login_id1.expose() == 0 {
            self.command(Command::Count("change_refused"));
            let back = self.sessions.get(&account).map(|session| session.at.clone());
            return match back.filter(|at| !target.own && *at != target.to) {
                Some(at) => self.depart(account, at),
                None => self.released(account, Leave::Select),
            };
        }
        let Some(connection) = session.connection else { return self.finish(account) };
        let packet = GoToServer {
            map: FixedText::new(format!("{}.gat", target.to.map)),
            x: target.to.x,
            y: target.to.y,
            ip: Ipv4Be(*target.server.ip()),
            port: target.server.port(),
            domain: FixedText::default(),
        };
        let now = self.now;
        self.command(Command::Redirect(connection, packet.encode()));
        self.transfers_of(account).for_each(|transfer| transfer.redirected(account, now));
        if target.own {
            self.arrives_elsewhere(account, target.to);
        } else {
            self.left_the_fleet(account);
        }
    }

    fn arrives_elsewhere(&mut self, account: AccountId, to: MapPoint) {
        let group = self.group_of.get(&to.map).cloned();
        if let (Some(session), Some(group)) = (self.sessions.get_mut(&account), group) {
            if session.at != to {
                (session.sitting, session.drops) = (false, 0);
            }
            session.image.set_last_point(image_point(&to));
            (session.at, session.group) = (to, group);
        }
        self.set_phase(account, Phase::Away);
    }

    /// The char-server has handed the player to another map-server: nothing of it is ours any more.
    fn left_the_fleet(&mut self, account: AccountId) {
        let now = self.now;
        self.transfers_of(account).for_each(|transfer| transfer.verified(account, now));
        if let Some(session) = self.forget(account) {
            self.guard.forget(session.character, account);
            self.command(Command::Store(StoreWrite::End(session.character)));
        }
    }

    /// 0x2b02.
    pub(super) fn select(&mut self, account: AccountId) {
        self.set_phase(account, Phase::Selecting);
        self.save(account);
        let Some(session) = self.sessions.get(&account) else { return };
        let request = CharacterSelect {
            account,
            login_id1: session.login_id1,
            login_id2: session.login_id2,
            client_ip: Ipv4Be(session.address),
        };
        self.tell_char(request);
    }

    /// 0x2b03.
    pub(super) fn select_answered(&mut self, answer: &CharacterSelectAnswer) {
        let account = answer.account;
        let Some(session) = self.sessions.get(&account) else { return };
        let (Phase::Selecting, Some(connection)) = (&session.phase, session.connection) else { return };
        let now = self.now;
        self.transfers_of(account).for_each(|transfer| transfer.lost(account, "went to character select", now));
        if answer.accepted == 0 {
            self.refuse(connection, CloseReason::SERVER_CLOSED, "select_refused");
        } else {
            let packet = RestartAck { kind: RestartKind::CHARACTER_SELECT };
            self.command(Command::Send(connection, packet.encode()));
        }
        self.set_phase(account, Phase::Selected);
    }

    /// The player is gone for good: the final save, which the char-server confirms with 0x2b21.
    pub(super) fn finish(&mut self, account: AccountId) {
        if self.shutting_down && self.sessions.get(&account).is_some_and(|session| session.held) {
            return self.park(account);
        }
        let now = self.now;
        self.transfers_of(account).for_each(|transfer| transfer.lost(account, "left the game", now));
        let Some(session) = self.forget(account) else { return };
        let (character, image, saves) = (session.character, session.image, session.saves);
        if self.engine_of(&session.group) == EngineKind::Rathena {
            self.guard.farewell(account, &image).into_iter().for_each(|packet| self.forward(packet));
        }
        self.guard.forget(character, account);
        self.leaving.insert(character, Leaving { account, image, saves, since: now });
        self.save_finally(character);
    }

    /// 0x2b01 with the flag that asks for 0x2b21.
    pub(super) fn save_finally(&mut self, character: CharacterId) {
        let Some(leaving) = self.leaving.get_mut(&character) else { return };
        leaving.since = self.now;
        let save = Save { account: leaving.account, character, last: 1, image: leaving.image.clone() };
        let pending = leaving.saves.take_pending(save.account, character, true);
        pending.before.into_iter().chain(pending.after).for_each(|packet| self.forward(packet));
        self.tell_char(save);
    }

    /// What was sent may not have arrived.
    pub(super) fn save_finally_again(&mut self, character: CharacterId) {
        if let Some(leaving) = self.leaving.get_mut(&character) {
            leaving.saves.forget_sent();
        }
        self.save_finally(character);
    }

    /// 0x2b21.
    pub(super) fn save_confirmed(&mut self, saved: &Saved) {
        let back = self.sessions.values().any(|session| session.character == saved.character);
        if self.leaving.remove(&saved.character).is_some() && !back {
            self.command(Command::Store(StoreWrite::End(saved.character)));
        }
    }

    /// 0x2b01, when there is something new.
    pub(super) fn save(&mut self, account: AccountId) {
        let (now, char_up) = (self.now, self.char_up);
        let Some(session) = self.sessions.get_mut(&account) else { return };
        if !char_up || !(session.dirty || session.saves.is_pending() || session.is_leaving()) {
            return;
        }
        let (character, image, leaving) = (session.character, session.image.clone(), session.is_leaving());
        let pending = session.saves.take_pending(account, character, leaving);
        let dirty = std::mem::replace(&mut session.dirty, false);
        session.saved = now;
        pending.before.into_iter().for_each(|packet| self.forward(packet));
        if dirty {
            self.tell_char(Save { account, character, last: 0, image });
        }
        pending.after.into_iter().for_each(|packet| self.forward(packet));
    }

    /// 0x2b1f: the char-server wants the player gone, as after a second login (`chrif_disconnectplayer`).
    pub(super) fn kicked(&mut self, kick: &Kick) {
        let reason = match kick.reason {
            KickReason::OTHER_LOGIN => CloseReason::OTHER_LOGIN,
            KickReason::OVERPOPULATED => CloseReason::OVERPOPULATED,
            KickReason::OUT_OF_TIME => CloseReason(10),
            KickReason::GAME_MASTER => CloseReason::DISCONNECTED,
            _ => CloseReason::SERVER_CLOSED,
        };
        self.throw_out(kick.account, reason);
    }

    /// 0x2b14.
    pub(super) fn banned(&mut self, banned: &Banned) {
        let account = match banned.kind {
            BanKind::CHARACTER => {
                let mut sessions = self.sessions.values();
                sessions.find(|session| session.character.0 == banned.id).map(|session| session.account)
            }
            _ => Some(AccountId(banned.id)),
        };
        if let Some(account) = account {
            self.throw_out(account, CloseReason::SERVER_CLOSED);
        }
    }

    /// Ends a session with a reason for the player, after the engine's last word.
    pub(super) fn throw_out(&mut self, account: AccountId, reason: CloseReason) {
        let keys = self.arrivals.range((account, u32::MIN)..=(account, u32::MAX)).map(|(key, _)| *key);
        for key in keys.collect::<Vec<_>>() {
            if let Some(arrival) = self.arrivals.remove(&key) {
                self.refuse(arrival.connection, reason, "kicked");
            }
        }
        self.release(account, Leave::Kick(reason));
    }
}
