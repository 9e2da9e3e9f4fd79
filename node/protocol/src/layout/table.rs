//! The tables of struct layouts (`tables/*.txt`), as compilers state them.

use std::sync::LazyLock;

use super::Build;

/// Where each member of each struct stands, in one or more builds.
#[derive(Debug, Default)]
pub(super) struct Table {
    builds: Vec<Build>,
    structures: Vec<Structure>,
}

/// The layout of one struct.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Structure {
    /// Its name in C++.
    pub(super) name: &'static str,
    /// `sizeof`, in bytes.
    pub(super) size: usize,
    /// Its members, in order.
    pub(super) members: Vec<Member>,
}

/// Where one member stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Member {
    /// Its name in C++.
    pub(super) name: &'static str,
    /// Bytes from the start of the struct.
    pub(super) at: usize,
    /// What stands there.
    pub(super) kind: Kind,
    /// How many of them: 1 unless it is an array; the width of bit-fields.
    pub(super) count: usize,
}

/// What a member, or an element of an array, is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// A number, `bool` or `enum`.
    Integer(Integer),
    /// A byte of text or other raw data.
    Text,
    /// An address in the sender's memory: means nothing to anybody else.
    Pointer,
    /// A bit-field: its lowest bit in the byte. The count is its width.
    Bits(usize),
    /// Another struct of the table.
    Structure(&'static str),
}

/// The type of a number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Integer {
    /// 1, 2, 4 or 8 bytes.
    pub(super) size: usize,
    /// Whether it can be negative.
    pub(super) signed: bool,
}

/// Bytes of a pointer in every build.
const POINTER: usize = 8;

/// The widest bit-field: what an `unsigned` holds.
const MAX_BITS: usize = 32;

/// Why a line of a table cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct TableError {
    /// Counted from 1.
    pub(super) line: usize,
    /// What is wrong.
    pub(super) problem: &'static str,
}

impl Table {
    /// The table of a build.
    pub(super) fn of(build: Build) -> Option<&'static Self> {
        static TABLES: LazyLock<Vec<Table>> =
            LazyLock::new(|| TEXTS.iter().filter_map(|text| Table::parse(text).ok()).collect());
        TABLES.iter().find(|table| table.builds.contains(&build))
    }

    /// Reads a table. The form is described at the top of each.
    pub(super) fn parse(text: &'static str) -> Result<Self, TableError> {
        let mut table = Self::default();
        for (number, line) in text.lines().enumerate() {
            table.line(line).map_err(|problem| TableError { line: number.saturating_add(1), problem })?;
        }
        Ok(table)
    }

    /// The layout of a struct.
    pub(super) fn structure(&self, name: &str) -> Option<&Structure> {
        self.structures.iter().find(|structure| structure.name == name)
    }

    /// The size of a member, or of an element of an array, in bytes; 0 for bit-fields.
    pub(super) fn size(&self, kind: Kind) -> usize {
        match kind {
            Kind::Integer(integer) => integer.size,
            Kind::Text => 1,
            Kind::Pointer => POINTER,
            Kind::Bits(_) => 0,
            Kind::Structure(name) => self.structure(name).map_or(0, |structure| structure.size),
        }
    }

    fn line(&mut self, line: &'static str) -> Result<(), &'static str> {
        let words: Vec<&'static str> = line.split_whitespace().collect();
        match words.as_slice() {
            [] | ["#", ..] => {}
            ["build", abi, packetver, mode] => {
                let renewal = match *mode {
                    "renewal" => true,
                    "pre-renewal" => false,
                    _ => return Err("has neither renewal nor pre-renewal"),
                };
                let packetver = packetver.parse().map_err(|_| "has no client version")?;
                self.builds.push(Build::find(abi, packetver, renewal).ok_or("is no build there is")?);
            }
            ["struct", name, size] => {
                if self.structure(name).is_some() {
                    return Err("is of a struct there is already");
                }
                self.structures.push(Structure { name, size: number(size)?, members: Vec::new() });
            }
            [at, kind, name] => {
                let member = self.member(at, kind, name)?;
                self.structures.last_mut().ok_or("stands in no struct")?.members.push(member);
            }
            _ => return Err("is of no form there is"),
        }
        Ok(())
    }

    fn member(&self, at: &str, kind: &str, name: &'static str) -> Result<Member, &'static str> {
        let (kind, count) = kind.split_once('*').unwrap_or((kind, "1"));
        let (at, bit) = at.split_once('.').unwrap_or((at, "0"));
        let (at, bit, count) = (number(at)?, number(bit)?, number(count)?);
        let integer = |size, signed| Kind::Integer(Integer { size, signed });
        let kind = match kind {
            "char" => Kind::Text,
            "ptr" => Kind::Pointer,
            "bits" if bit < 8 && (1..=MAX_BITS).contains(&count) => Kind::Bits(bit),
            "i8" => integer(1, true),
            "i16" => integer(2, true),
            "i32" => integer(4, true),
            "i64" => integer(8, true),
            "u8" => integer(1, false),
            "u16" => integer(2, false),
            "u32" => integer(4, false),
            "u64" => integer(8, false),
            other => Kind::Structure(self.structure(other).ok_or("has a kind there is not")?.name),
        };
        let len = match kind {
            Kind::Bits(bit) => bit.saturating_add(count).div_ceil(8),
            Kind::Integer(_) | Kind::Text | Kind::Pointer | Kind::Structure(_) => self.size(kind).saturating_mul(count),
        };
        let structure = self.structures.last().ok_or("stands in no struct")?;
        if at.saturating_add(len) > structure.size {
            return Err("reaches past the end of its struct");
        }
        Ok(Member { name, at, kind, count })
    }
}

/// A size, offset or count: nothing on this link is longer than a packet.
fn number(text: &str) -> Result<usize, &'static str> {
    text.parse::<u16>().map(usize::from).map_err(|_| "has something that is no size")
}

/// Every table there is.
const TEXTS: [&str; 4] = [
    include_str!("tables/linux_x86_64_prere.txt"),
    include_str!("tables/linux_x86_64_renewal.txt"),
    include_str!("tables/windows_x86_64_prere.txt"),
    include_str!("tables/windows_x86_64_renewal.txt"),
];

#[cfg(test)]
mod tests;
