//! The realm's public status (`GET /v1/status`), as far as a launcher reads it, and what it says of one host.

use serde::Deserialize;

use crate::view::{Criterion, CriterionName, GroupView, Help, Trouble};

/// The longest answer that is read: some hundred hosts and groups.
pub const MAX_STATUS: usize = 4 * 1024 * 1024;
/// Most groups of one host that are shown.
const MAX_GROUPS: usize = 64;
/// What the coordinator reports of a way that was not measured: the largest number of microseconds, in milliseconds.
const UNMEASURED_MS: f64 = 4_000_000.0;

/// The realm at one moment. Fields that newer coordinators add are passed over.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct RealmStatus {
    /// Players in game.
    pub players: u32,
    /// Connected hosts.
    pub hosts: Vec<Host>,
    /// Map groups.
    pub groups: Vec<Group>,
    /// This PC's host id; set by whoever asked.
    #[serde(skip)]
    pub own: Option<String>,
    /// From asking to the answer, in milliseconds; set by whoever asked.
    #[serde(skip)]
    pub answered_ms: f64,
}

/// A connected host.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct Host {
    /// Its id.
    pub host: String,
    /// Whether it may carry groups.
    pub eligible: bool,
    /// Players on its engines.
    pub players: u32,
    /// Round trip in milliseconds.
    pub round_trip_ms: f64,
    /// Longest engine turn, in milliseconds.
    pub turn_ms: f64,
    /// Its criteria.
    pub criteria: Vec<Measure>,
}

/// One criterion as the coordinator judges it.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct Measure {
    /// `cores`, `memory`, `latency`, `stability`, `upload`, `uptime`; `standing` while there is a quarantine.
    pub name: String,
    /// Measured.
    pub value: f64,
    /// Needed.
    pub threshold: f64,
    /// Whether it is enough.
    pub met: bool,
}

/// A map group.
#[derive(Clone, Debug, Default, Deserialize, PartialEq)]
#[serde(default)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// Its maps.
    pub maps: Vec<String>,
    /// Who carries it.
    pub host: Option<String>,
    /// `live` when it is ready for players.
    pub state: String,
    /// Players on it.
    pub players: u32,
}

/// Why there is no status.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StatusProblem {
    /// Where the way is broken.
    pub trouble: Trouble,
    /// English, for the log.
    pub detail: String,
}

impl RealmStatus {
    /// What it says of this PC.
    #[must_use]
    pub fn own_host(&self) -> Option<&Host> {
        let own = self.own.as_deref()?;
        self.hosts.iter().find(|host| host.host == own)
    }

    /// The groups this PC carries.
    #[must_use]
    pub fn own_groups(&self) -> Vec<GroupView> {
        let Some(own) = self.own.as_deref() else { return Vec::new() };
        let mine = self.groups.iter().filter(|group| group.host.as_deref() == Some(own)).take(MAX_GROUPS);
        mine.map(|group| GroupView {
            name: group.name.clone(),
            maps: group.maps.clone(),
            players: group.players,
            live: group.state == "live",
        })
        .collect()
    }
}

impl Host {
    /// Whether the way to the realm was measured yet.
    #[must_use]
    pub fn is_measured(&self) -> bool {
        !self.criteria.iter().any(|measure| measure.name == "latency" && measure.value > UNMEASURED_MS)
    }

    /// The criteria as they are shown. Those this launcher does not know are left out.
    #[must_use]
    pub fn criteria(&self) -> Vec<Criterion> {
        self.criteria.iter().filter_map(Measure::to_view).collect()
    }

    /// Minutes until it may host, if only time is missing.
    #[must_use]
    pub fn ready_in_minutes(&self) -> Option<u32> {
        let mut unmet = self.criteria.iter().filter(|measure| !measure.met);
        match (unmet.next(), unmet.next()) {
            (Some(measure), None) if measure.name == "uptime" => Some(measure.minutes_left()),
            (Some(_) | None, _) => None,
        }
    }
}

