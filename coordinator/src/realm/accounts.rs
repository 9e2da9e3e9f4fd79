//! Game accounts: creating them and proving them by password.
//!
//! A password costs tens of milliseconds and 19 MiB to check, whether the account exists or not. A gate lets only so many
//! checks run, and only so many wait: a flood of logins is refused instead of eating the machine.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use bifrost_protocol::Secret;
use bifrost_protocol::ids::AccountId;
use thiserror::Error;
use tokio::sync::Semaphore;

use crate::store::{AccountRow, NewAccount, Store, StoreError};

/// Shortest and longest account name. Names travel in 24 bytes with their NUL (`NAME_LENGTH`).
const NAME_LEN: std::ops::RangeInclusive<usize> = 4..=23;

/// Shortest and longest password, in bytes: 24 with their NUL in 0x0064.
const PASSWORD_LEN: std::ops::RangeInclusive<usize> = 4..=23;

/// How many password checks may wait for their turn.
const MAX_WAITING: usize = 512;

/// What is checked when there is no such account, so that the time does not tell. A hash of nothing anybody knows.
const DECOY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$Ymlmcm9zdC1kZWNveS1zYWx0$f1t8mCQzQVSyzC4nMm0MbYHzDxLqRCXZHbD5JcGZkFM";

/// Why an account cannot be made or proved.
#[derive(Debug, Error)]
pub enum AccountError {
    /// The name cannot be an account's.
    #[error("account names have 4 to 23 of A-Z, a-z, 0-9, '_', '-', '.' and '@'")]
    IllegalName,
    /// The password cannot be an account's.
    #[error("passwords have 4 to 23 printable ASCII characters")]
    IllegalPassword,
    /// The name is taken.
    #[error("there is an account of that name already")]
    NameTaken,
    /// Too many passwords are being checked. Ask again later.
    #[error("too many passwords are being checked")]
    Busy,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The hash function failed.
    #[error("password hashing failed: {0}")]
    Hash(String),
}

/// What became of a login.
pub(super) enum Verdict {
    /// There is no such account.
    Unknown,
    /// The password is wrong.
    WrongPassword,
    /// Name and password are right.
    Right(AccountRow),
}

/// The realm's accounts. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Accounts {
    store: Store,
    gate: Arc<Gate>,
}

#[derive(Debug)]
struct Gate {
    running: Semaphore,
    waiting: AtomicUsize,
}

impl Accounts {
    /// Accounts kept in `store`.
    #[must_use]
    pub fn new(store: Store) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let gate = Gate { running: Semaphore::new(cores), waiting: AtomicUsize::new(0) };
        Self { store, gate: Arc::new(gate) }
    }

    /// Creates an account; `sex` is 0 female, 1 male. Names are not told apart by case.
    ///
    /// # Errors
    /// [`AccountError`].
    pub async fn create(&self, name: &str, password: &str, sex: u8) -> Result<AccountId, AccountError> {
        let name = legal_name(name.as_bytes()).ok_or(AccountError::IllegalName)?;
        let legal = PASSWORD_LEN.contains(&password.len()) && password.bytes().all(|byte| matches!(byte, b' '..=b'~'));
        if !legal {
            return Err(AccountError::IllegalPassword);
        }
        let password = password.as_bytes().to_vec();
        let hashed =
            self.gated(move || Argon2::default().hash_password(&password).map(|hash| hash.to_string())).await?;
        let hashed = hashed.map_err(|error| AccountError::Hash(error.to_string()))?;
        let created_at = unix_now();
        let account = NewAccount { name: &name, password: &hashed, sex: u8::from(sex != 0), group_id: 0, created_at };
        match self.store.create_account(&account).await {
            Err(StoreError::Conflict { .. }) => Err(AccountError::NameTaken),
            Err(error) => Err(error.into()),
            Ok(id) => {
                tracing::info!(account = %id, "account created");
                Ok(id)
            }
        }
    }

    /// The account of that name and password; none when they do not belong together or the account is banned.
    ///
    /// # Errors
    /// [`AccountError::Busy`], [`AccountError::Store`], [`AccountError::Hash`].
    pub async fn verify(&self, name: &str, password: &str) -> Result<Option<AccountId>, AccountError> {
        match self.prove(name.as_bytes(), Secret::new(password.as_bytes().to_vec())).await? {
            Verdict::Right(account) if !account.banned => Ok(Some(account.id)),
            Verdict::Right(_) | Verdict::Unknown | Verdict::WrongPassword => Ok(None),
        }
    }

    /// As [`verify`](Self::verify), with all that the login-server tells apart.
    pub(super) async fn prove(&self, name: &[u8], password: Secret<Vec<u8>>) -> Result<Verdict, AccountError> {
        let account = match legal_name(name) {
            Some(name) => self.store.account_by_name(&name).await?,
            None => None,
        };
        let stored = account.as_ref().map_or(DECOY, |account| account.password.as_str()).to_owned();
        let right = self.gated(move || matches(&stored, password.expose())).await??;
        Ok(match account {
            None => Verdict::Unknown,
            Some(_) if !right => Verdict::WrongPassword,
            Some(account) => Verdict::Right(account),
        })
    }

    /// Runs expensive `work` on a blocking thread once it is its turn.
    async fn gated<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, AccountError> {
        let _place = self.gate.queue().ok_or(AccountError::Busy)?;
        let _turn = self.gate.running.acquire().await.map_err(|_| AccountError::Busy)?;
        tokio::task::spawn_blocking(work).await.map_err(|error| AccountError::Hash(error.to_string()))
    }
}

