//! Login- and char-server and client: framing of whole streams in both directions, and every packet in them.
#![no_main]

use bifrost_protocol::client::{
    CharToClient, ClientToChar, ClientToLogin, LoginToClient, client_to_char, client_to_login, server_to_client,
};
use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|stream: &[u8]| {
    let mut login = BytesMut::from(stream);
    while let Ok(Some(packet)) = client_to_login().next(&mut login) {
        if let Ok(decoded) = ClientToLogin::decode(&packet) {
            assert_eq!(decoded.encode(), packet, "{decoded:?}");
        }
    }
    let mut character = BytesMut::from(stream);
    while let Ok(Some(packet)) = client_to_char().next(&mut character) {
        if let Ok(decoded) = ClientToChar::decode(&packet) {
            assert_eq!(decoded.encode(), packet, "{decoded:?}");
        }
    }
    let mut down = BytesMut::from(stream);
    while let Ok(Some(packet)) = server_to_client().next(&mut down) {
        if let Ok(decoded) = LoginToClient::decode(&packet) {
            assert_eq!(decoded.encode(), packet, "{decoded:?}");
        }
        if let Ok(decoded) = CharToClient::decode(&packet) {
            assert_eq!(decoded.encode(), packet, "{decoded:?}");
        }
    }
});
