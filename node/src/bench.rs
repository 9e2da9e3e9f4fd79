//! What the machine can do, measured once and kept for a week: cores, memory, one core's speed, and the way to the
//! coordinator. The player sees every value next to what hosting needs.

mod cpu;
mod machine;
mod network;

use bifrost_protocol::control::Benchmark;
use serde::{Deserialize, Serialize};
use tracing::{info, warn};

use crate::agent::state::{StateDir, unix_now};
use crate::config::NodeConfig;

/// How long a measurement counts, in seconds: a machine or its line seldom change within a week.
const VALID_SECONDS: u64 = 7 * 24 * 3_600;
const FILE: &str = "benchmark.json";

/// A finished measurement as it is kept.
#[derive(Debug, Deserialize, Serialize)]
struct Stored {
    coordinator: String,
    measured_at: u64,
    cores: u32,
    memory_mib: u64,
    cpu_score: u32,
    round_trip_us: u32,
    upload_kbps: u64,
    jitter_us: u32,
}

/// The kept measurement, unless it is too old, from the future, or of the way to another coordinator.
pub(crate) fn kept(state: &StateDir, coordinator: &str) -> Option<Benchmark> {
    let stored = state.load::<Stored>(FILE)?;
    let age = unix_now().checked_sub(stored.measured_at)?;
    (age < VALID_SECONDS && stored.coordinator == coordinator).then_some(Benchmark {
        cores: stored.cores,
        memory_mib: stored.memory_mib,
        cpu_score: stored.cpu_score,
        round_trip_us: stored.round_trip_us,
        upload_kbps: stored.upload_kbps,
        jitter_us: stored.jitter_us,
    })
}

/// What this machine measured for hosting in the realm of a configuration, if it has and that still counts.
#[must_use]
pub fn last_benchmark(config: &NodeConfig) -> Option<Benchmark> {
    kept(&StateDir::open(&config.state_dir).ok()?, &config.coordinator)
}

/// What can be measured without the coordinator. Takes [`cpu::DURATION`] of one core, off the async threads.
pub(crate) async fn machine() -> Benchmark {
    tokio::task::spawn_blocking(|| machine::describe(cpu::score())).await.unwrap_or_default()
}

/// Adds the way to the coordinator over a living connection.
///
/// # Errors
/// The connection ended, or the coordinator does not answer probes.
pub(crate) async fn network(
    machine: Benchmark,
    connection: &quinn::Connection,
) -> Result<Benchmark, network::ProbeError> {
    let round_trip = network::round_trip(connection).await?;
    let upload_kbps = network::upload(connection).await?;
    info!(
        round_trip_us = round_trip.median_us,
        jitter_us = round_trip.jitter_us,
        upload_kbps,
        "way to the coordinator"
    );
    Ok(Benchmark { round_trip_us: round_trip.median_us, jitter_us: round_trip.jitter_us, upload_kbps, ..machine })
}

/// Keeps a finished measurement for the next start.
pub(crate) fn keep(state: &StateDir, coordinator: &str, benchmark: &Benchmark) {
    let stored = Stored {
        coordinator: coordinator.to_owned(),
        measured_at: unix_now(),
        cores: benchmark.cores,
        memory_mib: benchmark.memory_mib,
        cpu_score: benchmark.cpu_score,
        round_trip_us: benchmark.round_trip_us,
        upload_kbps: benchmark.upload_kbps,
        jitter_us: benchmark.jitter_us,
    };
    if let Err(error) = state.save(FILE, &stored) {
        warn!(%error, "benchmark could not be saved");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_measurement_is_kept_for_its_coordinator() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = StateDir::open(folder.path()).expect("opened");
        let benchmark = Benchmark { cores: 8, memory_mib: 16_000, cpu_score: 900, ..Benchmark::default() };
        keep(&state, "https://a", &benchmark);
        assert_eq!(kept(&state, "https://a"), Some(benchmark));
        assert_eq!(kept(&state, "https://b"), None);
    }
}
