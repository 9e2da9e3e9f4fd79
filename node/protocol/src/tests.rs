//! Tests over all links at once: recorded packets, and input nobody would send.

mod golden;
mod properties;

use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};

use bytes::{Bytes, BytesMut};
use prost::Message;

use crate::DecodeError;
use crate::client::map::RefusedRequest;
use crate::client::{
    CharToClient, ClientToChar, ClientToLogin, ClientToMap, LoginToClient, MapToClient, client_to_char,
    client_to_login, client_to_server, server_to_client,
};
use crate::control::{
    Beat, BeatAck, CoordinatorMessage, DatabaseOpen, EngineDown, EngineUp, GameOpen, InterDown, InterOpen, InterUp,
    NodeMessage,
};
use crate::control::{MAX_HEADER, MAX_INTER, MAX_MESSAGE, ProbeOpen, ProbeReport, SyncOpen, delimited, next_message};
use crate::fixture::Fixture;
use crate::frame::LengthTable;
use crate::inter::{CharToMap, MapToChar, ServiceToChar, ServiceToMap, char_to_map, map_to_char};

/// One packet list: how it is framed and decoded, without its type.
struct Link {
    /// The enum's name, as fixtures have it in front of `::`.
    list: &'static str,
    packets: &'static [(u16, &'static str, Option<usize>)],
    table: &'static LengthTable,
    decode: fn(&[u8]) -> Result<Decoded, DecodeError>,
}

/// Debug form, name, and the packet encoded again.
type Decoded = (String, &'static str, Bytes);

macro_rules! links {
    ($($list:ident: $table:expr;)*) => {
        vec![$(Link {
            list: stringify!($list),
            packets: $list::IDS,
            table: $table,
            decode: |bytes| $list::decode(bytes).map(|packet| (format!("{packet:?}"), packet.name(), packet.encode())),
        },)*]
    };
}

fn links() -> Vec<Link> {
    links! {
        ClientToLogin: client_to_login();
        LoginToClient: server_to_client();
        ClientToChar: client_to_char();
        CharToClient: server_to_client();
        ClientToMap: client_to_server();
        RefusedRequest: client_to_server();
        MapToClient: server_to_client();
        MapToChar: map_to_char();
        CharToMap: char_to_map();
        ServiceToChar: map_to_char();
        ServiceToMap: char_to_map();
    }
}

/// A control message: how it is taken from its stream and written again; `None` when it is not whole.
type Recode = fn(&[u8]) -> Result<Option<(String, Bytes)>, DecodeError>;

fn stream<M: Message + Default + Debug>(bytes: &[u8], max: usize) -> Result<Option<(String, Bytes)>, DecodeError> {
    let message = next_message::<M>(&mut BytesMut::from(bytes), max)?;
    Ok(message.map(|message| (format!("{message:?}"), delimited(&message))))
}

fn datagram<M: Message + Default + Debug>(bytes: &[u8]) -> Result<Option<(String, Bytes)>, DecodeError> {
    Ok(M::decode(bytes).ok().map(|message| (format!("{message:?}"), message.encode_to_vec().into())))
}

/// Every control message by the name fixtures have in front of `::`.
const CONTROL: &[(&str, Recode)] = &[
    ("NodeMessage", |bytes| stream::<NodeMessage>(bytes, MAX_MESSAGE)),
    ("CoordinatorMessage", |bytes| stream::<CoordinatorMessage>(bytes, MAX_MESSAGE)),
    ("EngineUp", |bytes| stream::<EngineUp>(bytes, MAX_MESSAGE)),
    ("EngineDown", |bytes| stream::<EngineDown>(bytes, MAX_MESSAGE)),
    ("GameOpen", |bytes| stream::<GameOpen>(bytes, MAX_HEADER)),
    ("SyncOpen", |bytes| stream::<SyncOpen>(bytes, MAX_HEADER)),
    ("DatabaseOpen", |bytes| stream::<DatabaseOpen>(bytes, MAX_HEADER)),
    ("InterOpen", |bytes| stream::<InterOpen>(bytes, MAX_HEADER)),
    ("InterUp", |bytes| stream::<InterUp>(bytes, MAX_INTER)),
    ("InterDown", |bytes| stream::<InterDown>(bytes, MAX_INTER)),
    ("ProbeOpen", |bytes| stream::<ProbeOpen>(bytes, MAX_HEADER)),
    ("ProbeReport", |bytes| stream::<ProbeReport>(bytes, MAX_HEADER)),
    ("Beat", datagram::<Beat>),
    ("BeatAck", datagram::<BeatAck>),
];

/// All fixtures of a folder with their paths, in order.
fn fixtures(folder: &str) -> Vec<(PathBuf, Fixture)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures").join(folder);
    let mut paths: Vec<PathBuf> =
        fs::read_dir(&folder).expect("the folder is there").map(|entry| entry.expect("readable").path()).collect();
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = fs::read_to_string(&path).expect("readable");
            let fixture = Fixture::parse(&text).unwrap_or_else(|problem| panic!("{}: {problem}", path.display()));
            (path, fixture)
        })
        .collect()
}

/// The folders of packets with declared lists.
const FOLDERS: [&str; 4] = ["login", "character", "map", "inter"];
