//! Bundles: what hosts need to run the operator's map-server, packed, signed and served.
//!
//! `bundle add` packs the folder of a map-server ([`add()`]) and publishes it in a TUF repository in the data folder. The
//! running coordinator serves that repository to its hosts (`http::bundles`), keeps its metadata from expiring, and
//! notices new bundles ([`Bundles::keep`]). Hosts verify everything against the root they pinned when they first asked.

mod add;
mod archive;
mod collect;
mod error;
mod expiry;
mod files;
mod index;
mod keys;
mod maps;
mod program;
mod repository;
mod rules;
mod secrets;
mod upkeep;

#[cfg(test)]
pub(crate) mod tests;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use bifrost_protocol::bundle::parse_target;
use bifrost_protocol::control::BundleRef;
use bifrost_protocol::ids::MapName;
use bifrost_protocol::layout::Abi;
use tokio::sync::watch;
use tough::TargetName;

pub use add::{AddRequest, Added, add};
pub use error::{BundleError, MissingMap};
pub use index::{Entry, Index};
pub use upkeep::UpkeepHandle;

use files::{Files, TIMESTAMP};
use repository::{Depth, Repository};

/// The bundles of a data folder, as a running coordinator sees them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Bundles {
    files: Files,
    index: Arc<watch::Sender<Arc<Index>>>,
}

impl Bundles {
    /// Looks at the bundles of a data folder. They stay as they are seen here unless somebody runs [`Bundles::keep`].
    ///
    /// # Errors
    /// The folder cannot be read, or what lies there is not a repository of ours.
    pub async fn open(data_dir: &Path) -> Result<Self, BundleError> {
        let files = Files::new(data_dir);
        let index = Index::load(&files).await?;
        Ok(Self { files, index: Arc::new(watch::Sender::new(Arc::new(index))) })
    }

    /// Looks at the bundles of a data folder. A repository that is broken is said to be, and there are no bundles until
    /// [`Bundles::keep`] finds it whole: players of maps that need none must not wait for that.
    pub async fn open_or_empty(data_dir: &Path) -> Self {
        match Self::open(data_dir).await {
            Ok(bundles) => bundles,
            Err(error) => {
                tracing::error!(%error, "there are no bundles for now");
                Self { files: Files::new(data_dir), index: Arc::default() }
            }
        }
    }

    /// The newest bundle of a build.
    #[must_use]
    pub fn current(&self, abi: &str, packetver: u32, renewal: bool) -> Option<BundleRef> {
        self.index().current(abi, packetver, renewal).map(|entry| entry.info.reference())
    }

    /// Those of `maps` that a bundle has not got: an engine made of it cannot serve them. All of them when there is no such
    /// bundle.
    pub fn missing<'a>(&self, bundle: &BundleRef, maps: impl IntoIterator<Item = &'a MapName>) -> Vec<&'a MapName> {
        match self.index().find(bundle) {
            Some(entry) => entry.missing(maps),
            None => maps.into_iter().collect(),
        }
    }

    /// All bundles, as of now.
    #[must_use]
    pub fn index(&self) -> Arc<Index> {
        self.index.borrow().clone()
    }

    /// Tells of every change.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Arc<Index>> {
        self.index.subscribe()
    }

    /// The newest root, as nodes pin it; `None` when no bundle has ever been added.
    pub(crate) fn root(&self) -> Result<Option<Vec<u8>>, BundleError> {
        match self.files.versions("root")?.last() {
            Some(version) => self.files.read(&format!("{version}.root.json")),
            None => Ok(None),
        }
    }

    /// A metadata file by the name that nodes ask for; `None` when it is not there or no such name.
    pub(crate) fn metadata(&self, name: &str) -> Result<Option<Vec<u8>>, BundleError> {
        let versioned = || {
            let (version, role) = name.strip_suffix(".json")?.split_once('.')?;
            let exact = version.parse::<u64>().is_ok_and(|number| number.to_string() == version);
            (exact && matches!(role, "root" | "targets" | "snapshot")).then_some(())
        };
        if name == TIMESTAMP || versioned().is_some() { self.files.read(name) } else { Ok(None) }
    }

    /// Where a bundle that is on offer lies.
    pub(crate) fn target(&self, name: &str) -> Option<PathBuf> {
        let (abi, version) = parse_target(name)?;
        let index = self.index();
        let offered = |entry: &Entry| entry.info.abi == abi.name() && entry.info.version == version;
        index.entries().iter().any(offered).then(|| self.files.target(abi, version))
    }

    /// Looks at the folder again.
    pub(crate) async fn reload(&self) -> Result<(), BundleError> {
        let index = Arc::new(Index::load(&self.files).await?);
        self.index.send_if_modified(|current| {
            let changed = *current != index;
            if changed {
                tracing::info!(bundles = index.entries().len(), "bundles on offer");
                *current = index;
            }
            changed
        });
        Ok(())
    }
}

