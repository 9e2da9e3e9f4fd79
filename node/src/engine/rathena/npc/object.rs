//! The objects of a script file: `where<TAB>what<TAB>name<TAB>more`, a script with its body in braces behind it
//! (`npc.cpp`, `npc_parsesrcfile`).

/// An object of a script file. Texts are bytes: these files are in the operator's code page.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Object<'a> {
    pub(super) kind: Kind,
    /// The map it stands on; `None`: on none.
    pub(super) map: Option<&'a str>,
    /// The name others know it by.
    pub(super) name: &'a [u8],
    /// Where it starts in its file, where its first column ends, and where it ends.
    pub(super) start: usize,
    pub(super) place_end: usize,
    pub(super) end: usize,
    /// The second column.
    what: &'a [u8],
    /// All from the fourth column on.
    rest: &'a [u8],
}

/// What an object is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Function,
    Script,
    Duplicate,
    Shop,
    Warp,
    Monster,
    Flag,
}

/// Labels that a map-server calls by the realm's clock, wars and start, by how they begin (`npc.cpp`, `script_athena.conf`).
const REALM_LABELS: &[&str] = &["OnAgit", "OnInterIfInit"];
/// The same, when a digit follows.
const CLOCK_LABELS: &[&str] =
    &["OnClock", "OnMinute", "OnHour", "OnDay", "OnSun", "OnMon", "OnTue", "OnWed", "OnThu", "OnFri", "OnSat"];

impl<'a> Object<'a> {
    /// The name of what it is a duplicate of.
    pub(super) fn source(&self) -> Option<&'a [u8]> {
        if self.kind != Kind::Duplicate {
            return None;
        }
        let open = self.what.iter().position(|byte| *byte == b'(')?;
        self.what.get(open + 1..)?.strip_suffix(b")")
    }

    /// Whether the realm's clock, wars or start run it.
    pub(super) fn runs_by_the_realm(&self) -> bool {
        self.labels().any(|label| {
            let clock = |start: &&str| label.strip_prefix(*start).is_some_and(|rest| rest.starts_with(digit));
            REALM_LABELS.iter().any(|start| label.starts_with(start)) || CLOCK_LABELS.iter().any(clock)
        })
    }

    /// Whether all that runs it is what players do.
    pub(super) fn answers_players_only(&self) -> bool {
        let of_players =
            |label: &str| label.starts_with("OnPC") && label.ends_with("Event") || label == "OnNPCKillEvent";
        let by_itself = |label: &str| label == "OnInit" || label.starts_with("OnTimer");
        self.labels().any(of_players) && !self.labels().any(by_itself) && !self.runs_by_the_realm()
    }

    /// Names in its texts: what stands in quotes, up to `::`.
    pub(super) fn named(&self) -> Vec<&'a [u8]> {
        let mut names = Vec::new();
        match self.kind {
            Kind::Script | Kind::Function => walk(self.rest, |token| {
                if let Token::Text(text) = token {
                    names.push(before_colons(text));
                }
            }),
            // `id,amount,delay,delay,Name::OnEvent`.
            Kind::Monster => names.extend(self.rest.split(|byte| *byte == b',').nth(4).map(before_colons)),
            Kind::Duplicate | Kind::Shop | Kind::Warp | Kind::Flag => {}
        }
        names
    }

    fn labels(&self) -> impl Iterator<Item = &'a str> {
        let mut labels = Vec::new();
        if self.kind == Kind::Script {
            walk(self.rest, |token| {
                if let Token::Label(label) = token {
                    labels.push(label);
                }
            });
        }
        labels.into_iter()
    }
}

fn digit(char: char) -> bool {
    char.is_ascii_digit()
}

fn before_colons(text: &[u8]) -> &[u8] {
    let end = text.windows(2).position(|pair| pair == b"::").unwrap_or(text.len());
    &text[..end]
}

