//! What a script's body says about maps, other NPCs and the server's own variables.
//!
//! Not an interpreter: it tells for every text in quotes which command it is an argument of, and that is enough to see which
//! maps a script acts on (`doc/script_commands.txt`). A command given something else than a text in quotes for its map is
//! `unclear`: then any map the script names may be meant.

use std::collections::BTreeSet;

use super::script::string_len;

/// Which argument of a command names a map that it acts on, from 0. Commands that only send players somewhere are not here:
/// the stock servers find the other map-server by themselves.
const ON_MAPS: [(&str, usize); 43] = [
    ("areaannounce", 0),
    ("areamobuseskill", 0),
    ("areamonster", 0),
    ("areapercentheal", 0),
    ("areawarp", 0),
    ("bg_getareausers", 1),
    ("bg_monster", 1),
    ("checkcell", 0),
    ("cleanarea", 0),
    ("cleanmap", 0),
    ("clone", 0),
    ("duplicate", 1),
    ("getareadropitem", 0),
    ("getareausers", 0),
    ("getfreecell", 0),
    ("getmapflag", 0),
    ("getmapguildusers", 0),
    ("getmapusers", 0),
    ("guardian", 0),
    ("guardianinfo", 0),
    ("gvgoff", 0),
    ("gvgoff3", 0),
    ("gvgon", 0),
    ("gvgon3", 0),
    ("instance_mapname", 0),
    ("instance_warpall", 0),
    ("killmonster", 0),
    ("killmonsterall", 0),
    ("makeitem", 2),
    ("makeitem2", 2),
    ("makeitem3", 2),
    ("makeitem4", 2),
    ("mapannounce", 0),
    ("maprespawnguildid", 0),
    ("mapwarp", 0),
    ("mobcount", 0),
    ("monster", 0),
    ("pvpoff", 0),
    ("pvpon", 0),
    ("removemapflag", 0),
    ("setcell", 0),
    ("setmapflag", 0),
    ("setmapflagnosave", 0),
];
/// Commands that make monsters.
const MAKES_MONSTERS: [&str; 4] = ["areamonster", "bg_monster", "guardian", "monster"];
/// Commands that name an event of an NPC (`NPC::OnEvent`) in any of their arguments.
const ON_EVENTS: [&str; 11] = [
    "addtimer",
    "areamonster",
    "bg_create",
    "bg_monster",
    "deltimer",
    "doevent",
    "donpcevent",
    "guardian",
    "killmonster",
    "mobcount",
    "monster",
];
/// Commands that name an NPC in any of their arguments.
const ON_NPCS: [&str; 35] = [
    "awake",
    "cloakoffnpc",
    "cloakonnpc",
    "cmdothernpc",
    "delwaitingroom",
    "detachnpctimer",
    "disablenpc",
    "disablewaitingroomevent",
    "duplicate",
    "enablenpc",
    "enablewaitingroomevent",
    "getnpcid",
    "getnpctimer",
    "getvariableofnpc",
    "getwaitingroomstate",
    "getwaitingroomusers",
    "hideoffnpc",
    "hideonnpc",
    "initnpctimer",
    "isnpccloaked",
    "kickwaitingroomall",
    "movenpc",
    "npcshopadditem",
    "npcshopdelitem",
    "npcshopitem",
    "npcshopupdate",
    "npcspeed",
    "npcstop",
    "npctalk",
    "npcwalkto",
    "setnpcdisplay",
    "setnpctimer",
    "startnpctimer",
    "stopnpctimer",
    "unloadnpc",
];
/// Commands whose maps are only where players are sent, or only shown: a script that acts on maps it computes does not
/// mean these.
const SENDS_OR_SHOWS: [&str; 17] = [
    "bg_warp",
    "compare",
    "dispbottom",
    "instance_warpall",
    "mes",
    "menu",
    "message",
    "navigateto",
    "save",
    "savepoint",
    "select",
    "warp",
    "warpchar",
    "warpguild",
    "warppartner",
    "warpparty",
    "warpwaitingpc",
];
/// Calls that give the map the script stands on, or one of its own instance.
const OWN_MAP: [&str; 2] = ["strcharinfo", "instance_mapname"];

