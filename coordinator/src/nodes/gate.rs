//! Who may connect: certificate, token and the store's record of a host have to agree.

use std::sync::Arc;
use std::time::SystemTime;

use bifrost_protocol::control::{Hello, PROTOCOL_VERSION};

use super::refusal::Refusal;
use crate::fleet::HostKind;
use crate::identity::{CertifiedHost, HostClaims, Identity, Scope, host_of_certificate};
use crate::store::{HostRow, Store};

/// Lets hosts in.
#[derive(Debug)]
pub(super) struct Gate {
    identity: Arc<Identity>,
    store: Store,
}

/// A host that was let in.
#[derive(Clone, Debug)]
pub(super) struct Admitted {
    /// Whose machine it is, as the store says.
    pub(super) kind: HostKind,
    /// What its token says.
    pub(super) claims: HostClaims,
}

impl Gate {
    pub(super) fn new(identity: Arc<Identity>, store: Store) -> Self {
        Self { identity, store }
    }

    /// The host of a connection's certificate, which TLS has verified.
    pub(super) fn certified(connection: &quinn::Connection) -> Result<CertifiedHost, Refusal> {
        let chain = connection
            .peer_identity()
            .and_then(|identity| identity.downcast::<Vec<rustls::pki_types::CertificateDer<'static>>>().ok());
        let certificate = chain.as_deref().and_then(|chain| chain.first()).ok_or(Refusal::Certificate)?;
        host_of_certificate(certificate).map_err(|_| Refusal::Certificate)
    }

    /// Whether a host may connect.
    pub(super) async fn admit(&self, certified: &CertifiedHost, hello: &Hello) -> Result<Admitted, Refusal> {
        if hello.protocol != PROTOCOL_VERSION {
            return Err(Refusal::Version);
        }
        self.authorise(certified, &hello.token).await
    }

    /// Whether a host may stay connected with this token.
    pub(super) async fn authorise(&self, certified: &CertifiedHost, token: &str) -> Result<Admitted, Refusal> {
        self.authorise_for(certified, token, Scope::Control).await
    }

    /// The same, for another use.
    pub(super) async fn authorise_for(
        &self,
        certified: &CertifiedHost,
        token: &str,
        scope: Scope,
    ) -> Result<Admitted, Refusal> {
        let claims = self.verify(certified, token, scope)?;
        let row = self.store.host(&claims.host).await.map_err(|error| {
            tracing::warn!(host = %claims.host, %error, "host cannot be looked up");
            Refusal::Unavailable
        })?;
        let kind = agrees(row.as_ref(), certified, &claims)?;
        Ok(Admitted { kind, claims })
    }

    /// Whether a token is good for a use by the host of this certificate.
    pub(super) fn verify(&self, certified: &CertifiedHost, token: &str, scope: Scope) -> Result<HostClaims, Refusal> {
        let claims = self.identity.tokens().verify(token, scope, SystemTime::now())?;
        if claims.host == certified.host { Ok(claims) } else { Err(Refusal::TokenHost) }
    }
}

/// Whether the store's record agrees with certificate and token.
fn agrees(row: Option<&HostRow>, certified: &CertifiedHost, claims: &HostClaims) -> Result<HostKind, Refusal> {
    let row = row.ok_or(Refusal::UnknownHost)?;
    if row.revoked {
        return Err(Refusal::Revoked);
    }
    if row.key_hash != certified.key_hash.to_string() {
        return Err(Refusal::Key);
    }
    if u64::try_from(row.epoch) != Ok(claims.epoch) {
        return Err(Refusal::TokenEpoch);
    }
    Ok(row.kind)
}
