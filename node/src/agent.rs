//! The part of a node that speaks with the coordinator.

mod api;
mod identity;
mod leases;
pub(crate) mod state;
mod tls;
