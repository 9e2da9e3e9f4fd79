//! `bifrost-node play`: a gateway and nothing else.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use bifrost_node::Gateway;
use bifrost_node::config::NodeConfig;
use bifrost_node::gateway::GatewayPorts;
use tokio_util::sync::CancellationToken;

use crate::cli::{BAD_CONFIG, explain};
use crate::{signals, status};

/// What supervisors see when the realm will not have this player (`EX_NOPERM`, sysexits.h).
const NOT_LET_IN: u8 = 77;

/// Runs a gateway until a signal comes or nothing can be done any more.
pub(crate) async fn run(
    config: &NodeConfig,
    ports: GatewayPorts,
    status_file: Option<PathBuf>,
    stop: CancellationToken,
) -> ExitCode {
    let mut gateway = match Gateway::spawn(config, ports, &stop) {
        Ok(gateway) => gateway,
        Err(error) => {
            explain(&error.to_string());
            return BAD_CONFIG.into();
        }
    };
    let state = gateway.state();
    let followed = tokio::spawn(status::follow(gateway.state(), status_file));
    match serde_json::to_string(&gateway.addresses()) {
        // Whoever has closed standard output does not want to know.
        Ok(addresses) => drop(writeln!(std::io::stdout(), "{addresses}")),
        Err(error) => explain(&error.to_string()),
    }
    tokio::select! {
        biased;
        () = gateway.ended() => {}
        () = signals::asked() => gateway.shutdown().await,
    }
    followed.abort();
    let problem = state.borrow().problem.clone();
    match problem {
        None => ExitCode::SUCCESS,
        Some(problem) => {
            explain(&problem);
            NOT_LET_IN.into()
        }
    }
}
