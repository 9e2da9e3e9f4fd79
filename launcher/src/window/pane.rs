//! The window's process: the webview, and a wire to the launcher that has started it. It ends with the window, or with the
//! launcher. What is said on the wire stands in `bifrost_launcher::pane`.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::sync::{Mutex, PoisonError};

use bifrost_launcher::pane::{FromPane, MAX_MESSAGE, ToPane};
use serde_json::{Value, json};
use tauri::{App, AppHandle, Manager, WebviewUrl, WebviewWindowBuilder, WindowEvent};
use tokio::sync::{oneshot, watch};

use crate::commands;

/// Its name in `capabilities/main.json`.
const LABEL: &str = "main";
const SIZE: (f64, f64) = (960.0, 640.0);
const MIN_SIZE: (f64, f64) = (720.0, 520.0);

/// The wire to the launcher.
#[derive(Debug)]
pub(crate) struct Wire {
    /// The last view; null before the first.
    view: watch::Sender<Value>,
    waiting: Mutex<Waiting>,
}

/// Requests without an answer yet.
#[derive(Debug, Default)]
struct Waiting {
    last: u64,
    by_number: HashMap<u64, oneshot::Sender<Result<Value, Value>>>,
}

/// The window's program.
///
/// # Errors
/// There is no window system.
pub(crate) fn build() -> tauri::Result<App> {
    tauri::Builder::default()
        .plugin(tauri_plugin_window_state::Builder::default().build())
        .invoke_handler(tauri::generate_handler![commands::watch, commands::command, commands::ask])
        .manage(Wire { view: watch::Sender::default(), waiting: Mutex::default() })
        .setup(|app| {
            WebviewWindowBuilder::new(app, LABEL, WebviewUrl::default())
                .title("Bifrost")
                .inner_size(SIZE.0, SIZE.1)
                .min_inner_size(MIN_SIZE.0, MIN_SIZE.1)
                .build()?;
            let handle = app.handle().clone();
            // A thread: reading standard input cannot be given up, and ends with the process.
            std::thread::spawn(move || listen(&handle));
            Ok(())
        })
        .build(crate::context())
}

/// Whether the window closes is the launcher's to say: it may have players to move first.
pub(crate) fn on_event(app: &AppHandle, event: &WindowEvent) {
    if let WindowEvent::CloseRequested { api, .. } = event
        && app.try_state::<Wire>().is_some_and(|wire| wire.say(&FromPane::Close).is_ok())
    {
        api.prevent_close();
    }
}

/// Hears the launcher until it is gone, or wants no window any more.
fn listen(app: &AppHandle) {
    let wire = app.state::<Wire>();
    let mut input = BufReader::new(std::io::stdin().lock());
    let mut line = Vec::new();
    loop {
        line.clear();
        match input.by_ref().take(MAX_MESSAGE as u64).read_until(b'\n', &mut line) {
            Ok(length) if length > 0 => {}
            Ok(_) | Err(_) => break,
        }
        match serde_json::from_slice(&line) {
            Ok(ToPane::View(view)) => drop(wire.view.send_replace(view)),
            Ok(ToPane::Answer(number, answer)) => wire.answered(number, answer),
            Ok(ToPane::Show) => show(app),
            Err(error) => tracing::warn!(%error, "the launcher has said something else"),
        }
    }
    app.exit(0);
}

fn show(app: &AppHandle) {
    let Some(window) = app.get_webview_window(LABEL) else { return };
    let shown = window.unminimize().and_then(|()| window.show()).and_then(|()| window.set_focus());
    if let Err(error) = shown {
        tracing::warn!(%error, "the window does not come to the front");
    }
}

impl Wire {
    /// Views from now on, the one that is shown now first.
    pub(crate) fn views(&self) -> watch::Receiver<Value> {
        self.view.subscribe()
    }

    /// Tells the launcher.
    ///
    /// # Errors
    /// It is gone.
    pub(crate) fn say(&self, message: &FromPane) -> std::io::Result<()> {
        let mut line = serde_json::to_vec(message)?;
        line.push(b'\n');
        let mut out = std::io::stdout().lock();
        out.write_all(&line)?;
        out.flush()
    }

    /// Asks the launcher, and waits for its answer.
    ///
    /// # Errors
    /// The launcher's own, or that it is gone.
    pub(crate) async fn ask(&self, request: impl FnOnce(u64) -> FromPane) -> Result<Value, Value> {
        let gone = || json!({ "code": "stopping", "message": "the launcher is gone" });
        let (number, answer) = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let (sender, answer) = oneshot::channel();
            waiting.last += 1;
            let number = waiting.last;
            waiting.by_number.insert(number, sender);
            (number, answer)
        };
        if self.say(&request(number)).is_err() {
            self.answered(number, Err(gone()));
        }
        answer.await.unwrap_or_else(|_| Err(gone()))
    }

    fn answered(&self, number: u64, answer: Result<Value, Value>) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(sender) = waiting.by_number.remove(&number) {
            // Nobody waits when the page was loaded again meanwhile.
            let _waits = sender.send(answer);
        }
    }
}
