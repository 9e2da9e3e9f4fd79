//! The benchmark against what the realm asks for.

use serde::Serialize;

/// Six bars, or why there are none yet.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct MyPc {
    /// How far measuring is.
    pub measured: Measured,
    /// What is known, in the realm's order; empty before the first measurement.
    pub criteria: Vec<Criterion>,
}

/// How far measuring is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "measured", rename_all = "snake_case")]
pub enum Measured {
    /// Never.
    NotYet,
    /// It is under way.
    Measuring {
        /// What is measured now.
        step: BenchStep,
    },
    /// Done, and confirmed by the realm.
    Done,
}

/// The steps of a measurement, in their order.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum BenchStep {
    /// Cores, memory, speed.
    Machine,
    /// Round trip, its steadiness, upload.
    Network,
    /// The realm looks at the result.
    Confirming,
}

/// One thing a host needs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Criterion {
    /// Which; its unit goes with it: cores, MiB, ms, ms, Mbit/s, minutes.
    pub name: CriterionName,
    /// Measured; none when it is not yet.
    pub value: Option<f64>,
    /// Needed.
    pub threshold: f64,
    /// Whether less is better.
    pub at_most: bool,
    /// Whether it is enough.
    pub met: bool,
    /// What would help.
    pub help: Help,
}

/// The six criteria, and what is held against a host.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum CriterionName {
    /// Logical cores.
    Cores,
    /// MiB.
    Memory,
    /// Round trip, ms.
    Latency,
    /// How much the round trip varies, ms.
    Stability,
    /// Mbit/s.
    Upload,
    /// Minutes since hosting was switched on.
    Uptime,
    /// Minutes of quarantine that are left, while there is one.
    Standing,
}

/// What would help a criterion that is not met.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "help", rename_all = "snake_case")]
pub enum Help {
    /// Nothing is needed.
    None,
    /// It is being measured.
    Measuring,
    /// Another PC, or more in this one.
    Pc,
    /// The network: cable, router, provider.
    Network,
    /// Only time.
    Time {
        /// Minutes.
        minutes: u32,
    },
}
