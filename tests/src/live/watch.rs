//! What is looked at all the time while players play: the hosts' connections, and what the coordinator says of itself.

use std::collections::BTreeMap;
use std::time::Duration;

use super::sockets::{self, Foreign};
use super::stage::Stage;
use crate::harness::{Failover, cpu_time};

/// Gains beyond bounds, by rule.
const BOUNDS: &str = "bifrost_bounds_total";

/// Counts of bytes of saves between node and coordinator.
const SAVE_BYTES: &str = "bifrost_save_bytes";

/// Seconds that engines took to start.
const ENGINE_START: &str = "bifrost_engine_start_seconds";

/// What was seen.
#[derive(Debug)]
pub(super) struct Watch {
    foreign: Foreign,
    isolated: bool,
    unroutable_before: u64,
    /// Changes of hosts that are over, by all that is known of them.
    failovers: BTreeMap<String, Failover>,
    metrics: String,
    /// When the coordinator's CPU time began to be counted, and what it was then.
    cpu_from: Option<(Duration, Duration)>,
    unanswered: u32,
}

impl Watch {
    /// Begins to look.
    pub(super) fn new() -> Self {
        Self {
            foreign: Foreign::default(),
            isolated: sockets::is_isolated(),
            unroutable_before: sockets::unroutable(),
            failovers: BTreeMap::new(),
            metrics: String::new(),
            cpu_from: None,
            unanswered: 0,
        }
    }

    /// Looks at connections.
    pub(super) fn look(&mut self, stage: &Stage) {
        self.foreign.look(&stage.host_processes());
    }

    /// Asks the coordinator. One that does not answer is counted: whether that cost anything, the players will show.
    pub(super) async fn ask(&mut self, stage: &Stage) {
        let client = &stage.realm.status;
        let (Ok(status), Ok(metrics)) = tokio::join!(client.get(), client.text("/metrics")) else {
            self.unanswered += 1;
            return;
        };
        for failover in status.failovers.into_iter().filter(|failover| failover.done) {
            self.failovers.insert(format!("{failover:?}"), failover);
        }
        self.metrics = metrics;
    }

    /// How often the coordinator did not answer.
    pub(super) fn unanswered(&self) -> u32 {
        self.unanswered
    }

    /// Connections to elsewhere.
    pub(super) fn foreign(&self) -> impl Iterator<Item = String> {
        let attempts = self.attempts();
        let counted = (attempts > 0).then(|| format!("{attempts} attempts, by whomever, to leave this network"));
        self.foreign.found().chain(counted)
    }

    /// How many.
    pub(super) fn foreign_count(&self) -> usize {
        self.foreign.len() + usize::try_from(self.attempts()).unwrap_or(usize::MAX)
    }

    /// In a network of our own, every attempt to leave it since the beginning; elsewhere they cannot be told from others'.
    fn attempts(&self) -> u64 {
        if self.isolated { sockets::unroutable() - self.unroutable_before } else { 0 }
    }

    /// How often connections were looked at.
    pub(super) fn looks(&self) -> u64 {
        self.foreign.looks()
    }

    /// Whether this network has nothing but loopback.
    pub(super) fn is_isolated(&self) -> bool {
        self.isolated
    }

    /// Changes of hosts that nobody was struck for.
    pub(super) fn rebalances(&self) -> usize {
        self.failovers.values().filter(|failover| failover.cause == "rebalance").count()
    }

    /// The silence before each lost host was given up.
    pub(super) fn detect_ms(&self) -> impl Iterator<Item = f64> {
        let lost = self.failovers.values().filter(|failover| failover.cause == "host_lost");
        lost.flat_map(|failover| &failover.steps).filter(|step| step.name == "detect").filter_map(|step| step.ms)
    }

    /// From there to each player's redirect.
    pub(super) fn redirect_ms(&self) -> impl Iterator<Item = f64> {
        let lost = self.failovers.values().filter(|failover| failover.cause == "host_lost");
        lost.flat_map(|failover| failover.redirect_ms.iter().copied())
    }

