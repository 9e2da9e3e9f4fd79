//! Chat, emotions, names, sitting, and clients that break the rules.

use super::*;

fn says(stage: &mut Stage, session: u64, text: &str) {
    stage.send(session, Say { text: text.into() });
}

fn problem(stage: &mut Stage) -> String {
    match stage.take_others().pop() {
        Some(WorldOutput::Misbehaved { problem, .. }) => problem,
        other => panic!("no misbehaviour but {other:?}"),
    }
}

#[test]
fn what_is_said_is_heard_nine_cells_away() {
    let mut stage = Stage::new();
    stage.enter(1, 30, 30);
    stage.enter(2, 39, 30);
    stage.enter(3, 40, 30);
    (1..4).for_each(|session| drop(stage.got(session)));
    says(&mut stage, 1, "player1 : hello\0");
    assert_eq!(stage.got(1), [OwnSays { text: b"player1 : hello\0".to_vec() }.into()]);
    assert_eq!(stage.got(2), [UnitSays { object: object(1), text: b"player1 : hello\0".to_vec() }.into()]);
    assert_eq!(stage.got(3), []);
}

#[test]
fn too_long_or_empty_words_are_not_passed_on() {
    let mut stage = Stage::new();
    stage.enter(1, 30, 30);
    says(&mut stage, 1, &format!("player1 : {}", "x".repeat(255)));
    says(&mut stage, 1, "player1 : ");
    assert_eq!(stage.got(1), []);
    says(&mut stage, 1, &format!("player1 : {}", "x".repeat(254)));
    assert_eq!(stage.names(1), ["OwnSays"]);
}

#[test]
fn a_chatterbox_is_heard_only_so_often() {
    let mut stage = Stage::new();
    stage.enter(1, 30, 30);
    (0..100).for_each(|_| says(&mut stage, 1, "player1 : spam"));
    assert_eq!(stage.names(1).len(), limits::MESSAGE_BURST as usize);
}

#[test]
fn to_speak_in_another_name_is_misbehaviour() {
    let mut stage = Stage::new();
    stage.enter(1, 30, 30);
    stage.take_others();
    says(&mut stage, 1, "player2 : hello");
    assert_eq!(problem(&mut stage), "speaks in another name");
    stage.walk(1, 31, 30);
    says(&mut stage, 1, "player2 : hello");
    assert_eq!((stage.got(1), stage.take_others()), (vec![], vec![]), "it is listened to no more");
}

#[test]
fn a_whisper_reaches_one_or_fails_clearly() {
    let mut stage = Stage::new();
    stage.enter(1, 30, 30);
    stage.enter(2, 90, 90);
    stage.send(1, Whisper { to: FixedText::new("player2"), text: b"psst".to_vec() });
    stage.send(1, Whisper { to: FixedText::new("nobody"), text: b"psst".to_vec() });
    let ack = |result| MapToClient::from(WhisperAck { result, character: bifrost_protocol::ids::CharacterId(150_001) });
    assert_eq!(stage.got(1), [ack(WhisperResult::SUCCESS), ack(WhisperResult::OFFLINE)]);
    let from = FixedText::new("player1");
    assert_eq!(stage.got(2), [Whispered { object: object(1), from, is_admin: 0, text: b"psst\0".to_vec() }.into()]);
}

#[test]
fn sitting_stops_a_walk_and_standing_up_allows_the_next() {
    let mut stage = Stage::new();
    stage.enter(1, 30, 30);
    stage.walk(1, 35, 30);
    stage.pass(150);
    stage.got(1);
    stage.send(1, Act { target: ObjectId(0), action: Action::SIT });
    let got = stage.got(1);
    let [MapToClient::StopAt(at), MapToClient::UnitAct(act)] = got.as_slice() else { panic!("{got:?}") };
    assert_eq!((at.x, at.y, act.kind), (31, 30, ActKind::SIT));
    assert!(stage.world.full_state()[0].sitting);
    stage.walk(1, 35, 30);
    assert_eq!(stage.names(1), [] as [&str; 0]);
    stage.enter(2, 32, 30);
    stage.send(1, Act { target: ObjectId(0), action: Action::STAND });
    stage.walk(1, 35, 30);
    assert_eq!(stage.names(2), ["UnitAct", "UnitWalking"]);
}

#[test]
fn one_who_sat_when_its_engine_failed_still_sits() {
    let mut stage = Stage::new();
    stage.enter(1, 30, 30);
    stage.join(Character { sitting: true, ..character(2, 31, 30) }, 2, true);
    stage.send(2, Loaded {});
    assert!(stage.names(2).contains(&"UnitAct"));
    let seen = stage.got(1);
    let Some(MapToClient::UnitIdle(unit)) = seen.first() else { panic!("{seen:?}") };
    assert_eq!(unit.posture, Posture::SITTING);
}

#[test]
fn turning_and_emotions_are_shown_to_others() {
    let mut stage = Stage::new();
    stage.enter(1, 30, 30);
    stage.enter(2, 31, 30);
    stage.got(1);
    stage.send(1, Turn { head: 1, body: 3 });
    assert_eq!(stage.got(2), [UnitTurned { object: object(1), head: 1, body: 3 }.into()]);
    stage.send(1, Turn { head: 1, body: 9 });
    stage.send(1, Emote { emotion: 3 });
    let emotion = MapToClient::from(UnitEmotion { object: object(1), emotion: 3 });
    assert_eq!((stage.got(1), stage.got(2)), (vec![emotion.clone()], vec![emotion]));
    stage.send(1, Emote { emotion: 3 });
    assert_eq!((stage.names(1), stage.names(2)), (vec!["SkillFailed"], vec![]), "one a second");
    stage.pass(1_000);
    stage.send(1, Emote { emotion: 200 });
    assert_eq!(stage.names(1), [] as [&str; 0]);
}

