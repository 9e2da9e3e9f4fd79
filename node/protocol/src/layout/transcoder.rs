//! Packets of chrif from one build's layouts to another's.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::plan::{Plan, nth, pointers};
use super::table::Table;
use super::{Build, CARRIED, Carried, Times, Toward};
use crate::frame::packet_id;
use crate::inter::MAX_PACKET;
use crate::{DecodeError, Reader};

/// Turns packets as a server of one build writes them into what a server of another build reads.
///
/// `from` is always the sender's build. A link between an engine and a char-server needs two: one from the engine's build for
/// [`to_char_server`](Self::to_char_server), one from the char-server's for [`to_map_server`](Self::to_map_server).
///
/// Made once for a pair of builds; clones share the plans. Each packet that carries structs ([`CARRIED`]) is first checked to
/// have exactly the length it has in the build it comes from. Then it is written anew: numbers are extended or narrowed (a
/// signed one that does not fit becomes the nearest that does, one without sign is an error), bit-fields are moved, arrays
/// and texts of another length are cut or filled with zeros, padding and host pointers are zero, and the length at offset 2
/// is right again.
///
/// Between builds with the same layouts a packet stays the same `Bytes`, unless a host pointer in it has to be cleared.
#[derive(Clone)]
pub struct Transcoder {
    from: Build,
    to: Build,
    /// `None` when one of the builds is not known.
    conversions: Option<Arc<Conversions>>,
}

type Conversions = BTreeMap<(Toward, u16), Conversion>;

/// How one packet is converted.
struct Conversion {
    carried: &'static Carried,
    /// `sizeof` where it comes from.
    from: usize,
    /// `sizeof` where it goes.
    to: usize,
    change: Change,
}

/// What has to be done with each struct.
enum Change {
    /// Both builds have the same layouts: only host pointers, which stand here, are cleared.
    Clear(Vec<Range<usize>>),
    /// It is written anew.
    Rewrite(Plan),
}

impl Transcoder {
    /// Works out the conversions of all packets. With a build that is not one of [`Build::ALL`], every packet is refused.
    #[must_use]
    pub fn new(from: Build, to: Build) -> Self {
        let conversions = Table::of(from).zip(Table::of(to)).and_then(|(from, to)| {
            let keyed = |carried: &'static Carried| {
                Conversion::between(carried, from, to).map(|found| ((carried.toward, carried.id), found))
            };
            CARRIED.iter().map(keyed).collect::<Option<Conversions>>()
        });
        Self { from, to, conversions: conversions.map(Arc::new) }
    }

    /// Converts a whole packet of a map-server to its char-server.
    ///
    /// # Errors
    /// [`DecodeError::WrongSize`] when it carries a struct and has not the length that makes, [`DecodeError::BadLength`] when
    /// it states another length than it has or would get too long, [`DecodeError::Invalid`] when a value does not fit.
    pub fn to_char_server(&self, packet: &Bytes) -> Result<Bytes, DecodeError> {
        self.convert(Toward::CharServer, packet)
    }

    /// Converts a whole packet of a char-server to a map-server.
    ///
    /// # Errors
    /// As [`to_char_server`](Self::to_char_server).
    pub fn to_map_server(&self, packet: &Bytes) -> Result<Bytes, DecodeError> {
        self.convert(Toward::MapServer, packet)
    }

    fn convert(&self, toward: Toward, packet: &Bytes) -> Result<Bytes, DecodeError> {
        let problem = "has layouts that are not known";
        let conversions = self.conversions.as_ref().ok_or(DecodeError::Invalid { field: "build", problem })?;
        match conversions.get(&(toward, packet_id(packet)?)) {
            Some(conversion) => conversion.run(packet),
            None => Ok(packet.clone()),
        }
    }
}

impl fmt::Debug for Transcoder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Transcoder({} to {})", self.from, self.to)
    }
}

impl Conversion {
    fn between(carried: &'static Carried, from: &Table, to: &Table) -> Option<Self> {
        let name = carried.structure;
        let change = if std::ptr::eq(from, to) {
            Change::Clear(pointers(name, from))
        } else {
            Change::Rewrite(Plan::between(name, from, to)?)
        };
        Some(Self { carried, from: from.structure(name)?.size, to: to.structure(name)?.size, change })
    }

    fn run(&self, packet: &Bytes) -> Result<Bytes, DecodeError> {
        let times = self.carried.count(packet, self.from)?;
        match &self.change {
            _ if times == 0 => Ok(packet.clone()),
            Change::Rewrite(plan) => self.rewrite(plan, packet, times),
            Change::Clear(pointers) => Ok(self.clear(pointers, packet, times)),
        }
    }

    fn rewrite(&self, plan: &Plan, packet: &Bytes, times: usize) -> Result<Bytes, DecodeError> {
        let Carried { id, at, .. } = *self.carried;
        let (head, source) = packet.split_at_checked(at).unwrap_or_default();
        let len = nth(head.len(), times, self.to);
        let stated = u16::try_from(len).map_err(|_| DecodeError::BadLength { id, len })?;
        let mut written = BytesMut::zeroed(len);
        let (front, back) = written.split_at_mut(head.len());
        front.copy_from_slice(head);
        front.iter_mut().skip(2).zip(stated.to_le_bytes()).for_each(|(byte, new)| *byte = new);
        for (old, new) in source.chunks_exact(self.from).zip(back.chunks_exact_mut(self.to)) {
            plan.run(old, new)?;
        }
        Ok(written.freeze())
    }

    fn clear(&self, pointers: &[Range<usize>], packet: &Bytes, times: usize) -> Bytes {
        let places = (0..times).map(|index| nth(self.carried.at, index, self.from));
        let ranges = places
            .flat_map(|start| pointers.iter().map(move |range| nth(start, 1, range.start)..nth(start, 1, range.end)));
        let is_set =
            |range: &Range<usize>| packet.get(range.clone()).is_some_and(|bytes| bytes.iter().any(|b| *b != 0));
        let mut set = ranges.filter(is_set).peekable();
        if set.peek().is_none() {
            return packet.clone();
        }
        let mut written = BytesMut::from(packet.as_ref());
        set.for_each(|range| written.get_mut(range).unwrap_or_default().fill(0));
        written.freeze()
    }
}

impl Carried {
    /// How many structs of `size` bytes stand in `packet`, once its length has turned out to be exactly right.
    fn count(&self, packet: &[u8], size: usize) -> Result<usize, DecodeError> {
        let (id, at, len) = (self.id, self.at, packet.len());
        let stated = Reader::new(packet.get(2..).unwrap_or_default()).u16("len")?;
        if usize::from(stated) != len || len > MAX_PACKET {
            return Err(DecodeError::BadLength { id, len: stated.into() });
        }
        let field = |offset: usize| Reader::new(packet.get(offset..).unwrap_or_default());
        let fitting = len.saturating_sub(at).checked_div(size).unwrap_or(0);
        let times = match self.times {
            Times::OnceOr(other) if other == len => return Ok(0),
            Times::Once | Times::OnceOr(_) => 1,
            Times::Exactly(times) => times,
            Times::Rest => fitting,
            Times::Counted(offset) => field(offset).u16("count")?.into(),
            Times::CountedByte(offset) => field(offset).u8("count")?.into(),
            Times::Within(offset) => fitting.max(field(offset).u8("count")?.into()),
        };
        let wanted = nth(at, times, size);
        if wanted == len {
            Ok(times)
        } else {
            Err(DecodeError::WrongSize { id, structure: self.structure, len, wanted })
        }
    }
}

#[cfg(test)]
mod tests;
