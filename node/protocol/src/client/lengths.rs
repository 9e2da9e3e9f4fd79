//! Packet lengths of the client protocol, complete for both directions, as framing needs them.
//!
//! The data files come from `packets.hpp` and `packets_struct.hpp` (sizes as compiled), `clif_packetdb.hpp`, and OpenKore's
//! `recvpackets.txt` for ids that rAthena never sends; the last column says which.

use std::sync::LazyLock;

use super::{ClientToChar, ClientToLogin};
use crate::frame::LengthTable;

/// The longest packet a client may send: the servers' receive buffer for clients (`RFIFO_SIZE`, socket.cpp).
pub const MAX_CLIENT_PACKET: usize = 2 * 1024;

/// The longest packet a client takes: what its 16-bit length can say.
pub const MAX_SERVER_PACKET: usize = 0xffff;

/// Everything a client may send to any server. Map-server connections are framed by this.
#[must_use]
pub fn client_to_server() -> &'static LengthTable {
    static TABLE: LazyLock<LengthTable> =
        LazyLock::new(|| LengthTable::from_tsv(MAX_CLIENT_PACKET, include_str!("client_to_server_20211103.tsv")));
    &TABLE
}

/// Everything a server may send to a client. The char-server's four-byte greeting stands outside of it.
#[must_use]
pub fn server_to_client() -> &'static LengthTable {
    static TABLE: LazyLock<LengthTable> =
        LazyLock::new(|| LengthTable::from_tsv(MAX_SERVER_PACKET, include_str!("server_to_client_20211103.tsv")));
    &TABLE
}

/// What this crate's login-server takes: [`ClientToLogin`] and nothing else.
#[must_use]
pub fn client_to_login() -> &'static LengthTable {
    static TABLE: LazyLock<LengthTable> = LazyLock::new(|| LengthTable::of(MAX_CLIENT_PACKET, ClientToLogin::IDS));
    &TABLE
}

/// What this crate's char-server takes from clients: [`ClientToChar`] and nothing else.
#[must_use]
pub fn client_to_char() -> &'static LengthTable {
    static TABLE: LazyLock<LengthTable> = LazyLock::new(|| LengthTable::of(MAX_CLIENT_PACKET, ClientToChar::IDS));
    &TABLE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_complete() {
        assert_eq!(client_to_server().iter().count(), 443);
        assert_eq!(server_to_client().iter().count(), 1727);
    }
}
