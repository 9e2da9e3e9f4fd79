//! Node and coordinator: one QUIC connection, typed streams, protobuf messages.
//!
//! * control (opened by the node, first): [`NodeMessage`] up, [`CoordinatorMessage`] down, each length-delimited.
//! * sync (opened by the node, one a leased group): [`SyncOpen`], then [`EngineUp`] up and [`EngineDown`] down.
//! * game (opened by the coordinator, one a session): [`GameOpen`], then whole client packets down, server packets up, as the
//!   game client speaks them. The coordinator ends its side when the client is gone; the node ends its side when the engine
//!   has let the session go.
//! * probe (opened by the node): [`ProbeOpen`], then that many bytes up, [`ProbeReport`] down.
//! * datagrams: [`Beat`] up, [`BeatAck`] down.
//!
//! Every stream starts with one byte of [`StreamKind`]. Fields are only ever added: nodes in the field lag behind.

mod messages;
mod state;
mod stream;

pub use messages::*;
pub use state::*;
pub use stream::*;

#[cfg(test)]
mod tests;
