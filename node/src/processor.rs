//! How busy the whole processor is.
//!
//! Windows is asked itself: the performance counters that `sysinfo` reads there are missing on some machines, and under wine
//! asking for them ends the program.

#[cfg_attr(windows, path = "processor/windows.rs")]
#[cfg_attr(not(windows), path = "processor/other.rs")]
mod system;

/// Looks at the processor now and then. Looking may block.
#[derive(Debug, Default)]
pub struct Processor(system::Look);

impl Processor {
    /// The share of it that was in use since the look before, 0 to 1; 0 at the first look, and where the system does not tell.
    pub fn busy(&mut self) -> f32 {
        self.0.busy().unwrap_or_default().clamp(0.0, 1.0)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn work_shows_from_the_second_look_on() {
        let mut processor = Processor::default();
        processor.busy();
        let began = Instant::now();
        let mut work = 0_u64;
        while began.elapsed() < Duration::from_millis(500) {
            work = std::hint::black_box(work.wrapping_mul(31).wrapping_add(7));
        }
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let busy = processor.busy();
        assert!(busy > 0.3 / cores as f32 && busy <= 1.0, "{busy}");
    }
}
