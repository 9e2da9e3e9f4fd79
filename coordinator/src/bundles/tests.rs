//! Bundles from a folder to what a host would be given.

pub(crate) mod folder;
mod keeping;

use std::time::SystemTime;

use bifrost_protocol::control::BundleRef;
use bifrost_protocol::ids::MapName;
use bifrost_protocol::layout::Abi;

use super::*;
use folder::{Folder, PACKETVER, group, unpacked};

#[tokio::test]
async fn a_bundle_has_what_a_host_needs_and_nothing_that_is_the_operators() {
    let folder = Folder::new();
    let added = folder.add();
    let bundles = Bundles::open(&folder.data()).await.expect("valid");
    let path = bundles.target("linux-x86_64/1.tar.zst").expect("on offer");
    let files = unpacked(&path);
    let names: Vec<_> = files.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "conf/import/battle_conf.txt",
            "conf/inter_athena.conf",
            "conf/map_athena.conf",
            "db/import/map_index.txt",
            "db/map_cache.dat",
            "db/map_index.txt",
            "map-server",
            "npc/custom/own.txt",
            "npc/re/shop.txt",
            "npc/scripts_custom.conf",
        ]
    );
    let (total, count) = (files.iter().map(|(.., bytes)| bytes.len() as u64).sum::<u64>(), files.len() as u64);
    assert_eq!((added.info.unpacked, added.info.files), (total, count));
    for (name, mode, bytes) in files {
        assert_eq!(mode, if name == "map-server" { 0o755 } else { 0o644 }, "{name}");
        assert!(!program::contains(&bytes, b"hunter2"), "{name} has the password");
    }
    assert_eq!(added.redacted["conf/map_athena.conf"], ["userid", "passwd"]);
    assert_eq!(added.redacted["conf/inter_athena.conf"], ["map_server_pw"]);
    let left: Vec<_> = added.left.iter().map(|(_, paths)| paths.join(" ")).collect();
    assert_eq!(left, ["db/re/item_db.yml npc/re/other.txt", "conf/login_athena.conf"]);
}

#[test]
fn the_same_folder_makes_the_same_bytes_and_one_bundle() {
    let folder = Folder::new();
    let first = folder.add();
    let again = folder.add();
    assert!(!first.known && again.known);
    assert_eq!(again.info, first.info);
    let other = Folder::new();
    let elsewhere = other.add();
    let bytes = |folder: &Folder| std::fs::read(Files::new(&folder.data()).target(Abi::LinuxX8664, 1)).expect("there");
    assert_eq!(bytes(&folder), bytes(&other));
    assert_eq!(elsewhere.packed, first.packed);
}

#[tokio::test]
async fn versions_count_by_machine_and_are_never_given_twice() {
    let folder = Folder::new();
    assert_eq!(folder.add().info.version, 1);
    folder.write("npc/custom/own.txt", "// changed\n");
    assert_eq!(folder.add().info.version, 2);
    let windows = folder.try_add(&folder.request(Abi::WindowsX8664)).expect("added");
    assert_eq!(windows.info.version, 1);
    assert_eq!(remove(&folder.data(), "linux-x86_64/2", folder::now()).expect("removed"), "linux-x86_64/2");
    folder.write("npc/custom/own.txt", "// changed again\n");
    assert_eq!(folder.add().info.version, 3);
    let bundles = Bundles::open(&folder.data()).await.expect("valid");
    let known: Vec<_> = bundles.index().entries().iter().map(|entry| entry.info.reference().target).collect();
    assert_eq!(known, ["linux-x86_64/1.tar.zst", "linux-x86_64/3.tar.zst", "windows-x86_64/1.tar.zst"]);
    assert!(bundles.target("linux-x86_64/2.tar.zst").is_none());
    assert!(!Files::new(&folder.data()).target(Abi::LinuxX8664, 2).exists());
}

