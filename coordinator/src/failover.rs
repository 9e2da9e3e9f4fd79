//! Health of hosts, who may serve what, and what happens when a host is lost. Pure: time is passed in.

mod detector;
mod leases;
mod transfer;

pub use detector::Detector;
pub use leases::{Lease, LeaseState, Leases};
pub use transfer::{Cause, STEP_NAMES, Step, Transfer};
