//! The one list of rules: what becomes of each packet, in both directions. What is not in it closes the link.

mod down;
mod labels;
mod up;

use bifrost_protocol::frame::{Length, packet_id};
use bifrost_protocol::inter::{char_to_map, map_to_char};
use bytes::Bytes;

use super::Guard;
use super::asked::Asked;
use super::down::Told;
use super::rate::Rate;
use super::ruling::Verdict;

pub use labels::LABELS;

pub(super) use down::DOWN;
pub(super) use up::UP;

/// The rule of a packet that engines send.
pub(super) struct UpRule {
    /// Its id.
    pub(super) id: u16,
    /// Its name in `map_to_char.tsv`.
    pub(super) name: &'static str,
    /// What limits it.
    pub(super) rate: Rate,
    /// Judges it.
    pub(super) judge: fn(&mut Asked<'_>) -> Verdict,
    /// What becomes of it, for the documentation.
    pub(super) becomes: &'static str,
    /// What is demanded of it, for the documentation.
    pub(super) demands: &'static str,
}

/// The rule of a packet that the char-server sends.
pub(super) struct DownRule {
    /// Its id.
    pub(super) id: u16,
    /// Its name in `char_to_map.tsv`.
    pub(super) name: &'static str,
    /// Finds its way, and learns from it.
    pub(super) way: fn(&mut Guard, &Bytes) -> Told,
    /// Where it goes, for the documentation.
    pub(super) goes: &'static str,
}

/// The rule of an engine's packet.
pub(super) fn up(packet: &[u8]) -> Option<&'static UpRule> {
    let id = packet_id(packet).ok()?;
    UP.binary_search_by_key(&id, |rule| rule.id).ok().and_then(|place| UP.get(place))
}

/// The rule of a char-server's packet.
pub(super) fn down(id: u16) -> Option<&'static DownRule> {
    DOWN.binary_search_by_key(&id, |rule| rule.id).ok().and_then(|place| DOWN.get(place))
}

/// Both lists as the tables of `docs/guard.md`.
#[must_use]
pub fn tables() -> String {
    let length = |length: Option<Length>| match length {
        Some(Length::Fixed(len)) => len.to_string(),
        Some(Length::Sized) => "sized".to_owned(),
        None => "-".to_owned(),
    };
    let mut text = String::from(
        "## From engines\n\n| id | packet | length | limit | becomes | has to hold |\n|---|---|---|---|---|---|\n",
    );
    for rule in UP {
        let rate = match rule.rate {
            Rate::Free => "",
            Rate::Say => "say",
            Rate::Shout => "shout",
            Rate::Lookup => "lookup",
            Rate::Load => "load",
        };
        let length = length(map_to_char().get(rule.id));
        let (id, name, becomes, demands) = (rule.id, rule.name, rule.becomes, rule.demands);
        text.push_str(&format!("| {id:04x} | {name} | {length} | {rate} | {becomes} | {demands} |\n"));
    }
    text.push_str("\n## From the char-server\n\n| id | packet | length | goes |\n|---|---|---|---|\n");
    for rule in DOWN {
        let length = length(char_to_map().get(rule.id));
        text.push_str(&format!("| {:04x} | {} | {length} | {} |\n", rule.id, rule.name, rule.goes));
    }
    text.push_str("\n## Labels of breaches\n\n| rule | what was wrong |\n|---|---|\n");
    for (label, meaning) in LABELS {
        text.push_str(&format!("| {label} | {meaning} |\n"));
    }
    text
}
