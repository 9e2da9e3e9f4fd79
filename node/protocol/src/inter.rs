//! chrif: the link between map-server and char-server, one TCP connection (`chrif.cpp`, `intif.cpp`, `char_mapif.cpp`,
//! `inter.cpp`).
//!
//! The map-server logs in with [`Login`], names its maps with [`Maps`], and from then both sides speak at will: there are no
//! request ids, answers are matched by account and character. [`MapToChar`] and [`CharToMap`] are what both need to have
//! players at all, [`ServiceToChar`] and [`ServiceToMap`] what players do with each other. An id that is framed but not decoded here gives
//! [`UnknownId`](crate::DecodeError::UnknownId) from `decode`; one that is not even framed ends the link.

mod companions;
mod lengths;
mod registry;
mod service_to_char;
mod service_to_map;
mod social;
mod to_char;
mod to_map;
mod types;

pub use companions::*;
pub use lengths::*;
pub use registry::*;
pub use service_to_char::*;
pub use service_to_map::*;
pub use social::*;
pub use to_char::*;
pub use to_map::*;
pub use types::*;
