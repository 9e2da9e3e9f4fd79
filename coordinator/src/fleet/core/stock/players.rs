//! Players on stock map-servers: handed out once, saved as a unit, taken back with their last save.

use bifrost_protocol::client::Enter;
use bifrost_protocol::ids::{AccountId, CharacterId, GroupName, MapPoint};
use bifrost_protocol::inter::{
    Authenticate, Authenticated, ChangeServer, ChangeServerAnswer, Kick, KickReason, Refused, Save, Saved, map_to_char,
};
use bifrost_protocol::{Packet, Secret};
use bytes::Bytes;
use prost::Message;

use super::view::pseudonyms;
use crate::config::EngineKind;
use crate::fleet::LinkId;
use crate::fleet::character::{cell, image_point};
use crate::fleet::command::{Command, StoreWrite};
use crate::fleet::core::Fleet;
use crate::fleet::kept::Kept;
use crate::fleet::session::{Leave, Phase, Session};
use crate::guard::{AcceptedSave, EngineKey};

impl Fleet {
    /// 0x0436 as the engine gets it: the client's own, under the pseudonym. Empty for an embedded engine.
    pub(in crate::fleet::core) fn enter_packet(&self, session: &Session, link: LinkId) -> Vec<u8> {
        if self.engine_of(&session.group) == EngineKind::Embedded {
            return Vec::new();
        }
        let Some(host) = self.hosts.get(&link) else { return Vec::new() };
        let (login_id1, _) = pseudonyms(self.config.pseudonym_key.expose(), &host.host, session.id);
        let enter = Enter {
            account: session.account,
            character: session.character,
            login_id1: Secret::new(login_id1),
            client_tick: 0,
            unknown: 0,
            sex: session.sex,
        };
        enter.encode().into()
    }

    /// 0x2b26: the engine asks for a player that is on its way to it, once.
    pub(super) fn hand_out(
        &mut self,
        link: LinkId,
        group: &GroupName,
        account: AccountId,
        character: CharacterId,
        packet: &Bytes,
    ) {
        let Some(host) = self.hosts.get(&link).map(|host| host.host.clone()) else { return };
        let awaited = |session: &&mut Session| {
            session.character == character && session.phase == Phase::Entering(link) && !session.handed_out
        };
        let Some(session) = self.sessions.get_mut(&account).filter(awaited) else {
            return self.refuse_engine(link, group, packet);
        };
        session.handed_out = true;
        let (login_id1, login_id2) = pseudonyms(self.config.pseudonym_key.expose(), &host, session.id);
        session.image.set_last_point(image_point(&session.at));
        let answer = Authenticated {
            account,
            login_id1: Secret::new(login_id1),
            login_id2: Secret::new(login_id2),
            expiration: session.expiration,
            group: session.group_id,
            changing_servers: u8::from(session.changing),
            image: session.image.clone(),
        };
        self.tell_engine(link, group, answer.encode());
    }

    /// 0x2b27.
    fn refuse_engine(&mut self, link: LinkId, group: &GroupName, packet: &Bytes) {
        self.command(Command::Count("engine_asked_for_nobody"));
        if let Ok(asked) = Authenticate::decode(packet) {
            let refused = Refused {
                account: asked.account,
                character: asked.character,
                login_id1: asked.login_id1,
                sex: asked.sex,
                client_ip: asked.client_ip,
            };
            self.tell_engine(link, group, refused.encode());
        }
    }

