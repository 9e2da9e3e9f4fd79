//! What hosts may give their players and how they behaved: [`bounds`](crate::bounds) and standing, for all hosts and groups.

use std::collections::BTreeMap;
use std::time::Duration;

use bifrost_protocol::Packet;
use bifrost_protocol::frame::packet_id;
use bifrost_protocol::ids::{GroupName, HostId};
use bifrost_protocol::inter::{GuildStorageSave, MailSend, MailSent, MailTaken, Storage};
use bifrost_protocol::layout::StorageImage;
use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::Fleet;
use crate::bounds::facts::Economy;
use crate::bounds::standing::{HostStanding, Policy, Standing};
use crate::bounds::{Bounds, Finding, Grade, Rules, Saved};
use crate::failover::Cause;
use crate::fleet::command::{Command, StoreWrite};
use crate::fleet::session::{Phase, Session};
use crate::fleet::{HostKind, LinkId};
use crate::guard::{AcceptedSave, Guard};

/// What hosts are held to, and what is remembered of them.
#[derive(Debug)]
pub struct TrustParts {
    /// What the realm's maps give; none: nothing is judged.
    pub economy: Option<Economy>,
    /// How it is judged.
    pub rules: Rules,
    /// How standing is earned and lost.
    pub policy: Policy,
    /// What a former life remembered.
    pub standings: Vec<HostStanding>,
    /// Decides which periods of trusted hosts are audited.
    pub seed: u64,
    /// Seconds since the Unix epoch when the coordinator's time began.
    pub began: u64,
}

/// The fleet's part of it.
#[derive(Debug)]
pub(super) struct Trust {
    bounds: Option<Bounds>,
    enforce: bool,
    policy: Policy,
    standings: BTreeMap<HostId, Standing>,
    periods: BTreeMap<GroupName, Period>,
    rng: StdRng,
    began: u64,
    looked: Duration,
}

/// A group on a host, until it is audited as a whole. One that ends early counts when it had half its time.
#[derive(Debug)]
struct Period {
    host: HostId,
    /// How long it had players.
    played: Duration,
    audited: bool,
    findings: u32,
    rule: &'static str,
}

impl Period {
    fn finds(&mut self, rule: &'static str) {
        if self.findings == 0 {
            self.rule = rule;
        }
        self.findings += 1;
    }
}

/// Between looks at what is owed and at periods.
const LOOK: Duration = Duration::from_secs(1);
/// What a node reads of its quarantine.
const QUARANTINED: &str = "this host carries no map for a while: what it gave its players cannot have come from its maps";

impl Default for Trust {
    fn default() -> Self {
        Self::new(TrustParts {
            economy: None,
            rules: Rules { slack: 1.0, experience: 1.0, items: 1.0, enforce: false },
            policy: Policy::default(),
            standings: Vec::new(),
            seed: 0,
            began: 0,
        })
    }
}

impl Trust {
    fn new(parts: TrustParts) -> Self {
        Self {
            bounds: parts.economy.map(|economy| Bounds::new(economy, parts.rules)),
            enforce: parts.rules.enforce,
            policy: parts.policy,
            standings: parts.standings.into_iter().map(|row| (row.host, row.standing)).collect(),
            periods: BTreeMap::new(),
            rng: StdRng::seed_from_u64(parts.seed),
            began: parts.began,
            looked: Duration::ZERO,
        }
    }

    fn unix(&self, now: Duration) -> u64 {
        self.began.saturating_add(now.as_secs())
    }

    /// A character is in session now.
    pub(super) fn begins(&mut self, session: &Session, restored: bool) {
        let Some(bounds) = &mut self.bounds else { return };
        bounds.arrives(&session.image, session.group_id, restored);
        for storage in session.saves.storages().filter(|_| restored) {
            bounds.loaded(session.account, storage.kind, &storage.image);
        }
    }

    /// A character is on its way to its group's engine.
    pub(super) fn enters(&mut self, session: &Session, now: Duration) {
        if let Some(bounds) = &mut self.bounds {
            bounds.enters(session.character, &session.group, now);
        }
    }

    /// A character is off its engine.
    pub(super) fn leaves(&mut self, session: &Session) {
        if let Some(bounds) = &mut self.bounds {
            bounds.leaves(session.character);
        }
    }

