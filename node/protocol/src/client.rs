//! Ragnarok Online between game client and servers, PACKETVER 20211103.

pub mod character;
pub mod handover;
mod lengths;
pub mod login;
pub mod map;

pub use character::{CharToClient, ClientToChar};
pub use lengths::*;
pub use login::{ClientToLogin, CloseReason, LoginToClient};
pub use map::{ClientToMap, Enter, MapToClient};
