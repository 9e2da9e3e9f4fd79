//! How the bytes of a struct in one build become those of another: worked out once from two tables, then only followed.

use std::ops::Range;

use super::table::{Integer, Kind, Member, Table};
use crate::DecodeError;

/// The steps from one build's struct to another's. What no step writes stays zero: padding, host pointers, members that
/// only the other build has.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Plan {
    steps: Vec<Step>,
}

/// One move of bytes, or of one value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Step {
    /// `len` bytes mean the same in both.
    Copy { from: usize, to: usize, len: usize },
    /// A number that is wider or narrower there.
    Number { from: usize, read: Integer, to: usize, write: Integer, name: &'static str },
    /// A bit-field.
    Bits { from: BitField, to: BitField, name: &'static str },
}

/// Where a bit-field stands: byte, lowest bit in it, and width in bits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct BitField {
    at: usize,
    shift: usize,
    width: usize,
}

impl Plan {
    /// Works out the steps for a struct that both tables have; `None` when one has not, or when a member is of another
    /// kind there.
    pub(super) fn between(name: &str, from: &Table, to: &Table) -> Option<Self> {
        let (source, target) = (from.structure(name)?, to.structure(name)?);
        let mut plan = Self::default();
        for write in &target.members {
            if let Some(read) = source.members.iter().find(|member| member.name == write.name) {
                plan.member(read, write, from, to)?;
            }
        }
        Some(plan)
    }

    /// Follows the steps. `to` has to be all zeros.
    ///
    /// A signed number that does not fit becomes the nearest that does: those are durations and the values of effects. One
    /// without sign is an id or a counter, and an error.
    ///
    /// # Errors
    /// [`DecodeError::Invalid`] with the member's name when its value does not fit, or when the slices are too short.
    pub(super) fn run(&self, from: &[u8], to: &mut [u8]) -> Result<(), DecodeError> {
        self.steps.iter().try_for_each(|step| step.run(from, to))
    }

    fn member(&mut self, read: &Member, write: &Member, from: &Table, to: &Table) -> Option<()> {
        let count = read.count.min(write.count);
        match (read.kind, write.kind) {
            (Kind::Pointer, Kind::Pointer) => {}
            // Text that is cut still ends with a NUL.
            (Kind::Text, Kind::Text) if write.count < read.count => {
                self.copy(read.at, write.at, write.count.saturating_sub(1));
            }
            (Kind::Text, Kind::Text) => self.copy(read.at, write.at, count),
            (Kind::Integer(old), Kind::Integer(new)) if old == new => {
                self.copy(read.at, write.at, count.saturating_mul(old.size));
            }
            (Kind::Integer(old), Kind::Integer(new)) => {
                self.steps.extend((0..count).map(|index| Step::Number {
                    from: nth(read.at, index, old.size),
                    read: old,
                    to: nth(write.at, index, new.size),
                    write: new,
                    name: write.name,
                }));
            }
            (Kind::Bits(old), Kind::Bits(new)) => {
                let from = BitField { at: read.at, shift: old, width: read.count };
                let to = BitField { at: write.at, shift: new, width: write.count };
                self.steps.push(Step::Bits { from, to, name: write.name });
            }
            (Kind::Structure(old), Kind::Structure(new)) if old == new => {
                let element = Self::between(new, from, to)?;
                let (old, new) = (from.size(read.kind), to.size(write.kind));
                for index in 0..count {
                    self.inner(&element, nth(read.at, index, old), nth(write.at, index, new));
                }
            }
            (
                Kind::Pointer | Kind::Text | Kind::Integer(_) | Kind::Bits(_) | Kind::Structure(_),
                Kind::Pointer | Kind::Text | Kind::Integer(_) | Kind::Bits(_) | Kind::Structure(_),
            ) => return None,
        }
        Some(())
    }

    /// The steps of a struct within this one.
    fn inner(&mut self, element: &Self, source: usize, target: usize) {
        for step in &element.steps {
            match *step {
                Step::Copy { from, to, len } => self.copy(nth(source, 1, from), nth(target, 1, to), len),
                Step::Number { from, read, to, write, name } => {
                    self.steps.push(Step::Number {
                        from: nth(source, 1, from),
                        read,
                        to: nth(target, 1, to),
                        write,
                        name,
                    });
                }
                Step::Bits { from, to, name } => {
                    let from = BitField { at: nth(source, 1, from.at), ..from };
                    let to = BitField { at: nth(target, 1, to.at), ..to };
                    self.steps.push(Step::Bits { from, to, name });
                }
            }
        }
    }

    /// A stretch of bytes; one step with the stretch before when nothing lies between them on either side.
    fn copy(&mut self, from: usize, to: usize, len: usize) {
        match self.steps.last_mut() {
            Some(Step::Copy { from: before, to: there, len: had })
                if nth(*before, 1, *had) == from && nth(*there, 1, *had) == to =>
            {
                *had = had.saturating_add(len);
            }
            Some(Step::Copy { .. } | Step::Number { .. } | Step::Bits { .. }) | None => {
                self.steps.push(Step::Copy { from, to, len });
            }
        }
    }
}

