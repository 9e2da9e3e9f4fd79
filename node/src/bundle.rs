//! Bundles: what a `rathena` engine is made of, fetched from the coordinator, verified, unpacked, the last two kept.
//!
//! [`Bundles::obtain`] gives the folder of a bundle, from the disk if it is there and as it was, else from the coordinator.
//! Nothing is unpacked before its length and hash were found in metadata signed by keys that lead back to the root this node
//! pinned ([`trust`]). All of it lies in the state folder, apart for each coordinator:
//!
//! ```text
//! bundles/ID/root.json metadata/        the pinned root, and the metadata seen last
//! bundles/ID/linux-x86_64/12/files/     an unpacked bundle
//! bundles/ID/HASH.part                  a download that is not finished
//! ```

mod access;
mod download;
mod error;
mod shelf;
mod trust;
mod unpack;

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bifrost_protocol::bundle::{MAX_FILES, MAX_PACKED, MAX_UNPACKED, describe, parse_target};
use bifrost_protocol::control::BundleRef;
use bifrost_protocol::layout::Abi;
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, watch};

use crate::agent::Identity;
use crate::backoff::Backoff;
use crate::config::NodeConfig;
use access::{Access, Fetcher, NodeAccess};
pub use error::{BundleError, UnsafeEntry};
pub use shelf::Hold;
use shelf::Shelf;
use trust::{Offer, Target, Trust};

/// In the state folder.
const FOLDER: &str = "bundles";
/// Waits between tries that brought nothing.
const BACKOFF: Backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(60));
/// Disk space that is left to everything else, in bytes.
const RESERVE: u64 = 256 << 20;
/// What a file needs beside its bytes, at most, in bytes.
const FILE_OVERHEAD: u64 = 4_096;

/// How far a bundle is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Progress {
    /// The bundle's name.
    pub bundle: String,
    /// What is being done.
    pub stage: Stage,
    /// Bytes of this stage that are done.
    pub done: u64,
    /// Bytes of this stage in all.
    pub total: u64,
}

/// What is being done with a bundle.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Stage {
    /// It is fetched.
    Downloading,
    /// Its hash is computed.
    Verifying,
    /// Its files are written.
    Unpacking,
}

/// The bundles of a node. Clones are the same.
#[derive(Clone, Debug)]
pub struct Bundles {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    access: Arc<dyn Access>,
    settings: Settings,
    folder: PathBuf,
    shelf: Shelf,
    trust: Trust,
    /// What was on offer when it was last asked. Held while it is asked.
    offer: Mutex<Option<Arc<Offer>>>,
    /// Held while a bundle is fetched: who wants the same one waits for it, who wants another waits for the line.
    fetching: Mutex<()>,
    progress: watch::Sender<Option<Progress>>,
}

/// What is otherwise in tests.
#[derive(Clone, Debug)]
struct Settings {
    /// The machine this runs on.
    machine: Option<Abi>,
    /// The most bytes of a bundle's files.
    limit: u64,
    free: fn(&Path) -> io::Result<u64>,
    clock: fn() -> SystemTime,
    backoff: Backoff,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            machine: Abi::here(),
            limit: MAX_UNPACKED,
            free: |folder| fs4::available_space(folder),
            clock: SystemTime::now,
            backoff: BACKOFF,
        }
    }
}

