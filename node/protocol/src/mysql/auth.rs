//! Proving a password without sending it.

use sha1::{Digest, Sha1};
use sha2::Sha256;

/// Bytes of a nonce, without the NUL that follows it on the wire.
pub const NONCE_LEN: usize = 20;

/// What a server wants a proof over. Its bytes must not be zero: clients end it at a NUL.
pub type Nonce = [u8; NONCE_LEN];

/// The name of SHA-1 proofs (since 4.1).
pub const NATIVE: &str = "mysql_native_password";

/// The name of SHA-256 proofs (MySQL 8's default).
pub const CACHING_SHA2: &str = "caching_sha2_password";

/// Proves `password` by `mysql_native_password`: SHA1(password) xor SHA1(nonce, SHA1(SHA1(password))). Empty for an empty
/// password.
#[must_use]
pub fn native_proof(password: &[u8], nonce: &Nonce) -> Vec<u8> {
    if password.is_empty() {
        return Vec::new();
    }
    let once: [u8; 20] = Sha1::digest(password).into();
    let mask = native_mask(&once, nonce);
    once.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect()
}

/// Whether `proof` was made with `password` over `nonce`. Takes as long for a wrong one as for a right one.
#[must_use]
pub fn verify_native(password: &[u8], nonce: &Nonce, proof: &[u8]) -> bool {
    let wanted = native_proof(password, nonce);
    let differences = wanted.iter().zip(proof).fold(0, |all, (ours, theirs)| all | (ours ^ theirs));
    wanted.len() == proof.len() && differences == 0
}

fn native_mask(once: &[u8; 20], nonce: &Nonce) -> [u8; 20] {
    let twice = Sha1::digest(once);
    Sha1::new().chain_update(nonce).chain_update(twice).finalize().into()
}

/// Proves `password` by `caching_sha2_password`: SHA256(password) xor SHA256(SHA256(SHA256(password)), nonce). Empty for an
/// empty password.
#[must_use]
pub fn sha2_proof(password: &[u8], nonce: &Nonce) -> Vec<u8> {
    if password.is_empty() {
        return Vec::new();
    }
    let once = Sha256::digest(password);
    let mask = Sha256::new().chain_update(Sha256::digest(once)).chain_update(nonce).finalize();
    once.iter().zip(mask).map(|(byte, mask)| byte ^ mask).collect()
}
