//! Why a bundle cannot be had. Every message is for people: what, and what to do.

use std::io;
use std::path::{Path, PathBuf};

use bifrost_protocol::bundle::{Bytes, MAX_FILES, PathProblem};
use thiserror::Error;

/// Why a bundle cannot be had.
#[derive(Debug, Error)]
pub enum BundleError {
    /// It is for another machine.
    #[error("the bundle is for {bundle}, this machine is {machine}")]
    Machine {
        /// What the bundle is for.
        bundle: String,
        /// What this is.
        machine: String,
    },
    /// The coordinator does not answer, or stopped in the middle; trying again may help.
    #[error("the coordinator cannot be reached for the bundle: {0}")]
    Unreachable(String),
    /// The coordinator cannot now; trying again may help.
    #[error("the coordinator is busy: {0}")]
    Busy(String),
    /// The coordinator will not.
    #[error("the coordinator refuses the bundle: {message} ({code})")]
    Refused {
        /// Stable code.
        code: String,
        /// For people.
        message: String,
    },
    /// The coordinator has no such bundle, or no longer.
    #[error("the coordinator does not offer bundle {0}")]
    Unknown(String),
    /// What is offered is not what was asked for.
    #[error("bundle {target} is {offered}, not {wanted}")]
    Another {
        /// Its name.
        target: String,
        /// What its signed metadata say.
        offered: String,
        /// What was asked for.
        wanted: String,
    },
    /// Signatures that do not lead back to the root this node pinned.
    #[error(
        "the coordinator's bundles are not signed by the keys this node knows ({problem}); if the operator has started \
         over with new keys, delete {}", pinned.display()
    )]
    Untrusted {
        /// What does not hold.
        problem: String,
        /// The pinned root.
        pinned: PathBuf,
    },
    /// Older metadata than this node has seen.
    #[error(
        "the coordinator offers older bundles than it did before ({0}); if it was restored from a backup, its operator has \
         to run `bifrost-coordinator bundle renew`"
    )]
    Older(String),
    /// Metadata that were valid once.
    #[error(
        "the coordinator's list of bundles has expired (its {0}); is this machine's clock right? Otherwise its operator has \
         to look at the coordinator's log"
    )]
    Expired(String),
    /// Not the bytes that were signed.
    #[error("the bundle is damaged: {0}; it will be fetched again")]
    Damaged(String),
    /// A file in it that must not be unpacked.
    #[error("the bundle has a file that is not unpacked: {path:?} {problem}")]
    Unsafe {
        /// Its path.
        path: String,
        /// Why not.
        problem: UnsafeEntry,
    },
    /// More than this node takes.
    #[error("the bundle needs {}, more than the {} a bundle may have here", Bytes(*needed), Bytes(*limit))]
    TooLarge {
        /// Bytes it needs.
        needed: u64,
        /// Bytes it may need.
        limit: u64,
    },
    /// More files than any bundle has.
    #[error("the bundle has {0} files, more than the {MAX_FILES} a bundle may have")]
    TooManyFiles(u64),
    /// Not enough room.
    #[error("the bundle needs {} of free disk space in {}, {} are free", Bytes(*needed), folder.display(), Bytes(*free))]
    DiskFull {
        /// Bytes it needs.
        needed: u64,
        /// Bytes there are.
        free: u64,
        /// Where.
        folder: PathBuf,
    },
    /// A file or folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Why a file of an archive is not unpacked.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum UnsafeEntry {
    /// Its path.
    #[error("{0}")]
    Path(#[from] PathProblem),
    /// A link, a device, or an extension of the format.
    #[error("is no regular file")]
    Kind,
    /// More bytes or files than were signed for.
    #[error("is more than the bundle said it has")]
    TooMuch,
    /// There is one already.
    #[error("is in the bundle twice")]
    Twice,
}

impl BundleError {
    /// Whether it may go better after a while without anybody doing anything.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Unreachable(_) | Self::Busy(_) | Self::Damaged(_) => true,
            Self::Machine { .. }
            | Self::Refused { .. }
            | Self::Unknown(_)
            | Self::Another { .. }
            | Self::Untrusted { .. }
            | Self::Older(_)
            | Self::Expired(_)
            | Self::Unsafe { .. }
            | Self::TooLarge { .. }
            | Self::TooManyFiles(_)
            | Self::DiskFull { .. }
            | Self::File { .. } => false,
        }
    }

    /// An error of a file; a full disk is one of its own.
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| {
            if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded) {
                let folder = path.parent().unwrap_or(&path).to_owned();
                let free = fs4::available_space(&folder).unwrap_or(0);
                return Self::DiskFull { needed: free.saturating_add(1), free, folder };
            }
            Self::File { path, source }
        }
    }
}
