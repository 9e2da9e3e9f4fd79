//! Flags of the binary.

pub(crate) mod client;
pub(crate) mod doctor;
pub(crate) mod realm;
pub(crate) mod serve;

use std::io::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Parser, Subcommand};

/// `EX_USAGE`.
pub(crate) const BAD_USAGE: u8 = 64;

/// Plays the realm's game, and hosts its maps when this PC is free
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What it does.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs without a window and serves the UI to a browser on this machine
    Serve(serve::Options),
    /// Makes and reads realm files, for operators
    #[command(subcommand)]
    Realm(realm::Command),
    /// Patches and verifies the game's program
    #[command(subcommand)]
    Client(client::Command),
    /// Checks network, clock, keyring, game and disk, and prints a report
    Doctor(doctor::Options),
}

/// The time, as realm files count it.
pub(crate) fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// One line on standard error.
pub(crate) fn explain(text: &str) {
    // Nobody is left to tell when standard error is closed.
    let _told = writeln!(std::io::stderr(), "bifrost-launcher: {text}");
}

/// One line on standard output.
pub(crate) fn say(text: &str) {
    let mut out = std::io::stdout();
    // Nobody is left to tell when standard output is closed.
    let _told = writeln!(out, "{text}").and_then(|()| out.flush());
}
