//! Node and coordinator: one QUIC connection, typed streams, protobuf messages.
//!
//! * control (opened by the node, first): [`NodeMessage`] up, [`CoordinatorMessage`] down, each length-delimited.
//!   [`NodeSays::Hello`] comes first and once. [`CoordinatorSays::Farewell`] is the last message; the connection is closed
//!   behind it. A connection that is cut without one carries `code: reason` in its close frame.
//! * sync (opened by the node, one a leased group): [`SyncOpen`], then [`EngineUp`] up and [`EngineDown`] down. The node
//!   finishes its side after the last `Released` of a revoked group and reads on until the coordinator has ended its own:
//!   acknowledgements may still come. A stream whose token is not good or whose epoch is not the living one is ended by the
//!   coordinator.
//! * game (opened by the coordinator, one a session): [`GameOpen`], then whole client packets down, server packets up, as the
//!   game client speaks them. The coordinator finishes its side when the client is gone, and resets it with
//!   [`StreamCode::Detached`] when the client goes elsewhere; for the engine both mean that the player leaves. The node ends
//!   its side when the engine has let the session go.
//! * inter (opened by the node, one a running `rathena` engine): [`InterOpen`], then [`InterUp`] up and [`InterDown`] down.
//! * database (opened by the node, one an SQL connection of a `rathena` engine): [`DatabaseOpen`], then MySQL: commands up,
//!   answers down.
//! * probe (opened by the node): [`ProbeOpen`], then that many bytes up, [`ProbeReport`] down. At most
//!   [`MAX_PROBES`] at once.
//! * datagrams: [`Beat`] up, [`BeatAck`] down.
//!
//! Every stream starts with one byte of [`StreamKind`]. Fields are only ever added: nodes in the field lag behind.

mod database;
mod inter;
mod messages;
mod play;
mod state;
mod stream;

pub use database::*;
pub use inter::*;
pub use messages::*;
pub use play::*;
pub use state::*;
pub use stream::*;

#[cfg(test)]
mod tests;
