//! `bifrost-coordinator`.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;
use std::thread;

use bifrost_coordinator::cli::Cli;
use clap::Parser;
use tokio::runtime::{Builder, Runtime};

fn main() -> ExitCode {
    let cli = Cli::parse();
    // Fails only when there is a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let executed = match runtime() {
        Ok(runtime) => runtime.block_on(Box::pin(cli.execute())),
        Err(error) => return failed(&error, ExitCode::FAILURE),
    };
    match executed {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failed(&failure, failure.exit_code()),
    }
}

/// One thread for two cores: what there is to do is short, and handing it from thread to thread takes longer than doing it.
/// The other cores are for the database, the servers and the engines of this machine.
fn runtime() -> io::Result<Runtime> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    Builder::new_multi_thread().worker_threads(cores.div_ceil(2)).enable_all().build()
}

fn failed(why: &dyn Display, code: ExitCode) -> ExitCode {
    // Nobody is left to tell when standard error is gone too.
    let _ = writeln!(io::stderr(), "bifrost-coordinator: {why}");
    code
}
