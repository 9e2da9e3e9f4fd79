//! What deciding about a statement costs: every statement that a stock map-server was heard to say, seen for the first time
//! and known by its digest. `cargo bench -p bifrost-coordinator --bench policy`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::hint::black_box;
use std::time::Instant;

use bifrost_coordinator::database::policy::{DEFAULT_POLICY, Judge, Policy};
use bifrost_protocol::mysql::sql::{Digest, parse};
use bytes::Bytes;

/// What a stock map-server said while it started and while one played on it.
const CAPTURES: [&str; 3] = [
    include_str!("../../node/protocol/fixtures/mysql/city-main.txt"),
    include_str!("../../node/protocol/fixtures/mysql/field-main.txt"),
    include_str!("../../node/protocol/fixtures/mysql/field-log.txt"),
];
/// Times each statement is decided about.
const ROUNDS: usize = 400;
/// Bytes of a packet's header and the command's number, before the statement.
const HEADER: usize = 5;
/// COM_QUERY and COM_STMT_PREPARE.
const STATEMENTS: [u8; 2] = [0x03, 0x16];

fn main() {
    let statements: Vec<Bytes> = CAPTURES.iter().flat_map(|capture| said(capture)).collect();
    let policy = Policy::read(DEFAULT_POLICY).unwrap_or_else(|error| panic!("{error}"));
    println!("{} statements, {ROUNDS} times each, microseconds", statements.len());
    println!("{:<28} {:>8} {:>8} {:>8} {:>8}", "", "p50", "p90", "p99", "max");

    let known = Judge::new(policy.clone());
    statements.iter().for_each(|statement| drop(known.judge(statement)));
    row("known by its digest", &statements, |statement| {
        black_box(known.judge(statement));
    });
    row("  of that, cutting", &statements, |statement| {
        let _digest = black_box(Digest::of(statement));
    });
    let mut fresh: Vec<Judge> = (0..statements.len() * ROUNDS).map(|_| Judge::new(policy.clone())).collect();
    row("at first sight", &statements, |statement| {
        black_box(fresh.pop().unwrap_or_default().judge(statement));
    });
    row("  of that, parsing", &statements, |statement| {
        let _parsed = black_box(parse(statement));
    });
}

/// The statements of a capture: lines of `> HEX`.
fn said(capture: &str) -> Vec<Bytes> {
    let lines = capture.lines().filter(|line| !line.starts_with('#'));
    let hex = lines.filter_map(|line| line.split_once(" > ").map(|(_, hex)| hex));
    let byte = |hex: &str| u8::from_str_radix(hex, 16).unwrap_or_default();
    let packets = hex.map(|hex| (0..hex.len()).step_by(2).map(|at| byte(&hex[at..at + 2])).collect::<Vec<u8>>());
    let is_statement = |packet: &Vec<u8>| packet[HEADER - 2] == 0 && STATEMENTS.contains(&packet[HEADER - 1]);
    packets.filter(is_statement).map(|packet| Bytes::copy_from_slice(&packet[HEADER..])).collect()
}

fn row(name: &str, statements: &[Bytes], mut decide: impl FnMut(&Bytes)) {
    let mut micros = Vec::with_capacity(statements.len() * ROUNDS);
    for _ in 0..ROUNDS {
        for statement in statements {
            let started = Instant::now();
            decide(statement);
            micros.push(started.elapsed().as_secs_f64() * 1e6);
        }
    }
    micros.sort_by(f64::total_cmp);
    let at = |share: f64| micros[((micros.len() - 1) as f64 * share) as usize];
    println!("{name:<28} {:>8.2} {:>8.2} {:>8.2} {:>8.2}", at(0.5), at(0.9), at(0.99), at(1.0));
}
