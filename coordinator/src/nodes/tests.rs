//! The endpoint with real nodes on loopback: fake fleet, real identity and store.

mod lab;

use std::time::Duration;

use bifrost_protocol::control::{
    Assigned, Beat, BeatAck, CoordinatorMessage, CoordinatorSays, DbSync, EngineDown, EngineOrder, EngineSays,
    EngineUp, GameOpen, Goodbye, Hello, Notice, ProbeReport, Renewed, SessionRef, StreamKind, SyncAck, delimited,
};
use bifrost_protocol::control::{NodeMessage, NodeSays};
use bifrost_protocol::ids::{Epoch, GroupName};
use prost::Message;

use self::lab::{Lab, SOON};
use crate::fleet::{HostKind, NodeEvent};

#[tokio::test]
async fn a_registered_host_is_let_in_and_heard() {
    let mut lab = Lab::new().await;
    let host = lab.register(HostKind::Fallback).await;
    let mut node = lab.connect(&host).await;
    node.hello(&lab.hello(&host)).await;
    let (handle, kind, hello) = lab.expect_connected().await;
    assert_eq!((&handle.host, kind, hello), (&host.id, HostKind::Fallback, lab.hello(&host)));
    handle.tell(CoordinatorSays::Notice(Notice { group: String::new(), text: "hi".into() }));
    assert_eq!(node.heard().await, Some(CoordinatorSays::Notice(Notice { group: String::new(), text: "hi".into() })));
    let assigned =
        NodeSays::Assigned(Assigned { group: "fields".into(), epoch: 3, problem: String::new(), standby: false });
    node.say(assigned.clone()).await;
    assert!(matches!(lab.next().await, NodeEvent::Says(said) if said == assigned));
    node.say(NodeSays::Goodbye(Goodbye { reason: "done".into() })).await;
    assert!(matches!(lab.next().await, NodeEvent::Says(NodeSays::Goodbye(_))));
    node.connection.close(0_u32.into(), b"bye");
    lab.expect_closed().await;
}

#[tokio::test]
async fn a_beat_is_answered_at_once_and_passed_on() {
    let mut lab = Lab::new().await;
    let (node, mut handle) = lab.join(HostKind::Player).await;
    let beat = Beat { sequence: 7, players: 2, ..Beat::default() };
    node.connection.send_datagram(beat.encode_to_vec().into()).expect("sent");
    let answer = tokio::time::timeout(SOON, node.connection.read_datagram()).await.expect("in time").expect("open");
    assert_eq!(BeatAck::decode(answer), Ok(BeatAck { sequence: 7 }));
    assert_eq!((handle.beat(), handle.beat()), (Some(beat), None), "once each");
    node.connection.send_datagram(vec![0xff; 300].into()).expect("sent");
    node.connection.send_datagram(beat.encode_to_vec().into()).expect("sent");
    tokio::time::timeout(SOON, node.connection.read_datagram()).await.expect("in time").expect("open");
    assert_eq!(handle.beat(), Some(beat), "what is no beat is passed over");
    assert!(lab.nothing_heard(), "beats wait in no queue");
}

#[tokio::test]
async fn beats_are_answered_while_the_fleet_is_busy() {
    let mut lab = Lab::with_queue(1).await;
    let (mut node, _handle) = lab.join(HostKind::Player).await;
    for _ in 0..5 {
        node.say(NodeSays::Assigned(Assigned::default())).await;
    }
    for sequence in 0..5 {
        let beat = Beat { sequence, ..Beat::default() };
        node.connection.send_datagram(beat.encode_to_vec().into()).expect("sent");
        let answer = tokio::time::timeout(SOON, node.connection.read_datagram()).await.expect("in time").expect("open");
        assert_eq!(BeatAck::decode(answer), Ok(BeatAck { sequence }));
    }
    for _ in 0..5 {
        assert!(matches!(lab.next().await, NodeEvent::Says(_)), "what is said is never dropped");
    }
}

