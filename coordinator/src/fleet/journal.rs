//! Writes what the fleet wants kept, in the background. What waits is merged by key, so that a database that is away costs
//! memory by players and groups, not by time; nothing is acknowledged before it is durable.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bifrost_protocol::ids::{CharacterId, Epoch, GroupName, HostId};
use tokio::sync::{Notify, mpsc};
use tokio_util::sync::CancellationToken;

use super::LinkId;
use super::command::StoreWrite;
use crate::backoff::Backoff;
use crate::bounds::standing::{HostStanding, Standing};
use crate::store::{JournalEntry, LeaseRow, SessionRow, Store, StoreError};

/// Everything of a group up to a sequence is durable.
pub type Durable = (LinkId, GroupName, Epoch, u64);

/// What waits to be written. Newer replaces older.
#[derive(Clone, Debug, Default)]
struct Waiting {
    sessions: BTreeMap<CharacterId, SessionWrite>,
    leases: BTreeMap<GroupName, (Option<HostId>, Epoch)>,
    standings: BTreeMap<HostId, Standing>,
    acknowledgements: BTreeMap<(LinkId, GroupName), (Epoch, u64)>,
}

/// What becomes of a session's row, in this order.
#[derive(Clone, Debug, Default)]
struct SessionWrite {
    begin: Option<Box<SessionRow>>,
    update: Option<(Epoch, u64, Vec<u8>)>,
    end: bool,
}

/// Where writes are put. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    waiting: Arc<Mutex<Waiting>>,
    wake: Arc<Notify>,
}

impl Journal {
    /// Puts a write to the others that wait.
    pub fn put(&self, write: StoreWrite) {
        self.lock().put(write);
        self.wake.notify_one();
    }

