//! A client comes: asked about at the char-server, placed on the engine of its map group.

use std::net::Ipv4Addr;

use bifrost_protocol::Ipv4Be;
use bifrost_protocol::client::{CloseReason, Enter};
use bifrost_protocol::control::GameOpen;
use bifrost_protocol::ids::{AccountId, Epoch, GroupName, SessionId};
use bifrost_protocol::inter::{Authenticate, Authenticated, Refused, WentOffline};
use prost::Message;

use super::{Arrival, ArrivalKey, Fleet};
use crate::failover::LeaseState;
use crate::fleet::ConnectionId;
use crate::fleet::character::{cell, image_point};
use crate::fleet::command::{Command, StoreWrite};
use crate::fleet::kept::Kept;
use crate::fleet::saves::Saves;
use crate::fleet::session::{Phase, Session};
use crate::store::SessionRow;

impl Fleet {
    /// 0x0436. Nobody is believed: the char-server knows who may come.
    pub(super) fn arrived(&mut self, connection: ConnectionId, enter: Enter, address: Ipv4Addr, held: bool) {
        let account = enter.account;
        let key = (account, *enter.login_id1.expose());
        if self.shutting_down {
            return self.refuse(connection, CloseReason::SERVER_CLOSED, "shutting_down");
        }
        if self.arrivals.contains_key(&key) || self.arrivals.len() >= MAX_ARRIVALS {
            return self.refuse(connection, CloseReason::STILL_ONLINE, "arrival_pending");
        }
        match self.sessions.get(&account).map(|session| &session.phase) {
            None | Some(Phase::Away | Phase::Orphaned | Phase::Selected) => {}
            Some(_) => return self.refuse(connection, CloseReason::STILL_ONLINE, "still_online"),
        }
        self.arrivals.insert(key, Arrival { connection, enter, address, held, since: self.now });
        self.ask_about(key);
    }

    /// 0x2b26.
    pub(super) fn ask_about(&mut self, key: ArrivalKey) {
        if self.waits_for_its_engine(key) {
            return;
        }
        if self.was_restored(key) {
            self.expect_again(key.0);
        }
        let Some(arrival) = self.arrivals.get(&key) else { return };
        let request = Authenticate {
            account: arrival.enter.account,
            character: arrival.enter.character,
            login_id1: arrival.enter.login_id1,
            sex: arrival.enter.sex,
            client_ip: Ipv4Be(arrival.address),
            autotrade: 0,
        };
        self.tell_char(request);
    }

    /// Whether the char-server is being asked about a client of this account.
    pub(super) fn is_arriving(&self, account: AccountId) -> bool {
        self.arrivals.range((account, u32::MIN)..=(account, u32::MAX)).next().is_some()
    }

    /// 0x2b27.
    pub(super) fn arrival_refused(&mut self, refused: &Refused) {
        let Some(arrival) = self.arrivals.remove(&(refused.account, *refused.login_id1.expose())) else { return };
        self.refuse(arrival.connection, CloseReason(0), "char_server_refused");
    }

