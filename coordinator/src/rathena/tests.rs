//! A proposal from a small rAthena, and what holds for every proposal.

pub(crate) mod tree;

use proptest::prelude::*;

use super::body::Uses;
use super::npcs::{Npcs, Script};
use super::*;
use crate::config::Config;
use crate::maps::Catalog;
use tree::Tree;

fn name(name: &str) -> MapName {
    MapName::new(name).expect("legal")
}

fn proposal(tree: &Tree) -> Proposal {
    propose(tree.path(), &Options::default()).expect("a whole rAthena")
}

fn reason(proposal: &Proposal, map: &str) -> Reason {
    proposal.verdicts[&name(map)].reason
}

fn refused(tree: &Tree) -> String {
    tree.without_path(&propose(tree.path(), &Options::default()).expect_err("refused").to_string())
}

#[test]
fn the_proposal_for_a_small_realm_is_this() {
    let tree = Tree::new();
    let proposal = proposal(&tree);
    let list = proposal.root.join("conf/import").join(LIST_FILE);
    assert_eq!(tree.without_path(&proposal.toml(&list)), include_str!("tests/proposal.toml"));
    assert_eq!(proposal.list(), include_str!("tests/bifrost_maps.conf"));
    assert_eq!(tree.without_path(&proposal.report()), include_str!("tests/report.txt"));
}

#[test]
fn every_map_is_judged_by_the_first_reason_that_holds() {
    let proposal = proposal(&Tree::new());
    for (map, expected) in [
        ("town", Reason::City),
        ("town_in", Reason::Indoors),
        ("new_1-1", Reason::Start),
        ("new_1-2", Reason::Start),
        ("arena1", Reason::Fight),
        ("cas01", Reason::Fight),
        ("sec_pri", Reason::Jail),
        ("fd_fild01", Reason::Monsters),
        ("fd_fild04", Reason::Variable),
        ("boss01", Reason::Script),
        ("spot01", Reason::Script),
        ("between", Reason::Passage),
        ("quest01", Reason::Event),
        ("1@cave", Reason::Instance),
        ("cave_in", Reason::Event),
        ("empty01", Reason::Idle),
    ] {
        assert_eq!(reason(&proposal, map), expected, "{map}");
    }
    assert!(!proposal.verdicts.contains_key(&name("gone01")), "no server can load it");
    let detail = proposal.verdicts[&name("boss01")].detail.clone().expect("said");
    assert_eq!(detail, "tied to town: script Hunter (npc/quests.txt:4)");
}

#[test]
fn the_coordinator_takes_what_is_proposed() {
    let tree = Tree::new();
    let path = tree.path().join("bifrost.toml");
    std::fs::write(&path, proposal(&tree).toml(&path)).expect("written");
    let password = ("BIFROST__REALM__PASSWORD".to_owned(), "hunter2".to_owned());
    let config = Config::load(Some(&path), [password]).expect("a whole configuration");
    assert_eq!(config.relay.public.map(|public| public.to_string()).as_deref(), Some("203.0.113.7:5122"));
    let catalog =
        Catalog::load(&config.maps, &config.groups, config.engine.kind).expect("all maps and warps are there");
    assert_eq!(catalog.all_maps().count(), 10);
    let said = Config::load(Some(&path), []).expect_err("the password is not in the file").to_string();
    assert!(
        said.ends_with("`password` is missing, needed when mode = \"rathena\"; or BIFROST__REALM__PASSWORD"),
        "{said}"
    );
    let text = std::fs::read_to_string(&path).expect("there");
    assert!(!text.contains("hunter2") && !text.contains("hidden"), "no password is written");
}

#[test]
fn a_second_proposal_is_the_same_also_when_the_first_is_in_use() {
    let tree = Tree::new();
    let first = proposal(&tree);
    let list = first.root.join("conf/import").join(LIST_FILE);
    let (toml, text) = (first.toml(&list), first.list());
    assert_eq!(proposal(&tree).toml(&list), toml);
    tree.write("conf/import/bifrost_maps.conf", &text);
    assert_eq!(first.import_into(), "conf/import/map_conf.txt");
    tree.append("conf/import/map_conf.txt", &format!("{}\n", first.import_line(&list)));
    let second = proposal(&tree);
    assert_eq!((second.toml(&list), second.list()), (toml, text));
    assert_eq!(second.servers.map.imported[0].to_string(), "conf/import/map_conf.txt:2");
}

#[test]
fn the_list_takes_every_map_of_the_fleet_off_the_map_servers() {
    let tree = Tree::new();
    let proposal = proposal(&tree);
    // Without the mark the list is read as a server reads it.
    tree.write("conf/import/list.conf", &proposal.list().replace(MARK, "//"));
    tree.append("conf/import/map_conf.txt", "import: conf/import/list.conf\n");
    let left = servers::read(tree.path(), false, &mut Vec::new()).expect("readable").map.maps;
    let left: BTreeSet<_> = left.into_iter().map(|(map, _)| map).collect();
    for (map, verdict) in &proposal.verdicts {
        assert_eq!(left.contains(map), !verdict.reason.may_leave(), "{map}");
    }
}

