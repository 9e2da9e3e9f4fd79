//! The first messages of a connection: greeting (protocol version 10), login (4.1), change of the way to prove.

use bytes::Bytes;

use super::auth::{NONCE_LEN, Nonce};
use super::lengths::{put_length, put_text, take_length, take_nul, take_text};
use super::{Capabilities, Status};
use crate::{DecodeError, Reader, Secret, Writer};

/// The longest login message: names, a proof and the attributes of a client program.
pub const MAX_LOGIN: usize = 16 * 1024;

/// Part of the nonce that stands before the capabilities.
const NONCE_HEAD: usize = 8;
/// Bytes between the length of the nonce and its tail: 6 unused, 4 of MariaDB's own capabilities.
const FILLER: usize = 10;

/// The server's first message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Greeting {
    /// Its version, as text. MariaDB's start with `5.5.5-`, which its clients take off.
    pub version: String,
    /// Its number for this connection.
    pub connection: u32,
    /// What it can do.
    pub capabilities: Capabilities,
    /// Its default collation (its low byte).
    pub collation: u8,
    /// Its state.
    pub status: Status,
    /// What the proof has to be made over.
    pub nonce: Nonce,
    /// How the proof has to be made.
    pub plugin: String,
}

impl Greeting {
    /// Reads one.
    ///
    /// # Errors
    /// It is no greeting of protocol version 10 with 4.1 authentication. A server that refuses a connection sends a
    /// [`ServerError`](super::ServerError) instead.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(message);
        if reader.u8("protocol version")? != 10 {
            return Err(DecodeError::Invalid { field: "protocol version", problem: "is not 10" });
        }
        let version = text(take_nul(&mut reader, "version")?);
        let connection = reader.u32("connection")?;
        let head: [u8; NONCE_HEAD] = reader.array("nonce")?;
        reader.skip("filler", 1)?;
        let low = reader.u16("capabilities")?;
        let collation = reader.u8("collation")?;
        let status = Status::from_bits(reader.u16("status")?);
        let high = reader.u16("capabilities")?;
        let capabilities = Capabilities::from_bits(u32::from(low) | u32::from(high) << 16);
        if !capabilities.contains(Capabilities::PROTOCOL_41 | Capabilities::SECURE_CONNECTION) {
            return Err(DecodeError::Invalid { field: "capabilities", problem: "are of a server before 4.1" });
        }
        let stated = usize::from(reader.u8("nonce length")?);
        reader.skip("filler", FILLER)?;
        // The tail has 12 bytes and a NUL, whatever the stated length of the whole, unless that is more.
        let tail = stated.saturating_sub(NONCE_HEAD).max(13);
        let tail = reader.bytes("nonce", tail)?;
        let plugin = if capabilities.contains(Capabilities::PLUGIN_AUTH) {
            let rest = reader.rest();
            text(rest.split(|byte| *byte == 0).next().unwrap_or_default())
        } else {
            super::NATIVE.to_owned()
        };
        let nonce = nonce_of(head.iter().chain(tail).copied());
        Ok(Self { version, connection, capabilities, collation, status, nonce, plugin })
    }

    /// Writes it.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let bits = self.capabilities.bits();
        let (head, tail) = self.nonce.split_at(NONCE_HEAD);
        let [a, b, c, d] = bits.to_le_bytes();
        let mut writer = Writer::default();
        writer.u8(10).bytes(self.version.as_bytes()).u8(0);
        writer.u32(self.connection).bytes(head).u8(0);
        writer.bytes(&[a, b]).u8(self.collation).u16(self.status.bits()).bytes(&[c, d]);
        writer.u8(21).zeros(FILLER).bytes(tail).u8(0);
        writer.bytes(self.plugin.as_bytes()).u8(0);
        writer.finish()
    }
}

/// The client's answer to a greeting.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Login {
    /// What it can do and the server can.
    pub capabilities: Capabilities,
    /// The longest message it takes.
    pub max_message: u32,
    /// The collation it wants.
    pub collation: u8,
    /// Who it is.
    pub user: Vec<u8>,
    /// Its proof.
    pub proof: Secret<Vec<u8>>,
    /// The database it wants; `None` for none.
    pub database: Option<Vec<u8>>,
    /// How its proof was made; `None` when it does not say.
    pub plugin: Option<String>,
}

