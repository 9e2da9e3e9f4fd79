//! What the launcher put into the environment. `bifrost_client_patch::environment` is the other side of it.

use std::net::SocketAddrV4;

use crate::routes::Routes;

/// Ways into the gateway.
pub const ROUTES: &str = "BIFROST_P2P_ROUTES";
/// Where the launcher listens.
pub const LAUNCHER: &str = "BIFROST_P2P_LAUNCHER";
/// What the DLL proves itself with there.
pub const TOKEN: &str = "BIFROST_P2P_TOKEN";
/// `1` while this PC hosts.
pub const ENABLED: &str = "BIFROST_P2P_ENABLED";
/// The realm's score of this PC.
pub const SCORE: &str = "BIFROST_P2P_SCORE";
/// The most players it takes.
pub const PLAYERS: &str = "BIFROST_P2P_PLAYERS";

/// The longest token, in bytes.
const MAX_TOKEN: usize = 128;

/// All of it. What is missing or not understood has the value of a game without a launcher.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Settings {
    /// Where connections go.
    pub routes: Routes,
    /// Where the launcher listens, on loopback.
    pub launcher: Option<SocketAddrV4>,
    /// Printable, without spaces; may be empty.
    pub token: String,
    /// Whether this PC hosts.
    pub enabled: bool,
    /// The realm's score of this PC.
    pub score: u32,
    /// The most players it takes.
    pub players: u16,
}

impl Settings {
    /// Reads them from variables.
    pub fn read(variable: impl Fn(&str) -> Option<String>) -> Self {
        let token = variable(TOKEN)
            .filter(|token| token.len() <= MAX_TOKEN && token.bytes().all(|byte| byte.is_ascii_graphic()));
        Self {
            routes: variable(ROUTES).map(|text| Routes::parse(&text)).unwrap_or_default(),
            launcher: variable(LAUNCHER).and_then(|text| loopback(&text)),
            token: token.unwrap_or_default(),
            enabled: variable(ENABLED).is_some_and(|text| text == "1"),
            score: number(variable(SCORE)),
            players: number(variable(PLAYERS)),
        }
    }
}

fn number<N: std::str::FromStr + Default>(text: Option<String>) -> N {
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

/// An address with a port, if it is on this machine: nothing of the game is ever sent elsewhere because of a variable.
pub(crate) fn loopback(text: &str) -> Option<SocketAddrV4> {
    let address: SocketAddrV4 = text.parse().ok()?;
    (address.ip().is_loopback() && address.port() != 0).then_some(address)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::Ipv4Addr;

    use bifrost_client_patch::environment::{self as launcher, Environment, Route};

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Settings {
        let pairs: BTreeMap<&str, &str> = pairs.iter().copied().collect();
        Settings::read(|name| pairs.get(name).map(|value| (*value).to_owned()))
    }

    #[test]
    fn what_the_launcher_says_is_what_is_understood() {
        let gateway = |port| SocketAddrV4::new(Ipv4Addr::LOCALHOST, port);
        let login = Route { address: Some(Ipv4Addr::new(203, 0, 113, 9)), port: 6900, gateway: gateway(40_001) };
        let said = Environment {
            routes: vec![login, Route { address: None, port: 6121, gateway: gateway(40_002) }],
            launcher: Some(gateway(40_000)),
            token: "v4.public-token".into(),
            enabled: true,
            score: 4_000_000_000,
            players: 60_000,
        };
        let variables = said.variables();
        assert!(variables.iter().all(|(name, _)| launcher::ALL.contains(name)));
        let settings =
            Settings::read(|name| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| value.clone()));
        assert_eq!(settings.launcher, said.launcher);
        assert_eq!((settings.token, settings.enabled), (said.token, true));
        assert_eq!((settings.score, settings.players), (said.score, said.players));
        for (wanted, through) in [
            (SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, 9), 6900), Some(gateway(40_001))),
            (SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, 8), 6900), None),
            (SocketAddrV4::new(Ipv4Addr::new(203, 0, 113, 8), 6121), Some(gateway(40_002))),
        ] {
            assert_eq!(settings.routes.find(wanted), through, "{wanted}");
        }
        assert_eq!(
            [ROUTES, LAUNCHER, TOKEN, ENABLED, SCORE, PLAYERS],
            launcher::ALL,
            "both sides have the same names in the same order"
        );
    }

    #[test]
    fn nothing_leads_off_this_machine() {
        for elsewhere in
            ["203.0.113.9:6900", "0.0.0.0:6900", "localhost:6900", "127.0.0.1:0", "127.0.0.1", "", "[::1]:1"]
        {
            assert_eq!(read(&[(LAUNCHER, elsewhere)]).launcher, None, "{elsewhere}");
        }
        assert!(read(&[(LAUNCHER, "127.0.0.2:9")]).launcher.is_some());
    }

    #[test]
    fn what_is_not_understood_is_as_if_it_were_not_there() {
        let nonsense = [(TOKEN, "two words"), (ENABLED, "yes"), (SCORE, "-1"), (PLAYERS, "70000"), (ROUTES, "=;:")];
        assert_eq!(read(&nonsense), Settings::default());
        assert_eq!(read(&[]), Settings::default());
        assert_eq!(read(&[(TOKEN, &"x".repeat(MAX_TOKEN + 1))]).token, "");
    }
}
