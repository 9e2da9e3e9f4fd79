//! The folder an engine runs in: the bundle's parts by link, the settings and scripts that make it an engine by copy.
//!
//! A map-server looks for `conf`, `db` and `npc` in its working directory, and changes to its binary's folder when it was
//! started by a path (`core.cpp`, `Core::start`). So the binary is linked into the folder too, and started there.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;
use tracing::{info, warn};

use super::npc;

/// The map-server's file in bundles and run folders.
pub(super) const PROGRAM: &str = if cfg!(windows) { "map-server.exe" } else { "map-server" };
/// Holds the number of the process, to find one that should not be there any more.
const PID_FILE: &str = "engine.pid";
/// Scripts that a map-server reads beside its list (`BarterDatabase::getDefaultLocation` and what that imports).
const BARTERS: &[&str] = &["npc/barters.yml", "npc/re/merchants/barters.yml", "npc/custom/barters.yml"];

/// What goes into a run folder.
#[derive(Clone, Debug)]
pub(super) struct Plan {
    /// The unpacked bundle, as an absolute path.
    pub(super) bundle: PathBuf,
    /// Whether it is a renewal build: it reads other lists then.
    pub(super) renewal: bool,
    /// The maps.
    pub(super) maps: Vec<String>,
    /// What is appended to files below `conf/import`.
    pub(super) overrides: Vec<(&'static str, String)>,
}

/// A run folder. Dropping it removes it.
#[derive(Debug)]
pub(super) struct RunFolder {
    path: PathBuf,
}

/// Why there is no run folder.
#[derive(Debug, Error)]
pub(super) enum FolderError {
    /// The bundle is not one.
    #[error("the bundle has no {0}")]
    Missing(String),
    /// A file could not be made.
    #[error("{path}: {source}")]
    Io {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl RunFolder {
    /// Makes a folder of its own below `home`. Reads every script of the bundle: not for async threads.
    pub(super) fn build(home: &Path, plan: &Plan) -> Result<Self, FolderError> {
        let mode = if plan.renewal { "re" } else { "pre-re" };
        let list = PathBuf::from(format!("npc/{mode}/scripts_main.conf"));
        for part in [Path::new(PROGRAM), Path::new("conf"), Path::new("db"), &list] {
            if !plan.bundle.join(part).exists() {
                return Err(FolderError::Missing(part.display().to_string()));
            }
        }
        // The map-server changes to the folder of the path it was started by.
        let home = std::path::absolute(home).map_err(|source| failed(home, source))?;
        let folder = Self { path: home.join(format!("{:016x}", rand::random::<u64>())) };
        make(&home)?;
        make(&folder.path)?;
        make(&folder.path.join("log"))?;
        folder.programs(plan)?;
        folder.conf(plan)?;
        folder.db(plan)?;
        folder.npc(plan, &list)?;
        Ok(folder)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// What to start.
    pub(super) fn program(&self) -> PathBuf {
        self.path.join(PROGRAM)
    }

    /// Notes the process that runs here.
    pub(super) fn note(&self, pid: u32) {
        if let Err(error) = fs::write(self.path.join(PID_FILE), pid.to_string()) {
            warn!(%error, "an engine's process could not be noted");
        }
    }

    /// The binary, and on Windows the libraries beside it.
    fn programs(&self, plan: &Plan) -> Result<(), FolderError> {
        link(&plan.bundle.join(PROGRAM), &self.program())?;
        for name in names(&plan.bundle)?.iter().filter(|name| cfg!(windows) && name.ends_with(".dll")) {
            link(&plan.bundle.join(name), &self.path.join(name))?;
        }
        Ok(())
    }

    fn conf(&self, plan: &Plan) -> Result<(), FolderError> {
        let (from, to) = (plan.bundle.join("conf"), self.path.join("conf"));
        make(&to)?;
        for name in names(&from)?.iter().filter(|name| !name.starts_with("import")) {
            link(&from.join(name), &to.join(name))?;
        }
        // A tree that was never configured has only the templates.
        let own = ["import", "import-tmpl"].iter().map(|name| from.join(name)).find(|path| path.is_dir());
        let to = to.join("import");
        make(&to)?;
        if let Some(own) = &own {
            let overridden = |name: &str| plan.overrides.iter().any(|(file, _)| *file == name);
            for name in names(own)?.iter().filter(|name| !overridden(name)) {
                link(&own.join(name), &to.join(name))?;
            }
        }
        for (name, lines) in &plan.overrides {
            let mut text = own.as_ref().and_then(|own| fs::read(own.join(name)).ok()).unwrap_or_default();
            text.extend_from_slice(b"\n");
            text.extend_from_slice(lines.as_bytes());
            write(&to.join(name), &text)?;
        }
        Ok(())
    }

    fn db(&self, plan: &Plan) -> Result<(), FolderError> {
        let (from, to) = (plan.bundle.join("db"), self.path.join("db"));
        make(&to)?;
        for name in names(&from)? {
            link(&from.join(&name), &to.join(&name))?;
        }
        let template = from.join("import-tmpl");
        if !to.join("import").exists() && template.is_dir() {
            link(&template, &to.join("import"))?;
        }
        Ok(())
    }

    fn npc(&self, plan: &Plan, list: &Path) -> Result<(), FolderError> {
        let sources = npc::read(&plan.bundle, list);
        let maps: BTreeSet<&str> = plan.maps.iter().map(String::as_str).collect();
        let cuts = npc::select(&sources, &maps);
        for cut in &cuts {
            self.put(&cut.path, &cut.text)?;
        }
        self.put(list, npc::script_list(&cuts).as_bytes())?;
        for path in BARTERS.iter().filter(|path| plan.bundle.join(path).is_file()) {
            make_parent(&self.path.join(path))?;
            link(&plan.bundle.join(path), &self.path.join(path))?;
        }
        info!(of = sources.len(), files = cuts.len(), "scripts of the maps");
        Ok(())
    }

    fn put(&self, path: &Path, text: &[u8]) -> Result<(), FolderError> {
        let path = self.path.join(path);
        make_parent(&path)?;
        write(&path, text)
    }
}

impl Drop for RunFolder {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path)
            && error.kind() != io::ErrorKind::NotFound
        {
            warn!(path = %self.path.display(), %error, "a run folder stays behind");
        }
    }
}

/// Removes what a node has left that was killed: run folders, and processes in them, of which there should be none.
pub(super) fn sweep(home: &Path) {
    for name in names(home).unwrap_or_default() {
        let path = home.join(name);
        if let Some(pid) = fs::read_to_string(path.join(PID_FILE)).ok().and_then(|text| text.parse().ok()) {
            super::process::end_stray(pid, &path);
        }
        info!(path = %path.display(), "a run folder that was left behind is removed");
        drop(RunFolder { path });
    }
}

/// The names in a folder, in order. One that is no text is none that a map-server looks for.
fn names(folder: &Path) -> Result<Vec<String>, FolderError> {
    let entries = fs::read_dir(folder).map_err(|source| failed(folder, source))?;
    let mut names: Vec<_> = entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

fn make(folder: &Path) -> Result<(), FolderError> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    // The settings hold passwords.
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|source| failed(folder, source))
}

fn make_parent(path: &Path) -> Result<(), FolderError> {
    path.parent().map_or(Ok(()), make)
}

fn write(path: &Path, text: &[u8]) -> Result<(), FolderError> {
    fs::write(path, text).map_err(|source| failed(path, source))
}

/// Makes `to` the same as `from`, without copying.
#[cfg(unix)]
fn link(from: &Path, to: &Path) -> Result<(), FolderError> {
    std::os::unix::fs::symlink(from, to).map_err(|source| failed(to, source))
}

/// Makes `to` the same as `from`: symbolic links take a privilege here, hard links do not. Across drives it is copied.
#[cfg(not(unix))]
fn link(from: &Path, to: &Path) -> Result<(), FolderError> {
    if from.is_dir() {
        make(to)?;
        return names(from)?.iter().try_for_each(|name| link(&from.join(name), &to.join(name)));
    }
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop)).map_err(|source| failed(to, source))
}

