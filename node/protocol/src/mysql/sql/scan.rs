//! A first look at a statement's bytes, before any grammar: where quotes begin and end, and what has no business there.

use super::Refusal;

/// The longest statement. The longest a map-server sends is a shop's list of goods, some KiB.
pub const MAX_STATEMENT: usize = 64 * 1024;
/// The most words and signs outside quotes, without commas and brackets. Chains of them become trees as deep as they are long.
pub const MAX_WORDS: usize = 256;
/// How deep brackets may be nested. A map-server's own statements reach two.
pub const MAX_DEPTH: usize = 6;

/// Words after which a parser may descend without a bracket. None is served anyway.
const DEEP: [&str; 6] = ["JOIN", "CAST", "CONVERT", "ARRAY", "STRUCT", "CASE"];

/// A piece of a statement.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Piece<'a> {
    /// A word without quotes: keyword, name or variable.
    Word(&'a [u8]),
    /// A number, or something that begins like one.
    Number(&'a [u8]),
    /// Text in single or double quotes, with them.
    Text(&'a [u8]),
    /// A name in backticks, with them.
    Quoted(&'a [u8]),
    /// A single sign.
    Sign(u8),
}

/// Cuts a statement into pieces and hands each to `piece`. Blanks are passed over.
///
/// # Errors
/// The statement has a comment, a sign or byte that no statement of a map-server has outside quotes, quotes that do not end, or more of
/// anything than the limits say.
pub fn scan<'a>(statement: &'a [u8], mut piece: impl FnMut(Piece<'a>)) -> Result<(), Refusal> {
    if statement.len() > MAX_STATEMENT {
        return Err(Refusal::TooLong);
    }
    let (mut rest, mut words, mut depth) = (statement, 0_usize, 0_usize);
    let mut after_text = false;
    while let Some(first) = rest.first().copied() {
        let len = match first {
            b' ' | b'\t' | b'\r' | b'\n' => 1,
            b'\'' | b'"' | b'`' => quoted(rest, first)?,
            b'#' => return Err(Refusal::Comment),
            b'/' if rest.starts_with(b"/*") => return Err(Refusal::Comment),
            b'-' if rest.starts_with(b"--") => return Err(Refusal::Comment),
            b'0'..=b'9' => run(rest, |byte| word_byte(byte) || byte == b'.'),
            _ if word_byte(first) => run(rest, word_byte),
            b'(' | b')' | b',' | b'.' | b';' | b'=' | b'<' | b'>' | b'!' | b'+' | b'-' | b'*' | b'?' => 1,
            other => return Err(Refusal::Byte(other)),
        };
        let (here, behind) = rest.split_at_checked(len).ok_or(Refusal::Unterminated)?;
        rest = behind;
        match first {
            b' ' | b'\t' | b'\r' | b'\n' => continue,
            b'(' => depth = depth.saturating_add(1),
            b')' => depth = depth.saturating_sub(1),
            b'\'' | b'"' | b'`' | b'0'..=b'9' | b',' => {}
            _ if DEEP.iter().any(|word| word.as_bytes().eq_ignore_ascii_case(here)) => {
                return Err(Refusal::Clause("JOIN, CAST or another word that is not served"));
            }
            _ => words = words.saturating_add(1),
        }
        let text = matches!(first, b'\'' | b'"');
        if text && after_text {
            // Text beside text is one text; every literal has to be one piece here.
            return Err(Refusal::Literal);
        }
        after_text = text;
        if depth > MAX_DEPTH {
            return Err(Refusal::TooDeep);
        }
        if words > MAX_WORDS {
            return Err(Refusal::TooManyWords);
        }
        piece(match first {
            b'\'' | b'"' => Piece::Text(here),
            b'`' => Piece::Quoted(here),
            b'0'..=b'9' => Piece::Number(here),
            _ if word_byte(first) => Piece::Word(here),
            sign => Piece::Sign(sign),
        });
    }
    Ok(())
}

/// The length of what stands in quotes at the start of `rest`, with them. A quote is doubled or, in text, has a backslash
/// before it.
fn quoted(rest: &[u8], quote: u8) -> Result<usize, Refusal> {
    let mut bytes = rest.iter().copied().enumerate().skip(1).peekable();
    while let Some((at, byte)) = bytes.next() {
        if byte == b'\\' && quote != b'`' {
            bytes.next();
        } else if byte == quote {
            match bytes.peek() {
                Some((_, next)) if *next == quote => drop(bytes.next()),
                _ => return Ok(at.saturating_add(1)),
            }
        }
    }
    Err(Refusal::Unterminated)
}

fn word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | b'@')
}

fn run(rest: &[u8], within: impl Fn(u8) -> bool) -> usize {
    rest.iter().position(|byte| !within(*byte)).unwrap_or(rest.len())
}
