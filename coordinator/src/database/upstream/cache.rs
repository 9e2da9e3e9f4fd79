//! Rows that are given again for a while.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::Answered;

/// Answers that are kept.
const MAX_ENTRIES: usize = 256;
/// Bytes of answers that are kept.
const MAX_BYTES: usize = 8 * 1024 * 1024;

/// A statement as it is sent, with its character set and values.
pub(super) type Key = (Vec<u8>, String);

/// Answers by what was asked. When there is no room, what has ended goes, and then everything: the next ask fills it again.
#[derive(Debug, Default)]
pub(super) struct Cache {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    answers: HashMap<Key, (Instant, Answered)>,
    bytes: usize,
}

impl Cache {
    /// An answer that may still be given.
    pub(super) fn get(&self, key: &Key, now: Instant) -> Option<Answered> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.answers.get(key).filter(|(end, _)| *end > now).map(|(_, answer)| answer.clone())
    }

    /// Keeps an answer, unless it is an error.
    pub(super) fn put(&self, key: Key, answer: &Answered, time: Duration, now: Instant) {
        if answer.error.is_some() || answer.bytes.len() > MAX_BYTES / 4 {
            return;
        }
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let size = answer.bytes.len() + key.0.len();
        if kept.answers.len() >= MAX_ENTRIES || kept.bytes + size > MAX_BYTES {
            kept.answers.retain(|_, (end, _)| *end > now);
            kept.bytes = kept.answers.iter().map(|(key, (_, answer))| key.0.len() + answer.bytes.len()).sum();
        }
        if kept.answers.len() >= MAX_ENTRIES || kept.bytes + size > MAX_BYTES {
            *kept = Kept::default();
        }
        let before = kept.answers.insert(key, (now + time, answer.clone()));
        kept.bytes = (kept.bytes + size).saturating_sub(before.map_or(0, |(_, answer)| answer.bytes.len()));
    }
}
