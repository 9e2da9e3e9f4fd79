//! The QUIC endpoint: one actor per node connection.

mod handle;

pub use handle::NodeHandle;
