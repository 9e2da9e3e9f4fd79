//! The command line.

mod bundle;
mod maps;
mod probe;
mod remote;
mod sql;

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use bifrost_protocol::Secret;
use clap::{Parser, Subcommand};

use crate::config::{Config, DEFAULT_FILE, Mode};
use crate::failure::Failure;
use crate::http::{Host, Sex, Standing, create_invitation};
use crate::identity::{Identity, create_data_dir};
use crate::maps::Catalog;
use crate::realm::Accounts;
use crate::store::Store;
use crate::{service, telemetry};
use bundle::BundleCommand;
use remote::Remote;

/// Where `account add` finds the password when it is not given on standard input.
const PASSWORD_VARIABLE: &str = "BIFROST_PASSWORD";
/// The most bytes read as a password from standard input.
const MAX_PASSWORD: u64 = 1_024;

/// Bifrost's coordinator: registration, relay, placement and failover of player-hosted map-servers.
#[derive(Debug, Parser)]
#[command(version)]
pub struct Cli {
    /// Configuration file (TOML); see `config print-default`. None: defaults and the environment.
    #[arg(long, global = true, env = "BIFROST_CONFIG", value_name = "PATH")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the coordinator (the default).
    Run,
    /// Game accounts of the embedded realm.
    #[command(subcommand)]
    Account(AccountCommand),
    /// Prints a one-time invitation for a fallback host.
    Invite {
        /// Minutes it is valid.
        #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u32).range(1..=10_080))]
        minutes: u32,
    },
    /// Registered hosts; asks the running coordinator.
    #[command(subcommand)]
    Hosts(HostsCommand),
    /// The coordinator's certificate authority.
    #[command(subcommand)]
    Ca(CaCommand),
    /// Asks the running coordinator whether it serves; exits with 0 when it does, else with 1.
    Probe {
        /// What to ask: /readyz, /livez, or a whole URL. Only the coordinator's own CA is believed.
        #[arg(default_value = "/readyz", value_name = "URL")]
        target: String,
    },
    /// Which maps hosts carry.
    #[command(subcommand)]
    Maps(maps::MapsCommand),
    /// What hosts run: the operator's map-server, packed and signed.
    #[command(subcommand)]
    Bundle(BundleCommand),
    /// The configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// What hosts may do with the realm's database.
    #[command(subcommand)]
    Sql(sql::SqlCommand),
}

#[derive(Debug, Subcommand)]
enum AccountCommand {
    /// Makes a game account. The password comes from standard input or from BIFROST_PASSWORD.
    Add {
        /// Its name: 4 to 23 characters.
        name: String,
        /// Sex of its characters.
        #[arg(long, value_enum, default_value_t = Sex::M)]
        sex: Sex,
        /// Reads the password from standard input, up to the end of its first line.
        #[arg(long)]
        password_stdin: bool,
    },
}

#[derive(Debug, Subcommand)]
enum HostsCommand {
    /// Lists all registered hosts.
    List,
    /// Throws a host out at once; its account registers no other.
    Revoke {
        /// Host id.
        id: String,
    },
    /// Lifts a host's quarantine. It has to earn trust anew.
    Pardon {
        /// Host id.
        id: String,
    },
    /// Takes a revoked host back; it has to register again.
    Restore {
        /// Host id.
        id: String,
    },
}

#[derive(Debug, Subcommand)]
enum CaCommand {
    /// Prints the CA's certificate (PEM), which nodes pin.
    Print,
    /// Prints its SHA-256 (of the DER, in hex), which nodes can pin instead.
    Fingerprint,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Checks a configuration file.
    Check {
        /// The file.
        path: PathBuf,
    },
    /// Prints every key with its default.
    PrintDefault,
}

impl Cli {
    /// Does what was asked for.
    ///
    /// # Errors
    /// Why not, with the exit code.
    pub async fn execute(self) -> Result<(), Failure> {
        let config = || Config::load(self.config.as_deref(), environment());
        match self.command.unwrap_or(Command::Run) {
            Command::Run => {
                let metrics = telemetry::init()?;
                Box::pin(service::run(config()?, metrics)).await
            }
            Command::Account(AccountCommand::Add { name, sex, password_stdin }) => {
                add_account(&config()?, &name, sex, password_stdin).await
            }
            Command::Invite { minutes } => {
                let config = config()?;
                create_data_dir(&config.data_dir.0)?;
                let store = Store::open(&service::store_url(&config)).await?;
                let invitation = create_invitation(&store, minutes).await?;
                store.close().await;
                say(&invitation.code)
            }
            Command::Hosts(command) => manage_hosts(&Remote::open(&config()?.data_dir.0)?, command).await,
            Command::Ca(command) => {
                let config = config()?;
                let lifetime = service::certificate_lifetime(&config);
                let identity = Identity::open(&config.data_dir.0, &config.http.names, lifetime)?;
                match command {
                    CaCommand::Print => say(identity.ca_pem().trim_end()),
                    CaCommand::Fingerprint => say(&identity.ca_fingerprint()),
                }
            }
            Command::Probe { target } => {
                let config = config().map_err(|error| Failure::Unhealthy(error.to_string()))?;
                probe::probe(&config.data_dir.0, &target).await
            }
            Command::Maps(command) => maps::run(command, self.config.as_deref()),
            Command::Bundle(command) => bundle::run(config()?, command).await?.iter().try_for_each(|line| say(line)),
            Command::Config(ConfigCommand::Check { path }) => {
                let config = Config::load(Some(&path), environment())?;
                let catalog = service::catalog(&config)?;
                check_bounds(&config, &catalog)?;
                say(&format!("{}: fine", path.display()))
            }
            Command::Config(ConfigCommand::PrintDefault) => say(DEFAULT_FILE.trim_end()),
            Command::Sql(command) => command.execute(),
        }
    }
}