#[test]
fn the_line_goes_where_it_is_read_last() {
    let tree = Tree::new();
    tree.append("conf/map_athena.conf", "map: fd_fild01\n");
    assert_eq!(proposal(&tree).import_into(), "conf/map_athena.conf");
    let proposal = proposal(&tree);
    assert_eq!(proposal.import_line(&proposal.root.join("x/list.conf")), "import: x/list.conf");
    assert_eq!(proposal.import_line(Path::new("/etc/bifrost/list.conf")), "import: /etc/bifrost/list.conf");
    assert_eq!(proposal.list().matches("delmap: fd_fild01\n").count(), 2, "it is listed twice");
}

#[test]
fn the_operator_decides_over_single_maps() {
    let tree = Tree::new();
    let wishes = Wishes {
        critical: BTreeSet::from([name("fd_dun01")]),
        eligible: BTreeSet::from([name("fd_fild04"), name("boss01")]),
    };
    let options = Options { wishes, public: Some(Ipv4Addr::LOCALHOST), ..Options::default() };
    let proposal = propose(tree.path(), &options).expect("fine");
    assert_eq!(reason(&proposal, "fd_dun01"), Reason::Kept);
    assert_eq!(reason(&proposal, "fd_fild04"), Reason::Asked);
    assert_eq!(reason(&proposal, "boss01"), Reason::Asked);
    assert_eq!(proposal.public, Some(Ipv4Addr::LOCALHOST));
    let wishes = Wishes { critical: BTreeSet::from([name("gone01")]), ..Wishes::default() };
    let said = propose(tree.path(), &Options { wishes, ..Options::default() }).expect_err("unknown").to_string();
    assert_eq!(said, "map gone01: this rAthena's map-server does not load it; see `map:` in its conf");
}

#[test]
fn what_cannot_be_used_is_said_with_file_line_and_key() {
    let tree = Tree::new();
    tree.append("conf/import/map_conf.txt", "map_port: 0\nmap: far_too_long_a_name\nuse_grf: perhaps\n");
    assert_eq!(
        refused(&tree),
        "conf/import/map_conf.txt:2: map_port: expected a port, 1 to 65535, but it is `0`\n\
         conf/import/map_conf.txt:3: map: `far_too_long_a_name` is no map name: expected 1 to 11 of [A-Za-z0-9_@-]\n\
         conf/import/map_conf.txt:4: use_grf: expected yes or no, but it is `perhaps`"
    );
    let tree = Tree::new();
    tree.write("db/map_index.txt", "town 1\nfield x\n");
    assert_eq!(refused(&tree), "db/map_index.txt:2: the map's number is none");
    tree.write("db/map_cache.dat", "nonsense");
    tree.write("db/map_index.txt", "town 1\n");
    let said = refused(&tree);
    assert!(said.starts_with("db/map_cache.dat: not a map cache"), "{said}");
    let said = propose(Path::new("/nowhere"), &Options::default()).expect_err("missing").to_string();
    assert!(
        said.starts_with("/nowhere: No such file") && said.ends_with("is this the folder of an rAthena?"),
        "{said}"
    );
}

#[test]
fn a_duplicate_stays_with_its_original() {
    let tree = Tree::new();
    tree.append(
        "npc/quests.txt",
        "fd_dun02,5,5,4\tscript\tFisher\t100,{\n  end;\n}\ntown,7,7,4\tduplicate(Fisher)\tFisher#2\t100\n\
         -\tscript\tSign\t-1,{\n  end;\n}\nfd_dun01,5,5,4\tduplicate(Sign)\tSign#1\t100\n\
         town,8,8,4\tduplicate(Sign)\tSign#2\t100\n",
    );
    let proposal = proposal(&tree);
    assert_eq!(reason(&proposal, "fd_dun02"), Reason::Script);
    assert_eq!(reason(&proposal, "fd_dun01"), Reason::Monsters, "what stands nowhere is on every server");
}

#[test]
fn a_realm_without_monsters_has_nothing_to_give() {
    let tree = Tree::new();
    tree.write("conf/maps_athena.conf", "map: town\nmap: arena1\n");
    assert_eq!(
        refused(&tree),
        "no map of this rAthena can leave it: 1 city: flag town or reset; 1 players against players: flag pvp, gvg*, \
         battleground, or a guild castle"
    );
}

#[test]
fn a_broken_script_counts_up_to_where_it_breaks_and_is_noted() {
    let tree = Tree::new();
    tree.append("npc/monsters.txt", "no tabs at all\nempty01,0,0\tmonster\tPoring\t1002,5\n");
    let proposal = proposal(&tree);
    assert_eq!(reason(&proposal, "empty01"), Reason::Idle);
    let notes: Vec<_> = proposal.notes.iter().map(ToString::to_string).collect();
    let said = "npc/monsters.txt:11: neither a comment nor at least three columns apart by tabs; servers read this file only \
         up to here";
    assert!(notes.contains(&said.to_owned()), "{notes:?}");
}

