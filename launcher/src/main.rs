//! `bifrost-launcher` without a window: serves the UI on loopback, makes realm files, checks this machine.

mod cli;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Nobody is left to tell when the streams are closed.
            let _told = error.print();
            return ExitCode::from(if error.use_stderr() { cli::BAD_USAGE } else { 0 });
        }
    };
    let done = match cli.command {
        Command::Serve(options) => cli::serve::run(options).await,
        Command::Realm(command) => cli::realm::run(command),
        Command::Client(command) => cli::client::run(command),
        Command::Doctor(options) => cli::doctor::run(options).await,
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            cli::explain(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}
