//! Progress, for people who wait. Always on stderr: stdout belongs to the report.

use std::io::{IsTerminal, Write, stderr};
use std::time::Instant;

/// Says what is going on, with the seconds since the start.
#[derive(Debug)]
pub(crate) struct Console {
    started: Instant,
    terminal: bool,
}

impl Console {
    pub(crate) fn new() -> Self {
        Self { started: Instant::now(), terminal: stderr().is_terminal() }
    }

    /// A step that is done or begins.
    pub(crate) fn step(&self, text: &str) {
        let seconds = self.started.elapsed().as_secs_f64();
        // Progress that cannot be shown is no reason to stop.
        let _ = if self.terminal {
            writeln!(stderr(), "\r\x1b[K\x1b[2m{seconds:5.1} s\x1b[0m  {text}")
        } else {
            writeln!(stderr(), "{seconds:5.1} s  {text}")
        };
    }

    /// How far something is; replaced by the next line. Nothing when nobody watches.
    pub(crate) fn progress(&self, text: &str) {
        if self.terminal {
            let seconds = self.started.elapsed().as_secs_f64();
            let _ = write!(stderr(), "\r\x1b[K\x1b[2m{seconds:5.1} s\x1b[0m  {text}");
            let _ = stderr().flush();
        }
    }

    /// Text as it is.
    pub(crate) fn lines(&self, text: &str) {
        let _ = writeln!(stderr(), "{text}");
    }
}
