//! Why the program ends, and with which exit code (`sysexits.h`).

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use thiserror::Error;

use crate::config::ConfigError;
use crate::identity::IdentityError;
use crate::realm::AccountError;
use crate::store::StoreError;
use crate::telemetry::TelemetryError;

/// `EX_USAGE`: what the operator wrote makes no sense.
const USAGE: u8 = 64;
/// `EX_UNAVAILABLE`: something the program needs is not there or taken.
const UNAVAILABLE: u8 = 69;
/// `EX_SOFTWARE`: a fault of ours.
const SOFTWARE: u8 = 70;
/// `EX_IOERR`: files cannot be read or written.
const IO: u8 = 74;

/// Why the program ends.
#[derive(Debug, Error)]
pub enum Failure {
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The logging settings.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// The command line or what was given to it.
    #[error("{0}")]
    Usage(String),
    /// An address cannot be bound.
    #[error("{setting}: {address} cannot be bound: {source}{}", hint(source))]
    Bind {
        /// The key of the configuration.
        setting: &'static str,
        /// Its value.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// Another coordinator works with the same data.
    #[error("data_dir: {} is used by another coordinator", .0.display())]
    InUse(PathBuf),
    /// CA, certificates or token key.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// A file of the data folder.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The maps.
    #[error("{0}")]
    Maps(String),
    /// The embedded realm cannot be started.
    #[error("realm: {0}")]
    Realm(String),
    /// A game account cannot be made.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// The running coordinator cannot be asked, or refuses.
    #[error("{0}")]
    Api(String),
    /// The coordinator that was probed does not serve.
    #[error("{0}")]
    Unhealthy(String),
    /// A part of the running coordinator ended by itself.
    #[error("{0} ended; everything was stopped")]
    Ended(&'static str),
    /// It did not stop in time.
    #[error("stopping took too long; what was left was cut off")]
    Stuck,
}

impl Failure {
    /// What the program says about itself at its end.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Config(_) | Self::Telemetry(_) | Self::Usage(_) | Self::Maps(_) => USAGE,
            Self::Bind { .. } | Self::InUse(_) | Self::Realm(_) | Self::Store(_) | Self::Api(_) => UNAVAILABLE,
            Self::Account(AccountError::Busy | AccountError::Store(_)) => UNAVAILABLE,
            Self::Account(_) => USAGE,
            Self::Unhealthy(_) => return ExitCode::FAILURE,
            Self::Identity(_) | Self::File { .. } => IO,
            Self::Ended(_) | Self::Stuck => SOFTWARE,
        })
    }

    /// A failure about a file.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}

fn hint(source: &io::Error) -> &'static str {
    if source.kind() == io::ErrorKind::AddrInUse {
        "; is another program listening there?"
    } else if source.kind() == io::ErrorKind::PermissionDenied {
        "; ports below 1024 need a privilege"
    } else {
        ""
    }
}
