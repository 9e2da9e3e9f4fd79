//! The map-server itself: whether it is one, for which machine, and how to make it smaller.

use bifrost_protocol::layout::Abi;
use object::read::elf::{ElfFile64, ProgramHeader};
use object::{Architecture, BinaryFormat, Object, ObjectKind};

/// The largest program read, in bytes. A stock map-server with all debug information has 90 MB.
pub(super) const MAX_PROGRAM: u64 = 512 << 20;

/// Where section headers are told in an ELF64 header: their offset (8 bytes), and their number and the index of their
/// names (2 bytes each).
const SECTION_OFFSET: std::ops::Range<usize> = 0x28..0x30;
const SECTION_COUNT: std::ops::Range<usize> = 0x3c..0x40;

/// The list of scripts that is compiled into a map-server, by its mode (`map_athena` in rAthena's map.cpp).
const RENEWAL_SCRIPTS: &[u8] = b"npc/re/scripts_main.conf";
const PRE_RENEWAL_SCRIPTS: &[u8] = b"npc/pre-re/scripts_main.conf";

/// Libraries that every Linux with a C++ program on it has.
const LINUX_SYSTEM: [&str; 8] =
    ["libc.so", "libm.so", "libstdc++.so", "libgcc_s.so", "libpthread.so", "libdl.so", "librt.so", "ld-linux"];
/// Libraries that every Windows has.
const WINDOWS_SYSTEM: [&str; 17] = [
    "kernel32",
    "ws2_32",
    "wsock32",
    "advapi32",
    "user32",
    "gdi32",
    "shell32",
    "shlwapi",
    "ole32",
    "crypt32",
    "secur32",
    "bcrypt",
    "winmm",
    "msvcrt",
    "ucrtbase",
    "api-ms-win",
    "ntdll",
];

/// What a program says about itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Program {
    /// The machine it runs on; `None` when bundles know no such machine.
    pub(super) abi: Option<Abi>,
    /// That machine in words.
    pub(super) machine: String,
    /// Libraries it loads that a machine may not have.
    pub(super) libraries: Vec<String>,
    /// Whether it is a renewal build; `None` when it is no map-server at all.
    pub(super) renewal: Option<bool>,
}

/// The map-server's file, by machine.
pub(super) const fn file_name(abi: Abi) -> &'static str {
    match abi {
        Abi::LinuxX8664 => "map-server",
        Abi::WindowsX8664 => "map-server.exe",
    }
}

/// Reads what a program says about itself; `None` when it is no program.
pub(super) fn inspect(bytes: &[u8]) -> Option<Program> {
    let file = object::File::parse(bytes).ok()?;
    if !matches!(file.kind(), ObjectKind::Executable | ObjectKind::Dynamic) {
        return None;
    }
    let abi = match (file.format(), file.architecture()) {
        (BinaryFormat::Elf, Architecture::X86_64) => Some(Abi::LinuxX8664),
        (BinaryFormat::Pe, Architecture::X86_64) => Some(Abi::WindowsX8664),
        _ => None,
    };
    let machine =
        abi.map_or_else(|| format!("{:?}, {:?}", file.format(), file.architecture()), |abi| abi.name().into());
    let libraries = file.import_libraries().map(|libraries| {
        libraries
            .filter_map(Result::ok)
            .filter_map(|library| Some(std::str::from_utf8(library.name()).ok()?.to_owned()))
    });
    let mut libraries: Vec<_> =
        libraries.into_iter().flatten().filter(|library| !is_system(file.format(), library)).collect();
    libraries.sort();
    libraries.dedup();
    // Neither name is part of the other.
    let renewal = match (contains(bytes, RENEWAL_SCRIPTS), contains(bytes, PRE_RENEWAL_SCRIPTS)) {
        (true, false) => Some(true),
        (false, true) => Some(false),
        (true, true) | (false, false) => None,
    };
    Some(Program { abi, machine, libraries, renewal })
}

fn is_system(format: BinaryFormat, library: &str) -> bool {
    let library = library.to_ascii_lowercase();
    let known: &[&str] = if format == BinaryFormat::Pe { &WINDOWS_SYSTEM } else { &LINUX_SYSTEM };
    known.iter().any(|known| library.starts_with(known))
}

/// Whether `needle` is somewhere in `bytes`.
pub(super) fn contains(bytes: &[u8], needle: &[u8]) -> bool {
    let Some((first, _)) = needle.split_first() else { return true };
    let mut rest = bytes;
    while let Some(at) = rest.iter().position(|byte| byte == first) {
        if rest[at..].starts_with(needle) {
            return true;
        }
        rest = &rest[at + 1..];
    }
    false
}

