//! select(group): eligible hosts with room, ranked by performance, then proximity, then load; else a fallback host; else none.

use std::cmp::Reverse;

use bifrost_protocol::ids::HostId;

use crate::config::GroupClass;
use crate::fleet::HostKind;

/// A host as placement sees it.
#[derive(Clone, Debug)]
pub struct HostView {
    /// Who it is.
    pub host: HostId,
    /// Whose machine.
    pub kind: HostKind,
    /// Connected, not suspected, not draining.
    pub available: bool,
    /// Meets every criterion; fallback hosts always do.
    pub eligible: bool,
    /// Whether it has earned trust: ten clean audits in a row.
    pub trusted: bool,
    /// CPU score times the cores an engine can use.
    pub performance: u64,
    /// Round trip to the coordinator in microseconds. All play traffic passes there, so it is the part of a player's
    /// distance that the choice of a host can change.
    pub round_trip_us: u64,
    /// Groups it carries.
    pub groups: usize,
    /// Most groups it may carry.
    pub room: usize,
    /// Players it carries.
    pub players: usize,
    /// Players it may still take.
    pub seats: usize,
}

/// A host and why it was chosen.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Choice {
    /// The host.
    pub host: HostId,
    /// For people.
    pub why: String,
}

/// Chooses a host for a map group with so many players; `except` is the host it must not be.
#[must_use]
pub fn select(class: GroupClass, players: usize, hosts: &[HostView], except: Option<&HostId>) -> Option<Choice> {
    let fits = |host: &&HostView| host.available && host.seats >= players && except != Some(&host.host);
    let candidates = || hosts.iter().filter(fits);
    let eligible =
        candidates().filter(|host| host.kind == HostKind::Player && host.eligible && host.groups < host.room);
    let best = match class {
        GroupClass::Eligible => eligible.min_by_key(|host| rank(host)),
        GroupClass::Critical => None,
    };
    if let Some(host) = best {
        let why = format!(
            "best of the eligible player hosts: performance {}, {} ms away, {} groups, {} players",
            host.performance,
            host.round_trip_us / 1_000,
            host.groups,
            host.players
        );
        return Some(Choice { host: host.host.clone(), why });
    }
    let fallback = candidates().filter(|host| host.kind == HostKind::Fallback).min_by_key(|host| rank(host))?;
    let why = match class {
        GroupClass::Critical => "critical maps stay with the operator",
        GroupClass::Eligible => "no eligible player host has room",
    };
    Some(Choice { host: fallback.host.clone(), why: why.into() })
}

/// Performance and distance count in steps, so that two machines of one kind are told apart by what is known of them, then by
/// their load.
fn rank(host: &HostView) -> (Reverse<u32>, u64, Reverse<bool>, usize, usize, &HostId) {
    let performance_step = host.performance.max(1).ilog2();
    let distance_step = host.round_trip_us / DISTANCE_STEP_US;
    (Reverse(performance_step), distance_step, Reverse(host.trusted), host.groups, host.players, &host.host)
}

/// Round trips that differ by less are the same to a player.
const DISTANCE_STEP_US: u64 = 20_000;

#[cfg(test)]
mod tests {
    use super::*;

    pub(in crate::placement) fn host(name: &str, kind: HostKind) -> HostView {
        HostView {
            host: HostId(name.into()),
            kind,
            available: true,
            eligible: true,
            trusted: false,
            performance: 4_000,
            round_trip_us: 1_000,
            groups: 0,
            room: 4,
            players: 0,
            seats: 100,
        }
    }

    fn chosen(class: GroupClass, hosts: &[HostView], except: Option<&str>) -> Option<String> {
        let except = except.map(|name| HostId(name.into()));
        select(class, 1, hosts, except.as_ref()).map(|choice| choice.host.0)
    }

    #[test]
    fn performance_comes_before_distance_before_load() {
        let strong = HostView { performance: 9_000, round_trip_us: 90_000, ..host("strong", HostKind::Player) };
        let near = HostView { groups: 3, ..host("near", HostKind::Player) };
        let idle = HostView { round_trip_us: 50_000, ..host("idle", HostKind::Player) };
        let all = [idle.clone(), near.clone(), strong];
        assert_eq!(chosen(GroupClass::Eligible, &all, None).as_deref(), Some("strong"));
        assert_eq!(chosen(GroupClass::Eligible, &[idle, near], None).as_deref(), Some("near"));
    }

    #[test]
    fn the_less_loaded_of_equals_is_chosen() {
        let busy = HostView { groups: 1, ..host("a", HostKind::Player) };
        assert_eq!(chosen(GroupClass::Eligible, &[busy, host("b", HostKind::Player)], None).as_deref(), Some("b"));
    }

    #[test]
    fn of_equals_the_one_that_has_earned_trust_is_chosen() {
        let known = HostView { trusted: true, groups: 2, ..host("b", HostKind::Player) };
        assert_eq!(chosen(GroupClass::Eligible, &[host("a", HostKind::Player), known], None).as_deref(), Some("b"));
        let strong = HostView { performance: 9_000, ..host("a", HostKind::Player) };
        let known = HostView { trusted: true, ..host("b", HostKind::Player) };
        assert_eq!(chosen(GroupClass::Eligible, &[strong, known], None).as_deref(), Some("a"));
    }

    #[test]
    fn a_host_without_seats_for_the_groups_players_is_passed_over() {
        let full = HostView { seats: 0, ..host("a", HostKind::Player) };
        assert_eq!(chosen(GroupClass::Eligible, &[full, host("b", HostKind::Player)], None).as_deref(), Some("b"));
    }

    #[test]
    fn critical_maps_never_go_to_a_player() {
        let hosts = [host("player", HostKind::Player)];
        assert_eq!(chosen(GroupClass::Critical, &hosts, None), None);
        let hosts = [host("player", HostKind::Player), host("vps", HostKind::Fallback)];
        assert_eq!(chosen(GroupClass::Critical, &hosts, None).as_deref(), Some("vps"));
    }

    #[test]
    fn the_fallback_takes_over_when_no_player_can() {
        let full = HostView { groups: 4, ..host("full", HostKind::Player) };
        let weak = HostView { eligible: false, ..host("weak", HostKind::Player) };
        let gone = HostView { available: false, ..host("gone", HostKind::Player) };
        let hosts = [full, weak, gone, host("dying", HostKind::Player), host("vps", HostKind::Fallback)];
        assert_eq!(chosen(GroupClass::Eligible, &hosts, Some("dying")).as_deref(), Some("vps"));
        assert_eq!(chosen(GroupClass::Eligible, &hosts[..4], Some("dying")), None);
    }
}
