//! Entering, sight and walking.

use super::*;

#[test]
fn a_client_is_told_who_and_where_it_is_before_it_loads() {
    let mut stage = Stage::new();
    stage.join(character(1, 30, 40), 1, false);
    let got = stage.got(1);
    assert_eq!(got[0], EnteredAs { account: AccountId(2_000_001) }.into());
    let MapToClient::AcceptEnter(accept) = &got[2] else { panic!("not accepted: {:?}", got[2]) };
    assert_eq!((accept.at.x, accept.at.y), (30, 40));
    assert_eq!(got[4], ChangeMap { map: FixedText::new("one.gat"), x: 30, y: 40 }.into());
    assert_eq!(stage.take_others(), []);
    stage.send(1, Loaded {});
    assert_eq!(stage.take_others(), [WorldOutput::Entered { session: SessionId(1) }]);
    let names = stage.names(1);
    for name in ["InventoryStart", "MapProperty", "Skills", "Hotkeys", "StatusWindow", "Reputation"] {
        assert!(names.contains(&name), "{name} of {names:?}");
    }
    stage.send(1, Loaded {});
    assert_eq!((stage.names(1), stage.take_others()), (vec![], vec![]), "loading twice means nothing");
}

#[test]
fn one_who_comes_from_another_server_is_not_sent_to_its_map_again() {
    let mut stage = Stage::new();
    stage.join(character(1, 30, 40), 1, true);
    assert!(!stage.names(1).contains(&"ChangeMap"));
}

#[test]
fn players_see_each_other_come_and_go() {
    let mut stage = Stage::new();
    stage.enter(1, 30, 30);
    stage.enter(2, 60, 30);
    assert_eq!(stage.names(1), [] as [&str; 0], "out of sight");
    stage.join(character(3, 40, 40), 3, false);
    assert_eq!(stage.names(1), [] as [&str; 0], "still loading");
    stage.got(3);
    stage.send(3, Loaded {});
    let spawned = stage.got(1);
    let [MapToClient::UnitSpawn(unit)] = spawned.as_slice() else { panic!("{spawned:?}") };
    assert_eq!((unit.body.object, unit.at.x, unit.at.y), (object(3), 40, 40));
    assert_eq!((unit.tail.name.to_text(), unit.body.hair, unit.robe.sex), ("player3".into(), 3, 1));
    assert!(stage.names(3).contains(&"UnitIdle"));
    stage.event(WorldEvent::Leave { session: SessionId(3) });
    assert_eq!(stage.got(1), [Vanish { object: object(3), reason: VanishReason::LOGGED_OUT }.into()]);
}

#[test]
fn walking_takes_150_ms_a_cell_and_210_over_corners() {
    let mut stage = Stage::new();
    stage.enter(1, 30, 30);
    stage.pass(1_000);
    stage.walk(1, 32, 32);
    let path = PackedMove::new((30, 30), (32, 32));
    assert_eq!(stage.got(1), [WalkOk { start_time: 1_000, path }.into()]);
    stage.pass(209);
    assert_eq!(stage.place(1), ("one".into(), 30, 30));
    stage.pass(1);
    assert_eq!(stage.place(1), ("one".into(), 31, 31));
    stage.pass(210);
    assert_eq!(stage.place(1), ("one".into(), 32, 32));
    stage.walk(1, 32, 35);
    stage.pass(449);
    assert_eq!(stage.place(1), ("one".into(), 32, 34));
    stage.pass(1);
    assert_eq!(stage.place(1), ("one".into(), 32, 35));
    assert_eq!(stage.world.next_wakeup(), Some(PING_INTERVAL), "nobody walks any more");
}

#[test]
fn a_step_that_is_late_does_not_slow_the_walk_unless_it_is_very_late() {
    let mut stage = Stage::new();
    stage.enter(1, 30, 30);
    stage.walk(1, 40, 30);
    stage.now = Duration::from_millis(460);
    stage.event(WorldEvent::Tick);
    assert_eq!(stage.place(1), ("one".into(), 33, 30));
    stage.now = Duration::from_millis(5_000);
    stage.event(WorldEvent::Tick);
    assert_eq!(stage.place(1), ("one".into(), 34, 30), "no leap after a pause");
}

