//! Statements that are alike: the same pieces, whatever their values.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use bifrost_protocol::mysql::sql::{Literal, Piece, Refusal, scan};
use bytes::Bytes;

use super::Plan;

/// Plans that are kept. A map-server has some fifty kinds of statements; shops' lists of goods differ by their lengths.
const MAX_PLANS: usize = 2_048;
/// The longest digest that is kept.
const MAX_DIGEST: usize = 4 * 1024;

/// A statement without its values, and those.
#[derive(Debug)]
pub(super) struct Digest {
    /// Its pieces, with `'` for text and `0` for numbers.
    pub(super) key: Vec<u8>,
    /// Its values in their order; `None` when there is one that only the parser reads.
    pub(super) literals: Option<Vec<Literal>>,
}

impl Digest {
    /// Cuts a statement into pieces.
    ///
    /// # Errors
    /// See [`scan`].
    pub(super) fn of(statement: &Bytes) -> Result<Self, Refusal> {
        let mut key = Vec::with_capacity(statement.len().min(MAX_DIGEST));
        let mut literals = Some(Vec::new());
        let mut value = |literal: Option<Literal>| match (&mut literals, literal) {
            (Some(known), Some(literal)) => known.push(literal),
            (known, None) => *known = None,
            (None, Some(_)) => {}
        };
        scan(statement, |piece| match piece {
            Piece::Text(text) => {
                key.push(b'\'');
                value(plain_text(statement, text));
            }
            Piece::Number(number) => {
                key.push(b'0');
                value(plain_number(number));
            }
            Piece::Word(word) => {
                key.extend_from_slice(word);
                key.push(b' ');
            }
            Piece::Quoted(name) => key.extend_from_slice(name),
            Piece::Sign(sign) => key.push(sign),
        })?;
        Ok(Self { key, literals })
    }
}

/// Text whose bytes are its value: without backslash or doubled quote.
fn plain_text(statement: &Bytes, text: &[u8]) -> Option<Literal> {
    let (quote, inner) = (text.first()?, text.get(1..text.len() - 1)?);
    let plain = inner.iter().all(|byte| *byte != b'\\' && byte != quote);
    plain.then(|| Literal::Text(statement.slice_ref(inner)))
}

/// A whole number as it would be written anew.
fn plain_number(digits: &[u8]) -> Option<Literal> {
    let canonical = digits.len() <= 18 && (digits.len() == 1 || digits.first() != Some(&b'0'));
    let text = std::str::from_utf8(digits).ok().filter(|_| canonical)?;
    text.parse().ok().map(Literal::Int)
}

/// The plans of digests. The oldest half goes when there are too many.
#[derive(Debug, Default)]
pub(super) struct Plans {
    generations: RwLock<Generations>,
}

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<Vec<u8>, Arc<Plan>>,
    old: HashMap<Vec<u8>, Arc<Plan>>,
}

impl Plans {
    /// The plan of a digest.
    pub(super) fn get(&self, key: &[u8]) -> Option<Arc<Plan>> {
        let generations = self.generations.read().unwrap_or_else(PoisonError::into_inner);
        let found = generations.young.get(key);
        if let Some(plan) = found {
            return Some(Arc::clone(plan));
        }
        let plan = generations.old.get(key).map(Arc::clone)?;
        drop(generations);
        self.put(key.to_vec(), Arc::clone(&plan));
        Some(plan)
    }

    /// Keeps a plan.
    pub(super) fn put(&self, key: Vec<u8>, plan: Arc<Plan>) {
        if key.len() > MAX_DIGEST {
            return;
        }
        let mut generations = self.generations.write().unwrap_or_else(PoisonError::into_inner);
        if generations.young.len() >= MAX_PLANS / 2 {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(key, plan);
    }

    /// How many are kept.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        let generations = self.generations.read().unwrap_or_else(PoisonError::into_inner);
        generations.young.len() + generations.old.len()
    }
}
