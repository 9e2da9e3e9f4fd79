//! Host tokens: PASETO v4.public, what a certificate may be used for.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, SystemTime};

use bifrost_protocol::ids::HostId;
use pasetors::Public;
use pasetors::keys::{AsymmetricKeyPair, AsymmetricPublicKey, AsymmetricSecretKey, Generate};
use pasetors::paserk::FormatAsPaserk;
use pasetors::token::UntrustedToken;
use pasetors::version4::{PublicToken, V4};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use time::OffsetDateTime;

use crate::fleet::HostKind;

use super::IdentityError;
use super::keys::read_or_create;

/// The signing key in the data folder, as PASERK `k4.secret`.
const KEY_FILE: &str = "token.key";
/// Binds tokens to this use of the key (PASETO's implicit assertion).
const PURPOSE: &[u8] = b"bifrost host token";
/// The longest token looked at, in bytes. Ours have about 350.
const MAX_TOKEN: usize = 2_048;
/// How far back the clock may step before tokens issued earlier are refused as from the future.
const CLOCK_LEEWAY: Duration = Duration::from_mins(5);

/// What a token may be used for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The control stream.
    Control,
    /// Sync streams of embedded engines.
    Sync,
    /// Inter streams of stock map-servers.
    Inter,
    /// Database streams of stock map-servers.
    Database,
    /// Renewal over HTTPS.
    Renew,
    /// Fetching bundles over HTTPS.
    Bundles,
    /// Playing through a gateway.
    Play,
}

/// What a token says.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct HostClaims {
    /// Who it was issued to. Has to be the host of the certificate it is used with.
    pub host: HostId,
    /// Whose machine.
    pub kind: HostKind,
    /// What for.
    pub scope: BTreeSet<Scope>,
    /// The token epoch of the host when it was issued; an older one than the host has now is void.
    pub epoch: u64,
    /// When it was issued.
    pub issued_at: SystemTime,
    /// When it ends.
    pub expires_at: SystemTime,
}

impl HostClaims {
    /// Claims with every scope a host has, from `now` for `lifetime`.
    #[must_use]
    pub fn new(host: HostId, kind: HostKind, epoch: u64, now: SystemTime, lifetime: Duration) -> Self {
        let hosts = [Scope::Control, Scope::Sync, Scope::Inter, Scope::Database, Scope::Renew, Scope::Bundles];
        let scope = hosts.into_iter().chain([Scope::Play]).collect();
        Self { host, kind, scope, epoch, issued_at: now, expires_at: now + lifetime }
    }
}

/// Why a token is refused.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum TokenError {
    /// Not a token of ours: another key, tampered with, or no token at all.
    #[error("the token is not valid")]
    Invalid,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// It was issued later than now, by more than a clock may step back.
    #[error("the token is from the future")]
    NotYetValid,
    /// It is not for this.
    #[error("the token is not for this use")]
    Scope,
}

/// Signs and verifies host tokens.
#[derive(Debug)]
pub struct TokenSigner {
    secret: AsymmetricSecretKey<V4>,
    public: AsymmetricPublicKey<V4>,
}

/// The payload. Times are RFC 3339, as PASETO's registered claims are.
#[derive(Deserialize, Serialize)]
struct Payload {
    sub: HostId,
    kind: HostKind,
    scope: BTreeSet<Scope>,
    epoch: u64,
    iat: String,
    exp: String,
}

impl TokenSigner {
    /// Opens the key of a data folder, or makes one.
    pub(super) fn open(data_dir: &Path) -> Result<Self, IdentityError> {
        let path = data_dir.join(KEY_FILE);
        let content = |problem: &str| IdentityError::Content { path: path.clone(), problem: problem.to_owned() };
        let text = read_or_create(&path, || {
            let mut paserk = String::new();
            AsymmetricKeyPair::<V4>::generate()
                .map_err(|_| content("no key could be made"))?
                .secret
                .fmt(&mut paserk)
                .map_err(|_| content("the key could not be written"))?;
            Ok(paserk)
        })?;
        let secret =
            AsymmetricSecretKey::<V4>::try_from(text.trim()).map_err(|_| content("is not a PASERK k4.secret key"))?;
        let public = AsymmetricPublicKey::<V4>::try_from(&secret).map_err(|_| content("has no public key"))?;
        Ok(Self { secret, public })
    }

    /// Signs claims.
    ///
    /// # Errors
    /// [`TokenError::Invalid`] when a time is not one of the next 8,000 years.
    pub fn issue(&self, claims: &HostClaims) -> Result<String, TokenError> {
        let payload = Payload {
            sub: claims.host.clone(),
            kind: claims.kind,
            scope: claims.scope.clone(),
            epoch: claims.epoch,
            iat: time_to_text(claims.issued_at)?,
            exp: time_to_text(claims.expires_at)?,
        };
        let payload = serde_json::to_vec(&payload).map_err(|_| TokenError::Invalid)?;
        PublicToken::sign(&self.secret, &payload, None, Some(PURPOSE)).map_err(|_| TokenError::Invalid)
    }

    /// Verifies a token for a use. Whether its host is revoked and its epoch the host's is for the caller, who has the store.
    ///
    /// # Errors
    /// The token is not ours, not for this use, or not for this time.
    pub fn verify(&self, token: &str, scope: Scope, now: SystemTime) -> Result<HostClaims, TokenError> {
        if token.len() > MAX_TOKEN {
            return Err(TokenError::Invalid);
        }
        let untrusted = UntrustedToken::<Public, V4>::try_from(token).map_err(|_| TokenError::Invalid)?;
        let trusted =
            PublicToken::verify(&self.public, &untrusted, None, Some(PURPOSE)).map_err(|_| TokenError::Invalid)?;
        let payload: Payload = serde_json::from_str(trusted.payload()).map_err(|_| TokenError::Invalid)?;
        let (issued_at, expires_at) = (time_from_text(&payload.iat)?, time_from_text(&payload.exp)?);
        if now >= expires_at {
            return Err(TokenError::Expired);
        }
        if issued_at > now + CLOCK_LEEWAY {
            return Err(TokenError::NotYetValid);
        }
        if !payload.scope.contains(&scope) {
            return Err(TokenError::Scope);
        }
        let Payload { sub, kind, scope, epoch, .. } = payload;
        Ok(HostClaims { host: sub, kind, scope, epoch, issued_at, expires_at })
    }
}

fn time_to_text(time: SystemTime) -> Result<String, TokenError> {
    let whole_seconds = OffsetDateTime::from(time).replace_nanosecond(0).map_err(|_| TokenError::Invalid)?;
    whole_seconds.format(&time::format_description::well_known::Rfc3339).map_err(|_| TokenError::Invalid)
}

fn time_from_text(text: &str) -> Result<SystemTime, TokenError> {
    OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339)
        .map(SystemTime::from)
        .map_err(|_| TokenError::Invalid)
}
