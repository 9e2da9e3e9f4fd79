//! The proposal as files: the coordinator's configuration, and the list that makes the operator's map-server leave the
//! fleet's maps alone.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;

use bifrost_protocol::ids::MapName;

use super::conf::MARK;
use super::{Load, Proposal, ProposedGroup, REASONS, Reason};

/// Where the list for the map-server goes when nothing else is said: beside rAthena's own imports.
pub const LIST_FILE: &str = "bifrost_maps.conf";
/// The HTTPS API, as in the defaults.
const HTTPS_PORT: u16 = 7443;
/// The endpoint for nodes, as in the defaults.
const LINK_PORT: u16 = 7444;
/// The longest line of the file, in bytes.
const WIDTH: usize = 120;

impl Proposal {
    /// The maps that leave, as `delmap:` lines: as often as the map-server's list has each of them, for one `delmap` takes
    /// away one `map`.
    #[must_use]
    pub fn list(&self) -> String {
        let mut listed = BTreeMap::<&MapName, usize>::new();
        for (map, _) in &self.servers.map.maps {
            *listed.entry(map).or_default() += 1;
        }
        let mut text = format!(
            "{MARK}\n// The fleet serves these maps: this map-server does not load them, and finds them at the fleet's \
             address.\n"
        );
        for map in self.leaving() {
            for _ in 0..listed.get(map).copied().unwrap_or(1) {
                let _ = writeln!(text, "delmap: {map}");
            }
        }
        text
    }

    /// The line that has to stand at the end of [`Proposal::import_into`], when the list is at `list`.
    #[must_use]
    pub fn import_line(&self, list: &Path) -> String {
        format!("import: {}", list.strip_prefix(&self.root).unwrap_or(list).display())
    }

    /// The stock file that takes the one line, relative to rAthena's folder.
    #[must_use]
    pub fn import_into(&self) -> &str {
        &self.servers.map.last_file
    }

    /// The coordinator's configuration, when the list for the map-server is at `list`.
    #[must_use]
    pub fn toml(&self, list: &Path) -> String {
        let mut out = String::new();
        self.head(list, &mut out);
        self.addresses(&mut out);
        self.realm(&mut out);
        self.maps(&mut out);
        for group in &self.groups {
            write_group(group, &mut out);
        }
        self.staying(&mut out);
        out
    }

    /// Maps that leave, by name.
    fn leaving(&self) -> impl Iterator<Item = &MapName> {
        self.verdicts.iter().filter(|(_, verdict)| verdict.reason.may_leave()).map(|(map, _)| map)
    }

    fn head(&self, list: &Path, out: &mut String) {
        let _ = write!(
            out,
            "# Bifrost beside the rAthena in {root}: {groups} groups with {maps} maps.\n\
             # Written by `bifrost-coordinator maps propose`; yours to change. All keys: `config print-default`.\n\
             #\n\
             # Your own map-server must not load these maps any more. For that, one line at the end of\n\
             # {into}, and a restart of the map-server:\n\
             #     {line}\n\
             # To move a map by hand, change its group here and its `delmap:` line there; or propose again with\n\
             # --eligible MAP or --critical MAP.\n\n\
             # Database, CA and secrets of the coordinator.\n\
             data_dir = \"bifrost-data\"\n",
            root = self.root.display(),
            groups = self.groups.len(),
            maps = self.leaving().count(),
            into = self.import_into(),
            line = self.import_line(list),
        );
    }

    fn addresses(&self, out: &mut String) {
        let (public, everywhere) = match self.public {
            Some(ip) if !ip.is_loopback() => (ip, Ipv4Addr::UNSPECIFIED),
            Some(ip) => (ip, ip),
            None => (Ipv4Addr::LOCALHOST, Ipv4Addr::LOCALHOST),
        };
        if self.public.is_none() {
            out.push_str(
                "\n# The map-server is not told a public address (map_ip), so everything here listens on this machine \
                 only.\n# Propose again with --public ADDRESS for players and hosts elsewhere.\n",
            );
        }
        let relay = self.relay_port();
        let _ = write!(
            out,
            "\n# Registration of hosts, status, administration, metrics: TCP.\n\
             [http]\n\
             listen = \"{everywhere}:{HTTPS_PORT}\"\n\
             # Names and addresses that hosts reach it by. Your own certificate: `certificate` and `key`.\n\
             names = {names}\n\n\
             # Hosts connect here: UDP.\n\
             [link]\n\
             listen = \"{everywhere}:{LINK_PORT}\"\n\
             public = \"{public}:{LINK_PORT}\"\n\n\
             # Game clients are sent here by the char-server: TCP. Your own map-server keeps its port ({map_port}).\n\
             [relay]\n\
             listen = \"{everywhere}:{relay}\"\n\
             public = \"{public}:{relay}\"\n",
            names = texts(&names(public)),
            map_port = self.servers.map.port,
        );
    }

    /// The first port after the map-server's own that none of the others has.
    fn relay_port(&self) -> u16 {
        let servers = &self.servers;
        let taken = [servers.map.port, servers.char_server.port, servers.login.port, servers.database.port, HTTPS_PORT];
        let free = |port: &u16| !taken.contains(port);
        (servers.map.port..=u16::MAX).chain(1_024..servers.map.port).find(free).unwrap_or(5_122)
    }

