//! Stock map-servers: to each of them the fleet is its char-server.
//!
//! What an engine says is judged by the guard; what passes goes over the fleet's one link. Players are handed out here,
//! under pseudonyms, and taken back with the last save of each.

mod players;
mod routes;
mod view;

use std::collections::BTreeMap;
use std::net::SocketAddrV4;

use bifrost_protocol::ids::{AccountId, CharacterId, Epoch, GroupName, MapName};
use bifrost_protocol::inter::{Kick, KickReason, ServerMaps};
use bifrost_protocol::{FixedText, Ipv4Be, List, Packet, PortBe};
use bytes::Bytes;

use super::Fleet;
use crate::config::EngineKind;
use crate::fleet::LinkId;
use crate::fleet::command::Command;
use crate::fleet::event::InterEvent;
use crate::fleet::session::Session;
use crate::guard::{EngineKey, Guard, Ruling, Violation};
pub(super) use view::{EngineView, Left};

/// A stock map-server on a host: it serves a group, or stands by for one.
#[derive(Debug)]
pub(in crate::fleet) struct StockEngine {
    /// Which run of its process.
    instance: u64,
    /// What the guard calls it.
    key: EngineKey,
    /// Last saves that are not durable yet: the engine waits for 0x2b21.
    finals: Vec<(u64, AccountId, CharacterId)>,
}

impl StockEngine {
    /// Which run of its process it is.
    #[cfg(test)]
    pub(super) fn instance(&self) -> u64 {
        self.instance
    }
}

/// What a host sees as a player's login ids.
#[cfg(test)]
pub(super) fn view_pseudonyms(
    fleet: &Fleet,
    link: LinkId,
    account: bifrost_protocol::ids::AccountId,
) -> Option<(u32, u32)> {
    let session = fleet.sessions.get(&account)?;
    let host = &fleet.hosts.get(&link)?.host;
    Some(view::pseudonyms(fleet.config.pseudonym_key.expose(), host, session.id))
}

impl Fleet {
    /// What serves a group.
    pub(super) fn engine_of(&self, group: &GroupName) -> EngineKind {
        self.groups.get(group).map(|facts| facts.engine).unwrap_or_default()
    }

    /// A map-server has started, or its stream is new.
    pub(super) fn inter_opened(&mut self, link: LinkId, group: &GroupName, epoch: Epoch, instance: u64) {
        let key = (link, group.clone());
        let known = self.engines.get(&key).is_some_and(|engine| engine.instance == instance);
        if !known && !self.serves(link, group, epoch) {
            self.command(Command::Count("stale_engine"));
            return self.command(Command::CloseInter(link, group.clone()));
        }
        // Each stream is one login. What it waits for goes on; whoever was on it is let go with a last save.
        let before = self.engines.get_mut(&key).filter(|engine| engine.instance == instance);
        let finals = before.map(|engine| std::mem::take(&mut engine.finals)).unwrap_or_default();
        self.engine_gone(link, group);
        self.engine_keys += 1;
        let engine = StockEngine { instance, key: EngineKey(self.engine_keys), finals };
        self.engines.insert(key, engine);
        self.clear_out(link, group);
    }

    /// Whether a connection holds a group under an epoch, or stands by for it under a ticket.
    pub(in crate::fleet) fn serves(&self, link: LinkId, group: &GroupName, epoch: Epoch) -> bool {
        self.leases.admits(group, epoch, link) || self.is_standby(link, group, epoch)
    }

    /// Whether an engine's rows are taken: while it serves, and for a moment after a planned move, when it stops and writes
    /// what it kept in memory (`mapreg_final`).
    pub(in crate::fleet) fn may_write(&self, link: LinkId, group: &GroupName, epoch: Epoch) -> bool {
        let parting = self.parting.get(&(link, group.clone()));
        self.serves(link, group, epoch) || parting.is_some_and(|(of, until)| *of == epoch && *until > self.now)
    }

    /// After a broken connection or a restart an engine may still have players that are on their way to it again, or whose
    /// clients are gone: it lets them go with a last save.
    fn clear_out(&mut self, link: LinkId, group: &GroupName) {
        let stale =
            |session: &&Session| session.group == *group && !(session.handed_out && session.link() == Some(link));
        let stale: Vec<_> = self.sessions.values().filter(stale).map(|session| session.account).collect();
        for account in stale {
            let kick = Kick { account, reason: KickReason::OTHER_LOGIN };
            self.tell_engine(link, group, kick.encode());
        }
    }

