//! What a puppet does that no stock map-server does.

use std::str::FromStr;
use std::time::Duration;

/// The environment variable with a comma-separated list of [`Fault`]s.
const FAULTS: &str = "PUPPET_FAULTS";

/// A misbehaviour.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Fault {
    /// `die-at-start`: prints an error and exits before it has connected.
    DieAtStart,
    /// `die-after=MS`: exits so long after it was taken in, without a save.
    DieAfter(Duration),
    /// `hang-after=MS`: its loop stands still so long after it was taken in.
    HangAfter(Duration),
    /// `deaf`: does not stop when it is asked to.
    Deaf,
    /// `flood`: sends as many packets as the link takes, once it is taken in.
    Flood,
    /// `foreign-save`: each save is followed by one of a character that is somebody else's.
    ForeignSave,
    /// `replay`: each save is sent twice.
    Replay,
    /// `torn-save`: drops the link in the middle of its third save.
    TornSave,
    /// `wrong-layout`: its characters are 8 bytes shorter, as in a Windows build.
    WrongLayout,
    /// `foreign-map`: claims a map it was not given.
    ForeignMap,
    /// `missing-map`: leaves out the last map it was given.
    MissingMap,
    /// `garbage`: sends an id that no map-server has, once it is taken in.
    Garbage,
    /// `silent-login`: connects and does not say who it is.
    SilentLogin,
}

impl Fault {
    /// Those that the environment asks for; what it does not understand is passed over.
    #[must_use]
    pub fn from_environment() -> Vec<Self> {
        std::env::var(FAULTS).unwrap_or_default().split(',').filter_map(|word| word.trim().parse().ok()).collect()
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, millis) = text.split_once('=').unwrap_or((text, "0"));
        let after = Duration::from_millis(millis.parse().map_err(|error| format!("{text}: {error}"))?);
        Ok(match name {
            "die-at-start" => Self::DieAtStart,
            "die-after" => Self::DieAfter(after),
            "hang-after" => Self::HangAfter(after),
            "deaf" => Self::Deaf,
            "flood" => Self::Flood,
            "foreign-save" => Self::ForeignSave,
            "replay" => Self::Replay,
            "torn-save" => Self::TornSave,
            "wrong-layout" => Self::WrongLayout,
            "foreign-map" => Self::ForeignMap,
            "missing-map" => Self::MissingMap,
            "garbage" => Self::Garbage,
            "silent-login" => Self::SilentLogin,
            _ => return Err(format!("{name} is no fault of a puppet")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_by_name() {
        assert_eq!("die-after=250".parse(), Ok(Fault::DieAfter(Duration::from_millis(250))));
        assert_eq!("deaf".parse(), Ok(Fault::Deaf));
        assert!("kind".parse::<Fault>().is_err() && "die-after=soon".parse::<Fault>().is_err());
    }
}
