//! Map-server and client: framing of whole streams in both directions, and every packet in them.
#![no_main]

use bifrost_protocol::client::{ClientToMap, MapToClient, client_to_server, server_to_client};
use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|stream: &[u8]| {
    let mut up = BytesMut::from(stream);
    while let Ok(Some(packet)) = client_to_server().next(&mut up) {
        if let Ok(decoded) = ClientToMap::decode(&packet) {
            assert_eq!(decoded.encode(), packet, "{decoded:?}");
        }
    }
    let mut down = BytesMut::from(stream);
    while let Ok(Some(packet)) = server_to_client().next(&mut down) {
        if let Ok(decoded) = MapToClient::decode(&packet) {
            assert_eq!(decoded.encode(), packet, "{decoded:?}");
        }
    }
    if let Ok(whole) = server_to_client().whole(stream) {
        assert_eq!(whole, stream.len() - down.len());
    }
});
