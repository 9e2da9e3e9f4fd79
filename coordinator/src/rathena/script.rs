//! What stands in an NPC file, statement by statement (`npc_parsesrcfile`, npc.cpp). Warps have their own reader
//! ([`bifrost_world::formats::warps`]).
//!
//! A statement is a line of columns apart by tabs: `place`, `kind`, `name`, `rest`. A script's line goes on to the brace that
//! closes its body.

use std::ops::Range;

use bifrost_protocol::ids::MapName;

/// A statement.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Statement {
    /// The line it starts at, from 1.
    pub(super) line: usize,
    /// What it is.
    pub(super) kind: Kind,
}

/// The kinds of statements that matter here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    /// An NPC with a body. `map` is none when it stands nowhere.
    Npc {
        /// The map it stands on.
        map: Option<MapName>,
        /// Its name: what other scripts call it.
        name: String,
        /// Its body, without the braces: where in the file.
        body: Range<usize>,
    },
    /// A function that scripts call.
    Function {
        /// Its name.
        name: String,
        /// Its body, without the braces: where in the file.
        body: Range<usize>,
    },
    /// Another NPC with the body of one.
    Duplicate {
        /// The map it stands on.
        map: Option<MapName>,
        /// Its name.
        name: String,
        /// The NPC whose body it has.
        of: String,
    },
    /// Monsters that come back.
    Spawn {
        /// Their map.
        map: MapName,
        /// How many.
        amount: u32,
        /// `NPC::OnEvent`, run at each death.
        event: Option<String>,
        /// Which monster: its number or name.
        monster: String,
        /// Milliseconds until one comes back; none: not said.
        delay: Option<u32>,
    },
    /// A map flag.
    Flag {
        /// The map.
        map: MapName,
        /// The flag, lower case.
        flag: String,
        /// Whether it is set: `off` takes it away.
        on: bool,
        /// Its number, where it has one.
        value: Option<u32>,
    },
    /// A warp: its name is one scripts can use.
    Warp {
        /// The map it stands on.
        map: MapName,
        /// Its name.
        name: String,
    },
    /// A shop.
    Shop {
        /// Its map; none when it stands nowhere.
        map: Option<MapName>,
        /// Its name.
        name: String,
        /// `shop`, `cashshop`, `itemshop`, `pointshop` or `marketshop`.
        kind: String,
        /// What it sells, as it is written: a picture, then what is paid with, then items and prices.
        stock: String,
    },
    /// Whatever else stands on a map.
    Other {
        /// The map.
        map: Option<MapName>,
        /// Its name.
        name: String,
    },
}

/// Where a file stops making sense; servers read it up to there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Broken {
    /// The line, from 1.
    pub(super) line: usize,
    /// What is wrong.
    pub(super) problem: &'static str,
}

/// Reads the statements of a file.
pub(super) fn statements(file: &[u8]) -> (Vec<Statement>, Option<Broken>) {
    let mut cursor = Cursor { file, at: 0, line: 1 };
    let mut found = Vec::new();
    loop {
        match cursor.statement() {
            Ok(Some(statement)) => found.push(statement),
            Ok(None) => return (found, None),
            Err(broken) => return (found, Some(broken)),
        }
    }
}

struct Cursor<'a> {
    file: &'a [u8],
    at: usize,
    line: usize,
}

