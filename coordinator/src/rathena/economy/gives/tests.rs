//! What bodies give.

use proptest::prelude::*;

use super::*;

fn of(body: &str) -> Gives {
    gives(body.as_bytes())
}

fn items(body: &str) -> Vec<String> {
    let gives = of(body);
    assert!(!gives.unclear, "{body}");
    gives.items.into_iter().collect()
}

#[test]
fn items_are_numbers_and_names() {
    assert_eq!(items("getitem 501,5; getitem(502,1); getitem \"Apple\",2;"), ["501", "502", "Apple"]);
    assert_eq!(items("if (.@x) getnameditem 503,strcharinfo(0); else makeitem 504,1,\"this\",0,0;"), ["503", "504"]);
    assert_eq!(
        items("getitem (.@x == 1) ? 505 : 506,1; getitem rand(507,509),1;"),
        ["505", "506", "507", "508", "509"]
    );
    assert_eq!(items("getitem callfunc(\"F_Rand\",510,511),1;"), ["510", "511"]);
    assert_eq!(items("delitem 501,1; mes \"getitem 999\"; // getitem 998,1;"), Vec::<String>::new());
}

#[test]
fn variables_are_what_the_body_sets_them_to() {
    assert_eq!(items(".@a = 501; if (1) set .@a, 502; getitem .@a,1;"), ["501", "502"]);
    assert_eq!(
        items("setarray .@l[0],501,\"Apple\"; .@b = .@l[rand(2)]; getitem .@b,1; getitem .@l[1],1;"),
        ["501", "Apple"]
    );
    assert_eq!(items(".@a = (.@x ? 501 : 502); if (.@a == 7) getitem(.@a,1);"), ["501", "502"]);
    for body in [
        "getitem .@never,1;",
        ".@a = 501; .@a++; getitem .@a,1;",
        "input .@a; getitem .@a,1;",
        "@a = 501; getitem @a,1;",
        ".@a = .@b; .@b = .@a; getitem .@a,1;",
        "getitem 500 + .@x,1;",
        "getitem getequipid(2),1;",
        "getitem $prize,1;",
        "mail 1,\"x\",\"y\",\"z\";",
        "atcommand \"@item 501 1\";",
    ] {
        assert!(of(body).unclear, "{body}");
    }
}

#[test]
fn boxes_are_named_by_their_group() {
    let gives = of("getgroupitem(IG_RedBox); getitem grouprandomitem(IG_CardAlbum),1; getgroupitem IG_Food;");
    assert_eq!(gives.boxes.into_iter().collect::<Vec<_>>(), ["cardalbum", "food", "redbox"]);
    assert!(!gives.unclear);
    assert!(of("getgroupitem .@x;").unclear);
}

#[test]
fn what_a_caller_gives_is_kept_apart() {
    let gives = of("getitem getarg(0),1;");
    assert!(gives.from_caller && !gives.unclear);
    let calls =
        of("callfunc(\"F_A\",501,\"Apple\"); callfunc \"F_A\",502; callsub L_B,503; .@x = callfunc(\"F_C\",.@y);")
            .calls;
    let values = |name: &str| calls[name].clone().map(|values| values.into_iter().collect::<Vec<_>>());
    assert_eq!(values("F_A"), Some(vec!["501".to_owned(), "502".to_owned(), "Apple".to_owned()]));
    assert_eq!(values(""), Some(vec!["503".to_owned()]));
    assert_eq!(values("F_C"), None);
    let called = of("if (callfunc(\"F_D\",501) == 1) end; callfunc .@f$;");
    assert!(called.calls.contains_key("F_D") && called.unclear, "one is computed");
    assert!(!of("if (callfunc(\"F_D\",501) == 1) end;").unclear);
}

#[test]
fn zeny_and_experience_only_count_when_they_grow() {
    for body in [
        "Zeny += 5;",
        "Zeny = Zeny + 5;",
        "set Zeny,Zeny+rand(1,2);",
        "set Zeny, .@x;",
        "zeny++;",
        "atcommand \"@zeny 5\";",
    ] {
        assert!(of(body).zeny, "{body}");
    }
    for body in [
        "Zeny -= 5;",
        "set Zeny,Zeny-5;",
        "Zeny = Zeny - .@x;",
        "if (Zeny == 5) end;",
        "if (Zeny < 5) end;",
        "Zeny = 0;",
    ] {
        assert!(!of(body).zeny, "{body}");
    }
    for body in ["getexp 1,2;", "getexp2(1,2);", "BaseLevel += 1;", "set JobLevel,50;", "BaseExp = BaseExp + 1;"] {
        assert!(of(body).experience, "{body}");
    }
    for body in ["if (BaseLevel >= 50) end;", "mes BaseLevel+\" is it\";"] {
        assert!(!of(body).experience, "{body}");
    }
}

#[test]
fn work_on_items_is_seen() {
    for body in ["successrefitem(.@part);", "getitem2 501,1,1,7,0,0,0,0,0;", "successremovecards .@p;", "refineui();"] {
        assert!(of(body).works, "{body}");
    }
    assert!(!of("getitem 501,1;").works);
}

#[test]
fn monsters_are_made_here_or_on_a_map_that_is_named() {
    let gives = of("monster \"field\",0,0,\"x\",1002,5; areamonster \"this\",1,1,2,2,\"x\",\"PORING\",1; \
        monster .@m$,0,0,\"x\",.@id,1; monster \"this\",-1,-1,\"--ja--\",-1-MOBG_PORING_BOX,1,\"\";");
    let expected = [
        (Spot::Map("field".to_owned()), Some("1002".to_owned())),
        (Spot::Here, None),
        (Spot::Here, Some("PORING".to_owned())),
    ];
    assert_eq!(gives.monsters, BTreeSet::from(expected));
    assert_eq!(gives.summons, BTreeSet::from(["poring_box".to_owned()]));
}

#[test]
fn scripts_for_players_anywhere_are_told() {
    assert!(of("OnPCLoginEvent:\n getitem 501,1; end;").everywhere);
    assert!(!of("OnInit:\n end;").everywhere);
}

proptest! {
    #[test]
    fn no_body_is_too_much_for_it(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = gives(&body);
    }

    #[test]
    fn nor_is_what_looks_like_a_script(
        parts in prop::collection::vec(
            prop::sample::select(vec![
                "getitem", "(", ")", ",", ";", "501", ".@a", "=", "[", "]", "?", ":", "callfunc", "\"F_Rand\"", "rand", "set",
                "setarray", "Zeny", "+", "-", "monster", "{", "}", "getarg", "$x", "\"",
            ]),
            0..40,
        ),
    ) {
        let _ = gives(parts.join(" ").as_bytes());
    }
}
