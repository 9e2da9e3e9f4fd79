//! The game's way to the realm: a gateway for as long as the game runs.

use std::time::Duration;

use bifrost_client_patch::environment::Route;
use bifrost_node::Gateway;
use bifrost_node::config::NodeConfig;
use bifrost_node::gateway::{GatewayAddresses, GatewayHandle, GatewayPorts};
use tokio_util::sync::CancellationToken;

use crate::app::Inbox;
use crate::event::Event;
use crate::view::{Problem, ProblemCode};

/// How long the realm may take to let the gateway in.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);

/// A gateway that the realm has let in.
#[derive(Debug)]
pub(super) struct Way {
    gateway: GatewayHandle,
    /// The port that the realm's clients know its login-server by.
    login_port: u16,
}

impl Way {
    /// Listens, and waits until the realm has let the gateway in.
    pub(super) async fn open(config: &NodeConfig, stop: &CancellationToken) -> Result<Self, Problem> {
        let unreachable = |detail: String| Problem::new(ProblemCode::Unreachable, detail);
        let gateway = Gateway::spawn(config, GatewayPorts::default(), stop)
            .map_err(|error| Problem::new(ProblemCode::GameNotStarted, error.to_string()))?;
        let mut state = gateway.state();
        let ready = state.wait_for(|state| state.connected || state.problem.is_some());
        let ready = match tokio::time::timeout(CONNECT_LIMIT, ready).await {
            Ok(Ok(state)) => state.clone(),
            Ok(Err(_)) => return Err(unreachable("the gateway has ended".into())),
            Err(_) => return Err(unreachable(format!("no answer within {} s", CONNECT_LIMIT.as_secs()))),
        };
        match ready.problem {
            Some(problem) => Err(Problem::new(ProblemCode::SignInAgain, problem)),
            None => Ok(Self { gateway, login_port: ready.login_port }),
        }
    }

    /// Where connections of the game have to go.
    pub(super) fn routes(&self) -> Vec<Route> {
        routes(self.gateway.addresses(), self.login_port)
    }

    /// Tells how the gateway fares, until it has ended.
    pub(super) async fn watch(&self, inbox: &Inbox) {
        let mut state = self.gateway.state();
        state.mark_changed();
        while state.changed().await.is_ok() {
            let now = state.borrow_and_update().clone();
            inbox.tell(Event::Gateway(now)).await;
        }
    }

    /// Ends it, and what is left of the game's connections.
    pub(super) async fn close(self) {
        self.gateway.shutdown().await;
    }
}

/// The login-server by its port, at whatever address clients know it. Everything else follows from what the servers say.
fn routes(addresses: GatewayAddresses, login_port: u16) -> Vec<Route> {
    vec![Route { address: None, port: login_port, gateway: addresses.login }]
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddrV4;

    use super::*;

    #[test]
    fn the_login_server_is_found_by_its_port() {
        let at = |port| SocketAddrV4::new([127, 0, 0, 1].into(), port);
        let addresses = GatewayAddresses { login: at(40_000), char_server: at(40_001), map: at(40_002) };
        assert_eq!(routes(addresses, 6_900), [Route { address: None, port: 6_900, gateway: at(40_000) }]);
    }
}
