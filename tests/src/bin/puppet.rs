//! `puppet`: a stand-in for a stock map-server, for machines without rAthena. A bundle's `map-server` may be this program.

use std::process::ExitCode;

fn main() -> ExitCode {
    bifrost_tests::puppet::run()
}
