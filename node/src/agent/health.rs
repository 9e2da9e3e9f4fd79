//! How the machine is: sampled once a second by a task of its own, read by every beat.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind, System};
use tokio_util::sync::CancellationToken;

/// Time between samples. CPU use is the share of this time.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);

/// The last sample.
#[derive(Debug, Default)]
pub(crate) struct Health {
    cpu_permille: AtomicU32,
    memory_free_mib: AtomicU64,
}

impl Health {
    /// CPU of the whole machine, in thousandths.
    pub(crate) fn cpu_permille(&self) -> u32 {
        self.cpu_permille.load(Ordering::Relaxed)
    }

    /// Memory that programs could still get, in MiB.
    pub(crate) fn memory_free_mib(&self) -> u64 {
        self.memory_free_mib.load(Ordering::Relaxed)
    }

    /// Samples until stopped. Reading the system's files may block, so it happens off the async threads.
    pub(crate) async fn sample(self: Arc<Self>, stop: CancellationToken) {
        let mut system = None;
        loop {
            let health = Arc::clone(&self);
            system = tokio::task::spawn_blocking(move || health.take(system)).await.unwrap_or_default();
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(SAMPLE_INTERVAL) => {}
            }
        }
    }

    fn take(&self, system: Option<System>) -> Option<System> {
        let cpu = CpuRefreshKind::nothing().with_usage();
        let memory = MemoryRefreshKind::nothing().with_ram();
        let kinds = RefreshKind::nothing().with_cpu(cpu).with_memory(memory);
        let mut system = system.or_else(|| System::new_with_specifics(kinds).ok())?;
        system.refresh_specifics(kinds);
        // A share from 0 to 100, so the number fits whatever the rounding.
        self.cpu_permille.store((system.global_cpu_usage().clamp(0.0, 100.0) * 10.0) as u32, Ordering::Relaxed);
        self.memory_free_mib.store(system.available_memory() / (1024 * 1024), Ordering::Relaxed);
        Some(system)
    }
}
