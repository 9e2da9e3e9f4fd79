//! What the command says.

use clap::Parser;

use super::*;
use crate::bounds::facts::{ItemFacts, Rate, Scripted};
use crate::cli::{Cli, Command};

fn asked(arguments: &[&str]) -> Result<(Yields, Option<PathBuf>), clap::Error> {
    let line = ["bifrost-coordinator", "maps", "yields"].iter().chain(arguments);
    let cli = Cli::try_parse_from(line)?;
    let Some(Command::Maps(super::super::MapsCommand::Yields(asked))) = cli.command else { panic!("another command") };
    Ok((asked, cli.config))
}

fn economy() -> (Economy, BTreeMap<String, BTreeSet<MapName>>) {
    let facts = |name: &str, sells_for: u32, card: bool| ItemFacts {
        name: name.to_owned(),
        sells_for,
        card,
        stacks: true,
        ..ItemFacts::default()
    };
    let per_hour = |count: f64| Rate { at_once: 0.0, per_second: count / 3_600.0 };
    let found = Yield {
        kills: Rate { at_once: 50.0, per_second: 10.0 },
        base_experience: per_hour(72_000.0),
        items: BTreeMap::from([(1, per_hour(25_200.0)), (2, per_hour(3.6)), (3, per_hour(0.5))]),
        sold: BTreeMap::from([(1, 5)]),
        scripted: Scripted { items: BTreeSet::from([3]), zeny: true, ..Scripted::default() },
        ..Yield::default()
    };
    let economy = Economy {
        items: BTreeMap::from([
            (1, facts("Jellopy", 3, false)),
            (2, facts("Card", 10, true)),
            (3, facts("Apple", 1, false)),
        ]),
        shared: 2.75,
        groups: BTreeMap::from([("field".to_owned(), found)]),
        ..Economy::default()
    };
    let map = MapName::new("fild01").expect("legal");
    (economy, BTreeMap::from([("field".to_owned(), BTreeSet::from([map]))]))
}

#[test]
fn the_table_is_this() {
    let expected = "\
an hour, at most      monsters         base exp          job exp          zeny
field                   36,000           72,000                0             0

field
  50 monsters at once; rogues can take 0 zeny an hour out of their purses
  items                                  an hour         NPCs pay
  Jellopy 1                               25,200           75,600
* Card 2                                    3.60               36
  Apple 3                                 0.5000           0.5000
  shops: sell 1 items
  scripts: give Apple; give zeny

as if everything died the moment it appeared, by one player's hand; more attackers and parties up to 3.75 times the experience.
* comes most seldom
";
    assert_eq!(table::table(&economy().0), expected);
}

#[test]
fn json_has_the_same_and_all_items() {
    let (economy, groups) = economy();
    let value: serde_json::Value = serde_json::from_str(&json::json(&economy, &groups)).expect("JSON");
    let field = &value["groups"]["field"];
    assert_eq!(field["maps"][0], "fild01");
    assert_eq!((&field["monsters"]["at_once"], &field["monsters"]["an_hour"]), (&50.0.into(), &36_000.0.into()));
    assert_eq!(field["items"].as_array().map(Vec::len), Some(3));
    assert_eq!((&field["items"][0]["name"], &field["items"][0]["value"]), (&"Jellopy".into(), &75_600.0.into()));
    assert_eq!((&field["sold"]["1"], &field["scripts"]["zeny"]), (&5.into(), &true.into()));
}

#[test]
fn numbers_keep_the_digits_that_count() {
    for (number, text) in [
        (0.0, "0"),
        (0.000_36, "0.0004"),
        (0.5, "0.5000"),
        (50.0, "50"),
        (1.25, "1.25"),
        (12.34, "12.3"),
        (999.6, "1,000"),
        (1_234_567.0, "1,234,567"),
        (100.0, "100"),
    ] {
        assert_eq!(table::count(number), text);
    }
}

#[test]
fn maps_or_a_configuration_are_needed() {
    let (command, config) = asked(&["--rathena", "x"]).expect("legal");
    let said = run(command, config.as_deref()).expect_err("nothing to look at").to_string();
    assert_eq!(said, "name maps, or with --config the configuration whose groups are meant");
    assert!(asked(&[]).is_err(), "the folder is needed");
    assert!(asked(&["--rathena", "x", "not a map"]).is_err());
    let (command, _) = asked(&["--rathena", "/nowhere", "fild01", "fild02", "--json"]).expect("legal");
    assert_eq!((command.maps.len(), command.json), (2, true));
    let said = run(command, None).expect_err("missing").to_string();
    assert!(said.ends_with("is this the folder of an rAthena?"), "{said}");
}

#[test]
fn the_configurations_groups_are_looked_at() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("bifrost.toml");
    std::fs::write(&path, "[[groups]]\nname = \"g\"\nclass = \"eligible\"\nmaps = [\"a\", \"b\"]\n").expect("written");
    let groups = groups(Vec::new(), Some(&path)).expect("legal");
    let maps: Vec<_> = groups["g"].iter().map(MapName::as_str).collect();
    assert_eq!(maps, ["a", "b"]);
}

/// The command itself, on the rAthena that `BIFROST_TEST_RATHENA` names.
#[test]
fn a_whole_rathenas_maps_are_said() {
    let Some(rathena) = std::env::var("BIFROST_TEST_RATHENA").ok() else { return };
    for more in [&["prt_fild08", "gef_fild10", "moc_fild17", "gl_knt01"][..], &["--json", "gl_knt01"]] {
        let (command, _) = asked(&[&["--rathena", rathena.as_str()], more].concat()).expect("legal");
        run(command, None).expect("a whole rAthena");
    }
}
