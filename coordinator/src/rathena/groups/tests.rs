//! How maps are put together.

use super::*;

fn name(name: &str) -> MapName {
    MapName::new(name).expect("legal")
}

fn loads(maps: &[(&str, u64)]) -> BTreeMap<MapName, Load> {
    maps.iter().map(|(map, monsters)| (name(map), Load { cells: 100_000, monsters: *monsters })).collect()
}

fn warps(pairs: &[(&str, &str)]) -> BTreeMap<(MapName, MapName), usize> {
    pairs.iter().map(|(from, to)| ((name(from), name(to)), 1)).collect()
}

fn groups(loads: &BTreeMap<MapName, Load>, ties: &[&[&str]], ways: &[(&str, &str)]) -> Vec<(String, Vec<String>)> {
    let ties: Vec<_> = ties.iter().map(|tie| tie.iter().map(|map| name(map)).collect()).collect();
    let groups = cut(loads, &ties, &warps(ways));
    groups.into_iter().map(|group| (group.name, group.maps.iter().map(ToString::to_string).collect())).collect()
}

#[test]
fn names_say_what_the_maps_are_called() {
    for (map, expected) in [
        ("prt_fild08", "prt_fild"),
        ("gef_dun00", "gef_dun"),
        ("moc_fild22b", "moc_fild"),
        ("1@tower", "tower"),
        ("ordeal_1-1", "ordeal"),
        ("mjolnir_01", "mjolnir"),
        ("abbey01", "abbey"),
        ("c_tower3", "c_tower"),
        ("airplane", "airplane"),
        ("06guild_01", "06guild"),
        ("2009", "2009"),
    ] {
        assert_eq!(family(&name(map)), expected, "{map}");
    }
    assert_eq!(region(&name("prt_fild08")), "prt");
}

#[test]
fn what_is_walked_between_goes_together_and_families_first() {
    let loads =
        loads(&[("a_fild01", 9), ("a_fild02", 9), ("a_dun01", 9), ("b_fild01", 9), ("b_fild02", 9), ("b_fild03", 9)]);
    let ways = [("a_fild01", "a_fild02"), ("a_fild02", "a_dun01"), ("b_fild01", "b_fild02"), ("b_fild02", "b_fild03")];
    let expected = [
        ("a_fild".to_owned(), vec!["a_dun01".to_owned(), "a_fild01".to_owned(), "a_fild02".to_owned()]),
        ("b_fild".to_owned(), vec!["b_fild01".to_owned(), "b_fild02".to_owned(), "b_fild03".to_owned()]),
    ];
    assert_eq!(groups(&loads, &[], &ways), expected);
    let joined = [ways.as_slice(), &[("a_fild01", "b_fild01")]].concat();
    assert_eq!(groups(&loads, &[], &joined), expected, "neither is small, and they have no name in common");
}

#[test]
fn a_map_or_two_join_their_neighbour() {
    let loads = loads(&[("a_fild01", 9), ("a_fild02", 9), ("a_fild03", 9), ("cave", 9)]);
    let ways = [("a_fild01", "a_fild02"), ("a_fild02", "a_fild03"), ("cave", "a_fild03")];
    assert_eq!(groups(&loads, &[], &ways).len(), 1);
}

#[test]
fn a_group_never_has_more_than_a_host_can_carry() {
    let names: Vec<_> = (0..40).map(|at| format!("a_fild{at:02}")).collect();
    let chain: Vec<_> = names.windows(2).map(|pair| (pair[0].as_str(), pair[1].as_str())).collect();
    for monsters in [1, 350] {
        let loads: Vec<_> = names.iter().map(|name| (name.as_str(), monsters)).collect();
        let found = cut(&self::loads(&loads), &[], &warps(&chain));
        assert!(found.iter().all(|group| !group.is_too_large()));
        let most = found.iter().map(|group| group.maps.len()).max().expect("some");
        assert_eq!(most, if monsters == 1 { MAX_MAPS } else { 4 });
        assert!(found.len() < 20, "{} groups are too many", found.len());
    }
    let names: BTreeSet<_> = (0..40).map(|at| format!("a_fild{at:02}")).collect();
    let tie: Vec<_> = names.iter().map(String::as_str).collect();
    let found = cut(
        &loads(&tie.iter().map(|name| (*name, 1)).collect::<Vec<_>>()),
        &[tie.iter().map(|map| name(map)).collect()],
        &warps(&[]),
    );
    assert_eq!((found.len(), found[0].is_too_large()), (1, true), "scripts tie them: that is said, not cut");
}

#[test]
fn what_is_left_without_monsters_is_one_group_of_events() {
    let loads = loads(&[("quest01", 0), ("poring_w01", 0), ("tower", 9), ("test", 0)]);
    let found = groups(&loads, &[], &[]);
    assert_eq!(found.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["events", "tower"]);
    assert_eq!(found[0].1, ["poring_w01", "quest01", "test"]);
}

#[test]
fn ties_hold_over_everything() {
    let loads = loads(&[("a_fild01", 9), ("z", 9), ("m", 9)]);
    assert_eq!(groups(&loads, &[&["a_fild01", "z"], &["z", "m"]], &[]).len(), 1);
}