#[test]
fn a_new_aim_takes_effect_at_the_next_cell() {
    let mut stage = Stage::new();
    stage.enter(1, 30, 30);
    stage.enter(2, 31, 31);
    stage.got(1);
    stage.walk(1, 40, 30);
    stage.pass(100);
    assert_eq!((stage.names(1), stage.names(2)), (vec!["WalkOk"], vec!["UnitWalking"]));
    stage.walk(1, 31, 40);
    assert_eq!((stage.names(1), stage.names(2)), (vec![], vec![]));
    stage.pass(50);
    let got = stage.got(1);
    let path = PackedMove::new((31, 30), (31, 40));
    assert_eq!(got, [WalkOk { start_time: 150, path }.into()]);
    stage.pass(1_500);
    assert_eq!(stage.place(1), ("one".into(), 31, 40));
}

#[test]
fn walking_brings_others_in_sight_and_out_of_it() {
    let mut stage = Stage::new();
    stage.enter(1, 30, 30);
    stage.enter(2, 46, 30);
    stage.walk(1, 40, 30);
    stage.pass(150);
    assert_eq!(stage.names(2), [] as [&str; 0], "15 cells are out of sight");
    stage.got(1);
    stage.pass(150);
    let seen = stage.got(2);
    let [MapToClient::UnitWalking(unit)] = seen.as_slice() else { panic!("{seen:?}") };
    assert_eq!((unit.object, unit.path), (object(1), PackedMove::new((32, 30), (40, 30))));
    assert_eq!(stage.names(1), ["UnitIdle"]);
    stage.walk(1, 24, 30);
    stage.pass(3_000);
    let gone = MapToClient::from(Vanish { object: object(1), reason: VanishReason::OUT_OF_SIGHT });
    assert_eq!(stage.got(2).last(), Some(&gone));
    let gone = MapToClient::from(Vanish { object: object(2), reason: VanishReason::OUT_OF_SIGHT });
    assert!(stage.got(1).contains(&gone));
}

#[test]
fn where_one_cannot_walk_there_is_no_answer() {
    let mut stage = Stage::new();
    stage.enter(1, 30, 30);
    stage.walk(1, 60, 30);
    stage.walk(1, 1_000, 30);
    assert_eq!(stage.names(1), [] as [&str; 0]);
    stage.walk(1, 30, 30);
    assert_eq!(stage.names(1), ["WalkOk"], "a walk to one's own cell is answered");
    assert_eq!(stage.world.next_wakeup(), Some(PING_INTERVAL));
}

#[test]
fn the_same_seed_and_events_give_the_same_outputs() {
    let run = || {
        let mut stage = Stage::new();
        for session in 1..30 {
            stage.enter(session, 20 + session as u32 * 2, 30);
            stage.walk(session, 25 + session as u16, 31 + session as u16 % 5);
            stage.pass(130);
            stage.send(session, Emote { emotion: 58 });
        }
        stage.join(Character { at: Some(Place { map: "two".into(), x: 0, y: 0 }), ..character(40, 0, 0) }, 40, false);
        stage.pass(5_000);
        (format!("{:?}", stage.packets), stage.others, stage.world.take_updates())
    };
    assert_eq!(run(), run());
}

#[test]
fn updates_name_each_changed_player_once() {
    let mut stage = Stage::new();
    stage.enter(1, 30, 30);
    stage.enter(2, 31, 30);
    assert_eq!(stage.world.take_updates().len(), 2);
    stage.walk(1, 33, 30);
    stage.pass(1_000);
    let updates = stage.world.take_updates();
    assert_eq!(updates.iter().map(|update| update.session).collect::<Vec<_>>(), [1]);
    assert_eq!(updates[0].direction, u32::from(crate::Direction::East.number()));
    assert!(!stage.world.has_updates());
}

#[test]
fn a_silent_connection_is_pinged() {
    let mut stage = Stage::new();
    stage.enter(1, 30, 30);
    stage.pass(29_000);
    assert_eq!(stage.names(1), [] as [&str; 0]);
    stage.pass(1_000);
    assert_eq!(stage.names(1), ["Ping"]);
    stage.send(1, Pong {});
    stage.send(1, AskTime { client_tick: 1 });
    assert_eq!(stage.got(1), [Time { server_tick: 30_000 }.into()]);
}

