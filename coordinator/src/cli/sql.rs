//! `sql`: what the policy makes of a statement, and what a policy needs.

use std::path::{Path, PathBuf};

use bifrost_protocol::mysql::sql::Name;
use clap::Subcommand;

use super::say;
use crate::database::policy::{DEFAULT_POLICY, Judge, Policy, explain, schema, user_grants};
use crate::database::read_policy;
use crate::failure::Failure;

/// What hosts may do with the realm's database.
#[derive(Debug, Subcommand)]
pub(super) enum SqlCommand {
    /// Prints what becomes of a statement, and why.
    Explain {
        /// The statement.
        statement: String,
        /// Policy file; none: the one that ships.
        #[arg(long, value_name = "PATH")]
        policy: Option<PathBuf>,
    },
    /// Checks a policy file.
    Check {
        /// The file.
        path: PathBuf,
    },
    /// Prints the policy that ships.
    PrintDefault,
    /// Prints the SQL that makes the tables hosts' rows are kept in, and grants the coordinator's user what it needs.
    Tables {
        /// Policy file; none: the one that ships.
        #[arg(long, value_name = "PATH")]
        policy: Option<PathBuf>,
        /// The realm's database.
        #[arg(long, default_value = "ragnarok")]
        database: String,
        /// The user the coordinator connects as.
        #[arg(long, default_value = "bifrost@localhost")]
        user: String,
    },
}

impl SqlCommand {
    /// Does what was asked for.
    pub(super) fn execute(self) -> Result<(), Failure> {
        match self {
            Self::Explain { statement, policy } => {
                let judge = Judge::new(read(policy.as_deref())?);
                say(&explain(&judge, statement.as_bytes()).to_string())
            }
            Self::Check { path } => {
                read(Some(&path))?;
                say(&format!("{}: fine", path.display()))
            }
            Self::PrintDefault => say(DEFAULT_POLICY.trim_end()),
            Self::Tables { policy, database, user } => {
                let policy = read(policy.as_deref())?;
                if Name::new(database.clone()).is_err() || user.contains([';', '`', '\n']) {
                    return Err(Failure::Usage("a database or user of that name is not to be put into SQL".to_owned()));
                }
                say(format!("{}{}", schema(&policy), user_grants(&policy, &database, &user)).trim_end())
            }
        }
    }
}

fn read(path: Option<&Path>) -> Result<Policy, Failure> {
    let Some(path) = path else {
        return Policy::read(DEFAULT_POLICY).map_err(|error| Failure::Usage(format!("the policy that ships: {error}")));
    };
    read_policy(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_of_a_policy_file_name_the_file_line_and_column() {
        let folder = tempfile::TempDir::new().expect("a folder");
        let path = folder.path().join("policy.toml");
        std::fs::write(&path, "[tables.a]\nall = \"x\"\n").expect("written");
        let said = SqlCommand::Check { path: path.clone() }.execute().expect_err("no policy").to_string();
        assert!(said.contains(&format!("{}:2:7: `x` is not one of", path.display())), "{said}");
        std::fs::write(&path, DEFAULT_POLICY).expect("written");
        assert!(SqlCommand::Check { path }.execute().is_ok());
    }
}
