//! The shell of the launcher with a window: tray, notifications, autostart, updates and exit are done here, all else by the live
//! one.

use std::time::Duration;

use bifrost_launcher::app::Inbox;
use bifrost_launcher::effect::{Effect, Shell};
use bifrost_launcher::live::LiveShell;
use tauri::{AppHandle, Manager};
use tauri_plugin_autostart::ManagerExt;
use tauri_plugin_notification::NotificationExt;
use tokio_util::sync::CancellationToken;

use crate::start::Launcher;
use crate::updates::Updates;
use crate::{speech, tray};

/// How long what still runs at the end may take.
const GRACE: Duration = Duration::from_secs(5);

/// The shell.
#[derive(Debug)]
pub(crate) struct WindowShell {
    app: AppHandle,
    live: LiveShell,
    inbox: Inbox,
    updates: Updates,
    stop: CancellationToken,
}

impl WindowShell {
    /// A shell around the live one. `stop` ends what that one has started.
    pub(crate) fn new(app: AppHandle, live: LiveShell, inbox: Inbox, stop: CancellationToken) -> Self {
        Self { app, live, inbox, updates: Updates::default(), stop }
    }

    /// Runs something until the launcher stops.
    fn run(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.live.tasks().spawn(self.stop.clone().run_until_cancelled_owned(work));
    }

    fn quit(&mut self) {
        self.live.perform(Effect::Quit);
        self.stop.cancel();
        let (tasks, app) = (self.live.tasks(), self.app.clone());
        tasks.close();
        tauri::async_runtime::spawn(async move {
            let _in_time = tokio::time::timeout(GRACE, tasks.wait()).await;
            app.exit(0);
        });
    }

    fn set_autostart(&self, on: bool) {
        let autostart = self.app.autolaunch();
        let set = if on { autostart.enable() } else { autostart.disable() };
        if let Err(error) = set {
            tracing::warn!(%error, on, "autostart could not be changed");
        }
    }
}

impl Shell for WindowShell {
    fn perform(&mut self, effect: Effect) {
        match effect {
            Effect::SetTray(state) => tray::set(&self.app, state),
            Effect::Notify(notice) => {
                let shown = self.app.notification().builder().title("Bifrost").body(speech::notice(notice)).show();
                if let Err(error) = shown {
                    tracing::debug!(%error, "a notification could not be shown");
                }
            }
            Effect::SetAutostart(on) => self.set_autostart(on),
            Effect::FindUpdate { realm } => {
                self.run(self.updates.clone().find(self.app.clone(), realm, self.inbox.clone()));
            }
            Effect::InstallUpdate => self.run(self.updates.clone().install(self.inbox.clone())),
            Effect::Restart => {
                if let Some(launcher) = self.app.try_state::<Launcher>() {
                    launcher.start_anew();
                }
                self.quit();
            }
            Effect::Quit => self.quit(),
            Effect::SignIn { .. }
            | Effect::ForgetAccount
            | Effect::StartNode { .. }
            | Effect::DrainNode
            | Effect::StopNode
            | Effect::PollStatus { .. }
            | Effect::SampleMachine
            | Effect::SaveSettings(_)
            | Effect::SaveLedger(_)
            | Effect::SaveRealm(_)
            | Effect::ForgetRealm
            | Effect::StartGame { .. }
            | Effect::PatchClient { .. }
            | Effect::RunDoctor { .. } => self.live.perform(effect),
        }
    }
}