    /// A map-server's process is over, or its host is.
    pub(super) fn engine_gone(&mut self, link: LinkId, group: &GroupName) {
        if let Some(engine) = self.engines.remove(&(link, group.clone())) {
            self.guard.engine_gone(engine.key);
            self.trust.engine_gone(&self.guard);
        }
    }

    /// All map-servers of a host are over.
    pub(super) fn engines_gone(&mut self, link: LinkId) {
        let groups: Vec<_> =
            self.engines.keys().filter(|(of, _)| *of == link).map(|(_, group)| group.clone()).collect();
        groups.iter().for_each(|group| self.engine_gone(link, group));
    }

    /// Anything of an inter stream. Of an engine that is not the living one, nothing counts.
    pub(super) fn inter(&mut self, link: LinkId, group: &GroupName, instance: u64, event: InterEvent) {
        let current = self.engines.get(&(link, group.clone())).filter(|engine| engine.instance == instance);
        let Some(key) = current.map(|engine| engine.key) else {
            return self.command(Command::Count("stale_engine"));
        };
        match event {
            InterEvent::Entered(who) => self.entered(link, who),
            InterEvent::Save { character, packets } => self.stock_saved(link, group, key, character, &packets),
            InterEvent::Packet(packet) => self.judge(link, group, key, &packet),
            InterEvent::Unreadable(error) => {
                tracing::warn!(%group, error, "engine sent a packet that its build does not have");
                self.violation(link, "layout");
                self.cut_off(link, group, &format!("its map-server is not the build it says: {error}"));
            }
        }
    }

    fn judge(&mut self, link: LinkId, group: &GroupName, key: EngineKey, packet: &Bytes) {
        let now = self.now;
        let (guard, view) = self.guard_and_view(link, group);
        match guard.up(key, packet, &view, now) {
            Ok(ruling) => self.follow(link, group, packet, ruling),
            Err(violation) => self.offence(link, group, &violation),
        }
    }

    /// Does what the guard ruled.
    fn follow(&mut self, link: LinkId, group: &GroupName, packet: &Bytes, ruling: Ruling) {
        match ruling {
            Ruling::Answer(answers) | Ruling::Connects(answers) => self.answer(link, group, answers),
            Ruling::Forward(forward) => {
                if !self.forwarded_is_bounded(link, group, &forward.packet) {
                    return;
                }
                self.forward(forward.packet);
                self.answer(link, group, forward.answers);
                if let Some(share) = forward.share {
                    self.route(&share.way, &share.packet, Some((link, group)));
                }
            }
            Ruling::HasMaps(maps, answers) => self.engine_has_maps(link, group, &maps, answers),
            Ruling::Arrives(account, character) => self.hand_out(link, group, account, character, packet),
            Ruling::ChangesMap { account, to, server: _ } => self.stock_changes_map(link, group, account, &to, packet),
            Ruling::Selects(account) => self.stock_selects(link, account),
            Ruling::Part => self.command(Command::Count("part_without_save")),
            // Who is where is the fleet's to say; whether an engine lives its node says.
            Ruling::Drop
            | Ruling::Lives
            | Ruling::HasPlayers(_)
            | Ruling::HasNobody
            | Ruling::Online(..)
            | Ruling::Leaves(..) => {}
        }
    }

    fn answer(&mut self, link: LinkId, group: &GroupName, answers: Vec<Bytes>) {
        answers.into_iter().for_each(|answer| self.tell_engine(link, group, answer));
    }

    pub(super) fn offence(&mut self, link: LinkId, group: &GroupName, violation: &Violation) {
        tracing::warn!(
            %group, rule = violation.rule, packet = violation.packet, grave = violation.grave, detail = violation.detail,
            "packet refused"
        );
        self.violation(link, violation.rule);
        self.answer(link, group, violation.answers.clone());
        if violation.grave {
            let Violation { rule, detail, .. } = violation;
            self.cut_off(link, group, &format!("its map-server broke a rule ({rule}): {detail}"));
            if let Some(host) = self.hosts.get(&link).map(|host| host.host.clone()) {
                self.violated(&host, rule);
                self.leave_if_quarantined(&host);
            }
        }
    }

    /// An engine's stream cannot be trusted any more.
    fn cut_off(&mut self, link: LinkId, group: &GroupName, problem: &str) {
        let epoch = self.leases.get(group).map(|lease| lease.epoch).unwrap_or_default();
        self.command(Command::CloseInter(link, group.clone()));
        self.engine_gone(link, group);
        self.engine_failed(link, group, epoch, problem);
        self.standby_failed(link, group, problem);
    }