impl Cursor<'_> {
    fn statement(&mut self) -> Result<Option<Statement>, Broken> {
        loop {
            self.skip_space()?;
            if self.rest().is_empty() {
                return Ok(None);
            }
            let line = self.line;
            let end = self.rest().iter().position(|byte| *byte == b'\n').unwrap_or(self.rest().len());
            let text = String::from_utf8_lossy(self.rest().get(..end).unwrap_or_default()).into_owned();
            let columns: Vec<_> = text.trim_end().splitn(4, '\t').collect();
            let [place, kind, name] = *columns
                .first_chunk()
                .ok_or(Broken { line, problem: "neither a comment nor at least three columns apart by tabs" })?;
            let rest = columns.get(3).copied();
            let is_script = rest.is_some() && starts_with(kind, "script");
            let body = if is_script { self.body()? } else { 0..0 };
            if !is_script {
                self.advance(end);
            }
            if let Some(kind) = kind_of(place, kind, name, rest, body) {
                return Ok(Some(Statement { line, kind }));
            }
        }
    }

    fn rest(&self) -> &[u8] {
        self.file.get(self.at..).unwrap_or_default()
    }

    fn advance(&mut self, count: usize) {
        let passed = self.rest().get(..count).unwrap_or_else(|| self.rest());
        let (lines, len) = (passed.iter().filter(|byte| **byte == b'\n').count(), passed.len());
        self.line += lines;
        self.at += len;
    }

    /// Passes over white space and comments.
    fn skip_space(&mut self) -> Result<(), Broken> {
        loop {
            let skipped = match self.rest() {
                [space, ..] if space.is_ascii_whitespace() => 1,
                [b'/', b'/', ..] => self.rest().iter().position(|byte| *byte == b'\n').unwrap_or(self.rest().len()),
                [b'/', b'*', comment @ ..] => {
                    let end = comment.windows(2).position(|pair| pair == b"*/");
                    end.ok_or(Broken { line: self.line, problem: "the comment that starts here has no end" })? + 4
                }
                _ => return Ok(()),
            };
            self.advance(skipped);
        }
    }

    /// Passes over a script's header and body; says where its body is.
    fn body(&mut self) -> Result<Range<usize>, Broken> {
        let unfinished = Broken { line: self.line, problem: "the script that starts here has no end" };
        let open = self.rest().iter().position(|byte| *byte == b'{').ok_or(unfinished)?;
        self.advance(open + 1);
        let (start, mut depth) = (self.at, 1_usize);
        loop {
            self.skip_space()?;
            let len = match self.rest() {
                [b'{', ..] => {
                    depth += 1;
                    1
                }
                [b'}', ..] => {
                    depth -= 1;
                    1
                }
                [b'"', text @ ..] => string_len(text).ok_or(unfinished)? + 2,
                [_, ..] => 1,
                [] => return Err(unfinished),
            };
            self.advance(len);
            if depth == 0 {
                return Ok(start..self.at - 1);
            }
        }
    }
}

/// The length of a string whose text, without the opening quote, starts `text`; without the closing quote.
pub(super) fn string_len(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    text.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    })
}

fn kind_of(place: &str, kind: &str, name: &str, rest: Option<&str>, body: Range<usize>) -> Option<Kind> {
    // What is not a legal name is on no map of any server.
    let map = MapName::new(place.split(',').next().unwrap_or_default().trim()).ok().filter(|_| place != "-");
    let own = || unique(name);
    if starts_with(kind, "script") && rest.is_some() {
        let name = own();
        return Some(if place.eq_ignore_ascii_case("function") {
            Kind::Function { name, body }
        } else {
            Kind::Npc { map, name, body }
        });
    }
    if starts_with(kind, "warp") {
        return map.map(|map| Kind::Warp { map, name: own() });
    }
    if let Some(of) = within(kind, "duplicate") {
        return Some(Kind::Duplicate { map, name: own(), of: of.to_owned() });
    }
    if ["monster", "boss_monster"].iter().any(|known| kind.eq_ignore_ascii_case(known)) {
        let columns: Vec<_> = rest?.split(',').map(str::trim).collect();
        let amount = columns.get(1)?.parse().ok()?;
        let event = columns.get(4).filter(|event| event.contains("::")).map(|event| (*event).to_owned());
        let monster = columns.first().copied().unwrap_or_default().to_owned();
        let delay = columns.get(2).and_then(|delay| delay.parse().ok());
        return map.map(|map| Kind::Spawn { map, amount, event, monster, delay });
    }
    if kind.eq_ignore_ascii_case("mapflag") {
        let on = !rest.is_some_and(|rest| rest.trim().eq_ignore_ascii_case("off"));
        let value = rest.and_then(|rest| rest.split([',', '\t']).next()?.trim().parse().ok());
        return map.map(|map| Kind::Flag { map, flag: name.trim().to_ascii_lowercase(), on, value });
    }
    let shops = ["shop", "cashshop", "itemshop", "pointshop", "marketshop"];
    if let Some(kind) = shops.into_iter().find(|known| kind.eq_ignore_ascii_case(known))
        && let Some(stock) = rest
    {
        return Some(Kind::Shop { map, name: own(), kind: kind.to_owned(), stock: stock.to_owned() });
    }
    Some(Kind::Other { map, name: own() })
}

