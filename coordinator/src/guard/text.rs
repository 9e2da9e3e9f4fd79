//! Texts and names in packets.

use bifrost_protocol::FixedText;
use bifrost_protocol::ids::MapName;

use super::ruling::{Verdict, demand, insist};

/// `CHAT_SIZE_MAX`: the longest thing somebody says, with its NUL. The char-server copies party and clan messages into
/// buffers of 512 and 500 bytes without looking (`mapif_party_message`, `mapif_parse_clan_message`).
pub(super) const MAX_SAID: usize = 256;

/// A text that ends with its one NUL and is no longer than `max` bytes with it.
pub(super) fn said(text: &[u8], max: usize) -> Verdict<()> {
    insist(text.len() <= max, "text", || format!("{} bytes, at most {max}", text.len()))?;
    let ends = text.iter().position(|byte| *byte == 0).map(|end| end.saturating_add(1));
    insist(text.len() > 1 && ends == Some(text.len()), "text", || "does not end with its NUL".to_owned())
}

/// `said`, and starts with the speaker's name, as party, guild and clan messages do.
pub(super) fn said_by(name: &FixedText<24>, text: &[u8]) -> Verdict<()> {
    said(text, MAX_SAID)?;
    let rest = text.strip_prefix(name.as_bytes()).unwrap_or_default();
    insist(rest.starts_with(b" : "), "speaker", || "the text does not start with the speaker's name".to_owned())
}

/// Text in a field that holds its NUL.
pub(super) fn terminated<const N: usize>(text: &FixedText<N>) -> Verdict<()> {
    insist(text.raw().contains(&0), "unterminated", || format!("{N} bytes without a NUL"))
}

/// A name of something players name: terminated, not empty, no control characters.
pub(super) fn named(name: &FixedText<24>) -> Verdict<()> {
    terminated(name)?;
    let bytes = name.as_bytes();
    let legal = !bytes.is_empty() && bytes.iter().all(|byte| *byte >= 0x20 && *byte != 0x7f);
    demand(legal, "name", || format!("{} bytes that are no name", bytes.len()))
}

/// A map's name in a field. rAthena puts it into SQL as it is (`char_mmo_char_tosql`), so it has to be legal to the last
/// byte, `.gat` included nowhere.
pub(super) fn map(text: &FixedText<16>) -> Verdict<MapName> {
    let name = MapName::new(&text.to_text()).ok().filter(|name| name.as_str().as_bytes() == text.as_bytes());
    name.ok_or_else(|| super::ruling::Violation::grave("map_name", "not a legal map name").into())
}

/// The text with nothing behind its NUL: stock servers leave memory there.
pub(super) fn clean<const N: usize>(text: &FixedText<N>) -> FixedText<N> {
    FixedText::new(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_ends_with_its_only_nul() {
        assert!(said(b"hello\0", 6).is_ok());
        for bad in [&b""[..], b"\0", b"hello", b"he\0lo\0", b"hello!\0"] {
            assert!(said(bad, 6).is_err(), "{bad:?}");
        }
        assert!(said_by(&FixedText::new("Bot"), b"Bot : hi\0").is_ok());
        assert!(said_by(&FixedText::new("Bot"), b"Other : hi\0").is_err());
    }

    #[test]
    fn a_map_name_is_legal_or_refused() {
        assert!(map(&FixedText::new("prt_fild08")).is_ok());
        for bad in ["", "prt_fild08.gat", "a'b", "averylongname", "a b"] {
            assert!(map(&FixedText::new(bad)).is_err(), "{bad}");
        }
        assert!(map(&FixedText::from([b'a'; 16])).is_err());
    }

    #[test]
    fn a_name_has_letters_and_an_end() {
        assert!(named(&FixedText::new("Bot 1")).is_ok());
        assert!(named(&FixedText::new("")).is_err());
        assert!(named(&FixedText::new("a\nb")).is_err());
        assert!(named(&FixedText::from([b'a'; 24])).is_err());
    }
}
