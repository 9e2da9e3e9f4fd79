//! Logging in to a database: messages in, messages out.

use aws_lc_rs::rsa::{OAEP_SHA1_MGF1SHA1, OaepPublicEncryptingKey, PublicEncryptingKey};
use bifrost_protocol::mysql::{
    Answer, AuthSwitch, CACHING_SHA2, Capabilities, Greeting, Login, NATIVE, NONCE_LEN, Nonce, charset, native_proof,
    sha2_proof,
};
use bifrost_protocol::{DecodeError, Secret};
use bytes::Bytes;
use rustls::pki_types::SubjectPublicKeyInfoDer;
use rustls::pki_types::pem::PemObject;
use thiserror::Error;

use super::UpstreamConfig;

/// The longest answer asked for, in bytes; what is longer than we pass on is cut off by us.
const MAX_MESSAGE: u32 = 16 * 1024 * 1024;
/// What follows `0x01` in the messages of `caching_sha2_password`.
const FAST: u8 = 3;
const FULL: u8 = 4;
/// What a client of `caching_sha2_password` says to be given the server's public key.
const WANT_KEY: u8 = 2;

/// A login on its way.
#[derive(Debug)]
pub(super) struct Entrance<'a> {
    config: &'a UpstreamConfig,
    /// Whether nobody can listen.
    private: bool,
    plugin: String,
    nonce: Nonce,
    /// Whether the server was asked for its key.
    wants_key: bool,
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
    /// It wants the password, over a line that others can listen to, and its key for that is none.
    #[error("the key it shows for the password is none that can be used; use `tls_ca`")]
    Key,
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
        Self { config, private, plugin: String::new(), nonce: [0; NONCE_LEN], wants_key: false }
    }

    /// The answer to the greeting; `tls` when it goes through TLS, or asks for it.
    pub(super) fn login(&mut self, greeting: &Greeting, tls: bool) -> Result<Login, LoginError> {
        if tls && !greeting.capabilities.contains(Capabilities::TLS) {
            return Err(LoginError::NoTls);
        }
        // Without a way to prove that is known, the server will propose one.
        let plugin = if greeting.plugin == CACHING_SHA2 { CACHING_SHA2 } else { NATIVE };
        plugin.clone_into(&mut self.plugin);
        self.nonce = greeting.nonce;
        let tls = if tls { Capabilities::TLS } else { Capabilities::NONE };
        let spoken = Capabilities::SPOKEN.without(Capabilities::CONNECT_ATTRIBUTES | Capabilities::FOUND_ROWS) | tls;
        Ok(Login {
            capabilities: spoken & (greeting.capabilities | Capabilities::MYSQL),
            max_message: MAX_MESSAGE,
            collation: u8::try_from(charset::UTF8MB4).unwrap_or_default(),
            user: self.config.user.as_bytes().to_vec(),
            proof: Secret::new(self.proof()?),
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
                (self.plugin, self.nonce, self.wants_key) = (switch.plugin, switch.nonce, false);
                Ok(Next::Say(self.proof()?.into()))
            }
            [1, FAST] if self.plugin == CACHING_SHA2 => Ok(Next::Read),
            [1, FULL] if self.plugin == CACHING_SHA2 && self.private => Ok(Next::Say(self.password().into())),
            [1, FULL] if self.plugin == CACHING_SHA2 => {
                self.wants_key = true;
                Ok(Next::Say(Bytes::from_static(&[WANT_KEY])))
            }
            [1, key @ ..] if self.wants_key => {
                self.wants_key = false;
                Ok(Next::Say(sealed(key, &self.password(), &self.nonce).ok_or(LoginError::Key)?.into()))
            }
            _ => Err(unexpected().into()),
        }
    }

    /// The password as it is sent whole.
    fn password(&self) -> Vec<u8> {
        [self.config.password.expose().as_bytes(), &[0]].concat()
    }

    fn proof(&self) -> Result<Vec<u8>, LoginError> {
        let password = self.config.password.expose().as_bytes();
        match self.plugin.as_str() {
            NATIVE => Ok(native_proof(password, &self.nonce)),
            CACHING_SHA2 => Ok(sha2_proof(password, &self.nonce)),
            other => Err(LoginError::Plugin(other.to_owned())),
        }
    }
}

/// The password for whoever has the private half of this key (PEM): xor the nonce, then RSA with OAEP. `None` when it is no RSA
/// key, or too short a one.
///
/// Source: MySQL's "Caching SHA-2 pluggable authentication", exchange without TLS.
fn sealed(key: &[u8], password: &[u8], nonce: &Nonce) -> Option<Vec<u8>> {
    let key = SubjectPublicKeyInfoDer::from_pem_slice(key).ok()?;
    let key = OaepPublicEncryptingKey::new(PublicEncryptingKey::from_der(&key).ok()?).ok()?;
    let masked: Vec<u8> = password.iter().zip(nonce.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    let mut sealed = vec![0; key.ciphertext_size()];
    let len = key.encrypt(&OAEP_SHA1_MGF1SHA1, &masked, &mut sealed, None).ok()?.len();
    sealed.truncate(len);
    Some(sealed)
}

fn unexpected() -> DecodeError {
    DecodeError::Invalid { field: "login", problem: "is answered with something else" }
}
