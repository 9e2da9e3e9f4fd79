//! Carrying a map group with a stock map-server: start, players, saves, hangs, crashes, reconnects, stop.

use std::time::Duration;

use bifrost_protocol::Packet;
use bifrost_protocol::client::map::{
    Act, Action, AskTime, Disconnect, EnteredAs, Loaded, PackedPosition, Time, Walk, WalkOk,
};
use bifrost_protocol::control::*;
use bifrost_protocol::ids::ObjectId;
use bifrost_protocol::inter::{AllOffline, Kick, KickReason, Saved};

use super::lab::*;
use super::realm::*;
use crate::NodeState;

/// A player in play under its session.
async fn player(peer: &Peer, inter: &mut Inter, session: u64) -> Game {
    let mut game = peer.game(&visitor(session, 7)).await;
    inter.let_in(session).await;
    game.until(EnteredAs::ID).await;
    game.say(&Loaded {}.encode()).await;
    inter.entered(session).await;
    game
}

fn walk(x: u16, y: u16) -> bytes::Bytes {
    Walk { to: PackedPosition { x, y, direction: 0 } }.encode()
}

fn attack() -> bytes::Bytes {
    Act { target: ObjectId(5), action: Action::ATTACK_ON }.encode()
}

async fn problem(peer: &mut Peer) -> String {
    let says = peer.hear().await;
    let NodeSays::Assigned(assigned) = says else { panic!("not Assigned: {says:?}") };
    assigned.problem
}

/// A node to which the fields are assigned, and nothing more.
async fn assigned_to(lab: &Lab, bundle: &Bundle) -> (crate::NodeHandle, Peer) {
    let node = lab.start_with(bundle.sources());
    let mut peer = lab.welcome().await;
    peer.tell(CoordinatorSays::Assign(fields(7))).await;
    (node, peer)
}

#[tokio::test]
async fn a_stock_server_is_started_taken_in_and_stopped() {
    let (lab, bundle) = (Lab::new(), Bundle::new(""));
    let (node, mut peer, mut inter) = host(&lab, &bundle).await;
    assert_eq!(peer.hello.engines, ["embedded", "rathena", "rathena-folder"]);
    let open = &inter.open;
    assert_eq!((open.token.as_str(), open.group.as_str(), open.epoch), ("token", "fields", 7));
    assert_ne!(open.instance, 0);
    assert_eq!(open.build.as_ref().map(|build| (build.packetver, build.renewal)), Some((20_211_103, false)));
    let [folder] = &run_folders(&lab)[..] else { panic!("not one run folder") };
    assert!(folder.join("conf/import/map_conf.txt").is_file());
    let turns = async { while peer.beat().await.turn_us == 0 {} };
    soon("a turn of the game loop", turns).await;
    peer.tell(CoordinatorSays::Revoke(Revoke { group: "fields".into(), epoch: 7, reason: "a test".into() })).await;
    let _last: AllOffline = inter.until().await;
    assert!(inter.hear().await.is_none(), "its stream ends in order");
    assert_eq!(peer.hear().await, NodeSays::Revoked(Revoked { group: "fields".into(), epoch: 7 }));
    assert_eq!(run_folders(&lab).len(), 0);
    node.shutdown().await;
}

#[tokio::test]
async fn a_player_plays_is_saved_and_leaves() {
    let (lab, bundle) = (Lab::new(), Bundle::new(""));
    let (node, peer, mut inter) = host(&lab, &bundle).await;
    let mut game = player(&peer, &mut inter, 1).await;
    reached(&node, |state| *state == NodeState::Hosting { groups: 1, players: 1 }).await;
    // Packets may come in pieces, and many at once.
    let ask = AskTime { client_tick: 1 }.encode();
    game.say(&ask[..3]).await;
    game.say(&ask[3..]).await;
    game.until(Time::ID).await;
    let hunt: Vec<u8> = (0..400).flat_map(|_| attack()).collect();
    game.say(&[&hunt[..], &walk(171, 371)].concat()).await;
    game.until(WalkOk::ID).await;
    let saved = inter.save(|saved| saved.character.image.view().last_point.x == 171).await;
    assert_eq!(saved.character.image.view().base_exp, 4_000);
    assert_eq!(saved.ids, [0x2b2e, 0x308b, 0x308b, 0x2b01]);
    game.send.finish().expect("open");
    let last = inter.save(|saved| saved.character.last == 1).await;
    assert_eq!((last.ids.first(), last.base), (Some(&0x2b1c), last.sequence - 1));
    inter.tell(&Saved { account: account(1), character: last.character.character }).await;
    reached(&node, |state| *state == NodeState::Hosting { groups: 1, players: 0 }).await;
    node.shutdown().await;
}

#[tokio::test]
async fn a_save_that_could_not_be_rebuilt_is_sent_whole() {
    let (lab, bundle) = (Lab::new(), Bundle::new(""));
    let (node, peer, mut inter) = host(&lab, &bundle).await;
    let _game = player(&peer, &mut inter, 1).await;
    let saved = inter.save(|saved| saved.base != 0).await;
    let character = saved.character.character.0;
    inter.order(InterOrder::Whole(WholeSave { character })).await;
    let whole = inter.save(|saved| saved.base == 0).await;
    assert!(whole.sequence > saved.sequence);
    node.shutdown().await;
}

