//! The decisions of the fleet: `(input, now) -> commands`. No IO, no clock, no randomness.
//!
//! One file a concern, all over the same state: `arrivals` (a client comes), `departures` (it goes), `engines` (what hosts
//! report), `hosts` (nodes come and go), `transfers` (groups change hosts), `links` (the char-server), `upkeep` (time).

mod arrivals;
mod departures;
mod engines;
mod hosts;
mod links;
mod returns;
mod standbys;
mod stock;
#[cfg(test)]
mod tests;
mod transfers;
mod trust;
mod upkeep;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use bifrost_protocol::Packet;
use bifrost_protocol::client::map::Disconnect;
use bifrost_protocol::client::{CloseReason, Enter};
use bifrost_protocol::ids::{AccountId, CharacterId, Epoch, GroupName, HostId, MapName, SessionId};
use bifrost_protocol::inter::MapToChar;
use bifrost_protocol::layout::CharacterImage;

use super::ConnectionId;
use super::command::{Command, FleetConfig, GroupFacts, Input, StoreWrite};
use super::saves::Saves;
use super::session::{Phase, Session};
use crate::failover::{Leases, Transfer};
use crate::guard::Guard;
pub(super) use hosts::Host;
pub use trust::TrustParts;
pub(super) use upkeep::TICK;

/// Everything the coordinator decides about hosts, leases and players.
#[derive(Debug)]
pub struct Fleet {
    config: FleetConfig,
    groups: BTreeMap<GroupName, GroupFacts>,
    group_of: BTreeMap<MapName, GroupName>,
    /// By connection: a host that reconnects is another entry for a moment.
    hosts: BTreeMap<super::LinkId, Host>,
    leases: Leases,
    /// At most one an account.
    sessions: BTreeMap<AccountId, Session>,
    /// The accounts of the sessions.
    accounts: BTreeMap<SessionId, AccountId>,
    /// The accounts of the characters in session.
    characters: BTreeMap<CharacterId, AccountId>,
    /// Stock map-servers whose inter stream is open, or was a moment ago.
    engines: BTreeMap<(super::LinkId, GroupName), stock::StockEngine>,
    engine_keys: u64,
    /// The journal's sequence of the last save of a stock map-server. One for all of them, and from a start that grows with
    /// every life of the coordinator: an engine outlives connections and restarts under one epoch, and the journal takes
    /// only what is newer.
    save_sequence: u64,
    /// What stock map-servers may say.
    guard: Guard,
    /// What they may give, and how hosts behaved.
    trust: trust::Trust,
    /// Engines that hold no lease.
    standbys: BTreeMap<GroupName, Vec<standbys::Standby>>,
    tickets: u64,
    /// Players that have just left their engines.
    left: stock::Left,
    /// The machines for which there are bundles.
    bundles: BTreeSet<String>,
    /// Clients that have a session.
    connections: BTreeMap<ConnectionId, AccountId>,
    /// Clients the char-server is being asked about, by what its answers repeat: a stranger who knows an account's number
    /// does not know its login id, and so is not taken for it.
    arrivals: BTreeMap<ArrivalKey, Arrival>,
    /// Characters whose final save the char-server has not confirmed.
    leaving: BTreeMap<CharacterId, Leaving>,
    /// Maps of other map-servers of the realm.
    neighbours: BTreeMap<MapName, SocketAddrV4>,
    /// Sessions sent off by this input whose save is still to be sent.
    departed: Vec<AccountId>,
    /// Engines that could not serve a group, and until when they are not asked again.
    unfit: BTreeMap<(GroupName, HostId), Duration>,
    /// Engines of planned moves that write their last rows yet: under which epoch, and until when.
    parting: BTreeMap<(super::LinkId, GroupName), (Epoch, Duration)>,
    /// Since when a group waits for an engine that did not stand by.
    cold_starts: BTreeMap<GroupName, Duration>,
    /// What last went wrong with an engine of each group.
    problems: BTreeMap<GroupName, String>,
    char_up: bool,
    transfers: Vec<Transfer>,
    history: VecDeque<Transfer>,
    next_session: u64,
    upkeep: upkeep::Due,
    shutting_down: bool,
    now: Duration,
    commands: VecDeque<Command>,
}

