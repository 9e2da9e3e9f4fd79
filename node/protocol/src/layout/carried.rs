//! Which packets of chrif carry structs: the one list that every conversion follows.
//!
//! From the senders and receivers in rAthena (`chrif.cpp`, `intif.cpp`, `char_mapif.cpp`, `inter.cpp`, `int_*.cpp`). All of
//! these packets have their own length at offset 2.

use Times::{Counted, CountedByte, Exactly, Once, OnceOr, Rest, Within};
use Toward::{CharServer, MapServer};

/// Which way a packet goes.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Toward {
    /// From a map-server to a char-server.
    CharServer,
    /// From a char-server to a map-server.
    MapServer,
}

/// How often a struct stands in its packet, one behind the other to the packet's end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Times {
    /// Once.
    Once,
    /// Once; or not at all, and then the packet has this length instead.
    OnceOr(usize),
    /// This often.
    Exactly(usize),
    /// As often as it fits; nothing states it.
    Rest,
    /// As often as the 16 bits at this offset say.
    Counted(usize),
    /// As often as the byte at this offset says.
    CountedByte(usize),
    /// At least as often as the byte at this offset says.
    Within(usize),
}

/// A packet that carries a struct.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Carried {
    /// The packet's id.
    pub id: u16,
    /// Which way it goes.
    pub toward: Toward,
    /// Where the first struct starts, in bytes; what stands before is the same in all builds.
    pub at: usize,
    /// The struct's name in C++.
    pub structure: &'static str,
    /// How often it stands there.
    pub times: Times,
}

const fn up(id: u16, at: usize, structure: &'static str, times: Times) -> Carried {
    Carried { id, toward: CharServer, at, structure, times }
}

const fn down(id: u16, at: usize, structure: &'static str, times: Times) -> Carried {
    Carried { id, toward: MapServer, at, structure, times }
}

/// All of them.
pub const CARRIED: &[Carried] = &[
    up(0x2b01, 13, "mmo_charstatus", Once),
    up(0x2b15, 14, "s_skill_cooldown_data", Counted(12)),
    up(0x2b1c, 14, "status_change_data", Counted(12)),
    // The packet has room for all scripts of the player, the count leaves out those whose time is over (chrif_bsdata_save).
    up(0x2b2e, 9, "bonus_script_data", Within(8)),
    up(0x3019, 12, "s_storage", Once),
    up(0x3020, 30, "party_member", Once),
    up(0x3022, 8, "party_member", Once),
    up(0x3030, 32, "guild_member", Once),
    up(0x3032, 8, "guild_member", Once),
    up(0x303b, 12, "guild_position", Once),
    up(0x304d, 8, "mail_message", Once),
    up(0x3051, 4, "auction_data", Once),
    up(0x3061, 8, "quest", Rest),
    up(0x3063, 8, "achievement", Rest),
    up(0x3070, 4, "s_mercenary", Once),
    up(0x3073, 4, "s_mercenary", Once),
    up(0x307c, 4, "s_elemental", Once),
    up(0x307f, 4, "s_elemental", Once),
    up(0x3082, 8, "s_pet", Once),
    up(0x308b, 13, "s_storage", Once),
    up(0x3090, 8, "s_homunculus", Once),
    up(0x3092, 8, "s_homunculus", Once),
    down(0x2afd, 25, "mmo_charstatus", Once),
    down(0x2b0b, 14, "s_skill_cooldown_data", Counted(12)),
    // Bytes 4 to 8 are offsets into the list: `fame_list` has to have one size in all builds, and has.
    down(0x2b1b, 8, "fame_list", Rest),
    down(0x2b1d, 14, "status_change_data", Counted(12)),
    down(0x2b2f, 9, "bonus_script_data", CountedByte(8)),
    down(0x3818, 13, "s_storage", OnceOr(12)),
    down(0x3821, 8, "party", OnceOr(12)),
    down(0x3831, 4, "mmo_guild", OnceOr(8)),
    down(0x383b, 12, "guild_position", Once),
    down(0x3840, 4, "guild_castle", Rest),
    down(0x3848, 10, "mail_data", Once),
    // MAIL_MAX_ITEM
    down(0x384a, 16, "item", Exactly(5)),
    down(0x384d, 4, "mail_message", Once),
    down(0x3850, 12, "auction_data", Counted(8)),
    down(0x3851, 4, "auction_data", Once),
    // MAX_INVENTORY, however few the count at offset 4 says are filled.
    down(0x3857, 8, "item", Exactly(200)),
    down(0x3860, 8, "quest", Rest),
    down(0x3862, 8, "achievement", Rest),
    down(0x3870, 5, "s_mercenary", Once),
    down(0x387c, 5, "s_elemental", Once),
    down(0x3881, 9, "s_pet", Once),
    down(0x388a, 10, "s_storage", Once),
    down(0x388c, 4, "s_storage_table", Rest),
    down(0x3890, 9, "s_homunculus", Once),
    down(0x3891, 9, "s_homunculus", Once),
    down(0x38a0, 4, "clan", Rest),
];
