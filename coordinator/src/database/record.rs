//! What each host has asked so far: for metrics and for the operator.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bifrost_protocol::ids::HostId;
use metrics::{Counter, Histogram};

use super::refused::{RefusedStatement, RefusedStatements};
use crate::telemetry::SECONDS;

/// Hosts of which something is remembered.
const MAX_HOSTS: usize = 4_096;

/// What became of a statement.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Outcome {
    /// Answered by the coordinator.
    Local,
    /// Answered by the database.
    Passed,
    /// Refused: by the policy, or because the host wanted too much.
    Refused,
    /// The host is not to blame: mostly a database that is away.
    Failed,
}

impl Outcome {
    const ALL: [(Self, &'static str); 4] =
        [(Self::Local, "local"), (Self::Passed, "passed"), (Self::Refused, "refused"), (Self::Failed, "failed")];
}

/// What one host has asked.
#[derive(Debug)]
pub(super) struct HostRecord {
    outcomes: [(AtomicU64, Counter); 4],
    rows: AtomicU64,
    bytes: AtomicU64,
    /// How many answers took so long, by [`SECONDS`]; the last is for all that took longer.
    waits: [AtomicU64; SECONDS.len() + 1],
    seconds: Histogram,
    refused: RefusedStatements,
}

/// Numbers of one host.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct HostNumbers {
    /// Statements the coordinator answered.
    pub local: u64,
    /// Statements the database answered.
    pub passed: u64,
    /// Statements that were refused.
    pub refused: u64,
    /// Statements that got an error for which the host is not to blame.
    pub failed: u64,
    /// Rows of all answers.
    pub rows: u64,
    /// Bytes of all statements.
    pub bytes: u64,
    /// How many answers took so long, by [`SECONDS`]; the last is for all that took longer.
    pub waits: Vec<u64>,
    /// The last statements that were refused, oldest first.
    pub last_refused: Vec<RefusedStatement>,
}

/// All hosts.
#[derive(Debug, Default)]
pub(super) struct Records {
    hosts: Mutex<BTreeMap<HostId, Arc<HostRecord>>>,
}

impl Records {
    /// What is known of a host, for who adds to it.
    pub(super) fn of(&self, host: &HostId) -> Arc<HostRecord> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = hosts.get(host) {
            return Arc::clone(known);
        }
        if hosts.len() >= MAX_HOSTS {
            let idle = hosts.iter().find(|(_, record)| Arc::strong_count(record) == 1).map(|(host, _)| host.clone());
            idle.and_then(|host| hosts.remove(&host));
        }
        let new = Arc::new(HostRecord::new(host));
        if hosts.len() < MAX_HOSTS {
            hosts.insert(host.clone(), Arc::clone(&new));
        }
        new
    }

    /// The numbers of all hosts.
    pub(super) fn numbers(&self) -> BTreeMap<HostId, HostNumbers> {
        let hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        hosts.iter().map(|(host, record)| (host.clone(), record.numbers())).collect()
    }
}

impl HostRecord {
    fn new(host: &HostId) -> Self {
        let counter = |(_, action): (Outcome, &'static str)| metrics::counter!("bifrost_database_statements_total", "host" => host.0.clone(), "action" => action);
        Self {
            outcomes: Outcome::ALL.map(|outcome| (AtomicU64::new(0), counter(outcome))),
            rows: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            waits: Default::default(),
            seconds: metrics::histogram!("bifrost_database_seconds", "host" => host.0.clone()),
            refused: RefusedStatements::default(),
        }
    }

    /// Counts a statement.
    pub(super) fn count(&self, outcome: Outcome) {
        let (number, counter) = &self.outcomes[outcome as usize];
        number.fetch_add(1, Ordering::Relaxed);
        counter.increment(1);
    }

    /// Counts the bytes of a statement.
    pub(super) fn asked(&self, bytes: usize) {
        self.bytes.fetch_add(bytes.try_into().unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Counts the rows of an answer.
    pub(super) fn given(&self, rows: u64) {
        self.rows.fetch_add(rows, Ordering::Relaxed);
    }

    /// Counts how long an answer took.
    pub(super) fn took(&self, time: Duration) {
        let seconds = time.as_secs_f64();
        self.seconds.record(seconds);
        let slot = SECONDS.iter().position(|bound| seconds <= *bound).unwrap_or(SECONDS.len());
        self.waits[slot].fetch_add(1, Ordering::Relaxed);
    }

    /// Remembers a refused statement.
    pub(super) fn refuse(&self, class: &'static str, reason: String, statement: &[u8]) {
        self.refused.add(class, reason, statement);
    }

    fn numbers(&self) -> HostNumbers {
        let read = |number: &AtomicU64| number.load(Ordering::Relaxed);
        let [local, passed, refused, failed] = self.outcomes.each_ref().map(|(number, _)| read(number));
        HostNumbers {
            local,
            passed,
            refused,
            failed,
            rows: read(&self.rows),
            bytes: read(&self.bytes),
            waits: self.waits.iter().map(read).collect(),
            last_refused: self.refused.list(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_that_are_gone_make_room() {
        let records = Records::default();
        let here = records.of(&HostId("here".into()));
        here.count(Outcome::Refused);
        for number in 0..MAX_HOSTS + 10 {
            records.of(&HostId(format!("host-{number}")));
        }
        let numbers = records.numbers();
        assert_eq!(numbers.len(), MAX_HOSTS);
        assert_eq!(numbers[&HostId("here".into())].refused, 1);
    }

    #[test]
    fn an_answer_is_counted_by_how_long_it_took() {
        let record = HostRecord::new(&HostId("host".into()));
        for micros in [1, 500, 501, 60_000_000] {
            record.took(Duration::from_micros(micros));
        }
        let waits = record.numbers().waits;
        assert_eq!((waits[0], waits[1], waits[SECONDS.len()], waits.iter().sum::<u64>()), (2, 1, 1, 4));
    }
}