#[tokio::test]
async fn a_planned_move_saves_and_lets_the_player_go() {
    let (lab, bundle) = (Lab::new(), Bundle::new(""));
    let (node, peer, mut inter) = host(&lab, &bundle).await;
    let mut game = player(&peer, &mut inter, 1).await;
    let mut other = player(&peer, &mut inter, 2).await;
    inter.tell(&Kick { account: account(1), reason: KickReason::OTHER_LOGIN }).await;
    assert_eq!(inter.save(|saved| saved.character.last == 1).await.character.account, account(1));
    game.until(Disconnect::ID).await;
    assert!(game.ended().await);
    // The client goes elsewhere before its engine knows.
    other.send.reset((StreamCode::Detached as u32).into()).expect("open");
    inter.tell(&Kick { account: account(2), reason: KickReason::OTHER_LOGIN }).await;
    assert_eq!(inter.save(|saved| saved.character.last == 1).await.character.account, account(2));
    other.until(Disconnect::ID).await;
    reached(&node, |state| *state == NodeState::Hosting { groups: 1, players: 0 }).await;
    node.shutdown().await;
}

#[tokio::test]
async fn streams_that_make_no_sense_are_refused() {
    let (lab, bundle) = (Lab::new(), Bundle::new(""));
    let (node, peer, mut inter) = host(&lab, &bundle).await;
    for enter in [vec![], vec![0x36, 0x04, 1], Loaded {}.encode().to_vec()] {
        let stream = peer.game(&GameOpen { enter, ..visitor(1, 7) }).await;
        assert!(!stream.ended().await);
    }
    let mut game = player(&peer, &mut inter, 1).await;
    game.say(&[0xff, 0xff, 1, 2, 3]).await;
    inter.save(|saved| saved.character.last == 1).await;
    assert!(!game.ended().await);
    node.shutdown().await;
}

#[tokio::test]
async fn a_server_that_dies_at_its_start_is_tried_again_and_then_told_with_its_last_lines() {
    let (lab, bundle) = (Lab::new(), Bundle::new("fault: die-at-start\n"));
    let (node, mut peer) = assigned_to(&lab, &bundle).await;
    let told = problem(&mut peer).await;
    assert!(told.contains("exit code 1") && told.contains("[Error]: npc_parsesrcfile"), "{told}");
    assert_eq!(run_folders(&lab).len(), 0);
    reached(&node, |state| matches!(state, NodeState::Connected { .. })).await;
    node.shutdown().await;
}

#[tokio::test]
async fn a_server_that_crashes_or_hangs_gives_its_group_back() {
    for (fault, expected) in [("die-after=300", "last lines"), ("hang-after=300", "stood still"), ("garbage", "0xffff")]
    {
        let (lab, bundle) = (Lab::new(), Bundle::new(&format!("fault: {fault}\n")));
        let (node, mut peer, _inter) = host(&lab, &bundle).await;
        let told = problem(&mut peer).await;
        assert!(told.contains(expected), "{fault}: {told}");
        assert_eq!(run_folders(&lab).len(), 0, "{fault}");
        node.shutdown().await;
    }
}

#[tokio::test]
async fn half_a_save_is_never_passed_on() {
    let (lab, bundle) = (Lab::new(), Bundle::new("fault: torn-save\n"));
    let (node, peer, mut inter) = host(&lab, &bundle).await;
    let _game = player(&peer, &mut inter, 1).await;
    let mut heard = Vec::new();
    while let Some(said) = inter.hear().await {
        heard.push(said);
    }
    let loose = |said: &Said| matches!(said, Said::Packet(packet) if packet.starts_with(&[0x2e, 0x2b]));
    assert!(heard.iter().any(|said| matches!(said, Said::Save(_))) && !heard.iter().any(loose), "{heard:?}");
    assert_eq!(Inter::accept(&peer).await.open.instance, inter.open.instance);
    node.shutdown().await;
}

#[tokio::test]
async fn a_server_that_does_not_stop_is_killed() {
    let (lab, bundle) = (Lab::new(), Bundle::new("fault: deaf\n"));
    let (node, mut peer, _inter) = host(&lab, &bundle).await;
    peer.tell(CoordinatorSays::Revoke(Revoke { group: "fields".into(), epoch: 7, reason: "a test".into() })).await;
    assert_eq!(peer.hear().await, NodeSays::Revoked(Revoked { group: "fields".into(), epoch: 7 }));
    assert_eq!(run_folders(&lab).len(), 0);
    node.shutdown().await;
}

