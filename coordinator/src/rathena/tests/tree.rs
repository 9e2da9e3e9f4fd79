//! A small rAthena in a folder: a city, fields, a dungeon, and one map for each reason to stay or to leave.

use std::collections::BTreeMap;
use std::path::Path;

use bifrost_protocol::ids::MapName;
use bifrost_world::Cells;
use bifrost_world::formats::map_cache;

/// A folder with these files in it.
pub(crate) fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("inside")).expect("created");
        std::fs::write(path, text).expect("written");
    }
    folder
}

/// A folder that looks like an rAthena's.
pub(crate) struct Tree(tempfile::TempDir);

const MAP_CONF: &str = "// map-server\nuserid: s1\npasswd: hunter2\nchar_ip: 10.0.0.2\nchar_port: 6121\nmap_ip: 203.0.113.7\n\
    map_port: 5121\nuse_grf: no\nimport: conf/maps_athena.conf\nimport: conf/import/map_conf.txt\n";
const MAPS: &str = "map: town\nmap: town_in\nmap: fd_fild01\nmap: fd_fild02\nmap: fd_fild02\nmap: fd_fild03\nmap: fd_fild04\n\
    map: fd_dun01\nmap: fd_dun02\nmap: between\n//map: unused\nmap: new_1-1\nmap: new_1-2\nmap: arena1\nmap: cas01\n\
    map: sec_pri\nmap: quest01\nmap: boss01\nmap: spot01\nmap: 1@cave\nmap: 2@cave\nmap: cave_in\nmap: empty01\nmap: gone01\n";
const CHAR_CONF: &str = "userid: s1\npasswd: hunter2\nlogin_ip: 10.0.0.1\nchar_port: 6121\nstart_point: iz_int,1,1\n\
    start_point_pre: new_1-1,5,5:new_1-1,6,6\ndefault_map: town\nimport: conf/import/char_conf.txt\n";
const INDEX: &str = "town 1\ntown_in\nfd_fild01\nfd_fild02\nfd_fild03\nfd_fild04\nfd_dun01\nfd_dun02\nbetween\nnew_1-1\nnew_1-2\n\
    arena1\ncas01\nsec_pri\nquest01\nboss01\nspot01\n1@cave\n2@cave\ncave_in\nempty01\n";
const WARPS: &str = "town,1,1,0\twarp\ttown_in\t1,1,town_in,5,5\ntown_in,5,6,0\twarp\ttown_out\t1,1,town,1,2\n\
    town,9,9,0\twarp\tgate\t1,1,fd_fild01,1,1\nfd_fild01,0,0,0\twarp\tgate2\t1,1,town,9,8\n\
    fd_fild01,9,9,0\twarp\tn\t1,1,fd_fild02,1,1\nfd_fild02,9,9,0\twarp\to\t1,1,fd_fild03,1,1\n\
    fd_fild03,9,9,0\twarp\tp\t1,1,between,1,1\nbetween,9,9,0\twarp\tq\t1,1,fd_dun01,1,1\n\
    fd_dun01,9,9,0\twarp\tr\t1,1,fd_dun02,1,1\n";
const MONSTERS: &str = "fd_fild01,0,0\tmonster\tPoring\t1002,50,5000\nfd_fild02,0,0\tmonster\tFabre\t1007,40\n\
    fd_fild03,0,0\tmonster\tLunatic\t1063,30\nfd_fild04,0,0\tmonster\tWillow\t1010,20\nfd_dun01,0,0\tmonster\tZombie\t1015,70\n\
    fd_dun02,0,0\tmonster\tSkeleton\t1076,60\nfd_dun02,0,0\tboss_monster\tBoss\t1086,1\nnew_1-2,0,0\tmonster\tPoring\t1002,5\n\
    boss01,0,0\tmonster\tDrake\t1112,5\ngone01,0,0\tmonster\tPoring\t1002,5\n";
const FLAGS: &str =
    "town\tmapflag\ttown\narena1\tmapflag\tpvp\nfd_fild01\tmapflag\tpvp\nfd_fild01\tmapflag\tpvp\toff\n";
