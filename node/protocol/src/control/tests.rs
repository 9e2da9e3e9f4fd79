//! Delimited messages and sealed syncs.

use bytes::BytesMut;

use super::*;

#[test]
fn messages_come_out_of_a_stream_byte_by_byte() {
    let sent = Revoke { group: "fields".into(), epoch: 7, reason: String::new() };
    let (mut buffer, mut got) = (BytesMut::new(), Vec::new());
    for byte in [delimited(&sent), delimited(&sent)].concat() {
        buffer.extend_from_slice(&[byte]);
        got.extend(next_message::<Revoke>(&mut buffer, 100).expect("legal"));
    }
    assert_eq!(got, vec![sent.clone(), sent]);
    assert!(buffer.is_empty());
}

#[test]
fn an_oversized_message_is_refused_before_it_arrives() {
    let mut buffer = BytesMut::from(&[0xff, 0xff, 0xff, 0x7f][..]);
    assert!(next_message::<Revoke>(&mut buffer, 100).is_err());
}

#[test]
fn a_sync_opens_only_with_its_checksum() {
    let data = SyncData {
        player_updates: vec![PlayerUpdate { session: 3, hp: 40, ..PlayerUpdate::default() }],
        ..SyncData::default()
    };
    let mut sync = DbSync::seal("h-1", 0, 2, 1, false, &data);
    assert_eq!(sync.open(), Some(data));
    sync.data[0] ^= 1;
    assert_eq!(sync.open(), None);
}
