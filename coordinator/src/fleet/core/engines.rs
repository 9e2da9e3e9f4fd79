//! What engines report. A host is believed only about sessions that are leased to it now, and only what is possible.

use bifrost_protocol::client::CloseReason;
use bifrost_protocol::control::{DbSync, EngineOrder, EngineSays, PlayerUpdate, Resync, SessionRef, SyncAck};
use bifrost_protocol::ids::{AccountId, CharacterId, Epoch, GroupName, MapPoint, SessionId};
use prost::Message;

use super::Fleet;
use crate::config::EngineKind;
use crate::fleet::character::{cell, placed};
use crate::fleet::command::{Command, StoreWrite};
use crate::fleet::kept::Kept;
use crate::fleet::session::{Leave, Phase};
use crate::fleet::{ConnectionId, LinkId};

impl Fleet {
    /// A sync stream of a lease that is not this host's is closed.
    pub(super) fn sync_opened(&mut self, link: LinkId, group: &GroupName, epoch: Epoch) {
        if !self.leases.admits(group, epoch, link) {
            self.stale(link, group);
        }
    }

    /// Any message of a sync stream.
    pub(super) fn engine_says(&mut self, link: LinkId, group: &GroupName, epoch: Epoch, says: EngineSays) {
        if !self.leases.admits(group, epoch, link) {
            return self.stale(link, group);
        }
        match says {
            EngineSays::Sync(sync) => self.synced(link, group, epoch, &sync),
            EngineSays::Entered(who) => self.entered(link, who),
            EngineSays::ChangeMap(change) => {
                let to = change.to.as_ref().and_then(placed);
                self.wants_to_leave(link, group, change.session, to.map(Leave::Change));
            }
            EngineSays::CharacterSelect(who) => self.wants_to_leave(link, group, who.session, Some(Leave::Select)),
            EngineSays::Released(who) => {
                if let Some((account, Phase::Releasing(_, leave))) = self.on_engine(link, who.session) {
                    let of = self.sessions.get(&account).map(|session| session.group.clone());
                    self.released(account, leave);
                    of.iter().for_each(|group| self.emptied(group));
                }
            }
            EngineSays::Misbehaved(who) => {
                if let Some((account, Phase::Entering(_) | Phase::Playing(_))) = self.on_engine(link, who.session) {
                    tracing::info!(%account, problem = who.problem, "client broke the protocol");
                    self.command(Command::Count("client_misbehaved"));
                    self.throw_out(account, CloseReason::SERVER_CLOSED);
                }
            }
        }
    }

    fn stale(&mut self, link: LinkId, group: &GroupName) {
        self.command(Command::Count("stale_epoch"));
        self.command(Command::CloseSync(link, group.clone()));
    }

    pub(super) fn entered(&mut self, link: LinkId, who: SessionRef) {
        let now = self.now;
        if let Some((account, Phase::Entering(_))) = self.on_engine(link, who.session) {
            self.set_phase(account, Phase::Playing(link));
            self.transfers_of(account).for_each(|transfer| transfer.verified(account, now));
            self.settle_transfers();
        }
    }

    /// A session is held by its engine until it hears whether it may go.
    fn wants_to_leave(&mut self, link: LinkId, group: &GroupName, session: u64, leave: Option<Leave>) {
        let Some((account, Phase::Playing(_))) = self.on_engine(link, session) else { return };
        let possible = match &leave {
            Some(Leave::Change(to)) => self.may_go(account, group, to) && self.server_of(to).is_some(),
            Some(_) => true,
            None => false,
        };
        match leave.filter(|_| possible) {
            Some(leave) => self.release(account, leave),
            None => {
                self.violation(link, "no_such_way");
                let stay = EngineOrder::Stay(SessionRef { session });
                self.command(Command::Order(link, group.clone(), stay));
            }
        }
    }

    /// Whether a way leads there from the group's maps: a warp, or the player's own save point.
    fn may_go(&self, account: AccountId, group: &GroupName, to: &MapPoint) -> bool {
        let warp = self.groups.get(group).is_some_and(|facts| facts.exits.contains(to));
        let home = self.sessions.get(&account).and_then(|session| cell(&session.image.view().save_point));
        warp || home.as_ref() == Some(to)
    }

    /// State that changed: checked, applied, journalled; acknowledged when durable.
    fn synced(&mut self, link: LinkId, group: &GroupName, epoch: Epoch, sync: &DbSync) {
        let Some(host) = self.hosts.get_mut(&link) else { return };
        let last = host.sequences.entry(group.clone()).or_default();
        let problem = if sync.epoch != epoch.0 || sync.sequence <= *last {
            Some("order")
        } else if !sync.full && sync.sequence != *last + 1 {
            Some("gap")
        } else {
            None
        };
        let data = if problem.is_none() { sync.open() } else { None };
        let Some(data) = data else {
            let reason = problem.unwrap_or("checksum").to_owned();
            self.command(Command::Count("sync_rejected"));
            return self.command(Command::Order(link, group.clone(), EngineOrder::Resync(Resync { reason })));
        };
        if data.player_updates.len() > MAX_UPDATES {
            return self.violation(link, "sync_too_long");
        }
        *last = sync.sequence;
        if sync.full {
            let listed: Vec<_> = data.player_updates.iter().map(|update| update.session).collect();
            self.settle_missing(group, &listed);
        }
        let mut updates = Vec::new();
        for update in data.player_updates {
            match self.reported_by(link, group, update.session) {
                Some(account) => {
                    let character = self.applied(link, group, account, &update);
                    let held = self.sessions.get(&account).is_some_and(|session| session.held);
                    let kept = Kept::update(update, held).encode_to_vec();
                    updates.extend(character.map(|character| (character, kept)));
                }
                // It came back another way while its engine could not be reached: what stands there is a ghost.
                None if sync.full => self.order_release(link, group, update.session),
                None => {}
            }
        }
        // Without updates too: an acknowledgement covers everything before it, which may still wait to be written.
        let (group, sequence) = (group.clone(), sync.sequence);
        self.command(Command::Store(StoreWrite::Journal { link, group, epoch, sequence, updates }));
    }