#[test]
fn names_are_told_of_what_is_in_sight() {
    let mut stage = Stage::new();
    stage.enter(1, 50, 80);
    stage.enter(2, 51, 80);
    stage.enter(3, 90, 10);
    stage.got(1);
    stage.send(1, AskName { object: object(2) });
    stage.send(1, AskName { object: object(3) });
    stage.send(1, AskName { object: ObjectId(FIRST_WARP_ID) });
    stage.send(1, AskName { object: ObjectId(FIRST_WARP_ID + 1) });
    stage.send(1, AskCharacterName { character: bifrost_protocol::ids::CharacterId(150_003) });
    stage.send(1, AskPlayerCount {});
    let got = stage.got(1);
    let [
        MapToClient::PlayerName(player),
        MapToClient::NpcName(warp),
        MapToClient::CharacterName(known),
        MapToClient::PlayerCount(count),
    ] = got.as_slice()
    else {
        panic!("{got:?}")
    };
    assert_eq!((player.name.to_text(), warp.name.to_text()), ("player2".into(), "door".into()));
    assert_eq!((known.name.to_text(), count.players), ("player3".into(), 3));
}

#[test]
fn broken_and_unknown_packets_are_misbehaviour_and_needless_ones_are_not() {
    let cases: [(&[u8], bool); 10] = [
        (&[], true),
        (&[0x5f], true),
        (&[0x5f, 0x03, 1], true),
        (&[0xff, 0xff], true),
        (&[0xf3, 0x00, 3, 0], true),
        (
            &Enter {
                account: AccountId(1),
                character: bifrost_protocol::ids::CharacterId(1),
                login_id1: bifrost_protocol::Secret::new(1),
                client_tick: 0,
                unknown: 0,
                sex: 0,
            }
            .encode(),
            true,
        ),
        (&[0x62, 0x03, 1, 0, 0, 0], false),
        (&[0x62, 0x03, 1, 0, 0], true),
        (&[0x90, 0x00, 1, 0, 0, 0, 0], false),
        (&[0x7d, 0x00], false),
    ];
    for (packet, wrong) in cases {
        let mut stage = Stage::new();
        stage.enter(1, 30, 30);
        stage.take_others();
        stage.event(WorldEvent::Packet { session: SessionId(1), packet: Bytes::copy_from_slice(packet) });
        let reported = matches!(stage.take_others().as_slice(), [WorldOutput::Misbehaved { .. }]);
        assert_eq!(reported, wrong, "{packet:02x?}");
    }
}

#[test]
fn what_does_not_exist_here_is_refused_as_a_stock_server_would() {
    let mut stage = Stage::new();
    stage.enter(1, 30, 30);
    for (id, _, len) in RefusedRequest::IDS {
        let mut packet = id.to_le_bytes().to_vec();
        packet.resize(len.unwrap_or(20), 0);
        if len.is_none() {
            packet[2] = 20;
        }
        stage.event(WorldEvent::Packet { session: SessionId(1), packet: packet.into() });
    }
    assert_eq!(stage.names(1).len(), RefusedRequest::IDS.len());
    stage.send(1, TakeItem { object: ObjectId(5) });
    let got = stage.got(1);
    assert!(matches!(got.as_slice(), [MapToClient::ItemTaken(taken)] if taken.result != 0), "{got:?}");
}

#[test]
fn a_flood_is_misbehaviour() {
    let mut stage = Stage::new();
    stage.enter(1, 30, 30);
    stage.take_others();
    (0..limits::PACKET_BURST * 2).for_each(|_| stage.send(1, AskTime { client_tick: 0 }));
    assert_eq!(problem(&mut stage), "sends more packets than any client does");
    assert!(stage.got(1).len() <= limits::PACKET_BURST as usize);
}

proptest::proptest! {
    #[test]
    fn no_bytes_from_a_client_panic(packets in proptest::collection::vec(proptest::collection::vec(proptest::prelude::any::<u8>(), 0..40), 0..20)) {
        let mut stage = Stage::new();
        stage.enter(1, 30, 30);
        for packet in packets {
            stage.event(WorldEvent::Packet { session: SessionId(1), packet: packet.into() });
            stage.pass(50);
        }
    }

    #[test]
    fn any_requests_leave_the_player_on_a_walkable_cell(requests in proptest::collection::vec((0_usize..ClientToMap::IDS.len(), proptest::collection::vec(proptest::prelude::any::<u8>(), 60)), 0..60)) {
        let mut stage = Stage::new();
        stage.enter(1, 48, 85);
        for (which, body) in requests {
            let (id, _, len) = ClientToMap::IDS[which];
            let len = len.unwrap_or(40);
            let mut packet = id.to_le_bytes().to_vec();
            packet.extend_from_slice(&body[..len - 2]);
            if ClientToMap::IDS[which].2.is_none() {
                packet[2..4].copy_from_slice(&40_u16.to_le_bytes());
            }
            stage.event(WorldEvent::Packet { session: SessionId(1), packet: packet.into() });
            stage.pass(90);
        }
        let (_, x, y) = stage.place(1);
        proptest::prop_assert!(Spot::new(x as u16, y as u16).distance(Spot::new(0, 0)) < 100);
    }
}
