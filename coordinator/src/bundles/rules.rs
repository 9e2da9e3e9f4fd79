//! Which files of a map-server's folder go into a bundle, by their path. Pure.
//!
//! What a map-server opens at run time: its program and libraries, `conf`, `db` and `npc`. Of those the folders of the other
//! mode, templates, tests and the settings of the other servers stay, unless a list of scripts names a file of theirs.

use std::collections::BTreeSet;

use bifrost_protocol::layout::Abi;

use super::program::file_name;

/// Extensions that the map-server's folders have.
const CONF: [&str; 3] = ["conf", "txt", "yml"];
const DB: [&str; 6] = ["yml", "yaml", "txt", "dat", "conf", "csv"];
const NPC: [&str; 3] = ["txt", "conf", "yml"];
/// Folders of rAthena that no map-server reads.
const NOT_READ: [&str; 3] = ["conf/import-tmpl/", "db/import-tmpl/", "npc/test/"];
/// Data of other programs.
const NOT_NEEDED: [&str; 1] = ["db/GeoIP.dat"];
/// Settings of the login-, char- and web-server, full of credentials and addresses.
const OTHER_SERVERS: [&str; 8] = [
    "conf/login_athena.conf",
    "conf/char_athena.conf",
    "conf/web_athena.conf",
    "conf/subnet_athena.conf",
    "conf/import/login_conf.txt",
    "conf/import/char_conf.txt",
    "conf/import/web_conf.txt",
    "conf/import/subnet_conf.txt",
];

/// What happens to a file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Rule {
    /// It goes along.
    Take(Treatment),
    /// It stays.
    Leave(Reason),
}

/// How a file goes along.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Treatment {
    /// As it is.
    Plain,
    /// Without credentials.
    Settings,
    /// Without debug information, and marked as a program.
    Program,
}

/// Why a file stays.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) enum Reason {
    /// For renewal in a pre-renewal bundle, or the other way round.
    OtherMode,
    /// Templates, tests, data of other programs.
    NotRead,
    /// Settings of another server.
    OtherServer,
    /// Backups, hidden files, files of kinds that rAthena does not read.
    Leftover,
    /// A link to a folder or out of the folder.
    Link,
    /// A name that not all hosts can use.
    Name,
}

impl Reason {
    /// For people.
    pub(super) const fn text(self) -> &'static str {
        match self {
            Self::OtherMode => "of the other mode",
            Self::NotRead => "templates, tests and data that no map-server reads",
            Self::OtherServer => "settings of other servers, with their credentials",
            Self::Leftover => "backups, hidden files and kinds of files that no map-server reads",
            Self::Link => "links to folders or out of the folder",
            Self::Name => "names that not every system can use; rename them if hosts need them",
        }
    }
}

/// The rules for one kind of bundle.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) abi: Abi,
    pub(super) renewal: bool,
    /// Files that lists of scripts name.
    pub(super) named: BTreeSet<String>,
}

impl Rules {
    /// The folders that are looked through.
    pub(super) fn folders(&self) -> &'static [&'static str] {
        match self.abi {
            Abi::LinuxX8664 => &["conf", "db", "lib", "npc"],
            Abi::WindowsX8664 => &["conf", "db", "npc"],
        }
    }

    /// What happens to a file.
    pub(super) fn rule(&self, path: &str) -> Rule {
        let (top, name) = (path.split('/').next().unwrap_or_default(), path.rsplit('/').next().unwrap_or_default());
        let kind = name.rsplit_once('.').map(|(_, kind)| kind.to_ascii_lowercase()).unwrap_or_default();
        if path == file_name(self.abi) {
            return Rule::Take(Treatment::Program);
        }
        if top == path {
            // Beside the program: on Windows its libraries.
            let library = self.abi == Abi::WindowsX8664 && kind == "dll";
            return if library { Rule::Take(Treatment::Plain) } else { Rule::Leave(Reason::NotRead) };
        }
        if OTHER_SERVERS.contains(&path) {
            return Rule::Leave(Reason::OtherServer);
        }
        let hidden = path.split('/').any(|name| name.starts_with('.'));
        let kinds: &[&str] = match top {
            "conf" => &CONF,
            "db" => &DB,
            _ => &NPC,
        };
        let known = if top == "lib" { name.contains(".so") } else { kinds.contains(&kind.as_str()) };
        let named = top != "conf" && self.named.contains(path);
        if hidden || !(known || named) {
            Rule::Leave(Reason::Leftover)
        } else if named {
            Rule::Take(Treatment::Plain)
        } else if NOT_NEEDED.contains(&path) || NOT_READ.iter().any(|folder| path.starts_with(folder)) {
            Rule::Leave(Reason::NotRead)
        } else if self.other_mode().iter().any(|folder| path.starts_with(folder)) {
            Rule::Leave(Reason::OtherMode)
        } else if is_settings(path) {
            Rule::Take(Treatment::Settings)
        } else {
            Rule::Take(Treatment::Plain)
        }
    }

    /// Whether a file may name others that have to go along: scripts in lists, data in the operator's own additions.
    pub(super) fn is_list(path: &str) -> bool {
        let own_data = path.starts_with("db/import/") && path.ends_with(".yml");
        own_data || is_settings(path) || (path.starts_with("npc/") && path.ends_with(".conf"))
    }

    /// The folders of the mode that this is not.
    fn other_mode(&self) -> [&'static str; 2] {
        if self.renewal { ["db/pre-re/", "npc/pre-re/"] } else { ["db/re/", "npc/re/"] }
    }
}