/// Account and first login id of a client.
type ArrivalKey = (AccountId, u32);

/// A client the char-server is being asked about.
#[derive(Debug)]
struct Arrival {
    connection: ConnectionId,
    enter: Enter,
    address: Ipv4Addr,
    held: bool,
    since: Duration,
}

/// A character whose final save is not confirmed.
#[derive(Debug)]
struct Leaving {
    account: AccountId,
    image: CharacterImage,
    saves: Saves,
    since: Duration,
}

impl Fleet {
    /// A fleet for these groups, with what a former life left: leases and sessions whose clients are gone.
    #[must_use]
    pub fn new(
        config: FleetConfig,
        groups: BTreeMap<GroupName, GroupFacts>,
        leases: &[(GroupName, Option<HostId>, Epoch)],
        orphans: Vec<Session>,
    ) -> Self {
        let group_of = groups.iter().flat_map(|(name, facts)| facts.maps.iter().map(|map| (map.clone(), name.clone())));
        Self {
            group_of: group_of.collect(),
            leases: Leases::restore(groups.keys().cloned(), leases),
            accounts: orphans.iter().map(|session| (session.id, session.account)).collect(),
            characters: orphans.iter().map(|session| (session.character, session.account)).collect(),
            engines: BTreeMap::new(),
            engine_keys: 0,
            save_sequence: config.first_session,
            guard: Guard::default(),
            trust: trust::Trust::default(),
            standbys: BTreeMap::new(),
            tickets: 0,
            left: stock::Left::default(),
            bundles: BTreeSet::new(),
            sessions: orphans.into_iter().map(|session| (session.account, session)).collect(),
            next_session: config.first_session,
            config,
            groups,
            hosts: BTreeMap::new(),
            connections: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            leaving: BTreeMap::new(),
            neighbours: BTreeMap::new(),
            departed: Vec::new(),
            unfit: BTreeMap::new(),
            parting: BTreeMap::new(),
            cold_starts: BTreeMap::new(),
            problems: BTreeMap::new(),
            char_up: false,
            transfers: Vec::new(),
            history: VecDeque::new(),
            upkeep: upkeep::Due::default(),
            shutting_down: false,
            now: Duration::ZERO,
            commands: VecDeque::new(),
        }
    }

    /// Takes in what happened at `now`, the time since the coordinator started. Commands come out of [`poll`](Self::poll).
    pub fn handle(&mut self, input: Input, now: Duration) {
        self.now = self.now.max(now);
        match input {
            Input::Arrived(connection, enter, address, held) => self.arrived(connection, enter, address, held),
            Input::EngineLost(connection) => self.engine_lost(connection),
            Input::EngineMisbehaved(connection) => self.engine_misbehaved(connection),
            Input::ClientClosed(connection) => self.client_closed(connection),
            Input::NodeConnected(link, host, kind, hello) => self.node_connected(link, host, kind, &hello),
            Input::Beat(link, beat, round_trip) => self.beat(link, beat, round_trip),
            Input::Upload(link, kbps) => self.upload_measured(link, kbps),
            Input::NodeSays(link, says) => self.node_says(link, says),
            Input::SyncOpened(link, group, epoch) => self.sync_opened(link, &group, epoch),
            Input::Engine(link, group, epoch, says) => self.engine_says(link, &group, epoch, says),
            Input::InterOpened(link, group, epoch, instance) => self.inter_opened(link, &group, epoch, instance),
            Input::Inter(link, group, instance, event) => self.inter(link, &group, instance, event),
            Input::Bundles(abis) => self.bundles_changed(abis),
            Input::NodeClosed(link) => self.node_closed(link),
            Input::CharUp => self.char_up(),
            Input::Char(packet) => self.char_packet(&packet),
            Input::CharDown => self.char_down(),
            Input::Journaled(link, group, epoch, sequence) => self.journaled(link, &group, epoch, sequence),
            Input::Violation(link, rule) => self.violated_elsewhere(link, rule),
            Input::Revoke(host) => self.revoke(&host),
            Input::Pardon(host) => self.pardon(&host),
            Input::Shutdown => self.shut_down(),
            Input::Tick => self.tick(),
        }
        self.save_departed();
        self.count_cut();
    }

