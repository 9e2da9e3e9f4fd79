//! Rebuilding the saves of one inter stream from their differences.

use std::collections::BTreeMap;

use bifrost_protocol::control::SaveBundle;
use bifrost_protocol::save::{PackError, fingerprint, pack, unpack};
use bytes::Bytes;
use thiserror::Error;

/// Characters of one engine whose last save is kept. A host carries fewer players at once; the oldest goes first.
const MAX_CHARACTERS: usize = 4_096;

/// Why a save cannot be rebuilt.
#[derive(Debug, Error)]
pub(super) enum SaveError {
    /// The difference is against a save that is not the last one here.
    #[error("made against save {base}, the last one here is {last}")]
    Base {
        /// The stated one.
        base: u64,
        /// The known one.
        last: u64,
    },
    /// It is not newer than the last one.
    #[error("save {sequence} comes after {last}")]
    Order {
        /// The stated sequence.
        sequence: u64,
        /// The known one.
        last: u64,
    },
    /// The bytes cannot be unpacked.
    #[error(transparent)]
    Packed(#[from] PackError),
    /// What was unpacked is not what was sent.
    #[error("the fingerprint does not match")]
    Torn,
}

/// The last save of each character, packed: some 400 bytes each instead of 101 KB.
#[derive(Debug, Default)]
pub(super) struct Rebuilder {
    last: BTreeMap<u32, Last>,
    counter: u64,
}

#[derive(Debug)]
struct Last {
    sequence: u64,
    packed: Vec<u8>,
    len: usize,
    used: u64,
}

impl Rebuilder {
    /// The packets of a save.
    ///
    /// # Errors
    /// [`SaveError`]: nothing of it counts, and the next one has to be whole.
    pub(super) fn rebuild(&mut self, save: &SaveBundle) -> Result<Bytes, SaveError> {
        let rebuilt = self.try_rebuild(save);
        if rebuilt.is_err() {
            self.last.remove(&save.character);
        }
        rebuilt
    }

    fn try_rebuild(&mut self, save: &SaveBundle) -> Result<Bytes, SaveError> {
        let known = self.last.get(&save.character);
        let last = known.map_or(0, |last| last.sequence);
        if save.sequence <= last {
            return Err(SaveError::Order { sequence: save.sequence, last });
        }
        let base = match (save.base, known) {
            (0, _) => Vec::new(),
            (base, Some(known)) if base == known.sequence => unpack(&[], &known.packed, known.len)?,
            (base, _) => return Err(SaveError::Base { base, last }),
        };
        let len = usize::try_from(save.len).unwrap_or(usize::MAX);
        let packets = unpack(&base, &save.delta, len)?;
        if fingerprint(&packets).as_slice() != save.hash {
            return Err(SaveError::Torn);
        }
        self.keep(save, &packets)?;
        Ok(packets.into())
    }

    fn keep(&mut self, save: &SaveBundle, packets: &[u8]) -> Result<(), PackError> {
        self.counter += 1;
        let last =
            Last { sequence: save.sequence, packed: pack(&[], packets)?, len: packets.len(), used: self.counter };
        self.last.insert(save.character, last);
        if self.last.len() > MAX_CHARACTERS {
            let oldest = self.last.iter().min_by_key(|(_, last)| last.used).map(|(character, _)| *character);
            oldest.and_then(|character| self.last.remove(&character));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bundle(sequence: u64, base: u64, before: &[u8], packets: &[u8]) -> SaveBundle {
        SaveBundle {
            character: 7,
            account: 1,
            sequence,
            base,
            len: u32::try_from(packets.len()).expect("short"),
            delta: pack(before, packets).expect("packs"),
            hash: fingerprint(packets).to_vec(),
        }
    }

    #[test]
    fn differences_are_applied_to_the_last_save() {
        let (first, second) = (vec![1; 50_000], [vec![1; 49_999], vec![2]].concat());
        let mut saves = Rebuilder::default();
        assert_eq!(saves.rebuild(&bundle(1, 0, &[], &first)).expect("whole"), first);
        assert_eq!(saves.rebuild(&bundle(2, 1, &first, &second)).expect("a difference"), second);
    }

    #[test]
    fn a_torn_save_is_discarded_and_the_next_has_to_be_whole() {
        let packets = vec![3; 9_000];
        let mut saves = Rebuilder::default();
        saves.rebuild(&bundle(1, 0, &[], &packets)).expect("whole");
        let torn = SaveBundle { hash: vec![0; 16], ..bundle(2, 1, &packets, &packets) };
        assert!(matches!(saves.rebuild(&torn), Err(SaveError::Torn)));
        let error = saves.rebuild(&bundle(3, 2, &packets, &packets));
        assert!(matches!(error, Err(SaveError::Base { base: 2, last: 0 })));
        assert!(saves.rebuild(&bundle(4, 0, &[], &packets)).is_ok());
    }

    #[test]
    fn a_save_that_comes_again_is_not_taken_twice() {
        let packets = vec![3; 9_000];
        let mut saves = Rebuilder::default();
        let save = bundle(5, 0, &[], &packets);
        saves.rebuild(&save).expect("whole");
        assert!(matches!(saves.rebuild(&save), Err(SaveError::Order { sequence: 5, last: 5 })));
    }
}
