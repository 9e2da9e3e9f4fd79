//! Registry values: permanent script variables of a character (`name`), its account (`#name`) or the realm's login
//! (`##name`), numbers or texts (`name$`).

use crate::packet::records;
use crate::{DecodeError, Reader, WireRead, WireWrite, Writer};

/// Text behind one byte of length that counts its NUL, at most `MAX` bytes without it.
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct ShortText<const MAX: usize>(Vec<u8>);

impl<const MAX: usize> ShortText<MAX> {
    /// Takes `text`.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] when it is longer than `MAX` or holds a NUL.
    pub fn new(text: impl Into<Vec<u8>>) -> Result<Self, DecodeError> {
        let text = text.into();
        if text.len() > MAX || text.contains(&0) {
            return Err(DecodeError::Invalid { field: "text", problem: "is too long or holds a NUL" });
        }
        Ok(Self(text))
    }

    /// The bytes, without the NUL.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text, with bytes that are not UTF-8 replaced.
    #[must_use]
    pub fn to_text(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }
}

impl<const MAX: usize> std::fmt::Debug for ShortText<MAX> {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.to_text().fmt(out)
    }
}

impl<const MAX: usize> WireRead for ShortText<MAX> {
    fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
        let len = reader.u8(field)?;
        match reader.bytes(field, usize::from(len))?.split_last() {
            Some((0, text)) => Self::new(text),
            _ => Err(DecodeError::Invalid { field, problem: "does not end with a NUL" }),
        }
    }
}

impl<const MAX: usize> WireWrite for ShortText<MAX> {
    fn write(&self, writer: &mut Writer) {
        writer.u8(u8::try_from(self.0.len().saturating_add(1)).unwrap_or(u8::MAX));
        writer.bytes(&self.0).u8(0);
    }
}

/// A variable's name: `VARCHAR(32)` in rAthena's tables; longer ones overflow its stack (`inter_savereg`).
pub type RegistryKey = ShortText<32>;

/// A text value: `VARCHAR(254)`.
pub type RegistryText = ShortText<254>;

records! {
    /// A value to be set or deleted.
    pub struct RegistryChange { key: RegistryKey, index: u32, value: RegistryUpdate }

    /// A number.
    pub struct RegistryNumberEntry { key: RegistryKey, index: u32, value: i64 }

    /// A text.
    pub struct RegistryTextEntry { key: RegistryKey, index: u32, value: RegistryText }
}

/// What becomes of a value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RegistryUpdate {
    /// Set to a number.
    Number(i64),
    /// The number is deleted.
    NumberGone,
    /// Set to a text.
    Text(RegistryText),
    /// The text is deleted.
    TextGone,
}

impl WireRead for RegistryUpdate {
    fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
        Ok(match reader.u8(field)? {
            0 => Self::Number(reader.i64(field)?),
            1 => Self::NumberGone,
            2 => Self::Text(RegistryText::read(reader, field)?),
            3 => Self::TextGone,
            _ => return Err(DecodeError::Invalid { field, problem: "is not a kind of registry value" }),
        })
    }
}

impl WireWrite for RegistryUpdate {
    fn write(&self, writer: &mut Writer) {
        match self {
            Self::Number(number) => writer.u8(0).i64(*number),
            Self::NumberGone => writer.u8(1),
            Self::Text(text) => {
                text.write(writer.u8(2));
                writer
            }
            Self::TextGone => writer.u8(3),
        };
    }
}

/// Values of one kind, as 0x3804 carries them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RegistryPage {
    /// 0: more to come. Else these were the last: 1 of the `##` values, 2 of the `#` values, 3 of the character's.
    pub complete: u8,
    /// The values.
    pub values: RegistryValues,
}

/// Numbers or texts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RegistryValues {
    /// Numbers.
    Numbers(super::Counted<RegistryNumberEntry>),
    /// Texts.
    Texts(super::Counted<RegistryTextEntry>),
}

impl WireRead for RegistryPage {
    fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
        let complete = reader.u8(field)?;
        let values = match reader.u8(field)? {
            0 => RegistryValues::Numbers(WireRead::read(reader, field)?),
            1 => RegistryValues::Texts(WireRead::read(reader, field)?),
            _ => return Err(DecodeError::Invalid { field, problem: "is neither numbers nor texts" }),
        };
        Ok(Self { complete, values })
    }
}

impl WireWrite for RegistryPage {
    fn write(&self, writer: &mut Writer) {
        writer.u8(self.complete);
        match &self.values {
            RegistryValues::Numbers(numbers) => numbers.write(writer.u8(0)),
            RegistryValues::Texts(texts) => texts.write(writer.u8(1)),
        }
    }
}
