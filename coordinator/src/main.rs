//! `bifrost-coordinator`.

fn main() {}