/// All objects of a file, and the offset from which on it is broken, if it is.
pub(super) fn objects(text: &[u8]) -> (Vec<Object<'_>>, Option<usize>) {
    let mut found = Vec::new();
    let mut at = skip_space(text, 0);
    while at < text.len() {
        let line_end = text[at..].iter().position(|byte| *byte == b'\n').map_or(text.len(), |len| at + len);
        let line = text[at..line_end].strip_suffix(b"\r").unwrap_or(&text[at..line_end]);
        let mut columns = line.splitn(4, |byte| *byte == b'\t');
        let place = columns.next().unwrap_or_default();
        let (what, name) = (columns.next().unwrap_or_default(), columns.next().unwrap_or_default());
        let more = columns.next().unwrap_or_default();
        let Some(kind) = kind(place, what) else {
            at = skip_space(text, line_end);
            continue;
        };
        let mut end = at + line.len();
        if matches!(kind, Kind::Script | Kind::Function) {
            let body = line.iter().position(|byte| *byte == b'{').and_then(|brace| body_end(text, at + brace));
            let Some(body) = body else { return (found, Some(at)) };
            end = body;
        }
        let rest = at + line.len() - more.len();
        found.push(Object {
            kind,
            map: map(place, kind),
            name: known_as(name),
            start: at,
            place_end: at + place.len(),
            end,
            what,
            rest: &text[rest..end],
        });
        at = skip_space(text, end);
    }
    (found, None)
}

fn kind(place: &[u8], what: &[u8]) -> Option<Kind> {
    let what = what.to_ascii_lowercase();
    let is = |start: &[u8]| what.starts_with(start);
    Some(match () {
        () if is(b"script") && place.eq_ignore_ascii_case(b"function") => Kind::Function,
        () if is(b"script") => Kind::Script,
        () if is(b"duplicate(") => Kind::Duplicate,
        () if is(b"warp") => Kind::Warp,
        () if is(b"monster") || is(b"boss_monster") => Kind::Monster,
        () if is(b"mapflag") => Kind::Flag,
        () if what.ends_with(b"shop") => Kind::Shop,
        () => return None,
    })
}

/// The map of the first column; a name that is no text stands on no map that an engine has.
fn map(place: &[u8], kind: Kind) -> Option<&str> {
    if place == b"-" || kind == Kind::Function {
        return None;
    }
    let name = place.split(|byte| *byte == b',').next().unwrap_or_default();
    Some(std::str::from_utf8(name).unwrap_or_default().trim())
}

/// `Shown#hidden::Known as`.
fn known_as(name: &[u8]) -> &[u8] {
    match name.windows(2).position(|pair| pair == b"::") {
        Some(at) => &name[at + 2..],
        None => name,
    }
}

/// What is looked for in a script.
enum Token<'a> {
    /// In quotes.
    Text(&'a [u8]),
    /// A word in front of a colon that begins with `On`.
    Label(&'a str),
}

/// Goes through a script, past its comments.
fn walk<'a>(script: &'a [u8], mut found: impl FnMut(Token<'a>)) {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let mut at = 0;
    loop {
        at = skip_space(script, at);
        let Some(byte) = script.get(at) else { return };
        if *byte == b'"' {
            let Some(end) = text_end(script, at) else { return };
            found(Token::Text(&script[at + 1..end - 1]));
            at = end;
        } else if word(*byte) {
            let end = script[at..].iter().position(|byte| !word(*byte)).map_or(script.len(), |len| at + len);
            let colon = skip_space(script, end);
            let name = std::str::from_utf8(&script[at..end]).unwrap_or_default();
            if name.starts_with("On") && script.get(colon) == Some(&b':') && script.get(colon + 1) != Some(&b':') {
                found(Token::Label(name));
            }
            at = end;
        } else {
            at += 1;
        }
    }
}

/// The offset behind the brace that closes the one at `open`.
fn body_end(text: &[u8], open: usize) -> Option<usize> {
    let (mut at, mut depth) = (open, 0_usize);
    loop {
        at = skip_space(text, at);
        match text.get(at)? {
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            b'"' => {
                at = text_end(text, at)?;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
}

/// The offset behind the quote that closes the one at `open`.
fn text_end(text: &[u8], open: usize) -> Option<usize> {
    let mut at = open + 1;
    loop {
        match text.get(at)? {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            b'\n' => return None,
            _ => at += 1,
        }
    }
}

/// The first offset from `at` on that is neither space nor comment.
fn skip_space(text: &[u8], mut at: usize) -> usize {
    loop {
        match text.get(at..).unwrap_or_default() {
            [byte, ..] if byte.is_ascii_whitespace() => at += 1,
            [b'/', b'/', rest @ ..] => {
                at += 2 + rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
            }
            [b'/', b'*', rest @ ..] => {
                at += 2 + rest.windows(2).position(|pair| pair == b"*/").map_or(rest.len(), |len| len + 2);
            }
            _ => return at,
        }
    }
}
