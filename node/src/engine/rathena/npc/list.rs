//! The operator's list of script files: `npc: file`, `delnpc: file`, `import: list` (`map_reloadnpc_sub`).

use std::path::{Component, Path, PathBuf};

/// How many lists may import each other; the stock tree has one step.
const MAX_DEPTH: usize = 8;
/// More script files than any realm has.
const MAX_FILES: usize = 20_000;

/// The script files of a list, in order, each once. Paths are below the bundle's folder; others are passed over.
pub(super) fn files(list: &Path, read: &dyn Fn(&Path) -> Option<Vec<u8>>) -> Vec<PathBuf> {
    let mut found = Vec::new();
    follow(list, read, &mut found, 0);
    found
}

fn follow(list: &Path, read: &dyn Fn(&Path) -> Option<Vec<u8>>, found: &mut Vec<PathBuf>, depth: usize) {
    let Some(text) = read(list).filter(|_| depth < MAX_DEPTH) else { return };
    for line in String::from_utf8_lossy(&text).lines() {
        let line = line.split("//").next().unwrap_or_default();
        let Some((key, value)) = line.split_once(':') else { continue };
        let (key, value) = (key.trim().to_ascii_lowercase(), value.trim());
        if (key.as_str(), value) == ("delnpc", "all") || (key.as_str(), value) == ("npc", "clear") {
            found.clear();
            continue;
        }
        let Some(path) = inside(value) else { continue };
        match key.as_str() {
            "npc" if !found.contains(&path) && found.len() < MAX_FILES => found.push(path),
            "delnpc" => found.retain(|known| *known != path),
            "import" => follow(&path, read, found, depth + 1),
            _ => {}
        }
    }
}

/// A relative path that stays below where it starts.
fn inside(text: &str) -> Option<PathBuf> {
    let mut path = PathBuf::new();
    for part in Path::new(&text.replace('\\', "/")).components() {
        match part {
            Component::Normal(part) => path.push(part),
            Component::CurDir => {}
            Component::Prefix(_) | Component::RootDir | Component::ParentDir => return None,
        }
    }
    (!path.as_os_str().is_empty()).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_followed_in_order_and_stay_inside() {
        let read = |path: &Path| {
            let text = match path.to_str()? {
                "main" => {
                    "// npc: no\nnpc: npc/a.txt\nimport: more\nnpc: ./npc/c.txt // said\nnpc: ../../etc/passwd\nnpc: /etc/passwd"
                }
                "more" => {
                    "npc: npc/a.txt\nnpc: npc\\b.txt\nnpc: npc/gone.txt\ndelnpc: npc/gone.txt\nimport: more\nimport: none"
                }
                _ => return None,
            };
            Some(text.as_bytes().to_vec())
        };
        let found = files(Path::new("main"), &read);
        assert_eq!(found, ["npc/a.txt", "npc/b.txt", "npc/c.txt"].map(PathBuf::from));
    }
}
