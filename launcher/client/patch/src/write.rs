//! Writes the block into a program that has none.

use object::LittleEndian as LE;
use object::pe::{
    IMAGE_DIRECTORY_ENTRY_BOUND_IMPORT, IMAGE_DIRECTORY_ENTRY_SECURITY, IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE,
    IMAGE_DLLCHARACTERISTICS_FORCE_INTEGRITY, IMAGE_SCN_CNT_CODE, IMAGE_SCN_MEM_EXECUTE, IMAGE_SCN_MEM_READ,
};
use thiserror::Error;

use crate::block::{self, Block};
use crate::checksum;
use crate::image::{Image, ImageError, raw_range, to_usize, virtual_size};

/// The name of the section that is added.
const SECTION: [u8; 8] = *b".p2ph\0\0\0";
/// Bytes of a section's header.
const HEADER: usize = 40;
/// The most sections that Windows loads.
const MAX_SECTIONS: usize = 96;

// Offsets from the PE header, in 32-bit programs.
const NUMBER_OF_SECTIONS: usize = 6;
const ENTRY_POINT: usize = 40;
const SIZE_OF_IMAGE: usize = 80;
const CHECKSUM: usize = 88;
const DIRECTORIES: usize = 120;

/// Why a program is not rewritten.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum PatchError {
    /// It is no 32-bit Windows program.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// It is a library.
    #[error("it is a library, not a program")]
    Library,
    /// It has the block already, from here or from WARP.
    #[error("it is patched already")]
    AlreadyPatched,
    /// Windows may load it anywhere, and the code has fixed addresses.
    #[error("it may be loaded at any address (DYNAMIC_BASE); the code needs a fixed one")]
    DynamicBase,
    /// Windows loads it only as its maker signed it.
    #[error("Windows checks its signature at every start (FORCE_INTEGRITY)")]
    ForceIntegrity,
    /// It does not import what the code calls.
    #[error("it does not import {0} from kernel32.dll")]
    Import(&'static str),
    /// It begins nowhere.
    #[error("its entry point is in no code")]
    Entry,
    /// One section header more would not fit.
    #[error("there is no room for one more section header")]
    NoRoom,
}

/// The program with the block in a section of its own at its end. Its signature and bound imports are dropped: neither would
/// hold any longer. The same program always gives the same bytes.
///
/// # Errors
/// It is not rewritten; the error says why.
pub fn patch(program: &[u8]) -> Result<Vec<u8>, PatchError> {
    let image = Image::read(program)?;
    check(&image)?;
    let place = Place::in_image(&image)?;
    let block = Block {
        address: image.base().wrapping_add(place.address),
        load_library: slot(&image, "LoadLibraryA")?,
        get_proc_address: slot(&image, "GetProcAddress")?,
        original_entry: image.base().wrapping_add(image.entry()),
    };
    let headers = image.headers;
    let mut bytes = program[..place.keep].to_vec();
    for directory in [IMAGE_DIRECTORY_ENTRY_SECURITY, IMAGE_DIRECTORY_ENTRY_BOUND_IMPORT] {
        drop_directory(&mut bytes, &image, directory);
    }
    place.write_header(&mut bytes, &image);
    let sections = (image.sections.len() + 1) as u16;
    bytes[headers + NUMBER_OF_SECTIONS..][..2].copy_from_slice(&sections.to_le_bytes());
    put(&mut bytes, headers + ENTRY_POINT, block.entry().wrapping_sub(image.base()));
    let end = align(place.address + block::SIZE as u32, image.section_alignment());
    put(&mut bytes, headers + SIZE_OF_IMAGE, end.max(image.optional.size_of_image.get(LE)));
    bytes.resize(place.offset, 0);
    bytes.extend_from_slice(&block.encode());
    bytes.resize(place.offset + place.size, 0);
    let sum = checksum::of(&bytes, headers + CHECKSUM);
    put(&mut bytes, headers + CHECKSUM, sum);
    Ok(bytes)
}

fn check(image: &Image<'_>) -> Result<(), PatchError> {
    if image.is_library() {
        return Err(PatchError::Library);
    }
    if image.data.windows(block::MARKER.len()).any(|bytes| bytes == block::MARKER) {
        return Err(PatchError::AlreadyPatched);
    }
    let flags = image.optional.dll_characteristics.get(LE).0;
    if flags & IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE.0 != 0 {
        return Err(PatchError::DynamicBase);
    }
    if flags & IMAGE_DLLCHARACTERISTICS_FORCE_INTEGRITY.0 != 0 {
        return Err(PatchError::ForceIntegrity);
    }
    if !image.is_code(image.entry()) {
        return Err(PatchError::Entry);
    }
    Ok(())
}

fn slot(image: &Image<'_>, function: &'static str) -> Result<u32, PatchError> {
    let slot = image.slot("kernel32.dll", function)?.ok_or(PatchError::Import(function))?;
    Ok(image.base().wrapping_add(slot))
}

