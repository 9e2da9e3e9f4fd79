//! What the suite, the demo and the benchmarks share: real processes, real sockets, a headless client.
//!
//! * [`harness`]: a whole deployment (coordinator and nodes as processes on free ports) in a temporary folder.
//! * [`player`]: a client that speaks the real protocol.
//! * [`atlas`] and [`journey`]: maps, ways on them, and walking them; [`bot`]: a player who does on its own.
//! * [`demo`]: what `./demo` shows.
//! * [`live`]: what `./test live` runs: rAthena and OpenKore themselves.
//! * [`sql`]: engines' SQL: a database for it, a realm that relays it, and where a client finds an engine's endpoint.
//! * [`puppet`]: a stand-in for a stock map-server, and the program of that name.
#![expect(clippy::wildcard_enum_match_arm, reason = "a client looks for a few of many packets and events")]

pub mod atlas;
pub mod bot;
pub mod demo;
pub mod harness;
pub mod journey;
pub mod live;
pub mod percentiles;
pub mod player;
pub mod puppet;
pub mod sql;
