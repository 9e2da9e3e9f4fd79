//! Statements known again by their exact bytes: all that stands between their values.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use bytes::Bytes;
use foldhash::fast::RandomState;

use super::{Literal, MAX_STATEMENT, Piece, scan};

/// Digits of numbers that are read here; longer ones may not fit.
const MAX_DIGITS: usize = 18;
/// How statements begin, to find their shapes by.
const START: usize = 16;
/// Shapes with one start that are kept; the oldest goes when there are more.
const MAX_SHAPES: usize = 16;
/// Starts that are kept; all go when there are more.
const MAX_STARTS: usize = 128;
/// The longest statement whose shape is kept.
const MAX_LEN: usize = 4 * 1024;

/// The bytes of a statement without its values. What [fits](Self::fit) it would be cut into the same pieces by [`scan()`] but
/// for the values: text goes to the next quote, without backslashes, numbers to the first byte that is no digit, and what
/// follows there is compared to the byte. So it has the same [`Digest`](super::Digest), found in a fraction of the time.
#[derive(Debug)]
struct Shape {
    fixed: Vec<u8>,
    gaps: Vec<Gap>,
}

/// Where a value stands.
#[derive(Clone, Copy, Debug)]
struct Gap {
    /// How much of `fixed` is before it.
    at: usize,
    /// The quote of text; none for a number.
    quote: Option<u8>,
}

impl Shape {
    /// The shape of a statement that can be scanned.
    fn of(statement: &[u8]) -> Option<Self> {
        let (mut fixed, mut gaps, mut rest) = (Vec::new(), Vec::new(), statement);
        let mut cut = |value: &[u8], quote| {
            let start = value.as_ptr().addr().saturating_sub(rest.as_ptr().addr());
            let (before, behind) = rest.split_at_checked(start).unwrap_or_default();
            fixed.extend_from_slice(before);
            gaps.push(Gap { at: fixed.len(), quote });
            rest = behind.get(value.len()..).unwrap_or_default();
        };
        scan(statement, |piece| match piece {
            Piece::Text([quote, value @ .., _]) => cut(value, Some(*quote)),
            Piece::Number(number) => cut(number, None),
            Piece::Text(_) | Piece::Word(_) | Piece::Quoted(_) | Piece::Sign(_) => {}
        })
        .ok()?;
        fixed.extend_from_slice(rest);
        Some(Self { fixed, gaps })
    }

    /// The values of a statement that has this shape and only values whose bytes say what they are.
    fn fit(&self, statement: &Bytes) -> Option<Vec<Literal>> {
        if statement.len() > MAX_STATEMENT {
            return None;
        }
        let mut literals = Vec::with_capacity(self.gaps.len());
        let (mut rest, mut fixed, mut before) = (&statement[..], &self.fixed[..], 0);
        for gap in &self.gaps {
            let (same, others) = fixed.split_at_checked(gap.at.saturating_sub(before))?;
            (fixed, before) = (others, gap.at);
            rest = rest.strip_prefix(same)?;
            let len = match gap.quote {
                Some(quote) => rest.iter().position(|byte| *byte == quote || *byte == b'\\')?,
                None => rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len()),
            };
            let (value, behind) = rest.split_at_checked(len)?;
            literals.push(match gap.quote {
                Some(_) => Literal::Text(statement.slice_ref(value)),
                None => plain_number(value)?,
            });
            rest = behind;
        }
        (rest == fixed).then_some(literals)
    }
}

/// What is known of the statements that came last, by their shapes.
#[derive(Debug)]
pub struct Shapes<T> {
    starts: RwLock<HashMap<[u8; START], Vec<Kept<T>>, RandomState>>,
}

#[derive(Debug)]
struct Kept<T> {
    shape: Shape,
    value: T,
}

impl<T> Default for Shapes<T> {
    fn default() -> Self {
        Self { starts: RwLock::default() }
    }
}

impl<T: Clone> Shapes<T> {
    /// What is known of a statement, and its values.
    #[must_use]
    pub fn fit(&self, statement: &Bytes) -> Option<(T, Vec<Literal>)> {
        let starts = self.starts.read().unwrap_or_else(PoisonError::into_inner);
        let mut known = starts.get(statement.first_chunk::<START>()?)?.iter();
        known.find_map(|kept| kept.shape.fit(statement).map(|literals| (kept.value.clone(), literals)))
    }

    /// Keeps something for statements like this one, which no shape has fit.
    pub fn put(&self, statement: &Bytes, value: T) {
        let Some(start) = statement.first_chunk::<START>().filter(|_| statement.len() <= MAX_LEN) else { return };
        let Some(shape) = Shape::of(statement) else { return };
        let mut starts = self.starts.write().unwrap_or_else(PoisonError::into_inner);
        if starts.len() >= MAX_STARTS && !starts.contains_key(start) {
            starts.clear();
        }
        let shapes = starts.entry(*start).or_default();
        if shapes.len() >= MAX_SHAPES {
            shapes.remove(0);
        }
        shapes.push(Kept { shape, value });
    }
}

