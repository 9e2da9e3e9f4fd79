//! From nothing to a running launcher: folder, log, vault, controller, tray, and the window unless told otherwise.

use std::error::Error;
use std::fs::File;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bifrost_launcher::app::{App, Inbox, queue, system_clock};
use bifrost_launcher::event::Event;
use bifrost_launcher::files;
use bifrost_launcher::live::{self, LiveShell};
use bifrost_launcher::log::LogBook;
use bifrost_launcher::pane::Deps;
use bifrost_launcher::secrets::Vault;
use bifrost_launcher::view::View;
use clap::Parser;
use tauri::{AppHandle, Manager};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::HIDDEN;
use crate::panes::Panes;
use crate::shell::WindowShell;
use crate::{panes, tray};

/// Plays the realm's game, and hosts its maps when this PC is free
#[derive(Debug, Parser)]
#[command(name = "bifrost", version)]
pub(crate) struct Options {
    /// Folder of settings, account, node and contribution; the usual one of this system when not given
    #[arg(long, value_name = "DIR")]
    state: Option<PathBuf>,
    /// Starts in the tray, without a window
    #[arg(long)]
    hidden: bool,
    /// What the launcher starts its own window with
    #[arg(long, hide = true)]
    pub(crate) pane: bool,
}

/// What commands work with. One a program.
#[derive(Debug)]
pub(crate) struct Launcher {
    pub(crate) inbox: Inbox,
    view: watch::Receiver<Arc<View>>,
    log: LogBook,
    pub(crate) panes: Panes,
    /// Whether the program is started anew when it ends.
    anew: AtomicBool,
    /// Kept for its task.
    _app: App,
    /// Kept so that the folder stays ours.
    lock: File,
}

impl Launcher {
    /// What a window is answered with.
    pub(crate) fn deps(&self) -> Deps {
        Deps { inbox: self.inbox.clone(), view: self.view.clone(), log: self.log.clone() }
    }

    /// Has the program started anew when it ends.
    pub(crate) fn start_anew(&self) {
        self.anew.store(true, Ordering::Relaxed);
    }

    /// The program ends: starts it anew, if that was asked for. It shows itself if this one does.
    pub(crate) fn ended(&self, app: &AppHandle) {
        if !self.anew.load(Ordering::Relaxed) {
            return;
        }
        // Else the new one would take this one for the running one, and end.
        tauri_plugin_single_instance::destroy(app);
        let hidden = (!self.panes.is_open()).then_some(HIDDEN);
        let options = std::env::args_os().skip(1).filter(|option| option != HIDDEN);
        let started = self
            .lock
            .unlock()
            .and_then(|()| tauri::process::current_binary(&app.env()))
            .and_then(|program| Command::new(program).args(options).args(hidden).spawn());
        if let Err(error) = started {
            tracing::error!(%error, "the new version could not be started");
        }
    }
}

/// Starts everything.
pub(crate) fn start(handle: &AppHandle, options: &Options) -> Result<(), Box<dyn Error>> {
    let log = LogBook::default();
    let filter = || EnvFilter::builder().parse_lossy("info");
    tracing_subscriber::registry()
        .with(tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_filter(filter()))
        .with(log.clone().with_filter(filter()))
        .init();
    let folder = match &options.state {
        Some(folder) => folder.clone(),
        None => handle.path().app_data_dir()?,
    };
    let lock = files::lock(&folder)?;
    // The keyring may ask the user something; there is nothing to show before it has.
    let vault = Vault::open(&folder);
    let clock = system_clock();
    let kept = live::load(&folder, &vault, clock().unix);
    tray::build(handle, kept.settings.language)?;

    let (inbox, outbox) = queue();
    let stop = CancellationToken::new();
    let app = tauri::async_runtime::block_on(async {
        let live = LiveShell::new(inbox.clone(), &folder, vault, stop.clone());
        let shell = WindowShell::new(handle.clone(), live, inbox.clone(), stop);
        let app = App::spawn(inbox.clone(), outbox, Box::new(shell), clock);
        inbox.tell(Event::Started(Box::new(kept))).await;
        app
    });
    handle.manage(Launcher {
        inbox,
        view: app.view(),
        log,
        panes: Panes::default(),
        anew: AtomicBool::new(false),
        _app: app,
        lock,
    });
    if !options.hidden {
        panes::show(handle);
    }
    Ok(())
}
