//! Writing fields. Fixed text is padded with zeros, so no byte of a former packet leaks.

use bytes::{BufMut, Bytes, BytesMut};

/// One packet being written. All integers are little-endian unless the method says otherwise.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    buffer: BytesMut,
}

macro_rules! integers {
    ($($name:ident $put:ident $be:ident $put_be:ident $kind:ty;)*) => {$(
        #[doc = concat!("Appends a little-endian `", stringify!($kind), "`.")]
        pub fn $name(&mut self, value: $kind) -> &mut Self {
            self.buffer.$put(value);
            self
        }

        #[doc = concat!("Appends a big-endian `", stringify!($kind), "`.")]
        pub fn $be(&mut self, value: $kind) -> &mut Self {
            self.buffer.$put_be(value);
            self
        }
    )*};
}

impl Writer {
    /// Starts a packet with its id.
    #[must_use]
    pub fn packet(id: u16) -> Self {
        let mut writer = Self::default();
        writer.u16(id);
        writer
    }

    integers! {
        u16 put_u16_le u16_be put_u16 u16;
        u32 put_u32_le u32_be put_u32 u32;
        u64 put_u64_le u64_be put_u64 u64;
        i16 put_i16_le i16_be put_i16 i16;
        i32 put_i32_le i32_be put_i32 i32;
        i64 put_i64_le i64_be put_i64 i64;
    }

    /// Appends a byte.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.buffer.put_u8(value);
        self
    }

    /// Appends a signed byte.
    pub fn i8(&mut self, value: i8) -> &mut Self {
        self.buffer.put_i8(value);
        self
    }

    /// Appends bytes as they are.
    pub fn bytes(&mut self, bytes: &[u8]) -> &mut Self {
        self.buffer.put_slice(bytes);
        self
    }

    /// Appends `count` zeros.
    pub fn zeros(&mut self, count: usize) -> &mut Self {
        self.buffer.put_bytes(0, count);
        self
    }

    /// Bytes written so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Whether nothing has been written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// Ends a packet of fixed length.
    #[must_use]
    pub fn finish(self) -> Bytes {
        self.buffer.freeze()
    }

    /// Ends a packet whose 16-bit length stands at offset 2. Bodies over 65,535 bytes are cut by no caller: the packet
    /// types bound their lists, and a length that does not fit saturates so that the receiver's framing refuses it.
    #[must_use]
    pub fn finish_sized(mut self) -> Bytes {
        let len = u16::try_from(self.buffer.len()).unwrap_or(u16::MAX).to_le_bytes();
        if let Some(slot) = self.buffer.get_mut(2..4) {
            slot.copy_from_slice(&len);
        }
        self.buffer.freeze()
    }
}
