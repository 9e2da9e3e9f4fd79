//! `bifrost-node`: a node without a window, for fallback hosts and servers.

mod cli;
mod play;
mod signals;
mod status;

use std::process::ExitCode;
use std::{io, thread};

use bifrost_node::{Node, StopCode};
use tokio::runtime::{Builder, Runtime};
use tokio_util::sync::CancellationToken;

use cli::{BAD_CONFIG, Cli, Command, exit_code, explain};

fn main() -> ExitCode {
    match runtime() {
        Ok(runtime) => runtime.block_on(Box::pin(run())),
        Err(error) => {
            explain(&error.to_string());
            exit_code(StopCode::Failed)
        }
    }
}

/// One thread for two cores: what there is to do is short, and handing it from thread to thread takes longer than doing it.
/// The other cores are for the engines, and for whoever plays on this machine.
fn runtime() -> io::Result<Runtime> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    Builder::new_multi_thread().worker_threads(cores.div_ceil(2)).enable_all().build()
}

async fn run() -> ExitCode {
    let cli = match Cli::read() {
        Ok(cli) => cli,
        Err(code) => return code.into(),
    };
    let config = match cli.settings.load(std::env::vars()) {
        Ok(config) => config,
        Err(error) => {
            explain(&error.to_string());
            return BAD_CONFIG.into();
        }
    };
    cli.start_logging();
    let stop = CancellationToken::new();
    if let Some(Command::Play(ports)) = cli.command {
        return play::run(&config, ports.into(), cli.status_file, stop).await;
    }
    let mut node = Node::spawn(config, stop.clone());
    let followed = status::follow(node.state(), cli.status_file);
    let (ended, ()) = tokio::join!(signals::drive(&mut node, &stop), followed);
    exit_code(ended)
}
