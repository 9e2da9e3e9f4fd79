use proptest::prelude::*;

use super::*;
use crate::block::{Block, MARKER, SIZE};
use crate::fixture::Fixture;
use crate::image::Image;

mod warp;

fn client() -> Vec<u8> {
    Fixture::default().build()
}

fn word(file: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(file[at..at + 4].try_into().expect("four bytes"))
}

/// Offset of the PE header in what [`Fixture`] builds.
const PE: usize = 0x80;

#[test]
fn a_patched_client_enters_by_the_block_and_goes_on_where_it_began() {
    let before = client();
    let after = patch(&before).expect("patched");
    let Hook::Entry(block) = inspect(&after).expect("a program").hook else { panic!("no block") };
    let image = Image::read(&after).expect("an image");
    assert_eq!(block.original_entry, 0x0040_1000);
    assert_eq!(Some(block.load_library - image.base()), image.slot("kernel32.dll", "LoadLibraryA").expect("read"));
    assert_eq!(image.entry() + image.base(), block.entry());
    assert_eq!(image.bytes_at(block.address - image.base()).map(|bytes| &bytes[..SIZE]), Some(&block.encode()[..]));
    assert_eq!(inspect(&before).expect("a program").hook, Hook::None(Ok(Sha256::of(&after))));
    assert_eq!(patch(&after), Err(PatchError::AlreadyPatched));
    assert_eq!(word(&after, PE + 88), checksum::of(&after, PE + 88));
}

#[test]
fn signature_and_bound_imports_are_dropped_and_what_is_behind_stays() {
    let fixture = Fixture { bound: true, overlay: 33, signature: 504, header_room: 40, ..Fixture::default() };
    let before = fixture.build();
    let after = patch(&before).expect("patched");
    for directory in [4, 11] {
        assert_eq!((word(&after, PE + 120 + 8 * directory), word(&after, PE + 124 + 8 * directory)), (0, 0));
    }
    let unsigned = before.len() - 504;
    assert!(!after.windows(8).any(|bytes| bytes == [0xCC; 8]) && !after.windows(8).any(|bytes| bytes == [0xB0; 8]));
    assert_eq!(after[0x400..unsigned], before[0x400..unsigned], "sections and overlay");
}

#[test]
fn what_cannot_be_rewritten_is_refused_with_the_reason() {
    let error = |fixture: Fixture| patch(&fixture.build()).expect_err("refused");
    let usual = Fixture::default;
    assert_eq!(error(Fixture { flags: 0x8140, ..usual() }), PatchError::DynamicBase);
    assert_eq!(error(Fixture { flags: 0x8180, ..usual() }), PatchError::ForceIntegrity);
    assert_eq!(error(Fixture::library()), PatchError::Library);
    assert_eq!(error(Fixture { machine: 0x8664, ..usual() }), PatchError::Image(ImageError::OtherMachine));
    assert_eq!(error(Fixture { imports: vec![], ..usual() }), PatchError::Import("LoadLibraryA"));
    let one = vec![("kernel32.dll", vec!["LoadLibraryA"])];
    assert_eq!(error(Fixture { imports: one, ..usual() }), PatchError::Import("GetProcAddress"));
    let full = Fixture { header_room: 0, more: vec![8; 5], file_alignment: 16, ..usual() };
    assert_eq!(error(full), PatchError::NoRoom);
    assert_eq!(
        patch(b"MZ"),
        Err(PatchError::Image(ImageError::Headers("Invalid DOS header size or alignment".into())))
    );
    assert_eq!(patch(b"#!/bin/sh\n").map_err(|error| error.to_string().starts_with("it is no Windows")), Err(true));
    let mut elsewhere = client();
    elsewhere[PE + 40..PE + 44].copy_from_slice(&0x2000_u32.to_le_bytes());
    assert_eq!(patch(&elsewhere), Err(PatchError::Entry));
    let mut wide = client();
    wide[PE + 24..PE + 26].copy_from_slice(&0x020B_u16.to_le_bytes());
    assert_eq!(patch(&wide), Err(PatchError::Image(ImageError::OtherMachine)));
    let mut managed = client();
    managed[PE + 120 + 8 * 14] = 1;
    assert_eq!(patch(&managed), Err(PatchError::Image(ImageError::Managed)));
}

