//! Who logs in, and how the client behaves.

use std::net::SocketAddr;
use std::time::Duration;

/// A player's account and client settings.
#[derive(Clone, Debug)]
pub struct Account {
    /// The login-server.
    pub login: SocketAddr,
    /// Account name.
    pub username: String,
    /// Password.
    pub password: String,
    /// The character that is played; made in slot 0 when the account has none.
    pub character: String,
    /// What the client says it is, in 0x0064.
    pub version: u32,
    /// How often the client sends the time (0x0360); real clients do every 10 to 12 s.
    pub ping: Duration,
    /// Whether to log in again when the connection is lost, as a patient player would.
    pub relogin: bool,
}

impl Account {
    /// An account with the client settings of tests.
    #[must_use]
    pub fn new(login: SocketAddr, username: &str, password: &str) -> Self {
        Self {
            login,
            username: username.into(),
            password: password.into(),
            character: username.into(),
            version: 55,
            ping: Duration::from_secs(10),
            relogin: false,
        }
    }
}