    /// A session is over.
    pub(super) fn ends(&mut self, session: &Session) {
        if let Some(bounds) = &mut self.bounds {
            bounds.forget(session.character);
        }
    }

    /// A group's maps are loaded anew.
    pub(super) fn opened(&mut self, group: &GroupName, now: Duration) {
        if let Some(bounds) = &mut self.bounds {
            bounds.opened(group, now);
        }
    }

    /// An engine is over; nobody may hold a guild's storage any more.
    pub(super) fn engine_gone(&mut self, guard: &Guard) {
        if let Some(bounds) = &mut self.bounds {
            bounds.guild_closed(|guild| guard.holds_storage(guild));
        }
    }

    /// The clean audits, violations and quarantine of a host.
    pub(super) fn standing(&self, host: &HostId) -> Standing {
        self.standings.get(host).cloned().unwrap_or_default()
    }

    /// Whether a host has earned trust.
    pub(super) fn trusts(&self, host: &HostId) -> bool {
        self.standings.get(host).is_some_and(|standing| standing.is_trusted(&self.policy))
    }

    /// How long a host still carries nothing, in seconds.
    pub(super) fn quarantine_left(&self, host: &HostId, now: Duration) -> u64 {
        let until = self.standings.get(host).map_or(0, |standing| standing.quarantined_until);
        until.saturating_sub(self.unix(now))
    }
}

impl Fleet {
    /// Holds hosts to this.
    #[must_use]
    pub fn with_trust(mut self, parts: TrustParts) -> Self {
        self.trust = Trust::new(parts);
        // What was saved before the restart is where counting goes on.
        self.sessions.values().for_each(|session| self.trust.begins(session, true));
        self
    }

    /// What the char-server hands out.
    pub(super) fn handed_out(&mut self, packet: &Bytes) {
        let Some(bounds) = &mut self.trust.bounds else { return };
        match packet_id(packet) {
            Ok(Storage::ID) => {
                if let Ok(said) = Storage::decode(packet)
                    && said.loaded != 0
                {
                    bounds.loaded(said.account, said.kind, &said.image);
                }
            }
            Ok(GUILD_STORAGE) => {
                let guild = packet.get(8..12).and_then(|bytes| bytes.first_chunk()).map(|bytes| i32::from_le_bytes(*bytes));
                let image = packet.get(13..).and_then(|bytes| StorageImage::from_bytes(bytes).ok());
                if let (Some(guild), Some(image)) = (guild, image) {
                    bounds.guild_loaded(guild, &image);
                }
            }
            Ok(MailTaken::ID) => {
                if let Ok(said) = MailTaken::decode(packet)
                    && let Some(group) = self.characters.get(&said.character).and_then(|of| self.sessions.get(of))
                {
                    let zeny = u32::try_from(said.zeny).unwrap_or_default();
                    bounds.received(&group.group, zeny, &said.items.0, self.now);
                }
            }
            Ok(MailSent::ID) => {
                if let Ok(MailSent { message }) = MailSent::decode(packet)
                    && message.id == 0
                    && let Some(group) = self.characters.get(&message.from).and_then(|of| self.sessions.get(of))
                {
                    bounds.received(&group.group, message.zeny, &message.items.0, self.now);
                }
            }
            Ok(_) | Err(_) => {}
        }
    }

    /// Judges what a save gives. `false`: it is not to be taken.
    pub(super) fn bounded(&mut self, link: LinkId, group: &GroupName, save: &AcceptedSave) -> bool {
        let now = self.now;
        let Some((host, judged)) = self.judged(link) else { return true };
        let Some(bounds) = &mut self.trust.bounds else { return true };
        let guild = save.parts.iter().find(|part| packet_id(part) == Ok(GuildStorageSave::ID));
        let guild = guild.and_then(|part| GuildStorageSave::decode(part).ok());
        let saved = Saved {
            character: save.character,
            image: &save.image,
            storages: &save.storages,
            guild: guild.as_ref().map(|guild| (guild.guild, &guild.image)),
        };
        if !judged {
            bounds.observe(group, &saved, now);
            return true;
        }
        let findings = bounds.saved(group, &host, &saved, now);
        self.found(findings)
    }

