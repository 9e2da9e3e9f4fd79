//! What the journal keeps of a session: its last state, as an embedded engine reports it and as a stock map-server saves it.

use bifrost_protocol::control::PlayerUpdate;
use bifrost_protocol::layout::CharacterImage;
use bifrost_protocol::save::{pack, unpack};
use prost::Message;

use super::saves::{KeptPiece, Saves};
use super::session::Session;

/// The state of one session in the journal.
#[derive(Clone, PartialEq, Message)]
pub(super) struct Kept {
    /// Where it stands, and how.
    #[prost(message, optional, tag = "1")]
    pub(super) update: Option<PlayerUpdate>,
    /// `mmo_charstatus` as a stock map-server saved it last, packed; empty on an embedded engine.
    #[prost(bytes = "vec", tag = "2")]
    image: Vec<u8>,
    /// The other parts of its saves.
    #[prost(message, repeated, tag = "3")]
    pieces: Vec<KeptPiece>,
}

impl Kept {
    /// A session on an embedded engine: all the rest stays as the char-server handed it out.
    pub(super) fn update(update: PlayerUpdate) -> Self {
        Self { update: Some(update), image: Vec::new(), pieces: Vec::new() }
    }

    /// A session that begins: with what it brings along that the char-server may lack.
    pub(super) fn of(session: &Session) -> Self {
        if session.saves.is_empty() { Self::update(session.as_update()) } else { Self::save(session) }
    }

    /// A session on a stock map-server.
    pub(super) fn save(session: &Session) -> Self {
        Self {
            update: Some(session.as_update()),
            image: pack(&[], session.image.as_bytes()).unwrap_or_default(),
            pieces: session.saves.to_kept(session.account, session.character),
        }
    }

    /// The saved character, if there is one.
    pub(super) fn image(&self) -> Option<CharacterImage> {
        let bytes = unpack(&[], &self.image, CharacterImage::SIZE).ok()?;
        CharacterImage::from_bytes(&bytes).ok()
    }

    /// The other parts.
    pub(super) fn saves(&self) -> Saves {
        Saves::from_kept(&self.pieces)
    }
}
