//! Secrets on disk, random names, hashes of keys.

use std::fmt::{self, Write as _};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use bifrost_protocol::Secret;
use bifrost_protocol::ids::HostId;
use sha2::{Digest, Sha256};

use super::IdentityError;

/// SHA-256 of a public key (DER `SubjectPublicKeyInfo`). What a host is recognised by across renewals.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct KeyHash([u8; 32]);

impl KeyHash {
    /// Hashes a DER `SubjectPublicKeyInfo`.
    #[must_use]
    pub fn of(public_key_info: &[u8]) -> Self {
        Self(Sha256::digest(public_key_info).into())
    }

    /// The id of the host with this key: `h-` and the hash's first 16 hex digits. So a host that registers again, because
    /// an answer was lost, is the same host.
    #[must_use]
    pub fn host_id(&self) -> HostId {
        HostId(format!("h-{}", hex_text(&self.0[..8])))
    }
}

impl fmt::Display for KeyHash {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&hex_text(&self.0))
    }
}

impl FromStr for KeyHash {
    type Err = ();

    /// Reads the 64 hex digits that [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, ()> {
        let mut hash = [0; 32];
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(());
        }
        for (slot, at) in hash.iter_mut().zip((0..64).step_by(2)) {
            *slot = text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok()).ok_or(())?;
        }
        Ok(Self(hash))
    }
}

/// Whether `text` has the form of a host id.
pub(super) fn is_host_id(text: &str) -> bool {
    text.strip_prefix("h-").is_some_and(|hex| hex.len() == 16 && hex.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// A secret for people and programs to carry around: 256 bits in hex.
#[must_use]
pub fn new_secret_text() -> String {
    hex_text(&rand::random::<[u8; 32]>())
}

/// The secret in a file; a new one when there is none.
///
/// # Errors
/// The file cannot be read or written.
pub fn secret_file(path: &Path) -> Result<Secret<String>, IdentityError> {
    read_or_create(path, || Ok(format!("{}\n", new_secret_text()))).map(|text| Secret::new(text.trim().to_owned()))
}

/// Compares secrets without telling by the time it takes where they differ.
#[must_use]
pub fn same_secret(left: &[u8], right: &[u8]) -> bool {
    // Over hashes, so that neither length nor content steers the loop.
    let (left, right) = (Sha256::digest(left), Sha256::digest(right));
    std::hint::black_box(left.iter().zip(right.iter()).fold(0, |differing, (a, b)| differing | (a ^ b))) == 0
}

/// Writes a file that only its owner can read: complete or not at all, also when the machine stops in between.
///
/// # Errors
/// The folder cannot be written.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let temporary = PathBuf::from(format!("{}.{:08x}.new", path.display(), rand::random::<u32>()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&temporary).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    let moved = written.and_then(|()| std::fs::rename(&temporary, path));
    if moved.is_err() {
        // Best effort: the error that matters is the first one.
        let _ = std::fs::remove_file(&temporary);
    }
    moved?;
    // The rename itself has to survive too; folders cannot be opened for that everywhere.
    File::open(folder).and_then(|folder| folder.sync_all()).or(Ok(()))
}

/// Makes the data folder, for its owner only. One that is there is left as it is.
///
/// # Errors
/// It cannot be made.
pub fn create_data_dir(path: &Path) -> Result<(), IdentityError> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(|source| IdentityError::File { path: path.to_owned(), source })
}

/// Reads a file of the data folder, or makes it with `create` when it is not there.
pub(super) fn read_or_create(
    path: &Path,
    create: impl FnOnce() -> Result<String, IdentityError>,
) -> Result<String, IdentityError> {
    let file_error = |source| IdentityError::File { path: path.to_owned(), source };
    match std::fs::read_to_string(path) {
        Ok(content) => Ok(content),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let content = create()?;
            write_private(path, content.as_bytes()).map_err(file_error)?;
            Ok(content)
        }
        Err(error) => Err(file_error(error)),
    }
}

/// Lower case hex digits.
pub(crate) fn hex_text(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
