//! Getting connected, staying connected, and leaving.

use bifrost_protocol::control::*;

use super::lab::*;
use crate::agent::state::{Held, StateDir};
use crate::{NodeState, StopCode};

fn farewell(code: &str) -> CoordinatorSays {
    CoordinatorSays::Farewell(Farewell { code: code.into(), reason: "a test".into() })
}

#[tokio::test]
async fn a_node_says_who_it_is_and_beats() {
    let lab = Lab::new();
    let node = lab.start();
    let peer = lab.welcome().await;
    assert_eq!((peer.hello.protocol, peer.hello.token.as_str()), (PROTOCOL_VERSION, "token"));
    assert_eq!(peer.hello.benchmark.map(|benchmark| benchmark.cores), Some(8));
    assert_eq!((peer.beat().await.sequence, peer.beat().await.sequence), (1, 2));
    reached(&node, |state| *state == NodeState::Connected { not_eligible: Vec::new() }).await;
    node.shutdown().await;
}

#[tokio::test]
async fn an_unmeasured_machine_is_measured_over_the_link() {
    let lab = Lab::new();
    lab.forget_benchmark();
    let node = lab.start();
    let mut peer = lab.welcome().await;
    assert_eq!(peer.hello.benchmark, None);
    let connection = peer.connection.clone();
    let probes = tokio::spawn(async move {
        while let Ok((mut send, mut recv)) = connection.accept_bi().await {
            let bytes = recv.read_to_end(20 << 20).await.expect("a probe");
            let mut rest = bytes::BytesMut::from(&bytes[1..]);
            let open: ProbeOpen = next_message(&mut rest, MAX_HEADER).expect("legal").expect("a header");
            assert_eq!(rest.len() as u64, open.bytes);
            send.write_all(&delimited(&ProbeReport { bytes: open.bytes, micros: 1_000_000 })).await.expect("written");
            send.finish().expect("open");
        }
    });
    let NodeSays::Benchmark(measured) = peer.hear().await else { panic!("not a benchmark") };
    // The first burst takes a second already, so there is no second one: 256 KiB in a second.
    assert_eq!(measured.upload_kbps, 256 * 1024 * 8 / 1_000);
    assert!(measured.cores > 0 && measured.memory_mib > 0 && measured.cpu_score > 0 && measured.round_trip_us > 0);
    node.shutdown().await;
    probes.await.expect("no panic");
    let node = lab.start();
    assert_eq!(lab.accept().await.hello.benchmark, Some(measured), "it is kept");
    node.shutdown().await;
}

#[tokio::test]
async fn a_node_comes_back_when_the_coordinator_was_away() {
    let lab = Lab::new();
    let node = lab.start();
    let peer = lab.welcome().await;
    peer.connection.close(1_u32.into(), b"gone");
    reached(&node, |state| *state == NodeState::Offline).await;
    let mut peer = lab.welcome().await;
    peer.tell(farewell("shutdown")).await;
    let peer = lab.welcome().await;
    assert!(peer.beat().await.sequence > 0);
    node.shutdown().await;
}

#[tokio::test]
async fn a_revoked_or_replaced_host_stops_for_good() {
    for (code, expected) in [("revoked", StopCode::Revoked), ("replaced", StopCode::Replaced)] {
        let lab = Lab::new();
        let node = lab.start();
        let mut peer = lab.welcome().await;
        peer.tell(farewell(code)).await;
        assert_eq!(stopped(node).await, expected);
        let node = lab.start();
        lab.accept().await.connection.close(1_u32.into(), format!("{code}: by the operator").as_bytes());
        assert_eq!(stopped(node).await, expected, "the close frame says it as well");
    }
}

#[tokio::test]
async fn refused_credentials_without_a_proof_end_with_what_to_do() {
    let lab = Lab::new();
    let state = StateDir::open(&lab.config.state_dir).expect("opened");
    let held = state.credentials(&lab.config.coordinator).expect("made by the lab");
    state.save_credentials(&Held { issued_at: 0, ..held }).expect("saved");
    let mut config = lab.config.clone();
    config.coordinator = "https://127.0.0.1:2".into();
    let mut node = crate::Node::spawn(config, tokio_util::sync::CancellationToken::new());
    let (code, why) = soon("the end", node.ended()).await;
    assert_eq!(code, StopCode::NotRegistered);
    assert!(why.contains("proof.username") && why.contains("invite"), "{why}");
}

#[tokio::test]
async fn nonsense_from_the_coordinator_costs_the_connection_and_no_more() {
    let lab = Lab::new();
    let node = lab.start();
    for nonsense in [&[0xff_u8; 20][..], &[0xff, 0xff, 0xff, 0x7f], &[3, 0xff, 0xff, 0xff]] {
        let mut peer = lab.welcome().await;
        peer.tell_bytes(nonsense).await;
    }
    let mut peer = lab.accept().await;
    peer.tell(CoordinatorSays::Notice(Notice::default())).await;
    let mut peer = lab.welcome().await;
    peer.tell(CoordinatorSays::Welcome(terms(&[]))).await;
    peer.tell_bytes(&[0]).await;
    peer.connection.send_datagram(vec![0xff; 30].into()).expect("sent");
    peer.tell(CoordinatorSays::Revoke(Revoke { group: "unknown".into(), epoch: 3, reason: String::new() })).await;
    assert_eq!(peer.hear().await, NodeSays::Revoked(Revoked { group: "unknown".into(), epoch: 3 }));
    node.shutdown().await;
}

#[tokio::test]
async fn a_node_without_groups_drains_at_once() {
    let lab = Lab::new();
    let node = lab.start();
    let mut peer = lab.welcome().await;
    reached(&node, |state| matches!(state, NodeState::Connected { .. })).await;
    node.drain("a test");
    assert_eq!(peer.hear().await, NodeSays::Drain(Drain { reason: "a test".into() }));
    assert!(matches!(peer.hear().await, NodeSays::Goodbye(_)));
    assert_eq!(stopped(node).await, StopCode::Asked);
}

#[tokio::test]
async fn a_coordinator_that_does_not_answer_does_not_keep_a_node_from_stopping() {
    let lab = Lab::new();
    let node = lab.start();
    let peer = lab.accept().await;
    soon("the end", node.shutdown()).await;
    drop(peer);
    assert!(lab.address().port() > 0);
}