impl Step {
    fn run(self, from: &[u8], to: &mut [u8]) -> Result<(), DecodeError> {
        match self {
            Self::Copy { from: at, to: there, len } => {
                let bytes = from.get(at..nth(at, 1, len)).ok_or(SHORT)?;
                to.get_mut(there..nth(there, 1, len)).ok_or(SHORT)?.copy_from_slice(bytes);
            }
            Self::Number { from: at, read, to: there, write, name } => {
                let value = read.load(from.get(at..).ok_or(SHORT)?)?;
                let (low, high) = write.limits();
                let value = match value {
                    value if (low..=high).contains(&value) => value,
                    value if read.signed => value.clamp(low, high),
                    _ => return Err(does_not_fit(name)),
                };
                write.store(value, to.get_mut(there..).ok_or(SHORT)?)?;
            }
            Self::Bits { from: field, to: other, name } => {
                let value = field.load(from)?;
                if value > other.mask() {
                    return Err(does_not_fit(name));
                }
                other.store(value, to)?;
            }
        }
        Ok(())
    }
}

impl Integer {
    /// The least and greatest value.
    fn limits(self) -> (i128, i128) {
        match (self.size, self.signed) {
            (1, true) => (i8::MIN.into(), i8::MAX.into()),
            (1, false) => (0, u8::MAX.into()),
            (2, true) => (i16::MIN.into(), i16::MAX.into()),
            (2, false) => (0, u16::MAX.into()),
            (4, true) => (i32::MIN.into(), i32::MAX.into()),
            (4, false) => (0, u32::MAX.into()),
            (_, true) => (i64::MIN.into(), i64::MAX.into()),
            (_, false) => (0, u64::MAX.into()),
        }
    }

    fn load(self, bytes: &[u8]) -> Result<i128, DecodeError> {
        let bytes = bytes.get(..self.size).ok_or(SHORT)?;
        let negative = self.signed && bytes.last().is_some_and(|top| *top >= 0x80);
        let mut wide = [if negative { 0xff } else { 0 }; 16];
        wide.get_mut(..self.size).ok_or(SHORT)?.copy_from_slice(bytes);
        Ok(i128::from_le_bytes(wide))
    }

    fn store(self, value: i128, bytes: &mut [u8]) -> Result<(), DecodeError> {
        let wide = value.to_le_bytes();
        let low = wide.get(..self.size).ok_or(SHORT)?;
        bytes.get_mut(..self.size).ok_or(SHORT)?.copy_from_slice(low);
        Ok(())
    }
}

impl BitField {
    /// The greatest value.
    fn mask(self) -> u64 {
        (0..self.width).fold(0, |mask, _| (mask << 1) | 1)
    }

    /// The bytes it touches.
    fn bytes(self) -> Range<usize> {
        self.at..nth(self.at, 1, self.shift.saturating_add(self.width).div_ceil(8))
    }

    fn load(self, bytes: &[u8]) -> Result<u64, DecodeError> {
        let touched = bytes.get(self.bytes()).ok_or(SHORT)?;
        let word = touched.iter().rev().fold(0_u64, |word, byte| (word << 8) | u64::from(*byte));
        Ok(word.checked_shr(u32::try_from(self.shift).unwrap_or(u32::MAX)).unwrap_or(0) & self.mask())
    }

    fn store(self, value: u64, bytes: &mut [u8]) -> Result<(), DecodeError> {
        let word = value.checked_shl(u32::try_from(self.shift).unwrap_or(u32::MAX)).unwrap_or(0);
        let touched = bytes.get_mut(self.bytes()).ok_or(SHORT)?;
        touched.iter_mut().zip(word.to_le_bytes()).for_each(|(byte, set)| *byte |= set);
        Ok(())
    }
}

/// Where the host pointers of a struct stand, next to each other as one.
pub(super) fn pointers(name: &str, table: &Table) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for member in table.structure(name).map(|structure| structure.members.as_slice()).unwrap_or_default() {
        let size = table.size(member.kind);
        match member.kind {
            Kind::Pointer => found.push(member.at..nth(member.at, member.count, size)),
            Kind::Structure(inner) => {
                let inner = pointers(inner, table);
                for start in (0..member.count).map(|index| nth(member.at, index, size)) {
                    found.extend(inner.iter().map(|range| nth(start, 1, range.start)..nth(start, 1, range.end)));
                }
            }
            Kind::Integer(_) | Kind::Text | Kind::Bits(_) => {}
        }
    }
    found
}

/// Where the `index`th element of `size` bytes stands, from `start`. Tables hold no number over 65,535, so that this never
/// gets near the limit.
pub(super) fn nth(start: usize, index: usize, size: usize) -> usize {
    index.saturating_mul(size).saturating_add(start)
}

/// A step that reaches past the struct.
const SHORT: DecodeError = DecodeError::Invalid { field: "struct", problem: "is shorter than its layout" };

fn does_not_fit(field: &'static str) -> DecodeError {
    DecodeError::Invalid { field, problem: "has a value the other build has no room for" }
}

#[cfg(test)]
mod tests;