    fn realm(&self, out: &mut String) {
        let (chars, login, database) = (&self.servers.char_server, &self.servers.login, &self.servers.database);
        let secret = database.password_place.as_ref().map_or_else(String::new, |place| format!(" ({place})"));
        let _ = write!(
            out,
            "\n# Your rAthena.\n\
             [realm]\n\
             mode = \"rathena\"\n\
             char = {char_server}\n\
             login = {login}\n\
             # `userid` in {user_place}.\n\
             user = {user}\n\
             # The password is not kept here. It is `passwd` in {password_place}; give it as\n\
             #     BIFROST__REALM__PASSWORD=...\n\
             # Game accounts are proved in the `login` table, so that registering a host ends nobody's game. Its password\n\
             # is `login_server_pw`{secret}; give it as\n\
             #     BIFROST__REALM__DATABASE=mysql://{db_user}:PASSWORD@{db_ip}:{db_port}/{db_name}\n\n\
             # Hosts run your own map-server, from a bundle (`bifrost-coordinator bundle add`).\n\
             [engine]\n\
             kind = \"rathena\"\n\
             # Started engines that wait beside each group with players: 0 to 3.\n\
             standbys = 1\n\
             # What your servers are compiled for.\n\
             packetver = {packetver}\n\
             renewal = {renewal}\n",
            char_server = text(&format!("{}:{}", chars.ip, chars.port)),
            login = text(&format!("{}:{}", login.ip, login.port)),
            user_place = chars.user_place,
            user = text(&chars.user),
            password_place = chars.password_place,
            db_user = database.user,
            db_ip = database.ip,
            db_port = database.port,
            db_name = database.name,
            packetver = self.build.packetver,
            renewal = self.build.renewal,
        );
    }

    fn maps(&self, out: &mut String) {
        let path = |file: &String| text(&self.root.join(file).display().to_string());
        let paths = |files: &[String]| {
            let lines: Vec<_> = files.iter().map(|file| format!("    {},\n", path(file))).collect();
            format!("[\n{}]", lines.concat())
        };
        let index = self.index.as_ref().map_or_else(
            || "# No `index`: your own db/import/map_index.txt adds to rAthena's.\n".to_owned(),
            |index| format!("index = {}\n", path(index)),
        );
        let _ = write!(
            out,
            "\n# Where the coordinator finds cells and warps.\n\
             [maps]\n\
             cache = {caches}\n\
             {index}\
             # The script files your map-server loads that have warps of these maps.\n\
             warps = {warps}\n",
            caches = paths(&self.caches),
            warps = paths(&self.warps),
        );
        let _ = write!(
            out,
            "\n# The groups: maps that are walked between, at most {} maps, {} cells and {} monsters each.\n",
            super::MAX_MAPS,
            super::MAX_CELLS,
            super::MAX_MONSTERS
        );
    }

    /// What is not in a group, and why; single maps are named where the operator may see it otherwise.
    fn staying(&self, out: &mut String) {
        out.push_str("\n# These maps stay on your own map-server.\n");
        for reason in REASONS.into_iter().filter(|reason| !reason.may_leave()) {
            let maps: Vec<_> = self.verdicts.iter().filter(|(_, verdict)| verdict.reason == reason).collect();
            if maps.is_empty() {
                continue;
            }
            let _ = writeln!(out, "#\n# {} ({}):", reason.text(), maps.len());
            if matches!(reason, Reason::Variable | Reason::Script) {
                for (map, verdict) in maps {
                    let _ = writeln!(out, "#   {map}: {}", verdict.detail.as_deref().unwrap_or_default());
                }
            } else {
                let names: Vec<_> = maps.iter().map(|(map, _)| map.as_str()).collect();
                wrap("#   ", &names, " ", out);
            }
        }
    }
}

fn write_group(group: &ProposedGroup, out: &mut String) {
    let Load { cells, monsters } = group.load;
    let large = if group.is_too_large() { ": more than a group should have, but scripts tie it together" } else { "" };
    let _ = write!(
        out,
        "\n# {} map{}, {cells} cells, {monsters} monsters{large}.\n[[groups]]\nname = {}\nclass = \"eligible\"\n",
        group.maps.len(),
        if group.maps.len() == 1 { "" } else { "s" },
        text(&group.name)
    );
    let names: Vec<_> = group.maps.iter().map(|map| text(map.as_str())).collect();
    let line = format!("maps = [{}]\n", names.join(", "));
    if line.len() <= WIDTH {
        out.push_str(&line);
    } else {
        out.push_str("maps = [\n");
        let names: Vec<_> = names.iter().map(|name| format!("{name},")).collect();
        wrap("    ", &names.iter().map(String::as_str).collect::<Vec<_>>(), " ", out);
        out.push_str("]\n");
    }
}

/// Words in lines that start with `indent`.
fn wrap(indent: &str, words: &[&str], between: &str, out: &mut String) {
    let mut line = indent.to_owned();
    for word in words {
        if line.len() + between.len() + word.len() > WIDTH && line.len() > indent.len() {
            let _ = writeln!(out, "{line}");
            indent.clone_into(&mut line);
        }
        if line.len() > indent.len() {
            line.push_str(between);
        }
        line.push_str(word);
    }
    if line.len() > indent.len() {
        let _ = writeln!(out, "{line}");
    }
}

/// A TOML string.
fn text(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn texts(all: &[String]) -> String {
    let all: Vec<_> = all.iter().map(|one| text(one)).collect();
    format!("[{}]", all.join(", "))
}

fn names(public: Ipv4Addr) -> Vec<String> {
    let mut names = vec!["localhost".to_owned(), Ipv4Addr::LOCALHOST.to_string()];
    if !public.is_loopback() {
        names.push(public.to_string());
    }
    names
}
