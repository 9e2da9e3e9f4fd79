//! With a window, Tauri's tables of commands and permissions are made here; without, nothing is.

fn main() {
    #[cfg(feature = "window")]
    {
        let commands = tauri_build::AppManifest::new().commands(&["watch", "command", "ask"]);
        tauri_build::try_build(tauri_build::Attributes::new().app_manifest(commands))
            .expect("tauri.conf.json and capabilities are good");
    }
}
