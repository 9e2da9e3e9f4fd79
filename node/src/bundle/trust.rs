//! What the coordinator offers, verified by TUF from the root that this node pinned.
//!
//! The first root comes over the connection that registration trusts, with the host token. From then on only what its keys
//! signed counts, or keys that those vouched for; the newest root replaces the pinned one. The folder `metadata` is tough's
//! memory: metadata older than what lies there are refused.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use bifrost_protocol::bundle::{BundleInfo, CUSTOM, MAX_METADATA, METADATA_PATH, ROOT_PATH, TARGETS_PATH};
use futures_util::stream;
use reqwest::Url;
use tough::error::Error as TufError;
use tough::schema::{Root, Signed};
use tough::{
    ExpirationEnforcement, Limits, Repository, RepositoryLoader, Transport, TransportError, TransportErrorKind,
    TransportStream,
};

use super::access::Fetcher;
use super::error::BundleError;
use crate::agent::state::write_private;

/// Roots that are followed from one to the next in one go.
const MAX_ROOTS: u64 = 1_024;
/// tough's note of the last time it looked at the clock.
const LAST_TIME: &str = "latest_known_time.json";

/// A bundle as its signed metadata state it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Target {
    /// Its name.
    pub(super) name: String,
    /// Its length as it is fetched, in bytes.
    pub(super) length: u64,
    /// Its SHA-256.
    pub(super) sha256: Vec<u8>,
    /// What it is.
    pub(super) info: BundleInfo,
}

/// All that is on offer.
#[derive(Debug)]
pub(super) struct Offer {
    targets: BTreeMap<String, Target>,
    expires: SystemTime,
}

/// The pinned root and what was seen.
#[derive(Debug)]
pub(super) struct Trust {
    root: PathBuf,
    metadata: PathBuf,
}

impl Offer {
    /// A bundle by its name, while the offer is valid.
    pub(super) fn get(&self, name: &str, now: SystemTime) -> Option<&Target> {
        self.targets.get(name).filter(|_| now < self.expires)
    }
}

impl Trust {
    pub(super) fn open(folder: &Path) -> Result<Self, BundleError> {
        let metadata = folder.join("metadata");
        std::fs::create_dir_all(&metadata).map_err(BundleError::file(&metadata))?;
        Ok(Self { root: folder.join("root.json"), metadata })
    }

    /// Asks what is on offer, and verifies it.
    pub(super) async fn refresh(&self, fetcher: &Fetcher) -> Result<Offer, BundleError> {
        let root = match tokio::fs::read(&self.root).await {
            Ok(root) => root,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => self.first_root(fetcher).await?,
            Err(error) => return Err(BundleError::file(&self.root)(error)),
        };
        self.forget_time().await?;
        let url = |path: &str| {
            let url = fetcher.url(path);
            Url::parse(&url).map_err(|error| BundleError::Unreachable(format!("{url}: {error}")))
        };
        let limits = Limits {
            max_root_size: MAX_METADATA,
            max_targets_size: MAX_METADATA,
            max_timestamp_size: MAX_METADATA,
            max_snapshot_size: MAX_METADATA,
            max_root_updates: MAX_ROOTS,
        };
        let transport = HttpTransport { fetcher: fetcher.clone(), failed: Arc::default() };
        let failed = Arc::clone(&transport.failed);
        let loaded = RepositoryLoader::new(&root, url(METADATA_PATH)?, url(TARGETS_PATH)?)
            .transport(transport)
            .limits(limits)
            .datastore(&self.metadata)
            .expiration_enforcement(ExpirationEnforcement::Safe)
            .load()
            .await;
        let failed = failed.lock().unwrap_or_else(PoisonError::into_inner).take();
        let repository = loaded.map_err(|error| self.explain(&error, failed))?;
        self.pin(&root, repository.root())?;
        Ok(read(&repository))
    }

    /// The root that everything else is verified from, from now on.
    async fn first_root(&self, fetcher: &Fetcher) -> Result<Vec<u8>, BundleError> {
        let root = fetcher.metadata(&fetcher.url(ROOT_PATH)).await?;
        let nothing = || BundleError::Unknown("of any kind: its operator has not added one yet".into());
        Ok(root.ok_or_else(nothing)?.to_vec())
    }