impl Gate {
    /// A place in the queue, given back when dropped; none when it is full.
    fn queue(&self) -> Option<Place<'_>> {
        let place = Place(&self.waiting);
        (self.waiting.fetch_add(1, Ordering::Relaxed) < MAX_WAITING).then_some(place)
    }
}

struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The name as it is stored, if it can be one.
fn legal_name(name: &[u8]) -> Option<String> {
    let legal = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'@');
    let legal = NAME_LEN.contains(&name.len()) && name.iter().all(legal);
    legal.then(|| String::from_utf8_lossy(name).to_ascii_lowercase())
}

fn matches(stored: &str, password: &[u8]) -> Result<bool, AccountError> {
    let hash = PasswordHash::new(stored).map_err(|error| AccountError::Hash(error.to_string()))?;
    match Argon2::default().verify_password(password, &hash) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(error) => Err(AccountError::Hash(error.to_string())),
    }
}

/// Seconds since the Unix epoch.
pub(super) fn unix_now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn accounts() -> (tempfile::TempDir, Accounts) {
        let folder = tempfile::tempdir().expect("temporary folder");
        let url = format!("sqlite:{}", folder.path().join("store.db").display());
        (folder, Accounts::new(Store::open(&url).await.expect("opens")))
    }

    #[tokio::test]
    async fn an_account_is_proved_by_its_password_only() {
        let (_folder, accounts) = accounts().await;
        let ann = accounts.create("Ann_1", "my secret", 0).await.expect("creates");
        assert!(matches!(accounts.create("ANN_1", "other", 1).await, Err(AccountError::NameTaken)));
        assert_eq!(accounts.verify("aNN_1", "my secret").await.expect("answers"), Some(ann));
        assert_eq!(accounts.verify("ann_1", "my Secret").await.expect("answers"), None);
        assert_eq!(accounts.verify("nobody", "secret").await.expect("answers"), None);
        accounts.store.set_account_banned(ann, true).await.expect("bans");
        assert_eq!(accounts.verify("ann_1", "my secret").await.expect("answers"), None);
    }

    #[tokio::test]
    async fn names_and_passwords_that_no_client_can_send_are_refused() {
        let (_folder, accounts) = accounts().await;
        for name in ["abc", "has space", "a'; DROP TABLE accounts", "x".repeat(24).as_str()] {
            assert!(matches!(accounts.create(name, "secret", 0).await, Err(AccountError::IllegalName)), "{name}");
        }
        for password in ["abc", "with\0nul", "x".repeat(24).as_str()] {
            let refused = accounts.create("fine", password, 0).await;
            assert!(matches!(refused, Err(AccountError::IllegalPassword)), "{password}");
        }
    }

    #[tokio::test]
    async fn a_flood_is_refused_and_the_gate_opens_again() {
        let (_folder, accounts) = accounts().await;
        let places: Vec<_> = (0..MAX_WAITING).map(|_| accounts.gate.queue().expect("room")).collect();
        assert!(matches!(accounts.verify("someone", "secret").await, Err(AccountError::Busy)));
        drop(places);
        assert_eq!(accounts.verify("someone", "secret").await.expect("answers"), None);
    }

    #[test]
    fn the_decoy_is_a_hash_like_any_other() {
        assert!(!matches(DECOY, b"secret").expect("parses"));
    }
}
