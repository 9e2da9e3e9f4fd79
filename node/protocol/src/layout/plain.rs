//! Values of fixed size in memory, little-endian, without alignment.

use crate::FixedText;
use crate::ids::{AccountId, CharacterId};

/// A value that fills a fixed number of bytes, any of which are legal.
pub trait Plain: Sized {
    /// How many bytes.
    const SIZE: usize;

    /// Reads it from exactly [`SIZE`](Self::SIZE) bytes.
    fn load(bytes: &[u8]) -> Self;

    /// Writes it to exactly [`SIZE`](Self::SIZE) bytes.
    fn store(&self, bytes: &mut [u8]);
}

/// The bytes of a field as an array. Both sides have `N` bytes wherever this is used; if not, zeros.
fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes.first_chunk().copied().unwrap_or([0; N])
}

/// Copies `value` to the start of `bytes`.
fn copy(value: &[u8], bytes: &mut [u8]) {
    for (to, from) in bytes.iter_mut().zip(value) {
        *to = *from;
    }
}

macro_rules! integers {
    ($($kind:ident)*) => {$(
        impl Plain for $kind {
            const SIZE: usize = size_of::<Self>();

            fn load(bytes: &[u8]) -> Self {
                Self::from_le_bytes(array(bytes))
            }

            fn store(&self, bytes: &mut [u8]) {
                copy(&self.to_le_bytes(), bytes);
            }
        }
    )*};
}

integers!(u8 u16 u32 u64 i8 i16 i32 i64);

macro_rules! ids {
    ($($kind:ident)*) => {$(
        impl Plain for $kind {
            const SIZE: usize = u32::SIZE;

            fn load(bytes: &[u8]) -> Self {
                Self(u32::load(bytes))
            }

            fn store(&self, bytes: &mut [u8]) {
                self.0.store(bytes);
            }
        }
    )*};
}

ids!(AccountId CharacterId);

impl<const N: usize> Plain for FixedText<N> {
    const SIZE: usize = N;

    fn load(bytes: &[u8]) -> Self {
        Self::from(array(bytes))
    }

    fn store(&self, bytes: &mut [u8]) {
        copy(self.raw(), bytes);
    }
}
