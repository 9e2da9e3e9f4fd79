//! Where the account is kept: the OS keyring, or a file that only this user can read where there is none.
//!
//! The account is kept because the realm's credentials live for hours only: a PC that was off for a day registers again.

use std::path::{Path, PathBuf};

use bifrost_protocol::Secret;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::event::Account;
use crate::files::{self, Loaded};

/// The keyring's name for this program.
const SERVICE: &str = "bifrost-launcher";
/// The file that stands in for the keyring.
const FILE: &str = "account.json";

/// Where secrets are.
#[derive(Clone, Debug)]
pub struct Vault {
    folder: PathBuf,
    place: Place,
}

/// The two places.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Place {
    /// The OS keyring.
    Keyring,
    /// A private file in the state folder.
    File,
}

/// Why a secret could not be kept or read.
#[derive(Debug, Error)]
pub enum VaultError {
    /// The keyring is there and does not open.
    #[error("the keyring is locked: {0}")]
    Locked(String),
    /// The file cannot be written or removed.
    #[error("the file cannot be written: {0}")]
    File(#[from] std::io::Error),
}

/// As it is kept.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
enum Stored {
    Game { username: String, password: String },
    Invitation { code: String },
}

impl Vault {
    /// Looks for a keyring. May take a moment and may ask the user to unlock it: not for async threads.
    #[must_use]
    pub fn open(folder: &Path) -> Self {
        let place = if keyring_works() { Place::Keyring } else { Place::File };
        Self { folder: folder.to_owned(), place }
    }

    /// A vault of the second kind, whatever the OS has.
    #[must_use]
    pub fn in_file(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), place: Place::File }
    }

    /// Where secrets are.
    #[must_use]
    pub fn place(&self) -> Place {
        self.place
    }

    /// The account, if one is kept.
    ///
    /// # Errors
    /// The keyring is locked.
    pub fn account(&self) -> Result<Option<Account>, VaultError> {
        let stored = match self.place {
            Place::Keyring => match self.entry()?.get_password() {
                Ok(text) => serde_json::from_str(&text).ok(),
                Err(keyring::Error::NoEntry) => None,
                Err(error) => return Err(locked(&error)),
            },
            Place::File => match files::load(&self.file()) {
                Loaded::Value(stored) => Some(stored),
                Loaded::Missing | Loaded::MovedAside(_) => None,
            },
        };
        Ok(stored.map(Stored::into_account))
    }

    /// Keeps the account.
    ///
    /// # Errors
    /// The keyring is locked, or the disk is full.
    pub fn keep(&self, account: &Account) -> Result<(), VaultError> {
        let stored = Stored::of(account);
        match self.place {
            Place::Keyring => {
                let text = serde_json::to_string(&stored).map_err(std::io::Error::from)?;
                self.entry()?.set_password(&text).map_err(|error| locked(&error))
            }
            Place::File => Ok(files::save(&self.file(), &stored)?),
        }
    }

    /// Forgets the account, wherever it is.
    ///
    /// # Errors
    /// The keyring is locked, or the file cannot be removed.
    pub fn forget(&self) -> Result<(), VaultError> {
        files::remove(&self.file())?;
        match self.place {
            Place::Keyring => match self.entry()?.delete_credential() {
                Ok(()) | Err(keyring::Error::NoEntry) => Ok(()),
                Err(error) => Err(locked(&error)),
            },
            Place::File => Ok(()),
        }
    }

    fn file(&self) -> PathBuf {
        self.folder.join(FILE)
    }

    /// One entry a state folder, so that two copies do not share an account.
    fn entry(&self) -> Result<keyring::Entry, VaultError> {
        let user = self.folder.display().to_string();
        keyring::Entry::new(SERVICE, &user).map_err(|error| locked(&error))
    }
}

impl Stored {
    fn of(account: &Account) -> Self {
        match account {
            Account::Game { username, password } => {
                Self::Game { username: username.clone(), password: password.expose().clone() }
            }
            Account::Invitation(code) => Self::Invitation { code: code.expose().clone() },
        }
    }

    fn into_account(self) -> Account {
        match self {
            Self::Game { username, password } => Account::Game { username, password: Secret::new(password) },
            Self::Invitation { code } => Account::Invitation(Secret::new(code)),
        }
    }
}

/// Writes, reads and removes an entry: a keyring that is there but cannot be written is none.
#[must_use]
pub fn keyring_works() -> bool {
    let tried = || -> Result<bool, keyring::Error> {
        let entry = keyring::Entry::new(SERVICE, "bifrost-launcher-check")?;
        entry.set_password("works")?;
        let works = entry.get_password()? == "works";
        entry.delete_credential()?;
        Ok(works)
    };
    tried().unwrap_or_else(|error| {
        tracing::warn!(%error, "there is no keyring");
        false
    })
}

fn locked(error: &keyring::Error) -> VaultError {
    VaultError::Locked(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_kept_in_a_private_file_and_forgotten() {
        let folder = tempfile::tempdir().expect("a folder");
        let vault = Vault::in_file(folder.path());
        assert!(vault.account().expect("readable").is_none());
        let account = Account::Game { username: "mimi".into(), password: Secret::new("hunter2".into()) };
        vault.keep(&account).expect("kept");
        let Some(Account::Game { username, password }) = vault.account().expect("readable") else {
            panic!("it is kept")
        };
        assert_eq!((username.as_str(), password.expose().as_str()), ("mimi", "hunter2"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = std::fs::metadata(folder.path().join(FILE)).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
        vault.forget().expect("forgotten");
        assert!(vault.account().expect("readable").is_none());
        vault.forget().expect("nothing is left to forget");
    }
}
