//! Reading fields from an exact slice. Never panics, never allocates more than the slice holds.

use crate::DecodeError;

/// A cursor over one packet's body. All integers are little-endian unless the method says otherwise.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

macro_rules! integers {
    ($($name:ident $be:ident $kind:ty;)*) => {$(
        #[doc = concat!("A little-endian `", stringify!($kind), "`.\n\n# Errors\n[`DecodeError::Short`] at the end of the slice.")]
        pub fn $name(&mut self, field: &'static str) -> Result<$kind, DecodeError> {
            self.array(field).map(<$kind>::from_le_bytes)
        }

        #[doc = concat!("A big-endian `", stringify!($kind), "`.\n\n# Errors\n[`DecodeError::Short`] at the end of the slice.")]
        pub fn $be(&mut self, field: &'static str) -> Result<$kind, DecodeError> {
            self.array(field).map(<$kind>::from_be_bytes)
        }
    )*};
}

impl<'a> Reader<'a> {
    /// Reads from the start of `body`.
    #[must_use]
    pub fn new(body: &'a [u8]) -> Self {
        Self { rest: body }
    }

    integers! {
        u8 u8_be u8;
        u16 u16_be u16;
        u32 u32_be u32;
        u64 u64_be u64;
        i8 i8_be i8;
        i16 i16_be i16;
        i32 i32_be i32;
        i64 i64_be i64;
    }

    /// The next `N` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Short`] at the end of the slice.
    pub fn array<const N: usize>(&mut self, field: &'static str) -> Result<[u8; N], DecodeError> {
        let (head, rest) = self.rest.split_first_chunk::<N>().ok_or_else(|| self.short(field, N))?;
        self.rest = rest;
        Ok(*head)
    }

    /// The next `len` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Short`] at the end of the slice.
    pub fn bytes(&mut self, field: &'static str, len: usize) -> Result<&'a [u8], DecodeError> {
        let (head, rest) = self.rest.split_at_checked(len).ok_or_else(|| self.short(field, len))?;
        self.rest = rest;
        Ok(head)
    }

    /// Passes over `len` bytes.
    ///
    /// # Errors
    /// [`DecodeError::Short`] at the end of the slice.
    pub fn skip(&mut self, field: &'static str, len: usize) -> Result<(), DecodeError> {
        self.bytes(field, len).map(drop)
    }

    /// Everything that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// How many bytes are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// Ends the body: every byte has to be read by now.
    ///
    /// # Errors
    /// [`DecodeError::Trailing`] when bytes are left.
    pub fn finish(self) -> Result<(), DecodeError> {
        match self.rest.len() {
            0 => Ok(()),
            extra => Err(DecodeError::Trailing { extra }),
        }
    }

    fn short(&self, field: &'static str, wanted: usize) -> DecodeError {
        DecodeError::Short { field, wanted, left: self.rest.len() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_byte_orders_and_demands_the_end() {
        let mut reader = Reader::new(&[0x34, 0x12, 0x12, 0x34, 9]);
        assert_eq!(reader.u16("a"), Ok(0x1234));
        assert_eq!(reader.u16_be("b"), Ok(0x1234));
        assert_eq!(reader.clone().finish(), Err(DecodeError::Trailing { extra: 1 }));
        assert_eq!(reader.u16("c"), Err(DecodeError::Short { field: "c", wanted: 2, left: 1 }));
        assert_eq!(reader.u8("d"), Ok(9), "a failed read consumes nothing");
        assert_eq!(reader.finish(), Ok(()));
    }
}
