//! The tray icon: the ribbon in four states, and a menu of two lines.

use bifrost_launcher::command::Command;
use bifrost_launcher::effect::Tray;
use bifrost_launcher::settings::Language;
use tauri::image::Image;
use tauri::menu::{MenuBuilder, MenuEvent};
use tauri::tray::{MouseButton, MouseButtonState, TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, Manager};

use crate::start::Launcher;
use crate::{panes, speech};

const ID: &str = "main";
const OPEN: &str = "open";
const QUIT: &str = "quit";

/// Puts the icon into the tray. The menu speaks the language that was set when the launcher started.
pub(crate) fn build(app: &AppHandle, language: Option<Language>) -> tauri::Result<()> {
    let words = speech::menu(language);
    let menu = MenuBuilder::new(app).text(OPEN, words.open).separator().text(QUIT, words.quit).build()?;
    TrayIconBuilder::with_id(ID)
        .icon(picture(Tray::Offline)?)
        .tooltip("Bifrost")
        .menu(&menu)
        .show_menu_on_left_click(false)
        .on_menu_event(|app, event| on_menu(app, &event))
        .on_tray_icon_event(|icon, event| {
            if let TrayIconEvent::Click { button: MouseButton::Left, button_state: MouseButtonState::Up, .. } = event {
                panes::show(icon.app_handle());
            }
        })
        .build(app)
        .map(drop)
}

/// Shows another state.
pub(crate) fn set(app: &AppHandle, state: Tray) {
    let Some(icon) = app.tray_by_id(ID) else { return };
    if let Err(error) = picture(state).and_then(|picture| icon.set_icon(Some(picture))) {
        tracing::warn!(%error, "the tray icon could not be changed");
    }
}

fn on_menu(app: &AppHandle, event: &MenuEvent) {
    match event.id().as_ref() {
        OPEN => panes::show(app),
        QUIT => {
            // A drain takes a moment: whoever quits sees how far it is.
            panes::show(app);
            let inbox = app.state::<Launcher>().inbox.clone();
            tauri::async_runtime::spawn(async move { inbox.command(Command::Quit).await });
        }
        _ => {}
    }
}

fn picture(state: Tray) -> tauri::Result<Image<'static>> {
    Image::from_bytes(match state {
        Tray::Offline => include_bytes!("../../../icons/tray-offline@2x.png"),
        Tray::Connected => include_bytes!("../../../icons/tray-connected@2x.png"),
        Tray::Hosting => include_bytes!("../../../icons/tray-hosting@2x.png"),
        Tray::Trouble => include_bytes!("../../../icons/tray-trouble@2x.png"),
    })
}
