//! Logging in to a database: messages in, messages out.

use bifrost_protocol::mysql::{
    Answer, AuthSwitch, CACHING_SHA2, Capabilities, Greeting, Login, NATIVE, Nonce, charset, native_proof, sha2_proof,
};
use bifrost_protocol::{DecodeError, Secret};
use bytes::Bytes;
use thiserror::Error;

use super::UpstreamConfig;

/// The longest answer asked for, in bytes; what is longer than we pass on is cut off by us.
const MAX_MESSAGE: u32 = 16 * 1024 * 1024;
/// What follows `0x01` in the messages of `caching_sha2_password`.
const FAST: u8 = 3;
const FULL: u8 = 4;

/// A login on its way.
#[derive(Debug)]
pub(super) struct Entrance<'a> {
    config: &'a UpstreamConfig,
    /// Whether nobody can listen.
    private: bool,
    plugin: String,
}

/// What comes next.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Next {
    /// Say this and read on.
    Say(Bytes),
    /// Read on.
    Read,
    /// We are in.
    In,
}

/// Why we are not let in.
#[derive(Debug, Error)]
pub(super) enum LoginError {
    /// The database says so.
    #[error("{0}")]
    Refused(String),
    /// It wants a proof that is not spoken.
    #[error("{0} is not spoken")]
    Plugin(String),
    /// It wants the password itself, over a line that others can listen to.
    #[error("it wants the whole password, which needs `tls`")]
    Open,
    /// It does not offer TLS.
    #[error("it does not offer TLS")]
    NoTls,
    /// What it says makes no sense.
    #[error(transparent)]
    Garbage(#[from] DecodeError),
}

impl<'a> Entrance<'a> {
    /// A login; `private` when the line is encrypted.
    pub(super) fn new(config: &'a UpstreamConfig, private: bool) -> Self {
        Self { config, private, plugin: String::new() }
    }

    /// The answer to the greeting; `tls` when it goes through TLS, or asks for it.
    pub(super) fn login(&mut self, greeting: &Greeting, tls: bool) -> Result<Login, LoginError> {
        if tls && !greeting.capabilities.contains(Capabilities::TLS) {
            return Err(LoginError::NoTls);
        }
        // Without a way to prove that is known, the server will propose one.
        let plugin = if greeting.plugin == CACHING_SHA2 { CACHING_SHA2 } else { NATIVE };
        plugin.clone_into(&mut self.plugin);
        let tls = if tls { Capabilities::TLS } else { Capabilities::NONE };
        let spoken = Capabilities::SPOKEN.without(Capabilities::CONNECT_ATTRIBUTES | Capabilities::FOUND_ROWS) | tls;
        Ok(Login {
            capabilities: spoken & (greeting.capabilities | Capabilities::MYSQL),
            max_message: MAX_MESSAGE,
            collation: u8::try_from(charset::UTF8MB4).unwrap_or_default(),
            user: self.config.user.as_bytes().to_vec(),
            proof: Secret::new(self.proof(&greeting.nonce)?),
            database: Some(self.config.database.as_bytes().to_vec()),
            plugin: Some(self.plugin.clone()),
        })
    }

    /// Takes what the database says next.
    pub(super) fn take(&mut self, message: &[u8]) -> Result<Next, LoginError> {
        match message {
            [0, ..] => Ok(Next::In),
            [0xFF, ..] => match Answer::decode(message)? {
                Answer::Error(error) => Err(LoginError::Refused(error.to_string())),
                Answer::Done(_) | Answer::Rows(_) | Answer::LocalFile => Err(unexpected().into()),
            },
            [0xFE, ..] => {
                let switch = AuthSwitch::decode(message)?;
                self.plugin = switch.plugin;
                Ok(Next::Say(self.proof(&switch.nonce)?.into()))
            }
            [1, FAST] if self.plugin == CACHING_SHA2 => Ok(Next::Read),
            [1, FULL] if self.plugin == CACHING_SHA2 && self.private => {
                Ok(Next::Say([self.config.password.expose().as_bytes(), &[0]].concat().into()))
            }
            [1, FULL] if self.plugin == CACHING_SHA2 => Err(LoginError::Open),
            _ => Err(unexpected().into()),
        }
    }

    fn proof(&self, nonce: &Nonce) -> Result<Vec<u8>, LoginError> {
        let password = self.config.password.expose().as_bytes();
        match self.plugin.as_str() {
            NATIVE => Ok(native_proof(password, nonce)),
            CACHING_SHA2 => Ok(sha2_proof(password, nonce)),
            other => Err(LoginError::Plugin(other.to_owned())),
        }
    }
}

fn unexpected() -> DecodeError {
    DecodeError::Invalid { field: "login", problem: "is answered with something else" }
}
