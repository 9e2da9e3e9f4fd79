//! Control groups, version 2. A node may make one for an engine where an administrator has given it a part of the tree:
//! its own group lies in one that it may write to and that holds no process itself.

use std::fs;
use std::path::{Path, PathBuf};

use tracing::debug;

use super::Limits;

/// Where version 2 is mounted: alone, or beside version 1.
const ROOTS: &[&str] = &["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
/// The controllers that are needed.
const CONTROLLERS: &[&str] = &["cpu", "memory"];
/// `cpu.max` counts microseconds in a period of this length.
const PERIOD_US: u64 = 100_000;

/// A group of one engine. Dropping it removes it, which works once its process is gone.
#[derive(Debug)]
pub(in crate::engine::rathena) struct Group {
    folder: PathBuf,
}

/// The group of this process.
pub(super) fn own() -> Option<PathBuf> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    let path = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let root = ROOTS.iter().map(Path::new).find(|root| root.join("cgroup.controllers").is_file())?;
    Some(root.join(path))
}

impl Group {
    /// Makes a group beside `own`.
    pub(super) fn make(own: &Path, name: &str, limits: Limits) -> Option<Self> {
        let above = own.parent()?;
        let has = |file: &str| {
            let text = fs::read_to_string(above.join(file)).unwrap_or_default();
            CONTROLLERS.iter().all(|controller| text.split_whitespace().any(|word| word == *controller))
        };
        if !has("cgroup.controllers") {
            return None;
        }
        if !has("cgroup.subtree_control") {
            // Refused when there are processes in it, or by a tree that is somebody else's.
            fs::write(above.join("cgroup.subtree_control"), "+cpu +memory").ok()?;
        }
        let folder = above.join(name);
        fs::create_dir(&folder).ok()?;
        let group = Self { folder };
        group.set("memory.max", limits.memory_bytes())?;
        let quota = u64::from(limits.cpu_percent) * PERIOD_US / 100;
        group.set("cpu.max", format!("{quota} {PERIOD_US}"))?;
        Some(group)
    }

    /// Moves a process into it.
    pub(super) fn take(&self, pid: u32) -> bool {
        self.set("cgroup.procs", pid).is_some()
    }

    fn set(&self, file: &str, value: impl ToString) -> Option<()> {
        fs::write(self.folder.join(file), value.to_string()).ok()
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir(&self.folder) {
            debug!(path = %self.folder.display(), %error, "a control group stays behind");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { memory_mib: 64, cpu_percent: 50, nice: 0 };

    /// A tree in which the node's group is `unit/node`.
    fn tree(controllers: &str, enabled: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().expect("a folder");
        let own = folder.path().join("unit/node");
        fs::create_dir_all(&own).expect("made");
        fs::write(folder.path().join("unit/cgroup.controllers"), controllers).expect("written");
        fs::write(folder.path().join("unit/cgroup.subtree_control"), enabled).expect("written");
        (folder, own)
    }

    #[test]
    fn an_engine_gets_a_group_beside_the_nodes() {
        let (folder, own) = tree("cpuset cpu io memory pids\n", "");
        let group = Group::make(&own, "engine-1", LIMITS).expect("made");
        assert!(group.take(4711));
        let read = |path: &str| fs::read_to_string(folder.path().join("unit").join(path)).expect("written");
        assert_eq!(read("cgroup.subtree_control"), "+cpu +memory");
        assert_eq!(read("engine-1/memory.max"), "67108864");
        assert_eq!(read("engine-1/cpu.max"), "50000 100000");
        assert_eq!(read("engine-1/cgroup.procs"), "4711");
    }

    #[test]
    fn where_no_group_may_be_made_there_is_none() {
        let (_folder, own) = tree("cpu io\n", "");
        assert!(Group::make(&own, "engine-1", LIMITS).is_none());
        let (folder, own) = tree("cpu memory\n", "cpu memory\n");
        fs::create_dir(folder.path().join("unit/engine-1")).expect("made");
        assert!(Group::make(&own, "engine-1", LIMITS).is_none(), "one of that name is there");
    }
}
