//! An operator's emblem. Shown as an image only, never as markup: an SVG in an `<img>` runs nothing and loads nothing.

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// The largest picture, in bytes of its `data:` URI.
const MAX_URI: usize = 96 * 1024;

/// A picture as a `data:` URI.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(try_from = "String", into = "String")]
pub struct Picture(String);

/// Why a picture is not taken.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum PictureError {
    /// Not one of the kinds that are shown.
    #[error("emblem: expected a PNG, WebP or SVG")]
    Kind,
    /// Too large.
    #[error("emblem: expected at most {} KB", MAX_URI * 3 / 4 / 1024)]
    TooLarge,
}

impl Picture {
    /// A picture from a file's bytes.
    ///
    /// # Errors
    /// It is of no kind that is shown, or too large.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, PictureError> {
        let text = std::str::from_utf8(bytes).map(str::trim_start).unwrap_or_default();
        let kind = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            "png"
        } else if bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP") {
            "webp"
        } else if text.starts_with("<svg") || (text.starts_with("<?xml") && text.contains("<svg")) {
            "svg+xml"
        } else {
            return Err(PictureError::Kind);
        };
        Self::try_from(format!("data:image/{kind};base64,{}", base64(bytes)))
    }

    /// The URI.
    #[must_use]
    pub fn uri(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Picture {
    type Error = PictureError;

    fn try_from(uri: String) -> Result<Self, PictureError> {
        const KINDS: [&str; 3] = ["data:image/png;base64,", "data:image/webp;base64,", "data:image/svg+xml;base64,"];
        if uri.len() > MAX_URI {
            return Err(PictureError::TooLarge);
        }
        let data = KINDS.iter().find_map(|kind| uri.strip_prefix(kind)).ok_or(PictureError::Kind)?;
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
        if data.bytes().all(is_base64) { Ok(Self(uri)) } else { Err(PictureError::Kind) }
    }
}

impl From<Picture> for String {
    fn from(picture: Picture) -> Self {
        picture.0
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for digit in 0..4 {
            let used = digit <= chunk.len();
            text.push(if used { char::from(DIGITS[(bits >> (18 - 6 * digit) & 63) as usize]) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_what_everybody_else_makes() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }

    #[test]
    fn only_pictures_are_taken() {
        let svg = Picture::from_bytes(b"<svg xmlns='http://www.w3.org/2000/svg'/>").expect("a picture");
        assert!(svg.uri().starts_with("data:image/svg+xml;base64,PHN2Zy"));
        assert_eq!(Picture::from_bytes(b"MZ\x90"), Err(PictureError::Kind));
        assert_eq!(Picture::try_from("https://example.org/a.png".to_owned()), Err(PictureError::Kind));
        assert_eq!(Picture::try_from("data:image/png;base64,\"onload=".to_owned()), Err(PictureError::Kind));
        assert_eq!(Picture::from_bytes(&[b"<svg>".as_slice(), &[b'x'; MAX_URI]].concat()), Err(PictureError::TooLarge));
    }
}
