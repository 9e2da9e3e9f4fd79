//! A small honest stand-in for a stock map-server: reads the same files, prints the same lines, logs in to its char-server,
//! takes game clients, saves them in the same order, leaves in the same way. It has players who walk and no world.
//!
//! It runs where a map-server would: in a folder with `conf/map_athena.conf`. What a stock server does not do is asked for by
//! `PUPPET_FAULTS` or by `fault:` lines of `conf/puppet.conf`; see [`Fault`]. `warp:` lines there are cells that lead elsewhere:
//! `warp: prt_fild08,170,375 prt_fild05,100,100`.
//!
//! Order and bytes follow captures of a stock map-server (rAthena of February 2026, PACKETVER 20211103, pre-renewal).

// The node's own tests take this file in by its path, so its parts are named by theirs.
#[path = "puppet/fault.rs"]
mod fault;
#[path = "puppet/player.rs"]
mod player;
#[path = "puppet/server.rs"]
mod server;
#[path = "puppet/settings.rs"]
mod settings;
#[path = "puppet/wire.rs"]
mod wire;

use std::io::Write;
use std::process::ExitCode;

pub use fault::Fault;

use server::Server;
use settings::Settings;

/// Plays a map-server in the current folder until it is told to stop. Says how it ended, as a map-server does.
#[must_use]
pub fn run() -> ExitCode {
    match play() {
        Ok(()) => {
            say("Status", "Finished.");
            ExitCode::SUCCESS
        }
        Err(problem) => {
            say("Fatal Error", &problem);
            ExitCode::FAILURE
        }
    }
}

/// Plays a map-server in the current folder until it is told to stop.
///
/// # Errors
/// Settings that cannot be used, a char-server that refuses, a [`Fault`] that ends it.
pub fn play() -> Result<(), String> {
    let settings = Settings::read()?;
    let faults = Fault::from_environment().into_iter().chain(settings.faults.clone()).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| error.to_string())?;
    runtime.block_on(Server::play(settings, faults))
}

/// Prints a line as a map-server does.
fn say(level: &str, text: &str) {
    // Nobody is left to read it when the pipe is closed.
    let mut out = std::io::stdout().lock();
    let _unread = writeln!(out, "[{level}]: {text}").and_then(|()| out.flush());
}
