//! One declared list of packets per link drives structs, decoding, encoding and the tests.

use bytes::Bytes;

use crate::ids::{AccountId, CharacterId, Epoch, ObjectId, SessionId};
use crate::{DecodeError, FixedText, Reader, Secret, Writer};

/// A packet type: what the `packets!` list declares.
pub trait Packet: Sized {
    /// The 16-bit id it starts with.
    const ID: u16;
    /// The name used in logs and metrics.
    const NAME: &'static str;
    /// Its whole length with the id; `None` when a 16-bit length stands at offset 2.
    const LEN: Option<usize>;

    /// Decodes one whole packet, id and length included.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are not exactly this packet.
    fn decode(packet: &[u8]) -> Result<Self, DecodeError>;

    /// Encodes the packet, id and length included.
    fn encode(&self) -> Bytes;
}

/// A field that can be read from a body.
pub trait WireRead: Sized {
    /// Reads the field.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes end early or mean nothing.
    fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError>;
}

/// A field that can be written to a body.
pub trait WireWrite {
    /// Appends the field.
    fn write(&self, writer: &mut Writer);
}

macro_rules! integer_fields {
    ($($kind:ident)*) => {$(
        impl WireRead for $kind {
            fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
                reader.$kind(field)
            }
        }

        impl WireWrite for $kind {
            fn write(&self, writer: &mut Writer) {
                writer.$kind(*self);
            }
        }
    )*};
}

integer_fields!(u8 u16 u32 u64 i8 i16 i32 i64);

macro_rules! id_fields {
    ($($name:ident)*) => {$(
        impl WireRead for $name {
            fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
                WireRead::read(reader, field).map(Self)
            }
        }

        impl WireWrite for $name {
            fn write(&self, writer: &mut Writer) {
                self.0.write(writer);
            }
        }
    )*};
}

id_fields!(AccountId CharacterId ObjectId SessionId Epoch);

impl<const N: usize> WireRead for FixedText<N> {
    fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
        reader.array::<N>(field).map(Self::from)
    }
}

impl<const N: usize> WireWrite for FixedText<N> {
    fn write(&self, writer: &mut Writer) {
        writer.bytes(self.raw());
    }
}

impl<const N: usize> WireRead for [u8; N] {
    fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
        reader.array(field)
    }
}

impl<const N: usize> WireWrite for [u8; N] {
    fn write(&self, writer: &mut Writer) {
        writer.bytes(self);
    }
}

/// Everything to the end of the packet.
impl WireRead for Vec<u8> {
    fn read(reader: &mut Reader<'_>, _field: &'static str) -> Result<Self, DecodeError> {
        Ok(reader.rest().to_vec())
    }
}

impl WireWrite for Vec<u8> {
    fn write(&self, writer: &mut Writer) {
        writer.bytes(self);
    }
}

impl<T: WireRead> WireRead for Secret<T> {
    fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
        T::read(reader, field).map(Self::new)
    }
}

impl<T: WireWrite> WireWrite for Secret<T> {
    fn write(&self, writer: &mut Writer) {
        self.expose().write(writer);
    }
}