#[test]
fn a_client_that_is_cut_off_anywhere_is_refused() {
    let whole = client();
    for length in (0..whole.len()).step_by(7) {
        assert!(patch(&whole[..length]).is_err(), "{length} bytes");
        assert!(inspect(&whole[..length]).is_err(), "{length} bytes");
    }
}

#[test]
fn a_changed_block_is_seen() {
    let good = patch(&client()).expect("patched");
    let start = good.windows(8).position(|bytes| bytes == MARKER).expect("a marker");
    let hook = |change: fn(&mut [u8])| {
        let mut file = good.clone();
        change(&mut file[start..start + SIZE]);
        inspect(&file).expect("a program").hook
    };
    assert!(matches!(hook(|block| block[43 + 14] = 0x75), Hook::Broken("the code of the block was changed")));
    assert!(matches!(hook(|block| block[10] = b'q'), Hook::Broken("the code of the block was changed")));
    assert!(matches!(hook(|block| block[43 + 8] ^= 4), Hook::Broken("the block calls something else than it should")));
    assert!(matches!(hook(|block| block[43 + 37] ^= 0x40), Hook::Broken("the block goes on in no code")));
    assert!(matches!(hook(|block| block[43 + 36] = 0xD8), Hook::Broken("the block goes on in no code")), "in itself");
    let mut renamed = good.clone();
    let name = renamed.windows(5).position(|bytes| bytes == b".p2ph").expect("a section");
    renamed[name] = b'!';
    assert!(matches!(inspect(&renamed).expect("a program").hook, Hook::Broken(_)));
    let mut entry = good.clone();
    entry[PE + 40..PE + 44].copy_from_slice(&0x1000_u32.to_le_bytes());
    assert!(matches!(inspect(&entry).expect("a program").hook, Hook::Broken(_)));
}

#[test]
fn a_client_is_judged_by_what_the_operator_names() {
    let (original, library) = (client(), Fixture::library().build());
    let patched = patch(&original).expect("patched");
    let look = |file: &[u8]| inspect(file).expect("a program");
    let dll = inspect_library(&library).expect("a library");
    let manifest = Manifest { programs: vec![Sha256::of(&patched)], libraries: vec![Sha256::of(&library)] };
    let with = |program: &[u8], library| judge(Some(&manifest), &look(program), library);
    assert_eq!(with(&patched, Some(&dll)), Verdict::Good);
    assert_eq!(with(&original, None), Verdict::Unpatched);
    assert_eq!(with(&patched, None), Verdict::Library("it is not there".into()));
    let other = inspect_library(&Fixture { overlay: 1, ..Fixture::library() }.build()).expect("a library");
    assert!(matches!(with(&patched, Some(&other)), Verdict::Library(_)));
    let newer = Fixture { overlay: 4, ..Fixture::default() }.build();
    assert!(matches!(with(&newer, Some(&dll)), Verdict::OtherBuild(_)));
    assert!(matches!(with(&patch(&newer).expect("patched"), Some(&dll)), Verdict::OtherBuild(_)));
    let moving = Fixture { flags: 0x8140, ..Fixture::default() }.build();
    assert!(matches!(with(&moving, Some(&dll)), Verdict::OtherBuild(why) if why.contains("DYNAMIC_BASE")));
    let without = |program: &[u8], library| judge(None, &look(program), library);
    assert_eq!(without(&original, None), Verdict::Plain);
    assert_eq!(without(&patched, Some(&dll)), Verdict::Good);
    assert!(matches!(without(&patched, None), Verdict::Library(_)));
}

#[test]
fn a_client_that_imports_the_library_is_hooked_too() {
    let mut fixture = Fixture::default();
    fixture.imports.push((LIBRARY, vec![INITIALIZE]));
    assert_eq!(inspect(&fixture.build()).expect("a program").hook, Hook::Import);
}

#[test]
fn a_library_is_known_by_what_it_exports() {
    let missing = |fixture: Fixture| inspect_library(&fixture.build()).expect("a library").missing;
    assert!(missing(Fixture::library()).is_empty());
    assert_eq!(missing(Fixture { exports: vec![ABI_VERSION], ..Fixture::library() }), [INITIALIZE]);
    assert_eq!(missing(Fixture { exports: vec![], ..Fixture::library() }), [INITIALIZE, ABI_VERSION]);
    assert!(inspect_library(&client()).is_err());
}