/// Settings of the form `key: value`. Messages and YAML are not, nor are channels, whose passwords hosts have to ask for.
fn is_settings(path: &str) -> bool {
    let other_form = path.starts_with("conf/msg_conf/") || path == "conf/channels.conf";
    path.starts_with("conf/") && !other_form && (path.ends_with(".conf") || path.ends_with(".txt"))
}

/// The files that a list names: `npc: FILE`, `import: FILE`, and in YAML `Path: FILE`.
pub(super) fn named(list: &[u8]) -> impl Iterator<Item = String> + '_ {
    list.split(|byte| *byte == b'\n').filter_map(|line| {
        let line = std::str::from_utf8(line).ok()?.trim().trim_start_matches("- ");
        let (key, file) = line.split_once(':')?;
        let wanted = ["npc", "import", "path"].iter().any(|known| key.trim().eq_ignore_ascii_case(known));
        let file = file.split("//").next().unwrap_or_default().split(" #").next().unwrap_or_default().trim();
        let file = file.trim_matches(['"', '\'']).trim_start_matches("./");
        (wanted && !file.is_empty()).then(|| file.replace('\\', "/"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(abi: Abi, renewal: bool) -> Rules {
        Rules { abi, renewal, named: ["npc/re/merchants/shop.txt", "npc/custom/quest.npc"].map(String::from).into() }
    }

    #[test]
    fn a_bundle_has_what_a_map_server_opens() {
        let rules = rules(Abi::LinuxX8664, false);
        for (path, expected) in [
            ("map-server", Rule::Take(Treatment::Program)),
            ("lib/libmariadb.so.3", Rule::Take(Treatment::Plain)),
            ("conf/map_athena.conf", Rule::Take(Treatment::Settings)),
            ("conf/import/battle_conf.txt", Rule::Take(Treatment::Settings)),
            ("conf/import/inter_conf.txt", Rule::Take(Treatment::Settings)),
            ("conf/groups.yml", Rule::Take(Treatment::Plain)),
            ("conf/msg_conf/map_msg.conf", Rule::Take(Treatment::Plain)),
            ("db/map_cache.dat", Rule::Take(Treatment::Plain)),
            ("db/pre-re/item_db.yml", Rule::Take(Treatment::Plain)),
            ("npc/pre-re/scripts_main.conf", Rule::Take(Treatment::Plain)),
            ("npc/re/merchants/shop.txt", Rule::Take(Treatment::Plain)),
            ("npc/custom/quest.npc", Rule::Take(Treatment::Plain)),
            ("char-server", Rule::Leave(Reason::NotRead)),
            ("libmysql.dll", Rule::Leave(Reason::NotRead)),
            ("conf/login_athena.conf", Rule::Leave(Reason::OtherServer)),
            ("conf/import/char_conf.txt", Rule::Leave(Reason::OtherServer)),
            ("conf/import-tmpl/inter_conf.txt", Rule::Leave(Reason::NotRead)),
            ("conf/inter_athena.conf.bak", Rule::Leave(Reason::Leftover)),
            ("conf/.inter_athena.conf.swp", Rule::Leave(Reason::Leftover)),
            ("conf/import/inter_conf.txt~", Rule::Leave(Reason::Leftover)),
            ("db/GeoIP.dat", Rule::Leave(Reason::NotRead)),
            ("db/re/item_db.yml", Rule::Leave(Reason::OtherMode)),
            ("npc/re/cities/alberta.txt", Rule::Leave(Reason::OtherMode)),
            ("npc/test/ci.txt", Rule::Leave(Reason::NotRead)),
            ("npc/custom/.git/config.txt", Rule::Leave(Reason::Leftover)),
            ("npc/custom/other.npc", Rule::Leave(Reason::Leftover)),
        ] {
            assert_eq!(rules.rule(path), expected, "{path}");
        }
    }

    #[test]
    fn the_other_machine_and_the_other_mode_have_other_files() {
        let rules = rules(Abi::WindowsX8664, true);
        assert_eq!(rules.rule("map-server.exe"), Rule::Take(Treatment::Program));
        assert_eq!(rules.rule("libmysql.DLL"), Rule::Take(Treatment::Plain));
        assert_eq!(rules.rule("map-server"), Rule::Leave(Reason::NotRead));
        assert_eq!(rules.rule("db/pre-re/item_db.yml"), Rule::Leave(Reason::OtherMode));
        assert_eq!(rules.rule("db/re/item_db.yml"), Rule::Take(Treatment::Plain));
    }

    #[test]
    fn lists_name_files_in_all_the_ways_rathena_knows() {
        let list = b"npc: npc/a.txt // shop\n//npc: npc/off.txt\nimport: npc/re/list.conf\r\n  - Path: db/re/x.yml\ndelnpc: npc/b.txt\nnpc:\n";
        let found: Vec<_> = named(list).collect();
        assert_eq!(found, ["npc/a.txt", "npc/re/list.conf", "db/re/x.yml"]);
    }
}
