//! What an engine with two field maps loads of a realm's scripts.

use super::*;

const FIELDS: &[&str] = &["prt_fild08", "prt_fild05"];

fn cuts(files: &[(&str, &str)]) -> Vec<(String, String)> {
    let sources: Vec<_> = files.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())).collect();
    let cuts = select(&sources, &FIELDS.iter().copied().collect());
    cuts.into_iter().map(|cut| (slashed(&cut.path), String::from_utf8(cut.text).expect("text"))).collect()
}

/// What is left of one file, without the empty lines.
fn left(text: &str) -> String {
    let cuts = cuts(&[("npc/a.txt", text)]);
    let text = cuts.into_iter().map(|(_, text)| text).collect::<String>();
    text.lines().filter(|line| !line.is_empty()).map(|line| format!("{line}\n")).collect()
}

#[test]
fn what_stands_on_the_maps_and_functions_are_loaded() {
    let text = "// A comment\n\
        prt_fild08,0,0\tmonster\tPoring\t1002,60,5000\n\
        gef_fild00,0,0\tmonster\tPoring\t1002,60,5000\n\
        prt_fild05,367,205,0\twarp\tprtf024\t3,3,prontera,26,203\n\
        prontera,22,203,0\twarp\tprtf023\t3,3,prt_fild05,367,205\n\
        prt_fild08\tmapflag\tnopenalty\n\
        prontera\tmapflag\ttown\n\
        prontera,1,2,3\tshop\tDealer\t77,501:-1\n\
        function\tscript\tF_All\t{\n\treturn 1;\n}\n";
    let expected = "prt_fild08,0,0\tmonster\tPoring\t1002,60,5000\n\
        prt_fild05,367,205,0\twarp\tprtf024\t3,3,prontera,26,203\n\
        prt_fild08\tmapflag\tnopenalty\n\
        function\tscript\tF_All\t{\n\treturn 1;\n}\n";
    assert_eq!(left(text), expected);
    assert!(cuts(&[("npc/a.txt", "prontera\tmapflag\ttown\n")]).is_empty());
}

#[test]
fn lines_keep_their_numbers_and_scripts_their_bodies() {
    let text = "prontera,1,1,1\tscript\tA\t77,{\n\tmes \"} // no end \\\" {\"; /* } */\n\tend; // }\n}\n\n\
        prt_fild08,1,1,1\tscript\tB\t77,{\r\n\tif (1) { end; }\r\n}\r\n";
    let [(_, text)] = &cuts(&[("npc/a.txt", text)])[..] else { panic!("not one file") };
    assert_eq!(text, "\n\n\n\n\nprt_fild08,1,1,1\tscript\tB\t77,{\r\n\tif (1) { end; }\r\n}\n");
}

#[test]
fn a_duplicate_brings_what_it_is_a_copy_of() {
    let floating = "-\tscript\t::Staff_field\t-1,{\n\tend;\n}\n";
    let used = "prt_fild08,3,3,3\tduplicate(Staff_field)\tStaff#f\t90\n";
    let elsewhere = "prontera,3,3,3\tduplicate(Staff_field)\tStaff#p\t90\n";
    assert_eq!(left(&format!("{floating}{used}{elsewhere}")), format!("{floating}{used}"));
    assert_eq!(left(&format!("{floating}{elsewhere}")), "");
    let town = "prontera,5,5,5\tscript\tGuard#town::guard\t90,{\n\tend;\n}\n";
    let used = "prt_fild08,3,3,3\tduplicate(guard)\tGuard#f\t90\n";
    assert_eq!(left(&format!("{town}{used}")), format!("-{}{used}", &town["prontera,5,5,5".len()..]));
    assert_eq!(left(used), "", "a copy of nothing");
}

