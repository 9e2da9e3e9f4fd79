//! What the command writes.

use clap::Parser;

use super::super::{Cli, Command};
use super::*;
use crate::rathena::MARK;
use crate::rathena::tests::tree::Tree;

fn command(arguments: &[&str]) -> Result<MapsCommand, clap::Error> {
    let line = ["bifrost-coordinator", "maps", "propose"].iter().chain(arguments);
    let Some(Command::Maps(command)) = Cli::try_parse_from(line)?.command else { panic!("another command") };
    Ok(command)
}

fn run_with(arguments: &[&str]) -> Result<(), String> {
    run(command(arguments).expect("legal"), None).map_err(|failure| failure.to_string())
}

#[test]
fn both_files_are_written_and_none_is_replaced_by_accident() {
    let (tree, out) = (Tree::new(), tempfile::tempdir().expect("folder"));
    let path = |name: &str| out.path().join(name);
    let (dir, file) = (tree.path().display().to_string(), path("bifrost.toml").display().to_string());
    let arguments = ["--rathena", dir.as_str(), "--write", file.as_str()];
    run_with(&arguments).expect("written");
    let (toml, list) = (std::fs::read_to_string(&file), std::fs::read_to_string(path(LIST_FILE)));
    let (toml, list) = (toml.expect("there"), list.expect("there"));
    assert!(toml.contains(&format!("#     import: {}", path(LIST_FILE).display())), "{toml}");
    assert!(list.starts_with(MARK));

    let said = run_with(&arguments).expect_err("there already");
    assert_eq!(said, format!("{file} is there already; --force replaces it"));
    std::fs::write(&file, "mine").expect("written");
    run_with(&[&arguments[..], &["--force"]].concat()).expect("replaced");
    assert_eq!(std::fs::read_to_string(&file).expect("there"), toml);
}

#[test]
fn the_list_may_go_beside_rathenas_own_imports() {
    let (tree, out) = (Tree::new(), tempfile::tempdir().expect("folder"));
    let real = tree.path().canonicalize().expect("there");
    let list = real.join("conf/import").join(LIST_FILE).display().to_string();
    let file = out.path().join("bifrost.toml").display().to_string();
    run_with(&["--rathena", &real.display().to_string(), "--write", &file, "--list", &list]).expect("written");
    let toml = std::fs::read_to_string(&file).expect("there");
    assert!(toml.contains("#     import: conf/import/bifrost_maps.conf\n"), "{toml}");
}

#[test]
fn failures_keep_the_place() {
    let tree = Tree::new();
    tree.append("conf/import/map_conf.txt", "map_port: no\n");
    let said = run_with(&["--rathena", &tree.path().display().to_string()]).expect_err("refused");
    assert_eq!(said, "conf/import/map_conf.txt:2: map_port: expected a port, 1 to 65535, but it is `no`");
}

#[test]
fn the_arguments_are_checked() {
    assert!(command(&[]).is_err(), "the folder is needed");
    assert!(command(&["--rathena", "x", "--list", "y"]).is_err(), "a list alone is no use");
    assert!(command(&["--rathena", "x", "--critical", "not a map"]).is_err());
    assert!(command(&["--rathena", "x", "--critical", "a", "--critical", "b", "--public", "203.0.113.7"]).is_ok());
    assert!(command(&["--rathena", "x", "--public", "localhost"]).is_err());
    let MapsCommand::Propose(asked) = command(&["--rathena", "x", "--renewal"]).expect("legal") else {
        panic!("another command")
    };
    assert_eq!(asked.renewal, Some(true));
}
