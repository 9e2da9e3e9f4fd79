//! The launcher's side of its window: starts the window's process when somebody wants to see it, and attends it.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bifrost_launcher::pane::{Deps, attend};
use tauri::{AppHandle, Manager};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;

use crate::PANE;
use crate::start::Launcher;

/// How long a window may take to end when its input has closed.
const GRACE: Duration = Duration::from_secs(5);

/// The window that is open, if any: who asks it to come to the front. It closes when nobody is left who could.
#[derive(Debug, Default)]
pub(crate) struct Panes(Mutex<Option<mpsc::Sender<()>>>);

impl Panes {
    fn current(&self) -> std::sync::MutexGuard<'_, Option<mpsc::Sender<()>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is a window.
    pub(crate) fn is_open(&self) -> bool {
        self.current().as_ref().is_some_and(|show| !show.is_closed())
    }
}

/// Shows the window; makes it when there is none.
pub(crate) fn show(app: &AppHandle) {
    let Some(launcher) = app.try_state::<Launcher>() else { return };
    let mut current = launcher.panes.current();
    if let Some(show) = current.as_ref().filter(|show| !show.is_closed()) {
        // When one has been asked already, it comes.
        let _comes = show.try_send(());
        return;
    }
    let (show, shown) = mpsc::channel(1);
    *current = Some(show);
    let deps = launcher.deps();
    tauri::async_runtime::spawn(async move {
        if let Err(error) = run(deps, shown).await {
            tracing::error!(%error, "the window cannot be shown");
        }
    });
}

/// Runs one window to its end.
async fn run(deps: Deps, shown: mpsc::Receiver<()>) -> std::io::Result<()> {
    let mut window = start()?;
    // Both are piped, as `start` says.
    let (Some(to), Some(from)) = (window.stdin.take(), window.stdout.take()) else { return Ok(()) };
    attend(from, to, deps, shown).await;
    let Ok(ended) = tokio::time::timeout(GRACE, window.wait()).await else { return window.kill().await };
    let status = ended?;
    if !status.success() {
        tracing::warn!(%status, "the window has crashed; all else goes on");
    }
    Ok(())
}

fn start() -> std::io::Result<Child> {
    Command::new(program()?).arg(PANE).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn()
}

/// This program, even where an update has put another one in its place.
fn program() -> std::io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    Ok(if cfg!(target_os = "linux") && !program.exists() { "/proc/self/exe".into() } else { program })
}