    /// Breaches in packets that passed without the part that broke a rule.
    pub(super) fn count_cut(&mut self) {
        for (key, violation) in self.guard.take_cut() {
            let of = self.engines.iter().find(|(_, engine)| engine.key == key).map(|((link, _), _)| *link);
            if let Some(link) = of {
                tracing::warn!(rule = violation.rule, packet = violation.packet, detail = violation.detail, "cut out");
                self.violation(link, violation.rule);
            }
        }
    }

    /// Gives an engine a packet.
    pub(super) fn tell_engine(&mut self, link: LinkId, group: &GroupName, packet: Bytes) {
        self.command(Command::Inter(link, group.clone(), packet));
    }

    /// Gives the char-server a packet that the guard has passed.
    pub(super) fn forward(&mut self, packet: Bytes) {
        if self.char_up {
            self.command(Command::Forward(packet));
        }
    }

    /// The guard, and what it may know of the players of one engine.
    pub(super) fn guard_and_view<'a>(
        &'a mut self,
        link: LinkId,
        group: &'a GroupName,
    ) -> (&'a mut Guard, EngineView<'a>) {
        let view = EngineView {
            sessions: &self.sessions,
            characters: &self.characters,
            group_of: &self.group_of,
            neighbours: &self.neighbours,
            left: &self.left,
            public: self.config.public,
            pseudonym_key: self.config.pseudonym_key.expose(),
            // An engine without host is heard no more.
            host: self.hosts.get(&link).map(|host| &host.host),
            link,
            leased: self.leases.get(group).is_some_and(|lease| lease.state.holder().is_some_and(|(_, of)| of == link)),
            group,
        };
        (&mut self.guard, view)
    }

    /// 0x2afa: it has to have exactly the group's maps. From 0x2afb on it takes players.
    fn engine_has_maps(&mut self, link: LinkId, group: &GroupName, maps: &[MapName], answers: Vec<Bytes>) {
        let wanted = self.groups.get(group).map(|facts| facts.maps.as_slice()).unwrap_or_default();
        let missing: Vec<_> = wanted.iter().filter(|map| !maps.contains(map)).map(MapName::as_str).collect();
        if !missing.is_empty() {
            let named: Vec<_> = missing.iter().take(MAX_NAMED).copied().collect();
            let problem = format!("its map-server lacks {} maps of the group: {}", missing.len(), named.join(", "));
            let epoch = self.leases.get(group).map(|lease| lease.epoch).unwrap_or_default();
            self.command(Command::CloseInter(link, group.clone()));
            self.engine_failed(link, group, epoch, &problem);
            return self.standby_failed(link, group, &problem);
        }
        // Before 0x2afb: a change of maps that waits for the link then survives it.
        let elsewhere = self.maps_elsewhere(group);
        self.answer(link, group, elsewhere);
        self.answer(link, group, answers);
    }

    /// 0x2b04 for everything that this engine does not serve: the fleet's other maps at the relay, the rest of the realm
    /// where it is. An engine that is told of none throws out whoever changes maps (`chrif_changemapserver`).
    fn maps_elsewhere(&self, group: &GroupName) -> Vec<Bytes> {
        let mut servers: BTreeMap<SocketAddrV4, Vec<FixedText<16>>> = BTreeMap::new();
        let own = self.group_of.iter().filter(|(_, of)| *of != group).map(|(map, _)| (self.config.public, map));
        let others = self.neighbours.iter().map(|(map, server)| (*server, map));
        for (server, map) in own.chain(others) {
            servers.entry(server).or_default().push(FixedText::new(map.as_str()));
        }
        let packet = |(server, maps): (SocketAddrV4, Vec<_>)| {
            let pages = maps.chunks(MAPS_PAGE).map(|page| {
                let (ip, port) = (Ipv4Be(*server.ip()), PortBe(server.port()));
                ServerMaps { ip, port, maps: List(page.to_vec()) }.encode()
            });
            pages.collect::<Vec<_>>()
        };
        servers.into_iter().flat_map(packet).collect()
    }

    /// Tells every engine.
    pub(super) fn tell_engines(&mut self, packet: &Bytes) {
        for (link, group) in self.engines.keys().cloned().collect::<Vec<_>>() {
            self.tell_engine(link, &group, packet.clone());
        }
    }
}

/// Map names in one 0x2b04: a stock server's buffer ends at 32 KiB.
const MAPS_PAGE: usize = 1_500;
/// Missing maps that a problem names.
const MAX_NAMED: usize = 5;
