//! The public TCP port for game clients.

mod handle;

pub use handle::{ClientHandle, ToClient};
