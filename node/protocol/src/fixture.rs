//! The text form of a recorded packet: `fixtures/<link>/<Packet>.hex`, one packet a file.
//!
//! A head of `# key: value` lines, then hex, one field a line, `; field` behind it; `00*24` stands for 24 times `00`.
//! The golden tests walk all of them; fuzzers and the suite start from them.

use std::fmt::Write as _;

use thiserror::Error;

/// The longest packet a fixture may hold: what a 16-bit length can say.
pub const MAX_FIXTURE: usize = 0xffff;

/// A recorded packet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fixture {
    /// Its list and name, as in `MapToChar::Save`.
    pub packet: String,
    /// Where it is from.
    pub source: String,
    /// The client build it is for.
    pub packetver: u32,
    /// Who sends it to whom.
    pub direction: String,
    /// The packet.
    pub bytes: Vec<u8>,
}

/// Why a text is not a fixture.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum FixtureError {
    /// A head line is missing or empty.
    #[error("no `# {0}:` line")]
    Missing(&'static str),
    /// Something in the body is not hex.
    #[error("line {line}: `{word}` is not hex")]
    NotHex {
        /// Counted from 1.
        line: usize,
        /// The word.
        word: String,
    },
    /// There are more than [`MAX_FIXTURE`] bytes.
    #[error("more than {MAX_FIXTURE} bytes")]
    TooLong,
}

impl Fixture {
    /// Reads the text form.
    ///
    /// # Errors
    /// [`FixtureError`] when the head is not complete or the body is not hex.
    pub fn parse(text: &str) -> Result<Self, FixtureError> {
        let mut bytes = Vec::new();
        for (number, line) in text.lines().enumerate() {
            if line.starts_with('#') {
                continue;
            }
            for word in line.split(';').next().unwrap_or_default().split_whitespace() {
                append(word, &mut bytes)
                    .ok_or_else(|| FixtureError::NotHex { line: number.saturating_add(1), word: word.to_owned() })?;
                if bytes.len() > MAX_FIXTURE {
                    return Err(FixtureError::TooLong);
                }
            }
        }
        let packet = head(text, "packet")?;
        let name = packet.split_whitespace().last().unwrap_or_default().to_owned();
        Ok(Self {
            packet: name,
            source: head(text, "source")?.to_owned(),
            packetver: head(text, "packetver")?.parse().map_err(|_| FixtureError::Missing("packetver"))?,
            direction: head(text, "direction")?.to_owned(),
            bytes,
        })
    }

    /// The bytes as plain hex, for messages.
    #[must_use]
    pub fn hex(&self) -> String {
        self.bytes.iter().fold(String::new(), |mut hex, byte| {
            // Writing to a string cannot fail.
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

/// The value of a head line.
fn head<'a>(text: &'a str, key: &'static str) -> Result<&'a str, FixtureError> {
    text.lines()
        .filter_map(|line| line.strip_prefix("# ")?.split_once(": "))
        .find_map(|(found, value)| (found == key && !value.trim().is_empty()).then(|| value.trim()))
        .ok_or(FixtureError::Missing(key))
}

/// Appends `0a1b` or `00*24`.
fn append(word: &str, bytes: &mut Vec<u8>) -> Option<()> {
    let (hex, times) = match word.split_once('*') {
        Some((hex, times)) => (hex, times.parse().ok().filter(|times| *times <= MAX_FIXTURE)?),
        None => (word, 1),
    };
    if hex.len() % 2 != 0 || !hex.is_ascii() || (times != 1 && hex.len() != 2) {
        return None;
    }
    for at in (0..hex.len()).step_by(2) {
        let byte = u8::from_str_radix(hex.get(at..)?.get(..2)?, 16).ok()?;
        bytes.extend(std::iter::repeat_n(byte, times));
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "# packet: 0x0001 A::B\n# source: here\n# packetver: 20211103\n# direction: up\n";

    #[test]
    fn a_fixture_is_read_field_by_field() {
        let fixture = Fixture::parse(&format!("{HEAD}0100 ; id\n00*3 ff ; rest\n")).expect("legal");
        assert_eq!((fixture.packet.as_str(), fixture.hex().as_str()), ("A::B", "0100000000ff"));
    }

    #[test]
    fn a_fixture_without_source_or_with_other_text_is_refused() {
        assert_eq!(Fixture::parse("# packet: 0x0001 A\n01\n"), Err(FixtureError::Missing("source")));
        for body in ["1", "zz", "00*x", "0000*2", "00*70000"] {
            assert!(
                matches!(Fixture::parse(&format!("{HEAD}{body}\n")), Err(FixtureError::NotHex { line: 5, .. })),
                "{body}"
            );
        }
        assert_eq!(Fixture::parse(&format!("{HEAD}{}", "00*60000 ".repeat(2))), Err(FixtureError::TooLong));
    }
}
