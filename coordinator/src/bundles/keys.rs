//! Signing keys: ed25519, one file each, readable by the owner only. Which role a key signs for stands in the root.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};

use rcgen::{KeyPair, PKCS_ED25519};
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject;
use tough::schema::decoded::{Decoded, Hex};
use tough::schema::key::{Ed25519Key, Ed25519Scheme, Key};
use tough::schema::{Role, RoleType, Root, Signature, Signed};

use super::error::BundleError;
use crate::identity::{create_data_dir, hex_text, write_private};

/// How a key file ends.
const SUFFIX: &str = ".pem";
/// Bytes of the key's id in its file's name.
const NAME_BYTES: usize = 4;
/// The largest key file read, in bytes, and the most of them: a mistaken folder must not fill the memory.
const MAX_FILE: u64 = 4_096;
const MAX_KEYS: usize = 256;

/// The id of a key: SHA-256 of its canonical JSON.
pub(super) type KeyId = Decoded<Hex>;

/// A key that can sign.
pub(super) struct SigningKey {
    pair: Ed25519KeyPair,
    pub(super) id: KeyId,
    pub(super) public: Key,
    pub(super) path: PathBuf,
}

/// All keys of a folder.
#[derive(Debug)]
pub(super) struct KeyRing {
    folder: PathBuf,
    keys: Vec<SigningKey>,
}

impl SigningKey {
    fn open(path: &Path) -> Result<Self, BundleError> {
        let size = std::fs::metadata(path).map_err(BundleError::file(path))?.len();
        if size > MAX_FILE {
            return Err(BundleError::broken(path, "is too long for a key"));
        }
        Self::parse(&std::fs::read(path).map_err(BundleError::file(path))?, path)
    }

    fn parse(pem: &[u8], path: &Path) -> Result<Self, BundleError> {
        let broken = |problem: &dyn fmt::Display| BundleError::broken(path, format!("is no ed25519 key: {problem}"));
        let der = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|error| broken(&error))?;
        let pair =
            Ed25519KeyPair::from_pkcs8_maybe_unchecked(der.secret_pkcs8_der()).map_err(|error| broken(&error))?;
        let keyval = Ed25519Key { public: pair.public_key().as_ref().to_vec().into(), _extra: HashMap::new() };
        let public = Key::Ed25519 { keyval, scheme: Ed25519Scheme::Ed25519, _extra: HashMap::new() };
        let id = public.key_id().map_err(|error| broken(&error))?;
        Ok(Self { pair, id, public, path: path.to_owned() })
    }

    /// Signs the canonical form of `role`.
    fn sign<T: Role>(&self, role: &T) -> Result<Signature, BundleError> {
        let form = role.canonical_form().map_err(|error| BundleError::Invalid(error.to_string()))?;
        Ok(Signature { keyid: self.id.clone(), sig: self.pair.sign(&form).as_ref().to_vec().into() })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("SigningKey").field("path", &self.path).finish_non_exhaustive()
    }
}

impl KeyRing {
    /// Reads all keys of a folder; makes the folder, for its owner only.
    pub(super) fn open(folder: &Path) -> Result<Self, BundleError> {
        create_data_dir(folder)?;
        let entries = std::fs::read_dir(folder).map_err(BundleError::file(folder))?;
        let mut paths = Vec::new();
        for entry in entries.take(MAX_KEYS) {
            let path = entry.map_err(BundleError::file(folder))?.path();
            if path.to_str().is_some_and(|path| path.ends_with(SUFFIX)) {
                paths.push(path);
            }
        }
        paths.sort();
        let keys = paths.iter().map(|path| SigningKey::open(path)).collect::<Result<_, _>>()?;
        Ok(Self { folder: folder.to_owned(), keys })
    }

    /// Makes a key for `role` and keeps it in the folder; returns its public part.
    pub(super) fn generate(&mut self, role: RoleType) -> Result<(KeyId, Key), BundleError> {
        let failed = |error: rcgen::Error| BundleError::Invalid(format!("no key could be made: {error}"));
        let pem = KeyPair::generate_for(&PKCS_ED25519).map_err(failed)?.serialize_pem();
        let mut key = SigningKey::parse(pem.as_bytes(), &self.folder)?;
        let id = hex_text(key.id.get(..NAME_BYTES).unwrap_or_default());
        key.path = self.folder.join(format!("{}.{id}{SUFFIX}", name(role)));
        write_private(&key.path, pem.as_bytes()).map_err(BundleError::file(&key.path))?;
        let public = (key.id.clone(), key.public.clone());
        self.keys.push(key);
        Ok(public)
    }

    /// The key that signs for `role` by this root.
    pub(super) fn of(&self, root: &Root, role: RoleType) -> Result<&SigningKey, BundleError> {
        let wanted = root.roles.get(&role).map(|keys| keys.keyids.as_slice()).unwrap_or_default();
        self.keys
            .iter()
            .find(|key| wanted.contains(&key.id))
            .ok_or_else(|| BundleError::NoKey { role: name(role), folder: self.folder.clone() })
    }

    /// Keys that no role of this root signs with.
    pub(super) fn retired<'a>(&'a self, root: &'a Root) -> impl Iterator<Item = &'a Path> {
        self.keys.iter().filter(|key| !root.keys.contains_key(&key.id)).map(|key| key.path.as_path())
    }
}

/// Signs `role` with each of `keys`.
pub(super) fn sign<T: Role>(role: T, keys: &[&SigningKey]) -> Result<Signed<T>, BundleError> {
    let signatures = keys.iter().map(|key| key.sign(&role)).collect::<Result<_, _>>()?;
    Ok(Signed { signed: role, signatures })
}

/// A role as its key's file is named.
pub(super) const fn name(role: RoleType) -> &'static str {
    match role {
        RoleType::Root => "root",
        RoleType::Targets => "targets",
        RoleType::Snapshot => "snapshot",
        RoleType::Timestamp => "timestamp",
        RoleType::DelegatedTargets => "delegated",
    }
}
