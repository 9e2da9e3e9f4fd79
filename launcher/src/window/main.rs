//! `bifrost`: the launcher with its tray icon, and with a window.
//!
//! The controller runs from start to end, beside the tray icon. The window is the same program started again, with `--pane`:
//! it comes and goes, and takes all memory of its webview with it.

#![cfg_attr(all(windows, not(debug_assertions)), windows_subsystem = "windows")]

mod commands;
mod pane;
mod panes;
mod shell;
mod speech;
mod start;
mod tray;
mod updates;

use std::process::ExitCode;

use clap::Parser;
use tauri::{App, Context, Manager, RunEvent};
use tauri_plugin_autostart::MacosLauncher;

use start::{Launcher, Options};

/// What the session starts it with.
const HIDDEN: &str = "--hidden";
/// What it starts its window with.
const PANE: &str = "--pane";

fn main() -> ExitCode {
    let options = match Options::try_parse() {
        Ok(options) => options,
        Err(error) => {
            // Nobody is left to tell when the streams are closed.
            let _told = error.print();
            return ExitCode::from(if error.use_stderr() { 64 } else { 0 });
        }
    };
    let built = if options.pane { pane::build() } else { build(options) };
    match built {
        Ok(app) => {
            app.run(|app, event| {
                if let RunEvent::ExitRequested { code: None, api, .. } = event {
                    // A launcher stays when there is no window; a window's process ends with it.
                    if app.try_state::<Launcher>().is_some() {
                        api.prevent_exit();
                    }
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

/// The launcher's program.
fn build(options: Options) -> tauri::Result<App> {
    tauri::Builder::default()
        .plugin(tauri_plugin_single_instance::init(|app, _, _| panes::show(app)))
        .plugin(tauri_plugin_autostart::init(MacosLauncher::LaunchAgent, Some(vec![HIDDEN])))
        .plugin(tauri_plugin_notification::init())
        .plugin(tauri_plugin_updater::Builder::new().build())
        .setup(move |app| {
            // The icon in the dock is the window's.
            #[cfg(target_os = "macos")]
            app.set_activation_policy(tauri::ActivationPolicy::Accessory);
            start::start(app.handle(), &options)
        })
        .build(context())
}

/// What `tauri.conf.json` and the page's files are compiled to, once for both.
fn context() -> Context {
    tauri::generate_context!()
}
