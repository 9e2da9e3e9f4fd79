//! `bifrost-node`: a node without a window, for fallback hosts and servers.

mod cli;
mod play;
mod signals;
mod status;

use std::process::ExitCode;

use bifrost_node::Node;
use tokio_util::sync::CancellationToken;

use cli::{BAD_CONFIG, Cli, Command, exit_code, explain};

#[tokio::main]
async fn main() -> ExitCode {
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
