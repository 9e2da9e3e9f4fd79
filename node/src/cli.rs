//! Flags, logging and exit codes of the binary.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use bifrost_node::StopCode;
use bifrost_node::config::Overrides;
use clap::{Parser, ValueEnum};
use tracing_subscriber::EnvFilter;

/// `EX_CONFIG` is 78, but the house uses `EX_USAGE` for every configuration that cannot be used.
pub(crate) const BAD_CONFIG: u8 = 64;

/// Carries map groups of a Bifrost realm on this machine
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) settings: Overrides,
    /// Writes what the node is doing to this file, as one JSON object, whenever it changes
    #[arg(long, value_name = "PATH")]
    pub(crate) status_file: Option<PathBuf>,
    /// How log lines look
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// What is logged, as in RUST_LOG
    #[arg(long, env = "RUST_LOG", default_value = "info", value_name = "FILTER")]
    log: String,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

impl Cli {
    /// Log lines go to standard error from now on.
    pub(crate) fn start_logging(&self) {
        let filter = EnvFilter::builder().parse_lossy(&self.log);
        let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
        match self.log_format {
            LogFormat::Text => log.init(),
            LogFormat::Json => log.json().init(),
        }
    }
}

/// One line on standard error, whatever the log filter.
pub(crate) fn explain(text: &str) {
    // Nobody is left to tell when standard error is closed.
    let _told = writeln!(std::io::stderr(), "bifrost-node: {text}");
}

/// What supervisors see (sysexits.h): restarting helps only for some.
pub(crate) fn exit_code(code: StopCode) -> ExitCode {
    match code {
        StopCode::Asked => ExitCode::SUCCESS,
        StopCode::DrainTimeout => ExitCode::from(75),
        StopCode::NotRegistered | StopCode::Revoked => ExitCode::from(77),
        StopCode::Replaced => ExitCode::from(76),
        StopCode::Failed => ExitCode::from(70),
    }
}
