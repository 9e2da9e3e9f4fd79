//! The fleet: many untrusted map-servers that are one map-server to the char-server.

mod event;

pub use event::*;
