//! Fixed-size text and values that must not be printed.

use std::fmt;

/// Text in a field of `N` bytes, NUL-terminated, zero-padded when written. Bytes, not UTF-8: clients use their own code page.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct FixedText<const N: usize>([u8; N]);

impl<const N: usize> FixedText<N> {
    /// Takes `text` up to its first NUL, cut to what fits with one NUL behind it.
    #[must_use]
    pub fn new(text: impl AsRef<[u8]>) -> Self {
        let mut field = [0; N];
        for (slot, byte) in field.iter_mut().take(N.saturating_sub(1)).zip(text.as_ref()) {
            if *byte == 0 {
                break;
            }
            *slot = *byte;
        }
        Self(field)
    }

    /// The bytes before the first NUL.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.split(|byte| *byte == 0).next().unwrap_or_default()
    }

    /// The text, with bytes that are not UTF-8 replaced.
    #[must_use]
    pub fn to_text(&self) -> String {
        String::from_utf8_lossy(self.as_bytes()).into_owned()
    }

    /// The whole field.
    #[must_use]
    pub fn raw(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> From<[u8; N]> for FixedText<N> {
    /// Keeps the field as it came, whatever stands behind its NUL, so that it can be written again byte for byte.
    fn from(field: [u8; N]) -> Self {
        Self(field)
    }
}

impl<const N: usize> Default for FixedText<N> {
    fn default() -> Self {
        Self([0; N])
    }
}

impl<const N: usize> fmt::Debug for FixedText<N> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_text(), out)
    }
}

/// A value that is never printed: passwords, login ids, tokens.
#[derive(Clone, Copy, Default, Eq, Hash, PartialEq)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Hides `value`.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Do not log it.
    pub fn expose(&self) -> &T {
        &self.0
    }

    /// Gives the value up.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_keeps_its_terminator_and_secrets_stay_hidden() {
        assert_eq!(FixedText::<4>::new("abcdef").raw(), b"abc\0");
        assert_eq!(FixedText::<8>::from(*b"ab\0junk\0").to_text(), "ab");
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "***");
    }
}
