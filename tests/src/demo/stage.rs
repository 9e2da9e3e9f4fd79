//! The processes of the demo.

use anyhow::Result;

use super::{Console, Ground, Options};
use crate::harness::{PASSWORD, Realm, Settings};

/// Accounts for people who want to log in themselves.
const GUESTS: [&str; 3] = ["guest1", "guest2", "guest3"];

/// The coordinator and its nodes.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) realm: Realm,
}

impl Stage {
    /// Starts everything and waits until every map group has a host.
    pub(super) async fn set(options: &Options, ground: &Ground, console: &Console) -> Result<Self> {
        let mut settings = Settings::default();
        ground.configure(&mut settings);
        let mut realm = Realm::start(settings).await?;
        console.step("the coordinator runs: embedded realm, SQLite, its own CA");
        console.step("thresholds for hosts are lowered: all of this is one machine, up since a moment ago");
        realm.add_fallback("fallback").await?;
        for number in 1..=options.hosts {
            realm.add_host(&format!("host-{number}")).await?;
        }
        let carried = realm.until_balanced(usize::from(options.hosts)).await;
        let mut stage = Self { realm };
        if let Err(error) = carried {
            stage.keep_logs(console);
            return Err(error);
        }
        console.step(&format!("a fallback host and {} player hosts have registered", options.hosts));
        for group in stage.realm.status.get().await?.groups {
            let host = group.host.unwrap_or_default();
            console.step(&format!("  {} ({}) on {}", group.name, group.maps.join(", "), stage.realm.host_name(&host)));
        }
        Ok(stage)
    }

    /// Kills a host by its name.
    pub(super) fn kill(&mut self, host: &str) -> Result<()> {
        self.realm.node(host).process.kill()
    }

    /// Leaves logs and data behind, and says where.
    pub(super) fn keep_logs(&mut self, console: &Console) {
        self.realm.folder().keep();
        console.step(&format!("logs and data are kept in {}", self.realm.folder().path().display()));
    }

    /// Starts the killed host again, says how to log in, and waits for Ctrl-C.
    pub(super) async fn stay(&mut self, victim: &str, console: &Console) -> Result<()> {
        for guest in GUESTS {
            self.realm.add_account(guest, PASSWORD).await?;
        }
        self.realm.node(victim).start_again()?;
        let addresses = self.realm.addresses;
        let mut text = format!(
            "\nEverything stays up until Ctrl-C; {victim} was started again.\n\n\
             login-server   {}\nchar-server    {}\nmap-server     {}\nstatus         {}/v1/status\nCA             {}\n\
             client         PACKETVER 20211103, plain packets\naccounts       {} (password: {PASSWORD})\n",
            addresses.login,
            addresses.char_server,
            addresses.relay,
            self.realm.status.base(),
            self.realm.ca().display(),
            GUESTS.join(", "),
        );
        for node in &self.realm.nodes {
            let id = node.process.id().map(|id| id.to_string()).unwrap_or_default();
            text.push_str(&format!("{:<14} process {id}\n", node.name()));
        }
        console.lines(&text);
        tokio::signal::ctrl_c().await?;
        Ok(())
    }
}
