//! One binary for everything that needs more than one crate: the rules of the tree, and real processes on real sockets.
#![expect(clippy::wildcard_enum_match_arm, reason = "tests look for a few of many packets and events")]

mod blocked;
mod database;
mod demo;
mod deny;
mod faults;
mod fixtures;
mod gateway;
mod hostile;
mod live;
mod play;
mod rogue;
mod scenario;
mod sql;
mod start;
mod stock;
mod tidy;
mod trust;
