//! The window: made when somebody wants to see it, destroyed when it is closed.

use std::sync::{Mutex, PoisonError};

use bifrost_launcher::command::Command;
use bifrost_launcher::event::Event;
use tauri::{AppHandle, Manager, WebviewUrl, WebviewWindowBuilder, WindowEvent};
use tokio_util::sync::CancellationToken;

use crate::start::Launcher;

/// Its name in `capabilities/main.json`.
const LABEL: &str = "main";
const SIZE: (f64, f64) = (960.0, 640.0);
const MIN_SIZE: (f64, f64) = (720.0, 520.0);

/// What ends with the window.
#[derive(Debug, Default)]
pub(crate) struct Panes(Mutex<CancellationToken>);

impl Panes {
    /// A window begins to look. What the one before watched ends.
    pub(crate) fn opened(&self) -> CancellationToken {
        let mut current = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        current.cancel();
        *current = CancellationToken::new();
        current.clone()
    }

    fn closed(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).cancel();
    }
}

/// Shows the window; makes it when there is none.
pub(crate) fn show(app: &AppHandle) {
    let shown = match app.get_webview_window(LABEL) {
        Some(window) => window.unminimize().and_then(|()| window.show()).and_then(|()| window.set_focus()),
        None => WebviewWindowBuilder::new(app, LABEL, WebviewUrl::default())
            .title("Bifrost")
            .inner_size(SIZE.0, SIZE.1)
            .min_inner_size(MIN_SIZE.0, MIN_SIZE.1)
            .build()
            .map(drop),
    };
    if let Err(error) = shown {
        tracing::error!(%error, "the window cannot be shown");
    }
}

/// Whether there is a window.
pub(crate) fn is_shown(app: &AppHandle) -> bool {
    app.get_webview_window(LABEL).is_some()
}

/// Closing leaves the launcher in the tray, or ends it, as its owner likes.
pub(crate) fn on_event(app: &AppHandle, event: &WindowEvent) {
    let Some(launcher) = app.try_state::<Launcher>() else { return };
    if let WindowEvent::CloseRequested { api, .. } = event
        && !launcher.view.borrow().settings.close_to_tray
    {
        // It stays until the players on this PC's maps are moved: the window shows how far that is.
        api.prevent_close();
        let inbox = launcher.inbox.clone();
        tauri::async_runtime::spawn(async move { inbox.command(Command::Quit).await });
    }
    if let WindowEvent::Destroyed = event {
        launcher.panes.closed();
        launcher.inbox.tell_later(Event::Watched(false));
    }
}
