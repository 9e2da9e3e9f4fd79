//! Flags of the binary.

pub(crate) mod doctor;
pub(crate) mod realm;
pub(crate) mod serve;

use std::io::Write;

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
    /// Checks network, clock, keyring, game and disk, and prints a report
    Doctor(doctor::Options),
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
