//! Moving groups that are already served: back from the operator's machine to players' PCs, and from crowded to idle PCs.

use bifrost_protocol::ids::{GroupName, HostId};

use super::{HostView, select};
use crate::config::GroupClass;
use crate::fleet::HostKind;

/// A group that should change hosts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Move {
    /// The group.
    pub group: GroupName,
    /// Where it should go.
    pub to: HostId,
    /// For people.
    pub why: String,
}

/// A group that may move.
#[derive(Clone, Debug)]
pub struct Settled {
    /// The group.
    pub group: GroupName,
    /// Who may carry it.
    pub class: GroupClass,
    /// Who carries it.
    pub on: HostId,
    /// Players on it.
    pub players: usize,
    /// Who has an engine standing by for it.
    pub standby: Option<HostId>,
}

/// The one move that helps most now, if any. The caller leaves out of `settled` the groups that moved lately, so that
/// nothing swings.
#[must_use]
pub fn next_move(settled: &[Settled], hosts: &[HostView]) -> Option<Move> {
    let view = |id: &HostId| hosts.iter().find(|host| host.host == *id);
    settled.iter().filter(|group| group.class == GroupClass::Eligible).find_map(|group| {
        let from = view(&group.on)?;
        // Where an engine stands by already, the move costs least, and choosing it again and again is what keeps it there.
        let prepared: Vec<_> = group.standby.iter().filter_map(view).cloned().collect();
        better(group, from, &prepared).or_else(|| better(group, from, hosts))
    })
}

/// Where among these hosts the group should rather be.
fn better(group: &Settled, from: &HostView, hosts: &[HostView]) -> Option<Move> {
    let choice = select(group.class, group.players, hosts, Some(&group.on))?;
    let to = hosts.iter().find(|host| host.host == choice.host && host.kind == HostKind::Player)?;
    let homecoming = from.kind == HostKind::Fallback;
    let relief = from.kind == HostKind::Player && from.groups >= to.groups + 2;
    let why = if homecoming { "a player host can carry it again" } else { "to share the load" };
    (homecoming || relief).then(|| Move { group: group.group.clone(), to: choice.host, why: why.into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(name: &str, kind: HostKind, groups: usize) -> HostView {
        HostView {
            host: HostId(name.into()),
            kind,
            available: true,
            eligible: true,
            trusted: false,
            performance: 4_000,
            round_trip_us: 1_000,
            groups,
            room: 4,
            players: 0,
            seats: 100,
        }
    }

    fn served(group: &str, class: GroupClass, on: &str) -> Settled {
        Settled { group: GroupName(group.into()), class, on: HostId(on.into()), players: 0, standby: None }
    }

    #[test]
    fn a_host_that_is_prepared_comes_first_where_it_helps() {
        let mut hosts =
            [host("pc", HostKind::Player, 0), host("slow", HostKind::Player, 1), host("vps", HostKind::Fallback, 2)];
        hosts[1].performance = 100;
        let mut groups = [served("field", GroupClass::Eligible, "vps")];
        groups[0].standby = Some(HostId("slow".into()));
        assert_eq!(next_move(&groups, &hosts).expect("a move").to.0, "slow");
        hosts[1].groups = 4;
        assert_eq!(next_move(&groups, &hosts).expect("a move").to.0, "pc", "the other has no room");
        groups[0].standby = Some(HostId("gone".into()));
        assert_eq!(next_move(&groups, &hosts).expect("a move").to.0, "pc");
    }

    #[test]
    fn groups_come_home_from_the_fallback_and_critical_ones_stay() {
        let hosts = [host("pc", HostKind::Player, 0), host("vps", HostKind::Fallback, 2)];
        let groups = [served("town", GroupClass::Critical, "vps"), served("field", GroupClass::Eligible, "vps")];
        let found = next_move(&groups, &hosts).expect("a move");
        assert_eq!((found.group.0.as_str(), found.to.0.as_str()), ("field", "pc"));
    }

    #[test]
    fn load_is_shared_until_it_is_even() {
        let groups = [served("a", GroupClass::Eligible, "one"), served("b", GroupClass::Eligible, "one")];
        let uneven = [host("one", HostKind::Player, 2), host("two", HostKind::Player, 0)];
        assert!(next_move(&groups, &uneven).is_some());
        let even = [host("one", HostKind::Player, 2), host("two", HostKind::Player, 1)];
        assert_eq!(next_move(&groups, &even), None);
    }
}