/// What other scripts call an NPC: the part behind `::`, else all of it.
fn unique(name: &str) -> String {
    name.rsplit("::").next().unwrap_or(name).trim().to_owned()
}

/// `text` of `word(text)`.
fn within<'a>(kind: &'a str, word: &str) -> Option<&'a str> {
    starts_with(kind, word).then(|| kind.get(word.len()..)?.strip_prefix('(')?.strip_suffix(')')).flatten()
}

fn starts_with(text: &str, word: &str) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(usize, String)> {
        let (found, broken) = statements(text.as_bytes());
        assert_eq!(broken, None);
        found.into_iter().map(|found| (found.line, format!("{:?}", found.kind))).collect()
    }

    #[test]
    fn every_kind_is_told_from_the_others() {
        let text = "// fields\n\
            field,0,0\tmonster\tPoring\t1002,50,5000\n\
            field,0,0\tboss_monster\tBoss,3\t1086,1,0,0,Boss::OnDead\n\
            /* two\nlines */ field\tmapflag\tPvP\n\
            field\tmapflag\tnomemo\toff\n\
            city,1,1,4\tscript\tGuide#1::guide\t100,{ mes \"a } b\"; // }\n  end; }\n\
            -\tscript\tController\t-1,{\nend;\n}\n\
            function\tscript\tF_One\t{ return; }\n\
            city,2,2,4\tduplicate(guide)\tGuide#2\t100\n\
            city,3,3,0\twarp\tgate\t1,1,field,9,9\n\
            city,4,4,4\tshop\tTool\t100,501:-1\n";
        let found = kinds(text);
        let lines: Vec<_> = found.iter().map(|(line, _)| *line).collect();
        assert_eq!(lines, [2, 3, 5, 6, 7, 9, 12, 13, 14, 15]);
        let is = |at: usize, start: &str| assert!(found[at].1.starts_with(start), "{:?}", found[at]);
        is(0, "Spawn { map: MapName(\"field\"), amount: 50, event: None, monster: \"1002\", delay: Some(5000) }");
        is(1, "Spawn { map: MapName(\"field\"), amount: 1, event: Some(\"Boss::OnDead\"), ");
        is(2, "Flag { map: MapName(\"field\"), flag: \"pvp\", on: true, value: None }");
        is(3, "Flag { map: MapName(\"field\"), flag: \"nomemo\", on: false, value: None }");
        is(4, "Npc { map: Some(MapName(\"city\")), name: \"guide\"");
        is(5, "Npc { map: None, name: \"Controller\"");
        is(6, "Function { name: \"F_One\"");
        is(7, "Duplicate { map: Some(MapName(\"city\")), name: \"Guide#2\", of: \"guide\" }");
        is(8, "Warp { map: MapName(\"city\"), name: \"gate\" }");
        is(9, "Shop { map: Some(MapName(\"city\")), name: \"Tool\", kind: \"shop\", stock: \"100,501:-1\" }");
    }

    #[test]
    fn a_body_is_what_stands_between_its_braces() {
        let text = "-\tscript\tA\t-1,{ if (1) { end; } mes \"\\\"}\"; }\n-\tscript\tB\t-1,{}\n";
        let (found, _) = statements(text.as_bytes());
        let body = |found: Statement| {
            let Kind::Npc { body, .. } = found.kind else { panic!("{found:?}") };
            text.get(body).expect("inside")
        };
        let bodies: Vec<_> = found.into_iter().map(body).collect();
        assert_eq!(bodies, [" if (1) { end; } mes \"\\\"}\"; ", ""]);
    }

    #[test]
    fn a_broken_file_counts_up_to_where_it_breaks() {
        let broken = |text: &str| {
            let (found, broken) = statements(text.as_bytes());
            let broken = broken.expect("broken");
            (found.len(), broken.line, broken.problem)
        };
        let good = "a\tmapflag\tpvp\n";
        let columns = "neither a comment nor at least three columns apart by tabs";
        assert_eq!(broken(&format!("{good}no tabs here\n{good}")), (1, 2, columns));
        assert_eq!(broken("-\tscript\tA\t-1,{ mes \"x\";\n"), (0, 1, "the script that starts here has no end"));
        assert_eq!(broken("-\tscript\tA\t-1,{ mes \"x\n"), (0, 1, "the script that starts here has no end"));
        assert_eq!(broken(&format!("{good}\n/* open")), (1, 3, "the comment that starts here has no end"));
    }
}
