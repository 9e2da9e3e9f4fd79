//! rAthena's own map data. Every parser takes bytes that an operator was handed by strangers: nothing in them panics, and
//! nothing is allocated that the bytes do not hold.

pub mod map_cache;
pub mod map_index;
pub mod warps;
