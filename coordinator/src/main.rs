//! `bifrost-coordinator`.

use std::io::Write;
use std::process::ExitCode;

use bifrost_coordinator::cli::Cli;
use clap::Parser;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    // Fails only when there is a provider already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match Box::pin(cli.execute()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody is left to tell when standard error is gone too.
            let _ = writeln!(std::io::stderr(), "bifrost-coordinator: {failure}");
            failure.exit_code()
        }
    }
}
