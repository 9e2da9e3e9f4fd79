//! Registration of hosts and renewal of their certificate and token.

use std::time::{Duration, SystemTime};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use bifrost_protocol::api::{Credentials, ErrorBody, RegisterProof, RegisterRequest, RenewRequest};
use sha2::{Digest, Sha256};

use super::extract::{Body, HostToken, Peer};
use super::limits::{MAX_ACCOUNT_FIELD, MAX_HOST_NAME, MAX_HOSTS_PER_ACCOUNT, MAX_INVITATION};
use super::{Api, Error};
use crate::fleet::HostKind;
use crate::identity::{HostClaims, LINK_SERVER_NAME, Scope, SigningRequest};
use crate::store::HostRow;

/// Builds of the engine there are layouts for.
const ABIS: [&str; 2] = ["linux-x86_64", "windows-x86_64"];

/// Registers a host.
///
/// Proves a game account or takes an invitation, and gives the key of the signing request a certificate and a token. The
/// same key registering again stays the same host.
#[utoipa::path(
    post, path = "/v1/hosts", tag = "hosts", request_body = RegisterRequest,
    responses(
        (status = 201, description = "registered", body = Credentials),
        (status = 400, description = "`invalid_request`, `invalid_csr`", body = ErrorBody),
        (status = 401, description = "`wrong_credentials`, `invalid_invitation`", body = ErrorBody),
        (status = 403, description = "`revoked`, `too_many_hosts`", body = ErrorBody),
        (status = 409, description = "`account_online`, `conflict`", body = ErrorBody),
        (status = 429, description = "`too_many_requests`", body = ErrorBody),
        (status = 503, description = "`unavailable`", body = ErrorBody),
    )
)]
pub(super) async fn register(
    State(api): State<Api>,
    peer: Peer,
    Body(request): Body<RegisterRequest>,
) -> Result<(StatusCode, Json<Credentials>), Error> {
    api.registrations.check(&peer)?;
    check_names(&request)?;
    let csr = SigningRequest::from_pem(&request.csr)?;
    let host = match &request.proof {
        RegisterProof::Account { username, password } => {
            let account = api.prove(username, password).await?;
            Applicant { kind: HostKind::Player, account: Some(account), invitation: None }
        }
        RegisterProof::Invitation { code } => {
            Applicant { kind: HostKind::Fallback, account: None, invitation: Some(code_hash(code)?) }
        }
    };
    let row = api.admit(&csr, host, &request).await?;
    tracing::info!(host = %row.id, kind = ?row.kind, name = row.name, "host registered");
    metrics::counter!("bifrost_registrations_total", "kind" => kind_name(row.kind)).increment(1);
    Ok((StatusCode::CREATED, Json(api.credentials(&csr, &row)?)))
}

/// Renews a host's certificate and token.
#[utoipa::path(
    post, path = "/v1/hosts/renew", tag = "hosts", request_body = RenewRequest, security(("host" = [])),
    responses(
        (status = 200, description = "renewed", body = Credentials),
        (status = 400, description = "`invalid_request`, `invalid_csr`", body = ErrorBody),
        (status = 401, description = "`invalid_token`, `token_expired`, `token_void`", body = ErrorBody),
        (status = 403, description = "`revoked`, `wrong_key`, `wrong_scope`", body = ErrorBody),
        (status = 429, description = "`too_many_requests`", body = ErrorBody),
        (status = 503, description = "`unavailable`", body = ErrorBody),
    )
)]
pub(super) async fn renew(
    State(api): State<Api>,
    peer: Peer,
    HostToken(token): HostToken,
    Body(request): Body<RenewRequest>,
) -> Result<Json<Credentials>, Error> {
    api.renewals.check(&peer)?;
    let claims = api.identity.tokens().verify(&token, Scope::Renew, SystemTime::now())?;
    let row = api.store.host(&claims.host).await?.ok_or(Error::TokenVoid)?;
    if row.revoked {
        return Err(Error::Revoked);
    }
    if u64::try_from(row.epoch) != Ok(claims.epoch) {
        return Err(Error::TokenVoid);
    }
    let csr = SigningRequest::from_pem(&request.csr)?;
    if csr.key_hash.to_string() != row.key_hash {
        return Err(Error::WrongKey);
    }
    let credentials = api.credentials(&csr, &row)?;
    api.store.touch_host(&row.id, unix_seconds(SystemTime::now())).await?;
    tracing::info!(host = %row.id, "host renewed");
    metrics::counter!("bifrost_renewals_total").increment(1);
    Ok(Json(credentials))
}

/// What stands behind a registration.
struct Applicant {
    kind: HostKind,
    account: Option<u32>,
    /// Hash of the invitation's code, still to be redeemed.
    invitation: Option<String>,
}

