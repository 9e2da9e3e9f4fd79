//! From a verified archive to files: regular files below one folder, and no more of them than were signed for.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::Path;

use bifrost_protocol::bundle::{BundleInfo, WINDOW_LOG, check_path};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tar::{Archive, EntryType};

use super::error::{BundleError, UnsafeEntry};
use super::trust::Target;

/// Read and written at once.
const BUFFER: usize = 256 * 1024;
/// What a tar has beside the bytes of its files: a header and padding each, and its end.
const TAR_BLOCK: u64 = 512;
const TAR_END: u64 = 64 * 1024;

/// A file as it was unpacked.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub(super) struct Unpacked {
    /// Its path in the bundle.
    pub(super) path: String,
    /// Its length, in bytes.
    pub(super) length: u64,
    /// BLAKE3 of it, in hex.
    pub(super) blake3: String,
}

/// Checks that a file is what was signed; returns it, open at its beginning.
pub(super) fn verify(path: &Path, target: &Target, seen: impl Fn(u64)) -> Result<File, BundleError> {
    let failed = |error| BundleError::file(path)(error);
    let mut file = File::open(path).map_err(failed)?;
    let length = file.metadata().map_err(failed)?.len();
    if length != target.length {
        return Err(BundleError::Damaged(format!("it has {length} bytes, {} were signed for", target.length)));
    }
    let (mut hash, mut buffer, mut done) = (Sha256::new(), vec![0; BUFFER], 0);
    loop {
        let read = file.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        done += read as u64;
        seen(done);
    }
    if hash.finalize()[..] != target.sha256[..] {
        return Err(BundleError::Damaged("its bytes are not those that were signed".into()));
    }
    file.rewind().map_err(failed)?;
    Ok(file)
}

/// Unpacks an archive into `folder`, which is empty. What was written, in the order of the archive.
pub(super) fn unpack(
    archive: File,
    info: &BundleInfo,
    folder: &Path,
    seen: impl Fn(u64),
) -> Result<Vec<Unpacked>, BundleError> {
    let damaged = |error: io::Error| BundleError::Damaged(format!("it cannot be unpacked: {error}"));
    let mut decoder = zstd::Decoder::new(archive).map_err(damaged)?;
    decoder.window_log_max(WINDOW_LOG).map_err(damaged)?;
    let most = info.files.saturating_mul(2 * TAR_BLOCK).saturating_add(info.unpacked).saturating_add(TAR_END);
    let mut archive = Archive::new(decoder.take(most));
    let (mut unpacked, mut total, mut buffer) = (Vec::new(), 0_u64, vec![0; BUFFER]);
    // Raw: extensions of the format are entries of their own then, and refused like all that are no files.
    for entry in archive.entries().map_err(damaged)?.raw(true) {
        let mut entry = entry.map_err(damaged)?;
        let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let refuse = |problem: UnsafeEntry| BundleError::Unsafe { path: path.clone(), problem };
        if entry.header().entry_type() != EntryType::Regular {
            return Err(refuse(UnsafeEntry::Kind));
        }
        check_path(&path).map_err(|problem| refuse(problem.into()))?;
        let length = entry.size();
        total = total.saturating_add(length);
        if total > info.unpacked || unpacked.len() as u64 >= info.files {
            return Err(refuse(UnsafeEntry::TooMuch));
        }
        if folder.join(&path).exists() {
            return Err(refuse(UnsafeEntry::Twice));
        }
        let executable = entry.header().mode().is_ok_and(|mode| mode & 0o100 != 0);
        let blake3 = write(&mut entry, &folder.join(&path), executable, &mut buffer, length)?;
        seen(total);
        unpacked.push(Unpacked { path, length, blake3 });
    }
    if (total, unpacked.len() as u64) != (info.unpacked, info.files) {
        return Err(BundleError::Damaged(format!(
            "it has {} files with {total} bytes, not {} with {}",
            unpacked.len(),
            info.files,
            info.unpacked
        )));
    }
    Ok(unpacked)
}

/// Writes one file; returns its hash.
fn write(
    entry: &mut impl Read,
    path: &Path,
    executable: bool,
    buffer: &mut [u8],
    length: u64,
) -> Result<String, BundleError> {
    let folder = path.parent().unwrap_or(path);
    std::fs::create_dir_all(folder).map_err(BundleError::file(folder))?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if executable { 0o755 } else { 0o644 });
    #[cfg(not(unix))]
    let _ = executable;
    let mut file = options.open(path).map_err(BundleError::file(path))?;
    let (mut hash, mut written) = (blake3::Hasher::new(), 0_u64);
    loop {
        let read =
            entry.read(buffer).map_err(|error| BundleError::Damaged(format!("it cannot be unpacked: {error}")))?;
        if read == 0 {
            break;
        }
        hash.update(&buffer[..read]);
        file.write_all(&buffer[..read]).map_err(BundleError::file(path))?;
        written += read as u64;
    }
    if written != length {
        return Err(BundleError::Damaged("it ends in the middle of a file".into()));
    }
    Ok(hash.finalize().to_hex().to_string())
}

/// Whether a file is still as it was unpacked.
pub(super) fn intact(folder: &Path, file: &Unpacked, buffer: &mut [u8]) -> io::Result<bool> {
    let mut open = File::open(folder.join(&file.path))?;
    if open.metadata()?.len() != file.length {
        return Ok(false);
    }
    let mut hash = blake3::Hasher::new();
    loop {
        match open.read(buffer)? {
            0 => return Ok(hash.finalize().to_hex().as_str() == file.blake3),
            read => hash.update(&buffer[..read]),
        };
    }
}
