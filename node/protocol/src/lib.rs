//! Every wire format of Bifrost: no IO, no clock, no async.
//!
//! * [`client`]: Ragnarok Online between game client and servers (PACKETVER 20211103).
//! * [`inter`]: chrif, between map-server and char-server.
//! * [`layout`]: C++ structs that travel as raw memory on chrif.
//! * [`mysql`]: the client/server protocol of MySQL and MariaDB.
//! * [`control`]: protobuf messages and stream headers between node and coordinator.
//! * [`save`]: packing of saves of `rathena` engines.
//! * [`api`]: JSON bodies of the HTTPS API.
//! * [`bundle`]: what of bundles node and coordinator agree on.
//!
//! Framing ([`frame`]) is apart from decoding: only framing may ask for more bytes, and a body decoder gets an exact
//! slice that it has to consume to the end.
#![forbid(unsafe_code)]
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::arithmetic_side_effects, clippy::cast_possible_truncation)
)]

mod address;
pub mod api;
pub mod bundle;
pub mod client;
mod codes;
pub mod control;
pub mod error;
pub mod fixture;
pub mod frame;
pub mod ids;
pub mod inter;
pub mod layout;
pub mod mysql;
mod packet;
pub mod reader;
pub mod save;
pub mod text;
pub mod writer;

#[cfg(test)]
mod tests;

pub use address::{Ipv4Be, PortBe};
pub use error::DecodeError;
pub use packet::{List, Packet, WireRead, WireWrite};
pub use reader::Reader;
pub use text::{FixedText, Secret};
pub use writer::Writer;

/// The client build this crate speaks (kRO RagexeRE, 2021-11-03).
pub const PACKETVER: u32 = 20_211_103;
