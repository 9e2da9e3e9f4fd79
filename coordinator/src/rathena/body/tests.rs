//! What is found in bodies.

use super::*;

fn set(texts: &[&str]) -> BTreeSet<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn maps_that_commands_act_on_are_found_where_the_command_takes_them() {
    for (body, maps) in [
        ("monster \"field\",1,1,\"--ja--\",PORING,1,\"Boss::OnDead\";", &["field"][..]),
        ("if (getmapusers(\"field\") > 0) mapannounce \"hall\",\"hello field\",0;", &["field", "hall"]),
        ("OnInit: areamonster \"field\",0,0,0,0,\"x\",1002,5; end;", &["field"]),
        ("else killmonsterall \"field\";", &["field"]),
        ("makeitem 501,1,\"field\",1,1;", &["field"]),
        ("warp \"city\",1,1; savepoint \"city\",1,1; mes \"city\";", &[]),
        ("instance_warpall \"1@cave\",1,1; .@m$ = instance_mapname(\"2@cave\");", &["1@cave", "2@cave"]),
        ("// monster \"field\"\n/* monster \"field\" */", &[]),
        ("switch (rand(2)) { case 0: pvpon \"field\"; break; }", &["field"]),
    ] {
        assert_eq!(uses(body.as_bytes()).maps, set(maps), "{body}");
    }
}

#[test]
fn a_map_that_is_computed_makes_every_map_it_names_a_candidate() {
    for (body, unclear) in [
        ("monster .@map$,1,1,\"x\",1002,1;", true),
        ("monster getarg(0),1,1,\"x\",1002,1;", true),
        ("mapannounce(strnpcinfo(4),\"x\",0);", true),
        ("monster strcharinfo(3),1,1,\"x\",1002,1;", false),
        ("monster instance_mapname(\"1@cave\"),1,1,\"x\",1002,1;", false),
        ("monster \"field\",rand(10),.@y,\"x\",1002,1;", false),
        ("warp .@map$,1,1;", false),
    ] {
        assert_eq!(uses(body.as_bytes()).unclear, unclear, "{body}");
    }
    let found = uses(b"setarray .@maps$[0],\"field\",\"hall\"; warp \"city\",1,1; cleanmap .@maps$[0];");
    assert_eq!(found.texts, set(&["field", "hall"]), "where players are sent is not meant");
    assert!(found.unclear);
}

#[test]
fn npcs_and_functions_are_found_by_name() {
    let found = uses(
        b"donpcevent \"Boss#1::OnStart\"; hideonnpc \"Door\"; callfunc \"F_Go\",\"field\"; \
        monster \"field\",1,1,\"Poring\",1002,1,\"Guard::OnDead\"; npctalk \"hello\",\"Bard\"; donpcevent \"::OnAll\";",
    );
    assert_eq!(found.npcs, set(&["Bard", "Boss#1", "Door", "Guard", "hello"]), "a monster's name is none");
    assert_eq!(found.calls, set(&["F_Go"]));
    assert!(found.makes_monsters);
    assert!(!uses(b"mes \"a monster\";").makes_monsters);
}

#[test]
fn server_variables_are_told_into_read_and_set() {
    let found = uses(
        b"$God1 = 1; $God2 += 2; $count++; set $old, 5; setarray $list[0],1,2; $@tmp[.@i] = $seen; \
          if ($God3 == 1 && $God4 >= 2) mes $name$; .$npc = 1; $sub[$index]--;",
    );
    assert_eq!(found.writes, set(&["$God1", "$God2", "$count", "$old", "$list", "$@tmp", "$sub"]));
    assert_eq!(found.reads, set(&["$seen", "$God3", "$God4", "$name$", "$index"]));
}

#[test]
fn nothing_in_a_body_can_break_the_reader() {
    for body in ["\"open", "monster \"", ")))(((", "$", "$@", ".", "/*", "//", ",,,;;;}{", "\\\"", "'"] {
        let _ = uses(body.as_bytes());
    }
}
