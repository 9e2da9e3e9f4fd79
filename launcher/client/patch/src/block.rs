//! The block that is put into a client: marker, two names, and the code that the program enters by.
//!
//! | offset | bytes | |
//! |---|---|---|
//! | 0 | 8 | `P2PH0001` |
//! | 8 | 12 | `p2phost.dll`, NUL |
//! | 20 | 23 | `initialize_p2p_hosting`, NUL |
//! | 43 | 40 | the code: 32-bit x86, absolute addresses |
//!
//! The code calls `LoadLibraryA` and `GetProcAddress` through the program's own import table, then the export, and goes on
//! where the program used to begin. Whatever is missing is passed over, so that the game starts without the DLL too.

use crate::{INITIALIZE, LIBRARY};

/// What the block begins with.
pub const MARKER: &[u8; 8] = b"P2PH0001";
/// Bytes of the block.
pub const SIZE: usize = ENTRY + CODE;

const NAME: usize = MARKER.len();
const FUNCTION: usize = NAME + LIBRARY.len() + 1;
const ENTRY: usize = FUNCTION + INITIALIZE.len() + 1;
const CODE: usize = 40;

/// What differs from one client to another. All are virtual addresses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Block {
    /// Where the block is.
    pub address: u32,
    /// The slot of `LoadLibraryA` in the program's import table.
    pub load_library: u32,
    /// The slot of `GetProcAddress`.
    pub get_proc_address: u32,
    /// Where the program began before.
    pub original_entry: u32,
}

impl Block {
    /// Where the program begins now.
    #[must_use]
    pub fn entry(&self) -> u32 {
        self.at(ENTRY)
    }

    /// The block's address for a program that begins there, as if it had one.
    #[must_use]
    pub fn address_of(entry: u32) -> Option<u32> {
        entry.checked_sub(ENTRY as u32)
    }

    /// The bytes.
    #[must_use]
    pub fn encode(&self) -> [u8; SIZE] {
        let mut bytes = Writer { bytes: [0; SIZE], at: 0 };
        bytes.put(MARKER);
        bytes.put(LIBRARY.as_bytes());
        bytes.put(&[0]);
        bytes.put(INITIALIZE.as_bytes());
        bytes.put(&[0]);
        bytes.put(&[0x60]); // pushad
        bytes.put(&[0x68]); // push "p2phost.dll"
        bytes.put(&self.at(NAME).to_le_bytes());
        bytes.put(&[0xFF, 0x15]); // call [LoadLibraryA]
        bytes.put(&self.load_library.to_le_bytes());
        bytes.put(&[0x85, 0xC0, 0x74, 0x12]); // test eax, eax; jz popad
        bytes.put(&[0x68]); // push "initialize_p2p_hosting"
        bytes.put(&self.at(FUNCTION).to_le_bytes());
        bytes.put(&[0x50, 0xFF, 0x15]); // push eax; call [GetProcAddress]
        bytes.put(&self.get_proc_address.to_le_bytes());
        bytes.put(&[0x85, 0xC0, 0x74, 0x02]); // test eax, eax; jz popad
        bytes.put(&[0xFF, 0xD0, 0x61, 0xE9]); // call eax; popad; jmp
        bytes.put(&self.original_entry.wrapping_sub(self.at(SIZE)).to_le_bytes());
        bytes.bytes
    }

    /// Reads a block that stands at this address. None when it differs in anything but the addresses of [`Block`].
    #[must_use]
    pub fn decode(address: u32, bytes: &[u8]) -> Option<Self> {
        let word = |at: usize| {
            let at = ENTRY + at;
            bytes.get(at..at + 4).and_then(|word| word.try_into().ok()).map(u32::from_le_bytes)
        };
        let mut block = Self { address, load_library: word(8)?, get_proc_address: word(24)?, original_entry: 0 };
        block.original_entry = word(36)?.wrapping_add(block.at(SIZE));
        (bytes.get(..SIZE)? == block.encode()).then_some(block)
    }

    /// Addresses wrap as the processor's do; a patched program is checked to be within its image.
    fn at(&self, offset: usize) -> u32 {
        self.address.wrapping_add(offset as u32)
    }
}

struct Writer {
    bytes: [u8; SIZE],
    at: usize,
}

impl Writer {
    fn put(&mut self, part: &[u8]) {
        self.bytes[self.at..self.at + part.len()].copy_from_slice(part);
        self.at += part.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BLOCK: Block = Block {
        address: 0x0050_0000,
        load_library: 0x0040_2010,
        get_proc_address: 0x0040_2014,
        original_entry: 0x0040_1000,
    };

    #[test]
    fn the_bytes_are_these() {
        let expected = "5032504830303031 70327068 6f73742e646c6c00 \
            696e697469616c697a655f7032705f686f7374696e6700 \
            60 6808005000 ff1510204000 85c0 7412 6814005000 50 ff1514204000 85c0 7402 ffd0 61 e9ad0ff0ff";
        assert_eq!(hex::encode(BLOCK.encode()), expected.replace(char::is_whitespace, ""));
        assert_eq!(BLOCK.entry(), 0x0050_002B);
        assert_eq!(Block::address_of(BLOCK.entry()), Some(BLOCK.address));
    }

    #[test]
    fn every_changed_bit_is_seen_or_is_an_address() {
        let good = BLOCK.encode();
        for bit in 0..SIZE * 8 {
            let mut bytes = good;
            bytes[bit / 8] ^= 1 << (bit % 8);
            let code = (bit / 8).checked_sub(ENTRY);
            let is_address = code.is_some_and(|at| [8..12, 24..28, 36..40].iter().any(|range| range.contains(&at)));
            assert_eq!(Block::decode(BLOCK.address, &bytes).is_some(), is_address, "bit {bit}");
        }
        assert_eq!(Block::decode(BLOCK.address, &good), Some(BLOCK));
        assert_eq!(Block::decode(BLOCK.address, &good[..SIZE - 1]), None);
        assert_eq!(Block::decode(BLOCK.address + 1, &good), None);
    }
}
