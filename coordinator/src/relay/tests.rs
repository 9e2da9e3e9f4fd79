//! A relay between real sockets: fake fleet, fake node, fake game clients.

mod lab;

use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncWriteExt;

use self::lab::{Lab, enter, patience, say, time_request, to_client};
use super::pump::Patience;
use super::{ClientHandle, ToClient};

#[tokio::test]
async fn a_client_is_attached_and_its_packets_reach_the_engine_whole() {
    let mut lab = Lab::new().await;
    let (mut client, player) = lab.arrive().await;
    let mut engine = lab.attach(&player, 7).await;
    let packet = say("hello");
    for byte in &packet {
        client.write_all(&[*byte]).await.expect("open");
        client.flush().await.expect("open");
    }
    assert_eq!(engine.next_read().await, packet, "the first thing the engine reads is a whole packet");
    engine.write(&to_client(3)).await;
    assert_eq!(client.read_exactly(6).await, to_client(3));
}

#[tokio::test]
async fn packets_sent_before_there_is_an_engine_wait_for_it() {
    let mut lab = Lab::new().await;
    let (mut client, player) = lab.arrive_with(&say("early")).await;
    let mut engine = lab.attach(&player, 7).await;
    assert_eq!(engine.next_read().await, say("early"));
    client.write_all(&say("late")).await.expect("open");
    assert_eq!(engine.next_read().await, say("late"));
}

#[tokio::test]
async fn what_the_fleet_sends_stands_between_whole_packets_of_the_engine() {
    let mut lab = Lab::new().await;
    let (mut client, player) = lab.arrive().await;
    let mut engine = lab.attach(&player, 7).await;
    engine.write(&[to_client(1).as_slice(), &to_client(2)[..3]].concat()).await;
    assert_eq!(client.read_exactly(6).await, to_client(1));
    assert!(player.tell(ToClient::Send(Bytes::from(to_client(9)))));
    assert_eq!(client.read_exactly(6).await, to_client(9));
    engine.write(&to_client(2)[3..]).await;
    assert_eq!(client.read_exactly(6).await, to_client(2));
}

#[tokio::test]
async fn a_redirect_comes_on_a_packet_boundary_while_the_engine_streams() {
    let mut lab = Lab::new().await;
    let (mut client, player) = lab.arrive().await;
    let mut engine = lab.attach(&player, 7).await;
    let stream = tokio::spawn(async move {
        let text = [to_client(1), lab::sized_to_client(&[7; 700])].concat();
        // Odd pieces, so that reads end within packets.
        while engine.try_write(&text[..300]).await && engine.try_write(&text[300..]).await {}
    });
    client.read_exactly(20_000).await;
    let redirect = lab::redirect();
    assert!(player.tell(ToClient::Redirect(redirect.clone())));
    let rest = client.read_packets_from(20_000, &[to_client(1), lab::sized_to_client(&[7; 700])].concat()).await;
    assert_eq!(rest.last(), Some(&redirect.to_vec()), "nothing follows the redirect");
    stream.await.expect("the engine is cut off");
    drop(client);
    lab.expect_closed().await;
}

#[tokio::test]
async fn a_redirected_client_that_stays_is_closed() {
    let mut lab = Lab::with(Patience { redirect: Duration::from_millis(50), ..patience() }).await;
    let (mut client, player) = lab.arrive().await;
    assert!(player.tell(ToClient::Redirect(lab::redirect())));
    drop(player);
    client.read_exactly(lab::redirect().len()).await;
    lab.expect_closed().await;
    client.expect_end().await;
}

#[tokio::test]
async fn a_half_closed_client_has_its_packets_delivered_and_gets_the_last_words() {
    let mut lab = Lab::new().await;
    let (mut client, player) = lab.arrive().await;
    let mut engine = lab.attach(&player, 7).await;
    client.write_all(&say("bye")).await.expect("open");
    client.shutdown().await.expect("open");
    assert_eq!(engine.read_to_end().await, say("bye"), "the stream is finished, not reset");
    lab.expect_closed().await;
    engine.write(&to_client(5)).await;
    engine.finish().await;
    assert_eq!(client.read_exactly(6).await, to_client(5));
    client.expect_end().await;
}

