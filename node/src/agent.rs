//! The part of a node that speaks with the coordinator.

mod leases;
