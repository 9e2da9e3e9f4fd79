//! The log as the window shows it: the last lines, in memory, and a file of the same in the state folder.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Lines that are kept.
const KEPT: usize = 2_000;
/// The longest line; the rest is cut.
const MAX_LINE: usize = 1_000;

/// One line.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct LogLine {
    /// Grows by one each.
    pub number: u32,
    /// Unix seconds.
    pub at: u32,
    /// How grave.
    pub level: LogLevel,
    /// Who says it: the last part of the module's name.
    pub part: String,
    /// What.
    pub text: String,
}

/// How grave a line is.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Broken.
    Error,
    /// Somebody should look.
    Warn,
    /// Something changed.
    Info,
    /// Small things.
    Debug,
}

/// The lines. Clones are the same book.
#[derive(Clone, Debug, Default)]
pub struct LogBook {
    lines: Arc<Mutex<(u32, VecDeque<LogLine>)>>,
}

impl LogBook {
    /// Lines after a number, oldest first.
    #[must_use]
    pub fn after(&self, number: u32) -> Vec<LogLine> {
        let lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.1.iter().filter(|line| line.number > number).cloned().collect()
    }

    /// All lines as text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        for line in self.after(0) {
            let time = chrono::DateTime::from_timestamp(line.at.into(), 0).unwrap_or_default();
            let level = format!("{:?}", line.level).to_uppercase();
            // Writing to a string cannot fail.
            let _written =
                writeln!(text, "{} {level:5} {}: {}", time.format("%Y-%m-%dT%H:%M:%SZ"), line.part, line.text);
        }
        text
    }

    /// Adds a line.
    pub fn add(&self, at: u64, level: LogLevel, part: &str, text: &str) {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        lines.0 = lines.0.wrapping_add(1);
        let line = LogLine {
            number: lines.0,
            at: u32::try_from(at).unwrap_or(u32::MAX),
            level,
            part: part.to_owned(),
            text: text.chars().filter(|char| !char.is_control()).take(MAX_LINE).collect(),
        };
        if lines.1.len() == KEPT {
            lines.1.pop_front();
        }
        lines.1.push_back(line);
    }
}

impl<S: Subscriber> Layer<S> for LogBook {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let level = match *event.metadata().level() {
            Level::ERROR => LogLevel::Error,
            Level::WARN => LogLevel::Warn,
            Level::INFO => LogLevel::Info,
            Level::DEBUG => LogLevel::Debug,
            Level::TRACE => return,
        };
        let mut text = Text::default();
        event.record(&mut text);
        let part = event.metadata().target().rsplit("::").next().unwrap_or_default();
        self.add(bifrost_now(), level, part, &format!("{}{}", text.message, text.fields));
    }
}

fn bifrost_now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The message and its fields, as `message field=value`.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing to a string cannot fail.
        let _written = if field.name() == "message" {
            write!(self.message, "{value:?}")
        } else {
            write!(self.fields, " {}={value:?}", field.name())
        };
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let _written = if field.name() == "message" {
            write!(self.message, "{value}")
        } else {
            write!(self.fields, " {}={value}", field.name())
        };
    }
}

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn lines_have_their_level_part_and_fields() {
        let book = LogBook::default();
        let subscriber = tracing_subscriber::registry().with(book.clone());
        tracing::subscriber::with_default(subscriber, || tracing::warn!(group = "meadow", epoch = 3, "assigned"));
        let lines = book.after(0);
        assert_eq!((lines[0].level, lines[0].text.as_str()), (LogLevel::Warn, "assigned group=meadow epoch=3"));
        assert_eq!(lines[0].part, "tests");
        assert!(book.after(lines[0].number).is_empty());
        assert!(book.text().contains(" WARN  tests: assigned group=meadow epoch=3\n"));
    }

    #[test]
    fn only_the_last_lines_are_kept() {
        let book = LogBook::default();
        for _ in 0..KEPT + 10 {
            book.add(0, LogLevel::Info, "x", "line");
        }
        assert_eq!(book.after(0).len(), KEPT);
        assert_eq!(book.after(0)[0].number, 11);
    }
}
