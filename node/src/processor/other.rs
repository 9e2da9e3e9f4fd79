//! Other systems: what `sysinfo` reads.

use sysinfo::{CpuRefreshKind, RefreshKind, System};

#[derive(Debug, Default)]
pub(super) struct Look(Option<System>);

impl Look {
    pub(super) fn busy(&mut self) -> Option<f32> {
        let cpu = RefreshKind::nothing().with_cpu(CpuRefreshKind::nothing().with_usage());
        match &mut self.0 {
            Some(system) => {
                system.refresh_cpu_usage();
                Some(system.global_cpu_usage() / 100.0)
            }
            none @ None => {
                *none = System::new_with_specifics(cpu).ok();
                None
            }
        }
    }
}
