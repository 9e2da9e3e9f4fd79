//! The shell of a real launcher: files, keyring, the embedded node, the realm's HTTPS API, the game.

mod doctor;
mod game;
mod gateway;
mod machine;
mod node;
mod realm_api;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::Inbox;
use crate::effect::{Effect, Shell};
use crate::event::{Account, Event, Kept};
use crate::files::{self, Loaded};
use crate::ledger::Ledger;
use crate::realm::Realm;
use crate::secrets::{Place, Vault};
use crate::settings::Settings;
use crate::view::Problem;

use machine::Sampler;
use node::NodeTask;
use realm_api::RealmApi;

/// The shell.
#[derive(Debug)]
pub struct LiveShell {
    inbox: Inbox,
    folder: PathBuf,
    vault: Arc<Vault>,
    tasks: TaskTracker,
    stop: CancellationToken,
    node: Option<NodeTask>,
    api: Option<Arc<RealmApi>>,
    sampler: Arc<Mutex<Sampler>>,
}

impl LiveShell {
    /// A shell over a state folder. `stop` ends whatever it has started.
    #[must_use]
    pub fn new(inbox: Inbox, folder: &Path, vault: Vault, stop: CancellationToken) -> Self {
        Self {
            inbox,
            folder: folder.to_owned(),
            vault: Arc::new(vault),
            tasks: TaskTracker::new(),
            stop,
            node: None,
            api: None,
            sampler: Arc::default(),
        }
    }

    /// What waits for the work behind the shell to end, once `stop` is cancelled.
    #[must_use]
    pub fn tasks(&self) -> TaskTracker {
        self.tasks.clone()
    }

    /// Runs something that ends in an event, until the launcher stops.
    fn report(&self, work: impl Future<Output = Event> + Send + 'static) {
        let (inbox, stop) = (self.inbox.clone(), self.stop.clone());
        self.tasks.spawn(async move {
            if let Some(event) = stop.run_until_cancelled(work).await {
                inbox.tell(event).await;
            }
        });
    }

    /// Does something to files off the async threads; only a failure is told.
    fn keep(&self, what: &'static str, work: impl FnOnce() -> std::io::Result<()> + Send + 'static) {
        let inbox = self.inbox.clone();
        self.tasks.spawn(async move {
            let problem = match tokio::task::spawn_blocking(work).await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error.to_string(),
                Err(error) => error.to_string(),
            };
            inbox.tell(Event::NotKept(format!("{what}: {problem}"))).await;
        });
    }

    /// The client of a realm's API; its connection lives on between questions.
    fn api(&mut self, realm: &Realm) -> Arc<RealmApi> {
        match &self.api {
            Some(api) if api.is_of(realm) => Arc::clone(api),
            Some(_) | None => {
                let api = Arc::new(RealmApi::new(realm, &node::folder(&self.folder)));
                self.api = Some(Arc::clone(&api));
                api
            }
        }
    }

    fn sign_in(&mut self, realm: Box<Realm>, account: Account) {
        let (api, vault) = (self.api(&realm), Arc::clone(&self.vault));
        let folder = node::folder(&self.folder);
        self.report(async move {
            let proved = node::prove(&realm, &account, &folder, &api).await;
            let kept = match proved {
                Ok(()) => keep_account(vault, account).await,
                Err(problem) => Err(problem),
            };
            Event::SignedIn(kept)
        });
    }

    fn forget_account(&self) {
        let (vault, folder) = (Arc::clone(&self.vault), node::folder(&self.folder));
        self.keep("signing out", move || {
            node::forget(&folder)?;
            vault.forget().map_err(std::io::Error::other)
        });
    }
}

