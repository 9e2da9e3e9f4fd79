//! How the launcher speaks to the DLL: by variables in the game's environment. The DLL reads them in
//! `launcher/client/p2phost/src/environment.rs`; a test there holds both to the same names and forms.

use std::net::{Ipv4Addr, SocketAddrV4};

/// Where connections of the game go: `ADDRESS:PORT=GATEWAY:PORT`, more after `;`. `*` as the address means any.
pub const ROUTES: &str = "BIFROST_P2P_ROUTES";
/// The launcher's ear: the DLL says there that it is in.
pub const LAUNCHER: &str = "BIFROST_P2P_LAUNCHER";
/// What the DLL proves itself with there.
pub const TOKEN: &str = "BIFROST_P2P_TOKEN";
/// `1` while this PC hosts.
pub const ENABLED: &str = "BIFROST_P2P_ENABLED";
/// The realm's score of this PC.
pub const SCORE: &str = "BIFROST_P2P_SCORE";
/// The most players it takes.
pub const PLAYERS: &str = "BIFROST_P2P_PLAYERS";
/// All of them, so that none is inherited from elsewhere.
pub const ALL: [&str; 6] = [ROUTES, LAUNCHER, TOKEN, ENABLED, SCORE, PLAYERS];

/// One way of the game's connections into the gateway.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Route {
    /// Where the game wants to; none is any address.
    pub address: Option<Ipv4Addr>,
    /// The port it wants to.
    pub port: u16,
    /// Where it gets: a listener of the gateway on loopback.
    pub gateway: SocketAddrV4,
}

/// What the DLL is told.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Environment {
    /// The first that fits counts.
    pub routes: Vec<Route>,
    /// The launcher's ear on loopback.
    pub launcher: Option<SocketAddrV4>,
    /// Up to 128 printable bytes without spaces.
    pub token: String,
    /// Whether this PC hosts.
    pub enabled: bool,
    /// The realm's score of this PC.
    pub score: u32,
    /// The most players it takes.
    pub players: u16,
}

impl Environment {
    /// The variables to set.
    #[must_use]
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let routes = self.routes.iter().map(|Route { address, port, gateway }| match address {
            Some(address) => format!("{address}:{port}={gateway}"),
            None => format!("*:{port}={gateway}"),
        });
        let mut variables = vec![
            (ROUTES, routes.collect::<Vec<_>>().join(";")),
            (TOKEN, self.token.clone()),
            (ENABLED, u8::from(self.enabled).to_string()),
            (SCORE, self.score.to_string()),
            (PLAYERS, self.players.to_string()),
        ];
        variables.extend(self.launcher.map(|launcher| (LAUNCHER, launcher.to_string())));
        variables
    }
}
