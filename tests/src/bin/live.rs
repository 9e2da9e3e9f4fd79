//! `live`: the real servers and clients, for a while, under fire. `./test live` builds and runs it.

use std::io::Write;
use std::process::ExitCode;

use bifrost_tests::live::{Options, run};
use clap::Parser;

fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    // Children die with the thread that started them, so the main thread starts them and lives longest.
    let held = runtime.map_err(anyhow::Error::from).and_then(|runtime| runtime.block_on(run(options)));
    match held {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "live: {error:#}");
            ExitCode::FAILURE
        }
    }
}