/// A whole number as it would be written anew.
pub(super) fn plain_number(digits: &[u8]) -> Option<Literal> {
    let canonical = match digits {
        [b'0'..=b'9'] => true,
        [b'1'..=b'9', others @ ..] => digits.len() <= MAX_DIGITS && others.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    let add = |number: i64, digit: &u8| number.saturating_mul(10).saturating_add(i64::from(digit.saturating_sub(b'0')));
    canonical.then(|| Literal::Int(digits.iter().fold(0, add)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Digest;
    use super::*;

    fn fit(known: &str, other: &str) -> Option<Vec<Literal>> {
        let shapes = Shapes::default();
        shapes.put(&Bytes::copy_from_slice(known.as_bytes()), ());
        shapes.fit(&Bytes::copy_from_slice(other.as_bytes())).map(|((), literals)| literals)
    }

    fn text(text: &'static str) -> Literal {
        Literal::Text(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn statements_that_differ_in_values_have_one_shape() {
        let known = "UPDATE mapreg SET value = 'x' WHERE varname = \"$a\" AND `index` = 12";
        let other = "UPDATE mapreg SET value = '' WHERE varname = \"it's\" AND `index` = 0";
        assert_eq!(fit(known, other), Some(vec![text(""), text("it's"), Literal::Int(0)]));
        for strange in [
            "UPDATE mapreg SET value = 'x' WHERE varname = \"$a\" AND `index` = 12 OR 1",
            "UPDATE mapreg SET value = 'x' WHERE varname = \"$a\" AND `index` = 1.5",
            "UPDATE mapreg SET value = 'x' WHERE varname = \"$a\" AND `index` = 007",
            "UPDATE mapreg SET value = 'x' WHERE varname = \"$a\" AND `index` = 0x12",
            "UPDATE mapreg SET value = 'x' WHERE varname = \"$a\" AND `index` = 1234567890123456789",
            "UPDATE mapreg SET value = 'x' WHERE varname = \"$a\" AND `index` = ",
            "UPDATE mapreg SET value = 'it''s' WHERE varname = \"$a\" AND `index` = 12",
            "UPDATE mapreg SET value = 'x\\' WHERE varname = \"$a\" AND `index` = 12",
            "UPDATE mapreg SET value = 'x' -- ' WHERE varname = \"$a\" AND `index` = 12",
            "UPDATE mapreg SET value = 'x WHERE varname = \"$a\" AND `index` = 12",
            "UPDATE mapreg SET Value = 'x' WHERE varname = \"$a\" AND `index` = 12",
        ] {
            assert_eq!(fit(known, strange), None, "{strange}");
        }
        // A doubled quote is one even where a number stands behind the text.
        assert_eq!(
            fit("SELECT id FROM t WHERE a='x'5", "SELECT id FROM t WHERE a='y'6").map(|found| found.len()),
            Some(2)
        );
        assert_eq!(fit("SELECT id FROM t WHERE a='x'5", "SELECT id FROM t WHERE a='y''6'"), None);
    }

    #[test]
    fn shapes_are_kept_in_bounded_number() {
        let shapes = Shapes::default();
        for number in 0..10_000 {
            shapes.put(&Bytes::from(format!("SELECT a FROM t{:04} WHERE b{number} = 1", number % 1_000)), number);
        }
        let starts = shapes.starts.read().expect("no panic");
        assert!(starts.len() <= MAX_STARTS && starts.values().all(|shapes| shapes.len() <= MAX_SHAPES));
    }

    proptest! {
        /// What fits a shape has the digest of the statement it is of, and the values that cutting it up gives.
        #[test]
        fn what_fits_is_cut_into_the_same_pieces(
            words in prop::collection::vec(
                prop::sample::select(vec!["SELECT a FROM tab", "'", "\"", "`", "\\", "1", "0", "x", " ", ".", ",", "=", "-"]),
                0..24,
            ),
            changes in prop::collection::vec((0_usize..24, prop::sample::select(vec!["'", "\"", "\\", "7", "07", "y", ""])), 0..4),
        ) {
            let known: String = std::iter::once("SELECT a FROM table ").chain(words.iter().copied()).collect();
            let mut changed = words;
            for (at, word) in changes {
                if let Some(old) = changed.get_mut(at) {
                    *old = word;
                }
            }
            let other: String = std::iter::once("SELECT a FROM table ").chain(changed).collect();
            if let Some(literals) = fit(&known, &other) {
                let (known, other) = (Digest::of(&known.into()), Digest::of(&other.into()));
                let (known, other) = (known.expect("it has a shape"), other.expect("it fits"));
                prop_assert_eq!(known.key, other.key);
                prop_assert_eq!(other.literals, Some(literals));
            }
        }
    }
}