impl Login {
    /// Reads one that answers a greeting with these capabilities. Attributes of the client program are passed over.
    ///
    /// # Errors
    /// It asks for TLS that was not offered, is of a client before 4.1, or its fields do not fit.
    pub fn decode(message: &[u8], offered: Capabilities) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(message);
        let wanted = Capabilities::from_bits(reader.u32("capabilities")?);
        if !wanted.contains(Capabilities::PROTOCOL_41 | Capabilities::SECURE_CONNECTION) {
            return Err(DecodeError::Invalid { field: "capabilities", problem: "are of a client before 4.1" });
        }
        if wanted.contains(Capabilities::TLS) && !offered.contains(Capabilities::TLS) {
            return Err(DecodeError::Invalid { field: "capabilities", problem: "ask for TLS, which was not offered" });
        }
        let capabilities = wanted & offered;
        let max_message = reader.u32("longest message")?;
        let collation = reader.u8("collation")?;
        // 19 unused bytes and, from MariaDB's own clients, 4 of their capabilities.
        reader.skip("filler", 23)?;
        let user = take_nul(&mut reader, "user")?.to_vec();
        let proof = if capabilities.contains(Capabilities::PLUGIN_AUTH_LENGTHS) {
            take_text(&mut reader, "proof")?
        } else {
            let len = usize::from(reader.u8("proof")?);
            reader.bytes("proof", len)?
        };
        let proof = Secret::new(proof.to_vec());
        let database = if capabilities.contains(Capabilities::CONNECT_WITH_DATABASE) && reader.left() > 0 {
            Some(take_nul(&mut reader, "database")?.to_vec()).filter(|name| !name.is_empty())
        } else {
            None
        };
        let plugin = if capabilities.contains(Capabilities::PLUGIN_AUTH) && reader.left() > 0 {
            Some(text(take_nul(&mut reader, "plugin")?))
        } else {
            None
        };
        if capabilities.contains(Capabilities::CONNECT_ATTRIBUTES) && reader.left() > 0 {
            let len = take_length(&mut reader, "attributes")?;
            reader.skip("attributes", usize::try_from(len).unwrap_or(usize::MAX))?;
        }
        reader.finish()?;
        Ok(Self { capabilities, max_message, collation, user, proof, database, plugin })
    }

    /// Writes it. `capabilities` decide which fields are there.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut writer = Writer::default();
        self.head(&mut writer);
        writer.bytes(&self.user).u8(0);
        if self.capabilities.contains(Capabilities::PLUGIN_AUTH_LENGTHS) {
            put_text(&mut writer, self.proof.expose());
        } else {
            let len = u8::try_from(self.proof.expose().len()).unwrap_or(u8::MAX);
            writer.u8(len).bytes(self.proof.expose());
        }
        if self.capabilities.contains(Capabilities::CONNECT_WITH_DATABASE) {
            writer.bytes(self.database.as_deref().unwrap_or_default()).u8(0);
        }
        if self.capabilities.contains(Capabilities::PLUGIN_AUTH) {
            writer.bytes(self.plugin.as_deref().unwrap_or(super::NATIVE).as_bytes()).u8(0);
        }
        if self.capabilities.contains(Capabilities::CONNECT_ATTRIBUTES) {
            put_length(&mut writer, 0);
        }
        writer.finish()
    }

    /// Writes the first half only: the wish for TLS, after which the whole login goes through TLS.
    #[must_use]
    pub fn encode_tls_request(&self) -> Bytes {
        let mut writer = Writer::default();
        self.head(&mut writer);
        writer.finish()
    }

    fn head(&self, writer: &mut Writer) {
        writer.u32(self.capabilities.bits()).u32(self.max_message).u8(self.collation).zeros(23);
    }
}

/// The server wants the proof made in another way, over another nonce.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuthSwitch {
    /// How.
    pub plugin: String,
    /// Over what.
    pub nonce: Nonce,
}

impl AuthSwitch {
    /// Reads one, its first byte 0xFE included.
    ///
    /// # Errors
    /// It is none, or the one of before 4.1 without a name.
    pub fn decode(message: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(message);
        if reader.u8("kind")? != 0xFE {
            return Err(DecodeError::Invalid { field: "kind", problem: "is not a change of the proof" });
        }
        let plugin = text(take_nul(&mut reader, "plugin")?);
        Ok(Self { plugin, nonce: nonce_of(reader.rest().iter().copied()) })
    }

    /// Writes it.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut writer = Writer::default();
        writer.u8(0xFE).bytes(self.plugin.as_bytes()).u8(0).bytes(&self.nonce).u8(0);
        writer.finish()
    }
}

fn nonce_of(bytes: impl Iterator<Item = u8>) -> Nonce {
    let mut nonce = [0; NONCE_LEN];
    for (slot, byte) in nonce.iter_mut().zip(bytes) {
        *slot = byte;
    }
    nonce
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
