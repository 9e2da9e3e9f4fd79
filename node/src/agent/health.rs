//! How the machine is: sampled once a second by a task of its own, read by every beat.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use sysinfo::{MemoryRefreshKind, RefreshKind, System};
use tokio_util::sync::CancellationToken;

use crate::processor::Processor;

/// Time between samples. CPU use is the share of this time.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(1);

/// The last sample.
#[derive(Debug, Default)]
pub(crate) struct Health {
    cpu_permille: AtomicU32,
    memory_free_mib: AtomicU64,
}

/// What is kept from one sample to the next.
#[derive(Debug, Default)]
struct Looks {
    processor: Processor,
    system: Option<System>,
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
        let mut looks = Looks::default();
        loop {
            let health = Arc::clone(&self);
            looks = tokio::task::spawn_blocking(move || health.take(looks)).await.unwrap_or_default();
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                () = tokio::time::sleep(SAMPLE_INTERVAL) => {}
            }
        }
    }

    fn take(&self, mut looks: Looks) -> Looks {
        // A share from 0 to 1, so the number fits whatever the rounding.
        self.cpu_permille.store((looks.processor.busy() * 1000.0) as u32, Ordering::Relaxed);
        let memory = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
        if looks.system.is_none() {
            looks.system = System::new_with_specifics(memory).ok();
        }
        if let Some(system) = &mut looks.system {
            system.refresh_specifics(memory);
            self.memory_free_mib.store(system.available_memory() / (1024 * 1024), Ordering::Relaxed);
        }
        looks
    }
}