    /// Keeps the newest root. tough has verified it, from the one it was given; beginning with an old one the next time
    /// would make it forget what it has seen (it does so when keys change, TUF 5.3.11).
    fn pin(&self, given: &[u8], newest: &Signed<Root>) -> Result<(), BundleError> {
        let same = serde_json::from_slice::<Signed<Root>>(given).is_ok_and(|given| given == *newest);
        if same && self.root.exists() {
            return Ok(());
        }
        let bytes = serde_json::to_vec(newest).map_err(|error| self.untrusted(&error))?;
        write_private(&self.root, &bytes).map_err(BundleError::file(&self.root))?;
        tracing::info!(version = newest.signed.version, "root of the coordinator's bundles pinned");
        Ok(())
    }

    /// tough refuses to work while the clock is behind its last look at it. PCs' clocks do step back (awslabs/tough issue
    /// 603); what protects from old metadata are their versions.
    async fn forget_time(&self) -> Result<(), BundleError> {
        let path = self.metadata.join(LAST_TIME);
        match tokio::fs::remove_file(&path).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(BundleError::file(&path)(error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Says what tough means, by what can be done about it.
    fn explain(&self, error: &TufError, failed: Option<BundleError>) -> BundleError {
        let is_older = matches!(
            error,
            TufError::OlderMetadata { .. }
                | TufError::OlderSnapshotInTimestamp { .. }
                | TufError::SnapshotRoleRollback { .. }
                | TufError::SnapshotRoleMissing { .. }
        );
        let is_local = matches!(
            error,
            TufError::DatastoreCreate { .. }
                | TufError::DatastoreOpen { .. }
                | TufError::DatastoreRemove { .. }
                | TufError::DatastoreInit { .. }
        );
        if let TufError::ExpiredMetadata { role, .. } = error {
            BundleError::Expired(role.to_string())
        } else if is_older {
            BundleError::Older(error.to_string())
        } else if is_local {
            BundleError::file(&self.metadata)(std::io::Error::other(error.to_string()))
        } else if let (TufError::Transport { .. }, Some(failed)) = (error, failed) {
            failed
        } else {
            self.untrusted(error)
        }
    }

    fn untrusted(&self, error: &dyn std::error::Error) -> BundleError {
        let mut problem = error.to_string();
        if let Some(source) = error.source().map(ToString::to_string).filter(|source| !problem.contains(source)) {
            problem = format!("{problem}: {source}");
        }
        BundleError::Untrusted { problem, pinned: self.root.clone() }
    }
}

/// What a verified repository offers. Targets of other kinds are none of this node's.
fn read(repository: &Repository) -> Offer {
    let targets = repository.all_targets().filter_map(|(name, target)| {
        let info = serde_json::from_value(target.custom.get(CUSTOM)?.clone()).ok()?;
        let (name, sha256) = (name.raw().to_owned(), target.hashes.sha256.to_vec());
        Some((name.clone(), Target { name, length: target.length, sha256, info }))
    });
    let expires = [
        repository.root().signed.expires.into(),
        repository.targets().signed.expires.into(),
        repository.snapshot().signed.expires.into(),
        repository.timestamp().signed.expires.into(),
    ];
    let expires = expires.into_iter().min().unwrap_or(SystemTime::UNIX_EPOCH);
    Offer { targets: targets.collect(), expires }
}

/// tough's way to the metadata: the node's own, with its trust and its token.
#[derive(Clone, Debug)]
struct HttpTransport {
    fetcher: Fetcher,
    /// What went wrong last, as tough would not say it.
    failed: Arc<Mutex<Option<BundleError>>>,
}

#[async_trait::async_trait]
impl Transport for HttpTransport {
    async fn fetch(&self, url: Url) -> Result<TransportStream, TransportError> {
        let missing = || TransportError::new(TransportErrorKind::FileNotFound, url.as_str());
        match self.fetcher.metadata(url.as_str()).await {
            // The next root is asked for, and mostly not there.
            Ok(None) => {
                self.remember(Some(BundleError::Unknown(format!("metadata: {} is not there", url.path()))));
                Err(missing())
            }
            Ok(Some(bytes)) => {
                self.remember(None);
                Ok(Box::pin(stream::iter([Ok(bytes)])))
            }
            Err(error) => {
                let text = error.to_string();
                self.remember(Some(error));
                Err(TransportError::new_with_cause(TransportErrorKind::Other, url.as_str(), text))
            }
        }
    }
}

impl HttpTransport {
    fn remember(&self, error: Option<BundleError>) {
        *self.failed.lock().unwrap_or_else(PoisonError::into_inner) = error;
    }
}
