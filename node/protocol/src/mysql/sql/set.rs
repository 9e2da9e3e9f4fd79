//! SET, read without a grammar: nothing is ever set, so only the names matter.

use super::{Name, Piece, Refusal, Session, scan};

/// The most variables of one statement.
const MAX_VARIABLES: usize = 32;

/// What stands before a variable's name in another kind of SET.
const OTHER_KINDS: [&str; 8] =
    ["GLOBAL", "PERSIST", "PERSIST_ONLY", "PASSWORD", "ROLE", "DEFAULT", "STATEMENT", "TRANSACTION"];

/// Reads what stands behind SET: `NAMES charset [COLLATE collation]` and `[SESSION] variable = value`, with commas between.
/// What the values are does not matter.
pub(super) fn set(statement: &[u8]) -> Result<Session, Refusal> {
    let mut items = vec![Vec::new()];
    let (mut depth, mut ended, mut several) = (0_usize, false, false);
    scan(statement, |piece| {
        several |= ended && piece != Piece::Sign(b';');
        match piece {
            Piece::Sign(b'(') => depth = depth.saturating_add(1),
            Piece::Sign(b')') => depth = depth.saturating_sub(1),
            Piece::Sign(b';') => return ended = true,
            Piece::Sign(b',') if depth == 0 => return items.push(Vec::new()),
            Piece::Word(_) | Piece::Number(_) | Piece::Text(_) | Piece::Quoted(_) | Piece::Sign(_) => {}
        }
        if let Some(item) = items.last_mut() {
            item.push(piece);
        }
    })?;
    if several {
        return Err(Refusal::Several);
    }
    if items.len() > MAX_VARIABLES || depth != 0 {
        return Err(Refusal::Syntax);
    }
    let (mut charset, mut variables) = (None, Vec::new());
    for (index, item) in items.iter().enumerate() {
        // The first item begins with SET itself.
        let item = item.get(usize::from(index == 0)..).unwrap_or_default();
        match item {
            [Piece::Word(word), rest @ ..] if is(word, "NAMES") => charset = Some(charset_of(rest)?),
            [Piece::Word(word), rest @ ..] if is(word, "CHARSET") => charset = Some(charset_of(rest)?),
            [Piece::Word(word), Piece::Word(set), rest @ ..] if is(word, "CHARACTER") && is(set, "SET") => {
                charset = Some(charset_of(rest)?);
            }
            [Piece::Word(word), ..] if OTHER_KINDS.iter().any(|kind| is(word, kind)) => {
                return Err(Refusal::Clause("another kind of SET"));
            }
            [Piece::Word(word), rest @ ..] if is(word, "SESSION") || is(word, "LOCAL") => {
                variables.push(variable(rest)?)
            }
            other => variables.push(variable(other)?),
        }
    }
    Ok(Session::Set { charset, variables })
}

fn is(word: &[u8], keyword: &str) -> bool {
    word.eq_ignore_ascii_case(keyword.as_bytes())
}

/// A character set by name, in lower case. The collation behind it does not matter.
fn charset_of(pieces: &[Piece<'_>]) -> Result<String, Refusal> {
    let (name, rest) = match pieces {
        [Piece::Word(name), rest @ ..] => (*name, rest),
        [Piece::Text(quoted), rest @ ..] => (inner(quoted), rest),
        _ => return Err(Refusal::Syntax),
    };
    match rest {
        [] => {}
        [Piece::Word(word), Piece::Word(_) | Piece::Text(_)] if is(word, "COLLATE") => {}
        _ => return Err(Refusal::Syntax),
    }
    lower_name(name).map_err(|_| Refusal::Name)
}

/// The name of a variable that is set: `name`, `@@name`, `@@session.name`, each with `=` behind it.
fn variable(pieces: &[Piece<'_>]) -> Result<String, Refusal> {
    let (name, rest) = match pieces {
        [Piece::Word(scope), Piece::Sign(b'.'), Piece::Word(name), rest @ ..] => {
            if !is(scope, "@@SESSION") && !is(scope, "@@LOCAL") {
                return Err(Refusal::Clause("another kind of SET"));
            }
            (*name, rest)
        }
        [Piece::Word(name), rest @ ..] => (name.strip_prefix(b"@@").unwrap_or(name), rest),
        [Piece::Quoted(name), rest @ ..] => (inner(name), rest),
        _ => return Err(Refusal::Syntax),
    };
    match rest {
        [Piece::Sign(b'='), _, ..] => lower_name(name).map_err(|_| Refusal::Variable),
        _ => Err(Refusal::Syntax),
    }
}

/// What stands between quotes.
fn inner(quoted: &[u8]) -> &[u8] {
    quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default()
}

fn lower_name(name: &[u8]) -> Result<String, Refusal> {
    let text = String::from_utf8_lossy(name).to_ascii_lowercase();
    Name::new(text).map(|name| name.as_str().to_owned())
}
