//! Whether a machine may host: six criteria, each with its value and threshold, so that people see what is missing.

use bifrost_protocol::control::Benchmark;
use serde::Serialize;

use crate::config::Eligibility;

/// One criterion, measured against its threshold.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Criterion {
    /// `cores`, `memory`, `latency`, `stability`, `upload`, `uptime`; `standing` while there is a quarantine.
    pub name: &'static str,
    /// Measured.
    pub value: f64,
    /// Needed: a minimum, for latency and stability a maximum.
    pub threshold: f64,
    /// Of both.
    pub unit: &'static str,
    /// Whether the machine meets it.
    pub met: bool,
}

impl Criterion {
    fn at_least(name: &'static str, unit: &'static str, value: f64, threshold: f64) -> Self {
        Self { name, value, threshold, unit, met: value >= threshold }
    }

    fn at_most(name: &'static str, unit: &'static str, value: f64, threshold: f64) -> Self {
        Self { name, value, threshold, unit, met: value <= threshold }
    }

    /// A quarantine with so many seconds left. Without one nothing is said of standing.
    pub(crate) fn quarantine(seconds: u64) -> Self {
        #[expect(clippy::cast_precision_loss, reason = "shown to people")]
        let minutes = (seconds as f64 / 60.0).ceil();
        Self::at_most("standing", "minutes of quarantine", minutes, 0.0)
    }

    /// One plain sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Self { name, value, threshold, unit, .. } = self;
        if *name == "standing" {
            return format!("standing: no maps for {value:.0} minutes, because of what this host gave its players");
        }
        let word = if matches!(*name, "latency" | "stability") { "at most" } else { "at least" };
        format!("{name}: {value:.0} {unit}, needs {word} {threshold:.0}")
    }
}

/// Holds a machine against the thresholds. Without a benchmark nothing is met but uptime.
#[must_use]
pub fn judge(needs: &Eligibility, benchmark: Option<&Benchmark>, uptime_seconds: u64) -> Vec<Criterion> {
    let none = Benchmark { round_trip_us: u32::MAX, jitter_us: u32::MAX, ..Benchmark::default() };
    let measured = benchmark.unwrap_or(&none);
    let ms = |micros: u32| f64::from(micros) / 1e3;
    #[expect(clippy::cast_precision_loss, reason = "shown to people")]
    let (memory, upload, uptime, memory_needed) = (
        measured.memory_mib as f64,
        measured.upload_kbps as f64 / 1e3,
        uptime_seconds as f64 / 60.0,
        needs.memory_mib as f64,
    );
    vec![
        Criterion::at_least("cores", "cores", f64::from(measured.cores), f64::from(needs.cores)),
        Criterion::at_least("memory", "MiB", memory, memory_needed),
        Criterion::at_most("latency", "ms", ms(measured.round_trip_us), f64::from(needs.latency_ms)),
        Criterion::at_most("stability", "ms jitter", ms(measured.jitter_us), f64::from(needs.jitter_ms)),
        Criterion::at_least("upload", "Mbit/s", upload, f64::from(needs.upload_mbps)),
        Criterion::at_least("uptime", "minutes", uptime, f64::from(needs.uptime_minutes)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unmet(benchmark: Option<&Benchmark>, uptime: u64) -> Vec<&'static str> {
        let all = judge(&Eligibility::default(), benchmark, uptime);
        all.into_iter().filter(|criterion| !criterion.met).map(|criterion| criterion.name).collect()
    }

    fn good() -> Benchmark {
        Benchmark {
            cores: 4,
            memory_mib: 8_000,
            cpu_score: 1_000,
            round_trip_us: 99_000,
            upload_kbps: 10_000,
            jitter_us: 4_000,
        }
    }

    #[test]
    fn a_machine_at_the_thresholds_is_eligible() {
        assert_eq!(unmet(Some(&good()), 1_800), Vec::<&str>::new());
    }

    #[test]
    fn each_criterion_can_fail_alone() {
        assert_eq!(unmet(Some(&Benchmark { cores: 3, ..good() }), 1_800), ["cores"]);
        assert_eq!(unmet(Some(&Benchmark { upload_kbps: 9_000, ..good() }), 1_800), ["upload"]);
        assert_eq!(unmet(Some(&Benchmark { round_trip_us: 101_000, ..good() }), 1_800), ["latency"]);
        assert_eq!(unmet(Some(&good()), 60), ["uptime"]);
    }

    #[test]
    fn a_machine_that_measured_nothing_is_not_eligible() {
        assert_eq!(unmet(None, 9_000), ["cores", "memory", "latency", "stability", "upload"]);
    }
}
