//! What a window asks for.

use bifrost_client_patch::Manifest;
use bifrost_protocol::Secret;

use super::{Controller, Membership, NodeSide};
use crate::command::{Command, CommandError};
use crate::effect::{Effect, Hosting};
use crate::event::{Account, Now};
use crate::realm::Realm;
use crate::settings::Settings;
use crate::view::{PlayStep, PlayView};

/// The longest account name, password or code: what the coordinator's API takes.
const MAX_FIELD: usize = 64;

impl Controller {
    /// Takes a command, and says what is to be done.
    ///
    /// # Errors
    /// It was not taken, and nothing changed.
    pub fn command(&mut self, command: Command, now: Now) -> Result<Vec<Effect>, CommandError> {
        if self.quitting {
            return Err(CommandError { code: crate::command::CommandCode::Stopping, message: "it is stopping".into() });
        }
        let mut effects = Vec::new();
        self.advance(now);
        match command {
            Command::OpenRealm { text } => self.open_realm(&text, &mut effects),
            Command::ForgetRealm => self.forget_realm(&mut effects)?,
            Command::SignIn { username, password } => {
                let account = Account::Game { username: field("username", username)?, password: secret(password)? };
                self.sign_in(account, &mut effects)?;
            }
            Command::SignInInvited { code } => self.sign_in(Account::Invitation(secret(code)?), &mut effects)?,
            Command::SignOut => self.sign_out(&mut effects)?,
            Command::SetHost { on } => self.set_host(on, &mut effects)?,
            Command::Play => self.play(&mut effects)?,
            Command::PatchClient => self.patch_client(&mut effects)?,
            Command::ChangeSettings { settings } => self.change_settings(settings, &mut effects)?,
            Command::Retry => self.retry(),
            Command::RunDoctor => self.run_doctor(&mut effects),
            Command::DismissNotes => self.notes.clear(),
            Command::InstallUpdate => self.install_update(&mut effects)?,
            Command::Quit => self.quitting = true,
        }
        self.settle(&mut effects);
        Ok(effects)
    }

    fn open_realm(&mut self, text: &str, effects: &mut Vec<Effect>) {
        match Realm::open(text, self.realm.as_ref(), self.now.unix) {
            Ok(realm) => {
                self.realm_problem = None;
                self.watch.hurry();
                effects.push(Effect::SaveRealm(Box::new(realm.clone())));
                self.realm = Some(realm);
            }
            Err(error) => {
                tracing::warn!(%error, "realm file refused");
                self.realm_problem = Some(error.to_problem());
            }
        }
    }

    fn forget_realm(&mut self, effects: &mut Vec<Effect>) -> Result<(), CommandError> {
        if !matches!(self.node, NodeSide::Off { .. }) {
            return Err(CommandError::not_now("hosting has to be off"));
        }
        (self.realm, self.realm_problem, self.failed) = (None, None, None);
        self.membership = Membership::Nobody;
        self.watch = Default::default();
        self.settings.host = false;
        effects.extend([Effect::ForgetAccount, Effect::ForgetRealm]);
        effects.push(Effect::SaveSettings(Box::new(self.settings.clone())));
        Ok(())
    }

    fn sign_in(&mut self, account: Account, effects: &mut Vec<Effect>) -> Result<(), CommandError> {
        let Some(realm) = &self.realm else { return Err(CommandError::not_now("there is no realm file")) };
        match self.membership {
            Membership::Nobody | Membership::Refused(_) => {}
            Membership::Proving(_) | Membership::Member(_) => {
                return Err(CommandError::not_now("somebody is signed in"));
            }
        }
        effects.push(Effect::SignIn { realm: Box::new(realm.clone()), account: account.clone() });
        self.membership = Membership::Proving(account);
        Ok(())
    }

    /// Signing out while maps are carried moves the players first.
    fn sign_out(&mut self, effects: &mut Vec<Effect>) -> Result<(), CommandError> {
        match self.membership {
            Membership::Member(_) => {}
            Membership::Nobody | Membership::Refused(_) | Membership::Proving(_) => {
                return Err(CommandError::not_now("nobody is signed in"));
            }
        }
        self.settings.host = false;
        effects.push(Effect::SaveSettings(Box::new(self.settings.clone())));
        self.begin_sign_out(effects);
        Ok(())
    }

