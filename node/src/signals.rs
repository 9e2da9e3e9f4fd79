//! SIGTERM and SIGINT: the first drains, the second stops at once.

use std::io;

use bifrost_node::{NodeHandle, StopCode};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Waits until the node has ended, passing on what signals ask for.
pub(crate) async fn drive(node: &mut NodeHandle, stop: &CancellationToken) -> StopCode {
    let mut signals = match Signals::new() {
        Ok(signals) => signals,
        Err(error) => {
            warn!(%error, "signals cannot be heard");
            return node.ended().await.0;
        }
    };
    let mut asked = false;
    loop {
        tokio::select! {
            biased;
            (code, _) = node.ended() => return code,
            name = signals.next() => {
                info!(signal = name, again = asked, "signal");
                if asked {
                    stop.cancel();
                } else {
                    node.drain(name);
                }
                asked = true;
            }
        }
    }
}

/// Waits for the first of them; for ever where they cannot be heard.
pub(crate) async fn asked() {
    match Signals::new() {
        Ok(mut signals) => info!(signal = signals.next().await, "signal"),
        Err(error) => {
            warn!(%error, "signals cannot be heard");
            std::future::pending().await
        }
    }
}

#[cfg(unix)]
struct Signals {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self { terminate: signal(SignalKind::terminate())?, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

#[cfg(windows)]
struct Signals {
    interrupt: tokio::signal::windows::CtrlC,
    close: tokio::signal::windows::CtrlClose,
}

#[cfg(windows)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::windows::{ctrl_c, ctrl_close};
        Ok(Self { interrupt: ctrl_c()?, close: ctrl_close()? })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "Ctrl+C",
            _ = self.close.recv() => "the window was closed",
        }
    }
}