const QUESTS: &str = "quest01,5,5,4\tscript\tTester\t100,{\n  monster \"quest01\",1,1,\"x\",1002,3;\n}\n\
    town,5,5,4\tscript\tHunter\t100,{\n  warp \"fd_fild03\",1,1;\n  donpcevent \"Lair::OnStart\";\n}\n\
    boss01,5,5,4\tscript\tLair\t100,{\n  end;\nOnStart:\n  end;\n}\n\
    -\tscript\tInvasion\t-1,{\nOnClock0600:\n  areamonster \"spot01\",0,0,0,0,\"x\",1002,9;\n}\n\
    fd_fild04,5,5,4\tscript\tDonor\t100,{\n  $donated = $donated + 1;\n}\n\
    cave_in,5,5,4\tscript\tDigger\t100,{\n  instance_create(\"Deep Cave\");\n}\n";
const INSTANCES: &str = "Body:\n  - Id: 1\n    Name: Deep Cave\n    Enter:\n      Map: 1@cave\n    AdditionalMaps:\n      \
    2@cave: true\n";

impl Tree {
    /// All of it.
    pub(crate) fn new() -> Self {
        let tree = Self(tempfile::tempdir().expect("a folder"));
        for (file, text) in [
            ("config.status", "S[\"CPPFLAGS\"]=\" -DPACKETVER=20211103 -DPRERE \"\n"),
            ("conf/map_athena.conf", MAP_CONF),
            ("conf/maps_athena.conf", MAPS),
            ("conf/char_athena.conf", CHAR_CONF),
            ("conf/login_athena.conf", "login_port: 6900\nimport: conf/inter_athena.conf\n"),
            (
                "conf/inter_athena.conf",
                "login_server_ip: 10.0.0.3\nlogin_server_port: 3306\nlogin_server_id: ragnarok\n\
                login_server_pw: hidden\nlogin_server_db: ro\n",
            ),
            ("conf/import/map_conf.txt", "// mine\n"),
            ("conf/import/char_conf.txt", "passwd: hunter2\n"),
            ("db/map_index.txt", INDEX),
            ("db/castle_db.yml", "Body:\n  - Id: 0\n    Map: cas01\n"),
            ("db/instance_db.yml", INSTANCES),
            ("npc/pre-re/scripts_main.conf", "npc: npc/warps.txt\nimport: npc/more.conf\n"),
            ("npc/more.conf", "npc: npc/monsters.txt\nnpc: npc/flags.txt\nnpc: npc/quests.txt\nnpc: npc/none.txt\n"),
            ("npc/warps.txt", WARPS),
            ("npc/monsters.txt", MONSTERS),
            ("npc/flags.txt", FLAGS),
            ("npc/quests.txt", QUESTS),
        ] {
            tree.write(file, text);
        }
        let open = Cells::new(20, 10, vec![0; 200]).expect("legal");
        let names = INDEX.lines().map(|line| line.split(' ').next().unwrap_or_default());
        let maps: BTreeMap<_, _> = names.map(|name| (MapName::new(name).expect("legal"), open.clone())).collect();
        std::fs::write(tree.path().join("db/map_cache.dat"), map_cache::write(&maps)).expect("written");
        tree
    }

    /// Its folder.
    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    /// Replaces a file.
    pub(crate) fn write(&self, file: &str, text: &str) {
        let path = self.path().join(file);
        std::fs::create_dir_all(path.parent().expect("inside")).expect("created");
        std::fs::write(path, text).expect("written");
    }

    /// Adds to a file.
    pub(crate) fn append(&self, file: &str, text: &str) {
        let before = std::fs::read_to_string(self.path().join(file)).expect("there");
        self.write(file, &format!("{before}{text}"));
    }

    /// A text with the folder's path as `DIR`.
    pub(crate) fn without_path(&self, text: &str) -> String {
        let real = self.path().canonicalize().expect("there");
        text.replace(&*real.to_string_lossy(), "DIR").replace(&*self.path().to_string_lossy(), "DIR")
    }
}
