//! The agent that lets a player's PC host map-servers.

mod agent;
mod backoff;
mod bench;
mod engine;
pub mod config;
mod tunnel;
