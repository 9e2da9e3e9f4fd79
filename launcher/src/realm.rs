//! Realm files: who the operator is, where the realm answers, whose certificate to believe, and how it looks. Signed with
//! the operator's Ed25519 key. The key of the first file that is opened is the realm's key: later files need the same.
//!
//! A file is one JSON object of three strings: `realm` (the signed text, itself a JSON object), `key` and `signature` (hex).

mod make;
mod picture;

use bifrost_client_patch::Manifest;
use ring::signature::{ED25519, UnparsedPublicKey};
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use make::{KeyError, OperatorKey};
pub use picture::{Picture, PictureError};

use crate::view::{Problem, ProblemCode, RealmView};

/// The largest file that is looked at.
pub const MAX_FILE: usize = 192 * 1024;
/// The longest name of a realm, in bytes.
const MAX_NAME: usize = 64;
/// The version of the format.
const VERSION: u32 = 1;
/// Days before its end at which a file is said to expire.
const WARN_DAYS: u64 = 14;
const DAY: u64 = 86_400;
/// The game's program where the file does not name one.
const USUAL_PROGRAM: &str = "ragexe.exe";

/// What an operator says of a realm.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Description {
    /// Of the format; 1.
    pub version: u32,
    /// The realm's name.
    pub name: String,
    /// The coordinator's HTTPS API, without a path.
    pub coordinator: String,
    /// The only CA to believe there, PEM.
    pub ca: String,
    /// `#rrggbb`.
    pub accent: String,
    /// A picture, as a `data:` URI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emblem: Option<Picture>,
    /// The game's program within its folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub program: Option<String>,
    /// The files of the client. Without it, launchers start whatever is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Manifest>,
    /// Where newer launchers are. Without it, none are looked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updates: Option<Updates>,
    /// Unix seconds; of two files the later one counts.
    pub issued_at: u64,
    /// Unix seconds; not taken from then on.
    pub expires_at: u64,
}

/// Where newer launchers are, and who signs them (`tauri signer`).
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Updates {
    /// Of the list of releases, https; may hold `{{target}}`, `{{arch}}` and `{{current_version}}`.
    pub endpoint: String,
    /// The public key: a minisign key file, in base64.
    pub key: String,
}

/// A realm whose file was verified.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Realm {
    /// What the operator says.
    pub description: Description,
    /// The operator's public key.
    key: [u8; 32],
    /// The file's text, as it was.
    text: String,
}

/// A file as it is written.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Signed {
    realm: String,
    key: String,
    signature: String,
}

/// Why a realm file is not taken.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum RealmError {
    /// It is no realm file, or says something that cannot be.
    #[error("this is no realm file: {0}")]
    Unreadable(String),
    /// What it says is not what was signed.
    #[error("the file was changed after it was signed")]
    Tampered,
    /// Its time is over.
    #[error("the file expired {days} days ago")]
    Expired {
        /// How long ago.
        days: u64,
    },
    /// Somebody else signed it.
    #[error("the file is signed by {found}, not by {known} like the one opened before")]
    OtherKey {
        /// Who signed this one.
        found: String,
        /// Who signed the one before.
        known: String,
    },
    /// A later one was opened before.
    #[error("a newer file of this realm was opened before")]
    Older,
}

impl Realm {
    /// The file's name in the state folder.
    pub const FILE: &'static str = "realm.json";

    /// Verifies a file's text. `known` is the realm that was opened before, if any.
    ///
    /// # Errors
    /// It is not taken; the error says why.
    pub fn open(text: &str, known: Option<&Self>, now_unix: u64) -> Result<Self, RealmError> {
        if text.len() > MAX_FILE {
            return Err(RealmError::Unreadable(format!("it is larger than {} KB", MAX_FILE / 1024)));
        }
        let signed: Signed = serde_json::from_str(text).map_err(|error| RealmError::Unreadable(error.to_string()))?;
        let key: [u8; 32] = bytes(&signed.key)?;
        let signature: [u8; 64] = bytes(&signed.signature)?;
        UnparsedPublicKey::new(&ED25519, key)
            .verify(signed.realm.as_bytes(), &signature)
            .map_err(|_| RealmError::Tampered)?;
        let description: Description =
            serde_json::from_str(&signed.realm).map_err(|error| RealmError::Unreadable(error.to_string()))?;
        description.check().map_err(RealmError::Unreadable)?;
        let realm = Self { description, key, text: text.to_owned() };
        if let Some(known) = known {
            realm.follows(known)?;
        }
        if now_unix >= realm.description.expires_at {
            return Err(RealmError::Expired { days: (now_unix - realm.description.expires_at) / DAY });
        }
        Ok(realm)
    }