#[test]
fn a_manifest_is_read_as_it_is_written() {
    let manifest = Manifest { programs: vec![Sha256::of(b"a")], libraries: vec![Sha256::of(b"b")] };
    let text = serde_json::to_string(&manifest).expect("written");
    assert!(text.contains("ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"), "{text}");
    assert_eq!(serde_json::from_str::<Manifest>(&text).expect("read"), manifest);
    assert!(serde_json::from_str::<Sha256>("\"ca97\"").is_err());
    assert!(manifest.check().is_ok() && Manifest::default().check().is_err());
    assert!(Manifest { programs: vec![Sha256::of(b"a"); 17], ..manifest }.check().is_err());
}

fn fixtures() -> impl Strategy<Value = Fixture> {
    let sizes = prop::collection::vec(0_u32..0x3000, 0..6);
    let shape = (sizes, 0_u32..3, 40_usize..700, any::<bool>(), 0_usize..600, prop_oneof![Just(0), 8_usize..2_000]);
    (shape, prop_oneof![Just(0x0040_0000_u32), Just(0x0100_0000), Just(0x1000_0000)]).prop_map(
        |((more, alignment, header_room, bound, overlay, signature), base)| Fixture {
            base,
            file_alignment: 0x200 << alignment,
            more,
            header_room,
            bound,
            overlay,
            signature,
            ..Fixture::default()
        },
    )
}

proptest! {
    #[test]
    fn every_client_is_patched_so_that_it_verifies_and_little_else_changes(fixture in fixtures()) {
        let before = fixture.build();
        let after = patch(&before).expect("patched");
        prop_assert_eq!(&patch(&before).expect("patched"), &after, "the same every time");
        let Hook::Entry(block) = inspect(&after).expect("a program").hook else { panic!("no block") };
        prop_assert_eq!(block.original_entry, fixture.base + 0x1000);
        let (old, new) = (Image::read(&before).expect("an image"), Image::read(&after).expect("an image"));
        prop_assert_eq!(new.sections.len(), old.sections.len() + 1);
        for (was, is) in old.sections.iter().zip(new.sections.iter()) {
            prop_assert_eq!(was.pe_data(&before[..]).expect("inside"), is.pe_data(&after[..]).expect("inside"));
        }
        // What Windows checks: no gap between sections, and the image as long as they are.
        let mut next = 0x1000;
        for section in new.sections.iter() {
            prop_assert_eq!(section.virtual_address.get(object::LittleEndian), next);
            next += image::virtual_size(section).div_ceil(0x1000) * 0x1000;
        }
        prop_assert_eq!(new.optional.size_of_image.get(object::LittleEndian), next);
        prop_assert_eq!(after.len() % fixture.file_alignment as usize, 0);
        prop_assert_eq!(Image::read(&after).expect("an image").optional.check_sum.get(object::LittleEndian), checksum::of(&after, PE + 88));
    }

    #[test]
    fn mutated_files_never_panic_and_what_is_patched_verifies(
        fixture in fixtures(),
        library in any::<bool>(),
        patched in any::<bool>(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>(), prop_oneof![any::<u8>(), Just(0), Just(0xFF)]), 1..12),
        cut in prop::option::of(any::<prop::sample::Index>()),
    ) {
        let base = if library { Fixture::library() } else { fixture };
        let mut file = base.build();
        if patched && let Ok(bytes) = patch(&file) {
            file = bytes;
        }
        for (at, in_headers, byte) in changes {
            // Most of what is decided by stands in the headers and in `.rdata`.
            let end = if in_headers { 0x300.min(file.len()) } else { file.len() };
            file[at.index(end)] = byte;
        }
        if let Some(cut) = cut {
            file.truncate(cut.index(file.len()));
        }
        let _library = inspect_library(&file);
        let _program = inspect(&file);
        if let Ok(after) = patch(&file) {
            prop_assert!(matches!(inspect(&after).expect("a program").hook, Hook::Entry(_)));
        }
    }

    #[test]
    fn blocks_are_read_as_they_are_written(address: u32, load_library: u32, get_proc_address: u32, original_entry: u32) {
        let block = Block { address, load_library, get_proc_address, original_entry };
        prop_assert_eq!(Block::decode(address, &block.encode()), Some(block));
    }

    #[test]
    fn noise_never_panics(noise in prop::collection::vec(any::<u8>(), 0..2_000)) {
        prop_assert!(patch(&noise).is_err() && inspect(&noise).is_err() && inspect_library(&noise).is_err());
    }
}