/// Where the new section goes.
struct Place {
    /// Relative to the base.
    address: u32,
    /// In the file.
    offset: usize,
    /// In the file.
    size: usize,
    /// Bytes of the old file that stay: all but a signature at its end.
    keep: usize,
    /// Offset of the new section header.
    header: usize,
}

impl Place {
    fn in_image(image: &Image<'_>) -> Result<Self, PatchError> {
        let damaged = |what: &str| PatchError::Image(ImageError::Damaged(what.into()));
        // Windows wants sections without gaps between them.
        let ends =
            image.sections.iter().map(|section| section.virtual_address.get(LE).saturating_add(virtual_size(section)));
        let address = align(ends.max().unwrap_or(0), image.section_alignment());
        if address.checked_add(0x0200_0000).is_none_or(|end| end.checked_add(image.base()).is_none()) {
            return Err(damaged("its sections end behind the address space"));
        }
        let keep = without_signature(image);
        let offset = align(keep as u32, image.file_alignment());
        let size = align(block::SIZE as u32, image.file_alignment());
        let header = image.table + HEADER * image.sections.len();
        if image.sections.len() >= MAX_SECTIONS || !has_room(image, header) {
            return Err(PatchError::NoRoom);
        }
        Ok(Self { address, offset: to_usize(offset), size: to_usize(size), keep, header })
    }

    fn write_header(&self, bytes: &mut [u8], image: &Image<'_>) {
        let flags = IMAGE_SCN_CNT_CODE.0 | IMAGE_SCN_MEM_EXECUTE.0 | IMAGE_SCN_MEM_READ.0;
        bytes[self.header..][..8].copy_from_slice(&SECTION);
        let size = align(block::SIZE as u32, image.file_alignment());
        let words = [block::SIZE as u32, self.address, size, self.offset as u32, 0, 0, 0, flags];
        for (index, word) in words.into_iter().enumerate() {
            put(bytes, self.header + 8 + 4 * index, word);
        }
    }
}

/// Whether there are unused bytes for one more header. Bound imports often stand there, and are dropped.
fn has_room(image: &Image<'_>, header: usize) -> bool {
    let first = image.sections.iter().map(raw_range).filter(|(_, size)| *size > 0).map(|(at, _)| at).min();
    let end = first.unwrap_or(image.data.len()).min(to_usize(image.optional.size_of_headers.get(LE)));
    let bound = range(image, IMAGE_DIRECTORY_ENTRY_BOUND_IMPORT);
    let is_free = |(at, byte): (usize, &u8)| *byte == 0 || bound.contains(&(header + at));
    header + HEADER <= end
        && image.data.get(header..header + HEADER).is_some_and(|room| room.iter().enumerate().all(is_free))
}

/// The file's length without the signature at its end. One that stands elsewhere is left where it is, unused.
fn without_signature(image: &Image<'_>) -> usize {
    let signature = range(image, IMAGE_DIRECTORY_ENTRY_SECURITY);
    let ends = image.sections.iter().map(|section| raw_range(section).0 + raw_range(section).1);
    let behind = ends.max().unwrap_or(0).max(image.table + HEADER * (image.sections.len() + 1));
    if !signature.is_empty() && signature.start >= behind && signature.end == image.data.len() {
        signature.start
    } else {
        image.data.len()
    }
}

/// What a data directory says as a range; of these two in the file.
fn range(image: &Image<'_>, directory: usize) -> std::ops::Range<usize> {
    image.directories.get(directory).map_or(0..0, |entry| {
        let start = to_usize(entry.virtual_address.get(LE));
        start..start.saturating_add(to_usize(entry.size.get(LE)))
    })
}

fn drop_directory(bytes: &mut [u8], image: &Image<'_>, directory: usize) {
    let Some(entry) = image.directories.get(directory) else { return };
    if directory == IMAGE_DIRECTORY_ENTRY_BOUND_IMPORT && entry.virtual_address.get(LE) != 0 {
        let headers = image.table + HEADER * image.sections.len()..to_usize(image.optional.size_of_headers.get(LE));
        let bound = range(image, directory);
        if bound.start >= headers.start && bound.end <= headers.end && bound.end <= bytes.len() {
            bytes[bound].fill(0);
        }
    }
    bytes[image.headers + DIRECTORIES + 8 * directory..][..8].fill(0);
}

fn put(bytes: &mut [u8], at: usize, word: u32) {
    bytes[at..at + 4].copy_from_slice(&word.to_le_bytes());
}

/// Up to the next multiple of a power of two. Addresses and sizes are far below the end of `u32` here (`Image::read`).
fn align(value: u32, to: u32) -> u32 {
    value.saturating_add(to - 1) & !(to - 1)
}