#[tokio::test]
async fn the_newest_bundle_of_a_build_is_the_current_one() {
    let folder = Folder::new();
    folder.add();
    folder.write("npc/custom/own.txt", "// changed\n");
    folder.add();
    let other = AddRequest { packetver: 20_200_401, ..folder.request(Abi::LinuxX8664) };
    folder.try_add(&other).expect("added");
    let bundles = Bundles::open(&folder.data()).await.expect("valid");
    let current = |packetver, renewal| bundles.current("linux-x86_64", packetver, renewal);
    let newest = current(PACKETVER, false).expect("there is one");
    assert_eq!((newest.version, newest.target.as_str()), (2, "linux-x86_64/2.tar.zst"));
    assert_eq!(current(20_200_401, false).map(|bundle| bundle.version), Some(3));
    assert_eq!(current(PACKETVER, true), None);
    assert_eq!(bundles.current("windows-x86_64", PACKETVER, false), None);
}

#[tokio::test]
async fn a_map_that_is_missing_is_said_when_adding_and_when_assigning() {
    let folder = Folder::new();
    let groups = [group("town", &["prontera"]), group("fields", &["prt_fild02", "no_index", "nowhere"])];
    let said = folder.refused(&folder.request(Abi::LinuxX8664), &groups);
    for part in [
        "map missing in the bundle:",
        "group fields: map prt_fild02 is not in any map cache (db/import/map_cache.dat, db/pre-re/map_cache.dat, db/map_cache.dat)",
        "group fields: map no_index is not in db/map_index.txt or db/import/map_index.txt",
        "group fields: map nowhere is not in db/map_index.txt or db/import/map_index.txt nor any map cache",
        "take them out of [[groups]]",
    ] {
        assert!(said.contains(part), "{part:?} is missing in: {said}");
    }
    assert!(!said.contains("prontera"), "{said}");

    let reference = folder.add().info.reference();
    let bundles = Bundles::open(&folder.data()).await.expect("valid");
    let maps: Vec<_> = ["prontera", "prt_fild02"].map(|map| MapName::new(map).expect("legal")).into();
    let missing =
        |bundle: &BundleRef| bundles.missing(bundle, &maps).into_iter().map(MapName::as_str).collect::<Vec<_>>();
    assert_eq!(missing(&reference), ["prt_fild02"]);
    assert_eq!(missing(&BundleRef { version: 9, ..reference }), ["prontera", "prt_fild02"], "there is no such bundle");
}

#[test]
fn another_build_than_stated_is_refused_with_both() {
    let folder = Folder::new();
    let linux = folder.request(Abi::LinuxX8664);
    let renewal = AddRequest { renewal: true, ..linux.clone() };
    let said = folder.refused(&renewal, &[]);
    assert!(said.ends_with("is a pre-renewal build, not a renewal one; leave --renewal out"), "{said}");

    folder.write("config.status", "S[\"CPPFLAGS\"]=\" -DPACKETVER=20200401 -DPRERE\"");
    let said = folder.refused(&linux, &[]);
    assert!(said.contains("configured for PACKETVER 20200401, not 20211103; pass --packetver 20200401"), "{said}");
    folder.try_add(&AddRequest { packetver: 20_200_401, ..linux.clone() }).expect("as it was configured");

    let windows = program::tests::program(Abi::WindowsX8664, "npc/pre-re/scripts_main.conf");
    folder.write("map-server", windows);
    let said = folder.refused(&linux, &[]);
    let expected = "is a program for windows-x86_64, not for linux-x86_64; pass --abi windows-x86_64";
    assert!(said.ends_with(expected), "{said}");
}

#[test]
fn a_folder_that_is_no_map_servers_is_refused_with_what_to_do() {
    let folder = Folder::new();
    let linux = folder.request(Abi::LinuxX8664);
    folder.write("map-server", "#!/bin/sh\n");
    assert!(folder.refused(&linux, &[]).ends_with("map-server: is no program; build the map-server"));
    folder.write("map-server", program::tests::program(Abi::LinuxX8664, "char-server"));
    assert!(folder.refused(&linux, &[]).ends_with("is a program, but no map-server of rAthena"));
    std::fs::remove_file(folder.path().join("map-server")).expect("removed");
    let said = folder.refused(&linux, &[]);
    assert!(said.ends_with("there is map-server.exe: did you mean --abi windows-x86_64?"), "{said}");

    let folder = Folder::new();
    std::fs::remove_file(folder.path().join("db/import/map_index.txt")).expect("removed");
    let said = folder.refused(&linux_of(&folder), &[]);
    assert!(said.contains("db/import/map_index.txt is missing; is this rAthena's folder"), "{said}");
    folder.write("db/import/map_index.txt", "far_too_long_a_name\n");
    let said = folder.refused(&linux_of(&folder), &[]);
    assert!(said.contains("db/import/map_index.txt: line 1"), "{said}");
    let nowhere = AddRequest { folder: folder.path().join("nowhere"), ..linux_of(&folder) };
    assert!(folder.refused(&nowhere, &[]).contains("nowhere: No such file"));
}

