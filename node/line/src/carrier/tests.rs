//! Two carriers with a stream between them that is cut again and again.

use std::future::poll_fn;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

use super::*;

struct Through;

impl Tap for Through {
    fn heard_near(&mut self, _bytes: &[u8]) {}

    fn heard_far(&mut self, bytes: Bytes, inbox: &mut BytesMut) {
        inbox.extend_from_slice(&bytes);
    }
}

type End = Carrier<DuplexStream, DuplexStream, Through>;

/// A carrier and what a client or server holds of it.
fn end() -> (End, DuplexStream) {
    let (near, outside) = duplex(4_096);
    (Carrier::new(near, Through), outside)
}

fn join(left: &mut End, right: &mut End, size: usize) {
    let (one, other) = duplex(size);
    let received = (left.received(), right.received());
    left.attach(one, &[], BytesMut::new(), received.1).expect("one line");
    right.attach(other, &[], BytesMut::new(), received.0).expect("one line");
}

/// Carries on until both have ended; cuts the stream after every `turns` looks at it.
async fn carry(mut left: End, mut right: End, turns: usize) -> usize {
    let (mut cuts, mut over) = (0, [false, false]);
    join(&mut left, &mut right, 40_000);
    loop {
        let mut looks = 0;
        let lost = poll_fn(|context| {
            let mut woken = false;
            for (index, end) in [&mut left, &mut right].into_iter().enumerate() {
                match if over[index] { Poll::Pending } else { end.poll(context) } {
                    Poll::Ready(Wake::Over) => (over[index], woken) = (true, true),
                    Poll::Ready(Wake::StreamLost) => woken = true,
                    Poll::Ready(Wake::Misbehaved(error)) => panic!("{error}"),
                    Poll::Pending => {}
                }
            }
            looks += 1;
            if woken || looks >= turns { Poll::Ready(()) } else { Poll::Pending }
        });
        lost.await;
        if over == [true, true] {
            return cuts;
        }
        cuts += 1;
        if over == [false, false] {
            // Room for a whole piece: half of one is lost with its stream.
            join(&mut left, &mut right, 20_000 + cuts * 977 % 30_000);
        } else {
            // The one that is left has to learn the rest from a stream that the other has finished.
            over = [true, true];
        }
    }
}

#[tokio::test]
async fn megabytes_pass_whole_both_ways_over_streams_that_break() {
    let ((left, mut client), (right, mut server)) = (end(), end());
    let carried = tokio::spawn(carry(left, right, 8));
    let text: Vec<u8> = (0..1_500_000_u32).map(|number| (number / 7) as u8).collect();
    let (up, down) = (text.clone(), text.iter().rev().copied().collect::<Vec<_>>());
    let (expect_up, expect_down) = (up.clone(), down.clone());
    let (client_task, server_task) = (
        tokio::spawn(async move {
            let (mut from, mut to) = tokio::io::split(&mut client);
            let mut heard = Vec::new();
            let talk = async {
                to.write_all(&up).await.expect("open");
                to.shutdown().await.expect("open");
            };
            let (_, read) = tokio::join!(talk, from.read_to_end(&mut heard));
            read.expect("to its end");
            heard
        }),
        tokio::spawn(async move {
            let (mut from, mut to) = tokio::io::split(&mut server);
            let mut heard = Vec::new();
            let talk = async {
                to.write_all(&down).await.expect("open");
                to.shutdown().await.expect("open");
            };
            let (_, read) = tokio::join!(talk, from.read_to_end(&mut heard));
            read.expect("to its end");
            heard
        }),
    );
    assert!(client_task.await.expect("no panic") == expect_down);
    assert!(server_task.await.expect("no panic") == expect_up);
    let cuts = carried.await.expect("no panic");
    assert!(cuts > 50, "{cuts} cuts");
}

#[tokio::test]
async fn a_client_that_is_gone_ends_the_line_and_what_was_for_it_is_dropped() {
    let ((left, client), (right, mut server)) = (end(), end());
    let carried = tokio::spawn(carry(left, right, usize::MAX));
    drop(client);
    let mut heard = Vec::new();
    server.write_all(&[1; 3_000]).await.expect("open");
    server.read_to_end(&mut heard).await.expect("to its end");
    assert!(heard.is_empty());
    drop(server);
    carried.await.expect("no panic");
}

#[tokio::test]
async fn without_a_stream_the_near_end_is_heard_until_no_more_can_be_kept() {
    let (mut left, mut client) = end();
    let writer = tokio::spawn(async move {
        let mut written = 0;
        while tokio::time::timeout(std::time::Duration::from_millis(300), client.write_all(&[7; 1_024])).await.is_ok() {
            written += 1_024;
        }
        written
    });
    let idle = poll_fn(|context| left.poll(context));
    let idle = tokio::time::timeout(std::time::Duration::from_secs(1), idle).await;
    assert!(idle.is_err(), "there is nothing to tell");
    let written = writer.await.expect("no panic");
    assert!((Line::MAX_KEPT..Line::MAX_KEPT + 8_192).contains(&written), "{written}");
}
