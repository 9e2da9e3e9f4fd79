//! The operator's server: registration, relay to the char-server, placement, health, failover.
//!
//! One actor owns all that is decided about hosts, leases and players ([`fleet`]); everything else is a shell around
//! sockets ([`relay`], [`nodes`], [`http`], [`realm`]) that turns bytes into [`fleet::FleetEvent`]s and carries out commands.

mod admission;
pub mod backoff;
pub mod bounds;
pub mod bundles;
pub mod cli;
pub mod config;
pub mod database;
pub mod failover;
pub mod failure;
pub mod fleet;
pub mod guard;
pub mod http;
pub mod identity;
pub mod maps;
pub mod nodes;
pub mod placement;
pub mod rathena;
pub mod realm;
mod reasons;
pub mod relay;
pub mod service;
pub mod shutdown;
pub mod store;
pub mod telemetry;
