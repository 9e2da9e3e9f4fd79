//! The core in simulated time: single failures one by one, then long random stories held against the invariants.

mod held;
mod stock;
mod world;

use std::time::Duration;

use bifrost_protocol::control::{Drain, NodeSays};
use bifrost_protocol::ids::GroupName;

use super::*;
use crate::failover::LeaseState;
use crate::fleet::{HostKind, LinkId};
use world::{MAPS, Sim};

const SECOND: Duration = Duration::from_secs(1);

/// A fallback and two player hosts, settled.
fn realm(seed: u64) -> Sim {
    let mut sim = Sim::new(seed);
    sim.node("vps", HostKind::Fallback);
    sim.node("pc-1", HostKind::Player);
    sim.node("pc-2", HostKind::Player);
    sim.run(SECOND * 5);
    sim
}

fn holder(sim: &Sim, group: &str) -> (String, LinkId) {
    let lease = sim.fleet.lease(&GroupName(group.into())).expect("known group");
    assert!(matches!(lease.state, LeaseState::Live(..)), "{group}: {:?}", lease.state);
    let (host, link) = lease.state.holder().expect("live");
    (host.0.clone(), link)
}

fn phases(sim: &Sim) -> Vec<&Phase> {
    sim.fleet.sessions().map(|session| &session.phase).collect()
}

#[test]
fn groups_spread_over_player_hosts_and_the_town_stays_with_the_operator() {
    let sim = realm(1);
    assert_eq!(holder(&sim, "town").0, "vps");
    let mut hosts = [holder(&sim, "field").0, holder(&sim, "cave").0];
    hosts.sort();
    assert_eq!(hosts, ["pc-1", "pc-2"]);
}

#[test]
fn a_dead_host_is_noticed_within_a_second_and_its_players_play_on() {
    let mut sim = realm(2);
    for account in 1..=5 {
        sim.arrive(account, "field_map");
    }
    sim.run(SECOND);
    let (host, link) = holder(&sim, "field");
    sim.nodes.get_mut(&link).expect("a node").alive = false;
    sim.run(SECOND);
    assert_ne!(holder(&sim, "field").0, host);
    let live = holder(&sim, "field").1;
    assert_eq!(phases(&sim), vec![&Phase::Playing(live); 5]);
    let transfer = sim.fleet.all_transfers().last().expect("one");
    assert!(transfer.is_over() && transfer.missing.is_empty(), "{transfer:?}");
    assert_eq!((transfer.players, transfer.redirects.len()), (5, 5));
}

#[test]
fn a_drained_host_gives_its_players_away_with_their_last_state() {
    let mut sim = realm(3);
    sim.arrive(1, "field_map");
    sim.run(SECOND);
    let (host, link) = holder(&sim, "field");
    sim.give(Input::NodeSays(link, NodeSays::Drain(Drain::default())));
    sim.run(SECOND);
    let (now_at, live) = holder(&sim, "field");
    assert_ne!(now_at, host);
    assert_eq!(phases(&sim), [&Phase::Playing(live)]);
    assert!(sim.fleet.leases.held_by(link).is_empty(), "the drained host holds nothing");
}

#[test]
fn without_any_host_players_are_held_and_go_on_when_one_returns() {
    let mut sim = realm(4);
    sim.arrive(1, "town_map");
    sim.run(SECOND);
    let (_, link) = holder(&sim, "town");
    sim.nodes.get_mut(&link).expect("a node").alive = false;
    sim.run(SECOND * 2);
    assert_eq!(phases(&sim), [&Phase::Limbo { fresh: false }]);
    sim.node("vps-2", HostKind::Fallback);
    sim.run(SECOND);
    let live = holder(&sim, "town").1;
    assert_eq!(phases(&sim), [&Phase::Playing(live)]);
    assert!(sim.closed_by_us.is_empty());
}

#[test]
fn a_second_arrival_of_a_playing_account_is_refused() {
    let mut sim = realm(5);
    sim.arrive(1, "field_map");
    sim.run(SECOND);
    let second = sim.arrive(1, "field_map");
    sim.run(SECOND);
    assert!(!sim.clients.contains_key(&second), "the second is closed");
    assert_eq!(sim.fleet.sessions().count(), 1);
}

