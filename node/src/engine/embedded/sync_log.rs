//! What of an engine's state the coordinator has, and what it has to be told again when it comes back. No IO, no clock.
//!
//! Sequence numbers grow by one through the whole epoch, over however many sync streams. The last state of a session that
//! left is kept until the coordinator has it for certain: nothing else in the world remembers it.

use std::collections::BTreeMap;

use bifrost_protocol::control::{DbSync, EngineSays, PlayerUpdate, SessionRef, SyncData};

/// How many syncs may be unanswered. With more, changes gather in the world, each player once.
const MAX_UNANSWERED: u64 = 64;
/// How many sessions that left may be remembered; a coordinator that answers nothing while it sends more players loses the
/// oldest of them.
const MAX_DEPARTED: usize = 10_000;

/// The engine's side of its sync streams.
#[derive(Debug)]
pub(super) struct SyncLog {
    host: String,
    epoch: u64,
    sequence: u64,
    answered: u64,
    /// Sessions that left: the sequence their last state went out with, if it did, and that state.
    departed: BTreeMap<u64, (Option<u64>, PlayerUpdate)>,
    /// Sessions that wait for an answer, and what they asked.
    asked: BTreeMap<u64, EngineSays>,
}

impl SyncLog {
    /// Nothing said yet under this epoch.
    pub(super) fn new(host: String, epoch: u64) -> Self {
        Self { host, epoch, sequence: 0, answered: 0, departed: BTreeMap::new(), asked: BTreeMap::new() }
    }

    /// Whether the coordinator keeps up, so that changes may be sent.
    pub(super) fn has_room(&self) -> bool {
        self.sequence.saturating_sub(self.answered) < MAX_UNANSWERED
    }

    /// Changes, sealed under the next sequence.
    pub(super) fn changes(&mut self, data: &SyncData, timestamp_ms: u64) -> EngineSays {
        self.seal(false, data, timestamp_ms)
    }

    /// All there is, sealed under the next sequence, with the sessions that left and may not have arrived.
    pub(super) fn full(&mut self, mut data: SyncData, timestamp_ms: u64) -> EngineSays {
        data.player_updates.extend(self.departed.values().map(|(_, last)| last.clone()));
        let says = self.seal(true, &data, timestamp_ms);
        self.departed.values_mut().for_each(|(sequence, _)| *sequence = Some(self.sequence));
        says
    }

    /// What a new stream begins with: all there is, who left, who waits for an answer.
    pub(super) fn reopened(&mut self, data: SyncData, timestamp_ms: u64) -> Vec<EngineSays> {
        let full = self.full(data, timestamp_ms);
        let released = self.departed.keys().map(|session| EngineSays::Released(SessionRef { session: *session }));
        [full].into_iter().chain(released).chain(self.asked.values().cloned()).collect()
    }

    /// Sessions left with these last states; `data` is what else changed. Without a stream they are only remembered.
    pub(super) fn departed(
        &mut self,
        mut data: SyncData,
        left: Vec<PlayerUpdate>,
        timestamp_ms: u64,
        stream: bool,
    ) -> Vec<EngineSays> {
        let sessions: Vec<_> = left.iter().map(|last| last.session).collect();
        for last in left {
            self.asked.remove(&last.session);
            data.player_updates.retain(|update| update.session != last.session);
            data.player_updates.push(last.clone());
            self.departed.insert(last.session, (None, last));
        }
        while self.departed.len() > MAX_DEPARTED {
            self.departed.pop_first();
        }
        if !stream {
            return Vec::new();
        }
        let sync = self.seal(false, &data, timestamp_ms);
        for session in &sessions {
            if let Some((sequence, _)) = self.departed.get_mut(session) {
                *sequence = Some(self.sequence);
            }
        }
        let released = sessions.into_iter().map(|session| EngineSays::Released(SessionRef { session }));
        [sync].into_iter().chain(released).collect()
    }

    /// A session asks to go elsewhere and waits for the answer.
    pub(super) fn asks(&mut self, session: u64, says: EngineSays) {
        self.asked.insert(session, says);
    }

