//! `map_cache.dat`: the cells of all maps (`map_readfromcache`, map.cpp; mapcache.cpp writes it).
//!
//! Header: file size u32, number of maps u16, padding u16. Per map: name 12 bytes, columns i16, rows i16, packed length i32,
//! then that many bytes of zlib that unpack to columns times rows ground types. All little-endian.

use std::collections::BTreeMap;

use bifrost_protocol::ids::MapName;
use bifrost_protocol::{DecodeError, FixedText, Reader};
use thiserror::Error;

use crate::cells::{Cells, CellsError};

/// The largest file that is read. rAthena's own has 3 MB.
pub const MAX_FILE: usize = 256 * 1024 * 1024;
/// The longest packed map. One that does not compress at all is hardly longer than [`MAX_CELLS`](crate::cells::MAX_CELLS).
pub const MAX_PACKED: usize = 2 * crate::cells::MAX_CELLS;

/// Why a map cache cannot be read.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum MapCacheError {
    /// The file is longer than [`MAX_FILE`].
    #[error("{len} bytes are more than a map cache may have ({MAX_FILE})")]
    TooLong {
        /// Its length.
        len: usize,
    },
    /// The header states another size than the file has, or there is no header.
    #[error("not a map cache: the first four bytes do not state its size of {len} bytes")]
    NotACache {
        /// The size it has.
        len: usize,
    },
    /// An entry ends early or has an illegal name.
    #[error("map {number} of {maps}: {source}")]
    Entry {
        /// Which entry, from 1.
        number: u16,
        /// How many the header states.
        maps: u16,
        /// What is wrong.
        source: DecodeError,
    },
    /// An entry has illegal sides.
    #[error("map {name}: {source}")]
    Cells {
        /// The map.
        name: MapName,
        /// What is wrong.
        source: CellsError,
    },
}

/// A map as it lies in the cache, still packed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PackedMap<'a> {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Ground types, zlib.
    pub packed: &'a [u8],
}

impl PackedMap<'_> {
    /// Unpacks the cells.
    ///
    /// # Errors
    /// They do not unpack to their stated size.
    pub fn cells(&self) -> Result<Cells, CellsError> {
        Cells::unpack(self.width.into(), self.height.into(), self.packed)
    }
}

/// Finds all maps of a cache. Of two with one name the first counts, as in rAthena.
///
/// # Errors
/// [`MapCacheError`]: the bytes are not a map cache.
pub fn parse(file: &[u8]) -> Result<BTreeMap<MapName, PackedMap<'_>>, MapCacheError> {
    if file.len() > MAX_FILE {
        return Err(MapCacheError::TooLong { len: file.len() });
    }
    let mut reader = Reader::new(file);
    let maps = header(&mut reader, file.len()).ok_or(MapCacheError::NotACache { len: file.len() })?;
    let mut found = BTreeMap::new();
    for number in 1..=maps {
        let (name, width, height, packed) =
            entry(&mut reader).map_err(|source| MapCacheError::Entry { number, maps, source })?;
        if let Err(source) = Cells::check_size(width.into(), height.into()) {
            return Err(MapCacheError::Cells { name, source });
        }
        found.entry(name).or_insert(PackedMap { width, height, packed });
    }
    Ok(found)
}

fn header(reader: &mut Reader<'_>, len: usize) -> Option<u16> {
    let stated = reader.u32("file size").ok()?;
    let maps = reader.u16("maps").ok()?;
    reader.u16("padding").ok()?;
    (usize::try_from(stated) == Ok(len)).then_some(maps)
}

fn entry<'a>(reader: &mut Reader<'a>) -> Result<(MapName, u16, u16, &'a [u8]), DecodeError> {
    let name = FixedText::<12>::from(reader.array("name")?);
    let name = MapName::new(&name.to_text())?;
    let (width, height) = (reader.u16("columns")?, reader.u16("rows")?);
    let len = reader.u32("packed length")?;
    let len = usize::try_from(len).ok().filter(|len| *len <= MAX_PACKED);
    let len = len.ok_or(DecodeError::Invalid { field: "packed length", problem: "is more than any map needs" })?;
    Ok((name, width, height, reader.bytes("packed cells", len)?))
}

/// Writes a map cache that [`parse`] reads back.
#[must_use]
pub fn write(maps: &BTreeMap<MapName, Cells>) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, cells) in maps {
        let packed = cells.pack();
        body.extend_from_slice(FixedText::<12>::new(name.as_str()).raw());
        body.extend_from_slice(&cells.width().to_le_bytes());
        body.extend_from_slice(&cells.height().to_le_bytes());
        body.extend_from_slice(&u32::try_from(packed.len()).unwrap_or(u32::MAX).to_le_bytes());
        body.extend_from_slice(&packed);
    }
    let size = u32::try_from(body.len() + 8).unwrap_or(u32::MAX);
    let count = u16::try_from(maps.len()).unwrap_or(u16::MAX);
    [size.to_le_bytes().as_slice(), &count.to_le_bytes(), &[0, 0], &body].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn small() -> Vec<u8> {
        let cells = |ground: &[u8]| Cells::new(2, 2, ground.to_vec()).expect("legal");
        let name = |name: &str| MapName::new(name).expect("legal");
        write(&BTreeMap::from([(name("one"), cells(&[0, 1, 0, 1])), (name("two@x"), cells(&[3, 5, 6, 0]))]))
    }

    #[test]
    fn what_was_written_is_read_back() {
        let file = small();
        let maps = parse(&file).expect("legal");
        assert_eq!(maps.keys().map(MapName::as_str).collect::<Vec<_>>(), ["one", "two@x"]);
        let cells = maps.values().next().expect("two maps").cells().expect("legal");
        assert_eq!((cells.width(), cells.height()), (2, 2));
    }

    #[test]
    fn a_wrong_size_says_so() {
        assert_eq!(parse(b"short"), Err(MapCacheError::NotACache { len: 5 }));
        let mut longer = small();
        longer.push(0);
        assert!(matches!(parse(&longer), Err(MapCacheError::NotACache { .. })));
    }

    #[test]
    fn errors_name_the_entry() {
        let mut file = small();
        file[4] = 3;
        assert!(matches!(parse(&file), Err(MapCacheError::Entry { number: 3, maps: 3, .. })));
        let mut file = small();
        file[8] = b' ';
        assert!(matches!(parse(&file), Err(MapCacheError::Entry { number: 1, .. })));
        let mut file = small();
        file[20] = 0;
        assert!(matches!(parse(&file), Err(MapCacheError::Cells { .. })));
    }

    proptest! {
        #[test]
        fn hostile_bytes_never_panic(flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8), cut in any::<prop::sample::Index>()) {
            let mut file = small();
            for (at, value) in flips {
                let at = at.index(file.len());
                file[at] = value;
            }
            for map in parse(&file).into_iter().flatten() {
                let _ = map.1.cells();
            }
            let _ = parse(&file[..cut.index(file.len())]);
        }
    }
}
