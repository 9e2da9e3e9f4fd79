//! Statements that are alike: the same pieces, whatever their values.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use bytes::Bytes;
use foldhash::fast::RandomState;

use super::shape::plain_number;
use super::{Literal, Piece, Refusal, scan};

/// Digests of which something is known. A map-server has some fifty kinds of statements; shops' lists of goods differ by their
/// lengths.
const MAX_KNOWN: usize = 2_048;
/// The longest digest that is kept.
const MAX_DIGEST: usize = 4 * 1024;
/// Room that is made for literals: few statements have more.
const USUAL_LITERALS: usize = 8;

/// A statement without its values, and those.
#[derive(Debug)]
pub struct Digest {
    /// Its pieces, with `'` for text and `0` for numbers.
    pub key: Vec<u8>,
    /// Its values in their order; `None` when there is one that only the parser reads.
    pub literals: Option<Vec<Literal>>,
}

impl Digest {
    /// Cuts a statement into pieces.
    ///
    /// # Errors
    /// See [`scan()`].
    pub fn of(statement: &Bytes) -> Result<Self, Refusal> {
        let mut key = Vec::with_capacity(statement.len().min(MAX_DIGEST));
        let mut literals = Some(Vec::with_capacity(USUAL_LITERALS));
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
    let (quote, inner) = (text.first()?, text.get(1..text.len().saturating_sub(1))?);
    let plain = inner.iter().all(|byte| *byte != b'\\' && byte != quote);
    plain.then(|| Literal::Text(statement.slice_ref(inner)))
}

/// What is known of statements by their digests. The oldest half goes when there are too many. The hash has a key of this
/// process, and what it finds is compared.
#[derive(Debug)]
pub struct Known<T> {
    generations: RwLock<Generations<T>>,
}

#[derive(Debug)]
struct Generations<T> {
    young: HashMap<Vec<u8>, T, RandomState>,
    old: HashMap<Vec<u8>, T, RandomState>,
}

impl<T> Default for Known<T> {
    fn default() -> Self {
        Self { generations: RwLock::new(Generations { young: HashMap::default(), old: HashMap::default() }) }
    }
}

impl<T: Clone> Known<T> {
    /// What is known of a digest.
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<T> {
        let generations = self.generations.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = generations.young.get(key) {
            return Some(found.clone());
        }
        let found = generations.old.get(key).cloned()?;
        drop(generations);
        self.put(key.to_vec(), found.clone());
        Some(found)
    }

    /// Keeps something for a digest.
    pub fn put(&self, key: Vec<u8>, value: T) {
        if key.len() > MAX_DIGEST {
            return;
        }
        let mut generations = self.generations.write().unwrap_or_else(PoisonError::into_inner);
        if generations.young.len() >= MAX_KNOWN / 2 {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(key, value);
    }

    /// How many digests something is known of.
    #[must_use]
    pub fn len(&self) -> usize {
        let generations = self.generations.read().unwrap_or_else(PoisonError::into_inner);
        generations.young.len().saturating_add(generations.old.len())
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
