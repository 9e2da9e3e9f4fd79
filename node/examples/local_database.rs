//! Runs the database endpoint of an engine alone, for trying a map-server or a MySQL client against it:
//! `cargo run -p bifrost-node --example local_database`. Ends with the input.

use std::io::{Write, stdin, stdout};

use bifrost_node::database::LocalEndpoint;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().with_writer(std::io::stderr).init();
    let endpoint = LocalEndpoint::start(CancellationToken::new()).await?;
    let (port, user, database) = (endpoint.address().port(), endpoint.user(), endpoint.database());
    writeln!(stdout(), "port={port}\nuser={user}\npassword={}\ndatabase={database}", endpoint.password().expose())?;
    tokio::task::spawn_blocking(|| stdin().read_line(&mut String::new())).await??;
    writeln!(stdout(), "{:?}", endpoint.counts())?;
    endpoint.stop().await;
    Ok(())
}