/// Takes a bundle out of the repository of a data folder. `name` is a version, `12`, or with its ABI,
/// `linux-x86_64/12`. Returns the latter.
///
/// # Errors
/// There is no such bundle, or two; the repository cannot be changed.
pub fn remove(data_dir: &Path, name: &str, now: SystemTime) -> Result<String, BundleError> {
    let files = Files::new(data_dir);
    let _lock = files.lock()?;
    let unknown = || BundleError::Unknown(format!("there is no bundle {name}; `bundle list` names them"));
    let mut repository = Repository::open(&files)?.ok_or_else(unknown)?;
    let known: Vec<(Abi, u64)> = repository.targets().keys().filter_map(|target| parse_target(target.raw())).collect();
    let meant = |abi: Abi, version: u64| name == version.to_string() || name == format!("{}/{version}", abi.name());
    let found: Vec<_> = known.into_iter().filter(|(abi, version)| meant(*abi, *version)).collect();
    let (abi, version) = match found.as_slice() {
        [] => return Err(unknown()),
        [one] => *one,
        several => {
            let names: Vec<_> = several.iter().map(|(abi, version)| format!("{}/{version}", abi.name())).collect();
            return Err(BundleError::Unknown(format!("{name} could be {}; say which", names.join(" or "))));
        }
    };
    let target = TargetName::new(bifrost_protocol::bundle::target_name(abi, version))
        .map_err(|error| BundleError::Invalid(error.to_string()))?;
    repository.remove(&target, now)?;
    // Nodes are told no more of it: now the files can go.
    for path in [files.target(abi, version), files.maps(abi, version)] {
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(BundleError::file(&path)(error)),
            Ok(()) | Err(_) => {}
        }
    }
    Ok(format!("{}/{version}", abi.name()))
}

/// What [`renew`] did.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Renewed {
    /// Each role and when what it signed expires.
    pub expires: Vec<(&'static str, SystemTime)>,
    /// Files of keys that sign nothing any more.
    pub retired_keys: Vec<String>,
}

/// Signs all metadata of a data folder's repository anew; with `new_keys`, by new keys that the old root vouches for.
///
/// # Errors
/// There is no repository, a key is not there, or files cannot be written.
pub fn renew(data_dir: &Path, new_keys: bool, now: SystemTime) -> Result<Renewed, BundleError> {
    let files = Files::new(data_dir);
    let _lock = files.lock()?;
    let nothing = || BundleError::Unknown("there are no bundles yet; `bundle add` makes keys and the first one".into());
    let mut repository = Repository::open(&files)?.ok_or_else(nothing)?;
    if new_keys {
        repository.rotate(now)?;
    } else {
        repository.renew(Depth::Targets, now)?;
    }
    let expires = repository.expiries().map(|(role, expires)| (keys::name(role), expires)).into();
    Ok(Renewed { expires, retired_keys: repository.retired_keys() })
}
