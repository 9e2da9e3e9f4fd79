//! The built UI: files of one folder, by kind.

use std::path::{Component, Path, PathBuf};

use axum::http::{StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};

/// Serves one file; the folder itself is its `index.html`.
pub(super) async fn serve(folder: PathBuf, uri: Uri) -> Response {
    let Some(path) = inside(&folder, uri.path()) else { return StatusCode::NOT_FOUND.into_response() };
    let Some(kind) = kind(&path) else { return StatusCode::NOT_FOUND.into_response() };
    match tokio::fs::read(&path).await {
        Ok(bytes) => ([(header::CONTENT_TYPE, kind)], bytes).into_response(),
        Err(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The file that a path names, if it is one below the folder.
fn inside(folder: &Path, path: &str) -> Option<PathBuf> {
    let relative = Path::new(path.trim_start_matches('/'));
    let plain = relative.components().all(|part| matches!(part, Component::Normal(_)));
    let relative = if path == "/" { Path::new("index.html") } else { relative };
    plain.then(|| folder.join(relative))
}

/// The kinds of files a UI is made of; nothing else is served.
fn kind(path: &Path) -> Option<&'static str> {
    match path.extension()?.to_str()? {
        "html" => Some("text/html; charset=utf-8"),
        "js" => Some("text/javascript; charset=utf-8"),
        "css" => Some("text/css; charset=utf-8"),
        "svg" => Some("image/svg+xml"),
        "png" => Some("image/png"),
        "webp" => Some("image/webp"),
        "ico" => Some("image/x-icon"),
        "woff2" => Some("font/woff2"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_below_the_folder_are_served() {
        let folder = Path::new("/ui");
        assert_eq!(inside(folder, "/"), Some("/ui/index.html".into()));
        assert_eq!(inside(folder, "/assets/app.js"), Some("/ui/assets/app.js".into()));
        for path in ["/../secret", "/assets/../../secret", "//etc/../passwd"] {
            assert_eq!(inside(folder, path), None, "{path}");
        }
        assert_eq!(kind(Path::new("/ui/settings.json")), None);
    }
}
