use bifrost_protocol::Writer;

use super::*;

const ACCOUNT: u32 = 2_000_001;

const fn at(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

fn accept(x: u16, y: u16) -> Vec<u8> {
    let [_, a, b, c] = ((u32::from(x) << 14) | (u32::from(y) << 4)).to_be_bytes();
    let mut packet = Writer::packet(0x02eb);
    packet.u32(0).bytes(&[a, b, c, 5, 5, 0, 0]);
    packet.finish().to_vec()
}

fn redirect(map: &str, x: u16, y: u16) -> Vec<u8> {
    let mut name = [0; 16];
    name[..map.len()].copy_from_slice(map.as_bytes());
    let mut packet = Writer::packet(0x0ac7);
    packet.bytes(&name).u16(x).u16(y).bytes(&[0; 134]);
    packet.finish().to_vec()
}

fn exp(kind: u16, value: i64) -> Vec<u8> {
    let mut packet = Writer::packet(0x0acb);
    packet.u16(kind).bytes(&value.to_le_bytes());
    packet.finish().to_vec()
}

/// A packet over the latest connection.
fn hear(course: &mut Course, packet: &[u8], now: Duration) {
    course.packet(course.connections, packet, now);
}

fn inventory(course: &mut Course, items: &[(u16, u32, u16)], now: Duration) {
    hear(course, &[0x08, 0x0b, 6, 0, 0, 0], now);
    let mut list = Writer::packet(0x0b09);
    list.u16(0).u8(0);
    for (slot, item, amount) in items {
        list.u16(*slot).u32(*item).u8(3).u16(*amount).bytes(&[0; 25]);
    }
    hear(course, &list.finish_sized(), now);
    hear(course, &[0x0b, 0x0b, 0, 0], now);
}

fn take(slot: u16, item: u32, amount: u16) -> Vec<u8> {
    let mut packet = Writer::packet(0x0b41);
    packet.u16(slot).u16(amount).u32(item).bytes(&[0; 60]);
    packet.finish().to_vec()
}

/// In play on prt_fild08 with ten apples and 1000 experience.
fn playing() -> Course {
    let mut course = Course::new(ACCOUNT, 500, true);
    course.connected(Side::Fleet, at(0));
    hear(&mut course, &accept(100, 100), at(10));
    let mut map = Writer::packet(0x0091);
    map.bytes(b"prt_fild08.gat\0\0").u16(100).u16(100);
    hear(&mut course, &map.finish(), at(10));
    inventory(&mut course, &[(2, 512, 10)], at(12));
    hear(&mut course, &exp(1, 1_000), at(13));
    hear(&mut course, &exp(2, 50), at(13));
    course
}

/// Another host has taken over: what it restored.
fn taken_over(course: &mut Course, now: Duration, base: i64, items: &[(u16, u32, u16)]) {
    hear(course, &redirect("prt_fild08", 100, 100), now);
    course.connected(Side::Fleet, now + at(1));
    hear(course, &accept(100, 100), now + at(20));
    inventory(course, items, now + at(25));
    hear(course, &exp(1, base), now + at(26));
    hear(course, &exp(2, 50), now + at(26));
}

#[test]
fn a_death_that_costs_nothing_costs_nothing() {
    let mut course = playing();
    hear(&mut course, &exp(1, 1_020), at(5_000));
    hear(&mut course, &take(3, 909, 1), at(5_100));
    course.struck();
    hear(&mut course, &[0x7f, 0, 1, 2, 3, 4], at(5_600));
    taken_over(&mut course, at(5_700), 1_020, &[(2, 512, 10), (3, 909, 1)]);
    let [hop] = course.hops() else { panic!("{:?}", course.hops()) };
    assert!(hop.redirected && hop.same_map);
    assert_eq!(hop.gap(), Some(at(620)), "the relay's answers are not the game");
    assert_eq!((hop.lost, hop.set_back), (Duration::ZERO, Duration::ZERO));
    assert!(course.books().lost.is_empty() && course.books().sprung.is_empty());
    assert_eq!(course.books().items[&Side::Fleet], Holdings::from([(909, 1)]));
    assert!(course.is_in_play());
}

#[test]
fn what_was_earned_since_the_last_save_is_lost_and_its_age_is_known() {
    let mut course = playing();
    hear(&mut course, &exp(1, 1_020), at(5_000));
    hear(&mut course, &take(3, 909, 1), at(5_500));
    hear(&mut course, &exp(1, 1_040), at(6_000));
    hear(&mut course, &[0x7f, 0, 1, 2, 3, 4], at(6_200));
    taken_over(&mut course, at(7_000), 1_020, &[(2, 512, 10)]);
    let [hop] = course.hops() else { panic!("{:?}", course.hops()) };
    assert_eq!(hop.lost, at(700), "the jellopy of 5.5 s, at 6.2 s");
    assert_eq!(course.books().lost, Holdings::from([(909, 1)]));
    assert!(course.books().sprung.is_empty());
}

#[test]
fn items_that_nobody_saw_coming_have_sprung_up() {
    let mut course = playing();
    taken_over(&mut course, at(7_000), 1_000, &[(2, 512, 11)]);
    assert_eq!(course.books().sprung, Holdings::from([(512, 1)]));
    assert_eq!(course.hops()[0].lost, Duration::ZERO);
}

#[test]
fn money_is_counted_by_side() {
    let mut course = playing();
    let zeny = |value: i32| {
        let mut packet = Writer::packet(0x00b1);
        packet.u16(20).bytes(&value.to_le_bytes());
        packet.finish()
    };
    hear(&mut course, &zeny(450), at(100));
    hear(&mut course, &redirect("prontera", 156, 26), at(200));
    course.connected(Side::City, at(201));
    hear(&mut course, &accept(156, 26), at(210));
    hear(&mut course, &zeny(700), at(300));
    assert_eq!(course.books().zeny, BTreeMap::from([(Side::City, 250), (Side::Fleet, -50)]));
    assert!(!course.hops()[0].same_map);
    assert_eq!(course.map(), "prontera");
}

#[test]
fn a_connection_that_only_ends_is_a_loss() {
    let mut course = playing();
    course.closed(1, at(1_000));
    course.connected(Side::Fleet, at(1_100));
    course.closed(1, at(1_150));
    course.closed(2, at(1_200));
    assert_eq!(course.hops().len(), 1);
    assert!(!course.hops()[0].redirected && course.hops()[0].gap().is_none());
    assert!(!course.is_in_play());
}

#[test]
fn an_engine_that_knows_nothing_takes_nothing_away() {
    let mut course = Course::new(ACCOUNT, 500, false);
    course.connected(Side::City, at(0));
    hear(&mut course, &accept(100, 100), at(10));
    inventory(&mut course, &[(2, 512, 10)], at(12));
    hear(&mut course, &redirect("prt_fild08", 1, 1), at(100));
    course.connected(Side::Fleet, at(101));
    inventory(&mut course, &[], at(110));
    hear(&mut course, &redirect("prontera", 1, 1), at(200));
    course.connected(Side::City, at(201));
    inventory(&mut course, &[(2, 512, 10)], at(210));
    assert!(course.books().lost.is_empty() && course.books().sprung.is_empty(), "{:?}", course.books());
}
