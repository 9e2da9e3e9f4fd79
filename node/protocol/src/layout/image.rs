//! Whole structs as they travel.

use std::fmt;

use super::Plain;
use crate::{DecodeError, Reader, WireRead, WireWrite, Writer};

/// Declares the raw bytes of one C++ struct: exactly `SIZE` of them, on the heap.
macro_rules! images {
    ($( $(#[$doc:meta])* pub struct $name:ident[$size:literal]; )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Eq, PartialEq)]
        pub struct $name(Box<[u8]>);

        impl $name {
            /// `sizeof` of the struct, in bytes.
            pub const SIZE: usize = $size;

            /// All zeros, as after `memset`.
            #[must_use]
            pub fn zeroed() -> Self {
                Self(vec![0; Self::SIZE].into())
            }

            /// Takes the bytes of one struct.
            ///
            /// # Errors
            /// [`DecodeError::Short`] or [`DecodeError::Trailing`] when they are not exactly [`SIZE`](Self::SIZE).
            pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
                let mut reader = Reader::new(bytes);
                let image = Self::read(&mut reader, stringify!($name))?;
                reader.finish()?;
                Ok(image)
            }

            /// The bytes.
            #[must_use]
            pub fn as_bytes(&self) -> &[u8] {
                &self.0
            }

            /// Reads the value at `OFFSET`.
            pub(super) fn load<T: Plain, const OFFSET: usize>(&self) -> T {
                const { assert!(OFFSET.saturating_add(T::SIZE) <= Self::SIZE) };
                T::load(self.0.get(OFFSET..OFFSET.saturating_add(T::SIZE)).unwrap_or_default())
            }

            /// Writes the value at `OFFSET`.
            pub(super) fn store<T: Plain, const OFFSET: usize>(&mut self, value: &T) {
                const { assert!(OFFSET.saturating_add(T::SIZE) <= Self::SIZE) };
                value.store(self.0.get_mut(OFFSET..OFFSET.saturating_add(T::SIZE)).unwrap_or_default());
            }

            /// The bytes of a stretch that may lie outside.
            #[allow(dead_code, reason = "only structs with arrays need it")]
            pub(super) fn stretch(&self, offset: usize, len: usize) -> Option<&[u8]> {
                self.0.get(offset..)?.get(..len)
            }

            /// The bytes of a stretch that may lie outside, to be written.
            #[allow(dead_code, reason = "only structs with arrays need it")]
            pub(super) fn stretch_mut(&mut self, offset: usize, len: usize) -> Option<&mut [u8]> {
                self.0.get_mut(offset..)?.get_mut(..len)
            }
        }

        impl fmt::Debug for $name {
            /// Only the size: the bytes would fill pages.
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "{}[{}]", stringify!($name), Self::SIZE)
            }
        }

        impl WireRead for $name {
            fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
                reader.bytes(field, Self::SIZE).map(|bytes| Self(bytes.into()))
            }
        }

        impl WireWrite for $name {
            fn write(&self, writer: &mut Writer) {
                writer.bytes(&self.0);
            }
        }
    )*};
}

images! {
    /// A whole character (`mmo_charstatus`, mmo.hpp). [`view`](Self::view) reads it.
    pub struct CharacterImage[8856];

    /// An inventory, cart or storage (`s_storage`, mmo.hpp): a header and 600 items.
    pub struct StorageImage[46_224];
}

/// Bytes between the fields of a struct. Stock servers leave garbage there, so they are kept; new structs have zeros.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Padding<const N: usize>([u8; N]);

impl<const N: usize> Default for Padding<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> fmt::Debug for Padding<N> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("..")
    }
}

impl<const N: usize> WireRead for Padding<N> {
    fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
        reader.array(field).map(Self)
    }
}

impl<const N: usize> WireWrite for Padding<N> {
    fn write(&self, writer: &mut Writer) {
        writer.bytes(&self.0);
    }
}
