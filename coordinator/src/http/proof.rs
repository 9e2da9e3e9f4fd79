//! Proving a game account against the realm. Nothing of it is stored or logged.

mod database;
mod login;

use bifrost_protocol::ids::AccountId;
use thiserror::Error;

pub use database::AccountDatabase;
pub use login::LoginServer;

use super::Error;
use crate::realm::Accounts;

/// How game accounts are proved.
#[derive(Clone, Debug)]
pub enum AccountProof {
    /// By the embedded realm.
    Embedded(Accounts),
    /// By rAthena's `login` table.
    Database(AccountDatabase),
    /// By a login at a stock login-server. **A player of that account who is in game is disconnected by it**, as by any
    /// second login (`login.cpp`, `login_mmo_auth` and `logchrif_send_accdata`): configure `realm.database` to avoid that.
    Login(LoginServer),
}

/// Why it cannot be told whether an account is who it says.
#[derive(Debug, Error)]
pub enum ProofError {
    /// The realm does not answer.
    #[error("{0}")]
    Unavailable(String),
    /// The password is right, but the login-server tells nothing about an account that is logged in.
    #[error("the account is logged in")]
    Online,
}

impl AccountProof {
    /// The account, if name and password are right and it may log in.
    pub(super) async fn verify(&self, name: &str, password: &str) -> Result<Option<AccountId>, ProofError> {
        match self {
            Self::Embedded(accounts) => {
                accounts.verify(name, password).await.map_err(|error| ProofError::Unavailable(error.to_string()))
            }
            Self::Database(database) => database.verify(name, password).await,
            Self::Login(server) => server.verify(name, password).await,
        }
    }
}

impl From<ProofError> for Error {
    fn from(error: ProofError) -> Self {
        match error {
            ProofError::Unavailable(problem) => Self::Unavailable { what: "the realm", problem },
            ProofError::Online => Self::AccountOnline,
        }
    }
}
