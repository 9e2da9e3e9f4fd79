//! Files that are whole or not there, and private where that matters.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// A file's value.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Loaded<T> {
    /// It was read.
    Value(T),
    /// There is no file.
    Missing,
    /// It could not be read, and was moved to the side so that nothing is lost.
    MovedAside(PathBuf),
}

/// Reads a JSON file. One that cannot be read is moved aside, never overwritten.
pub fn load<T: DeserializeOwned>(path: &Path) -> Loaded<T> {
    let Ok(bytes) = fs::read(path) else { return Loaded::Missing };
    match serde_json::from_slice(&bytes) {
        Ok(value) => Loaded::Value(value),
        Err(error) => {
            tracing::warn!(path = %path.display(), line = error.line(), "cannot be read, is moved aside");
            let aside = PathBuf::from(format!("{}.unreadable", path.display()));
            drop(fs::rename(path, &aside));
            Loaded::MovedAside(aside)
        }
    }
}

/// Writes a JSON file that only this user can read, in one step: whoever reads it sees the old or the new one.
///
/// # Errors
/// The folder cannot be written to, or the disk is full.
pub fn save(path: &Path, value: &impl Serialize) -> io::Result<()> {
    write_private(path, &serde_json::to_vec_pretty(value)?)
}

/// Writes a file that only this user can read, in one step.
///
/// # Errors
/// The folder cannot be written to, or the disk is full.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        make_private_folder(folder)?;
    }
    let temporary = PathBuf::from(format!("{}.{:08x}.new", path.display(), rand::random::<u32>()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(&temporary).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    });
    if written.is_err() {
        drop(fs::remove_file(&temporary));
    }
    written
}

/// Makes a folder that only this user can enter. One that exists is left as it is.
///
/// # Errors
/// It cannot be made.
pub fn make_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// Takes a state folder for this program until the lock is dropped: two launchers in one would overwrite each other.
///
/// # Errors
/// Another launcher has it (`WouldBlock`), or the folder cannot be written to.
pub fn lock(folder: &Path) -> io::Result<fs::File> {
    make_private_folder(folder)?;
    let file = OpenOptions::new().create(true).truncate(false).write(true).open(folder.join("lock"))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(fs::TryLockError::WouldBlock) => {
            Err(io::Error::new(io::ErrorKind::WouldBlock, "another launcher is running in this folder"))
        }
        Err(fs::TryLockError::Error(error)) => Err(error),
    }
}

/// Removes a file; one that is not there counts as removed.
///
/// # Errors
/// It is there and cannot be removed.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Err(_) | Ok(()) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_as_it_was_written_and_no_half_file_stays() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("deep/value.json");
        assert_eq!(load::<u8>(&path), Loaded::Missing);
        save(&path, &7_u8).expect("saved");
        assert_eq!(load::<u8>(&path), Loaded::Value(7));
        let files = fs::read_dir(path.parent().expect("a folder")).expect("listed").count();
        assert_eq!(files, 1);
    }

    #[test]
    fn a_folder_belongs_to_one_launcher() {
        let folder = tempfile::tempdir().expect("a folder");
        let held = lock(folder.path()).expect("taken");
        assert_eq!(lock(folder.path()).expect_err("it is taken").kind(), io::ErrorKind::WouldBlock);
        drop(held);
        lock(folder.path()).expect("free again");
    }

    #[test]
    fn an_unreadable_file_is_moved_aside_not_overwritten() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("value.json");
        fs::write(&path, "{half").expect("written");
        let Loaded::MovedAside(aside) = load::<u8>(&path) else { panic!("it cannot be read") };
        assert_eq!(fs::read_to_string(aside).expect("kept"), "{half");
        assert_eq!(load::<u8>(&path), Loaded::Missing);
    }
}
