//! What was gained and cannot have been.

use bifrost_protocol::ids::{CharacterId, GroupName, HostId};

use super::commodity::Commodity;

/// How bad it is.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Grade {
    /// Counted, logged, lowers the host's standing.
    Suspect,
    /// Many times what is possible, or something valuable that cannot come from there at all: with enforcement the save is
    /// refused, and the host carries nothing for a while.
    Grave,
}

/// A gain that nothing explains.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// Label in metrics.
    pub rule: &'static str,
    /// What was gained.
    pub commodity: Commodity,
    /// How much, in whole units.
    pub gained: u64,
    /// How much of it is explained.
    pub allowed: u64,
    /// Where.
    pub group: GroupName,
    /// By whose word.
    pub host: HostId,
    /// By whom; none: a guild's storage that was saved in nobody's name.
    pub player: Option<CharacterId>,
    /// How bad it is.
    pub grade: Grade,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { commodity, gained, allowed, group, .. } = self;
        write!(out, "{gained} of {commodity} on {group}, where {allowed} are possible")?;
        match self.player {
            Some(player) => write!(out, ", for character {player}"),
            None => out.write_str(", in a guild's storage"),
        }
    }
}