#[test]
fn a_second_session_of_an_account_replaces_the_first() {
    let mut stage = Stage::new();
    stage.enter(1, 30, 30);
    let again = Character { account: 2_000_001, ..character(2, 35, 35) };
    stage.take_others();
    stage.join(again, 2, false);
    let outputs = stage.take_others();
    assert!(matches!(outputs[0], WorldOutput::Released { session: SessionId(1), .. }), "{outputs:?}");
    assert_eq!(stage.world.sessions().collect::<Vec<_>>(), [SessionId(2)]);
}

#[test]
fn a_character_of_another_map_is_not_let_in() {
    let mut stage = Stage::new();
    for place in
        [None, Some(Place { map: "far".into(), x: 1, y: 1 }), Some(Place { map: "no good".into(), x: 1, y: 1 })]
    {
        stage.join(Character { at: place, ..character(1, 0, 0) }, 1, false);
        assert!(matches!(stage.take_others().as_slice(), [WorldOutput::Released { .. }]));
    }
    stage.join(Character { account: FIRST_WARP_ID, ..character(1, 0, 0) }, 1, false);
    assert!(matches!(stage.take_others().as_slice(), [WorldOutput::Released { .. }]));
    assert!(stage.world.full_state().is_empty());
}

/// The objects a client believes to be in sight, by the packets it got.
#[derive(Default)]
struct Eyes(std::collections::BTreeSet<ObjectId>);

impl Eyes {
    fn see(&mut self, packets: Vec<MapToClient>) {
        for packet in packets {
            if let MapToClient::UnitSpawn(UnitSpawn { body, .. }) | MapToClient::UnitIdle(UnitIdle { body, .. }) =
                &packet
            {
                assert!(self.0.insert(body.object), "nothing appears twice");
            } else if let MapToClient::UnitWalking(unit) = &packet {
                // Also sent when one in sight starts to walk.
                self.0.insert(unit.object);
            } else if let MapToClient::Vanish(vanish) = &packet {
                assert!(self.0.remove(&vanish.object), "only what is seen vanishes");
            } else if let MapToClient::ChangeMap(_) = &packet {
                // A client forgets everything when it changes maps.
                self.0.clear();
            }
        }
    }
}

proptest::proptest! {
    #[test]
    fn clients_know_exactly_what_is_in_sight(moves in proptest::collection::vec((1_u64..9, 20_u16..60, 30_u16..95, 0_u64..700), 1..80)) {
        let mut stage = Stage::new();
        let mut eyes = BTreeMap::<u64, Eyes>::new();
        for session in 1..9 {
            stage.join(character(session, 25 + session as u32 * 4, 60), session, false);
            stage.send(session, Loaded {});
        }
        for (session, x, y, millis) in moves {
            match x {
                20 => stage.event(WorldEvent::Leave { session: SessionId(session) }),
                21 => stage.send(session, Loaded {}),
                22 => stage.send(session, Act { target: ObjectId(0), action: Action::SIT }),
                23 => stage.send(session, Act { target: ObjectId(0), action: Action::STAND }),
                _ => stage.walk(session, x, y),
            }
            stage.pass(millis);
        }
        for session in 1..9 {
            eyes.entry(session).or_default().see(stage.got(session));
        }
        let all = stage.world.full_state();
        let place = |update: &bifrost_protocol::control::PlayerUpdate| update.at.clone().expect("stands somewhere");
        let spot = |place: &Place| Spot::new(place.x as u16, place.y as u16);
        for viewer in &all {
            let here = place(viewer);
            if !stage.world.players[&SessionId(viewer.session)].is_visible() {
                continue;
            }
            let seen = &eyes[&viewer.session].0;
            for other in all.iter().filter(|other| other.session != viewer.session) {
                let there = place(other);
                let near = there.map == here.map && spot(&there).distance(spot(&here)) <= SIGHT_RANGE;
                let visible = stage.world.players[&SessionId(other.session)].is_visible() && near;
                proptest::prop_assert_eq!(seen.contains(&object(other.session)), visible, "{} sees {}", viewer.session, other.session);
            }
        }
    }
}