/// What a body says.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Uses {
    /// Maps, by name, that a command acts on.
    pub(super) maps: BTreeSet<String>,
    /// Texts that may be the map that is meant when `unclear`.
    pub(super) texts: BTreeSet<String>,
    /// A command acts on a map that is not written there.
    pub(super) unclear: bool,
    /// A command makes monsters.
    pub(super) makes_monsters: bool,
    /// NPCs that a command acts on.
    pub(super) npcs: BTreeSet<String>,
    /// Functions that are called.
    pub(super) calls: BTreeSet<String>,
    /// `$` variables that are read.
    pub(super) reads: BTreeSet<String>,
    /// `$` variables that are set.
    pub(super) writes: BTreeSet<String>,
}

/// Reads a body.
pub(super) fn uses(body: &[u8]) -> Uses {
    let words = words(body);
    let mut reading = Reading { uses: Uses::default(), calls: vec![Call::default()] };
    for (at, word) in words.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| words.get(at)).unwrap_or(&Word::Sign(b';'));
        reading.word(word, before, words.get(at + 1..).unwrap_or_default());
    }
    reading.uses
}

/// A word of a script.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Word {
    /// A text in quotes.
    Text(String),
    /// A command, constant or label, lower case.
    Name(String),
    /// A variable of the server with its prefix, as `$@boss`.
    Server(String),
    /// Any other variable with a prefix, as `.@boss`, lower case.
    Local(String),
    /// Anything else, byte by byte.
    Sign(u8),
}

/// The words of a body, without comments.
pub(super) fn words(body: &[u8]) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = body;
    while let Some(first) = rest.first() {
        let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
        let len = |of: &[u8]| of.iter().position(|byte| !is_name(byte)).unwrap_or(of.len());
        let text = |len: usize| String::from_utf8_lossy(rest.get(..len).unwrap_or_default()).into_owned();
        let taken = match rest {
            [b'/', b'/', ..] => rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()),
            [b'/', b'*', comment @ ..] => {
                comment.windows(2).position(|pair| pair == b"*/").map_or(rest.len(), |end| end + 4)
            }
            [b'"', quoted @ ..] => {
                let end = string_len(quoted).unwrap_or(quoted.len());
                words.push(Word::Text(String::from_utf8_lossy(quoted.get(..end).unwrap_or_default()).into_owned()));
                (end + 2).min(rest.len())
            }
            [b'.' | b'$' | b'@' | b'#' | b'\'', ..] => {
                let prefix = rest.iter().position(|byte| !b".$@#'".contains(byte)).unwrap_or(rest.len());
                let name = len(rest.get(prefix..).unwrap_or_default());
                let suffix = usize::from(rest.get(prefix + name) == Some(&b'$') && name > 0);
                let all = prefix + name + suffix;
                words.push(match (*first, name) {
                    (_, 0) => Word::Sign(b'.'),
                    (b'$', _) => Word::Server(text(all)),
                    _ => Word::Local(text(all).to_ascii_lowercase()),
                });
                all.max(1)
            }
            [letter, ..] if is_name(letter) => {
                let name = len(rest);
                let suffix = usize::from(rest.get(name) == Some(&b'$'));
                words.push(Word::Name(text(name + suffix).to_ascii_lowercase()));
                name + suffix
            }
            [space, ..] if space.is_ascii_whitespace() => 1,
            [sign, ..] => {
                words.push(Word::Sign(*sign));
                1
            }
            [] => 0,
        };
        rest = rest.get(taken.max(1)..).unwrap_or_default();
    }
    words
}

/// A command and which of its arguments is being read.
#[derive(Clone, Debug, Default)]
struct Call {
    command: String,
    argument: usize,
}

struct Reading {
    uses: Uses,
    /// Calls within each other, the innermost last; never empty.
    calls: Vec<Call>,
}

