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
    /// Whether a gateway holds its client.
    #[prost(bool, tag = "4")]
    pub(super) held: bool,
    /// Whether no engine has it: this is its last state.
    #[prost(bool, tag = "5")]
    pub(super) settled: bool,
}

impl Kept {
    /// A session on an embedded engine: all the rest stays as the char-server handed it out.
    pub(super) fn update(update: PlayerUpdate, held: bool) -> Self {
        Self { update: Some(update), held, ..Self::default() }
    }

    /// A session that begins: with what it brings along that the char-server may lack.
    pub(super) fn of(session: &Session) -> Self {
        let kept = if session.saves.is_empty() {
            Self::update(session.as_update(), session.held)
        } else {
            Self::save(session)
        };
        Self { settled: session.restored, ..kept }
    }

    /// A session on a stock map-server.
    pub(super) fn save(session: &Session) -> Self {
        Self {
            update: Some(session.as_update()),
            image: pack(&[], session.image.as_bytes()).unwrap_or_default(),
            pieces: session.saves.to_kept(session.account, session.character),
            held: session.held,
            settled: false,
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