    /// The next thing to be done, in order.
    pub fn poll(&mut self) -> Option<Command> {
        self.commands.pop_front()
    }

    /// Whether, after [`Input::Shutdown`], nothing is left to wait for.
    #[must_use]
    pub fn is_drained(&self) -> bool {
        self.shutting_down && self.sessions.is_empty() && self.leaving.is_empty()
    }

    fn command(&mut self, command: Command) {
        self.commands.push_back(command);
    }

    /// Sends to the char-server if it is there; whatever matters is sent again at the next [`Input::CharUp`].
    fn tell_char(&mut self, packet: impl Into<MapToChar>) {
        if self.char_up {
            self.command(Command::Char(packet.into()));
        }
    }

    /// Says why, and closes.
    fn refuse(&mut self, connection: ConnectionId, reason: CloseReason, rule: &'static str) {
        self.command(Command::Count(rule));
        self.command(Command::CloseClient(connection, Some(Disconnect { reason }.encode())));
    }

    fn lease_changed(&mut self, group: &GroupName) {
        if let Some(lease) = self.leases.get(group) {
            let host = lease.state.holder().map(|(host, _)| host.clone());
            let write = StoreWrite::Lease(group.clone(), host, lease.epoch);
            self.command(Command::Store(write));
        }
    }

    fn set_phase(&mut self, account: AccountId, phase: Phase) {
        let now = self.now;
        if let Some(session) = self.sessions.get_mut(&account) {
            session.become_at(phase, now);
        }
    }

    /// Takes a session out.
    fn forget(&mut self, account: AccountId) -> Option<Session> {
        let session = self.sessions.remove(&account)?;
        self.accounts.remove(&session.id);
        self.characters.remove(&session.character);
        self.trust.ends(&session);
        Some(session)
    }

    /// The session a client's connection belongs to, if it still is that session's connection.
    fn account_of(&self, connection: ConnectionId) -> Option<AccountId> {
        let account = *self.connections.get(&connection)?;
        (self.sessions.get(&account)?.connection == Some(connection)).then_some(account)
    }

    fn transfers_of(&mut self, account: AccountId) -> impl Iterator<Item = &mut Transfer> {
        self.transfers.iter_mut().filter(move |transfer| transfer.carries(account))
    }

    pub(super) fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.sessions.values()
    }

    pub(super) fn hosts(&self) -> impl Iterator<Item = &Host> {
        self.hosts.values()
    }

    pub(super) fn groups(&self) -> impl Iterator<Item = (&GroupName, &GroupFacts)> {
        self.groups.iter()
    }

    pub(super) fn lease(&self, group: &GroupName) -> Option<&crate::failover::Lease> {
        self.leases.get(group)
    }

    pub(super) fn all_transfers(&self) -> impl Iterator<Item = &Transfer> {
        self.history.iter().chain(&self.transfers)
    }

    pub(super) fn trusts(&self, host: &HostId) -> bool {
        self.trust.trusts(host)
    }

    pub(super) fn standing(&self, host: &HostId) -> crate::bounds::standing::Standing {
        self.trust.standing(host)
    }

    pub(super) fn quarantine_left(&self, host: &HostId) -> u64 {
        self.trust.quarantine_left(host, self.now)
    }

    pub(super) fn problem_of(&self, group: &GroupName) -> Option<&str> {
        self.problems.get(group).map(String::as_str)
    }

    /// Keeps why an engine of a group failed, for the operator to see.
    fn note_problem(&mut self, group: &GroupName, host: &HostId, problem: &str) {
        let text: String = problem.chars().take(MAX_PROBLEM).collect();
        self.problems.insert(group.clone(), format!("{host}: {text}"));
    }

    pub(super) fn char_server_is_up(&self) -> bool {
        self.char_up
    }

    pub(super) fn now(&self) -> Duration {
        self.now
    }
}

/// What is kept of an engine's problem, in characters.
const MAX_PROBLEM: usize = 2_000;