#[tokio::test]
async fn a_host_whose_papers_do_not_agree_is_told_and_never_heard_of() {
    let mut lab = Lab::new().await;
    let (host, other) = (lab.register(HostKind::Player).await, lab.register(HostKind::Player).await);
    let stranger = lab.stranger();
    let good = lab.hello(&host);
    let cases: [(_, Hello, &str); 7] = [
        (&host, Hello { token: lab.hello(&other).token, ..good.clone() }, "refused"),
        (&host, Hello { token: lab.token(&host, -1, 1), ..good.clone() }, "refused"),
        (&host, Hello { token: lab.token(&host, 60, 0), ..good.clone() }, "refused"),
        (&host, Hello { token: "v4.public.nonsense".into(), ..good.clone() }, "refused"),
        (&host, Hello { protocol: 99, ..good.clone() }, "refused"),
        (&stranger, lab.hello(&stranger), "refused"),
        (&other, lab.hello(&other), "revoked"),
    ];
    lab.store.set_host_revoked(&other.id, true).await.expect("stored");
    for (host, hello, code) in cases {
        let mut node = lab.connect(host).await;
        node.hello(&hello).await;
        assert_eq!(node.farewell().await, code, "{hello:?}");
        node.expect_closed(code).await;
    }
    let mut node = lab.connect(&host).await;
    node.hello(&good).await;
    lab.expect_connected().await;
}

#[tokio::test]
async fn the_key_has_to_be_the_registered_one() {
    let mut lab = Lab::new().await;
    let host = lab.register(HostKind::Player).await;
    let thief = lab.same_id_other_key(&host);
    let mut node = lab.connect(&thief).await;
    node.hello(&lab.hello(&host)).await;
    assert_eq!(node.farewell().await, "refused");
    assert!(lab.nothing_heard());
}

#[tokio::test]
async fn a_connection_that_does_not_start_with_hello_is_closed() {
    let mut lab = Lab::new().await;
    let host = lab.register(HostKind::Player).await;
    let goodbye = NodeMessage { says: Some(NodeSays::Goodbye(Goodbye::default())) };
    let starts: [&[u8]; 4] = [
        &[StreamKind::Sync as u8, 0],
        &[99, 1, 2, 3],
        &[StreamKind::Control as u8, 0xff, 0xff, 0xff, 0xff, 0x7f],
        &[&[StreamKind::Control as u8][..], &delimited(&goodbye)].concat(),
    ];
    for start in starts {
        let mut node = lab.connect(&host).await;
        node.send.write_all(start).await.expect("open");
        node.expect_closed("refused").await;
    }
    assert!(lab.nothing_heard());
}

#[tokio::test]
async fn a_node_that_breaks_the_rules_is_told_and_cut_off() {
    let mut lab = Lab::new().await;
    let host = lab.register(HostKind::Player).await;
    let second_hello = delimited(&NodeMessage { says: Some(NodeSays::Hello(lab.hello(&host))) }).to_vec();
    let chatter = delimited(&NodeMessage { says: None }).repeat(2_000);
    let too_long = vec![0xff, 0xff, 0xff, 0x7f];
    let no_message = vec![3, 0xff, 0xff, 0xff];
    for bytes in [second_hello, chatter, too_long, no_message] {
        let mut node = lab.connect(&host).await;
        node.hello(&lab.hello(&host)).await;
        lab.expect_connected().await;
        let _may_be_cut = node.send.write_all(&bytes).await;
        assert_eq!(node.farewell().await, "refused");
        lab.expect_closed().await;
        node.expect_closed("refused").await;
    }
}

#[tokio::test]
async fn a_sync_stream_carries_what_the_engine_says_and_the_answers() {
    let mut lab = Lab::new().await;
    let (node, _handle) = lab.join(HostKind::Player).await;
    let (mut send, mut recv) = node.open_sync("fields", 4, &node.token).await;
    let NodeEvent::SyncOpened { group, epoch, orders } = lab.next().await else { panic!("opened") };
    assert_eq!((group, epoch), (GroupName("fields".into()), Epoch(4)));
    let says = EngineSays::Sync(DbSync { sequence: 1, data: vec![5; 200_000], ..DbSync::default() });
    send.write_all(&delimited(&EngineUp { says: Some(says.clone()) })).await.expect("open");
    assert!(matches!(lab.next().await, NodeEvent::Engine { says: got, epoch: Epoch(4), .. } if got == says));
    send.finish().expect("open");
    assert!(matches!(lab.next().await, NodeEvent::SyncClosed { .. }));
    let ack = EngineOrder::Ack(SyncAck { sequence: 1 });
    orders.try_send(ack.clone()).expect("still taken");
    drop(orders);
    let answers = tokio::time::timeout(SOON, recv.read_to_end(1_000)).await.expect("in time").expect("finished");
    assert_eq!(answers, delimited(&EngineDown { says: Some(ack) }), "the last answer comes after the engine has ended");
}

