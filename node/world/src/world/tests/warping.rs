//! Warps, respawn, character select, and being held.

use super::*;

fn to_far(session: u64) -> WorldOutput {
    let map = bifrost_protocol::ids::MapName::new("far").expect("legal");
    WorldOutput::ChangeMap { session: SessionId(session), to: MapPoint { map, x: 7, y: 8 } }
}

#[test]
fn a_warp_to_a_map_of_this_world_is_taken_at_once() {
    let mut stage = Stage::new();
    stage.enter(1, 50, 85);
    stage.enter(2, 51, 85);
    stage.got(1);
    stage.take_others();
    stage.walk(1, 50, 95);
    stage.pass(3_000);
    assert_eq!(stage.place(1), ("two".into(), 10, 10), "four steps, then the warp's edge at row 89");
    let expected = ChangeMap { map: FixedText::new("two.gat"), x: 10, y: 10 };
    assert_eq!(stage.got(1).last(), Some(&expected.into()));
    let gone = Vanish { object: object(1), reason: VanishReason::OUT_OF_SIGHT };
    assert_eq!(stage.got(2).last(), Some(&gone.into()));
    stage.walk(1, 11, 11);
    stage.pass(1_000);
    assert_eq!(stage.place(1), ("two".into(), 10, 10), "nobody walks while the map loads");
    stage.send(1, Loaded {});
    stage.got(1);
    stage.walk(1, 11, 11);
    stage.pass(1_000);
    assert_eq!(stage.place(1), ("two".into(), 11, 11));
    assert_eq!(stage.take_others(), [], "it entered only once");
    let what = stage.world.take_logs().into_iter().map(|log| log.what).collect::<Vec<_>>();
    assert_eq!(what, ["enter", "enter", "warp"]);
}

#[test]
fn warps_are_seen() {
    let mut stage = Stage::new();
    stage.join(character(1, 50, 74), 1, false);
    stage.send(1, Loaded {});
    assert!(!stage.names(1).contains(&"UnitIdle"));
    stage.walk(1, 50, 76);
    stage.pass(500);
    let got = stage.got(1);
    let Some(MapToClient::UnitIdle(unit)) = got.last() else { panic!("{got:?}") };
    assert_eq!((unit.body.kind, unit.body.job, unit.at.x, unit.at.y), (UnitKind::NPC, 45, 50, 90));
    stage.walk(1, 50, 74);
    stage.pass(500);
    let gone = Vanish { object: ObjectId(FIRST_WARP_ID), reason: VanishReason::OUT_OF_SIGHT };
    assert_eq!(stage.got(1).last(), Some(&gone.into()));
}

fn at_the_border() -> Stage {
    let mut stage = Stage::new();
    stage.join(Character { at: Some(Place { map: "two".into(), x: 45, y: 50 }), ..character(1, 0, 0) }, 1, false);
    stage.send(1, Loaded {});
    stage.got(1);
    stage.take_others();
    stage.walk(1, 50, 50);
    stage.pass(2_000);
    stage
}

#[test]
fn a_warp_to_another_engine_holds_the_player_until_it_is_released() {
    let mut stage = at_the_border();
    assert_eq!(stage.take_others(), [to_far(1)]);
    assert_eq!(stage.place(1), ("two".into(), 49, 50));
    stage.got(1);
    stage.walk(1, 45, 50);
    stage.send(1, AskTime { client_tick: 0 });
    assert_eq!(stage.names(1), ["Time"], "only the time is told");
    stage.event(WorldEvent::Release { session: SessionId(1) });
    let outputs = stage.take_others();
    let [WorldOutput::Released { session: SessionId(1), last }] = outputs.as_slice() else { panic!("{outputs:?}") };
    assert_eq!(last.at.as_ref().map(|at| (at.x, at.y)), Some((49, 50)));
    assert!(stage.world.full_state().is_empty());
    assert_eq!(stage.world.next_wakeup(), None);
}

#[test]
fn one_who_stays_can_walk_on_and_try_again() {
    let mut stage = at_the_border();
    stage.got(1);
    stage.take_others();
    stage.event(WorldEvent::Stay { session: SessionId(1) });
    assert_eq!(stage.got(1), [StopAt { object: object(1), x: 49, y: 50 }.into()]);
    assert_eq!(stage.take_others(), []);
    stage.walk(1, 45, 50);
    stage.pass(1_000);
    stage.walk(1, 50, 50);
    stage.pass(1_000);
    assert_eq!(stage.take_others(), [to_far(1)]);
}