    /// From there to each player in play again.
    pub(super) fn back_ms(&self) -> impl Iterator<Item = f64> {
        let lost = self.failovers.values().filter(|failover| failover.cause == "host_lost");
        lost.flat_map(|failover| failover.back_ms.iter().copied())
    }

    /// Players that did not come back, and why.
    pub(super) fn missing(&self) -> impl Iterator<Item = String> {
        self.failovers.values().flat_map(|failover| failover.missing.iter().cloned())
    }

    /// Bytes of a save, averaged.
    pub(super) fn save_bytes_mean(&self) -> Option<f64> {
        mean(&self.metrics, SAVE_BYTES).map(|bytes| (bytes * 10.0).round() / 10.0)
    }

    /// Gains that the coordinator says no map can have given.
    pub(super) fn bounds_findings(&self) -> f64 {
        total(&self.metrics, BOUNDS, "").unwrap_or_default()
    }

    /// Milliseconds from asking for an engine to its taking players, averaged.
    pub(super) fn engine_start_ms(&self) -> Option<f64> {
        mean(&self.metrics, ENGINE_START).map(|seconds| (seconds * 1e3).round())
    }

    /// Begins to count what the coordinator's process costs.
    pub(super) fn count_cpu(&mut self, stage: &Stage) {
        let used = stage.realm.coordinator.id().and_then(|process| cpu_time(process).ok());
        self.cpu_from = used.map(|used| (stage.courses.now(), used));
    }

    /// What part of one core the coordinator has used since, in percent.
    pub(super) fn coordinator_cpu(&self, stage: &Stage) -> Option<f64> {
        let (since, before) = self.cpu_from?;
        let used = cpu_time(stage.realm.coordinator.id()?).ok()?.saturating_sub(before);
        let passed = stage.courses.now().saturating_sub(since);
        (!passed.is_zero()).then(|| used.as_secs_f64() / passed.as_secs_f64() * 100.0)
    }
}

/// The mean of a histogram or summary in Prometheus' text, over all its labels.
fn mean(metrics: &str, name: &str) -> Option<f64> {
    let (sum, count) = (total(metrics, name, "_sum")?, total(metrics, name, "_count")?);
    (count > 0.0).then(|| sum / count)
}

/// A number in Prometheus' text, over all its labels.
fn total(metrics: &str, name: &str, suffix: &str) -> Option<f64> {
    let lines = metrics.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(suffix));
    let values = lines.filter(|rest| rest.starts_with(['{', ' '])).filter_map(|rest| rest.rsplit_once(' '));
    values.filter_map(|(_, value)| value.parse::<f64>().ok()).reduce(|all, more| all + more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_taken_over_all_labels() {
        let text = "# TYPE bifrost_save_bytes summary\nbifrost_save_bytes{quantile=\"0.5\"} 80\n\
                    bifrost_save_bytes_sum{kind=\"final\"} 300\nbifrost_save_bytes_count{kind=\"final\"} 1\n\
                    bifrost_save_bytes_sum{kind=\"auto\"} 700\nbifrost_save_bytes_count{kind=\"auto\"} 9\n\
                    bifrost_save_bytes_raw_sum 5\n";
        assert_eq!(mean(text, SAVE_BYTES), Some(100.0));
        assert_eq!(mean("", SAVE_BYTES), None);
    }

    #[test]
    fn findings_are_counted_over_all_rules() {
        let mut watch = Watch::new();
        assert!(watch.bounds_findings() == 0.0);
        watch.metrics = "bifrost_bounds_total{rule=\"zeny\"} 2\nbifrost_bounds_total{rule=\"item\"} 1\n".to_owned();
        assert!(watch.bounds_findings() == 3.0);
    }

    #[test]
    fn engine_starts_are_averaged() {
        let mut watch = Watch::new();
        assert!(watch.engine_start_ms().is_none());
        watch.metrics = "bifrost_engine_start_seconds_bucket{le=\"2\"} 1\n\
                         bifrost_engine_start_seconds_sum 3.75\nbifrost_engine_start_seconds_count 2\n"
            .to_owned();
        assert_eq!(watch.engine_start_ms(), Some(1_875.0));
    }
}
