//! What database streams begin with. Behind it comes MySQL: commands up, answers down.

use std::fmt;

use prost::Message;

use crate::Secret;

/// Header of a database stream: one SQL connection of a stock map-server, without its handshake. Commands may be sent before
/// the answers to earlier ones have come. The number `0xFFFF_FFFF` of a prepared statement means the one prepared last, so
/// that one can be prepared and run without waiting in between.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub struct DatabaseOpen {
    /// The host token.
    #[prost(string, tag = "1")]
    pub token: String,
    /// The map group, whose rows are meant.
    #[prost(string, tag = "2")]
    pub group: String,
    /// The epoch of the assignment the engine runs for: that of a lease, or the ticket of a standby.
    #[prost(uint64, tag = "3")]
    pub epoch: u64,
}

impl fmt::Debug for DatabaseOpen {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("DatabaseOpen")
            .field("token", &Secret::new(()))
            .field("group", &self.group)
            .field("epoch", &self.epoch)
            .finish()
    }
}
