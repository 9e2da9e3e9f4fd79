//! The agent that lets a player's PC host map-servers: a library for the launcher, and behind `bifrost-node`.
//!
//! [`Node::spawn`] starts a node from a [`config::NodeConfig`]; the [`NodeHandle`] watches, drains and stops it.
//! [`Gateway::spawn`] starts the way of this PC's game clients to the realm.

mod agent;
mod backoff;
mod bench;
pub mod bundle;
pub mod config;
mod engine;
pub mod gateway;
mod node;
mod processor;
mod tunnel;
mod udp;
mod within;

pub use bench::last_benchmark;
pub use gateway::Gateway;
pub use node::{Node, NodeHandle, NodeState, StopCode};
pub use processor::Processor;
pub use tunnel::database;
pub use udp::endpoint_towards;
pub use within::Way;

#[cfg(test)]
mod tests;