#[tokio::test]
async fn what_cannot_be_served_is_told_at_once() {
    let (lab, bundle) = (Lab::new(), Bundle::new("fault: missing-map\n"));
    let (node, mut peer) = assigned_to(&lab, &bundle).await;
    let mut inter = Inter::accept(&peer).await;
    inter.tell(&bifrost_protocol::inter::LoginAnswer { result: bifrost_protocol::inter::LoginResult::ACCEPTED }).await;
    assert_eq!(problem(&mut peer).await, "the bundle does not have these maps: prt_fild05");
    let bad = MapData { name: "a\nb".into(), ..MapData::default() };
    peer.tell(CoordinatorSays::Assign(Assign { maps: vec![bad], ..fields(8) })).await;
    assert!(problem(&mut peer).await.contains("is not the name of a map"));
    let build = EngineBuild { abi: "amiga-m68k".into(), packetver: 20_211_103, renewal: false };
    let foreign = BundleRef { version: 1, build: Some(build), target: "map-server".into() };
    peer.tell(CoordinatorSays::Assign(Assign { bundle: Some(foreign), ..fields(8) })).await;
    assert!(problem(&mut peer).await.starts_with("the bundle is for amiga-m68k, this machine is "));
    peer.tell(CoordinatorSays::Assign(Assign { engine: "hercules".into(), ..fields(9) })).await;
    assert_eq!(problem(&mut peer).await, "has no such engine");
    node.shutdown().await;
    let (lab, bundle) = (Lab::new(), Bundle::new(""));
    let (node, mut peer) = assigned_to(&lab, &bundle).await;
    let refused = EngineRefused { reason: "20200401, not 20211103".into() };
    Inter::accept(&peer).await.order(InterOrder::Refused(refused)).await;
    assert!(problem(&mut peer).await.contains("20200401, not 20211103"));
    node.shutdown().await;
}

#[tokio::test]
async fn without_a_bundle_the_node_says_what_is_missing() {
    let lab = Lab::new();
    let node = lab.start();
    let mut peer = lab.welcome().await;
    assert_eq!(peer.hello.engines, ["embedded", "rathena"]);
    peer.tell(CoordinatorSays::Assign(fields(7))).await;
    assert_eq!(problem(&mut peer).await, "the coordinator names no bundle: its operator has to add one");
    node.shutdown().await;
}

#[tokio::test]
async fn after_a_lost_connection_the_engine_logs_in_again_and_tells_who_left() {
    let (lab, bundle) = (Lab::new(), Bundle::new(""));
    let (node, peer, mut inter) = host(&lab, &bundle).await;
    let mut game = player(&peer, &mut inter, 1).await;
    game.say(&walk(172, 372)).await;
    game.until(WalkOk::ID).await;
    peer.connection.close(1_u32.into(), b"gone");
    let peer = lab.welcome().await;
    assert_eq!(peer.hello.leases, [HeldLease { group: "fields".into(), epoch: 7 }]);
    let mut again = Inter::accept(&peer).await;
    assert_eq!((again.open.instance, again.open.epoch), (inter.open.instance, 7));
    assert_eq!(again.take_in().await, MAPS);
    let last = again.save(|saved| saved.character.last == 1).await;
    assert_eq!((last.sequence, last.character.image.view().last_point.x), (1, 172));
    again.tell(&Saved { account: account(1), character: last.character.character }).await;
    // Nothing answers 0x2b21, and a client that is faster than it on its own connection is not let in.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let _back = player(&peer, &mut again, 1).await;
    node.shutdown().await;
}

#[tokio::test]
async fn a_stream_that_the_coordinator_ends_is_followed_by_a_new_login() {
    let (lab, bundle) = (Lab::new(), Bundle::new(""));
    let (node, peer, mut inter) = host(&lab, &bundle).await;
    let mut game = player(&peer, &mut inter, 1).await;
    let instance = inter.open.instance;
    drop(inter);
    let mut again = Inter::accept(&peer).await;
    assert_eq!((again.open.instance, again.take_in().await.len()), (instance, 2));
    again.entered(1).await;
    game.say(&AskTime { client_tick: 1 }.encode()).await;
    game.until(Time::ID).await;
    node.shutdown().await;
}

#[tokio::test]
async fn players_are_held_while_the_lease_is_not_renewed() {
    let (lab, bundle) = (Lab::new(), Bundle::new(""));
    let node = lab.start_with(bundle.sources());
    let mut peer = lab.accept().await;
    peer.tell(CoordinatorSays::Welcome(Welcome { lease_ms: 400, ..terms(&[]) })).await;
    let answers = peer.answers();
    peer.tell(CoordinatorSays::Assign(fields(7))).await;
    let mut inter = Inter::accept(&peer).await;
    inter.take_in().await;
    let mut game = player(&peer, &mut inter, 1).await;
    answers.abort();
    for _ in 0..40 {
        peer.beat().await;
    }
    game.say(&AskTime { client_tick: 1 }.encode()).await;
    let held = tokio::time::timeout(Duration::from_millis(300), game.until(Time::ID)).await;
    assert!(held.is_err(), "nothing passes while players are held");
    let _answers = peer.answers();
    game.until(Time::ID).await;
    node.shutdown().await;
}
