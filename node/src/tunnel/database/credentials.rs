//! User and password of one run of an endpoint.

use bifrost_protocol::Secret;
use bifrost_protocol::mysql::{NONCE_LEN, Nonce};

/// Who may connect.
#[derive(Debug)]
pub(super) struct Credentials {
    /// The user.
    pub(super) user: String,
    /// The password.
    pub(super) password: Secret<String>,
}

impl Credentials {
    /// New ones. A map-server's configuration takes 32 letters.
    pub(super) fn random() -> Self {
        let [user, password @ ..] = rand::random::<[u64; 3]>();
        let password = password.iter().fold(String::new(), |all, part| format!("{all}{part:016x}"));
        Self { user: format!("engine{:08x}", user >> 32), password: Secret::new(password) }
    }
}

/// A nonce of printable letters.
pub(super) fn nonce() -> Nonce {
    rand::random::<[u8; NONCE_LEN]>().map(|byte| b'0' + byte % 75)
}
