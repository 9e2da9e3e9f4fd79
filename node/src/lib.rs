//! The agent that lets a player's PC host map-servers.

mod agent;
mod backoff;
pub mod config;
