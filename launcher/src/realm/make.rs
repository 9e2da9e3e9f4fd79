//! The operator's side: a key, and files signed with it.

use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair};
use thiserror::Error;

use super::{Description, RealmError, Signed, short};

/// A key that cannot be used.
#[derive(Debug, Error)]
#[error("this is no operator's key: {0}")]
pub struct KeyError(String);

/// The operator's Ed25519 key. Whoever has it speaks for the realm.
#[derive(Debug)]
pub struct OperatorKey(Ed25519KeyPair);

impl OperatorKey {
    /// Makes a key; the bytes (PKCS #8) are to be kept in a private file.
    ///
    /// # Errors
    /// The system has no randomness to give.
    pub fn make() -> Result<Vec<u8>, KeyError> {
        let pkcs8 =
            Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|error| KeyError(error.to_string()))?;
        Ok(pkcs8.as_ref().to_vec())
    }

    /// Reads a key.
    ///
    /// # Errors
    /// The bytes are something else.
    pub fn read(pkcs8: &[u8]) -> Result<Self, KeyError> {
        Ed25519KeyPair::from_pkcs8(pkcs8).map(Self).map_err(|error| KeyError(error.to_string()))
    }

    /// The first digits of the public half, for comparing by eye.
    #[must_use]
    pub fn short(&self) -> String {
        self.0.public_key().as_ref().try_into().map(short).unwrap_or_default()
    }

    /// The text of a realm file.
    ///
    /// # Errors
    /// The description says something that no launcher would take.
    pub fn sign(&self, description: &Description) -> Result<String, RealmError> {
        description.check().map_err(RealmError::Unreadable)?;
        let unreadable = |error: serde_json::Error| RealmError::Unreadable(error.to_string());
        let realm = serde_json::to_string(description).map_err(unreadable)?;
        let signature = hex::encode(self.0.sign(realm.as_bytes()));
        let signed = Signed { key: hex::encode(self.0.public_key()), signature, realm };
        serde_json::to_string_pretty(&signed).map_err(unreadable)
    }
}
