//! What a host may give its players, and what becomes of one that gives more.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use crate::bounds::Rules;
use crate::bounds::facts::{BONUS, ITEM_BONUS};
use crate::bounds::standing::Policy;

/// What a host may give its players.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Bounds {
    /// The realm's rAthena, whose files say what its maps give. None: nothing is judged.
    pub rathena: Option<PathBuf>,
    /// What becomes of a host that gives more.
    pub mode: Mode,
    /// How far honest play may exceed what the files say in the long run.
    pub slack: f64,
    /// Highest factor on the experience of a kill, besides the realm's rates and what is shared.
    pub experience: f64,
    /// Highest factor on what a kill drops.
    pub items: f64,
    /// Minutes a group has players on a host before that is audited as a whole.
    pub audit_minutes: u32,
    /// Minutes of the first quarantine; every further one is twice as long.
    pub quarantine_minutes: u32,
    /// Minutes of the longest.
    pub longest_minutes: u32,
    /// Clean audits in a row that make a host trusted.
    pub trusted_after: u32,
}

/// What becomes of a host that gives more than its maps can.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// It is counted, logged and remembered.
    #[default]
    Watch,
    /// Grave saves are refused besides, and the host carries nothing for a while.
    Enforce,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            rathena: None,
            mode: Mode::Watch,
            slack: 1.25,
            experience: BONUS,
            items: ITEM_BONUS,
            audit_minutes: 10,
            quarantine_minutes: 10,
            longest_minutes: 1_440,
            trusted_after: 10,
        }
    }
}

impl Bounds {
    /// How gains are judged.
    #[must_use]
    pub fn rules(&self) -> Rules {
        let Self { slack, experience, items, .. } = *self;
        Rules { slack, experience, items, enforce: self.mode == Mode::Enforce }
    }

    /// How standing is earned and lost.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let minutes = |minutes: u32| Duration::from_mins(minutes.into());
        Policy {
            period: minutes(self.audit_minutes),
            trusted_after: self.trusted_after,
            quarantine: minutes(self.quarantine_minutes),
            longest: minutes(self.longest_minutes),
        }
    }
}
