//! Cores and memory.

use bifrost_protocol::control::Benchmark;
use sysinfo::{MemoryRefreshKind, RefreshKind, System};

/// The machine next to its score.
pub(super) fn describe(cpu_score: u32) -> Benchmark {
    let refresh = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
    // Where the system does not say, 0: not eligible until it does.
    let memory = System::new_with_specifics(refresh).map_or(0, |system| system.total_memory());
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Benchmark {
        cores: u32::try_from(cores).unwrap_or(u32::MAX),
        memory_mib: memory / (1024 * 1024),
        cpu_score,
        ..Benchmark::default()
    }
}
