//! Lines: one TCP connection of a game client each, carried between a gateway and the coordinator over streams that come
//! and go. No byte is lost or doubled, and neither end notices, as long as a stream comes back in time.
//!
//! [`Line`] is the bookkeeping of one end, without IO or clock. [`Carrier`] moves bytes between a near end (the client at the
//! gateway, the server at the coordinator), the line, and whatever stream carries it now. A [`Tap`] looks at what passes.

mod carrier;
mod line;

pub use carrier::{Carrier, Tap, Wake};
pub use line::{Line, LineError};
