//! `bifrost-node`.

fn main() {}
