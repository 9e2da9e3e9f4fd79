//! The catalog, with built-in maps and with small files in rAthena's formats.

use std::path::PathBuf;

use bifrost_world::formats::map_cache;
use bifrost_world::{Cells, World, WorldConfig};

use super::*;

fn name(name: &str) -> MapName {
    MapName::new(name).expect("legal")
}

fn group(name_: &str, class: GroupClass, maps: &[&str]) -> Group {
    Group { name: name_.into(), class, maps: maps.iter().map(|map| name(map)).collect(), engine: None }
}

fn point(map: &str, x: u16, y: u16) -> MapPoint {
    MapPoint { map: name(map), x, y }
}

/// A folder with a cache of two maps, an index and a folder of warps.
fn folder(index: &str, script: &str) -> (tempfile::TempDir, Maps) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = |file: &str| -> PathBuf { folder.path().join(file) };
    let open = Cells::new(20, 10, vec![0; 200]).expect("legal");
    let mut walled = vec![1; 200];
    walled[25] = 0;
    let walled = Cells::new(20, 10, walled).expect("legal");
    let cache = map_cache::write(&BTreeMap::from([(name("city"), walled), (name("field"), open)]));
    std::fs::write(path("map_cache.dat"), cache).expect("written");
    std::fs::write(path("map_index.txt"), index).expect("written");
    std::fs::create_dir_all(path("warps/deep")).expect("created");
    std::fs::write(path("warps/deep/one.txt"), script).expect("written");
    std::fs::write(path("warps/readme.md"), "not a script").expect("written");
    let maps =
        Maps { cache: vec![path("map_cache.dat")], index: Some(path("map_index.txt")), warps: vec![path("warps")] };
    (folder, maps)
}

const INDEX: &str = "city 1\nfield\nfar\n";
const WARPS: &str = "field,1,1,0\twarp\ta\t1,1,city,5,1\nfield,18,8,0\twarp\tb\t1,1,far,9,9\n\
    field,5,5,0\twarp\tc\t1,1,nowhere,9,9\nfar,1,1,0\twarp\td\t1,1,field,9,9\n";

fn two_groups() -> Vec<Group> {
    vec![group("fields", GroupClass::Eligible, &["field"]), group("cities", GroupClass::Critical, &["city"])]
}

#[test]
fn nothing_configured_means_the_built_in_maps() {
    let catalog = Catalog::load(&Maps::default(), &[], EngineKind::Embedded).expect("built in");
    assert_eq!(catalog.groups().len(), 3);
    assert_eq!(catalog.groups()[&GroupName("town".into())].class, GroupClass::Critical);
    assert_eq!(catalog.group_of(&name("bf_grove")), Some(&GroupName("meadow".into())));
    assert_eq!(catalog.start().map, name("bf_town"));
    assert!(catalog.walkable(&catalog.start()));
    assert!(!catalog.walkable(&point("bf_town", 0, 0)) && !catalog.walkable(&point("bf_town", 200, 40)));
    for group in catalog.groups().keys() {
        let (maps, warps) = catalog.assignment(group);
        assert!(!warps.is_empty());
        World::new(&WorldConfig { maps, warps }, 1).expect("an engine takes the assignment");
    }
}

#[test]
fn rathenas_files_are_read_and_only_configured_maps_kept() {
    let (_folder, maps) = folder(INDEX, WARPS);
    let catalog = Catalog::load(&maps, &two_groups(), EngineKind::Embedded).expect("legal");
    assert_eq!(catalog.all_maps().map(MapName::as_str).collect::<Vec<_>>(), ["city", "field"]);
    let (data, warps) = catalog.assignment(&GroupName("fields".into()));
    assert_eq!((data[0].name.as_str(), data[0].width, data[0].height), ("field", 20, 10));
    let names = warps.iter().map(|warp| warp.name.as_str()).collect::<Vec<_>>();
    assert_eq!(names, ["a", "b"], "c leads nowhere, d starts elsewhere");
    assert_eq!(catalog.start(), point("city", 5, 1), "the only walkable cell of the critical map");
    assert_eq!(catalog.assignment(&GroupName("none".into())), (vec![], vec![]));
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let problem = |index: &str, warps: &str, groups: &[Group]| {
        let (folder, maps) = folder(index, warps);
        let error = Catalog::load(&maps, groups, EngineKind::Embedded).expect_err("not legal").to_string();
        error.replace(&folder.path().display().to_string(), "DIR")
    };
    let groups = two_groups();
    assert_eq!(problem("city\nno good name here\n?", WARPS, &groups), "DIR/map_index.txt:2: the map's number is none");
    let broken = "\nfield,1,1,0\twarp\ta\t1,1,city,5\n";
    assert_eq!(problem(INDEX, broken, &groups), "DIR/warps/deep/one.txt:2: the cell it leads to is not two numbers");
    assert!(problem(INDEX, WARPS, &[]).starts_with("maps.cache is set, but there are no [[groups]]: add one"));
    let missing = [group("g", GroupClass::Eligible, &["other"])];
    let said = "group g: map other is not in DIR/map_cache.dat, or not in maps.index";
    assert_eq!(problem(INDEX, WARPS, &missing), said);
    assert_eq!(
        problem("city\n", WARPS, &groups),
        "group fields: map field is not in DIR/map_cache.dat, or not in maps.index"
    );
    let twice = [groups[0].clone(), group("more", GroupClass::Eligible, &["field"])];
    let said = "map field: it is in group fields and again in group more; a map belongs to one group, once";
    assert_eq!(problem(INDEX, WARPS, &twice), said);
    assert_eq!(problem(INDEX, WARPS, &[group("g", GroupClass::Eligible, &[])]), "group g: it has no maps");
    assert_eq!(
        problem(INDEX, WARPS, &[groups[0].clone(), groups[0].clone()]),
        "group fields: there are two of this name"
    );
}

#[test]
fn a_missing_or_broken_cache_is_named() {
    let (folder, mut maps) = folder(INDEX, WARPS);
    std::fs::write(folder.path().join("map_cache.dat"), "nonsense").expect("written");
    let said = Catalog::load(&maps, &two_groups(), EngineKind::Embedded).expect_err("not legal").to_string();
    assert!(
        said.ends_with("map_cache.dat: not a map cache: the first four bytes do not state its size of 8 bytes"),
        "{said}"
    );
    maps.cache = vec![folder.path().join("none.dat")];
    let said = Catalog::load(&maps, &two_groups(), EngineKind::Embedded).expect_err("not legal").to_string();
    assert!(said.starts_with("cannot read ") && said.ends_with("none.dat"), "{said}");
}

#[test]
fn built_in_maps_can_be_grouped_anew() {
    let groups = [group("all", GroupClass::Eligible, &["bf_ridge", "bf_meadow"])];
    let catalog = Catalog::load(&Maps::default(), &groups, EngineKind::Embedded).expect("legal");
    assert_eq!(catalog.start().map, name("bf_ridge"));
    assert!(catalog.walkable(&catalog.start()));
    assert_eq!(catalog.group_of(&name("bf_town")), None);
}
