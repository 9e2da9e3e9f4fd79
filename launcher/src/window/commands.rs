//! The three requests of the window. They only translate.

use std::sync::Arc;

use bifrost_launcher::command::{Answer, Command, CommandError, Question};
use bifrost_launcher::event::Event;
use bifrost_launcher::serve;
use bifrost_launcher::view::View;
use tauri::State;
use tauri::ipc::Channel;

use crate::start::Launcher;

/// Sends every view from now on, until the window is gone.
#[tauri::command]
pub(crate) async fn watch(launcher: State<'_, Launcher>, views: Channel<Arc<View>>) -> Result<(), CommandError> {
    let closed = launcher.panes.opened();
    launcher.inbox.tell(Event::Watched(true)).await;
    let mut view = launcher.view.clone();
    view.mark_changed();
    let _sent = closed
        .run_until_cancelled(async {
            while view.changed().await.is_ok() {
                let now = Arc::clone(&view.borrow_and_update());
                if views.send(now).is_err() {
                    return;
                }
            }
        })
        .await;
    Ok(())
}

/// Has a command taken.
#[tauri::command]
pub(crate) async fn command(launcher: State<'_, Launcher>, command: Command) -> Result<(), CommandError> {
    launcher.inbox.command(command).await
}

/// Answers a question.
#[tauri::command]
pub(crate) fn ask(launcher: State<'_, Launcher>, question: Question) -> Answer {
    serve::answer(&question, &launcher.log, &launcher.view.borrow())
}