/// Most notes about an rAthena's files that are shown one by one.
const MAX_NOTES: usize = 20;

/// Says whether what hosts give is judged, and by what.
fn check_bounds(config: &Config, catalog: &Catalog) -> Result<(), Failure> {
    let Some(root) = &config.bounds.rathena else {
        return say("bounds: off, what hosts give their players is not judged (bounds.rathena)");
    };
    let groups = service::judged(catalog);
    let (economy, notes) = service::read_economy(root, config.engine_build(), &groups)?;
    notes.iter().take(MAX_NOTES).try_for_each(|note| say(&format!("bounds: {note}")))?;
    if notes.len() > MAX_NOTES {
        say(&format!("bounds: and {} more notes", notes.len() - MAX_NOTES))?;
    }
    let mode = if config.bounds.mode == Mode::Enforce { "enforced" } else { "watched" };
    say(&format!("bounds: {mode} for {} groups, by {} items of {}", groups.len(), economy.items.len(), root.display()))
}

async fn add_account(config: &Config, name: &str, sex: Sex, password_stdin: bool) -> Result<(), Failure> {
    if !matches!(config.realm, crate::config::Realm::Embedded(_)) {
        return Err(Failure::Usage("accounts of a stock rAthena are made there, not here".to_owned()));
    }
    let password = read_password(password_stdin)?;
    create_data_dir(&config.data_dir.0)?;
    let store = Store::open(&service::store_url(config)).await?;
    let account = Accounts::new(store.clone()).create(name, password.expose(), sex.number()).await;
    store.close().await;
    say(&format!("account {} has id {}", name, account?))
}

fn read_password(from_stdin: bool) -> Result<Secret<String>, Failure> {
    if !from_stdin {
        return std::env::var(PASSWORD_VARIABLE)
            .map(Secret::new)
            .map_err(|_| Failure::Usage(format!("set {PASSWORD_VARIABLE} or use --password-stdin")));
    }
    let mut text = String::new();
    let read = io::stdin().take(MAX_PASSWORD).read_to_string(&mut text);
    read.map_err(|error| Failure::Usage(format!("standard input: {error}")))?;
    Ok(Secret::new(text.lines().next().unwrap_or_default().to_owned()))
}

async fn manage_hosts(remote: &Remote, command: HostsCommand) -> Result<(), Failure> {
    match command {
        HostsCommand::List => {
            for host in remote.hosts().await? {
                let account = host.account.map_or_else(|| "-".to_owned(), |account| account.to_string());
                let state = if host.revoked { "revoked" } else { "registered" };
                let standing = standing(&host);
                say(&format!(
                    "{}\t{}\t{state}\t{account}\t{}\t{standing}\t{}",
                    host.id, host.kind, host.abi, host.name
                ))?;
            }
            Ok(())
        }
        HostsCommand::Revoke { id } => {
            remote.order(&id, "revoke").await?;
            say(&format!("{id} is revoked"))
        }
        HostsCommand::Pardon { id } => {
            remote.order(&id, "pardon").await?;
            say(&format!("{id} may carry maps again"))
        }
        HostsCommand::Restore { id } => {
            remote.order(&id, "restore").await?;
            say(&format!("{id} may register again"))
        }
    }
}

/// How a host behaved, in a word.
fn standing(host: &Host) -> String {
    let Standing { clean_audits, trusted, violations, ref last_violation, quarantine_seconds } = host.standing;
    match (quarantine_seconds, violations) {
        (1.., _) => format!("quarantined {} min ({last_violation})", quarantine_seconds.div_ceil(60)),
        (0, _) if trusted => format!("trusted ({clean_audits} clean audits)"),
        (0, 0) => format!("{clean_audits} clean audits"),
        (0, _) => format!("{clean_audits} clean audits since {last_violation}"),
    }
}

/// The environment, without what is not text.
fn environment() -> impl Iterator<Item = (String, String)> {
    std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
}

fn say(line: &str) -> Result<(), Failure> {
    writeln!(io::stdout(), "{line}").map_err(Failure::file(Path::new("standard output")))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn the_configuration_may_be_named_anywhere() {
        for line in [
            &["bifrost-coordinator", "--config", "a.toml"][..],
            &["bifrost-coordinator", "run", "--config", "a.toml"],
            &["bifrost-coordinator", "account", "add", "someone", "--config", "a.toml"],
            &["bifrost-coordinator", "--config", "a.toml", "hosts", "list"],
        ] {
            let cli = Cli::try_parse_from(line).expect("legal");
            assert_eq!(cli.config.as_deref(), Some(Path::new("a.toml")), "{line:?}");
        }
        assert!(Cli::try_parse_from(["bifrost-coordinator", "invite", "--minutes", "0"]).is_err());
    }
}