impl Shell for LiveShell {
    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::SignIn { realm, account } => self.sign_in(realm, account),
            Effect::ForgetAccount => self.forget_account(),
            Effect::StartNode { realm, account, players, engine_mib } => {
                let mut config = node::config(&realm, &account, &node::folder(&self.folder), players);
                config.engine.memory_mib = engine_mib.into();
                self.node = Some(NodeTask::start(config, self.inbox.clone(), &self.tasks, &self.stop));
            }
            Effect::DrainNode => {
                if let Some(node) = &self.node {
                    node.drain();
                }
            }
            Effect::StopNode => self.node = None,
            Effect::PollStatus { realm } => {
                let api = self.api(&realm);
                self.report(async move { Event::Status(api.status().await) });
            }
            Effect::SampleMachine => {
                let sampler = Arc::clone(&self.sampler);
                self.report(async move { Event::Machine(Sampler::sample(sampler).await) });
            }
            Effect::SaveSettings(settings) => {
                let path = self.folder.join(Settings::FILE);
                self.keep("settings", move || files::save(&path, &*settings));
            }
            Effect::SaveLedger(ledger) => {
                let path = self.folder.join(Ledger::FILE);
                self.keep("contribution", move || files::save(&path, &*ledger));
            }
            Effect::SaveRealm(realm) => {
                let path = self.folder.join(Realm::FILE);
                self.keep("realm file", move || files::write_private(&path, realm.text().as_bytes()));
            }
            Effect::ForgetRealm => {
                let path = self.folder.join(Realm::FILE);
                self.keep("realm file", move || files::remove(&path));
            }
            Effect::StartGame { realm, account, folder, program, client, hosting } => {
                let (inbox, stop) = (self.inbox.clone(), self.stop.clone());
                let way = node::config(&realm, &account, &node::folder(&self.folder), 1);
                let game = game::Game { folder, program, client, hosting, way };
                self.tasks.spawn(async move { stop.run_until_cancelled(game::play(inbox, game, &stop)).await });
            }
            Effect::PatchClient { folder, program, client } => self.report(game::prepare(folder, program, client)),
            Effect::RunDoctor { realm, client_folder } => {
                let api = realm.as_ref().map(|realm| self.api(realm));
                let checkup = doctor::Checkup {
                    realm: realm.map(|realm| *realm),
                    api,
                    client_folder,
                    state: self.folder.clone(),
                };
                self.report(async move {
                    let findings = checkup.run().await;
                    let report = doctor::report(&findings);
                    Event::Doctor(findings, report)
                });
            }
            Effect::SetAutostart(on) => tracing::info!(on, "autostart is the window's"),
            Effect::SetTray(tray) => tracing::debug!(?tray, "tray"),
            Effect::Notify(notice) => tracing::info!(?notice, "worth a notification"),
            Effect::FindUpdate { .. } => tracing::debug!("updates are the window's"),
            Effect::InstallUpdate => self.report(async { Event::UpdateFailed }),
            Effect::Restart | Effect::Quit => self.node = None,
        }
    }
}

async fn keep_account(vault: Arc<Vault>, account: Account) -> Result<(), Problem> {
    match tokio::task::spawn_blocking(move || vault.keep(&account)).await {
        Ok(kept) => kept.map_err(Problem::from),
        Err(error) => Err(Problem::new(crate::view::ProblemCode::Internal, error.to_string())),
    }
}

/// Checks everything once, without a running launcher. Returns the findings and the report.
pub async fn check_up(
    realm: Option<Realm>,
    client_folder: Option<String>,
    state: &Path,
) -> (Vec<crate::doctor::Finding>, String) {
    let api = realm.as_ref().map(|realm| Arc::new(RealmApi::new(realm, &node::folder(state))));
    let findings = doctor::Checkup { realm, api, client_folder, state: state.to_owned() }.run().await;
    let report = doctor::report(&findings);
    (findings, report)
}

/// What was kept from the last run. Reads files and asks the keyring: not for async threads.
#[must_use]
pub fn load(folder: &Path, vault: &Vault, now_unix: u64) -> Kept {
    let (settings, settings_reset) = match files::load(&folder.join(Settings::FILE)) {
        Loaded::Value(settings) => (settings, false),
        Loaded::Missing => (Settings::default(), false),
        Loaded::MovedAside(_) => (Settings::default(), true),
    };
    let ledger = match files::load(&folder.join(Ledger::FILE)) {
        Loaded::Value(ledger) => ledger,
        Loaded::Missing | Loaded::MovedAside(_) => Ledger::default(),
    };
    let realm = std::fs::read_to_string(folder.join(Realm::FILE)).ok();
    let account = vault.account().map_err(|error| {
        tracing::warn!(%error, "the account cannot be read");
        Problem::from(error)
    });
    Kept {
        settings,
        settings_reset,
        realm: realm.map(|text| Realm::open(&text, None, now_unix).map_err(|error| error.to_problem())),
        account,
        ledger,
        no_keyring: vault.place() == Place::File,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_folder_is_a_first_run_and_broken_settings_are_said() {
        let folder = tempfile::tempdir().expect("a folder");
        let vault = Vault::in_file(folder.path());
        let kept = load(folder.path(), &vault, 0);
        assert!(kept.realm.is_none() && matches!(kept.account, Ok(None)) && !kept.settings_reset && kept.no_keyring);
        std::fs::write(folder.path().join(Settings::FILE), "{").expect("written");
        std::fs::write(folder.path().join(Realm::FILE), "{}").expect("written");
        let kept = load(folder.path(), &vault, 0);
        assert!(kept.settings_reset);
        assert!(matches!(kept.realm, Some(Err(_))));
    }
}
