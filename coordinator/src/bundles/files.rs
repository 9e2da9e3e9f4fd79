//! Where the repository lies in the data folder, and how its files are read and replaced.
//!
//! ```text
//! bundles/keys/ROLE.ID.pem                      signing keys
//! bundles/metadata/N.root.json                  every root there was: the chain that nodes follow
//! bundles/metadata/N.targets.json N.snapshot.json timestamp.json
//! bundles/targets/linux-x86_64/12.tar.zst       the bundles
//! bundles/maps/linux-x86_64/12.txt              the maps each can serve, for the coordinator alone
//! ```

use std::fs::{File, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use bifrost_protocol::bundle::MAX_METADATA;
use bifrost_protocol::layout::Abi;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::BundleError;
use crate::identity::create_data_dir;

/// In the data folder.
const FOLDER: &str = "bundles";
/// The one metadata file whose name has no version.
pub(super) const TIMESTAMP: &str = "timestamp.json";
/// How often the lock is tried, and how long to wait in between: signing takes milliseconds, packing some seconds.
const LOCK_TRIES: u32 = 300;
const LOCK_WAIT: Duration = Duration::from_millis(100);
/// How folders of no lasting use begin, and how old one is that nobody works in any more.
const SCRATCH: &str = "scratch-";
const ABANDONED: Duration = Duration::from_hours(24);
/// The largest list of maps read, in bytes.
const MAX_MAPS_FILE: u64 = 1 << 20;

/// The folder of the repository.
#[derive(Clone, Debug)]
pub(super) struct Files {
    base: PathBuf,
}

impl Files {
    pub(super) fn new(data_dir: &Path) -> Self {
        Self { base: data_dir.join(FOLDER) }
    }

    pub(super) fn keys(&self) -> PathBuf {
        self.base.join("keys")
    }

    pub(super) fn metadata(&self) -> PathBuf {
        self.base.join("metadata")
    }

    pub(super) fn targets(&self) -> PathBuf {
        self.base.join("targets")
    }

    pub(super) fn target(&self, abi: Abi, version: u64) -> PathBuf {
        self.targets().join(abi.name()).join(format!("{version}.tar.zst"))
    }

    /// The maps a bundle can serve, one a line.
    pub(super) fn maps(&self, abi: Abi, version: u64) -> PathBuf {
        self.base.join("maps").join(abi.name()).join(format!("{version}.txt"))
    }

    /// Removes what commands that were killed have left.
    pub(super) fn sweep(&self) {
        let Ok(entries) = std::fs::read_dir(&self.base) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            let is_scratch = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(SCRATCH));
            let age = std::fs::metadata(&path).and_then(|file| file.modified()).map(|time| time.elapsed());
            if is_scratch && age.is_ok_and(|age| age.is_ok_and(|age| age > ABANDONED)) {
                drop(Scratch(path));
            }
        }
    }

    /// An empty folder for whatever has to be written while something is looked at or made. Gone with what is returned.
    pub(super) fn scratch(&self) -> Result<Scratch, BundleError> {
        let path = self.base.join(format!("{SCRATCH}{:08x}", rand::random::<u32>()));
        create_data_dir(&path)?;
        Ok(Scratch(path))
    }

    /// Takes the repository for this process, for as long as the file is held.
    pub(super) fn lock(&self) -> Result<File, BundleError> {
        create_data_dir(&self.base)?;
        let path = self.base.join("lock");
        let file = File::create(&path).map_err(BundleError::file(&path))?;
        for _ in 0..LOCK_TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(file),
                Err(TryLockError::WouldBlock) => std::thread::sleep(LOCK_WAIT),
                Err(TryLockError::Error(source)) => return Err(BundleError::File { path, source }),
            }
        }
        Err(BundleError::Busy(self.base.clone()))
    }

    /// The versions there are of `N.ROLE.json`, ascending.
    pub(super) fn versions(&self, role: &str) -> Result<Vec<u64>, BundleError> {
        let folder = self.metadata();
        let entries = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(BundleError::file(&folder))?,
        };
        let suffix = format!(".{role}.json");
        let mut versions = Vec::new();
        for entry in entries {
            let name = entry.map_err(BundleError::file(&folder))?.file_name();
            versions.extend(name.to_str().and_then(|name| name.strip_suffix(&suffix)?.parse::<u64>().ok()));
        }
        versions.sort_unstable();
        Ok(versions)
    }

    /// A metadata file; `None` when it is not there.
    pub(super) fn read(&self, name: &str) -> Result<Option<Vec<u8>>, BundleError> {
        read_bounded(&self.metadata().join(name), MAX_METADATA)
    }

    /// A metadata file as what it should be. It is ours: its signatures are checked by whoever uses it.
    pub(super) fn parse<T: DeserializeOwned>(&self, name: &str) -> Result<T, BundleError> {
        let path = self.metadata().join(name);
        let bytes = self.read(name)?.ok_or_else(|| BundleError::broken(&path, "is not there"))?;
        serde_json::from_slice(&bytes).map_err(|error| BundleError::broken(&path, error))
    }

    /// Writes a metadata file; returns its bytes.
    pub(super) fn write(&self, name: &str, document: &impl Serialize) -> Result<Vec<u8>, BundleError> {
        let path = self.metadata().join(name);
        let bytes = serde_json::to_vec_pretty(document).map_err(|error| BundleError::broken(&path, error))?;
        if u64::try_from(bytes.len()).is_ok_and(|len| len > MAX_METADATA) {
            return Err(BundleError::Unfit("there are too many bundles; take some away with `bundle remove`".into()));
        }
        replace(&path, &bytes)?;
        Ok(bytes)
    }

    /// The maps of a bundle, one a line; `None` when nobody wrote them down.
    pub(super) fn read_maps(&self, abi: Abi, version: u64) -> Result<Option<String>, BundleError> {
        let bytes = read_bounded(&self.maps(abi, version), MAX_MAPS_FILE)?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }
}

/// A folder that is removed with this.
#[derive(Debug)]
pub(super) struct Scratch(pub(super) PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(path = %self.0.display(), %error, "a folder of no more use could not be removed");
        }
    }
}

/// Replaces a file in one step: whoever reads it sees the old or the new one, also after the machine stopped in between.
pub(super) fn replace(path: &Path, content: &[u8]) -> Result<(), BundleError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    create_data_dir(folder)?;
    crate::identity::write_private(path, content).map_err(BundleError::file(path))
}

/// A whole file; `None` when it is not there.
fn read_bounded(path: &Path, max: u64) -> Result<Option<Vec<u8>>, BundleError> {
    let file = match File::open(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        file => file.map_err(BundleError::file(path))?,
    };
    let mut bytes = Vec::new();
    file.take(max + 1).read_to_end(&mut bytes).map_err(BundleError::file(path))?;
    if u64::try_from(bytes.len()).is_ok_and(|len| len > max) {
        return Err(BundleError::broken(path, format!("has more than {max} bytes")));
    }
    Ok(Some(bytes))
}

/// Moves a finished file to where it belongs, durably.
pub(super) fn settle(mut file: File, from: &Path, to: &Path) -> Result<(), BundleError> {
    create_data_dir(to.parent().unwrap_or(Path::new(".")))?;
    file.flush().and_then(|()| file.sync_all()).map_err(BundleError::file(from))?;
    drop(file);
    std::fs::rename(from, to).map_err(BundleError::file(to))
}