#[tokio::test]
async fn a_client_that_breaks_the_protocol_is_closed() {
    let long = [0xf3, 0, 0xff, 0xff];
    let garbage: [&[u8]; 6] = [&[0xff, 0x7f], &enter(), &[0x64, 0, 1, 2], &[0xf3, 0, 3, 0], &[0xf3, 0, 0, 0], &long];
    for packet in garbage {
        let mut lab = Lab::new().await;
        let (mut client, player) = lab.arrive().await;
        let mut engine = lab.attach(&player, 7).await;
        client.write_all(&say("x")).await.expect("open");
        assert_eq!(engine.next_read().await, say("x"));
        // A login packet is refused once it is whole.
        client.write_all(packet).await.expect("open");
        if packet[0] == 0x64 {
            client.write_all(&[0; 51]).await.expect("open");
        }
        lab.expect_closed().await;
        client.expect_end().await;
        engine.expect_end().await;
    }
}

#[tokio::test]
async fn a_first_packet_that_is_not_an_enter_is_never_heard_of() {
    let mut lab = Lab::new().await;
    for first in [&[0x64_u8, 0, 0, 0][..], b"GET / HTTP/1.1\r\n\r\n", &[0xff; 40]] {
        let mut client = lab.connect().await;
        client.write_all(first).await.expect("open");
        client.expect_end().await;
    }
    let (_client, _player) = lab.arrive().await;
}

#[tokio::test]
async fn a_client_that_says_nothing_or_too_little_is_closed() {
    let mut lab = Lab::new().await;
    let mut silent = lab.connect().await;
    let mut slow = lab.connect().await;
    slow.write_all(&enter()[..22]).await.expect("open");
    silent.expect_end().await;
    slow.expect_end().await;
    let (mut idle, _player) = lab.arrive().await;
    lab.expect_closed().await;
    idle.expect_end().await;
}

#[tokio::test]
async fn a_flood_before_there_is_an_engine_is_closed() {
    let mut lab = Lab::new().await;
    let (mut client, _player) = lab.arrive().await;
    let _may_be_cut = client.write_all(&time_request(1).repeat(2_000)).await;
    lab.expect_closed().await;
}

#[tokio::test]
async fn a_lost_engine_leaves_the_client_held_and_content() {
    for end in ["reset", "finish", "garbage", "redirect", "close"] {
        let mut lab = Lab::new().await;
        let (mut client, player) = lab.arrive().await;
        let mut engine = lab.attach(&player, 7).await;
        engine.write(&[0x7f, 0, 0, 0, 0, 0]).await;
        client.read_exactly(6).await;
        match end {
            "reset" => engine.reset(),
            "finish" => engine.finish().await,
            "garbage" => engine.write(&[0xff, 0x7f]).await,
            "redirect" => engine.write(&lab::redirect()).await,
            _ => lab.close_node(),
        }
        lab.expect_lost(7).await;
        client.write_all(&[say("?"), time_request(4)].concat()).await.expect("open");
        let answer = client.read_exactly(6).await;
        assert_eq!(answer[..2], [0x7f, 0], "after {end}");
        assert!(player.tell(ToClient::Redirect(lab::redirect())));
        assert_eq!(client.read_exactly(lab::redirect().len()).await, lab::redirect());
        drop(client);
        lab.expect_closed().await;
    }
}

#[tokio::test]
async fn an_engine_that_cannot_be_reached_is_lost() {
    let mut lab = Lab::new().await;
    let (_client, player) = lab.arrive().await;
    lab.close_node();
    assert!(player.tell(lab.order_attach(7)));
    lab.expect_lost(7).await;
}

#[tokio::test]
async fn a_held_client_can_be_attached_again() {
    let mut lab = Lab::new().await;
    let (mut client, player) = lab.arrive().await;
    let mut first = lab.attach(&player, 7).await;
    first.write(&to_client(1)[..4]).await;
    assert!(player.tell(ToClient::Hold));
    first.expect_reset().await;
    let mut second = lab.attach(&player, 8).await;
    second.write(&to_client(2)).await;
    assert_eq!(client.read_exactly(6).await, to_client(2), "half a packet of the first engine is forgotten");
    client.write_all(&say("on")).await.expect("open");
    assert_eq!(second.next_read().await, say("on"));
}