impl Measure {
    fn to_view(&self) -> Option<Criterion> {
        let name = named(&self.name)?;
        let unmeasured = match name {
            CriterionName::Latency | CriterionName::Stability => self.value > UNMEASURED_MS,
            CriterionName::Cores | CriterionName::Memory | CriterionName::Upload => self.value <= 0.0,
            CriterionName::Uptime | CriterionName::Standing => false,
        };
        let help = match name {
            _ if self.met => Help::None,
            _ if unmeasured => Help::Measuring,
            CriterionName::Cores | CriterionName::Memory => Help::Pc,
            CriterionName::Latency | CriterionName::Stability | CriterionName::Upload => Help::Network,
            CriterionName::Uptime => Help::Time { minutes: self.minutes_left() },
            // Saturates; shown to people.
            CriterionName::Standing => Help::Time { minutes: self.value.ceil().max(1.0) as u32 },
        };
        Some(Criterion {
            name,
            value: (!unmeasured).then_some(self.value),
            threshold: self.threshold,
            at_most: matches!(name, CriterionName::Latency | CriterionName::Stability | CriterionName::Standing),
            met: self.met,
            help,
        })
    }

    fn minutes_left(&self) -> u32 {
        // Saturates; shown to people.
        (self.threshold - self.value).ceil().max(1.0) as u32
    }
}

fn named(name: &str) -> Option<CriterionName> {
    match name {
        "cores" => Some(CriterionName::Cores),
        "memory" => Some(CriterionName::Memory),
        "latency" => Some(CriterionName::Latency),
        "stability" => Some(CriterionName::Stability),
        "upload" => Some(CriterionName::Upload),
        "uptime" => Some(CriterionName::Uptime),
        "standing" => Some(CriterionName::Standing),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measure(name: &str, value: f64, threshold: f64, met: bool) -> Measure {
        Measure { name: name.into(), value, threshold, met }
    }

    #[test]
    fn a_coordinators_answer_is_read_and_newer_fields_are_passed_over() {
        let text = r#"{"char_server": true, "players": 3, "limbo": 0, "news": {},
            "hosts": [{"host": "h-1", "kind": "player", "eligible": true, "players": 2, "turn_ms": 0.4, "round_trip_ms": 18.0}],
            "groups": [{"name": "meadow", "maps": ["bf_meadow"], "host": "h-1", "state": "live", "players": 2}]}"#;
        let status = RealmStatus { own: Some("h-1".into()), ..serde_json::from_str(text).expect("read") };
        assert_eq!(status.own_host().expect("it is there").players, 2);
        assert_eq!(status.own_groups()[0].name, "meadow");
        let stranger = RealmStatus { own: None, ..status };
        assert!(stranger.own_host().is_none() && stranger.own_groups().is_empty());
    }

    #[test]
    fn a_way_that_was_not_measured_has_no_value() {
        let host = Host {
            criteria: vec![
                measure("cores", 8.0, 4.0, true),
                measure("latency", f64::from(u32::MAX) / 1e3, 100.0, false),
            ],
            ..Host::default()
        };
        assert!(!host.is_measured());
        let criteria = host.criteria();
        assert_eq!((criteria[0].value, criteria[0].help), (Some(8.0), Help::None));
        assert_eq!((criteria[1].value, criteria[1].help), (None, Help::Measuring));
    }

    #[test]
    fn a_quarantine_is_a_reason_with_its_end() {
        let standing = measure("standing", 12.0, 0.0, false);
        let host = Host { criteria: vec![measure("cores", 8.0, 4.0, true), standing], ..Host::default() };
        let shown = host.criteria()[1].clone();
        assert_eq!((shown.name, shown.help), (CriterionName::Standing, Help::Time { minutes: 12 }));
        assert_eq!(host.ready_in_minutes(), None, "time alone is not what it lacks");
    }

    #[test]
    fn only_time_missing_says_how_long() {
        let uptime = measure("uptime", 17.5, 30.0, false);
        let mut host = Host { criteria: vec![measure("cores", 8.0, 4.0, true), uptime], ..Host::default() };
        assert_eq!(host.ready_in_minutes(), Some(13));
        host.criteria.push(measure("upload", 4.0, 10.0, false));
        assert_eq!(host.ready_in_minutes(), None);
        assert_eq!(host.criteria()[2].help, Help::Network);
    }
}