/// The coordinator is killed and comes back with what it had stored.
fn restart(sim: &mut Sim) {
    let (host, _) = holder(sim, "field");
    let lease = sim.fleet.lease(&GroupName("field".into())).expect("known");
    let stored = [(GroupName("field".into()), Some(bifrost_protocol::ids::HostId(host)), lease.epoch)];
    let orphans = sim.fleet.sessions().cloned().map(|mut session| {
        (session.phase, session.connection) = (Phase::Orphaned, None);
        session
    });
    let (config, groups) = (sim.fleet.config.clone(), sim.fleet.groups.clone());
    sim.fleet = Fleet::new(config, groups, &stored, orphans.collect());
    sim.give(Input::CharUp);
}

#[test]
fn a_restart_awaits_the_hosts_and_saves_what_they_report() {
    let mut sim = realm(6);
    sim.arrive(1, "field_map");
    sim.run(SECOND);
    let (host, link) = holder(&sim, "field");
    restart(&mut sim);
    let link = sim.reconnect(link);
    assert_eq!(holder(&sim, "field"), (host, link));
    sim.walk();
    sim.run(SECOND);
    let stored = &sim.characters[&1];
    assert!(!stored.online, "its final save went to the char-server");
    assert_ne!(stored.image.view().last_point.x, 5, "with what the host reported after the restart");
    assert_eq!(sim.fleet.sessions().count(), 0);
}

/// Random arrivals, walks, deaths of hosts, closed clients and char-server outages; then quiet.
fn story(seed: u64) -> Sim {
    let mut sim = realm(seed);
    for turn in 0..120 {
        match sim.number(12) {
            0..=3 => {
                let account = u32::try_from(1 + sim.number(12)).expect("small");
                let absent = !sim.clients.values().any(|known| *known == account);
                let gone = !sim.fleet.sessions().any(|session| session.account.0 == account);
                if absent && gone {
                    let map = MAPS[usize::try_from(sim.number(3)).expect("small")].1;
                    sim.arrive(account, map);
                }
            }
            4..=7 => sim.walk(),
            8 => {
                let connection = sim.clients.keys().next().copied();
                connection.into_iter().for_each(|connection| sim.leave(connection));
            }
            9 => {
                let alive: Vec<_> = sim.nodes.iter().filter(|(_, node)| node.alive).map(|(link, _)| *link).collect();
                let victim = alive.get(usize::try_from(sim.number(3)).expect("small")).copied();
                if let Some(node) = victim.and_then(|link| sim.nodes.get_mut(&link)) {
                    node.alive = false;
                }
            }
            10 => {
                let kind = if sim.number(3) == 0 { HostKind::Fallback } else { HostKind::Player };
                sim.node(&format!("host-{turn}"), kind);
            }
            _ => {
                sim.char_up = false;
                sim.give(Input::CharDown);
                sim.run(SECOND / 5);
                sim.char_up = true;
                sim.give(Input::CharUp);
            }
        }
        let pause = Duration::from_millis(sim.number(400));
        sim.run(pause);
    }
    sim.node("last-vps", HostKind::Fallback);
    sim.node("last-pc", HostKind::Player);
    sim.run(SECOND * 90);
    sim
}

#[test]
fn whatever_happens_every_player_ends_in_play_and_everyone_who_left_is_saved() {
    let (mut sessions, mut carried) = (0, 0);
    for seed in 0..40 {
        let sim = story(seed);
        sessions += sim.fleet.sessions().count();
        carried += sim.fleet.all_transfers().map(|transfer| transfer.players).sum::<usize>();
        for session in sim.fleet.sessions() {
            let (_, live) = holder(&sim, &session.group.0);
            assert_eq!(session.phase, Phase::Playing(live), "seed {seed}, account {}", session.account);
            assert!(session.connection.is_some_and(|connection| sim.clients.contains_key(&connection)), "seed {seed}");
        }
        let in_play: Vec<_> = sim.fleet.sessions().map(|session| session.account.0).collect();
        for (account, stored) in &sim.characters {
            assert_eq!(stored.online, in_play.contains(account), "seed {seed}, account {account}");
        }
        for account in sim.clients.values() {
            assert!(in_play.contains(account), "seed {seed}: client of {account} is connected but not in play");
        }
        assert!(sim.fleet.leaving.is_empty() && sim.fleet.arrivals.is_empty(), "seed {seed}");
        assert!(sim.fleet.transfers.is_empty(), "seed {seed}: {:?}", sim.fleet.transfers);
    }
    assert!(
        sessions > 40 && carried > 200,
        "the stories are about something: {sessions} in play, {carried} carried over"
    );
}

#[test]
fn the_same_seed_gives_the_same_story() {
    assert_eq!(story(7).log, story(7).log);
    assert_ne!(story(7).log, story(8).log);
}
