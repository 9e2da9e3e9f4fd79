//! What a file is: a program with or without the block, or the library.

use crate::block::{self, Block};
use crate::image::{Image, ImageError};
use crate::manifest::Sha256;
use crate::write::{PatchError, patch};
use crate::{ABI_VERSION, INITIALIZE, LIBRARY};

/// Sections that the block may be in: WARP's, and the one of [`patch`].
const SECTIONS: [&[u8; 8]; 2] = [b".xdiff\0\0", b".p2ph\0\0\0"];

/// A client's program.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Program {
    /// Of the whole file.
    pub sha256: Sha256,
    /// When it was linked, Unix seconds: the client's date, as operators speak of it.
    pub timestamp: u32,
    /// How it loads the library.
    pub hook: Hook,
}

/// How a program loads the library.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Hook {
    /// By the block, at its entry point.
    Entry(Block),
    /// By its import table, as WARP's `CustomDLL` writes it.
    Import,
    /// Not at all. What [`patch`] would make of it, or why it would not.
    None(Result<Sha256, PatchError>),
    /// The block is there, and not as it was written.
    Broken(&'static str),
}

/// The library.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Library {
    /// Of the whole file.
    pub sha256: Sha256,
    /// Which of the functions it has to export are not there.
    pub missing: Vec<&'static str>,
}

/// Looks at a client's program. Patches it on the side, to know what would come out.
///
/// # Errors
/// It is no 32-bit Windows program.
pub fn inspect(file: &[u8]) -> Result<Program, ImageError> {
    let image = Image::read(file)?;
    Ok(Program { sha256: Sha256::of(file), timestamp: image.timestamp(), hook: hook(&image)? })
}

/// Looks at a library.
///
/// # Errors
/// It is no 32-bit Windows library.
pub fn inspect_library(file: &[u8]) -> Result<Library, ImageError> {
    let image = Image::read(file)?;
    if !image.is_library() {
        return Err(ImageError::Headers("it is a program, not a library".into()));
    }
    let wanted = [INITIALIZE, ABI_VERSION];
    let found = image.exports(&wanted)?;
    let missing = wanted.into_iter().filter(|name| !found.contains(name)).collect();
    Ok(Library { sha256: Sha256::of(file), missing })
}

fn hook(image: &Image<'_>) -> Result<Hook, ImageError> {
    if let Some(found) = at_entry(image)? {
        return Ok(found);
    }
    if image.slot(LIBRARY, INITIALIZE)?.is_some() {
        return Ok(Hook::Import);
    }
    Ok(match patch(image.data) {
        Err(PatchError::AlreadyPatched) => Hook::Broken("the block is there, and the program does not begin in it"),
        patched => Hook::None(patched.map(|bytes| Sha256::of(&bytes))),
    })
}

/// The block that the program begins in, if it has the marker.
fn at_entry(image: &Image<'_>) -> Result<Option<Hook>, ImageError> {
    let Some(start) = Block::address_of(image.entry()) else { return Ok(None) };
    let Some(bytes) = image.bytes_at(start).filter(|bytes| bytes.starts_with(block::MARKER)) else { return Ok(None) };
    let Some(block) = Block::decode(image.base().wrapping_add(start), bytes) else {
        return Ok(Some(Hook::Broken("the code of the block was changed")));
    };
    let is_ours = image.section_at(start).is_some_and(|section| SECTIONS.contains(&&section.name));
    if !is_ours || !image.is_code(image.entry()) {
        return Ok(Some(Hook::Broken("the block is in another section than it should be")));
    }
    let slot = |function| Ok(image.slot("kernel32.dll", function)?.map(|slot| slot.wrapping_add(image.base())));
    if slot("LoadLibraryA")? != Some(block.load_library) || slot("GetProcAddress")? != Some(block.get_proc_address) {
        return Ok(Some(Hook::Broken("the block calls something else than it should")));
    }
    let original = block.original_entry.wrapping_sub(image.base());
    let within = (start..start + block::SIZE as u32).contains(&original);
    if within || !image.is_code(original) {
        return Ok(Some(Hook::Broken("the block goes on in no code")));
    }
    Ok(Some(Hook::Entry(block)))
}
