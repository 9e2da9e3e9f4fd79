//! chrif: framing of whole streams in both directions, and every packet in them.
#![no_main]

use bifrost_protocol::inter::{CharToMap, MapToChar, ServiceToChar, ServiceToMap, char_to_map, map_to_char};
use bytes::BytesMut;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|stream: &[u8]| {
    let mut up = BytesMut::from(stream);
    while let Ok(Some(packet)) = map_to_char().next(&mut up) {
        if let Ok(decoded) = MapToChar::decode(&packet) {
            assert_eq!(decoded.encode(), packet, "{decoded:?}");
        }
        if let Ok(decoded) = ServiceToChar::decode(&packet) {
            assert_eq!(decoded.encode(), packet, "{decoded:?}");
        }
    }
    let mut down = BytesMut::from(stream);
    while let Ok(Some(packet)) = char_to_map().next(&mut down) {
        if let Ok(decoded) = CharToMap::decode(&packet) {
            assert_eq!(decoded.encode(), packet, "{decoded:?}");
        }
        if let Ok(decoded) = ServiceToMap::decode(&packet) {
            assert_eq!(decoded.encode(), packet, "{decoded:?}");
        }
    }
});
