//! The unpacked bundles: one folder a version, complete or not there at all, the last two of each machine kept.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::error::BundleError;
use super::trust::Target;
use super::unpack::{Unpacked, intact, unpack, verify};

/// Versions of each machine that are kept.
const KEPT: usize = 2;
/// In a version's folder: what was unpacked, and the files themselves.
const MANIFEST: &str = "manifest.json";
const FILES: &str = "files";
/// How folders begin that are not finished, or not wanted any more.
const UNFINISHED: &str = ".unfinished-";
/// How a download ends that is not finished.
const PARTIAL: &str = ".part";
/// The largest manifest read, in bytes: the most files there can be, with the longest paths.
const MAX_MANIFEST: u64 = 32 << 20;

/// The folder of all bundles of one coordinator.
#[derive(Clone, Debug)]
pub(super) struct Shelf {
    folder: PathBuf,
    held: Arc<Mutex<BTreeMap<(String, u64), usize>>>,
}

/// Keeps a version from being removed.
#[derive(Debug)]
pub struct Hold {
    shelf: Shelf,
    version: (String, u64),
}

/// What was unpacked, and of what.
#[derive(Debug, Deserialize, Serialize)]
struct Manifest {
    /// Of the archive, in hex.
    sha256: String,
    files: Vec<Unpacked>,
}

