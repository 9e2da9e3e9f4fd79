//! Ragnarok Online between game client and servers, PACKETVER 20211103.

mod map;

pub use map::*;