    /// A session has its answer.
    pub(super) fn answer(&mut self, session: u64) {
        self.asked.remove(&session);
    }

    /// The coordinator has everything up to here. One that claims more than was sent is taken at what was sent.
    pub(super) fn acknowledge(&mut self, sequence: u64) {
        self.answered = self.answered.max(sequence.min(self.sequence));
        let answered = self.answered;
        self.departed.retain(|_, (sequence, _)| sequence.is_none_or(|sequence| sequence > answered));
    }

    fn seal(&mut self, full: bool, data: &SyncData, timestamp_ms: u64) -> EngineSays {
        self.sequence = self.sequence.saturating_add(1);
        EngineSays::Sync(DbSync::seal(&self.host, timestamp_ms, self.epoch, self.sequence, full, data))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn player(session: u64, hp: i32) -> PlayerUpdate {
        PlayerUpdate { session, hp, ..PlayerUpdate::default() }
    }

    fn state(players: &[PlayerUpdate]) -> SyncData {
        SyncData { player_updates: players.to_vec(), ..SyncData::default() }
    }

    /// Sequence, fullness and players of a sync, or the session of a Released.
    fn read(says: &EngineSays) -> (u64, bool, Vec<(u64, i32)>) {
        match says {
            EngineSays::Sync(sync) => {
                let players = sync.open().expect("sealed").player_updates;
                (sync.sequence, sync.full, players.iter().map(|player| (player.session, player.hp)).collect())
            }
            EngineSays::Released(of) => (0, false, vec![(of.session, 0)]),
            EngineSays::Entered(_)
            | EngineSays::ChangeMap(_)
            | EngineSays::CharacterSelect(_)
            | EngineSays::Misbehaved(_) => (0, true, Vec::new()),
        }
    }

    #[test]
    fn the_last_state_of_a_session_goes_right_before_its_release() {
        let mut log = SyncLog::new("h".into(), 1);
        let said = log.departed(state(&[player(1, 10), player(2, 20)]), vec![player(1, 9)], 0, true);
        let said: Vec<_> = said.iter().map(read).collect();
        assert_eq!(said, [(1, false, vec![(2, 20), (1, 9)]), (0, false, vec![(1, 0)])]);
    }

    #[test]
    fn a_session_that_left_is_told_again_until_the_coordinator_has_it() {
        let mut log = SyncLog::new("h".into(), 1);
        log.departed(state(&[]), vec![player(1, 9)], 0, true);
        log.departed(state(&[]), vec![player(2, 8)], 0, false);
        log.acknowledge(1);
        let again: Vec<_> = log.reopened(state(&[player(3, 7)]), 0).iter().map(read).collect();
        assert_eq!(again, [(2, true, vec![(3, 7), (2, 8)]), (0, false, vec![(2, 0)])]);
        log.acknowledge(2);
        assert_eq!(log.reopened(state(&[]), 0).iter().map(read).collect::<Vec<_>>(), [(3, true, vec![])]);
    }

    #[test]
    fn a_question_without_an_answer_is_asked_again() {
        let mut log = SyncLog::new("h".into(), 1);
        log.asks(5, EngineSays::CharacterSelect(SessionRef { session: 5 }));
        assert_eq!(log.reopened(state(&[]), 0).len(), 2);
        log.answer(5);
        assert_eq!(log.reopened(state(&[]), 0).len(), 1);
    }

    #[test]
    fn changes_wait_for_a_coordinator_that_does_not_keep_up() {
        let mut log = SyncLog::new("h".into(), 1);
        (0..MAX_UNANSWERED).for_each(|_| drop(log.changes(&state(&[]), 0)));
        assert!(!log.has_room());
        log.acknowledge(u64::MAX);
        assert!(log.has_room());
        log.changes(&state(&[]), 0);
        assert_eq!(log.sequence, MAX_UNANSWERED + 1, "a claim about the future changes nothing");
    }
}