    /// 0x2afd: the character, and where it is.
    pub(super) fn arrival_accepted(&mut self, answer: Authenticated) {
        let account = answer.account;
        let status = answer.image.view();
        let arrival = self.arrivals.remove(&(account, *answer.login_id1.expose()));
        let Some(arrival) = arrival.filter(|arrival| arrival.enter.character == status.character) else {
            // The client went away meanwhile, and the char-server has just marked the character online.
            if !self.sessions.contains_key(&account) {
                self.guard.forget(status.character, account);
                self.tell_char(WentOffline { character: status.character, account });
            }
            return;
        };
        let orphaned = |session: &&Session| session.phase == Phase::Orphaned && session.character == status.character;
        let stood = self.sessions.get(&account).filter(orphaned).map(|orphan| orphan.at.clone());
        let served = [stood, cell(&status.last_point)].into_iter().flatten();
        let served = served.filter_map(|at| self.group_of.get(&at.map).cloned().map(|group| (at, group))).next();
        let Some((at, group)) = served else {
            self.finish(account);
            self.guard.forget(status.character, account);
            self.tell_char(WentOffline { character: status.character, account });
            return self.refuse(arrival.connection, CloseReason::SERVER_CLOSED, "map_not_served");
        };
        let before = self.forget(account);
        let orphan = before.as_ref().filter(orphaned);
        let late = self.leaving.remove(&status.character).map(|late| (late.image, late.saves));
        let newer = late.or_else(|| orphan.map(|orphan| (orphan.image.clone(), orphan.saves.clone())));
        let (image, mut saves) = newer.clone().unwrap_or((answer.image, Saves::default()));
        saves.forget_sent();
        self.next_session += 1;
        let mut session = Session {
            id: SessionId(self.next_session),
            account,
            character: status.character,
            connection: Some(arrival.connection),
            address: arrival.address,
            login_id1: answer.login_id1,
            login_id2: answer.login_id2,
            sex: status.sex,
            group_id: answer.group,
            expiration: answer.expiration,
            // What the char-server has not confirmed, or not been told since a restart, is newer than what it hands out.
            dirty: newer.is_some(),
            image,
            at,
            direction: 0,
            sitting: false,
            group,
            changing: answer.changing_servers != 0,
            phase: Phase::Limbo { fresh: true },
            since: self.now,
            saved: self.now,
            drops: 0,
            saves,
            handed_out: false,
            held: arrival.held,
            restored: false,
        };
        session.image.set_last_point(image_point(&session.at));
        // What the char-server does not keep survives a change of hosts here.
        if let Some(before) = before.filter(|before| before.phase == Phase::Away) {
            if before.at == session.at {
                (session.direction, session.sitting, session.drops) = (before.direction, before.sitting, before.drops);
            }
            session.saves = before.saves;
        }
        self.begin(session);
    }

    fn begin(&mut self, session: Session) {
        let (account, connection) = (session.account, session.connection);
        self.command(Command::Store(StoreWrite::Begin(Box::new(row(&session)))));
        self.accounts.insert(session.id, account);
        self.characters.insert(session.character, account);
        self.trust.begins(&session, false);
        self.sessions.insert(account, session);
        if let Some(connection) = connection {
            self.connections.insert(connection, account);
        }
        self.place(account);
    }

    /// Hands a waiting session to its group's engine, if that is ready.
    pub(super) fn place(&mut self, account: AccountId) {
        let Some(session) = self.sessions.get(&account) else { return };
        let Phase::Limbo { fresh } = session.phase else { return };
        let Some(lease) = self.leases.get(&session.group) else { return };
        let LeaseState::Live(_, link) = lease.state else { return };
        if !fresh {
            // Its client is on a map already: only a redirect makes it load the map again.
            return self.depart(account, session.at.clone());
        }
        let Some(connection) = session.connection else { return };
        if !self.has_seat(link) {
            // It waits, as for a host: somebody may leave, or the group may move to a larger one.
            return self.command(Command::Count("host_full"));
        }
        let open = GameOpen {
            session: session.id.0,
            group: session.group.0.clone(),
            epoch: lease.epoch.0,
            character: Some(session.for_engine()),
            changing: session.changing,
            enter: self.enter_packet(session, link),
        };
        let now = self.now;
        self.trust.enters(session, now);
        self.transfers_of(account).for_each(|transfer| transfer.synced(account, now));
        self.set_phase(account, Phase::Entering(link));
        self.command(Command::Attach(connection, link, Box::new(open)));
    }

    /// Hands over all sessions that wait for a group's engine.
    pub(super) fn place_waiting(&mut self, group: &GroupName) {
        let waits = |session: &&Session| session.group == *group && matches!(session.phase, Phase::Limbo { .. });
        let waiting: Vec<_> = self.sessions.values().filter(waits).map(|session| session.account).collect();
        waiting.into_iter().for_each(|account| self.place(account));
    }
}

/// The journal's row of a session, with the session's id in its first update.
pub(super) fn row(session: &Session) -> SessionRow {
    SessionRow {
        character: session.character,
        account: session.account,
        group: session.group.clone(),
        login_id1: session.login_id1,
        login_id2: session.login_id2,
        sex: session.sex,
        group_id: session.group_id,
        image: session.image.as_bytes().to_vec(),
        update: Some(Kept::of(session).encode_to_vec()),
        epoch: Epoch(0),
        sequence: 0,
    }
}

/// Most clients the char-server may be asked about at once.
const MAX_ARRIVALS: usize = 4_096;
