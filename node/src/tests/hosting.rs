//! Carrying a map group: players, state, reconnects, leases, revocation.

use std::time::Duration;

use bifrost_protocol::Packet;
use bifrost_protocol::client::map::{AskTime, Loaded, PackedPosition, Time, Walk, WalkOk};
use bifrost_protocol::control::*;
use quinn::ReadError;

use super::lab::*;
use crate::{NodeState, StopCode};

/// 0x0283: the first packet an engine sends.
const ENTERED_AS: u16 = 0x0283;

fn released(session: u64) -> EngineSays {
    EngineSays::Released(SessionRef { session })
}

/// A player in play under session 1.
async fn player(peer: &Peer, sync: &mut Sync) -> Game {
    let mut game = peer.game(&arrival(1, 7)).await;
    game.until(ENTERED_AS).await;
    game.say(&Loaded {}.encode()).await;
    sync.until(|says| *says == EngineSays::Entered(SessionRef { session: 1 })).await;
    game
}

fn walk(x: u16, y: u16) -> bytes::Bytes {
    Walk { to: PackedPosition { x, y, direction: 0 } }.encode()
}

#[tokio::test]
async fn a_player_comes_plays_and_leaves() {
    let lab = Lab::new();
    let (node, peer, mut sync) = lab.host().await;
    assert_eq!((sync.open.token.as_str(), sync.open.group.as_str(), sync.open.epoch), ("token", "town", 7));
    let mut game = player(&peer, &mut sync).await;
    reached(&node, |state| *state == NodeState::Hosting { groups: 1, players: 1 }).await;
    // A packet may come in pieces.
    let ask = AskTime { client_tick: 1 }.encode();
    game.say(&ask[..3]).await;
    game.say(&ask[3..]).await;
    game.until(Time::ID).await;
    game.say(&walk(42, 34)).await;
    game.until(WalkOk::ID).await;
    game.send.finish().expect("open");
    let heard = sync.until(|says| *says == released(1)).await;
    let [.., EngineSays::Sync(last), EngineSays::Released(_)] = &heard[..] else {
        panic!("no state before: {heard:?}")
    };
    assert!(last.open().expect("sealed").player_updates.iter().any(|player| player.session == 1));
    assert!(game.ended().await);
    reached(&node, |state| *state == NodeState::Hosting { groups: 1, players: 0 }).await;
    node.shutdown().await;
}

#[tokio::test]
async fn a_released_session_ends_its_stream() {
    let lab = Lab::new();
    let (node, peer, mut sync) = lab.host().await;
    let game = player(&peer, &mut sync).await;
    sync.order(EngineOrder::Release(SessionRef { session: 1 })).await;
    sync.until(|says| *says == released(1)).await;
    assert!(game.ended().await);
    sync.order(EngineOrder::Release(SessionRef { session: 1 })).await;
    sync.until(|says| *says == released(1)).await;
    node.shutdown().await;
}

#[tokio::test]
async fn streams_for_what_is_not_leased_here_are_refused() {
    let lab = Lab::new();
    let (node, peer, _sync) = lab.host().await;
    let refused = |stream: Game| async { stream.ended().await };
    assert!(!refused(peer.game(&arrival(1, 6)).await).await, "an old epoch");
    assert!(!refused(peer.game(&GameOpen { group: "ridge".into(), ..arrival(1, 7) }).await).await, "another group");
    let (mut send, mut recv) = peer.connection.open_bi().await.expect("a stream");
    send.write_all(&[StreamKind::Game as u8, 0xff, 0xff, 0xff, 0xff, 0x7f]).await.expect("written");
    let refused = StreamCode::Refused as u32;
    assert_eq!(recv.read(&mut [0]).await, Err(ReadError::Reset(refused.into())), "a header that is too long");
    let (mut send, mut recv) = peer.connection.open_bi().await.expect("a stream");
    send.write_all(&[StreamKind::Database as u8]).await.expect("written");
    assert_eq!(recv.read(&mut [0]).await, Err(ReadError::Reset(refused.into())), "a kind that is not for it");
    while peer.beat().await.errors < 4 {}
    node.shutdown().await;
}

