//! Packet lengths of chrif, complete for both directions.
//!
//! From the senders' code: rAthena's own tables are wrong for ids that its side only sends (0x2afe, 0x2b05, 0x2b26,
//! 0x2b28, 0x2b2a). 0x3010, 0x3011, 0x3028, 0x3038 and 0x3894 stand in those tables, but nothing sends them.

use std::sync::LazyLock;

use crate::frame::LengthTable;

/// The longest packet of the link: what its 16-bit length can say. The longest there is has 46,237 bytes.
pub const MAX_PACKET: usize = 0xffff;

/// Everything a map-server sends to a char-server.
#[must_use]
pub fn map_to_char() -> &'static LengthTable {
    static TABLE: LazyLock<LengthTable> =
        LazyLock::new(|| LengthTable::from_tsv(MAX_PACKET, include_str!("map_to_char.tsv")));
    &TABLE
}

/// Everything a char-server sends to a map-server.
#[must_use]
pub fn char_to_map() -> &'static LengthTable {
    static TABLE: LazyLock<LengthTable> =
        LazyLock::new(|| LengthTable::from_tsv(MAX_PACKET, include_str!("char_to_map.tsv")));
    &TABLE
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_complete() {
        assert_eq!((map_to_char().iter().count(), char_to_map().iter().count()), (107, 101));
    }
}
