//! What the machine is busy with, as far as this system tells. What it does not tell is none, and breaks no rule.

use std::sync::Arc;

use sysinfo::{CpuRefreshKind, MemoryRefreshKind, ProcessRefreshKind, ProcessesToUpdate, RefreshKind, System};
use tokio::sync::Mutex;

use crate::manners::Machine;

/// Looks at the machine. Use of the processor counts from one look to the next.
#[derive(Debug, Default)]
pub(super) struct Sampler {
    system: Option<System>,
}

impl Sampler {
    /// A look, off the async threads.
    pub(super) async fn sample(sampler: Arc<Mutex<Self>>) -> Machine {
        let mut sampler = sampler.lock_owned().await;
        tokio::task::spawn_blocking(move || sampler.look()).await.unwrap_or_default()
    }

    fn look(&mut self) -> Machine {
        let first = self.system.is_none();
        let system = match &mut self.system {
            Some(system) => system,
            none @ None => {
                let kinds = RefreshKind::nothing()
                    .with_cpu(CpuRefreshKind::nothing().with_usage())
                    .with_memory(MemoryRefreshKind::nothing().with_ram());
                let Ok(system) = System::new_with_specifics(kinds) else { return Machine::default() };
                none.insert(system)
            }
        };
        system.refresh_cpu_usage();
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        let own = own_cpu(system);
        let all = system.global_cpu_usage();
        Machine {
            on_battery: on_battery(),
            full_screen: None,
            // A first look has nothing to compare with. Saturates within 0 to 100.
            other_cpu_percent: (!first).then_some((all - own).clamp(0.0, 100.0) as u8),
            free_memory_mib: Some(u32::try_from(system.available_memory() / (1024 * 1024)).unwrap_or(u32::MAX)),
            metered: None,
        }
    }
}

/// Use of the whole processor by this program, in percent: the node and its engines are no reason to pause the node.
fn own_cpu(system: &mut System) -> f32 {
    let Ok(own) = sysinfo::get_current_pid() else { return 0.0 };
    let kinds = ProcessRefreshKind::nothing().with_cpu();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[own]), true, kinds);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    #[expect(clippy::cast_precision_loss, reason = "some dozens at most")]
    let cores = cores as f32;
    system.process(own).map_or(0.0, |process| process.cpu_usage() / cores)
}

/// Linux: mains adapters and batteries stand in sysfs. A PC without a battery is on mains.
#[cfg(target_os = "linux")]
fn on_battery() -> Option<bool> {
    let supplies = std::fs::read_dir("/sys/class/power_supply").ok()?;
    let read = |supply: &std::fs::DirEntry, file: &str| {
        std::fs::read_to_string(supply.path().join(file)).map(|text| text.trim().to_owned()).unwrap_or_default()
    };
    Some(supplies.flatten().any(|supply| {
        let system_battery = read(&supply, "type") == "Battery" && read(&supply, "scope") != "Device";
        system_battery && read(&supply, "status") == "Discharging"
    }))
}

#[cfg(not(target_os = "linux"))]
fn on_battery() -> Option<bool> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn memory_is_known_at_once_and_the_processor_from_the_second_look_on() {
        let sampler = Arc::<Mutex<Sampler>>::default();
        let first = Sampler::sample(Arc::clone(&sampler)).await;
        assert!(first.free_memory_mib.is_some_and(|free| free > 0) && first.other_cpu_percent.is_none());
        assert!(Sampler::sample(sampler).await.other_cpu_percent.is_some());
    }
}