    fn set_host(&mut self, on: bool, effects: &mut Vec<Effect>) -> Result<(), CommandError> {
        if on && !matches!(self.membership, Membership::Member(_)) {
            return Err(CommandError::not_now("nobody is signed in"));
        }
        if self.settings.host != on {
            self.settings.host = on;
            effects.push(Effect::SaveSettings(Box::new(self.settings.clone())));
        }
        self.retry();
        Ok(())
    }

    fn play(&mut self, effects: &mut Vec<Effect>) -> Result<(), CommandError> {
        let (folder, program, client) = self.client()?;
        let (Some(realm), Membership::Member(account)) = (&self.realm, &self.membership) else {
            return Err(CommandError::not_now("nobody is signed in"));
        };
        let (realm, account) = (Box::new(realm.clone()), account.clone());
        let hosting = Hosting { enabled: self.settings.host, players: self.settings.manners.players() };
        self.game = PlayView::Starting { step: PlayStep::Verify };
        effects.push(Effect::StartGame { realm, account, folder, program, client, hosting });
        Ok(())
    }

    fn patch_client(&mut self, effects: &mut Vec<Effect>) -> Result<(), CommandError> {
        let (folder, program, client) = self.client()?;
        self.game = PlayView::Starting { step: PlayStep::Patch };
        effects.push(Effect::PatchClient { folder, program, client });
        Ok(())
    }

    /// Folder, program and named files of a game that does not run.
    fn client(&self) -> Result<(String, String, Option<Manifest>), CommandError> {
        if matches!(self.game, PlayView::Starting { .. } | PlayView::Running { .. }) {
            return Err(CommandError::not_now("the game runs"));
        }
        if self.updating.is_some() {
            return Err(CommandError::not_now("an update is being installed"));
        }
        let Some(realm) = &self.realm else { return Err(CommandError::not_now("there is no realm file")) };
        let Some(folder) = self.settings.client_folder.clone().filter(|folder| !folder.is_empty()) else {
            return Err(CommandError::not_now("no folder of the game was chosen"));
        };
        Ok((folder, realm.program().to_owned(), realm.description.client.clone()))
    }

    fn change_settings(&mut self, settings: Settings, effects: &mut Vec<Effect>) -> Result<(), CommandError> {
        settings.check().map_err(CommandError::bad_input)?;
        // The switch has a command of its own, which looks whether it may be moved.
        let settings = Settings { host: self.settings.host, ..settings };
        if settings.autostart != self.settings.autostart {
            effects.push(Effect::SetAutostart(settings.autostart));
        }
        if settings.client_folder != self.settings.client_folder
            && matches!(self.game, PlayView::Failed { .. } | PlayView::Ready { .. })
        {
            self.game = PlayView::default();
        }
        self.settings = settings;
        effects.push(Effect::SaveSettings(Box::new(self.settings.clone())));
        Ok(())
    }

    fn retry(&mut self) {
        self.failed = None;
        self.failures = 0;
        self.watch.hurry();
        if let NodeSide::Off { not_before } = &mut self.node {
            *not_before = self.now.since_start;
        }
    }

    fn run_doctor(&mut self, effects: &mut Vec<Effect>) {
        if self.doctor.running {
            return;
        }
        self.doctor.running = true;
        effects.push(Effect::RunDoctor {
            realm: self.realm.clone().map(Box::new),
            client_folder: self.settings.client_folder.clone(),
        });
    }
}

fn field(name: &str, value: String) -> Result<String, CommandError> {
    if value.is_empty() || value.len() > MAX_FIELD || value.chars().any(char::is_control) {
        return Err(CommandError::bad_input(format!("{name}: expected 1 to {MAX_FIELD} printable bytes")));
    }
    Ok(value)
}

fn secret(value: Secret<String>) -> Result<Secret<String>, CommandError> {
    field("password", value.into_inner()).map(Secret::new)
}
