//! Clients that a gateway holds while the coordinator is away: they come back with the session they had.
//!
//! A restored session is orphaned until its engine has told its last state, or cannot. Anybody else's is over then; one that
//! a gateway holds waits for its client, which shows the session secret it has (0x0436). The char-server, which has
//! forgotten that it expects the player, is told again (0x2b05) before it is asked (0x2b26).

use bifrost_protocol::ids::{AccountId, GroupName};

use super::{ArrivalKey, Fleet};
use crate::fleet::command::{Command, StoreWrite};
use crate::fleet::session::{Phase, Session};

impl Fleet {
    /// What a session was restored for has happened: its last state is here.
    pub(super) fn settle_orphan(&mut self, account: AccountId) {
        let Some(session) = self.sessions.get_mut(&account) else { return };
        if !session.held || self.shutting_down {
            return self.finish(account);
        }
        session.restored = true;
        self.set_phase(account, Phase::Away);
        self.save(account);
        let keys = self.arrivals.range((account, u32::MIN)..=(account, u32::MAX)).map(|(key, _)| *key);
        keys.collect::<Vec<_>>().into_iter().for_each(|key| self.ask_about(key));
    }

    /// Settles those that their engine does not have, as a list of everybody on it shows.
    pub(super) fn settle_missing(&mut self, group: &GroupName, listed: &[u64]) {
        let missing = |session: &&Session| {
            session.phase == Phase::Orphaned
                && session.held
                && session.group == *group
                && !listed.contains(&session.id.0)
        };
        let missing: Vec<_> = self.sessions.values().filter(missing).map(|session| session.account).collect();
        missing.into_iter().for_each(|account| self.settle_orphan(account));
    }

    /// The restored session that an arriving client shows the secret of.
    fn returning(&self, key: ArrivalKey) -> Option<&Session> {
        let arrival = self.arrivals.get(&key)?;
        let (account, login_id1) = key;
        self.sessions.get(&account).filter(|session| {
            session.held
                && session.character == arrival.enter.character
                && *session.login_id1.expose() == login_id1
                && matches!(session.phase, Phase::Orphaned | Phase::Away)
        })
    }

    /// Whether a client comes back before its engine has told its last state: it is asked about when that is here.
    pub(super) fn waits_for_its_engine(&self, key: ArrivalKey) -> bool {
        self.returning(key).is_some_and(|session| session.phase == Phase::Orphaned)
    }

    /// Whether the char-server has to be told that it expects a client that comes back.
    pub(super) fn was_restored(&self, key: ArrivalKey) -> bool {
        self.returning(key).is_some_and(|session| session.restored)
    }

    /// The coordinator stops, and the client stays with its gateway: the char-server gets what there is, the session is kept
    /// for the next life.
    pub(super) fn park(&mut self, account: AccountId) {
        let Some(session) = self.sessions.get_mut(&account) else { return };
        session.restored = true;
        self.set_phase(account, Phase::Away);
        self.save(account);
        if let Some(session) = self.forget(account) {
            self.guard.forget(session.character, account);
            self.command(Command::Store(StoreWrite::Begin(Box::new(super::arrivals::row(&session)))));
        }
    }
}
