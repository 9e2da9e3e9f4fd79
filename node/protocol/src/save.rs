//! Packing of saves: one save of a character is 101 KB of packets that hardly differ from those of the save before.
//!
//! A save is compressed with the one before as zstd prefix, so that what travels is about the difference: 85 bytes for a
//! hunting player.

use thiserror::Error;
use zstd::zstd_safe::{CCtx, CParameter, DCtx, DParameter, get_error_name};

/// The longest save: character, three storages of 46 KB, guild storage, registry, quests and achievements.
pub const MAX_SAVE: usize = 384 * 1024;
/// A window that holds a save and the one before, as a power of two.
const WINDOW_LOG: u32 = 20;
/// What the prototype measured with; higher levels win single bytes.
const LEVEL: i32 = 3;

/// Why a save cannot be rebuilt.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum PackError {
    /// Longer than [`MAX_SAVE`].
    #[error("a save of {len} bytes is longer than any can be")]
    TooLong {
        /// Its length.
        len: usize,
    },
    /// Not a difference to this prefix.
    #[error("cannot be unpacked: {problem}")]
    Broken {
        /// What zstd says.
        problem: &'static str,
    },
    /// It has another length than stated.
    #[error("unpacks to {len} bytes, {stated} were stated")]
    OtherLength {
        /// Its length.
        len: usize,
        /// The stated one.
        stated: usize,
    },
}

/// Packs `packets` as a difference to `base`; an empty base packs them on their own.
///
/// # Errors
/// [`PackError::TooLong`].
pub fn pack(base: &[u8], packets: &[u8]) -> Result<Vec<u8>, PackError> {
    if packets.len() > MAX_SAVE {
        return Err(PackError::TooLong { len: packets.len() });
    }
    let broken = |code| PackError::Broken { problem: get_error_name(code) };
    let mut context = CCtx::create();
    for parameter in [CParameter::CompressionLevel(LEVEL), CParameter::WindowLog(WINDOW_LOG)] {
        context.set_parameter(parameter).map_err(broken)?;
    }
    context.ref_prefix(base).map_err(broken)?;
    let mut packed = Vec::with_capacity(zstd::zstd_safe::compress_bound(packets.len()));
    context.compress2(&mut packed, packets).map_err(broken)?;
    Ok(packed)
}

/// Rebuilds packets of exactly `len` bytes from what [`pack`] made against the same base.
///
/// # Errors
/// [`PackError`].
pub fn unpack(base: &[u8], packed: &[u8], len: usize) -> Result<Vec<u8>, PackError> {
    if len > MAX_SAVE {
        return Err(PackError::TooLong { len });
    }
    let broken = |code| PackError::Broken { problem: get_error_name(code) };
    let mut context = DCtx::create();
    context.set_parameter(DParameter::WindowLogMax(WINDOW_LOG)).map_err(broken)?;
    context.ref_prefix(base).map_err(broken)?;
    // Never more than was stated: zstd refuses to write past the capacity.
    let mut packets = Vec::with_capacity(len);
    context.decompress(&mut packets, packed).map_err(broken)?;
    if packets.len() != len {
        return Err(PackError::OtherLength { len: packets.len(), stated: len });
    }
    Ok(packets)
}

/// What tells a rebuilt save from a torn one: the first 16 bytes of BLAKE3.
#[must_use]
pub fn fingerprint(packets: &[u8]) -> [u8; 16] {
    let hash = blake3::hash(packets);
    hash.as_bytes().first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A save-sized block in which nothing repeats, as the worst case.
    fn noise(len: usize) -> Vec<u8> {
        let mut state = 0x9e37_79b9_u32;
        let mut next = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            (state & 0xff) as u8
        };
        (0..len).map(|_| next()).collect()
    }

    #[test]
    fn a_save_that_hardly_differs_from_the_one_before_is_a_few_bytes() {
        let before = noise(101_343);
        let mut after = before.clone();
        after[40_000..40_008].copy_from_slice(b"\x01\x02\x03\x04\x05\x06\x07\x08");
        let packed = pack(&before, &after).expect("packs");
        assert!(packed.len() < 100, "{} bytes", packed.len());
        assert_eq!(unpack(&before, &packed, after.len()), Ok(after.clone()));
        assert_ne!(fingerprint(&before), fingerprint(&after));
    }

    #[test]
    fn another_base_or_a_wrong_length_is_noticed() {
        let (before, after) = (noise(5_000), vec![7; 5_000]);
        let packed = pack(&before, &after).expect("packs");
        assert!(unpack(&before, &packed, 4_999).is_err());
        assert!(matches!(unpack(&before, &packed, 5_001), Err(PackError::OtherLength { .. })));
        assert!(unpack(&before, &packed[..packed.len() - 1], 5_000).is_err());
        let large = noise(101_343);
        let other = unpack(&[], &pack(&large.clone(), &large).expect("packs"), large.len());
        assert!(other.as_ref() != Ok(&large), "a difference means nothing without its base");
    }

    #[test]
    fn nothing_larger_than_a_save_is_taken() {
        let large = vec![0; MAX_SAVE + 1];
        assert_eq!(pack(&[], &large), Err(PackError::TooLong { len: MAX_SAVE + 1 }));
        assert!(unpack(&[], &[], MAX_SAVE + 1).is_err());
    }
}