#[cfg(unix)]
#[test]
fn links_are_followed_inside_the_folder_and_never_out_of_it() {
    use std::os::unix::fs::symlink;
    let folder = Folder::new();
    let at = |path: &str| folder.path().join(path);
    std::fs::write(folder.data().with_file_name("shadow"), "root:*").expect("written");
    symlink(folder.data().with_file_name("shadow"), at("npc/custom/out.txt")).expect("linked");
    symlink("../../../shadow", at("npc/custom/up.txt")).expect("linked");
    symlink("own.txt", at("npc/custom/in.txt")).expect("linked");
    symlink(".", at("npc/custom/loop")).expect("linked");
    symlink("gone.txt", at("npc/custom/dangling.txt")).expect("linked");
    let added = folder.add();
    let left: Vec<_> =
        added.left.iter().filter(|(why, _)| why.starts_with("links")).flat_map(|(_, paths)| paths).collect();
    assert_eq!(left, ["npc/custom/dangling.txt", "npc/custom/loop/", "npc/custom/out.txt", "npc/custom/up.txt"]);
    let files = unpacked(&Files::new(&folder.data()).target(Abi::LinuxX8664, 1));
    let content = |name: &str| files.iter().find(|(path, ..)| path == name).map(|(.., bytes)| bytes.clone());
    assert_eq!(content("npc/custom/in.txt"), content("npc/custom/own.txt"));
    assert!(files.iter().all(|(.., bytes)| !program::contains(bytes, b"root:*")));

    std::fs::rename(at("conf"), folder.data().with_file_name("conf")).expect("moved");
    symlink(folder.data().with_file_name("conf"), at("conf")).expect("linked");
    let said = folder.refused(&linux_of(&folder), &[]);
    assert!(said.ends_with("conf/map_athena.conf is a link out of the folder; copy it there"), "{said}");
}

#[test]
fn a_password_in_a_script_is_refused_with_its_place() {
    let folder = Folder::new();
    folder.write("npc/custom/own.txt", "// line 1\nquery_sql(\"hunter2hunter2\");\n");
    let said = folder.refused(&linux_of(&folder), &[]);
    assert!(said.starts_with("npc/custom/own.txt:2: has a password of the settings in it"), "{said}");
    assert!(!said.contains("hunter2"), "{said}");
    assert!(!folder.data().join("bundles/metadata").exists(), "nothing is published");
}

#[test]
fn two_names_that_windows_takes_for_one_are_refused() {
    let folder = Folder::new();
    folder.write("npc/custom/Own.txt", "");
    folder.add();
    let said = folder.refused(&folder.request(Abi::WindowsX8664), &[]);
    assert_eq!(said, "npc/custom/Own.txt and npc/custom/own.txt are one file on Windows; rename one of them");
}

#[test]
fn a_bundle_is_removed_by_its_version_where_that_is_clear() {
    let folder = Folder::new();
    let remove = |name: &str| remove(&folder.data(), name, SystemTime::now());
    assert!(remove("1").is_err());
    folder.add();
    folder.try_add(&folder.request(Abi::WindowsX8664)).expect("added");
    let said = remove("1").expect_err("not clear").to_string();
    assert!(
        said.contains("linux-x86_64/1") && said.contains("windows-x86_64/1") && said.ends_with("say which"),
        "{said}"
    );
    assert_eq!(remove("7").expect_err("unknown").to_string(), "there is no bundle 7; `bundle list` names them");
    assert_eq!(remove("windows-x86_64/1").expect("removed"), "windows-x86_64/1");
    assert_eq!(remove("1").expect("clear by now"), "linux-x86_64/1");
}

fn linux_of(folder: &Folder) -> AddRequest {
    folder.request(Abi::LinuxX8664)
}
