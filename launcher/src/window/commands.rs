//! The three requests of the page. They only pass on.

use bifrost_launcher::pane::FromPane;
use serde_json::{Value, json};
use tauri::State;
use tauri::ipc::Channel;

use crate::pane::Wire;

/// Sends every view from now on, until the window is gone.
#[tauri::command]
pub(crate) async fn watch(wire: State<'_, Wire>, views: Channel<Value>) -> Result<(), Value> {
    let mut view = wire.views();
    wire.say(&FromPane::Watch).map_err(|error| json!({ "code": "stopping", "message": error.to_string() }))?;
    while view.changed().await.is_ok() {
        let now = view.borrow_and_update().clone();
        if views.send(now).is_err() {
            break;
        }
    }
    Ok(())
}

/// Has a command taken.
#[tauri::command]
pub(crate) async fn command(wire: State<'_, Wire>, command: Value) -> Result<(), Value> {
    wire.ask(|number| FromPane::Command(number, command)).await.map(drop)
}

/// Answers a question.
#[tauri::command]
pub(crate) async fn ask(wire: State<'_, Wire>, question: Value) -> Result<Value, Value> {
    wire.ask(|number| FromPane::Ask(number, question)).await
}