#[tokio::test]
async fn a_sync_stream_that_the_fleet_drops_is_ended() {
    let mut lab = Lab::new().await;
    let (node, _handle) = lab.join(HostKind::Player).await;
    let (send, mut recv) = node.open_sync("fields", 1, &node.token).await;
    let NodeEvent::SyncOpened { orders, .. } = lab.next().await else { panic!("opened") };
    drop(orders);
    assert!(matches!(lab.next().await, NodeEvent::SyncClosed { .. }));
    assert_eq!(tokio::time::timeout(SOON, recv.read_to_end(10)).await.expect("in time"), Ok(vec![]));
    assert!(tokio::time::timeout(SOON, send.stopped()).await.expect("in time").is_ok());
}

#[tokio::test]
async fn streams_that_may_not_be_opened_are_refused_and_the_link_goes_on() {
    let mut lab = Lab::new().await;
    let (mut node, _handle) = lab.join(HostKind::Player).await;
    let expired = lab.token_of(&node, -1, 1);
    let (_send, recv) = node.open_sync("fields", 1, &expired).await;
    lab::expect_refused(recv).await;
    for kind in [0, StreamKind::Control as u8, StreamKind::Game as u8, StreamKind::Inter as u8, 200] {
        let (mut send, recv) = node.connection.open_bi().await.expect("open");
        send.write_all(&[kind, 0]).await.expect("open");
        lab::expect_refused(recv).await;
    }
    let said = NodeSays::Assigned(Assigned::default());
    node.say(said.clone()).await;
    assert!(matches!(lab.next().await, NodeEvent::Says(got) if got == said));
}

#[tokio::test]
async fn a_node_that_opens_nothing_but_such_streams_is_cut_off() {
    let mut lab = Lab::new().await;
    let (node, _handle) = lab.join(HostKind::Player).await;
    while let Ok((mut send, _recv)) = node.connection.open_bi().await {
        let _may_be_cut = send.write_all(&[200]).await;
    }
    lab.expect_closed().await;
}

#[tokio::test]
async fn a_sync_message_that_cannot_be_closes_the_link() {
    let mut lab = Lab::new().await;
    let (node, _handle) = lab.join(HostKind::Player).await;
    let (mut send, _recv) = node.open_sync("fields", 1, &node.token).await;
    let NodeEvent::SyncOpened { orders: _orders, .. } = lab.next().await else { panic!("opened") };
    send.write_all(&[0xff, 0xff, 0xff, 0x7f]).await.expect("open");
    lab.expect_closed().await;
    node.expect_closed("refused").await;
}

#[tokio::test]
async fn probes_report_what_arrived() {
    let mut lab = Lab::new().await;
    let (node, _handle) = lab.join(HostKind::Player).await;
    for bytes in [0, 1, 300_000] {
        let report: ProbeReport = node.probe(bytes, bytes).await.expect("a report");
        assert_eq!(report.bytes, bytes);
    }
    assert!(matches!(lab.next().await, NodeEvent::Uploaded { kbps } if kbps > 0), "measured here, of the long burst");
    assert_eq!(node.probe(u64::MAX, 10).await, None, "too long");
    assert_eq!(node.probe(10, 5).await, None, "less than announced");
    assert_eq!(node.probe(10, 20_000).await, None, "more than announced");
    assert!(lab.nothing_heard());
}

#[tokio::test]
async fn a_game_stream_reaches_the_node_with_its_header() {
    let mut lab = Lab::new().await;
    let (node, handle) = lab.join(HostKind::Player).await;
    let open = GameOpen { session: 5, group: "fields".into(), epoch: 2, ..GameOpen::default() };
    let (mut send, _recv) = handle.open_game(&open).await.expect("opened");
    send.finish().expect("open");
    let (_send, mut recv) = node.connection.accept_bi().await.expect("a stream");
    let header = recv.read_to_end(1_000).await.expect("finished");
    assert_eq!(header, [&[StreamKind::Game as u8][..], &delimited(&open)].concat());
}

