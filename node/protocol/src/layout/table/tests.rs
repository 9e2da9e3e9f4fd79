//! The tables against each other, against the earlier table, and against what is known of rAthena.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::layout::{Abi, CARRIED};

fn table(build: Build) -> &'static Table {
    Table::of(build).expect("every build has a table")
}

/// The bits a member covers, from the start of its struct.
fn bits(table: &Table, member: &Member) -> std::ops::Range<usize> {
    if let Kind::Bits(shift) = member.kind {
        return member.at * 8 + shift..member.at * 8 + shift + member.count;
    }
    member.at * 8..(member.at + member.count * table.size(member.kind)) * 8
}

#[test]
fn every_table_can_be_read_and_every_build_has_one() {
    for text in TEXTS {
        let read = Table::parse(text).expect("a table");
        assert!(!read.builds.is_empty() && read.structures.len() > 25);
    }
    for build in Build::ALL {
        assert_eq!(TEXTS.iter().filter(|text| text.lines().any(|line| line == format!("build {build}"))).count(), 1);
        assert!(table(build).builds.contains(&build));
    }
}

#[test]
fn every_struct_that_is_named_anywhere_has_a_size_in_every_build() {
    let names: BTreeSet<&str> = Build::ALL
        .iter()
        .flat_map(|build| &table(*build).structures)
        .map(|structure| structure.name)
        .chain(CARRIED.iter().map(|carried| carried.structure))
        .collect();
    for build in Build::ALL {
        for name in &names {
            assert!(build.size_of(name).is_some_and(|size| size > 0), "{name} in {build}");
        }
        assert_eq!(build.size_of("map_session_data"), None);
    }
}

#[test]
fn every_build_has_the_same_members() {
    for build in Build::ALL {
        for structure in &table(build).structures {
            let canonical = table(Build::CANONICAL).structure(structure.name).expect("everywhere");
            let names = |found: &Structure| found.members.iter().map(|member| member.name).collect::<Vec<_>>();
            assert_eq!(names(structure), names(canonical), "{} in {build}", structure.name);
        }
    }
}

#[test]
fn members_stand_one_behind_the_other_within_their_struct() {
    for build in Build::ALL {
        for structure in &table(build).structures {
            let ends = structure.members.iter().fold(0, |end, member| {
                let covered = bits(table(build), member);
                assert!(covered.start >= end && !covered.is_empty(), "{}.{} in {build}", structure.name, member.name);
                covered.end
            });
            assert!(ends <= structure.size * 8, "{} in {build}", structure.name);
        }
    }
}

#[test]
fn sizes_are_those_that_were_measured_before() {
    let size = |abi: Abi, renewal, name| {
        let build = Build::find(abi.name(), crate::PACKETVER, renewal).expect("a build");
        build.size_of(name).expect("a struct")
    };
    let (linux, windows) = (Abi::LinuxX8664, Abi::WindowsX8664);
    for (name, on_linux, on_windows) in [
        ("mmo_charstatus", 8856, 8848),
        ("status_change_data", 48, 32),
        ("party", 704, 708),
        ("item", 77, 77),
        ("s_storage", 46_224, 46_224),
        ("party_member", 56, 56),
        ("guild_member", 80, 80),
        ("guild_castle", 224, 224),
        ("mail_message", 1024, 1024),
    ] {
        assert_eq!((size(linux, false, name), size(windows, false, name)), (on_linux, on_windows), "{name}");
    }
    for abi in Abi::ALL {
        assert_eq!((size(abi, false, "mmo_guild"), size(abi, true, "mmo_guild")), (12_072, 12_112));
    }
}

#[test]
fn the_canonical_table_says_what_the_earlier_one_says() {
    let mut current = None;
    let mut compared = 0;
    for line in include_str!("../linux_x86_64_20211103_prere.txt").lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        if let ["struct", name, size, _] = words[..] {
            let found = table(Build::CANONICAL).structure(name).expect("a struct");
            assert_eq!(format!("size={}", found.size), size, "{name}");
            current = Some(found);
        } else if let ([at, size, name], true) = (&words[..], line.starts_with(' ')) {
            let structure = current.expect("a struct before its members");
            let member = structure.members.iter().find(|member| member.name == *name).expect("a member");
            let len = member.count * table(Build::CANONICAL).size(member.kind);
            assert_eq!((at.parse(), size.parse()), (Ok(member.at), Ok(len)), "{}.{name}", structure.name);
            compared += 1;
        }
    }
    assert!(compared > 250, "{compared} members");
}

/// What a narrower type would cut off is handled by [`super::super::plan::Plan::run`]: whoever adds a build has to think again.
#[test]
fn only_status_values_and_the_title_are_narrower_anywhere() {
    let mut narrowed = BTreeSet::new();
    for (from, to) in Build::ALL.iter().flat_map(|from| Build::ALL.map(|to| (*from, to))) {
        for structure in &table(from).structures {
            let other = table(to).structure(structure.name).expect("everywhere");
            for (read, write) in structure.members.iter().zip(&other.members) {
                if table(to).size(write.kind) < table(from).size(read.kind) && matches!(read.kind, Kind::Integer(_)) {
                    narrowed.insert(format!("{}.{}", structure.name, read.name));
                }
            }
        }
    }
    let values = (1..=4).map(|index| format!("status_change_data.val{index}"));
    assert_eq!(narrowed, values.chain(["mmo_charstatus.title_id".to_owned()]).collect());
}

#[test]
fn a_line_that_cannot_be_is_refused_with_its_number() {
    let cases = [
        ("nonsense", "is of no form there is"),
        ("build linux-x86_64 20211103 both", "has neither renewal nor pre-renewal"),
        ("build linux-x86_64 latest renewal", "has no client version"),
        ("build linux-arm 20211103 renewal", "is no build there is"),
        ("0 u8 alone", "stands in no struct"),
        ("struct a -4", "has something that is no size"),
        ("struct a 99999", "has something that is no size"),
        ("struct a 4\nstruct a 4", "is of a struct there is already"),
        ("struct a 4\n0 f32 x", "has a kind there is not"),
        ("struct a 4\n0 a*9 x", "reaches past the end of its struct"),
        ("struct a 4\n2 u32 x", "reaches past the end of its struct"),
        ("struct a 4\n0.8 bits*1 x", "has a kind there is not"),
        ("struct a 4\n0.0 bits*33 x", "has a kind there is not"),
        ("struct a 4\n3.7 bits*2 x", "reaches past the end of its struct"),
    ];
    for (text, problem) in cases {
        let line = text.lines().count();
        assert_eq!(Table::parse(text).map(drop), Err(TableError { line, problem }), "{text}");
    }
}

proptest! {
    #[test]
    fn arbitrary_text_is_a_table_or_an_error(text in "(?s)((struct|build|[0-9]{1,6}|u8|i64|bits|char|ptr|a|[.*#\n ]){1,3} ){0,20}") {
        // Tables are part of the program, so the parser takes only text that lives as long.
        let _ = Table::parse(Box::leak(text.into_boxed_str()));
    }
}
