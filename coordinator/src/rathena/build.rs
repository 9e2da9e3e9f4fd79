//! What an rAthena was compiled for. The binary does not say; what it was made from does.

use std::path::Path;

use super::conf::read_text;
use super::problem::Note;
use crate::config::{Build, PACKETVERS};

/// What `./configure` left: the flags of every compiler call (`--enable-packetver`, `--enable-prere`).
const CONFIGURED: &str = "config.status";
/// Where the operator's own definitions belong.
const CUSTOM: &str = "src/custom/defines_pre.hpp";
/// rAthena's defaults.
const DEFAULTS: [&str; 2] = ["src/config/packets.hpp", "src/config/renewal.hpp"];
/// The longest of these files, in bytes.
const MAX_FILE: usize = 1024 * 1024;

/// What the operator says about the build; the rest is looked up.
#[derive(Clone, Copy, Debug, Default)]
pub struct KnownBuild {
    /// The client version.
    pub packetver: Option<u32>,
    /// Whether it is a renewal build.
    pub renewal: Option<bool>,
}

/// Finds out what the servers below `root` are compiled for. What cannot be found out is taken to be what most have, and
/// noted.
pub(super) fn find(root: &Path, known: KnownBuild, notes: &mut Vec<Note>) -> Build {
    let text = |file: &str| read_text(&root.join(file), MAX_FILE).unwrap_or_default();
    let (configured, custom) = (text(CONFIGURED), text(CUSTOM));
    let packetver = known
        .packetver
        .or_else(|| number_after(&configured, "-DPACKETVER="))
        .or_else(|| defined(&custom, "PACKETVER")?.parse().ok())
        .or_else(|| defined(&text(DEFAULTS[0]), "PACKETVER")?.parse().ok());
    let sources = !configured.is_empty() || root.join(DEFAULTS[1]).exists();
    let prere = configured.contains("-DPRERE")
        || defined(&custom, "PRERE").is_some()
        || defined(&text(DEFAULTS[1]), "PRERE").is_some();
    let renewal = known.renewal.or_else(|| sources.then_some(!prere));
    if packetver.is_none() || renewal.is_none() {
        let text = format!(
            "neither {CONFIGURED} nor src/ says what the servers are compiled for: taken to be PACKETVER {}, {}; \
             --packetver and --renewal say otherwise",
            packetver.unwrap_or(PACKETVERS[0]),
            if renewal == Some(true) { "renewal" } else { "pre-renewal" }
        );
        notes.push(Note::general(text));
    }
    let build = Build { packetver: packetver.unwrap_or(PACKETVERS[0]), renewal: renewal.unwrap_or(false) };
    if !PACKETVERS.contains(&build.packetver) {
        let known = PACKETVERS.map(|known| known.to_string()).join(" and ");
        let text = format!(
            "PACKETVER is {}, but the structs of {known} are all that is known: rathena engines will not start",
            build.packetver
        );
        notes.push(Note::general(text));
    }
    build
}

/// The number that follows `flag` in `text`.
fn number_after(text: &str, flag: &str) -> Option<u32> {
    let (_, rest) = text.split_once(flag)?;
    let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
    rest.get(..end)?.parse().ok()
}

/// The value of `#define NAME VALUE`, also an empty one. Conditions around it do not matter for these names.
fn defined<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let mut words = line.trim_start().strip_prefix("#define")?.split_whitespace();
        (words.next() == Some(name)).then(|| words.next().unwrap_or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)], known: KnownBuild) -> (u32, bool, usize) {
        let folder = tempfile::tempdir().expect("folder");
        for (name, text) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("inside")).expect("created");
            std::fs::write(path, text).expect("written");
        }
        let mut notes = Vec::new();
        let build = find(folder.path(), known, &mut notes);
        (build.packetver, build.renewal, notes.len())
    }

    #[test]
    fn what_was_configured_counts_over_what_is_defined() {
        let configured = (CONFIGURED, "S[\"CPPFLAGS\"]=\" -DX -DPACKETVER=20200401 -DPRERE  -I/usr\"\n");
        let packets = ("src/config/packets.hpp", "#ifndef PACKETVER\n\t#define PACKETVER 20211103\n#endif\n");
        let renewal = ("src/config/renewal.hpp", "//#define PRERE\n#ifndef PRERE\n");
        let none = KnownBuild::default();
        assert_eq!(found(&[configured, packets, renewal], none), (20_200_401, false, 0));
        assert_eq!(found(&[packets, renewal], none), (20_211_103, true, 0));
        let custom = ("src/custom/defines_pre.hpp", "#define PRERE\n#define PACKETVER 20200401\n");
        assert_eq!(found(&[packets, renewal, custom], none), (20_200_401, false, 0));
        let said = KnownBuild { packetver: Some(20_211_103), renewal: Some(true) };
        assert_eq!(found(&[configured], said), (20_211_103, true, 0));
    }

    #[test]
    fn what_is_not_known_is_said() {
        assert_eq!(found(&[], KnownBuild::default()), (20_211_103, false, 1));
        let unknown = KnownBuild { packetver: Some(20_220_406), renewal: Some(false) };
        assert_eq!(found(&[], unknown), (20_220_406, false, 1));
    }
}