#[test]
fn what_stands_on_no_map_is_loaded_when_something_names_it() {
    let arena = "-\tscript\tarena#field\t-1,{\nOnStart:\n\tdonpcevent \"timer#field::OnGo\";\n\tend;\n}\n";
    let timer = "-\tscript\ttimer#field\t-1,{\nOnGo:\n\tinitnpctimer;\nOnTimer1000:\n\tend;\n}\n";
    let shop = "-\tshop\tarrows#field\t-1,1750:-1\n";
    let other = "-\tscript\tother\t-1,{\nOnInit:\n\tend;\n}\n";
    let user = "prt_fild08,1,1,1\tscript\tB\t77,{\n\tdonpcevent \"arena#field::OnStart\";\n\tcallshop \"arrows#field\",1;\n}\n";
    let all = format!("{arena}{timer}{shop}{other}{user}");
    assert_eq!(left(&all), format!("{arena}{timer}{shop}{user}"));
    let dead = "-\tscript\tdead#field\t-1,{\nOnDead:\n\tend;\n}\n";
    let monster = "prt_fild05,0,0\tmonster\tPoring\t1002,1,0,0,dead#field::OnDead\n";
    assert_eq!(left(&format!("{dead}{monster}")), format!("{dead}{monster}"));
}

#[test]
fn what_the_realms_clock_and_wars_run_stays_at_home() {
    for label in
        ["OnClock2100", "OnHour05", "OnMinute30", "OnDay0101", "OnSat1800", "OnAgitStart2", "OnInterIfInitOnce"]
    {
        let controller = format!("-\tscript\tevent\t-1,{{\n{label}:\n\tend;\n}}\n");
        let user = "prt_fild08,1,1,1\tscript\tB\t77,{\n\tdonpcevent \"event::OnStart\";\n}\n";
        assert_eq!(left(&format!("{controller}{user}")), user, "{label}");
        let here = format!("prt_fild08,1,1,1\tscript\tB\t77,{{\n{label}:\n\tend;\n}}\n");
        assert_eq!(left(&here), here, "its map is nowhere else");
        let said = format!("-\tscript\tevent\t-1,{{\n\tmes \"{label}:\"; // {label}:\n\tend;\n}}\n");
        assert_eq!(left(&format!("{said}{user}")), format!("{said}{user}"), "a text is no label");
    }
}

#[test]
fn what_only_answers_to_players_goes_where_they_are() {
    let hook = "-\tscript\thunt\t-1,{\nOnNPCKillEvent:\n\tend;\nOnPCLoginEvent:\n\tend;\n}\n";
    assert_eq!(left(hook), hook);
    for more in ["OnInit", "OnTimer1000", "OnClock0000"] {
        let busy = format!("-\tscript\thunt\t-1,{{\nOnPCLoginEvent:\n\tend;\n{more}:\n\tend;\n}}\n");
        assert_eq!(left(&busy), "", "{more}");
    }
}

#[test]
fn a_broken_file_is_read_as_far_as_a_map_server_reads_it() {
    let good = "prt_fild08\tmapflag\tnopenalty\n";
    for bad in [
        "prt_fild08,1,1,1\tscript\tB\t77,{\n\tend;\n",
        "prt_fild08,1,1,1\tscript\tB\t77\n",
        "prt_fild08,1,1,1\tscript\tB\t77,{ mes \"\n\";}\n",
    ] {
        assert_eq!(left(&format!("{good}{bad}{good}")), good, "{bad}");
    }
    let odd = "no tabs at all\n\t\t\t\nx\ty\n";
    assert_eq!(left(&format!("{odd}{good}")), good);
    assert_eq!(left("/* never closed\nprt_fild08\tmapflag\tx\n"), "");
}

#[test]
fn the_list_replaces_every_other() {
    let cuts = [Cut { path: PathBuf::from("npc/pre-re/mobs/fields/prontera.txt"), text: Vec::new() }];
    assert_eq!(script_list(&cuts), "delnpc: all\nnpc: npc/pre-re/mobs/fields/prontera.txt\n");
}