#[test]
fn character_select_waits_for_the_coordinator() {
    let mut stage = Stage::new();
    stage.enter(1, 30, 30);
    stage.take_others();
    stage.send(1, Restart { kind: RestartKind::CHARACTER_SELECT });
    assert_eq!(stage.take_others(), [WorldOutput::CharacterSelect { session: SessionId(1) }]);
    stage.send(1, Restart { kind: RestartKind::CHARACTER_SELECT });
    assert_eq!(stage.take_others(), [], "asked once");
    stage.event(WorldEvent::Stay { session: SessionId(1) });
    assert_eq!(stage.got(1), [QuitAck { result: 1 }.into()]);
    stage.send(1, Quit { unknown: 0 });
    assert_eq!(stage.got(1), [QuitAck { result: 0 }.into()]);
}

#[test]
fn only_the_dead_respawn() {
    let mut stage = Stage::new();
    stage.enter(1, 30, 30);
    stage.send(1, Restart { kind: RestartKind::RESPAWN });
    assert_eq!((stage.got(1), stage.place(1)), (vec![], ("one".into(), 30, 30)));
    stage.join(Character { hp: 0, ..character(2, 31, 30) }, 2, false);
    stage.send(2, Loaded {});
    stage.got(2);
    stage.walk(2, 33, 30);
    assert_eq!(stage.names(2), ["Vanish"], "the dead are shown dead again");
    stage.send(2, Restart { kind: RestartKind::RESPAWN });
    assert_eq!(stage.place(2), ("two".into(), 20, 21));
    assert_eq!(stage.world.full_state()[1].hp, 20);
    assert_eq!(stage.names(2), ["Status", "Status", "ChangeMap"]);
}

#[test]
fn a_lapsed_lease_stops_everybody_until_it_is_good_again() {
    let mut stage = Stage::new();
    stage.enter(1, 30, 30);
    stage.walk(1, 40, 30);
    stage.pass(150);
    stage.got(1);
    stage.join(character(2, 80, 80), 2, false);
    stage.got(2);
    stage.event(WorldEvent::Hold);
    assert_eq!(stage.got(1), [StopAt { object: object(1), x: 31, y: 30 }.into()]);
    stage.walk(1, 40, 30);
    stage.send(2, Loaded {});
    stage.pass(5_000);
    assert_eq!((stage.got(1), stage.got(2)), (vec![], vec![]));
    stage.send(1, AskTime { client_tick: 0 });
    assert_eq!(stage.names(1), ["Time"]);
    stage.event(WorldEvent::Resume);
    assert!(stage.names(2).contains(&"StatusWindow"), "a load is not forgotten");
    stage.walk(1, 32, 30);
    stage.pass(150);
    assert_eq!(stage.place(1), ("one".into(), 32, 30));
}

#[test]
fn warps_that_lead_onto_each_other_end_somewhere() {
    let config = WorldConfig {
        maps: vec![field("one", 40, 40)],
        warps: vec![warp("one", (10, 10), "one", (20, 20)), warp("one", (20, 20), "one", (10, 10))],
    };
    let mut stage = Stage { world: World::new(&config, 1).expect("legal"), ..Stage::new() };
    stage.enter(1, 10, 10);
    for _ in 0..20 {
        stage.send(1, Loaded {});
    }
    let changes = stage.got(1).iter().filter(|packet| matches!(packet, MapToClient::ChangeMap(_))).count();
    assert!(changes <= usize::from(limits::MAX_REWARPS) + 1, "{changes}");
}

#[test]
fn a_world_that_cannot_be_is_refused_with_a_reason() {
    let problem = |config: WorldConfig| World::new(&config, 1).expect_err("not legal").to_string();
    assert_eq!(problem(WorldConfig::default()), "a world has between 1 and 1,500 maps");
    let twice = WorldConfig { maps: vec![field("one", 4, 4), field("one", 4, 4)], warps: vec![] };
    assert_eq!(problem(twice), "two maps have one name");
    let named = WorldConfig { maps: vec![field("a b", 4, 4)], warps: vec![] };
    assert_eq!(problem(named), "map \"a b\": map: is not a legal map name");
    let warped = WorldConfig { maps: vec![field("one", 4, 4)], warps: vec![warp("two", (1, 1), "one", (1, 1))] };
    assert_eq!(problem(warped), "warp \"door\" on map \"two\": the map it stands on is not here");
    let far = WorldConfig { maps: vec![field("one", 4, 4)], warps: vec![warp("one", (1, 99_999), "one", (1, 1))] };
    assert_eq!(problem(far), "warp \"door\" on map \"one\": a number is too large");
}