impl Bundles {
    /// The bundles in a node's state folder. Asks nobody anything.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub(crate) fn open(config: &NodeConfig, identity: &Identity) -> Result<Self, BundleError> {
        let access = NodeAccess { config: config.clone(), identity: identity.clone() };
        Self::with(&config.state_dir, Arc::new(access), Settings::default())
    }

    fn with(state_dir: &Path, access: Arc<dyn Access>, settings: Settings) -> Result<Self, BundleError> {
        // Versions of two coordinators have nothing to do with each other.
        let id: String = Sha256::digest(access.base()).iter().take(8).map(|byte| format!("{byte:02x}")).collect();
        let folder = state_dir.join(FOLDER).join(id);
        let (shelf, trust) = (Shelf::open(&folder)?, Trust::open(&folder)?);
        let inner = Inner {
            access,
            settings,
            folder,
            shelf,
            trust,
            offer: Mutex::default(),
            fetching: Mutex::default(),
            progress: watch::Sender::new(None),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Asks what is on offer, and pins the root if there is none yet. [`Bundles::obtain`] does so by itself; done right
    /// after registration, the root is from then.
    ///
    /// # Errors
    /// The coordinator cannot be asked, or what it offers is not to be believed.
    pub async fn refresh(&self) -> Result<(), BundleError> {
        let mut offer = self.inner.offer.lock().await;
        *offer = Some(Arc::new(self.inner.trust.refresh(&self.fetcher()?).await?));
        Ok(())
    }

    /// The folder of a bundle's files, verified. Fetched and unpacked if it has to be; whoever asks for the same bundle
    /// meanwhile gets the same one. May be dropped at any time: the next call goes on from there. The folder is there for
    /// reading only, and stays as long as the bundle is one of the last two of its machine or [held](Bundles::hold).
    ///
    /// # Errors
    /// Why not; [`BundleError::is_passing`] tells whether to try again by itself.
    pub async fn obtain(&self, bundle: &BundleRef) -> Result<PathBuf, BundleError> {
        self.check_machine(bundle)?;
        let target = self.find(bundle).await?;
        if let Some(path) = self.ready(&target).await? {
            return Ok(path);
        }
        let _one_at_a_time = self.inner.fetching.lock().await;
        if let Some(path) = self.ready(&target).await? {
            return Ok(path);
        }
        let fetched = self.fetch(&target).await;
        self.inner.progress.send_replace(None);
        fetched
    }

    /// Keeps a bundle's folder from being removed while this is held: to be taken before [`Bundles::obtain`], for as long
    /// as an engine runs from it.
    #[must_use]
    pub fn hold(&self, bundle: &BundleRef) -> Hold {
        let machine = bundle.build.as_ref().map(|build| build.abi.as_str()).unwrap_or_default();
        self.inner.shelf.hold(machine, bundle.version)
    }

    /// Tells how far the bundle is that is being fetched; `None` while there is none.
    #[must_use]
    pub fn progress(&self) -> watch::Receiver<Option<Progress>> {
        self.inner.progress.subscribe()
    }

    fn check_machine(&self, bundle: &BundleRef) -> Result<(), BundleError> {
        let machine = self.inner.settings.machine;
        let name = parse_target(&bundle.target).map_or(bundle.target.as_str(), |(abi, _)| abi.name());
        let stated = bundle.build.as_ref().map_or(name, |build| build.abi.as_str());
        if machine.is_some_and(|machine| machine.name() == stated && machine.name() == name) {
            return Ok(());
        }
        let here = || format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
        let machine = machine.map_or_else(here, |machine| machine.name().to_owned());
        Err(BundleError::Machine { bundle: stated.to_owned(), machine })
    }

    /// A bundle's signed metadata, from the last offer while it is valid and has it, else from a new one.
    async fn find(&self, bundle: &BundleRef) -> Result<Target, BundleError> {
        let now = (self.inner.settings.clock)();
        let mut offer = self.inner.offer.lock().await;
        let known = offer.as_ref().and_then(|offer| offer.get(&bundle.target, now).cloned());
        let target = match known {
            Some(target) => target,
            None => {
                let fresh = Arc::new(self.inner.trust.refresh(&self.fetcher()?).await?);
                let found = fresh.get(&bundle.target, now).cloned();
                *offer = Some(fresh);
                found.ok_or_else(|| BundleError::Unknown(bundle.target.clone()))?
            }
        };
        drop(offer);
        let wanted = bundle.build.clone().unwrap_or_default();
        if target.info.build() != wanted || target.info.version != bundle.version {
            let text = |build, version| format!("version {version} for {}", describe(build));
            return Err(BundleError::Another {
                target: bundle.target.clone(),
                offered: text(&target.info.build(), target.info.version),
                wanted: text(&wanted, bundle.version),
            });
        }
        let limits = [(target.info.unpacked, self.inner.settings.limit.min(MAX_UNPACKED)), (target.length, MAX_PACKED)];
        if let Some((needed, limit)) = limits.into_iter().find(|(needed, limit)| needed > limit) {
            return Err(BundleError::TooLarge { needed, limit });
        }
        if target.info.files > MAX_FILES {
            return Err(BundleError::TooManyFiles(target.info.files));
        }
        Ok(target)
    }

    async fn ready(&self, target: &Target) -> Result<Option<PathBuf>, BundleError> {
        let (shelf, target) = (self.inner.shelf.clone(), target.clone());
        self.blocking(move || Ok(shelf.ready(&target))).await
    }

    async fn fetch(&self, target: &Target) -> Result<PathBuf, BundleError> {
        self.check_room(target)?;
        let partial = self.inner.shelf.partial(target);
        let report = |stage, total| {
            let (progress, bundle) = (self.inner.progress.clone(), target.name.clone());
            move |done| drop(progress.send_replace(Some(Progress { bundle: bundle.clone(), stage, done, total })))
        };
        tracing::info!(bundle = target.name, bytes = target.length, "fetching");
        let seen = report(Stage::Downloading, target.length);
        download::download(&self.fetcher()?, target, &partial, self.inner.settings.backoff, seen).await?;
        let verifying = report(Stage::Verifying, target.length);
        let unpacking = report(Stage::Unpacking, target.info.unpacked);
        let (shelf, wanted) = (self.inner.shelf.clone(), target.clone());
        let path = self
            .blocking(move || {
                let path = shelf.unpack(&wanted, verifying, unpacking)?;
                shelf.prune(&wanted);
                Ok(path)
            })
            .await?;
        tracing::info!(bundle = target.name, files = target.info.files, "unpacked");
        Ok(path)
    }

    /// Before the first byte: what is still to come, and all files, and something for everybody else.
    fn check_room(&self, target: &Target) -> Result<(), BundleError> {
        let folder = &self.inner.folder;
        let have = std::fs::metadata(self.inner.shelf.partial(target)).map_or(0, |file| file.len());
        let files = target.info.files.saturating_mul(FILE_OVERHEAD).saturating_add(target.info.unpacked);
        let needed = target.length.saturating_sub(have).saturating_add(files).saturating_add(RESERVE);
        let free = (self.inner.settings.free)(folder).map_err(BundleError::file(folder))?;
        if free < needed {
            return Err(BundleError::DiskFull { needed, free, folder: folder.clone() });
        }
        Ok(())
    }

    fn fetcher(&self) -> Result<Fetcher, BundleError> {
        Fetcher::new(Arc::clone(&self.inner.access))
    }

    /// Hashing and unpacking wait for disks.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, BundleError> + Send + 'static,
    ) -> Result<T, BundleError> {
        let done = tokio::task::spawn_blocking(work).await;
        done.map_err(|error| BundleError::file(&self.inner.folder)(io::Error::other(error)))?
    }
}
