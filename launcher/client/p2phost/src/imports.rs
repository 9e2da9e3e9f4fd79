//! Where a program that is loaded calls `connect` through: slots of its import table, as it lies in memory.

use object::LittleEndian as LE;
use object::pe::{self, IMAGE_DIRECTORY_ENTRY_IMPORT, ImageNtHeaders32};
use object::read::pe::{ImageNtHeaders, ImageOptionalHeader, Import, ImportTable};

/// The libraries that have `connect`.
pub const LIBRARIES: [&str; 2] = ["ws2_32.dll", "wsock32.dll"];
/// Its number in both, by which many programs import it.
const ORDINAL: u16 = 4;
/// Imports that are looked through at most.
const MAX_IMPORTS: usize = 16_384;

/// Bytes that an image takes in memory, by its first page.
#[must_use]
pub fn size_of_image(first_page: &[u8]) -> Option<usize> {
    let mut offset = u64::from(pe::ImageDosHeader::parse(first_page).ok()?.nt_headers_offset());
    let (headers, _) = ImageNtHeaders32::parse(first_page, &mut offset).ok()?;
    usize::try_from(headers.optional_header.size_of_image()).ok()
}

/// Offsets in an image of the slots that `connect` is called through. Where the names of imports are gone, a slot is known by
/// what is in it: one of `known`.
#[must_use]
pub fn slots(image: &[u8], known: &[u32]) -> Vec<usize> {
    find(image, known).unwrap_or_default()
}

fn find(image: &[u8], known: &[u32]) -> Option<Vec<usize>> {
    let mut offset = u64::from(pe::ImageDosHeader::parse(image).ok()?.nt_headers_offset());
    let (_, directories) = ImageNtHeaders32::parse(image, &mut offset).ok()?;
    let directory = directories.get(IMAGE_DIRECTORY_ENTRY_IMPORT)?.virtual_address.get(LE);
    // In memory an address is an offset: the whole image is one section that begins at 0.
    let table = ImportTable::new(image, 0, directory);
    let mut found = Vec::new();
    let mut left = MAX_IMPORTS;
    for descriptor in table.descriptors().ok()? {
        let Ok(descriptor) = descriptor else { break };
        let name = table.name(descriptor.name.get(LE)).unwrap_or_default();
        if !LIBRARIES.iter().any(|library| name.eq_ignore_ascii_case(library.as_bytes())) {
            continue;
        }
        let (names, first) = (descriptor.original_first_thunk.get(LE), descriptor.first_thunk.get(LE));
        let Ok(mut thunks) = table.thunks(if names == 0 { first } else { names }) else { continue };
        let mut index: u32 = 0;
        while let Ok(Some(thunk)) = thunks.next::<ImageNtHeaders32>() {
            left = left.checked_sub(1)?;
            let slot = first.checked_add(4 * index).and_then(|slot| usize::try_from(slot).ok());
            let is_connect = if names == 0 { known.contains(&thunk.0.get(LE)) } else { imports_connect(&table, thunk) };
            found.extend(slot.filter(|slot| is_connect && slot + 4 <= image.len()));
            index += 1;
        }
    }
    Some(found)
}

fn imports_connect(table: &ImportTable<'_>, thunk: pe::ImageThunkData32) -> bool {
    match table.import::<ImageNtHeaders32>(thunk) {
        Ok(Import::Name(_, name)) => name == b"connect",
        Ok(Import::Ordinal(ordinal)) => ordinal == ORDINAL,
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use bifrost_client_patch::fixture::Fixture;
    use proptest::prelude::*;

    use super::*;

    /// `.rdata` of a fixture is its second section, at 0x2000; its import table is what it begins with.
    const RDATA: usize = 0x2000;

    fn word(image: &[u8], at: usize) -> usize {
        u32::from_le_bytes(image[at..at + 4].try_into().expect("four bytes")) as usize
    }

    /// As Windows lays it out, with every import resolved to its slot's own offset.
    fn loaded(fixture: &Fixture) -> Vec<u8> {
        let file = fixture.build();
        let mut image = file[..0x400].to_vec();
        let sections = usize::from(file[0x86]);
        for header in (0..sections).map(|index| 0x80 + 248 + 40 * index) {
            let (address, size, offset) =
                (word(&file, header + 12), word(&file, header + 16), word(&file, header + 20));
            image.resize(address, 0);
            image.extend_from_slice(&file[offset..offset + size]);
        }
        image.resize(size_of_image(&file[..0x400]).expect("headers"), 0);
        for descriptor in (0..fixture.imports.len()).map(|index| RDATA + 20 * index) {
            let mut slot = word(&image, descriptor + 16);
            while word(&image, slot) != 0 {
                let resolved = u32::try_from(slot).expect("small").to_le_bytes();
                image[slot..slot + 4].copy_from_slice(&resolved);
                slot += 4;
            }
        }
        image
    }

    #[test]
    fn the_slot_is_found_by_name_in_either_library() {
        for library in ["WS2_32.dll", "WSOCK32.DLL"] {
            let imports = vec![("KERNEL32.dll", vec!["connect"]), (library, vec!["send", "connect"])];
            let image = loaded(&Fixture { imports, ..Fixture::default() });
            assert_eq!(slots(&image, &[]), [word(&image, RDATA + 20 + 16) + 4]);
        }
        let none = Fixture { imports: vec![("ws2_32.dll", vec!["send", "Connect"])], ..Fixture::default() };
        assert!(slots(&loaded(&none), &[]).is_empty());
    }

    #[test]
    fn the_slot_is_found_by_number_and_by_what_is_in_it() {
        let mut image = loaded(&Fixture { imports: vec![("ws2_32.dll", vec!["a", "b"])], ..Fixture::default() });
        let (names, first) = (word(&image, RDATA), word(&image, RDATA + 16));
        image[names..names + 4].copy_from_slice(&0x8000_0004_u32.to_le_bytes());
        assert_eq!(slots(&image, &[]), [first]);
        image[RDATA..RDATA + 4].fill(0);
        let value = u32::try_from(first + 4).expect("small");
        assert_eq!(slots(&image, &[value]), [first + 4]);
        assert!(slots(&image, &[]).is_empty());
    }

    proptest! {
        #[test]
        fn damaged_images_never_panic(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..40), cut: prop::sample::Index) {
            let mut image = loaded(&Fixture::default());
            for (at, byte) in changes {
                let at = at.index(0x600);
                image[if at < 0x300 { at } else { RDATA + at - 0x300 }] = byte;
            }
            image.truncate(cut.index(image.len()) + 1);
            prop_assert!(slots(&image, &[0]).iter().all(|slot| slot + 4 <= image.len()));
        }
    }
}