#[tokio::test]
async fn a_client_that_does_not_read_is_closed() {
    let mut lab = Lab::with(Patience { slow_client: Duration::from_millis(200), ..patience() }).await;
    let (_client, player) = lab.arrive().await;
    let mut engine = lab.attach(&player, 7).await;
    let text = lab::sized_to_client(&[7; 8_000]);
    let mut written = 0;
    while engine.try_write(&text).await {
        written += text.len();
        assert!(written < 64 * 1024 * 1024, "what a client does not read is not taken from its engine for ever");
    }
    lab.expect_closed().await;
}

#[tokio::test]
async fn an_engine_that_does_not_read_is_lost_and_the_client_feels_its_pace() {
    let mut lab = Lab::with(Patience { slow_engine: Duration::from_millis(200), ..patience() }).await;
    let (mut client, player) = lab.arrive().await;
    let _engine = lab.attach(&player, 7).await;
    let text = say(&"x".repeat(1_000));
    let writer = tokio::spawn(async move { while client.write_all(&text).await.is_ok() {} });
    lab.expect_lost(7).await;
    assert!(player.tell(ToClient::Close(None)));
    lab.expect_closed().await;
    writer.await.expect("ends with the connection");
}

#[tokio::test]
async fn connections_are_limited_per_address_and_at_all() {
    for limits in [(8, 2), (2, 8)] {
        let mut lab = Lab::limited(limits).await;
        let (first, _player) = lab.arrive().await;
        let (_second, _player) = lab.arrive().await;
        lab.connect().await.expect_end().await;
        drop(first);
        lab.expect_closed().await;
        // The place is free a moment after the fleet has heard of it.
        let _third = lab.arrive_at_last().await;
    }
}

#[tokio::test]
async fn closing_delivers_what_is_to_be_said() {
    let mut lab = Lab::new().await;
    let (mut client, player) = lab.arrive().await;
    client.write_all(&time_request(1)).await.expect("open");
    assert!(player.tell(ToClient::Close(Some(Bytes::from_static(&[0x81, 0, 8])))));
    assert_eq!(client.read_exactly(3).await, [0x81, 0, 8]);
    client.expect_end().await;
    lab.expect_closed().await;
}

#[tokio::test]
async fn a_client_that_the_fleet_forgets_is_closed() {
    let mut lab = Lab::new().await;
    let (mut client, player) = lab.arrive().await;
    drop(player);
    client.expect_end().await;
    lab.expect_closed().await;
}

#[tokio::test]
async fn stopping_closes_every_client_and_tells_the_fleet() {
    let mut lab = Lab::new().await;
    let (mut client, player) = lab.arrive().await;
    let mut engine = lab.attach(&player, 7).await;
    lab.shutdown().await;
    lab.expect_closed().await;
    client.expect_last_words(&[0x81, 0, 1]).await;
    engine.expect_end().await;
}

#[tokio::test]
async fn what_waited_for_an_engine_that_never_came_is_for_the_next() {
    let mut lab = Lab::new().await;
    let (_client, player) = lab.arrive_with(&say("early")).await;
    assert!(player.tell(lab.order_attach_elsewhere(7).await));
    lab.expect_lost(7).await;
    let mut engine = lab.attach(&player, 8).await;
    assert_eq!(engine.next_read().await, say("early"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_arrival_is_closed_once_whatever_happens() {
    let mut lab = Lab::limited((64, 64)).await;
    let engines = lab.serve_engines();
    let clients: Vec<_> = (0..48_u8).map(|seed| tokio::spawn(lab::restless_client(lab.address(), seed))).collect();
    let (arrived, closed) = lab.restless_fleet(48).await;
    assert_eq!((arrived.len(), &arrived), (48, &closed), "every connection is closed exactly once");
    for client in clients {
        client.await.expect("no client panics");
    }
    lab.shutdown().await;
    engines.abort();
    assert!(lab.nothing_heard());
}

#[tokio::test]
async fn orders_that_find_no_room_end_the_connection() {
    let (client, queue) = ClientHandle::channel();
    for _ in 0..ClientHandle::ORDER_QUEUE {
        assert!(client.tell(ToClient::Hold));
    }
    assert!(!client.tell(ToClient::Hold));
    assert!(client.overrun().is_cancelled());
    drop(queue);
}
