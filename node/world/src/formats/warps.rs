//! Warps in NPC scripts (`npc_parsesrcfile`, `npc_parse_warp`, npc.cpp).
//!
//! `map,x,y,direction` TAB `warp` or `warp2` TAB `name[::unique]` TAB `span x,span y,map,x,y`. Whatever else a script file
//! holds (comments, scripts with their bodies, monsters, shops, map flags) is passed over as rAthena would read it.

use bifrost_protocol::control::WarpData;
use bifrost_protocol::ids::MapName;
use thiserror::Error;

/// The largest file that is read.
pub const MAX_FILE: usize = 4 * 1024 * 1024;

/// Why a script file cannot be read.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
#[error("line {line}: {problem}")]
pub struct WarpError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub problem: &'static str,
}

/// A warp and where it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct ScriptedWarp {
    /// The line, from 1.
    pub line: usize,
    /// The warp.
    pub warp: WarpData,
}

/// Finds the warps of a script file.
///
/// # Errors
/// The first place that is not a script, or not a warp though it says so.
pub fn parse(file: &[u8]) -> Result<Vec<ScriptedWarp>, WarpError> {
    if file.len() > MAX_FILE {
        return Err(WarpError { line: 0, problem: "the file is longer than a script may be" });
    }
    let mut cursor = Cursor { rest: file, line: 1 };
    let mut warps = Vec::new();
    loop {
        cursor.skip_space()?;
        if cursor.rest.is_empty() {
            return Ok(warps);
        }
        let line = cursor.line;
        let fail = |problem| WarpError { line, problem };
        let text = String::from_utf8_lossy(cursor.line_ahead());
        let columns = text.trim_end().splitn(4, '\t').collect::<Vec<_>>();
        match *columns.as_slice() {
            [_, kind, _, _] if has_prefix(kind, "script") => cursor.skip_body()?,
            [place, kind, name, target] if has_prefix(kind, "warp") => {
                if is_usable(kind) {
                    warps.push(ScriptedWarp { line, warp: warp(place, name, target).map_err(fail)? });
                }
                cursor.skip_line();
            }
            [_, kind, ..] if has_prefix(kind, "warp") => return Err(fail("a warp needs four columns apart by tabs")),
            [_, _, _, ..] => cursor.skip_line(),
            _ => return Err(fail("neither a comment nor at least three columns apart by tabs")),
        }
    }
}

/// Whether a warp works from the start. `warp(DISABLED)` and `warp(CLOAKED)` wait for a script.
fn is_usable(kind: &str) -> bool {
    let kind = kind.to_ascii_uppercase();
    !kind.ends_with("(DISABLED)") && !kind.ends_with("(CLOAKED)")
}

fn has_prefix(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

fn warp(place: &str, name: &str, target: &str) -> Result<WarpData, &'static str> {
    let mut place = place.split(',');
    let map = map_name(place.next(), "the map it stands on has no legal name")?;
    let (x, y) = pair(&mut place, "the cell it stands on is not two numbers")?;
    let mut target = target.split(',');
    let (span_x, span_y) = pair(&mut target, "its spans are not two numbers")?;
    let to_map = map_name(target.next(), "the map it leads to has no legal name")?;
    let (to_x, to_y) = pair(&mut target, "the cell it leads to is not two numbers")?;
    let name = name.split("::").next().unwrap_or_default().to_owned();
    Ok(WarpData { map, x, y, span_x, span_y, to_map, to_x, to_y, name })
}

fn map_name(text: Option<&str>, problem: &'static str) -> Result<String, &'static str> {
    text.and_then(|text| MapName::new(text.trim()).ok()).map(String::from).ok_or(problem)
}

fn pair<'a>(columns: &mut impl Iterator<Item = &'a str>, problem: &'static str) -> Result<(u32, u32), &'static str> {
    let mut next = || columns.next().and_then(leading_number);
    next().zip(next()).ok_or(problem)
}

/// The number a column starts with, as `sscanf` reads it: whatever follows (a comment, say) is passed over.
fn leading_number(text: &str) -> Option<u32> {
    let text = text.trim_start();
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse::<i16>().ok()?.try_into().ok()
}

/// A place in a script file.
struct Cursor<'a> {
    rest: &'a [u8],
    line: usize,
}

impl<'a> Cursor<'a> {
    /// Passes over `count` bytes.
    fn advance(&mut self, count: usize) {
        let (passed, rest) = self.rest.split_at_checked(count).unwrap_or((self.rest, &[]));
        self.line += passed.iter().filter(|byte| **byte == b'\n').count();
        self.rest = rest;
    }

    /// The line from here on, without its end.
    fn line_ahead(&self) -> &'a [u8] {
        self.rest.split(|byte| *byte == b'\n').next().unwrap_or_default()
    }

    fn skip_line(&mut self) {
        self.advance(self.line_ahead().len());
    }

    /// Passes over white space and comments.
    fn skip_space(&mut self) -> Result<(), WarpError> {
        loop {
            match self.rest {
                [space, ..] if space.is_ascii_whitespace() => self.advance(1),
                [b'/', b'/', ..] => self.skip_line(),
                [b'/', b'*', comment @ ..] => {
                    let end = comment.windows(2).position(|pair| pair == b"*/");
                    let end =
                        end.ok_or(WarpError { line: self.line, problem: "the comment that starts here has no end" })?;
                    self.advance(end + 4);
                }
                _ => return Ok(()),
            }
        }
    }

    /// Passes over a script's header and its body in braces.
    fn skip_body(&mut self) -> Result<(), WarpError> {
        let unfinished = WarpError { line: self.line, problem: "the script that starts here has no end" };
        let start = self.rest.iter().position(|byte| *byte == b'{').ok_or_else(|| unfinished.clone())?;
        self.advance(start + 1);
        let mut depth = 1_usize;
        while depth > 0 {
            self.skip_space()?;
            match self.rest.first() {
                Some(b'{') => depth += 1,
                Some(b'}') => depth -= 1,
                Some(b'"') => {
                    let end = string_end(self.rest.get(1..).unwrap_or_default()).ok_or_else(|| unfinished.clone())?;
                    self.advance(end);
                }
                Some(_) => {}
                None => return Err(unfinished),
            }
            self.advance(1);
        }
        Ok(())
    }
}

/// Where the string ends whose text is given: the length of the text with the opening quote.
fn string_end(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    let end = text.iter().position(|byte| {
        let ends = *byte == b'"' && !escaped;
        escaped = *byte == b'\\' && !escaped;
        ends
    });
    end.map(|end| end + 1)
}

#[cfg(test)]
mod tests;