/// An ELF program without what is not loaded: debug information, symbols, the section headers that lead to them. The
/// system's loader reads segments only, and they come first. Anything else is returned as it is.
pub(super) fn strip(bytes: &mut Vec<u8>) {
    let loaded = {
        let Ok(file) = ElfFile64::<object::Endianness>::parse(bytes.as_slice()) else { return };
        let endian = file.endian();
        let ends = file
            .elf_program_headers()
            .iter()
            .map(|header| header.p_offset(endian).saturating_add(header.p_filesz(endian)));
        let headers = std::mem::size_of_val(file.elf_program_headers()) as u64;
        let headers = file.elf_header().e_phoff.get(endian).saturating_add(headers);
        ends.chain([headers]).max().and_then(|end| usize::try_from(end).ok())
    };
    if let Some(end) = loaded.filter(|end| *end > SECTION_COUNT.end && *end < bytes.len()) {
        bytes.truncate(end);
        bytes[SECTION_OFFSET].fill(0);
        bytes[SECTION_COUNT].fill(0);
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The smallest thing that is a program of this machine, with `text` in it.
    pub(in crate::bundles) fn program(abi: Abi, text: &str) -> Vec<u8> {
        match abi {
            Abi::LinuxX8664 => elf(62, text),
            Abi::WindowsX8664 => pe(0x8664, text),
        }
    }

    /// An ELF64 header, one segment with `text`, and then debug information that no segment has.
    fn elf(machine: u16, text: &str) -> Vec<u8> {
        let mut bytes = vec![0; 64 + 56];
        bytes[..8].copy_from_slice(b"\x7fELF\x02\x01\x01\0");
        bytes[16..18].copy_from_slice(&2_u16.to_le_bytes());
        bytes[18..20].copy_from_slice(&machine.to_le_bytes());
        bytes[20..24].copy_from_slice(&1_u32.to_le_bytes());
        bytes[32..40].copy_from_slice(&64_u64.to_le_bytes());
        bytes[52..54].copy_from_slice(&64_u16.to_le_bytes());
        bytes[54..56].copy_from_slice(&56_u16.to_le_bytes());
        bytes[56..58].copy_from_slice(&1_u16.to_le_bytes());
        bytes[58..60].copy_from_slice(&64_u16.to_le_bytes());
        let len = (120 + text.len()) as u64;
        bytes[64..68].copy_from_slice(&1_u32.to_le_bytes());
        bytes[64 + 32..64 + 40].copy_from_slice(&len.to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
        bytes.extend_from_slice(&[0xdb; 4_096]);
        bytes
    }

    /// DOS header, PE signature, COFF header, optional header without directories.
    fn pe(machine: u16, text: &str) -> Vec<u8> {
        let mut bytes = vec![0; 64 + 4 + 20 + 112];
        bytes[..2].copy_from_slice(b"MZ");
        bytes[60..64].copy_from_slice(&64_u32.to_le_bytes());
        bytes[64..68].copy_from_slice(b"PE\0\0");
        bytes[68..70].copy_from_slice(&machine.to_le_bytes());
        bytes[64 + 4 + 16..64 + 4 + 18].copy_from_slice(&112_u16.to_le_bytes());
        bytes[64 + 4 + 18..64 + 4 + 20].copy_from_slice(&2_u16.to_le_bytes());
        bytes[88..90].copy_from_slice(&0x20b_u16.to_le_bytes());
        bytes.extend_from_slice(text.as_bytes());
        bytes
    }

    #[test]
    fn programs_of_both_machines_are_told_apart() {
        for abi in Abi::ALL {
            let found = inspect(&program(abi, "npc/pre-re/scripts_main.conf")).expect("a program");
            assert_eq!((found.abi, found.machine.as_str(), found.renewal), (Some(abi), abi.name(), Some(false)));
        }
        let arm = inspect(&elf(183, "npc/re/scripts_main.conf")).expect("a program");
        assert_eq!((arm.abi, arm.machine.as_str(), arm.renewal), (None, "Elf, Aarch64", Some(true)));
        assert_eq!(inspect(b"#!/bin/sh\nexec map-server.real\n"), None);
        assert_eq!(inspect(b""), None);
    }

    #[test]
    fn a_program_that_names_no_scripts_is_no_map_server() {
        assert_eq!(inspect(&program(Abi::LinuxX8664, "char-server")).expect("a program").renewal, None);
    }

    #[test]
    fn what_is_not_loaded_is_cut_off_and_the_rest_still_reads() {
        let whole = program(Abi::LinuxX8664, "npc/re/scripts_main.conf");
        let mut stripped = whole.clone();
        strip(&mut stripped);
        assert_eq!(stripped.len() + 4_096, whole.len());
        let found = inspect(&stripped).expect("still a program");
        assert_eq!((found.abi, found.renewal), (Some(Abi::LinuxX8664), Some(true)));
        let pe = program(Abi::WindowsX8664, "x");
        let mut same = pe.clone();
        strip(&mut same);
        assert_eq!(same, pe);
    }

    #[test]
    fn this_test_needs_no_library_that_a_linux_has_not() {
        let own = std::fs::read(std::env::current_exe().expect("a program")).expect("readable");
        if let Some(program) = inspect(&own).filter(|program| program.abi == Some(Abi::LinuxX8664)) {
            assert_eq!(program.libraries, Vec::<String>::new());
        }
    }

    #[test]
    fn a_needle_is_found_wherever_it_is() {
        assert!(contains(b"aab", b"ab"));
        assert!(contains(b"ab", b""));
        assert!(!contains(b"aa", b"ab"));
        assert!(!contains(b"a", b"ab"));
    }
}
