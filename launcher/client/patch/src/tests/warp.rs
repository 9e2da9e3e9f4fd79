//! The patch for WARP, run by node with a stand-in for WARP's API, writes what `patch` writes.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::*;

fn warp(file: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../warp").join(file)
}

/// Runs the patch on a program that has room for the block at this place.
fn run(program: &[u8], offset: usize, address: u32) -> (Output, Vec<u8>) {
    let folder = tempfile::tempdir().expect("a folder");
    let [from, to] = ["from.exe", "to.exe"].map(|name| folder.path().join(name));
    std::fs::write(&from, program).expect("written");
    let mut node = Command::new("node");
    node.arg(warp("test/mock.mjs")).arg(warp("Scripts/Patches/P2PHosting.qjs")).arg("P2PHosting").args([&from, &to]);
    let output =
        node.args([offset.to_string(), address.to_string()]).output().expect("node is installed (`./test` does)");
    (output, std::fs::read(&to).unwrap_or_default())
}

/// What WARP would make of it, in the place where `patch` has put the block, and what `patch` makes of it.
fn both(fixture: &Fixture) -> (Vec<u8>, Vec<u8>) {
    let file = fixture.build();
    let ours = patch(&file).expect("patched");
    let offset = ours.windows(8).position(|bytes| bytes == MARKER).expect("a marker");
    let Hook::Entry(block) = inspect(&ours).expect("a program").hook else { panic!("no block") };
    let mut room = ours.clone();
    room[offset..offset + SIZE].fill(0);
    room[PE + 40..PE + 44].copy_from_slice(&file[PE + 40..PE + 44]);
    let (output, theirs) = run(&room, offset, block.address);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let copies = String::from_utf8_lossy(&output.stdout);
    assert_eq!(copies.trim(), r#"[["WARP/Inputs/p2phost.dll","client"]]"#);
    (theirs, ours)
}

#[test]
fn the_patch_for_warp_writes_the_same_bytes() {
    let usual = || Fixture { more: vec![0x1234], ..Fixture::default() };
    for fixture in [
        usual(),
        Fixture { base: 0x1000_0000, bound: true, overlay: 7, ..usual() },
        Fixture { file_alignment: 0x1000, more: vec![0x80; 4], signature: 64, ..usual() },
    ] {
        let (theirs, ours) = both(&fixture);
        assert!(theirs == ours, "the bytes differ");
    }
}

#[test]
fn the_patch_for_warp_refuses_what_it_cannot_do() {
    let usual = || Fixture { more: vec![0x1234], ..Fixture::default() };
    let said = |program: &[u8]| {
        let (output, _) = run(program, 0, 0);
        assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    assert!(said(&Fixture { flags: 0x8140, ..usual() }.build()).contains("DYNAMIC_BASE"));
    assert!(
        said(&Fixture { imports: vec![("kernel32.dll", vec!["LoadLibraryA"])], ..usual() }.build())
            .contains("GetProcAddress")
    );
    assert!(said(&Fixture { more: vec![0], ..usual() }.build()).contains("no bytes in the file"));
    assert!(said(&patch(&usual().build()).expect("patched")).contains("patched already"));
}

#[test]
fn it_is_installed_into_a_folder_of_warp_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |file: &str| folder.path().join(file);
    let install = || {
        let output = Command::new(warp("install")).arg(folder.path()).arg(at("built.dll")).output().expect("bash runs");
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    assert_eq!(install().0, Some(64), "it is no folder of WARP");
    std::fs::write(at("Patches.yml"), "# WARP\ninclude:\r\n    - Patches/UI.yml\r\n").expect("written");
    assert_eq!(install().0, Some(66), "there is no DLL");
    std::fs::write(at("built.dll"), "dll").expect("written");
    for _ in 0..2 {
        assert_eq!(install().0, Some(0));
    }
    let list = std::fs::read_to_string(at("Patches.yml")).expect("read");
    assert_eq!(list, "# WARP\ninclude:\r\n    - Patches/P2PHosting.yml\n    - Patches/UI.yml\r\n");
    assert_eq!(std::fs::read(at("Inputs/p2phost.dll")).expect("copied"), b"dll");
    for file in ["Patches/P2PHosting.yml", "Scripts/Patches/P2PHosting.qjs", "Inputs/P2PHosting_DLLSpec.yml"] {
        assert_eq!(std::fs::read(at(file)).expect("copied"), std::fs::read(warp(file)).expect("read"), "{file}");
    }
}