    /// One save of one character.
    pub(super) fn stock_saved(
        &mut self,
        link: LinkId,
        group: &GroupName,
        key: EngineKey,
        character: CharacterId,
        packets: &Bytes,
    ) {
        let now = self.now;
        let (guard, view) = self.guard_and_view(link, group);
        let save = match guard.save(key, character, packets, &view, now) {
            Ok(Some(save)) => save,
            Ok(None) => {
                self.command(Command::Count("late_save"));
                return self.answer_last(link, group, character, packets);
            }
            Err(violation) => {
                self.answer_last(link, group, character, packets);
                return self.offence(link, group, &violation);
            }
        };
        if !self.bounded(link, group, &save) {
            return self.answer_last(link, group, character, packets);
        }
        save.answers.iter().for_each(|answer| self.tell_engine(link, group, answer.clone()));
        self.apply_save(save.account, &save);
        self.journal_save(link, group, save.account, character, save.last);
        if save.last {
            self.taken_back(link, save.account);
        }
    }

    /// A last save of which nothing is kept is answered all the same: the engine would send it again every minute, and take
    /// nobody of that account until then.
    fn answer_last(&mut self, link: LinkId, group: &GroupName, character: CharacterId, packets: &Bytes) {
        if let Some(account) = last_save_of(character, packets) {
            self.tell_engine(link, group, Saved { account, character }.encode());
        }
    }

    fn apply_save(&mut self, account: AccountId, save: &AcceptedSave) {
        let Some(session) = self.sessions.get_mut(&account) else { return };
        let room = session.saves.put(&save.parts);
        session.image = save.image.clone();
        session.dirty = true;
        let on_its_way = match &session.phase {
            Phase::Redirecting(target) => Some(target.to.clone()),
            Phase::Away => Some(session.at.clone()),
            Phase::Orphaned
            | Phase::Limbo { .. }
            | Phase::Entering(_)
            | Phase::Playing(_)
            | Phase::Releasing(..)
            | Phase::Selecting
            | Phase::Selected => None,
        };
        if let Some(to) = on_its_way {
            // It is expected there, whatever its last engine says of where it was.
            session.image.set_last_point(image_point(&to));
            return self.save(account);
        }
        if let Some(at) = cell(&save.image.view().last_point) {
            session.at = at;
        }
        if !room {
            self.save(account);
        }
    }

    fn journal_save(
        &mut self,
        link: LinkId,
        group: &GroupName,
        account: AccountId,
        character: CharacterId,
        last: bool,
    ) {
        let Some(epoch) = self.leases.get(group).map(|lease| lease.epoch) else { return };
        let Some(engine) = self.engines.get_mut(&(link, group.clone())) else { return };
        self.save_sequence += 1;
        let sequence = self.save_sequence;
        if last {
            engine.finals.push((sequence, account, character));
        }
        let Some(session) = self.sessions.get(&account) else { return };
        let updates = vec![(character, Kept::save(session).encode_to_vec())];
        self.command(Command::Store(StoreWrite::Journal { link, group: group.clone(), epoch, sequence, updates }));
    }

    /// Everything of an engine up to here is durable: it may forget who has left.
    pub(in crate::fleet::core) fn finals_durable(&mut self, link: LinkId, group: &GroupName, sequence: u64) {
        let Some(engine) = self.engines.get_mut(&(link, group.clone())) else { return };
        let (done, waiting) = std::mem::take(&mut engine.finals).into_iter().partition(|(of, ..)| *of <= sequence);
        engine.finals = waiting;
        let done: Vec<_> = done;
        for (_, account, character) in done {
            self.tell_engine(link, group, Saved { account, character }.encode());
        }
    }

    /// The engine has let a player go: its last save is here.
    fn taken_back(&mut self, link: LinkId, account: AccountId) {
        let Some(session) = self.sessions.get_mut(&account) else { return };
        let (group, of) = (session.group.clone(), session.link());
        let leave = match session.phase.clone() {
            // This is what it was restored for.
            Phase::Orphaned => return self.orphan_taken_back(link, account, &group),
            _ if of != Some(link) => return,
            Phase::Releasing(_, leave) => leave,
            // Nobody asked for it: the client goes in again where it stood, unless that goes on and on.
            Phase::Entering(_) | Phase::Playing(_) => {
                session.drops = session.drops.saturating_add(1);
                if session.drops > super::super::engines::MAX_DROPS { Leave::Select } else { Leave::Move }
            }
            Phase::Limbo { .. } | Phase::Redirecting(_) | Phase::Away | Phase::Selecting | Phase::Selected => return,
        };
        self.note_left(link, account);
        self.hold(account);
        self.released(account, leave);
        self.emptied(&group);
    }