    /// Applies one player's state if it is this engine's to report and possible.
    fn applied(
        &mut self,
        link: LinkId,
        group: &GroupName,
        account: AccountId,
        update: &PlayerUpdate,
    ) -> Option<CharacterId> {
        let at = update.at.as_ref().and_then(placed).filter(|at| self.group_of.get(&at.map) == Some(group));
        let Some(at) = at else {
            self.violation(link, "update_elsewhere");
            return None;
        };
        let session = self.sessions.get_mut(&account)?;
        let status = session.image.view();
        let possible = update.hp <= status.max_hp.max(1) && update.sp <= status.max_sp.max(0) && update.direction < 8;
        session.apply(update, at);
        let (character, orphaned) = (session.character, session.phase == Phase::Orphaned);
        if !possible {
            self.violation(link, "update_impossible");
        }
        if orphaned {
            // This is what it was restored for: its last state. The engine may let it go.
            let release = EngineOrder::Release(SessionRef { session: update.session });
            self.command(Command::Order(link, group.clone(), release));
            self.settle_orphan(account);
        }
        Some(character)
    }

    /// The session an engine may report on: on it now, or orphaned there by a restart of the coordinator.
    fn reported_by(&mut self, link: LinkId, group: &GroupName, session: u64) -> Option<AccountId> {
        let found = self.sessions.get(self.accounts.get(&SessionId(session))?)?;
        let its_own = found.link() == Some(link) || found.phase == Phase::Orphaned;
        // A session that has just left may still be in an update that was on its way.
        (its_own && found.group == *group).then_some(found.account)
    }

    fn on_engine(&self, link: LinkId, session: u64) -> Option<(AccountId, Phase)> {
        let found = self.sessions.get(self.accounts.get(&SessionId(session))?)?;
        if found.link() != Some(link) {
            return None;
        }
        Some((found.account, found.phase.clone()))
    }

    /// Something only a broken or hostile host does.
    pub(super) fn violation(&mut self, link: LinkId, rule: &'static str) {
        self.command(Command::Count(rule));
        if let Some(host) = self.hosts.get_mut(&link) {
            host.violations += 1;
            tracing::warn!(host = %host.host, rule, violations = host.violations, "host broke a rule");
        }
    }

    /// A group's state is durable up to here.
    pub(super) fn journaled(&mut self, link: LinkId, group: &GroupName, epoch: Epoch, sequence: u64) {
        if self.engine_of(group) == EngineKind::Rathena {
            return self.finals_durable(link, group, sequence);
        }
        if self.leases.admits(group, epoch, link) {
            self.command(Command::Order(link, group.clone(), EngineOrder::Ack(SyncAck { sequence })));
        }
    }

    /// The engine sent a client what no map-server sends: its group, with all its players, goes to another host.
    pub(super) fn engine_misbehaved(&mut self, connection: ConnectionId) {
        let session = self.account_of(connection).and_then(|account| self.sessions.get(&account));
        let Some((group, link)) = session.and_then(|session| Some((session.group.clone(), session.link()?))) else {
            return self.engine_lost(connection);
        };
        self.violation(link, "game_stream");
        let epoch = self.leases.get(&group).map(|lease| lease.epoch).unwrap_or_default();
        self.engine_failed(link, &group, epoch, "broke the protocol of a game stream");
    }

    /// The engine dropped a session whose client is still there, or never took it.
    pub(super) fn engine_lost(&mut self, connection: ConnectionId) {
        let Some(account) = self.account_of(connection) else { return };
        let Some(session) = self.sessions.get_mut(&account) else { return };
        let (at, phase): (MapPoint, Phase) = (session.at.clone(), session.phase.clone());
        match phase {
            // It has closed the player's connection, and the last save is on its way.
            Phase::Entering(link) | Phase::Playing(link) if session.handed_out => {
                session.drops = session.drops.saturating_add(1);
                let leave = if session.drops > MAX_DROPS { Leave::Select } else { Leave::Move };
                self.set_phase(account, Phase::Releasing(link, leave));
            }
            Phase::Entering(_) | Phase::Playing(_) => {
                session.drops = session.drops.saturating_add(1);
                if session.drops > MAX_DROPS {
                    return self.select(account);
                }
                self.depart(account, at);
            }
            Phase::Releasing(..)
            | Phase::Limbo { .. }
            | Phase::Orphaned
            | Phase::Redirecting(_)
            | Phase::Away
            | Phase::Selecting
            | Phase::Selected => {}
        }
    }
}

/// Most players in one sync: all that an embedded engine can carry.
const MAX_UPDATES: usize = 2_048;
/// How often engines may drop a session in a row before its player is sent to character select.
pub(super) const MAX_DROPS: u8 = 3;
