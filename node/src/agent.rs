//! The part of a node that speaks with the coordinator.

mod api;
mod identity;
pub(crate) use identity::Identity;
mod leases;
pub(crate) mod state;
mod tls;