fn failed(path: &Path, source: io::Error) -> FolderError {
    FolderError::Io { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bundle that has one of each kind of part.
    fn bundle() -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        for (path, text) in [
            ("map-server", "binary"),
            ("map-server.exe", "binary"),
            ("conf/map_athena.conf", "import: conf/import/map_conf.txt\n"),
            ("conf/battle/exp.conf", "base_exp_rate: 100\n"),
            ("conf/import/battle_conf.txt", "base_exp_rate: 300"),
            ("conf/import/groups.yml", "Body:\n"),
            ("conf/import-tmpl/battle_conf.txt", ""),
            ("db/map_cache.dat", "cells"),
            ("db/import-tmpl/mob_db.yml", "Body:\n"),
            ("npc/pre-re/scripts_main.conf", "import: npc/scripts_monsters.conf\nnpc: npc/gone.txt\n"),
            ("npc/scripts_monsters.conf", "npc: npc/mobs/fields.txt\nnpc: npc/mobs/caves.txt\n"),
            ("npc/mobs/fields.txt", "prontera\tmapflag\ttown\nprt_fild08,0,0\tmonster\tPoring\t1002,1\n"),
            ("npc/mobs/caves.txt", "pay_dun00,0,0\tmonster\tSkeleton\t1076,1\n"),
            ("npc/barters.yml", "Header:\n"),
        ] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            fs::write(path, text).expect("written");
        }
        folder
    }

    fn plan(bundle: &Path) -> Plan {
        Plan {
            bundle: bundle.to_owned(),
            renewal: false,
            maps: vec!["prt_fild08".into()],
            overrides: vec![
                ("map_conf.txt", "delmap: all\n".into()),
                ("battle_conf.txt", "prevent_logout: 0\n".into()),
            ],
        }
    }

    /// Every file of a folder with its text; a link to a folder as its files.
    #[cfg(unix)]
    fn listing(folder: &Path) -> Vec<(String, String)> {
        fn walk(folder: &Path, below: &str, found: &mut Vec<(String, String)>) {
            for name in names(folder).expect("a folder") {
                let (path, shown) = (folder.join(&name), format!("{below}{name}"));
                if path.is_dir() {
                    walk(&path, &format!("{shown}/"), found);
                } else {
                    found.push((shown, fs::read_to_string(path).expect("text")));
                }
            }
        }
        let mut found = Vec::new();
        walk(folder, "", &mut found);
        found
    }

    #[cfg(unix)]
    #[test]
    fn an_engine_finds_its_settings_its_scripts_and_the_bundle() {
        let (bundle, home) = (bundle(), tempfile::tempdir().expect("a folder"));
        let home = home.path().join("engines");
        let folder = RunFolder::build(&home, &plan(bundle.path())).expect("made");
        let found = listing(folder.path());
        let found: Vec<_> = found.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
        assert_eq!(
            found,
            [
                ("conf/battle/exp.conf", "base_exp_rate: 100\n"),
                ("conf/import/battle_conf.txt", "base_exp_rate: 300\nprevent_logout: 0\n"),
                ("conf/import/groups.yml", "Body:\n"),
                ("conf/import/map_conf.txt", "\ndelmap: all\n"),
                ("conf/map_athena.conf", "import: conf/import/map_conf.txt\n"),
                ("db/import/mob_db.yml", "Body:\n"),
                ("db/import-tmpl/mob_db.yml", "Body:\n"),
                ("db/map_cache.dat", "cells"),
                ("map-server", "binary"),
                ("npc/barters.yml", "Header:\n"),
                ("npc/mobs/fields.txt", "\nprt_fild08,0,0\tmonster\tPoring\t1002,1\n"),
                ("npc/pre-re/scripts_main.conf", "delnpc: all\nnpc: npc/mobs/fields.txt\n"),
            ]
        );
        let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(folder.path()).expect("made").permissions());
        assert_eq!(mode & 0o777, 0o700, "its settings hold passwords");
        let path = folder.path().to_owned();
        drop(folder);
        assert!(!path.exists() && bundle.path().join("db/map_cache.dat").exists(), "only links were removed");
    }

    #[test]
    fn a_bundle_without_a_part_is_told_by_its_name() {
        let (bundle, home) = (bundle(), tempfile::tempdir().expect("a folder"));
        let renewal = Plan { renewal: true, ..plan(bundle.path()) };
        let problem = |plan: &Plan| RunFolder::build(home.path(), plan).expect_err("is refused").to_string();
        assert_eq!(problem(&renewal), "the bundle has no npc/re/scripts_main.conf");
        fs::remove_file(bundle.path().join(PROGRAM)).expect("removed");
        assert_eq!(problem(&plan(bundle.path())), format!("the bundle has no {PROGRAM}"));
        assert_eq!(fs::read_dir(home.path()).expect("a folder").count(), 0, "nothing is left of it");
    }

    #[test]
    fn what_a_killed_node_left_is_removed() {
        let (bundle, home) = (bundle(), tempfile::tempdir().expect("a folder"));
        let folder = RunFolder::build(home.path(), &plan(bundle.path())).expect("made");
        folder.note(u32::MAX);
        std::mem::forget(folder);
        sweep(home.path());
        assert_eq!(fs::read_dir(home.path()).expect("a folder").count(), 0);
        sweep(&home.path().join("never made"));
    }
}
