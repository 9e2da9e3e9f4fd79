//! The live run, as far as it goes without an rAthena and an OpenKore.

use std::process::Command;

fn live(arguments: &[&str]) -> (bool, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_live")).args(arguments).output().expect("starts");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn without_the_folders_it_says_that_it_was_skipped() {
    let (succeeded, said) = live(&[]);
    assert!(succeeded && said == "live: skipped, it needs --rathena DIR and --openkore DIR, both built\n", "{said}");
}

#[test]
fn a_folder_that_is_not_what_it_should_be_is_named() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().display().to_string();
    let (succeeded, said) = live(&["--rathena", &path, "--openkore", &path]);
    assert!(!succeeded && said.contains("login-server is not there"), "{said}");
}