#[tokio::test]
async fn garbage_from_a_client_costs_it_the_session() {
    let lab = Lab::new();
    let (node, peer, mut sync) = lab.host().await;
    let mut game = player(&peer, &mut sync).await;
    game.say(&[0xff, 0xff, 1, 2, 3]).await;
    sync.until(|says| *says == released(1)).await;
    assert!(!game.ended().await);
    node.shutdown().await;
}

#[tokio::test]
async fn sessions_survive_a_lost_connection() {
    let lab = Lab::new();
    let (node, peer, mut sync) = lab.host().await;
    let _game = player(&peer, &mut sync).await;
    peer.connection.close(1_u32.into(), b"gone");
    let mut peer = lab.accept().await;
    assert_eq!(peer.hello.leases, [HeldLease { group: "town".into(), epoch: 7 }]);
    peer.tell(CoordinatorSays::Welcome(terms(&peer.hello.leases))).await;
    let mut again = peer.sync().await;
    assert_eq!(again.state().await, (true, vec![1]));
    again.order(EngineOrder::Release(SessionRef { session: 1 })).await;
    again.until(|says| *says == released(1)).await;
    node.shutdown().await;
}

#[tokio::test]
async fn what_left_unconfirmed_is_told_again_after_a_reconnect() {
    let lab = Lab::new();
    let (node, peer, mut sync) = lab.host().await;
    let mut game = player(&peer, &mut sync).await;
    game.send.finish().expect("open");
    let heard = sync.until(|says| *says == released(1)).await;
    let sequence =
        heard.iter().filter_map(|says| if let EngineSays::Sync(sync) = says { Some(sync.sequence) } else { None });
    let last = sequence.max().expect("a sync");
    peer.connection.close(1_u32.into(), b"gone");
    let peer = lab.welcome().await;
    let mut again = peer.sync().await;
    let Some(EngineSays::Sync(full)) = again.hear().await else { panic!("not a sync") };
    assert_eq!((full.full, full.sequence), (true, last + 1), "sequences go on within the epoch");
    assert_eq!(again.hear().await, Some(released(1)));
    again.order(EngineOrder::Ack(SyncAck { sequence: last + 1 })).await;
    again.order(EngineOrder::Resync(Resync { reason: "gap".into() })).await;
    assert_eq!(again.state().await, (true, Vec::new()), "what is confirmed is forgotten");
    node.shutdown().await;
}

#[tokio::test]
async fn a_lease_that_was_given_away_ends_and_a_new_one_starts_over() {
    let lab = Lab::new();
    let (node, peer, mut sync) = lab.host().await;
    let _game = player(&peer, &mut sync).await;
    peer.connection.close(1_u32.into(), b"gone");
    let mut peer = lab.accept().await;
    peer.tell(CoordinatorSays::Welcome(terms(&[]))).await;
    reached(&node, |state| matches!(state, NodeState::Connected { .. })).await;
    peer.tell(CoordinatorSays::Assign(town(9))).await;
    assert!(matches!(peer.hear().await, NodeSays::Assigned(assigned) if assigned.problem.is_empty()));
    let mut sync = peer.sync().await;
    assert_eq!((sync.open.epoch, sync.state().await), (9, (true, Vec::new())));
    node.shutdown().await;
}

#[tokio::test]
async fn players_are_held_while_the_lease_is_not_renewed() {
    let lab = Lab::new();
    let node = lab.start();
    let mut peer = lab.accept().await;
    peer.tell(CoordinatorSays::Welcome(Welcome { lease_ms: 400, ..terms(&[]) })).await;
    peer.tell(CoordinatorSays::Assign(town(7))).await;
    assert!(matches!(peer.hear().await, NodeSays::Assigned(_)));
    let mut sync = peer.sync().await;
    let mut game = {
        let (game, ()) = tokio::join!(player(&peer, &mut sync), async {
            // Long enough for the player to be in play, however slow this machine is.
            for _ in 0..20 {
                peer.answer(&peer.beat().await);
            }
        });
        game
    };
    for _ in 0..40 {
        peer.beat().await;
    }
    game.say(&walk(42, 34)).await;
    game.say(&AskTime { client_tick: 1 }.encode()).await;
    game.until(Time::ID).await;
    sync.order(EngineOrder::Resync(Resync { reason: "gap".into() })).await;
    let Some(EngineSays::Sync(full)) =
        sync.until(|says| matches!(says, EngineSays::Sync(sync) if sync.full)).await.pop()
    else {
        panic!("not a sync")
    };
    let at = full.open().expect("sealed").player_updates[0].at.clone().expect("a place");
    assert_eq!((at.x, at.y), (40, 34), "nobody walks while held");
    tokio::select! {
        () = peer.answer_all() => panic!("the connection ended"),
        () = async {
            loop {
                game.say(&walk(42, 34)).await;
                if tokio::time::timeout(Duration::from_millis(200), game.until(WalkOk::ID)).await.is_ok() {
                    return;
                }
            }
        } => {}
    }
    node.shutdown().await;
}