#[tokio::test]
async fn nothing_of_a_revoked_host_is_accepted_any_more() {
    let mut lab = Lab::new().await;
    let (mut node, handle) = lab.join(HostKind::Player).await;
    let (mut send, _recv) = node.open_sync("fields", 1, &node.token).await;
    let NodeEvent::SyncOpened { orders: _orders, .. } = lab.next().await else { panic!("opened") };
    // Everything that could be on its way.
    let up = delimited(&EngineUp { says: Some(EngineSays::Released(SessionRef { session: 1 })) });
    let _writer = tokio::spawn(async move { while send.write_all(&up).await.is_ok() {} });
    node.say(NodeSays::Assigned(Assigned::default())).await;
    while !matches!(lab.next().await, NodeEvent::Engine { .. }) {}
    let cut = tokio::time::Instant::now();
    handle.close("revoked", "by the operator");
    // What was in the queue before belongs to before.
    lab.forget_heard();
    lab.expect_closed().await;
    node.expect_cut().await;
    assert!(cut.elapsed() < Duration::from_secs(1));
    assert!(node.send.write_all(&[0]).await.is_err());
}

#[tokio::test]
async fn a_link_ends_with_its_token_unless_that_is_renewed() {
    let mut lab = Lab::new().await;
    let host = lab.register(HostKind::Player).await;
    let short = Hello { token: lab.token(&host, 2, 1), ..lab.hello(&host) };
    let mut renewing = lab.connect(&host).await;
    renewing.hello(&short).await;
    lab.expect_connected().await;
    renewing.say(NodeSays::Renewed(Renewed { token: lab.token(&host, 60, 1) })).await;
    let mut careless = lab.connect(&host).await;
    careless.hello(&Hello { token: lab.token(&host, 2, 1), ..short }).await;
    lab.expect_connected().await;
    assert_eq!(careless.farewell().await, "refused");
    lab.expect_closed().await;
    assert!(renewing.connection.close_reason().is_none());
    renewing.say(NodeSays::Renewed(Renewed { token: lab.token(&host, -1, 1) })).await;
    assert_eq!(renewing.farewell().await, "refused");
    lab.expect_closed().await;
}

#[tokio::test]
async fn a_node_that_does_not_take_its_messages_is_cut_off() {
    let mut lab = Lab::new().await;
    let (_node, handle) = lab.join(HostKind::Player).await;
    let notice = CoordinatorSays::Notice(Notice { group: String::new(), text: "x".repeat(20_000) });
    for _ in 0..2 * super::NodeHandle::CONTROL_QUEUE {
        handle.tell(notice.clone());
        tokio::task::yield_now().await;
    }
    lab.expect_closed().await;
}

#[tokio::test]
async fn stopping_says_farewell_to_every_node() {
    let mut lab = Lab::new().await;
    let (mut node, _handle) = lab.join(HostKind::Player).await;
    let (heard, ()) = tokio::join!(node.farewell(), lab.shutdown());
    assert_eq!(heard, "shutdown");
    lab.expect_closed().await;
    node.expect_closed("shutdown").await;
}

#[tokio::test]
async fn a_farewell_of_the_fleet_is_heard_before_the_end() {
    let mut lab = Lab::new().await;
    let (mut node, handle) = lab.join(HostKind::Player).await;
    let farewell = bifrost_protocol::control::Farewell { code: "replaced".into(), reason: "another connection".into() };
    handle.tell(CoordinatorSays::Farewell(farewell));
    assert_eq!(node.farewell().await, "replaced");
    node.expect_closed("replaced").await;
    lab.expect_closed().await;
}

#[test]
fn unknown_messages_of_newer_nodes_decode_to_nothing() {
    // Field 15, length-delimited, empty.
    let message = CoordinatorMessage::decode(&[0x7a, 0][..]).expect("skipped");
    assert_eq!(message.says, None);
}
