//! The state folder: the host's key, its credentials, the pinned CA, the benchmark. Every file is private and whole.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bifrost_protocol::api::Credentials;
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use thiserror::Error;

const KEY: &str = "host.key";
const CREDENTIALS: &str = "credentials.json";
const PINNED_CA: &str = "pinned-ca.json";

/// The folder. One node at a time.
#[derive(Clone, Debug)]
pub(crate) struct StateDir {
    folder: PathBuf,
}

/// A file of the folder cannot be used.
#[derive(Debug, Error)]
#[error("{path}: {problem}")]
pub(crate) struct StateError {
    path: PathBuf,
    problem: String,
}

/// Credentials and since when they count.
#[derive(Clone, Deserialize, Serialize)]
pub(crate) struct Held {
    /// The API they came from; those of another coordinator are worth nothing here.
    pub(crate) coordinator: String,
    /// Unix seconds.
    pub(crate) issued_at: u64,
    /// What the coordinator gave.
    pub(crate) credentials: Credentials,
}

/// How far credentials are through their life.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Age {
    /// Good; due for renewal in this many seconds.
    Fresh(u64),
    /// Good, but over half of their life.
    Due,
    /// Of no use any more.
    Expired,
}

impl fmt::Debug for Held {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Held").field("host", &self.credentials.host_id).finish_non_exhaustive()
    }
}

impl Held {
    /// Renewal is due at half life. A clock that was stepped back makes them due at once: nobody knows how old they are.
    pub(crate) fn age(&self, now: u64) -> Age {
        let half = self.credentials.expires_in / 2;
        match now.checked_sub(self.issued_at) {
            None => Age::Due,
            Some(age) if age >= self.credentials.expires_in => Age::Expired,
            Some(age) if age >= half => Age::Due,
            Some(age) => Age::Fresh(half - age),
        }
    }
}

impl StateDir {
    /// Opens the folder, making it if there is none.
    pub(crate) fn open(folder: &Path) -> Result<Self, StateError> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder).map_err(|error| failed(folder, error))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// Where it is.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The host's key: its identity for the coordinator. Made once.
    pub(crate) fn key(&self) -> Result<KeyPair, StateError> {
        let path = self.folder.join(KEY);
        match fs::read_to_string(&path) {
            Ok(pem) => KeyPair::from_pem(&pem).map_err(|error| failed(&path, error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|error| failed(&path, error))?;
                write_private(&path, key.serialize_pem().as_bytes()).map_err(|error| failed(&path, error))?;
                Ok(key)
            }
            Err(error) => Err(failed(&path, error)),
        }
    }

    /// The credentials for this coordinator, if there are any.
    pub(crate) fn credentials(&self, coordinator: &str) -> Option<Held> {
        self.load::<Held>(CREDENTIALS).filter(|held| held.coordinator == coordinator)
    }

    /// Keeps credentials for the next start.
    pub(crate) fn save_credentials(&self, held: &Held) -> Result<(), StateError> {
        self.save(CREDENTIALS, held)
    }

    /// The SHA-256 of the CA that answered first at this coordinator.
    pub(crate) fn pinned_ca(&self, coordinator: &str) -> Option<[u8; 32]> {
        self.load::<(String, [u8; 32])>(PINNED_CA).filter(|(of, _)| of == coordinator).map(|(_, pin)| pin)
    }

    /// Pins a CA.
    pub(crate) fn pin_ca(&self, coordinator: &str, pin: [u8; 32]) -> Result<(), StateError> {
        self.save(PINNED_CA, &(coordinator, pin))
    }

    /// A file's value. One that cannot be read is moved aside, not overwritten, and counts as missing.
    pub(crate) fn load<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let path = self.folder.join(name);
        let bytes = fs::read(&path).ok()?;
        match serde_json::from_slice(&bytes) {
            Ok(value) => Some(value),
            Err(error) => {
                tracing::warn!(path = %path.display(), line = error.line(), "cannot be read, is moved aside");
                drop(fs::rename(&path, self.folder.join(format!("{name}.unreadable"))));
                None
            }
        }
    }

    /// Writes a file's value.
    pub(crate) fn save(&self, name: &str, value: &impl Serialize) -> Result<(), StateError> {
        let path = self.folder.join(name);
        let bytes = serde_json::to_vec_pretty(value).map_err(|error| failed(&path, error))?;
        write_private(&path, &bytes).map_err(|error| failed(&path, error))
    }
}

/// Unix seconds.
pub(crate) fn unix_now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Replaces a file by one that only the owner can read, in one step: whoever reads it sees the old or the new one.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    let temporary = PathBuf::from(format!("{}.{:08x}.new", path.display(), rand::random::<u32>()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written =
        options.open(&temporary).and_then(|file| fill(file, content)).and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        drop(fs::remove_file(&temporary));
    }
    written
}

fn fill(mut file: File, content: &[u8]) -> io::Result<()> {
    file.write_all(content)?;
    file.sync_all()
}

fn failed(path: &Path, problem: impl ToString) -> StateError {
    StateError { path: path.to_owned(), problem: problem.to_string() }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn held(coordinator: &str) -> Held {
        let credentials = Credentials {
            host_id: "h-0123456789abcdef".into(),
            kind: "player".into(),
            certificate: String::new(),
            ca: String::new(),
            token: "v4.public.secret".into(),
            expires_in: 100,
            link: "127.0.0.1:1".into(),
            server_name: "bifrost-coordinator".into(),
        };
        Held { coordinator: coordinator.into(), issued_at: 1_000, credentials }
    }

    #[test]
    fn credentials_are_renewed_at_half_life_and_when_the_clock_steps_back() {
        let held = held("https://a");
        assert_eq!(held.age(1_000), Age::Fresh(50));
        assert_eq!(held.age(1_049), Age::Fresh(1));
        assert_eq!(held.age(1_050), Age::Due);
        assert_eq!(held.age(1_100), Age::Expired);
        assert_eq!(held.age(900), Age::Due);
    }

    #[test]
    fn the_key_stays_and_credentials_belong_to_one_coordinator() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = StateDir::open(&folder.path().join("deep/state")).expect("made");
        let key = state.key().expect("made");
        assert_eq!(state.key().expect("read").serialize_der(), key.serialize_der());
        state.save_credentials(&held("https://a")).expect("saved");
        assert!(state.credentials("https://a").is_some());
        assert!(state.credentials("https://b").is_none());
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_the_files_and_no_half_file_stays() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().expect("a folder");
        let state = StateDir::open(folder.path()).expect("opened");
        state.key().expect("made");
        state.save_credentials(&held("https://a")).expect("saved");
        let files: Vec<_> = fs::read_dir(folder.path()).expect("listed").map(|file| file.expect("a file")).collect();
        assert_eq!(files.len(), 2);
        for file in files {
            assert_eq!(file.metadata().expect("metadata").permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn an_unreadable_file_is_moved_aside() {
        let folder = tempfile::tempdir().expect("a folder");
        let state = StateDir::open(folder.path()).expect("opened");
        fs::write(folder.path().join(CREDENTIALS), "{half").expect("written");
        assert!(state.credentials("https://a").is_none());
        assert!(folder.path().join("credentials.json.unreadable").exists());
    }
}