/// Declares the packets of one direction of one link.
///
/// ```text
/// packets! {
///     /// What a client sends to the map-server.
///     pub enum ClientToMap;
///
///     /// Asks to enter the map (clif.cpp, clif_parse_WantToConnection).
///     0x0436 [23] Enter { account: AccountId, ... }
///     /// Says something.
///     0x00f3 [..] Say { text: Vec<u8> }
/// }
/// ```
///
/// gives a struct per packet with [`Packet`], the enum with one variant each, `decode`, `encode`, `name`, and `IDS`, the list
/// the tests walk. `[N]` is the whole length, `[..]` a packet with its length at offset 2.
macro_rules! packets {
    (
        $(#[$enum_doc:meta])*
        $visibility:vis enum $list:ident;
        $(
            $(#[$doc:meta])*
            $id:literal [$($len:tt)+] $name:ident { $( $(#[$field_doc:meta])* $field:ident: $kind:ty ),* $(,)? }
        )*
    ) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Debug, Eq, PartialEq)]
            #[allow(missing_docs, reason = "fields are named as in the packet's own documentation")]
            $visibility struct $name { $( $(#[$field_doc])* pub $field: $kind, )* }

            impl $crate::Packet for $name {
                const ID: u16 = $id;
                const NAME: &'static str = stringify!($name);
                const LEN: Option<usize> = $crate::packet::length!($($len)+);

                fn decode(packet: &[u8]) -> Result<Self, $crate::DecodeError> {
                    #[allow(unused_mut, reason = "packets without fields read nothing")]
                    let mut reader = $crate::packet::open(packet, Self::ID, Self::LEN)?;
                    let value = Self { $( $field: $crate::WireRead::read(&mut reader, stringify!($field))?, )* };
                    reader.finish()?;
                    Ok(value)
                }

                fn encode(&self) -> bytes::Bytes {
                    #[allow(unused_mut, reason = "packets without fields write nothing")]
                    let mut writer = $crate::Writer::packet(Self::ID);
                    if Self::LEN.is_none() {
                        writer.u16(0);
                    }
                    $( $crate::WireWrite::write(&self.$field, &mut writer); )*
                    if Self::LEN.is_none() { writer.finish_sized() } else { writer.finish() }
                }
            }

            impl From<$name> for $list {
                fn from(packet: $name) -> Self {
                    Self::$name(packet)
                }
            }
        )*

        $(#[$enum_doc])*
        #[derive(Clone, Debug, Eq, PartialEq)]
        #[allow(missing_docs, clippy::large_enum_variant, reason = "variants are documented at their structs; packets live briefly")]
        $visibility enum $list { $( $name($name), )* }

        impl $list {
            /// Every packet of the list: id, name, whole length (`None`: at offset 2).
            $visibility const IDS: &'static [(u16, &'static str, Option<usize>)] =
                &[$( (<$name as $crate::Packet>::ID, <$name as $crate::Packet>::NAME, <$name as $crate::Packet>::LEN), )*];

            /// Decodes one whole packet.
            ///
            /// # Errors
            /// [`DecodeError`](crate::DecodeError): not in the list, or not exactly what its id says.
            $visibility fn decode(packet: &[u8]) -> Result<Self, $crate::DecodeError> {
                let id = $crate::frame::packet_id(packet)?;
                match id {
                    $( $id => <$name as $crate::Packet>::decode(packet).map(Self::$name), )*
                    _ => Err($crate::DecodeError::UnknownId { id }),
                }
            }

            /// Encodes the packet.
            #[must_use]
            $visibility fn encode(&self) -> bytes::Bytes {
                match self { $( Self::$name(packet) => $crate::Packet::encode(packet), )* }
            }

            /// The packet's name.
            #[must_use]
            $visibility fn name(&self) -> &'static str {
                match self { $( Self::$name(_) => <$name as $crate::Packet>::NAME, )* }
            }
        }
    };
}

macro_rules! length {
    (..) => {
        None
    };
    ($len:literal) => {
        Some($len)
    };
}

pub(crate) use {length, packets};

/// Declares a record that stands inside packets, often several times.
macro_rules! records {
    ($( $(#[$doc:meta])* $visibility:vis struct $name:ident { $( $(#[$field_doc:meta])* $field:ident: $kind:ty ),* $(,)? } )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Eq, PartialEq)]
        #[allow(missing_docs, reason = "fields are named as in the record's own documentation")]
        $visibility struct $name { $( $(#[$field_doc])* pub $field: $kind, )* }

        impl $crate::WireRead for $name {
            fn read(reader: &mut $crate::Reader<'_>, _field: &'static str) -> Result<Self, $crate::DecodeError> {
                Ok(Self { $( $field: $crate::WireRead::read(reader, stringify!($field))?, )* })
            }
        }

        impl $crate::WireWrite for $name {
            fn write(&self, writer: &mut $crate::Writer) {
                $( $crate::WireWrite::write(&self.$field, writer); )*
            }
        }
    )*};
}

pub(crate) use records;

/// Records to the end of the packet.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct List<T>(pub Vec<T>);

impl<T: WireRead> WireRead for List<T> {
    fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
        let mut items = Vec::new();
        while reader.left() > 0 {
            let before = reader.left();
            items.push(T::read(reader, field)?);
            if reader.left() == before {
                return Err(DecodeError::Invalid { field, problem: "is a list of nothing" });
            }
        }
        Ok(Self(items))
    }
}

impl<T: WireWrite> WireWrite for List<T> {
    fn write(&self, writer: &mut Writer) {
        self.0.iter().for_each(|item| item.write(writer));
    }
}

/// Checks id and length of a whole packet and returns a reader behind its header.
pub(crate) fn open(packet: &[u8], id: u16, len: Option<usize>) -> Result<Reader<'_>, DecodeError> {
    let mut reader = Reader::new(packet);
    let found = reader.u16("id")?;
    if found != id {
        return Err(DecodeError::UnknownId { id: found });
    }
    let stated = match len {
        Some(len) => len,
        None => usize::from(reader.u16("len")?),
    };
    if stated != packet.len() {
        return Err(DecodeError::BadLength { id, len: packet.len() });
    }
    Ok(reader)
}