impl Shelf {
    /// Opens the folder, and removes what an earlier run has left unfinished.
    pub(super) fn open(folder: &Path) -> Result<Self, BundleError> {
        std::fs::create_dir_all(folder).map_err(BundleError::file(folder))?;
        let shelf = Self { folder: folder.to_owned(), held: Arc::default() };
        for machine in children(folder)? {
            for path in children(&machine)? {
                if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(UNFINISHED)) {
                    remove(&path);
                }
            }
        }
        Ok(shelf)
    }

    /// Where a download goes. Named by what it will be: what lies there is part of it, whatever version it was for.
    pub(super) fn partial(&self, target: &Target) -> PathBuf {
        self.folder.join(format!("{}{PARTIAL}", hex(&target.sha256)))
    }

    /// The files of a bundle, if they are all there and as they were.
    pub(super) fn ready(&self, target: &Target) -> Option<PathBuf> {
        let folder = self.version(target);
        let manifest = folder.join(MANIFEST);
        if std::fs::metadata(&manifest).ok()?.len() > MAX_MANIFEST {
            return None;
        }
        let manifest: Manifest = serde_json::from_slice(&std::fs::read(&manifest).ok()?).ok()?;
        if manifest.sha256 != hex(&target.sha256) {
            return None;
        }
        let (files, mut buffer) = (folder.join(FILES), vec![0; 64 * 1024]);
        for file in &manifest.files {
            match intact(&files, file, &mut buffer) {
                Ok(true) => {}
                Ok(false) => {
                    tracing::warn!(
                        bundle = target.name,
                        file = file.path,
                        "is not what it was; the bundle is made anew"
                    );
                    return None;
                }
                Err(error) => {
                    tracing::warn!(bundle = target.name, file = file.path, %error, "the bundle is made anew");
                    return None;
                }
            }
        }
        Some(files)
    }

    /// Verifies a finished download and unpacks it. A download that is not what was signed is removed.
    pub(super) fn unpack(
        &self,
        target: &Target,
        verifying: impl Fn(u64),
        unpacking: impl Fn(u64),
    ) -> Result<PathBuf, BundleError> {
        let partial = self.partial(target);
        let archive = match verify(&partial, target, verifying) {
            Ok(archive) => archive,
            Err(error) => {
                remove(&partial);
                return Err(error);
            }
        };
        let machine = self.machine(target);
        let unfinished = machine.join(format!("{UNFINISHED}{:08x}", rand::random::<u32>()));
        let files = unfinished.join(FILES);
        std::fs::create_dir_all(&files).map_err(BundleError::file(&files))?;
        let finished = unpack(archive, &target.info, &files, unpacking)
            .and_then(|files| self.write_manifest(target, files, &unfinished))
            .and_then(|()| self.settle(target, &unfinished));
        if let Err(error) = finished {
            remove(&unfinished);
            return Err(error);
        }
        remove(&partial);
        Ok(self.version(target).join(FILES))
    }

    fn write_manifest(&self, target: &Target, files: Vec<Unpacked>, folder: &Path) -> Result<(), BundleError> {
        let path = folder.join(MANIFEST);
        let manifest = Manifest { sha256: hex(&target.sha256), files };
        let bytes = serde_json::to_vec(&manifest).map_err(|error| BundleError::file(&path)(error.into()))?;
        std::fs::write(&path, bytes).map_err(BundleError::file(&path))
    }

    /// Puts an unpacked bundle where it belongs. What lies there is damaged or of other content.
    fn settle(&self, target: &Target, unfinished: &Path) -> Result<(), BundleError> {
        let version = self.version(target);
        if version.exists() {
            let old = self.machine(target).join(format!("{UNFINISHED}{:08x}", rand::random::<u32>()));
            std::fs::rename(&version, &old).map_err(BundleError::file(&version))?;
            remove(&old);
        }
        std::fs::rename(unfinished, &version).map_err(BundleError::file(&version))
    }

    /// Removes all but the newest versions of a machine, `current`, and those that are held; and all other downloads.
    pub(super) fn prune(&self, current: &Target) {
        let (machine, held) = (self.machine(current), self.held.lock().unwrap_or_else(PoisonError::into_inner));
        let version = |path: &PathBuf| path.file_name()?.to_str()?.parse::<u64>().ok();
        let mut versions: Vec<_> = children(&machine).unwrap_or_default().iter().filter_map(version).collect();
        versions.sort_unstable();
        let kept =
            |version: u64| version == current.info.version || held.contains_key(&(current.info.abi.clone(), version));
        for old in versions.into_iter().rev().skip(KEPT).filter(|version| !kept(*version)) {
            // Out of the way in one step, so that nobody finds half of it.
            let away = machine.join(format!("{UNFINISHED}{:08x}", rand::random::<u32>()));
            match std::fs::rename(machine.join(old.to_string()), &away) {
                Ok(()) => remove(&away),
                Err(error) => tracing::warn!(version = old, %error, "an old bundle cannot be removed yet"),
            }
        }
        for path in children(&self.folder).unwrap_or_default() {
            let is_partial = path.to_str().is_some_and(|path| path.ends_with(PARTIAL));
            if is_partial && path != self.partial(current) {
                remove(&path);
            }
        }
    }

    /// Keeps a version from being removed, whether it is there already or not.
    pub(super) fn hold(&self, machine: &str, version: u64) -> Hold {
        let version = (machine.to_owned(), version);
        *self.held.lock().unwrap_or_else(PoisonError::into_inner).entry(version.clone()).or_default() += 1;
        Hold { shelf: self.clone(), version }
    }

    fn machine(&self, target: &Target) -> PathBuf {
        self.folder.join(&target.info.abi)
    }

    fn version(&self, target: &Target) -> PathBuf {
        self.machine(target).join(target.info.version.to_string())
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut held = self.shelf.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = held.get_mut(&self.version) {
            *count -= 1;
            if *count == 0 {
                held.remove(&self.version);
            }
        }
    }
}

/// What is in a folder; nothing when it is none.
fn children(folder: &Path) -> Result<Vec<PathBuf>, BundleError> {
    match std::fs::read_dir(folder) {
        Ok(entries) => entries.map(|entry| Ok(entry.map_err(BundleError::file(folder))?.path())).collect(),
        Err(error) if matches!(error.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        // What a file says that is listed differs between systems.
        Err(_) if folder.is_file() => Ok(Vec::new()),
        Err(error) => Err(BundleError::file(folder)(error)),
    }
}

/// Removes a file or folder. What cannot be removed now is tried at the next start.
fn remove(path: &Path) {
    let removed = if path.is_dir() { std::fs::remove_dir_all(path) } else { std::fs::remove_file(path) };
    if let Err(error) = removed {
        tracing::debug!(path = %path.display(), %error, "cannot be removed yet");
    }
}

fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _infallible = write!(text, "{byte:02x}");
        text
    })
}