#[tokio::test]
async fn a_revoked_group_says_its_last_words_first() {
    let lab = Lab::new();
    let (node, mut peer, mut sync) = lab.host().await;
    let game = player(&peer, &mut sync).await;
    peer.tell(CoordinatorSays::Revoke(Revoke { group: "town".into(), epoch: 7, reason: "moved".into() })).await;
    let mut last = None;
    while let Some(says) = sync.hear().await {
        last = Some(says);
    }
    assert!(matches!(last, Some(EngineSays::Sync(sync)) if sync.full));
    assert_eq!(peer.hear().await, NodeSays::Revoked(Revoked { group: "town".into(), epoch: 7 }));
    let _in_order_or_not = game.ended().await;
    reached(&node, |state| matches!(state, NodeState::Connected { .. })).await;
    node.shutdown().await;
}

#[tokio::test]
async fn a_drain_waits_until_everything_is_taken_away() {
    let lab = Lab::new();
    let (node, mut peer, _sync) = lab.host().await;
    node.drain("a test");
    assert_eq!(peer.hear().await, NodeSays::Drain(Drain { reason: "a test".into() }));
    reached(&node, |state| *state == NodeState::Draining).await;
    peer.tell(CoordinatorSays::Assign(Assign { group: "ridge".into(), ..town(8) })).await;
    assert!(matches!(peer.hear().await, NodeSays::Assigned(assigned) if assigned.problem == "is draining"));
    peer.tell(CoordinatorSays::Revoke(Revoke { group: "town".into(), epoch: 7, reason: "drain".into() })).await;
    assert!(matches!(peer.hear().await, NodeSays::Revoked(_)));
    assert!(matches!(peer.hear().await, NodeSays::Goodbye(_)));
    assert_eq!(stopped(node).await, StopCode::Asked);
}

#[tokio::test]
async fn a_second_order_stops_a_drain_at_once() {
    let lab = Lab::new();
    let (node, mut peer, _sync) = lab.host().await;
    node.drain("a test");
    assert!(matches!(peer.hear().await, NodeSays::Drain(_)));
    soon("the end", node.shutdown()).await;
}

#[tokio::test]
async fn maps_that_make_no_sense_are_reported() {
    let lab = Lab::new();
    let (node, mut peer, _sync) = lab.host().await;
    let broken = MapData { name: "broken".into(), width: 10, height: 10, cells: vec![1, 2, 3] };
    let assign = Assign { group: "broken".into(), epoch: 1, maps: vec![broken], ..Assign::default() };
    peer.tell(CoordinatorSays::Assign(assign)).await;
    assert!(matches!(peer.hear().await, NodeSays::Assigned(assigned) if assigned.problem.contains("broken")));
    peer.tell(CoordinatorSays::Assign(town(6))).await;
    assert!(matches!(peer.hear().await, NodeSays::Assigned(assigned) if assigned.problem.contains("later epoch")));
    peer.tell(CoordinatorSays::Assign(town(7))).await;
    assert!(matches!(peer.hear().await, NodeSays::Assigned(assigned) if assigned.problem.is_empty()), "said again");
    node.shutdown().await;
}

#[tokio::test]
async fn a_sync_stream_that_ends_is_opened_again_with_everything() {
    let lab = Lab::new();
    let (node, peer, mut sync) = lab.host().await;
    let _game = player(&peer, &mut sync).await;
    drop(sync);
    let mut again = peer.sync().await;
    assert_eq!(again.state().await, (true, vec![1]));
    node.shutdown().await;
}
