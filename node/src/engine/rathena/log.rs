//! What a map-server prints: its levels into tracing, its last lines for the day it dies.
//!
//! rAthena prefixes every message with `[Info]: `, `[Error]: ` and so on (`showmsg.cpp`), may colour it, and ends progress
//! lines with a carriage return only.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::watch;
use tracing::{debug, error, info, trace, warn};

/// The longest line that is kept; the rest of a longer one is dropped.
const MAX_LINE: usize = 500;
/// How many lines are kept for the day the engine dies.
const TAIL_LINES: usize = 20;
/// The longest text [`Tail::text`] makes.
const MAX_TAIL: usize = 2_000;
/// How many lines a second reach the log; an engine that prints more is not worth more disk.
const LINES_PER_SECOND: u32 = 200;
/// What a map-server prints when its char-server has taken it (`chrif_on_ready`).
const ONLINE: &str = "Map Server is now online";

/// The last lines of an engine. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Tail {
    lines: Arc<Mutex<VecDeque<String>>>,
    online: watch::Sender<bool>,
}

/// A message of a map-server.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Line {
    level: Level,
    text: String,
}

/// rAthena's levels (`enum msg_type`), as far as they are told apart here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Level {
    /// No level: a banner, a continued message.
    Plain,
    Debug,
    /// Names players, so it stays below what is shown by default.
    Info,
    Status,
    Warning,
    Error,
}

/// How many lines may still be logged.
#[derive(Debug)]
struct Quota {
    since: Instant,
    used: u32,
    suppressed: u32,
}

impl Tail {
    /// Nothing printed yet.
    pub(super) fn new() -> Self {
        Self { lines: Arc::default(), online: watch::Sender::new(false) }
    }

    /// The last lines, newest last, within bounds that suit a message to a player.
    pub(super) fn text(&self) -> String {
        let lines = self.lock();
        let mut room = MAX_TAIL;
        let fits = |line: &&String| {
            room = room.saturating_sub(line.len() + 1);
            room > 0
        };
        let mut kept: Vec<_> = lines.iter().rev().take_while(fits).map(String::as_str).collect();
        kept.reverse();
        kept.join("\n")
    }

    /// Whether the engine has said that it is online.
    pub(super) fn online(&self) -> watch::Receiver<bool> {
        self.online.subscribe()
    }

    /// Reads what an engine prints until it ends.
    pub(super) async fn follow(self, mut output: impl AsyncRead + Unpin) {
        let (mut chunk, mut line, mut quota) = ([0; 4_096], Vec::new(), Quota::new(Instant::now()));
        loop {
            match output.read(&mut chunk).await {
                Ok(0) => break,
                Ok(len) => {
                    for byte in &chunk[..len] {
                        match byte {
                            b'\n' | b'\r' => self.take(&std::mem::take(&mut line), &mut quota),
                            byte if line.len() < MAX_LINE => line.push(*byte),
                            _ => {}
                        }
                    }
                }
                Err(error) => {
                    debug!(%error, "an engine's output cannot be read");
                    break;
                }
            }
        }
        self.take(&line, &mut quota);
    }

    fn take(&self, raw: &[u8], quota: &mut Quota) {
        let Some(line) = parse(raw) else { return };
        if line.text.contains(ONLINE) {
            self.online.send_replace(true);
        }
        if quota.allows(Instant::now()) {
            line.log();
        }
        let mut lines = self.lock();
        if lines.len() == TAIL_LINES {
            lines.pop_front();
        }
        lines.push_back(line.text);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Line {
    fn log(&self) {
        let text = &self.text;
        match self.level {
            Level::Plain | Level::Debug => trace!("map-server: {text}"),
            Level::Info => debug!("map-server: {text}"),
            Level::Status => info!("map-server: {text}"),
            Level::Warning => warn!("map-server: {text}"),
            Level::Error => error!("map-server: {text}"),
        }
    }
}

impl Quota {
    fn new(now: Instant) -> Self {
        Self { since: now, used: 0, suppressed: 0 }
    }

    fn allows(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) >= Duration::from_secs(1) {
            if self.suppressed > 0 {
                warn!(lines = self.suppressed, "an engine prints more than is logged");
            }
            *self = Self::new(now);
        }
        let allowed = self.used < LINES_PER_SECOND;
        if allowed {
            self.used += 1;
        } else {
            self.suppressed += 1;
        }
        allowed
    }
}

/// Reads a line; `None` when nothing is on it.
fn parse(raw: &[u8]) -> Option<Line> {
    let text = String::from_utf8_lossy(raw);
    let text = without_colours(&text);
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    let head = text.strip_prefix('[').and_then(|rest| rest.split_once(']')).map(|(level, _)| level);
    let level = match head {
        Some("Status" | "Notice") => Level::Status,
        Some("Info" | "Users") => Level::Info,
        Some("Warning") => Level::Warning,
        Some("Error" | "SQL" | "Fatal Error") => Level::Error,
        Some("Debug") => Level::Debug,
        Some(_) | None => Level::Plain,
    };
    Some(Line { level, text: text.to_owned() })
}

/// Drops escape sequences and other control characters.
fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        if char == '\u{1b}' {
            // `ESC [ parameters letter`.
            for char in chars.by_ref() {
                if char.is_ascii_alphabetic() {
                    break;
                }
            }
        } else if !char.is_control() {
            plain.push(char);
        } else if char == '\t' {
            plain.push(' ');
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn level(text: &str) -> Option<Level> {
        parse(text.as_bytes()).map(|line| line.level)
    }

    #[test]
    fn levels_are_rathenas() {
        for (text, expected) in [
            ("[Status]: Loading maps...", Level::Status),
            ("[Info]: Character 'Bot' logged off.", Level::Info),
            ("[SQL]: DB error - gone", Level::Error),
            ("[Fatal Error]: no", Level::Error),
            ("[Warning]: npc", Level::Warning),
            ("\u{1b}[1;31m[Error]\u{1b}[0m: broken", Level::Error),
            ("  rAthena Development Team presents", Level::Plain),
        ] {
            assert_eq!(level(text), Some(expected), "{text}");
        }
        assert_eq!(level(" \t"), None);
        assert_eq!(parse(b"\x1b[1;32m[Status]\x1b[0m: on\x07line").expect("a line").text, "[Status]: online");
    }

    #[tokio::test]
    async fn the_last_lines_are_kept_within_bounds_and_online_is_noticed() {
        let tail = Tail::new();
        let mut text = String::from("[Status]: Map Server is now online.\r\n");
        for line in 0..100 {
            text += &format!("[Error]: {line} {}\n", "x".repeat(2 * MAX_LINE));
        }
        text += "the end without a line break";
        let online = tail.online();
        assert!(!*online.borrow());
        tail.clone().follow(text.as_bytes()).await;
        assert!(*online.borrow());
        let kept = tail.text();
        assert!(kept.len() <= MAX_TAIL && kept.ends_with("the end without a line break"), "{} bytes", kept.len());
        assert!(kept.contains("[Error]: 99 x") && !kept.contains("online"));
    }

    #[test]
    fn an_engine_that_floods_is_not_logged_in_full() {
        let start = Instant::now();
        let mut quota = Quota::new(start);
        let allowed = (0..1_000).filter(|_| quota.allows(start)).count();
        assert_eq!(allowed, LINES_PER_SECOND as usize);
        assert!(quota.allows(start + Duration::from_secs(1)));
    }
}
