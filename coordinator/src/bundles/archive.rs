//! Packing: the same files make the same bytes, whoever packs them where and when.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use bifrost_protocol::bundle::{Bytes, MAX_PACKED, MAX_UNPACKED};
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use super::collect::Item;
use super::error::BundleError;
use super::program::{contains, strip};
use super::rules::Treatment;
use super::secrets::redact;

/// zstd's level. A stock rAthena takes 2 s; at 19 it would take ten times that and be 8 % smaller.
const LEVEL: i32 = 12;

/// A packed bundle.
#[derive(Debug)]
pub(super) struct Packed {
    /// Bytes of all files.
    pub(super) unpacked: u64,
    /// How many there are.
    pub(super) files: u64,
    /// Bytes of the archive.
    pub(super) packed: u64,
    /// Of the archive.
    pub(super) sha256: [u8; 32],
    /// Keys that were taken out of settings, by file.
    pub(super) redacted: BTreeMap<String, Vec<String>>,
}

/// Packs `items` into `out`, whose path is `to`.
pub(super) fn pack(items: &BTreeMap<String, Item>, out: File, to: &Path) -> Result<(Packed, File), BundleError> {
    let passwords = passwords(items)?;
    let written = |source| BundleError::File { path: to.to_owned(), source };
    let hashing = Hashing { inner: out, hash: Sha256::new(), len: 0 };
    let mut tar = Builder::new(zstd::Encoder::new(hashing, LEVEL).map_err(written)?);
    let (mut unpacked, mut redacted) = (0_u64, BTreeMap::new());
    for (path, item) in items {
        let mut bytes = read(&item.source, MAX_UNPACKED.saturating_sub(unpacked))?;
        let mode = match item.treatment {
            Treatment::Plain => 0o644,
            Treatment::Program => {
                strip(&mut bytes);
                0o755
            }
            Treatment::Settings => {
                let found = redact(&bytes);
                if !found.keys.is_empty() {
                    redacted.insert(path.clone(), found.keys);
                }
                bytes = found.bytes;
                0o644
            }
        };
        refuse_passwords(path, &bytes, &passwords)?;
        unpacked += bytes.len() as u64;
        tar.append(&header(path, bytes.len() as u64, mode)?, bytes.as_slice()).map_err(written)?;
    }
    let hashing = tar.into_inner().and_then(zstd::Encoder::finish).map_err(written)?;
    if hashing.len > MAX_PACKED {
        let text = format!("the bundle has {}, more than {}", Bytes(hashing.len), Bytes(MAX_PACKED));
        return Err(BundleError::Unfit(text));
    }
    let (packed, sha256) = (hashing.len, hashing.hash.finalize().into());
    Ok((Packed { unpacked, files: items.len() as u64, packed, sha256, redacted }, hashing.inner))
}

/// Nothing of where, when and by whom.
fn header(path: &str, size: u64, mode: u32) -> Result<Header, BundleError> {
    let mut header = Header::new_ustar();
    header.set_path(path).map_err(|error| BundleError::Unfit(format!("{path}: the path does not fit: {error}")))?;
    header.set_entry_type(EntryType::Regular);
    header.set_size(size);
    header.set_mode(mode);
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_cksum();
    Ok(header)
}

/// All passwords that stand in settings.
fn passwords(items: &BTreeMap<String, Item>) -> Result<Vec<Vec<u8>>, BundleError> {
    let mut passwords = Vec::new();
    for item in items.values().filter(|item| item.treatment == Treatment::Settings) {
        passwords.extend(redact(&read(&item.source, MAX_UNPACKED)?).passwords);
    }
    passwords.sort();
    passwords.dedup();
    Ok(passwords)
}

/// A password that was taken out of the settings must not go along in a script.
fn refuse_passwords(path: &str, bytes: &[u8], passwords: &[Vec<u8>]) -> Result<(), BundleError> {
    let Some(password) = passwords.iter().find(|password| contains(bytes, password)) else { return Ok(()) };
    let line = bytes.split(|byte| *byte == b'\n').position(|line| contains(line, password)).unwrap_or_default() + 1;
    Err(BundleError::Unfit(format!(
        "{path}:{line}: has a password of the settings in it, and hosts would read it; take it out there, or give the \
         settings another one"
    )))
}

/// A whole file of at most `max` bytes.
fn read(path: &Path, max: u64) -> Result<Vec<u8>, BundleError> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(BundleError::file(path))?;
    file.take(max.saturating_add(1)).read_to_end(&mut bytes).map_err(BundleError::file(path))?;
    if bytes.len() as u64 > max {
        return Err(BundleError::Unfit(format!("all files together have more than {}", Bytes(MAX_UNPACKED))));
    }
    Ok(bytes)
}

/// Counts and hashes what passes.
struct Hashing {
    inner: File,
    hash: Sha256,
    len: u64,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.len += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
