//! Flags, logging and exit codes of the binary.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use bifrost_node::StopCode;
use bifrost_node::config::Overrides;
use bifrost_node::gateway::GatewayPorts;
use clap::{Args, Parser, Subcommand, ValueEnum};
use tracing_subscriber::EnvFilter;

/// `EX_CONFIG` is 78, but the house uses `EX_USAGE` for every configuration that cannot be used.
pub(crate) const BAD_CONFIG: u8 = 64;

/// Carries map groups of a Bifrost realm on this machine
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
    #[command(flatten)]
    pub(crate) settings: Overrides,
    /// Writes what the node is doing to this file, as one JSON object, whenever it changes
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) status_file: Option<PathBuf>,
    /// How log lines look
    #[arg(long, global = true, value_enum, default_value_t = LogFormat::Text)]
    log_format: LogFormat,
    /// What is logged, as in RUST_LOG
    #[arg(long, global = true, env = "RUST_LOG", default_value = "info", value_name = "FILTER")]
    log: String,
}

/// What it does.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the node (the default)
    Run,
    /// Carries game clients of this machine to the realm, and hosts nothing. Prints where it listens, as one JSON object
    Play(Ports),
}

/// Where a gateway listens.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct Ports {
    /// Port for the login-server, on loopback; 0 for any that is free
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    login_port: u16,
    /// Port for the char-server
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    char_port: u16,
    /// Port for the map-server
    #[arg(long, default_value_t = 0, value_name = "PORT")]
    map_port: u16,
}

impl From<Ports> for GatewayPorts {
    fn from(ports: Ports) -> Self {
        Self { login: ports.login_port, char_server: ports.char_port, map: ports.map_port }
    }
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
    /// The command line, or the exit code when there is nothing to run: help, version, flags that make no sense.
    pub(crate) fn read() -> Result<Self, u8> {
        Self::try_parse().map_err(|error| {
            // Nobody is left to tell when the streams are closed.
            let _told = error.print();
            if error.use_stderr() { BAD_CONFIG } else { 0 }
        })
    }

    /// Log lines go to standard error from now on.
    pub(crate) fn start_logging(&self) {
        let filter = EnvFilter::builder().parse_lossy(&self.log);
        let log = tracing_subscriber::fmt()
            .with_env_filter(filter)
            .with_writer(std::io::stderr)
            .with_ansi(std::io::stderr().is_terminal());
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