    /// Judges what an engine has forwarded beside saves. `false`: it is not to be.
    pub(super) fn forwarded_is_bounded(&mut self, link: LinkId, group: &GroupName, packet: &Bytes) -> bool {
        let now = self.now;
        let Some((host, true)) = self.judged(link) else { return true };
        let Some(bounds) = &mut self.trust.bounds else { return true };
        let findings = match packet_id(packet) {
            Ok(MailSend::ID) => {
                let Ok(MailSend { message, .. }) = MailSend::decode(packet) else { return true };
                bounds.sends(group, &host, message.from, (message.zeny, &message.items.0), now)
            }
            Ok(GuildStorageSave::ID) => {
                let Ok(said) = GuildStorageSave::decode(packet) else { return true };
                bounds.guild_saved(group, &host, (said.guild, &said.image), now)
            }
            Ok(_) | Err(_) => return true,
        };
        self.found(findings)
    }

    /// The host behind a connection, and whether it is judged: the operator's own are not.
    fn judged(&self, link: LinkId) -> Option<(HostId, bool)> {
        let host = self.hosts.get(&link)?;
        Some((host.host.clone(), host.kind == HostKind::Player))
    }

    /// Counts findings, and does what follows. `false`: with enforcement, what they are about is not to be taken.
    fn found(&mut self, findings: Vec<Finding>) -> bool {
        // However much one save holds, it is one violation.
        let mut violations: BTreeMap<HostId, (&'static str, Option<String>)> = BTreeMap::new();
        for finding in findings {
            let (host, grave) = (finding.host.clone(), finding.grade == Grade::Grave);
            let period = self.trust.periods.get_mut(&finding.group).filter(|period| period.host == host);
            match period {
                _ if grave => {
                    violations.insert(host, (finding.rule, Some(finding.to_string())));
                }
                Some(period) if period.audited => period.finds(finding.rule),
                // Not audited: passed over.
                Some(_) => continue,
                None => {
                    violations.entry(host).or_insert((finding.rule, None));
                }
            }
            self.command(Command::Found(Box::new(finding)));
        }
        let grave = violations.values().any(|(_, problem)| problem.is_some());
        for (host, (rule, problem)) in violations {
            // What there was against it until now is part of it.
            self.trust.periods.retain(|_, period| period.host != host);
            self.violated(&host, rule);
            match problem.filter(|_| self.trust.enforce) {
                Some(problem) => self.evict(&host, &problem),
                None => self.leave_if_quarantined(&host),
            }
        }
        !(grave && self.trust.enforce)
    }

    /// A host broke a rule of any layer: it has to earn trust anew, and with enforcement it carries nothing for a while.
    pub(super) fn violated(&mut self, host: &HostId, rule: &str) {
        let player = self.hosts.values().any(|known| known.host == *host && known.kind == HostKind::Player);
        if !player && !self.trust.standings.contains_key(host) {
            return;
        }
        let (now, trust) = (self.trust.unix(self.now), &mut self.trust);
        let standing = trust.standings.entry(host.clone()).or_default();
        standing.violated(rule, trust.enforce, &trust.policy, now);
        let until = standing.quarantined_until.saturating_sub(now);
        tracing::warn!(%host, rule, quarantined_seconds = until, "host's standing is lost");
        self.remember(host);
    }

    fn remember(&mut self, host: &HostId) {
        let standing = self.trust.standing(host);
        self.command(Command::Store(StoreWrite::Standing(HostStanding { host: host.clone(), standing })));
    }

    /// A rule that counts for a host's standing was broken on another stream.
    pub(super) fn violated_elsewhere(&mut self, link: LinkId, rule: &'static str) {
        self.violation(link, rule);
        if rule == POLICY_BROKEN
            && let Some(host) = self.hosts.get(&link).map(|host| host.host.clone())
        {
            self.violated(&host, rule);
            self.leave_if_quarantined(&host);
        }
    }

    /// The operator takes a host back.
    pub(super) fn pardon(&mut self, host: &HostId) {
        if let Some(standing) = self.trust.standings.get_mut(host) {
            standing.pardon();
            self.remember(host);
            self.place_vacant();
        }
    }

    /// Takes everything from a host whose word counts no more: its players go on elsewhere with their last good state.
    fn evict(&mut self, host: &HostId, problem: &str) {
        let Some(link) = self.link_of(host) else { return };
        for (group, epoch) in self.leases.held_by(link) {
            self.command(Command::CloseInter(link, group.clone()));
            self.engine_gone(link, &group);
            self.engine_failed(link, &group, epoch, problem);
        }
        self.send_standbys_home(link);
        self.say_quarantined(link);
    }

    /// Moves groups off a host that is in quarantine: each player is saved once more, and judged.
    pub(super) fn leave_if_quarantined(&mut self, host: &HostId) {
        if self.trust.quarantine_left(host, self.now) == 0 {
            return;
        }
        let Some(link) = self.link_of(host) else { return };
        let held: Vec<_> = self.leases.held_by(link).into_iter().map(|(group, _)| group).collect();
        if !held.is_empty() {
            self.move_groups(link, held, Cause::Quarantined);
        }
        self.send_standbys_home(link);
        self.say_quarantined(link);
    }

    fn send_standbys_home(&mut self, link: LinkId) {
        let groups: Vec<_> = self.groups.keys().cloned().collect();
        for group in groups {
            if let Some(standby) = self.take_standby(&group, link) {
                self.tell_revoked(link, &group, standby.ticket, QUARANTINED);
                self.engine_gone(link, &group);
            }
        }
    }

    fn say_quarantined(&mut self, link: LinkId) {
        use bifrost_protocol::control::{CoordinatorSays, Notice};
        let notice = Notice { group: String::new(), text: QUARANTINED.to_owned() };
        self.command(Command::Tell(link, CoordinatorSays::Notice(notice)));
    }

    /// Looks at what is owed for too long, and closes periods.
    pub(super) fn audit(&mut self) {
        let now = self.now;
        let passed = now.saturating_sub(self.trust.looked);
        if self.trust.bounds.is_none() || passed < LOOK {
            return;
        }
        self.trust.looked = now;
        let due = self.trust.bounds.as_mut().map(|bounds| bounds.due(now)).unwrap_or_default();
        self.found(due);
        for (group, host) in self.played() {
            self.play(group, host, passed);
        }
        let over = |(group, period): (&GroupName, &Period)| {
            let holder = self.leases.get(group).and_then(|lease| lease.state.holder());
            let gone = holder.is_none_or(|(host, _)| *host != period.host);
            (gone || period.played >= self.trust.policy.period).then(|| group.clone())
        };
        for group in self.trust.periods.iter().filter_map(over).collect::<Vec<_>>() {
            self.close_period(&group);
        }
    }

    /// Groups that players are on, at hosts that are judged.
    fn played(&self) -> Vec<(GroupName, HostId)> {
        let mut played = BTreeMap::new();
        for session in self.sessions.values() {
            if let Phase::Playing(link) = session.phase
                && self.engine_of(&session.group) == crate::config::EngineKind::Rathena
                && let Some((host, true)) = self.judged(link)
            {
                played.insert(session.group.clone(), host);
            }
        }
        played.into_iter().collect()
    }

    fn play(&mut self, group: GroupName, host: HostId, passed: Duration) {
        if self.trust.periods.get(&group).is_some_and(|period| period.host != host) {
            self.close_period(&group);
        }
        let trust = &mut self.trust;
        let period = trust.periods.entry(group).or_insert_with(|| {
            let standing = trust.standings.entry(host.clone()).or_default();
            let audited = standing.is_audited(&trust.policy, trust.rng.random());
            Period { host, played: Duration::ZERO, audited, findings: 0, rule: "" }
        });
        period.played += passed;
    }

    /// One period of a group on a host, as a whole.
    fn close_period(&mut self, group: &GroupName) {
        let Some(period) = self.trust.periods.remove(group) else { return };
        if period.findings > 0 {
            self.violated(&period.host, period.rule);
            return self.leave_if_quarantined(&period.host);
        }
        if period.audited && period.played >= self.trust.policy.period / 2 {
            let trust = &mut self.trust;
            trust.standings.entry(period.host.clone()).or_default().clean(&trust.policy);
            self.remember(&period.host);
        }
    }
}

/// 0x3818, which is shorter when there is no such guild.
const GUILD_STORAGE: u16 = 0x3818;
/// What the database counts against a host when it breaks the policy of its SQL.
const POLICY_BROKEN: &str = "sql_attack";