impl Api {
    /// Proves a game account.
    async fn prove(&self, name: &str, password: &str) -> Result<u32, Error> {
        let legal = |text: &str| !text.is_empty() && text.len() <= MAX_ACCOUNT_FIELD && !text.contains('\0');
        if !legal(name) || !legal(password) {
            return Err(Error::Credentials);
        }
        self.password_tries.check(&name.to_lowercase())?;
        match self.proof.verify(name, password).await? {
            Some(account) => Ok(account.0),
            None => {
                metrics::counter!("bifrost_registrations_refused_total", "code" => "wrong_credentials").increment(1);
                Err(Error::Credentials)
            }
        }
    }

    /// Makes a host of an applicant, or finds the host it is already.
    async fn admit(
        &self,
        csr: &SigningRequest,
        applicant: Applicant,
        request: &RegisterRequest,
    ) -> Result<HostRow, Error> {
        // One at a time, so that two of one account cannot both see room for the last host.
        let _one_at_a_time = self.admission.lock().await;
        let key_hash = csr.key_hash.to_string();
        let known = self.store.host_by_key(&key_hash).await?;
        if known.as_ref().is_some_and(|known| known.revoked) {
            return Err(Error::Revoked);
        }
        if let Some(account) = applicant.account {
            self.check_account(account, known.is_some()).await?;
        }
        let now = unix_seconds(SystemTime::now());
        let id = csr.key_hash.host_id();
        if let Some(code_hash) = &applicant.invitation {
            self.store.redeem_invitation(code_hash, &id, now).await?.ok_or(Error::Invitation)?;
        }
        match known {
            Some(known) if known.kind == applicant.kind && known.account == applicant.account => {
                self.store.touch_host(&known.id, now).await?;
                Ok(known)
            }
            Some(_) => Err(Error::Conflict("this key is registered for somebody else")),
            None => {
                let row = HostRow {
                    id,
                    kind: applicant.kind,
                    name: request.name.trim().to_owned(),
                    account: applicant.account,
                    key_hash,
                    abi: request.abi.clone(),
                    revoked: false,
                    epoch: 1,
                    created_at: now,
                    last_seen: now,
                };
                self.store.insert_host(&row).await?;
                Ok(row)
            }
        }
    }

    /// A revoked host must not come back under a new key, and nobody registers hosts without end.
    async fn check_account(&self, account: u32, known: bool) -> Result<(), Error> {
        let (hosts, revoked) = self.store.hosts_of_account(account).await?;
        if revoked > 0 {
            return Err(Error::Revoked);
        }
        if !known && hosts >= MAX_HOSTS_PER_ACCOUNT {
            return Err(Error::TooManyHosts);
        }
        Ok(())
    }

    fn credentials(&self, csr: &SigningRequest, row: &HostRow) -> Result<Credentials, Error> {
        let certificate = self.identity.certify(csr, &row.id)?;
        let lifetime = self.identity.lifetime();
        let epoch = u64::try_from(row.epoch).unwrap_or(0);
        let claims = HostClaims::new(row.id.clone(), row.kind, epoch, SystemTime::now(), lifetime);
        let token = self.identity.tokens().issue(&claims)?;
        Ok(Credentials {
            host_id: row.id.to_string(),
            kind: kind_name(row.kind).to_owned(),
            certificate: certificate.pem,
            ca: self.identity.ca_pem().to_owned(),
            token,
            expires_in: lifetime.as_secs(),
            link: self.link.clone(),
            server_name: LINK_SERVER_NAME.to_owned(),
        })
    }
}

/// Seconds since the Unix epoch, as the store keeps them.
pub(super) fn unix_seconds(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

/// What the store keeps of an invitation: the code itself is nowhere but with who was invited.
pub(crate) fn invitation_hash(code: &str) -> String {
    crate::identity::hex_text(&Sha256::digest(code.trim().as_bytes()))
}

pub(super) const fn kind_name(kind: HostKind) -> &'static str {
    match kind {
        HostKind::Player => "player",
        HostKind::Fallback => "fallback",
    }
}

fn code_hash(code: &str) -> Result<String, Error> {
    if code.len() > MAX_INVITATION { Err(Error::Invitation) } else { Ok(invitation_hash(code)) }
}

fn check_names(request: &RegisterRequest) -> Result<(), Error> {
    let name = request.name.trim();
    if name.is_empty() || name.chars().count() > MAX_HOST_NAME || name.chars().any(char::is_control) {
        return Err(Error::Invalid(format!("name: expected 1 to {MAX_HOST_NAME} printable characters")));
    }
    if !ABIS.contains(&request.abi.as_str()) {
        return Err(Error::Invalid(format!("abi: expected one of {}", ABIS.join(", "))));
    }
    Ok(())
}
