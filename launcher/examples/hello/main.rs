//! The least that Tauri can show: what the launcher's window is measured against (`./test package`).

fn main() -> tauri::Result<()> {
    tauri::Builder::default().run(tauri::generate_context!("examples/hello/tauri.conf.json"))
}
