//! What a host may give its players: no more than its maps can yield in the time it carries them.

pub mod facts;
