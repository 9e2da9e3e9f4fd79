//! What the machine is busy with, as far as this system tells. What it does not tell is none, and breaks no rule.

#[cfg_attr(target_os = "linux", path = "machine/linux.rs")]
#[cfg_attr(windows, path = "machine/windows.rs")]
#[cfg_attr(not(any(target_os = "linux", windows)), path = "machine/other.rs")]
mod desktop;

use std::sync::Arc;

use bifrost_node::Processor;
use sysinfo::{MemoryRefreshKind, Pid, ProcessRefreshKind, ProcessesToUpdate, RefreshKind, System};
use tokio::sync::Mutex;

use crate::manners::Machine;

use desktop::Desktop;

/// Stock map-servers run under this name.
const ENGINE: &str = "map-server";
/// Most generations between a program and the launcher that started it.
const GENERATIONS: usize = 16;

/// The window that has the keyboard.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Front {
    /// Whether it fills the screen.
    full_screen: bool,
    /// Whose it is, where that is known.
    process: Option<u32>,
}

/// Looks at the machine. Use of the processor counts from one look to the next.
#[derive(Debug, Default)]
pub(super) struct Sampler {
    system: Option<System>,
    processor: Processor,
    desktop: Desktop,
}

impl Sampler {
    /// A look, off the async threads. Nothing is known while an earlier one hangs, as it does with a display that does.
    pub(super) async fn sample(sampler: Arc<Mutex<Self>>) -> Machine {
        let Ok(mut sampler) = sampler.try_lock_owned() else { return Machine::default() };
        tokio::task::spawn_blocking(move || sampler.look()).await.unwrap_or_default()
    }

    fn look(&mut self) -> Machine {
        let first = self.system.is_none();
        let system = match &mut self.system {
            Some(system) => system,
            none @ None => {
                let kinds = RefreshKind::nothing().with_memory(MemoryRefreshKind::nothing().with_ram());
                let Ok(system) = System::new_with_specifics(kinds) else { return Machine::default() };
                none.insert(system)
            }
        };
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        let kinds = ProcessRefreshKind::nothing().with_cpu().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, kinds);
        let own = own_cpu(system);
        let all = self.processor.busy() * 100.0;
        let front = self.desktop.front();
        let is_other =
            |front: Front| front.full_screen && !front.process.is_some_and(|process| is_ours(system, process));
        Machine {
            on_battery: Desktop::on_battery(),
            full_screen: front.map(is_other),
            // A first look has nothing to compare with. Saturates within 0 to 100.
            other_cpu_percent: (!first).then_some((all - own).clamp(0.0, 100.0) as u8),
            free_memory_mib: Some(u32::try_from(system.available_memory() / (1024 * 1024)).unwrap_or(u32::MAX)),
            metered: self.desktop.metered(),
        }
    }
}

/// Use of the whole processor by this program, in percent: the node and its engines are no reason to pause the node.
fn own_cpu(system: &System) -> f32 {
    let Ok(own) = sysinfo::get_current_pid() else { return 0.0 };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    #[expect(clippy::cast_precision_loss, reason = "some dozens at most")]
    let cores = cores as f32;
    let is_engine = |process: &sysinfo::Process| {
        process.parent() == Some(own) && process.name().to_string_lossy().starts_with(ENGINE)
    };
    let ours = system.processes().iter().filter(|(pid, process)| **pid == own || is_engine(process));
    ours.map(|(_, process)| process.cpu_usage()).sum::<f32>() / cores
}

/// Whether a process is the launcher, or the game that it started.
fn is_ours(system: &System, process: u32) -> bool {
    let Ok(own) = sysinfo::get_current_pid() else { return false };
    let parent = |pid: &Pid| system.process(*pid)?.parent();
    std::iter::successors(Some(Pid::from_u32(process)), parent).take(GENERATIONS).any(|pid| pid == own)
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

    #[tokio::test]
    async fn a_look_that_hangs_holds_nobody_up() {
        let sampler = Arc::<Mutex<Sampler>>::default();
        let _hangs = sampler.lock().await;
        assert_eq!(Sampler::sample(Arc::clone(&sampler)).await, Machine::default());
    }

    #[cfg(unix)]
    #[test]
    fn what_the_launcher_started_is_ours_and_what_started_it_is_not() {
        let mut game = std::process::Command::new("sleep").arg("600").spawn().expect("started");
        let mut system = System::new().expect("a system");
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, ProcessRefreshKind::nothing().without_tasks());
        let parent = std::os::unix::process::parent_id();
        let ours = [game.id(), std::process::id(), parent, 1].map(|process| is_ours(&system, process));
        game.kill().and_then(|()| game.wait()).expect("ended");
        assert_eq!(ours, [true, true, false, false]);
    }
}