/// Any realm: maps with monsters and flags, warps, and scripts that act on other maps.
fn worlds() -> impl Strategy<Value = (World, Wishes)> {
    let maps = 0..40_u8;
    let spawns = prop::collection::vec((maps.clone(), 0..900_u64), 0..40);
    let flags = prop::collection::vec((maps.clone(), prop::sample::select(vec!["town", "pvp", "nomemo"])), 0..8);
    let warps = prop::collection::vec((maps.clone(), maps.clone()), 0..80);
    let scripts = prop::collection::vec((prop::option::of(maps.clone()), maps.clone()), 0..12);
    let wishes = (prop::collection::btree_set(maps.clone(), 0..3), prop::collection::btree_set(maps, 0..3));
    (spawns, flags, warps, scripts, wishes).prop_map(|(spawns, flags, warps, scripts, wishes)| {
        let names = ["prt_fild", "prt_dun", "gef_fild", "moc"];
        let map = |number: u8| name(&format!("{}{:02}", names[usize::from(number) % names.len()], number));
        let maps: BTreeSet<_> = (0..40).map(map).collect();
        let script = |(at, other): (Option<u8>, u8)| Script {
            map: at.map(map),
            name: "s".to_owned(),
            place: Place { file: "f".to_owned(), line: 1 },
            uses: Uses { maps: BTreeSet::from([map(other).to_string()]), ..Uses::default() },
        };
        let npcs = Npcs { scripts: scripts.into_iter().map(script).collect(), ..Npcs::default() };
        let mut world = World { ties: Ties::find(&npcs, &maps, &BTreeMap::new()), maps, ..World::default() };
        world.spawns = spawns.into_iter().map(|(at, count)| (map(at), count)).collect();
        for (at, flag) in flags {
            world.flags.entry(map(at)).or_default().insert(flag.to_owned());
        }
        for (from, to) in warps.into_iter().filter(|(from, to)| from != to) {
            *world.warps.entry((map(from), map(to))).or_default() += 1;
        }
        let set = |numbers: BTreeSet<u8>| numbers.into_iter().map(map).collect();
        (world, Wishes { critical: set(wishes.0), eligible: set(wishes.1) })
    })
}

proptest! {
    #[test]
    fn every_map_that_may_leave_is_in_one_group_and_no_other_is((world, wishes) in worlds()) {
        let sizes = sizes::Sizes {
            caches: Vec::new(),
            index: None,
            maps: world.maps.iter().map(|map| (map.clone(), 90_000)).collect(),
        };
        let verdicts = classes::classify(&world, &wishes);
        prop_assert_eq!(verdicts.len(), world.maps.len(), "every map is judged");
        let groups = cut(&world, &verdicts, &sizes);
        let mut seen = BTreeSet::new();
        for map in groups.iter().flat_map(|group| &group.maps) {
            prop_assert!(seen.insert(map.clone()), "{} is in two groups", map);
            prop_assert!(verdicts[map].reason.may_leave(), "{} is critical", map);
        }
        let leaving = verdicts.iter().filter(|(_, verdict)| verdict.reason.may_leave());
        prop_assert_eq!(leaving.count(), seen.len(), "no map that may leave is forgotten");
        let names: BTreeSet<_> = groups.iter().map(|group| &group.name).collect();
        prop_assert_eq!(names.len(), groups.len(), "names differ");

        for map in &seen {
            let flags = world.flags.get(map);
            let critical = flags.is_some_and(|flags| flags.contains("town") || flags.contains("pvp"));
            prop_assert!(!critical || wishes.eligible.contains(map), "{} has a flag", map);
        }
        let again = cut(&world, &classes::classify(&world, &wishes), &sizes);
        prop_assert_eq!(again, groups, "the same world gives the same groups");
    }

    #[test]
    fn a_script_and_the_maps_it_acts_on_are_never_apart((world, wishes) in worlds()) {
        let verdicts = classes::classify(&world, &wishes);
        let leaves = |map: &MapName| verdicts[map].reason.may_leave();
        let sizes = sizes::Sizes { caches: Vec::new(), index: None, maps: BTreeMap::new() };
        let groups = cut(&world, &verdicts, &sizes);
        for map in &world.maps {
            for other in world.ties.of(map).filter(|other| !wishes.eligible.contains(*other)) {
                if wishes.eligible.contains(map) || !world.maps.contains(other) {
                    continue;
                }
                prop_assert_eq!(leaves(map), leaves(other), "{} and {} are tied", map, other);
                let group = |map: &MapName| groups.iter().position(|group| group.maps.contains(map));
                prop_assert_eq!(group(map), group(other), "{} and {} are tied", map, other);
            }
        }
    }
}
