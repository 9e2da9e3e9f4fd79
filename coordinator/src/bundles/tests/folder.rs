//! A folder as rAthena's after `make`, as small as it can be.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use bifrost_protocol::layout::Abi;
use tempfile::TempDir;

use crate::bundles::program::{file_name, tests::program};
use crate::bundles::{AddRequest, Added, BundleError, add};
use crate::config::{Group, GroupClass};

/// What `configure` would have been told.
pub(crate) const PACKETVER: u32 = 20_211_103;

/// A moment to sign at: late enough to be one at which tough runs, too.
pub(crate) fn now() -> SystemTime {
    SystemTime::now()
}

pub(crate) fn days(days: u64) -> Duration {
    Duration::from_hours(24 * days)
}

/// A map-server's folder, and a data folder beside it.
pub(crate) struct Folder {
    dir: TempDir,
}

impl Folder {
    pub(crate) fn new() -> Self {
        let folder = Self { dir: TempDir::new().expect("a folder") };
        for abi in Abi::ALL {
            folder.write(file_name(abi), program(abi, "npc/pre-re/scripts_main.conf"));
        }
        folder.write("conf/map_athena.conf", "userid: s1\npasswd: p1\nmap_port: 5121\n");
        folder.write("conf/inter_athena.conf", "map_server_pw: hunter2hunter2\nparty_share_level: 15\n");
        folder.write("conf/login_athena.conf", "anything: at all\n");
        folder.write("conf/import/battle_conf.txt", "base_exp_rate: 300\n");
        folder.write("db/map_index.txt", "prontera 1\nprt_fild01\nprt_fild02\n");
        folder.write("db/import/map_index.txt", "\n");
        folder.write("db/map_cache.dat", cache(&["prontera", "prt_fild01", "no_index"]));
        folder.write("db/re/item_db.yml", "Body: []\n");
        folder.write("npc/scripts_custom.conf", "npc: npc/custom/own.txt\nnpc: npc/re/shop.txt\n");
        folder.write("npc/custom/own.txt", "prontera,1,1,1\tscript\tOwn\t1,{ end; }\n");
        folder.write("npc/re/shop.txt", "// a shop\n");
        folder.write("npc/re/other.txt", "// not wanted\n");
        folder
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.dir.path().join("rathena")
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub(crate) fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, content).expect("written");
    }

    pub(crate) fn request(&self, abi: Abi) -> AddRequest {
        AddRequest { folder: self.path(), abi, packetver: PACKETVER, renewal: false }
    }

    /// `bundle add` for Linux.
    pub(crate) fn add(&self) -> Added {
        self.try_add(&self.request(Abi::LinuxX8664)).expect("added")
    }

    pub(crate) fn try_add(&self, request: &AddRequest) -> Result<Added, BundleError> {
        add(&self.data(), request, &[], now())
    }

    /// Why `bundle add` is refused.
    pub(crate) fn refused(&self, request: &AddRequest, groups: &[Group]) -> String {
        add(&self.data(), request, groups, now()).expect_err("refused").to_string()
    }
}

pub(crate) fn group(name: &str, maps: &[&str]) -> Group {
    let maps = maps.iter().map(|map| bifrost_protocol::ids::MapName::new(map).expect("legal")).collect();
    Group { name: name.into(), class: GroupClass::Eligible, maps }
}

/// All files of a bundle, with their modes.
pub(crate) fn unpacked(archive: &Path) -> Vec<(String, u32, Vec<u8>)> {
    let file = std::fs::File::open(archive).expect("there");
    let mut tar = tar::Archive::new(zstd::Decoder::new(file).expect("zstd"));
    let read = |entry: std::io::Result<tar::Entry<'_, _>>| {
        let mut entry = entry.expect("an entry");
        let (path, mode) =
            (entry.path().expect("a path").display().to_string(), entry.header().mode().expect("a mode"));
        assert_eq!((entry.header().mtime().expect("a time"), entry.header().uid().expect("an id")), (0, 0));
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).expect("read");
        (path, mode, bytes)
    };
    tar.entries().expect("a tar").map(read).collect()
}

/// A map cache of maps of one cell.
fn cache(maps: &[&str]) -> Vec<u8> {
    let mut body = Vec::new();
    for map in maps {
        let mut name = [0; 12];
        name[..map.len()].copy_from_slice(map.as_bytes());
        body.extend_from_slice(&name);
        body.extend_from_slice(&1_i16.to_le_bytes());
        body.extend_from_slice(&1_i16.to_le_bytes());
        body.extend_from_slice(&1_i32.to_le_bytes());
        body.push(0);
    }
    let mut file = u32::try_from(body.len() + 8).expect("small").to_le_bytes().to_vec();
    file.extend_from_slice(&u16::try_from(maps.len()).expect("few").to_le_bytes());
    file.extend_from_slice(&[0; 2]);
    file.extend(body);
    file
}