impl Reading {
    fn word(&mut self, word: &Word, before: &Word, after: &[Word]) {
        match word {
            Word::Name(name) => self.name(name, before, after),
            Word::Text(text) => self.text(text),
            Word::Server(name) => {
                let set = is_set(before, after);
                if set { &mut self.uses.writes } else { &mut self.uses.reads }.insert(name.clone());
                self.computed(before);
            }
            Word::Sign(b'(') => {
                // A parenthesis after a name is its argument list, any other one only groups.
                let inner = match before {
                    Word::Name(name) => Call { command: name.clone(), argument: 0 },
                    Word::Text(_) | Word::Server(_) | Word::Local(_) | Word::Sign(_) => self.call().clone(),
                };
                self.calls.push(inner);
            }
            Word::Sign(b')') if self.calls.len() > 1 => drop(self.calls.pop()),
            Word::Sign(b',') => {
                if let Some(call) = self.calls.last_mut() {
                    call.argument += 1;
                }
            }
            Word::Sign(b';' | b'{' | b'}') => self.calls = vec![Call::default()],
            Word::Sign(_) | Word::Local(_) => self.computed(before),
        }
    }

    fn call(&self) -> &Call {
        self.calls.last().expect("the bottom is never taken off")
    }

    /// A name at the start of a statement is a command; elsewhere it is an operand.
    fn name(&mut self, name: &str, before: &Word, after: &[Word]) {
        let starts = match before {
            Word::Sign(sign) => b";{}):".contains(sign),
            Word::Name(before) => matches!(before.as_str(), "else" | "do" | "end"),
            Word::Text(_) | Word::Server(_) | Word::Local(_) => false,
        };
        let is_label = after.first() == Some(&Word::Sign(b':'));
        if starts && !is_label && self.calls.len() == 1 {
            self.calls = vec![Call { command: name.to_owned(), argument: 0 }];
        } else if !OWN_MAP.contains(&name) {
            self.computed(before);
        }
        if MAKES_MONSTERS.contains(&name) {
            self.uses.makes_monsters = true;
        }
    }

    /// Something that is not a text in quotes begins an argument: if it stands for a map, nobody knows which.
    fn computed(&mut self, before: &Word) {
        let call = self.call();
        let begins = match before {
            Word::Sign(sign) => b"(,".contains(sign),
            Word::Name(name) => *name == call.command && call.argument == 0,
            Word::Text(_) | Word::Server(_) | Word::Local(_) => false,
        };
        if begins && acts_on_map(call) {
            self.uses.unclear = true;
        }
    }

    fn text(&mut self, text: &str) {
        let call = self.call().clone();
        if acts_on_map(&call) {
            self.uses.maps.insert(text.to_owned());
        } else if !SENDS_OR_SHOWS.contains(&call.command.as_str()) {
            self.uses.texts.insert(text.to_owned());
        }
        let command = call.command.as_str();
        let npc = match text.split_once("::") {
            Some((npc, _)) => Some(npc).filter(|_| ON_EVENTS.contains(&command)),
            None => Some(text).filter(|_| ON_NPCS.contains(&command)),
        };
        self.uses.npcs.extend(npc.filter(|npc| !npc.is_empty()).map(str::to_owned));
        if call.command == "callfunc" && call.argument == 0 {
            self.uses.calls.insert(text.to_owned());
        }
    }
}

fn acts_on_map(call: &Call) -> bool {
    ON_MAPS.contains(&(call.command.as_str(), call.argument))
}

/// Whether a variable between these words is set.
fn is_set(before: &Word, after: &[Word]) -> bool {
    const SETTERS: [&str; 6] = ["set", "setarray", "cleararray", "copyarray", "input", "deletearray"];
    if matches!(before, Word::Name(name) if SETTERS.contains(&name.as_str())) {
        return true;
    }
    // An index may stand between the name and the sign that sets it.
    let mut depth = 0_usize;
    let mut signs = after.iter().skip_while(|word| {
        let was_inside = depth > 0;
        match word {
            Word::Sign(b'[') => depth += 1,
            Word::Sign(b']') => depth = depth.saturating_sub(1),
            Word::Text(_) | Word::Name(_) | Word::Server(_) | Word::Local(_) | Word::Sign(_) => {}
        }
        was_inside || depth > 0
    });
    match (signs.next(), signs.next()) {
        (Some(Word::Sign(b'=')), next) => next != Some(&Word::Sign(b'=')),
        (Some(Word::Sign(sign)), Some(Word::Sign(next))) => {
            (b"+-*/|&^".contains(sign) && *next == b'=') || (b"+-".contains(sign) && sign == next)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
