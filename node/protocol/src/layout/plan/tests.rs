//! Steps between layouts that are made up for the purpose.

use super::*;
use crate::layout::Build;

/// Converts a struct `a` of one table into that of another.
fn convert(from: &'static str, to: &'static str, bytes: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let (from, to) = (Table::parse(from).expect("a table"), Table::parse(to).expect("a table"));
    assert_eq!(from.structure("a").map(|found| found.size), Some(bytes.len()));
    let mut written = vec![0; to.structure("a").expect("a struct").size];
    Plan::between("a", &from, &to).expect("a plan").run(bytes, &mut written).map(|()| written)
}

const WIDE: &str = "struct a 16\n0 i64 signed\n8 u64 unsigned\n";
const NARROW: &str = "struct a 8\n0 i32 signed\n4 u32 unsigned\n";

fn wide(signed: i64, unsigned: u64) -> Vec<u8> {
    [signed.to_le_bytes(), unsigned.to_le_bytes()].concat()
}

fn narrow(signed: i32, unsigned: u32) -> Vec<u8> {
    [signed.to_le_bytes(), unsigned.to_le_bytes()].concat()
}

#[test]
fn numbers_are_extended_with_their_sign() {
    for (signed, unsigned) in [(-1, u32::MAX), (i32::MIN, 0), (i32::MAX, 7), (0, 1)] {
        assert_eq!(convert(NARROW, WIDE, &narrow(signed, unsigned)), Ok(wide(signed.into(), unsigned.into())));
        assert_eq!(convert(WIDE, NARROW, &wide(signed.into(), unsigned.into())), Ok(narrow(signed, unsigned)));
    }
}

#[test]
fn a_signed_number_that_does_not_fit_becomes_the_nearest_that_does() {
    assert_eq!(convert(WIDE, NARROW, &wide(i64::MIN, 0)), Ok(narrow(i32::MIN, 0)));
    assert_eq!(convert(WIDE, NARROW, &wide(1 << 31, 0)), Ok(narrow(i32::MAX, 0)));
    let below_zero = convert("struct a 2\n0 i16 x\n", "struct a 2\n0 u16 x\n", &(-5_i16).to_le_bytes());
    assert_eq!(below_zero, Ok(vec![0, 0]));
}

#[test]
fn a_number_without_sign_that_does_not_fit_is_an_error() {
    let problem = convert(WIDE, NARROW, &wide(0, 1 << 32)).expect_err("too large");
    assert!(matches!(problem, DecodeError::Invalid { field: "unsigned", .. }), "{problem}");
}

#[test]
fn bit_fields_move_with_their_values() {
    let (gcc, msvc) =
        ("struct a 4\n0 u8 n\n1.1 bits*2 x\n1.3 bits*7 y\n", "struct a 8\n0 u8 n\n4.0 bits*2 x\n4.2 bits*7 y\n");
    let (x, y) = (0b10, 0b101_1011);
    let packed = [&[9][..], &((x << 1 | y << 3) as u16).to_le_bytes(), &[0]].concat();
    let apart = [&[9, 0, 0, 0][..], &((x | y << 2) as u32).to_le_bytes()].concat();
    assert_eq!(convert(gcc, msvc, &packed), Ok(apart.clone()));
    assert_eq!(convert(msvc, gcc, &apart), Ok(packed));
    assert_eq!(convert(gcc, msvc, &[0xff; 4]), Ok(vec![0xff, 0, 0, 0, 0xff, 1, 0, 0]), "nothing but the fields");
    let wider = "struct a 1\n0.0 bits*3 x\n";
    assert_eq!(convert(wider, "struct a 1\n0.0 bits*2 x\n", &[3]), Ok(vec![3]));
    assert!(convert(wider, "struct a 1\n0.0 bits*2 x\n", &[4]).is_err());
}

#[test]
fn arrays_and_texts_of_another_length_are_cut_or_filled_with_zeros() {
    let (long, short) = (
        "struct e 2\n0 u16 v\nstruct a 14\n0 char*4 name\n4 u16*3 n\n10 e*2 e\n",
        "struct e 2\n0 u16 v\nstruct a 7\n0 char*3 name\n3 u16 n\n5 e e\n",
    );
    assert_eq!(convert(long, short, b"abcd112233EEFF"), Ok(b"ab\x0011EE".to_vec()), "text ends with a NUL");
    assert_eq!(convert(short, long, b"abc11EE"), Ok(b"abc\x0011\0\0\0\0EE\0\0".to_vec()));
}

#[test]
fn padding_and_host_pointers_become_zero() {
    let from = "struct a 24\n0 u8 n\n4 u32 m\n8 ptr*2 p\n";
    let to = "struct a 32\n0 ptr*2 p\n16 u32 m\n20 u8 n\n";
    assert_eq!(convert(from, to, &[0xee; 24]), Ok([&[0; 16][..], &[0xee; 5], &[0; 11]].concat()));
}

#[test]
fn a_member_that_only_one_build_has_is_left_out_or_zero() {
    let (from, to) = ("struct a 4\n0 u8 old\n1 u8 both\n", "struct a 4\n0 u8 new\n3 u8 both\n");
    assert_eq!(convert(from, to, &[1, 2, 3, 4]), Ok(vec![0, 0, 0, 2]));
}

#[test]
fn a_member_of_another_kind_makes_no_plan() {
    let kinds = ["char*4", "u32", "ptr", "bits*4", "e"];
    let texts = kinds.map(|kind| format!("struct e 4\n0 u32 v\nstruct a 8\n0 {kind} x\n").leak() as &str);
    for (index, from) in texts.iter().enumerate() {
        for (other, to) in texts.iter().enumerate() {
            let (from, to) = (Table::parse(from).expect("a table"), Table::parse(to).expect("a table"));
            assert_eq!(Plan::between("a", &from, &to).is_some(), index == other);
        }
    }
    let empty = Table::default();
    assert_eq!(Plan::between("a", &empty, &empty), None);
}

#[test]
fn slices_shorter_than_the_layout_are_an_error() {
    let table = Table::parse("struct a 9\n0 i64 x\n8.0 bits*3 y\n").expect("a table");
    let other = Table::parse("struct a 5\n0 i32 x\n4.1 bits*3 y\n").expect("a table");
    let plan = Plan::between("a", &table, &other).expect("a plan");
    assert_eq!(plan.run(&[0; 9], &mut [0; 5]), Ok(()));
    for (from, to) in [(8, 5), (3, 5), (9, 4), (9, 2), (0, 0)] {
        assert_eq!(plan.run(&vec![0; from], &mut vec![0; to]), Err(SHORT), "{from} {to}");
    }
}

#[test]
fn stretches_that_lie_together_in_both_are_one_step() {
    let windows = Build::find("windows-x86_64", crate::PACKETVER, false).expect("a build");
    let (from, to) = (Table::of(Build::CANONICAL).expect("a table"), Table::of(windows).expect("a table"));
    let steps = |name| Plan::between(name, from, to).expect("a plan").steps.len();
    assert_eq!(steps("item"), 1);
    assert!(steps("s_storage") < 10, "600 items are one stretch: {}", steps("s_storage"));
    assert!(steps("mmo_charstatus") < 110, "76 hotkeys with padding: {}", steps("mmo_charstatus"));
}

#[test]
fn pointers_are_found_within_arrays() {
    let table = Table::parse("struct e 16\n0 u8 v\n8 ptr p\nstruct a 56\n0 e*2 e\n32 ptr*3 more\n").expect("a table");
    assert_eq!(pointers("a", &table), [8..16, 24..32, 32..56]);
    assert_eq!(pointers("nothing", &table), []);
}