    /// Writes until `token` is cancelled and nothing waits any more, or `grace` after that. Reports what is durable.
    pub async fn run(self, store: Store, durable: mpsc::Sender<Durable>, token: CancellationToken, grace: Duration) {
        let mut backoff = Backoff::new(FIRST_RETRY, LAST_RETRY);
        loop {
            let stopping = token.is_cancelled();
            if self.is_empty() {
                if stopping {
                    return;
                }
                tokio::select! {
                    biased;
                    () = self.wake.notified() => {}
                    () = token.cancelled() => {}
                }
                continue;
            }
            let batch = std::mem::take(&mut *self.lock());
            let written = write(&store, &batch).await;
            match written {
                Ok(()) => {
                    backoff.succeeded();
                    for ((link, group), (epoch, sequence)) in batch.acknowledgements {
                        if durable.send((link, group, epoch, sequence)).await.is_err() {
                            break;
                        }
                    }
                }
                Err(error) => {
                    let wait = backoff.next_wait();
                    tracing::warn!(%error, ?wait, "store does not take the journal; nothing is acknowledged until it does");
                    metrics::counter!("bifrost_journal_failures_total").increment(1);
                    self.lock().put_back(batch);
                    if stopping && wait > grace {
                        return;
                    }
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    fn is_empty(&self) -> bool {
        let waiting = self.lock();
        waiting.sessions.is_empty()
            && waiting.leases.is_empty()
            && waiting.standings.is_empty()
            && waiting.acknowledgements.is_empty()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Waiting> {
        // A panic elsewhere cannot leave it half written: every change is one insertion.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn put(&mut self, write: StoreWrite) {
        match write {
            StoreWrite::Begin(row) => {
                let character = row.character;
                self.sessions.insert(character, SessionWrite { begin: Some(row), update: None, end: false });
            }
            StoreWrite::Journal { link, group, epoch, sequence, updates } => {
                for (character, update) in updates {
                    self.sessions.entry(character).or_default().update = Some((epoch, sequence, update));
                }
                self.acknowledgements.insert((link, group), (epoch, sequence));
            }
            StoreWrite::End(character) => {
                self.sessions.insert(character, SessionWrite { begin: None, update: None, end: true });
            }
            StoreWrite::Lease(group, host, epoch) => {
                self.leases.insert(group, (host, epoch));
            }
            StoreWrite::Standing(row) => {
                self.standings.insert(row.host, row.standing);
            }
        }
    }

    /// Puts a batch back that was not written; what came meanwhile is newer.
    fn put_back(&mut self, batch: Self) {
        for (character, older) in batch.sessions {
            let newer = self.sessions.entry(character).or_default();
            if newer.begin.is_none() && !newer.end {
                let update = newer.update.take().or(older.update);
                *newer = SessionWrite { begin: older.begin, update, end: older.end };
            }
        }
        for (group, older) in batch.leases {
            self.leases.entry(group).or_insert(older);
        }
        for (host, older) in batch.standings {
            self.standings.entry(host).or_insert(older);
        }
        for (key, older) in batch.acknowledgements {
            self.acknowledgements.entry(key).or_insert(older);
        }
    }
}

async fn write(store: &Store, batch: &Waiting) -> Result<(), StoreError> {
    for (group, (host, epoch)) in &batch.leases {
        let row = LeaseRow { group: group.clone(), host: host.clone(), epoch: *epoch };
        match store.save_lease(&row).await {
            // The store has a newer epoch: this coordinator's word is not the last one any more.
            Err(StoreError::Conflict { .. }) => tracing::error!(%group, %epoch, "lease in the store is newer"),
            other => other?,
        }
    }
    for (host, standing) in &batch.standings {
        store.save_standing(&HostStanding { host: host.clone(), standing: standing.clone() }).await?;
    }
    let mut updates: Vec<JournalEntry> = Vec::new();
    for (character, session) in &batch.sessions {
        if session.end {
            store.end_session(*character).await?;
        }
        if let Some(row) = &session.begin {
            store.begin_session(row).await?;
        }
        if let Some((epoch, sequence, update)) = &session.update {
            updates.push((*character, *epoch, *sequence, update.clone()));
        }
    }
    store.journal(&updates).await
}

/// First and longest wait after the store failed.
const FIRST_RETRY: Duration = Duration::from_millis(100);
const LAST_RETRY: Duration = Duration::from_secs(2);

#[cfg(test)]
mod tests {
    use bifrost_protocol::Secret;
    use bifrost_protocol::ids::AccountId;

    use super::*;

    const CHARACTER: CharacterId = CharacterId(7);

    fn row() -> SessionRow {
        SessionRow {
            character: CHARACTER,
            account: AccountId(1),
            group: GroupName("fields".into()),
            login_id1: Secret::new(1),
            login_id2: Secret::new(2),
            sex: 1,
            group_id: 0,
            image: vec![9; 16],
            update: None,
            epoch: Epoch(0),
            sequence: 0,
        }
    }

    fn state(sequence: u64) -> StoreWrite {
        StoreWrite::Journal {
            link: LinkId(1),
            group: GroupName("fields".into()),
            epoch: Epoch(3),
            sequence,
            updates: vec![(CHARACTER, vec![u8::try_from(sequence).expect("small")])],
        }
    }

    async fn store(folder: &tempfile::TempDir) -> Store {
        let path = folder.path().join("journal.db");
        Store::open(&format!("sqlite:{}", path.display())).await.expect("a store")
    }

    #[tokio::test]
    async fn what_is_reported_durable_is_in_the_store() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = store(&folder).await;
        let (journal, token) = (Journal::default(), CancellationToken::new());
        let (durable_to, mut durable) = mpsc::channel(8);
        journal.put(StoreWrite::Begin(Box::new(row())));
        journal.put(state(1));
        let grace = Duration::from_secs(1);
        let writer = tokio::task::spawn(journal.clone().run(store.clone(), durable_to, token.clone(), grace));
        let (.., sequence) = durable.recv().await.expect("acknowledged");
        let kept = store.load_sessions().await.expect("rows");
        assert_eq!((sequence, kept[0].update.as_deref()), (1, Some(&[1][..])));
        journal.put(state(2));
        journal.put(StoreWrite::End(CHARACTER));
        token.cancel();
        writer.await.expect("no panic");
        assert_eq!(store.load_sessions().await.expect("rows").len(), 0, "what waited was written before the end");
    }

    #[test]
    fn a_batch_that_failed_does_not_replace_what_came_after_it() {
        let mut waiting = Waiting::default();
        waiting.put(StoreWrite::Begin(Box::new(row())));
        waiting.put(state(1));
        let failed = std::mem::take(&mut waiting);
        waiting.put(state(2));
        waiting.put_back(failed);
        let kept = &waiting.sessions[&CHARACTER];
        assert!(kept.begin.is_some(), "the session still has to begin");
        assert_eq!(kept.update.as_ref().map(|(_, sequence, _)| *sequence), Some(2));
        assert_eq!(waiting.acknowledgements.values().next(), Some(&(Epoch(3), 2)));
        let failed = std::mem::take(&mut waiting);
        waiting.put(StoreWrite::End(CHARACTER));
        waiting.put_back(failed);
        assert!(waiting.sessions[&CHARACTER].end && waiting.sessions[&CHARACTER].begin.is_none());
    }

    #[test]
    fn memory_grows_with_players_not_with_time() {
        let mut waiting = Waiting::default();
        (1..=200).for_each(|sequence| waiting.put(state(sequence)));
        assert_eq!((waiting.sessions.len(), waiting.acknowledgements.len()), (1, 1));
    }
}