    /// The file's text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The game's program within its folder.
    #[must_use]
    pub fn program(&self) -> &str {
        self.description.program.as_deref().unwrap_or(USUAL_PROGRAM)
    }

    /// The first digits of the operator's key, for comparing by eye.
    #[must_use]
    pub fn short_key(&self) -> String {
        short(&self.key)
    }

    /// Days until it expires, once there are few.
    #[must_use]
    pub fn expires_in_days(&self, now_unix: u64) -> Option<u32> {
        let days = self.description.expires_at.saturating_sub(now_unix) / DAY;
        (days < WARN_DAYS).then(|| u32::try_from(days).unwrap_or(0))
    }

    /// What the window shows.
    #[must_use]
    pub fn to_view(&self) -> RealmView {
        RealmView {
            name: self.description.name.clone(),
            accent: self.description.accent.clone(),
            emblem: self.description.emblem.as_ref().map(|picture| picture.uri().to_owned()),
            expires_at: u32::try_from(self.description.expires_at).unwrap_or(u32::MAX),
            key: self.short_key(),
            program: self.program().to_owned(),
        }
    }

    fn follows(&self, known: &Self) -> Result<(), RealmError> {
        if self.key != known.key {
            return Err(RealmError::OtherKey { found: self.short_key(), known: known.short_key() });
        }
        if self.description.issued_at < known.description.issued_at {
            return Err(RealmError::Older);
        }
        Ok(())
    }
}

impl Description {
    /// What cannot be.
    fn check(&self) -> Result<(), String> {
        if self.version != VERSION {
            return Err(format!("it is of version {}, this launcher reads version {VERSION}", self.version));
        }
        if self.name.is_empty() || self.name.len() > MAX_NAME || self.name.chars().any(char::is_control) {
            return Err(format!("name: expected 1 to {MAX_NAME} printable bytes"));
        }
        let url = reqwest::Url::parse(&self.coordinator).map_err(|error| format!("coordinator: {error}"))?;
        if url.scheme() != "https" || !url.has_host() || url.path() != "/" || !url.username().is_empty() {
            return Err("coordinator: expected https://HOST:PORT without a path".into());
        }
        if !self.ca.contains("BEGIN CERTIFICATE") {
            return Err("ca: expected a certificate, PEM".into());
        }
        let is_colour = |text: &str| {
            text.len() == 7 && text.starts_with('#') && text.bytes().skip(1).all(|byte| byte.is_ascii_hexdigit())
        };
        if !is_colour(&self.accent) {
            return Err("accent: expected #rrggbb".into());
        }
        if let Some(client) = &self.client {
            client.check()?;
        }
        if let Some(updates) = &self.updates {
            updates.check()?;
        }
        match &self.program {
            Some(program)
                if program.is_empty() || program.contains(['/', '\\', ':', '\0']) || program.starts_with('.') =>
            {
                Err("program: expected a file's name without a folder".into())
            }
            Some(_) | None => Ok(()),
        }
    }
}

impl Updates {
    /// The longest endpoint, and the longest key.
    const MAX: usize = 512;

    /// What cannot be. The key is read when an update is verified with it.
    fn check(&self) -> Result<(), String> {
        let url = reqwest::Url::parse(&self.endpoint).map_err(|error| format!("updates.endpoint: {error}"))?;
        if self.endpoint.len() > Self::MAX || url.scheme() != "https" || !url.has_host() || !url.username().is_empty() {
            return Err("updates.endpoint: expected https://HOST/...".into());
        }
        let is_base64 = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte);
        if self.key.is_empty() || self.key.len() > Self::MAX || !self.key.bytes().all(is_base64) {
            return Err("updates.key: expected the public key that `tauri signer generate` writes".into());
        }
        Ok(())
    }
}

impl RealmError {
    /// What the window is told.
    #[must_use]
    pub fn to_problem(&self) -> Problem {
        let code = match self {
            Self::Unreadable(_) => ProblemCode::RealmUnreadable,
            Self::Tampered => ProblemCode::RealmTampered,
            Self::Expired { .. } => ProblemCode::RealmExpired,
            Self::OtherKey { .. } => ProblemCode::RealmOtherKey,
            Self::Older => ProblemCode::RealmOlder,
        };
        Problem::new(code, self.to_string())
    }
}

fn bytes<const N: usize>(text: &str) -> Result<[u8; N], RealmError> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes)
        .map_err(|_| RealmError::Unreadable(format!("expected {} hex digits", 2 * N)))?;
    Ok(bytes)
}

fn short(key: &[u8; 32]) -> String {
    let digits = hex::encode(&key[..6]);
    digits.as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