    fn orphan_taken_back(&mut self, link: LinkId, account: AccountId, group: &GroupName) {
        self.note_left(link, account);
        self.settle_orphan(account);
        self.emptied(group);
    }

    /// 0x2b05: the engine has saved the player and wants it elsewhere. It forgets it with the answer; the fleet does the rest.
    pub(super) fn stock_changes_map(
        &mut self,
        link: LinkId,
        group: &GroupName,
        account: AccountId,
        to: &MapPoint,
        packet: &Bytes,
    ) {
        let Some(session) = self.sessions.get_mut(&account).filter(|session| session.link() == Some(link)) else {
            return;
        };
        session.handed_out = false;
        self.left.note(self.now, link, session);
        self.trust.leaves(session);
        let (leaving, at) = (session.phase.clone(), session.at.clone());
        self.hold(account);
        if let Ok(change) = ChangeServer::decode(packet) {
            let answer = ChangeServerAnswer {
                account,
                login_id1: change.login_id1,
                login_id2: change.login_id2,
                character: change.character,
                map: change.map,
                x: change.x,
                y: change.y,
                ip: change.ip,
                port: change.port,
            };
            self.tell_engine(link, group, answer.encode());
        }
        let to = if self.server_of(to).is_some() { to.clone() } else { at };
        // It may have been to leave for another reason anyway: then the change was its last word.
        let leave = if let Phase::Releasing(_, leave) = leaving
            && leave != Leave::Move
        {
            leave
        } else {
            Leave::Change(to)
        };
        self.released(account, leave);
        self.emptied(group);
    }

    /// 0x2b02: the player wants back to the character selection. The engine lets it go with a last save.
    pub(super) fn stock_selects(&mut self, link: LinkId, account: AccountId) {
        if self.sessions.get(&account).is_some_and(|session| session.phase == Phase::Playing(link)) {
            self.release(account, Leave::Select);
        }
    }

    /// Asks a stock map-server to let a player go: it disconnects it, and saves it for the last time. `false` when it does
    /// not have it.
    pub(in crate::fleet::core) fn kick_from_engine(&mut self, link: LinkId, account: AccountId) -> bool {
        let Some(session) = self.sessions.get(&account) else { return false };
        let group = session.group.clone();
        let handed_out = session.handed_out;
        self.hold(account);
        if handed_out {
            let kick = Kick { account, reason: KickReason::OTHER_LOGIN };
            self.tell_engine(link, &group, kick.encode());
        }
        handed_out
    }

    /// The engine may still speak of a player that leaves it now.
    pub(in crate::fleet::core) fn note_left(&mut self, link: LinkId, account: AccountId) {
        if let Some(session) = self.sessions.get(&account) {
            self.left.note(self.now, link, session);
            self.trust.leaves(session);
        }
    }

    /// Keeps the client without engine: what that one still says, a goodbye most likely, does not reach it.
    pub(super) fn hold(&mut self, account: AccountId) {
        if let Some(connection) = self.sessions.get(&account).and_then(|session| session.connection) {
            self.command(Command::Hold(connection));
        }
    }
}

/// The account of a character's 0x2b01 with the last flag, if it is among these packets.
fn last_save_of(character: CharacterId, packets: &Bytes) -> Option<AccountId> {
    let mut rest = packets.clone();
    while let Ok(Some(len)) = map_to_char().measure(&rest) {
        if len > rest.len() {
            return None;
        }
        let packet = rest.split_to(len);
        if let Ok(save) = Save::decode(&packet)
            && (save.character, save.last) == (character, 1)
        {
            return Some(save.account);
        }
    }
    None
}
