//! What can go wrong with bundles. Every message is for the operator: what, where, and what to do.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::failure::Failure;
use crate::identity::IdentityError;

/// Why a bundle is not made, or the repository cannot be used.
#[derive(Debug, Error)]
pub enum BundleError {
    /// A file or folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The operator's folder or arguments are not what a bundle can be made of.
    #[error("{0}")]
    Unfit(String),
    /// Maps of the configured groups that the folder does not have.
    #[error("{}", missing(maps))]
    MissingMaps {
        /// Group, map, and what it lacks.
        maps: Vec<MissingMap>,
    },
    /// A file of the repository is not what it should be.
    #[error("{}: {problem}; restore the folder from a backup, or run `bundle renew`", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A signing key is not in its folder.
    #[error("{}: the {role} key is not there; put its file back, it is needed to sign", folder.display())]
    NoKey {
        /// Whose.
        role: &'static str,
        /// Where it was looked for.
        folder: PathBuf,
    },
    /// Somebody else works on the repository.
    #[error("{}: another command works on the bundles; try again when it has ended", .0.display())]
    Busy(PathBuf),
    /// The signatures of the repository do not hold.
    #[error("the bundles' own metadata are not valid: {0}; restore them from a backup, or run `bundle renew`")]
    Invalid(String),
    /// There is no such bundle.
    #[error("{0}")]
    Unknown(String),
}

/// A map of a group that a bundle cannot serve.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MissingMap {
    /// The group.
    pub group: String,
    /// The map.
    pub map: String,
    /// The files it is not in.
    pub lacks: String,
}

/// Maps named one by one before only their number is.
const SHOWN_MAPS: usize = 12;

fn missing(maps: &[MissingMap]) -> String {
    let mut text = "map missing in the bundle:".to_owned();
    for MissingMap { group, map, lacks } in maps.iter().take(SHOWN_MAPS) {
        text.push_str(&format!("\n  group {group}: map {map} is not in {lacks}"));
    }
    if let Some(more) = maps.len().checked_sub(SHOWN_MAPS).filter(|more| *more > 0) {
        text.push_str(&format!("\n  and {more} more"));
    }
    text.push_str(
        "\nadd them there (a map_cache.dat is made by rAthena's mapcache tool), or take them out of [[groups]] in the configuration",
    );
    text
}

impl BundleError {
    /// An error of a file.
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }

    /// A file of the repository that is not what it should be.
    pub(super) fn broken(path: &Path, problem: impl ToString) -> Self {
        Self::Broken { path: path.to_owned(), problem: problem.to_string() }
    }
}

impl From<IdentityError> for BundleError {
    fn from(error: IdentityError) -> Self {
        match error {
            IdentityError::File { path, source } => Self::File { path, source },
            IdentityError::Content { path, problem } => Self::Broken { path, problem },
            error @ (IdentityError::Name { .. } | IdentityError::Certificate(_) | IdentityError::Tls(_)) => {
                Self::Invalid(error.to_string())
            }
        }
    }
}

impl From<BundleError> for Failure {
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::File { path, source } => Self::File { path, source },
            BundleError::Busy(_) => Self::Api(error.to_string()),
            BundleError::Unfit(_)
            | BundleError::MissingMaps { .. }
            | BundleError::Broken { .. }
            | BundleError::NoKey { .. }
            | BundleError::Invalid(_)
            | BundleError::Unknown(_) => Self::Usage(error.to_string()),
        }
    }
}
