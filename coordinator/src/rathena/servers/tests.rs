//! What is read from the servers' files.

use super::super::tests::tree::Tree;
use super::*;

fn servers(tree: &Tree) -> (Servers, Vec<String>) {
    let mut notes = Vec::new();
    let servers = read(tree.path(), false, &mut notes).expect("a whole rAthena");
    (servers, notes.iter().map(ToString::to_string).collect())
}

fn refused(tree: &Tree) -> String {
    read(tree.path(), false, &mut Vec::new()).expect_err("refused").to_string()
}

#[test]
fn addresses_and_credentials_are_where_the_servers_find_them() {
    let (servers, notes) = servers(&Tree::new());
    let chars = &servers.char_server;
    assert_eq!((chars.ip.as_str(), chars.port, chars.user.as_str()), ("10.0.0.2", 6121, "s1"));
    assert_eq!(chars.password_place.to_string(), "conf/import/char_conf.txt:1", "what is imported later counts");
    assert_eq!((servers.login.ip.as_str(), servers.login.port), ("10.0.0.1", 6900));
    assert_eq!((servers.database.ip.as_str(), servers.database.name.as_str()), ("10.0.0.3", "ro"));
    assert_eq!(servers.map.ip.as_deref(), Some("203.0.113.7"));
    assert_eq!(chars.starts.iter().map(MapName::as_str).collect::<Vec<_>>(), ["new_1-1", "new_1-1", "town"]);
    assert_eq!(notes, Vec::<String>::new());
}

#[test]
fn a_renewal_server_has_other_start_points() {
    let servers = read(Tree::new().path(), true, &mut Vec::new()).expect("fine");
    assert_eq!(servers.char_server.starts[0].as_str(), "iz_int");
}

#[test]
fn the_map_list_is_made_line_by_line() {
    let tree = Tree::new();
    let maps = |text: &str| {
        tree.write("conf/maps_athena.conf", text);
        let maps = servers(&tree).0.map.maps;
        maps.iter().map(|(map, _)| map.as_str().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(maps("map: a\nmap: b.gat\nMAP: c // last\ndelmap: b\n"), ["a", "c"]);
    assert_eq!(maps("map: a\nmap: b\nmap: a\ndelmap: a\n"), ["b", "a"], "one delmap takes away one map");
    assert_eq!(maps("map: a\ndelmap: all\nmap: b\ndelmap: x\n"), ["b"]);
    assert_eq!(maps("map: a\nmap: clear\nmap: c\n"), ["c"]);
}

#[test]
fn bad_values_are_all_said_at_once() {
    let tree = Tree::new();
    tree.append(
        "conf/import/char_conf.txt",
        "char_port: 99999\nstart_point_pre: town\nuserid: a_name_of_24_characters_\n",
    );
    tree.append("conf/inter_athena.conf", "login_server_port: mysql\n");
    tree.append("conf/import/map_conf.txt", "char_ip: my host\n");
    let said = refused(&tree);
    for expected in [
        "conf/import/char_conf.txt:2: char_port: expected a port, 1 to 65535, but it is `99999`",
        "conf/import/char_conf.txt:3: start_point_pre: expected MAP,X,Y, but there is `town`",
        "conf/import/char_conf.txt:4: userid: servers use only its first 23 bytes; make it shorter",
        "conf/inter_athena.conf:6: login_server_port: expected a port, 1 to 65535, but it is `mysql`",
        "conf/import/map_conf.txt:2: char_ip: expected an address or a host's name, but it is `my host`",
    ] {
        assert!(said.lines().any(|line| line == expected), "{expected}\nnot in\n{said}");
    }
}

#[test]
fn what_is_missing_or_secret_is_said_without_the_secret() {
    let tree = Tree::new();
    tree.write("conf/char_athena.conf", "passwd: very secret indeed, and far too long\n");
    tree.write("conf/import/char_conf.txt", "");
    assert_eq!(
        refused(&tree),
        "conf/char_athena.conf: userid: is not set, neither there nor in what it imports\n\
         conf/char_athena.conf:1: passwd: servers use only its first 23 bytes; make it shorter"
    );
}

#[test]
fn mistakes_that_servers_swallow_are_noted() {
    let tree = Tree::new();
    tree.append("conf/import/map_conf.txt", "charport: 6122\nchar_port: 6122\nuse_grf: yes\npasswd: other\n");
    tree.append("conf/import/char_conf.txt", "userid: s1\npasswd: p1\n");
    let (_, notes) = servers(&tree);
    for expected in [
        "conf/import/map_conf.txt:2: a map-server knows no `charport`, did you mean `char_port`?",
        "conf/import/map_conf.txt:4: use_grf: hosts have no GRF files; sizes are taken from map_cache.dat",
        "conf/import/map_conf.txt:3: char_port: the char-server listens at char_port, set otherwise in \
         conf/char_athena.conf:4",
        "conf/import/map_conf.txt:5: passwd: the char-server takes map-servers in by its own passwd, set otherwise in \
         conf/import/char_conf.txt:3",
    ] {
        assert!(notes.iter().any(|note| note == expected), "{expected}\nnot in\n{notes:#?}");
    }
    assert!(notes.iter().any(|note| note.starts_with("userid and passwd are those every rAthena comes with")));
}
