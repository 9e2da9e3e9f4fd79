//! Clients that gateways hold come back after a restart of the coordinator.

use super::*;

/// One player on the field, its client held by a gateway; the coordinator has been restarted. Its host's old link.
fn restarted(seed: u64) -> (Sim, LinkId) {
    let mut sim = realm(seed);
    sim.held = true;
    sim.arrive(1, "field_map");
    sim.run(SECOND);
    let (_, link) = holder(&sim, "field");
    // The streams to its engine went with the coordinator.
    sim.clients.clear();
    sim.playing.clear();
    restart(&mut sim);
    (sim, link)
}

fn in_play(sim: &Sim) -> bool {
    let live = holder(sim, "field").1;
    phases(sim) == [&Phase::Playing(live)]
}

#[test]
fn a_client_that_is_back_before_its_host_waits_for_its_last_state() {
    let (mut sim, link) = restarted(11);
    sim.connect(1);
    sim.run(SECOND * 2);
    assert_eq!(phases(&sim), [&Phase::Orphaned], "what the engine knows is not here yet");
    sim.reconnect(link);
    sim.walk();
    sim.run(SECOND);
    assert!(in_play(&sim), "{:?}", phases(&sim));
    let session = sim.fleet.sessions().next().expect("one");
    assert_ne!(session.at.x, 5, "with what the host reported after the restart");
    assert!(sim.closed_by_us.is_empty());
}

#[test]
fn a_client_that_is_back_after_its_host_finds_its_session() {
    let (mut sim, link) = restarted(12);
    sim.reconnect(link);
    sim.walk();
    sim.run(SECOND * 5);
    assert_eq!(phases(&sim), [&Phase::Away], "its client is expected");
    assert!(sim.characters[&1].online, "to everybody else it has never been away");
    sim.connect(1);
    sim.run(SECOND);
    assert!(in_play(&sim) && sim.closed_by_us.is_empty());
}

#[test]
fn a_client_whose_host_does_not_come_back_goes_on_elsewhere() {
    let (mut sim, link) = restarted(13);
    sim.nodes.remove(&link);
    let others: Vec<_> = sim.nodes.keys().copied().collect();
    for other in others {
        sim.reconnect(other);
    }
    sim.connect(1);
    sim.run(SECOND * 15);
    assert!(in_play(&sim) && sim.closed_by_us.is_empty());
}

#[test]
fn a_client_that_does_not_come_back_is_saved_and_gone() {
    let (mut sim, link) = restarted(14);
    sim.reconnect(link);
    sim.walk();
    sim.run(SECOND * 90);
    assert_eq!(sim.fleet.sessions().count(), 0);
    assert!(!sim.characters[&1].online);
}

#[test]
fn who_does_not_know_the_secret_or_is_not_held_is_not_let_in() {
    let (mut sim, link) = restarted(15);
    sim.reconnect(link);
    sim.walk();
    sim.run(SECOND);
    let enter = bifrost_protocol::client::Enter {
        account: AccountId(1),
        character: CharacterId(1_001),
        login_id1: bifrost_protocol::Secret::new(6),
        client_tick: 0,
        unknown: 0,
        sex: 1,
    };
    let stranger = ConnectionId(9_999);
    sim.clients.insert(stranger, 1);
    sim.give(Input::Arrived(stranger, enter, std::net::Ipv4Addr::LOCALHOST, true));
    sim.run(SECOND);
    assert!(sim.closed_by_us.contains(&1), "the char-server does not expect it");
    assert_eq!(phases(&sim), [&Phase::Away], "and the player is still expected");
}

#[test]
fn a_stop_in_order_saves_a_held_player_and_keeps_its_session() {
    let mut sim = realm(16);
    sim.held = true;
    sim.arrive(1, "field_map");
    sim.arrive(2, "field_map");
    sim.run(SECOND);
    sim.walk();
    sim.run(SECOND / 2);
    sim.fleet.shut_down();
    sim.run(SECOND * 3);
    assert_eq!(sim.fleet.sessions().count(), 0, "nobody is waited for");
    assert!(sim.fleet.leaving.is_empty());
    assert!(sim.characters[&1].online && sim.characters[&2].online, "no final save was made");
    assert!(
        sim.log.iter().filter(|line| line.contains("Begin")).count() >= 4,
        "begun twice each: at first, and to be kept"
    );
}
