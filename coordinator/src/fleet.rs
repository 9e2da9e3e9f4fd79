//! The fleet: many untrusted map-servers that are one map-server to the char-server.
//!
//! [`core`] decides, without IO or clock; [`actor`] owns it and carries out what it decides; [`link`] is the connection to
//! the char-server; [`journal`] writes what has to survive.

mod actor;
pub mod character;
pub mod command;
pub mod core;
mod event;
mod handle;
pub mod journal;
mod kept;
pub mod link;
pub mod saves;
pub mod session;
pub mod status;

pub use event::*;
pub use handle::{FleetHandle, FleetParts, RunningFleet, event_queue, spawn};
