//! Identifiers used on more than one link. Each is a type of its own, so that none is taken for another.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::DecodeError;

macro_rules! number_id {
    ($($(#[$doc:meta])* $name:ident($inner:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
        #[serde(transparent)]
        pub struct $name(pub $inner);

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(out)
            }
        }
    )*};
}

number_id! {
    /// A game account (`login.account_id`). Also the game object id of its character on a map.
    AccountId(u32);
    /// A character (`char.char_id`).
    CharacterId(u32);
    /// A game object on a map: player, NPC, monster. Players use their account id.
    ObjectId(u32);
    /// One arrival of one player at the fleet. Never used again.
    SessionId(u64);
    /// The fencing token of a lease: grows by one each time a map group changes hands.
    Epoch(u64);
}

/// A host, as the coordinator named it at registration: `h-` and 16 hex digits.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct HostId(pub String);

impl fmt::Display for HostId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// A map group's name, chosen by the operator.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct GroupName(pub String);

impl fmt::Display for GroupName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// A map's name without extension: 1 to 11 of `[A-Za-z0-9_@-]` (`MAP_NAME_LENGTH` is 12 with its NUL).
///
/// Legal by construction: rAthena puts it unescaped into SQL (`char.cpp`, `char_mmo_char_tosql`).
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct MapName(String);

impl MapName {
    /// The longest name.
    pub const MAX_LEN: usize = 11;

    /// Checks a name, with or without `.gat`.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] when it is empty, too long or has another character.
    pub fn new(name: &str) -> Result<Self, DecodeError> {
        let name = name.strip_suffix(".gat").unwrap_or(name);
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'@' | b'-');
        if name.is_empty() || name.len() > Self::MAX_LEN || !name.bytes().all(legal) {
            return Err(DecodeError::Invalid { field: "map", problem: "is not a legal map name" });
        }
        Ok(Self(name.to_owned()))
    }

    /// The bare name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for MapName {
    type Error = DecodeError;

    fn try_from(name: String) -> Result<Self, DecodeError> {
        Self::new(&name)
    }
}

impl From<MapName> for String {
    fn from(name: MapName) -> Self {
        name.0
    }
}

impl fmt::Display for MapName {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

/// A cell of a map.
#[derive(Clone, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
pub struct MapPoint {
    /// The map.
    pub map: MapName,
    /// Column, from the west.
    pub x: u16,
    /// Row, from the south.
    pub y: u16,
}
