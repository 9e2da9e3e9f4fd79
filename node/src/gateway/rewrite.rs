//! What servers send to a client, with every address in it turned to loopback.

use std::collections::VecDeque;
use std::net::SocketAddrV4;
use std::sync::{Arc, Mutex, PoisonError};

use bifrost_line::Tap;
use bifrost_protocol::client::Enter;
use bifrost_protocol::client::handover::{Cutter, Handover, map_behind};
use bifrost_protocol::client::map::ChangeServer;
use bifrost_protocol::control::LineKind;
use bifrost_protocol::{FixedText, Ipv4Be, Packet};
use bytes::{Buf, Bytes, BytesMut};
use tracing::warn;

use super::Shared;

/// Which map each character is on, as its client was told last.
#[derive(Debug, Default)]
pub(super) struct Maps {
    known: Mutex<VecDeque<(u32, String)>>,
}

impl Maps {
    /// Most characters remembered.
    const MAX: usize = 32;

    fn note(&self, character: u32, map: String) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|(of, _)| *of != character);
        if known.len() == Self::MAX {
            known.pop_front();
        }
        known.push_back((character, map));
    }

    fn of(&self, character: u32) -> Option<String> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.iter().find(|(of, _)| *of == character).map(|(_, map)| map.clone())
    }
}

/// Sits in one client's line.
#[derive(Debug)]
pub(super) struct Rewriter {
    shared: Arc<Shared>,
    kind: LineKind,
    /// None once something came that no server sends: from then on bytes pass as they are.
    cutter: Option<Cutter>,
    /// At most one unfinished packet.
    unfinished: BytesMut,
    /// The beginning of what the client sent, until it has said which character it is.
    first: Option<Vec<u8>>,
    character: Option<u32>,
}

/// Bytes of 0x0436 up to the character's id and behind it.
const ENTER_CHARACTER: std::ops::Range<usize> = 6..10;

impl Rewriter {
    pub(super) fn new(shared: Arc<Shared>, kind: LineKind) -> Self {
        let cutter = if kind == LineKind::Char { Cutter::of_char_server() } else { Cutter::new() };
        let first = (kind == LineKind::Map).then(Vec::new);
        Self { shared, kind, cutter: Some(cutter), unfinished: BytesMut::new(), first, character: None }
    }

    /// The packet that sends the client to a map-server on the map it is on, if that is known.
    pub(super) fn redirect(&self, to: SocketAddrV4) -> Option<Bytes> {
        let map = self.shared.maps.of(self.character?)?;
        let packet = ChangeServer {
            map: FixedText::new(format!("{map}.gat")),
            // The server says where on it, when the client enters.
            x: 0,
            y: 0,
            ip: Ipv4Be(*to.ip()),
            port: to.port(),
            domain: FixedText::default(),
        };
        Some(packet.encode())
    }

    fn packet(&mut self, packet: &mut [u8]) {
        let next = if self.kind == LineKind::Login { LineKind::Char } else { LineKind::Map };
        if let Some(mut handover) = Handover::of(packet) {
            if let (Some(character), Some(map)) = (handover.character(), handover.map()) {
                self.shared.maps.note(character, map);
            }
            handover.replace(|server| self.shared.places.stand_in(next, server));
        }
        if self.kind == LineKind::Map
            && let (Some(character), Some(map)) = (self.character, map_behind(packet))
        {
            self.shared.maps.note(character, map);
        }
    }
}

impl Tap for Rewriter {
    fn heard_near(&mut self, bytes: &[u8]) {
        let Some(first) = &mut self.first else { return };
        first.extend(bytes.iter().take(ENTER_CHARACTER.end - first.len()));
        if let Some(character) = first.get(ENTER_CHARACTER).and_then(|bytes| bytes.first_chunk::<4>()) {
            if first.starts_with(&Enter::ID.to_le_bytes()) {
                self.character = Some(u32::from_le_bytes(*character));
            }
            self.first = None;
        }
    }

    fn heard_far(&mut self, bytes: Bytes, inbox: &mut BytesMut) {
        self.unfinished.extend_from_slice(&bytes);
        while let Some(cutter) = &mut self.cutter {
            match cutter.next(&self.unfinished) {
                Ok(Some(len)) => {
                    let mut packet = self.unfinished.split_to(len);
                    self.packet(&mut packet);
                    inbox.extend_from_slice(&packet);
                }
                Ok(None) => return,
                Err(error) => {
                    warn!(%error, "a server speaks what is not known; its packets pass as they are");
                    self.cutter = None;
                }
            }
        }
        inbox.extend_from_slice(&self.unfinished);
        self.unfinished.advance(self.unfinished.len());
    }
}
