//! `bifrost`: the launcher with its window and tray icon.
//!
//! The controller runs from start to end; the window comes and goes. Closing it destroys the webview and gives its memory
//! back, while the tray icon stays and hosting goes on.

#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

mod commands;
mod pane;
mod shell;
mod speech;
mod start;
mod tray;
mod updates;

use std::process::ExitCode;

use clap::Parser;
use tauri::{Manager, RunEvent};
use tauri_plugin_autostart::MacosLauncher;

use start::{Launcher, Options};

/// What the session starts it with.
const HIDDEN: &str = "--hidden";

fn main() -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) => {
            // Nobody is left to tell when the streams are closed.
            let _told = error.print();
            return ExitCode::from(if error.use_stderr() { 64 } else { 0 });
        }
    };
    let built = tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|app, _, _| pane::show(app)))
        .plugin(tauri_plugin_autostart::init(MacosLauncher::LaunchAgent, Some(vec![HIDDEN])))
        .plugin(tauri_plugin_notification::init())
        .plugin(tauri_plugin_updater::Builder::new().build())
        .plugin(tauri_plugin_window_state::Builder::default().build())
        .invoke_handler(tauri::generate_handler![commands::watch, commands::command, commands::ask])
        .setup(move |app| start::start(app.handle(), &options))
        .build(tauri::generate_context!());
    match built {
        Ok(app) => {
            app.run(|app, event| {
                if let RunEvent::ExitRequested { code: None, api, .. } = event {
                    // The last window is closed: the tray stays. An exit with a code is ours.
                    api.prevent_exit();
                } else if let RunEvent::Exit = event
                    && let Some(launcher) = app.try_state::<Launcher>()
                {
                    launcher.ended(app);
                } else if let RunEvent::WindowEvent { event, .. } = event {
                    pane::on_event(app, &event);
                }
            });
            ExitCode::SUCCESS
        }
        Err(error) => {
            tracing::error!(%error, "the window system is not there");
            ExitCode::FAILURE
        }
    }
}
