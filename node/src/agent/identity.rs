//! Who this host is: registers it, keeps its credentials, renews them in place.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bifrost_protocol::api::{Credentials, RegisterRequest};
use quinn::Endpoint;
use rcgen::{CertificateParams, KeyPair};
use thiserror::Error;
use tokio::sync::{Mutex, watch};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::api::{Api, ApiError, link};
use super::link::LinkError;
use super::state::{Age, Held, StateDir, StateError, unix_now};
use crate::backoff::Backoff;
use crate::config::{NodeConfig, Trust};
use crate::udp::endpoint_towards;
use crate::within::{Way, Ways, endpoint_through};

/// How often the age of the credentials is looked at: a laptop that slept must not find them expired at its next use.
const AGE_CHECK: Duration = Duration::from_secs(60);
/// Waits between failed renewals. Half a lifetime is left when they begin.
const RENEWAL_BACKOFF: Backoff = Backoff::new(Duration::from_secs(5), Duration::from_secs(300));

/// Key and credentials. Its clones are one identity.
#[derive(Clone, Debug)]
pub(crate) struct Identity {
    inner: Arc<Inner>,
}

struct Inner {
    config: NodeConfig,
    state: StateDir,
    key: KeyPair,
    held: watch::Sender<Option<Arc<Held>>>,
    /// One request at a time: two registrations would make two hosts of one machine.
    asking: Mutex<()>,
    ways: std::sync::Mutex<Ways>,
}

/// Why there are no credentials.
#[derive(Debug, Error)]
pub(crate) enum IdentityError {
    /// Trying again may help.
    #[error(transparent)]
    Passing(ApiError),
    /// Somebody has to do something; the text says what.
    #[error("{0}")]
    Final(String),
}

impl Identity {
    /// Opens the state folder. Asks nobody anything.
    pub(crate) fn open(config: &NodeConfig) -> Result<Self, IdentityError> {
        let local = |error: StateError| IdentityError::Final(error.to_string());
        let state = StateDir::open(&config.state_dir).map_err(local)?;
        let key = state.key().map_err(local)?;
        let held = state.credentials(&config.coordinator).map(Arc::new);
        let (held, _) = watch::channel(held);
        let inner =
            Inner { config: config.clone(), state, key, held, asking: Mutex::default(), ways: Default::default() };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The state folder.
    pub(crate) fn state(&self) -> &StateDir {
        &self.inner.state
    }

    /// The host's key.
    pub(crate) fn key(&self) -> &KeyPair {
        &self.inner.key
    }

    /// Tells of new credentials.
    pub(crate) fn watch(&self) -> watch::Receiver<Option<Arc<Held>>> {
        self.inner.held.subscribe()
    }

    /// The credentials as they are now.
    pub(crate) fn held(&self) -> Option<Arc<Held>> {
        self.inner.held.borrow().clone()
    }

    /// The way whose turn it is.
    pub(crate) fn way(&self) -> Way {
        self.ways().next()
    }

    /// An endpoint to dial the coordinator's `address` with.
    ///
    /// # Errors
    /// There is none that way now.
    pub(crate) async fn endpoint(&self, way: Way, address: SocketAddr) -> Result<Endpoint, LinkError> {
        let lost = |error: &dyn std::fmt::Display| LinkError::Lost(error.to_string());
        match way {
            Way::Udp => endpoint_towards(address).map_err(|error| lost(&error)),
            Way::Tls => {
                let Inner { config, state, .. } = &*self.inner;
                let stream = link(&config.coordinator, &config.trust, state.pinned_ca(&config.coordinator)).await;
                let stream = stream.map_err(|error| lost(&error))?;
                endpoint_through(stream).map_err(|error| lost(&error))
            }
        }
    }

    /// What an attempt has shown of its way. Only where nothing was heard the way is to blame.
    pub(crate) fn learn<T>(&self, way: Way, tried: &Result<T, LinkError>) {
        match tried {
            Ok(_) => self.ways().worked(way),
            Err(LinkError::Lost(_)) => self.ways().failed(),
            Err(LinkError::Parted { .. } | LinkError::Certificate(_)) => {}
        }
    }

    fn ways(&self) -> std::sync::MutexGuard<'_, Ways> {
        self.inner.ways.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Credentials that are good now: those at hand, or new ones.
    pub(crate) async fn obtain(&self) -> Result<Arc<Held>, IdentityError> {
        match self.held() {
            Some(held) if held.age(unix_now()) != Age::Expired => Ok(held),
            Some(_) | None => self.replace().await,
        }
    }

    /// New credentials, because those at hand are expired or were not accepted: renewed if the coordinator still knows
    /// them, else by registering again.
    pub(crate) async fn replace(&self) -> Result<Arc<Held>, IdentityError> {
        let before = self.held();
        let _one_at_a_time = self.inner.asking.lock().await;
        if let Some(held) = self.held()
            && before.is_none_or(|before| !Arc::ptr_eq(&before, &held))
        {
            return Ok(held);
        }
        let refusal = match self.renew().await {
            Ok(held) => return Ok(held),
            Err(ApiError::Refused { code, message }) if code == "revoked" => {
                return Err(IdentityError::Final(format!("this host is revoked: {message}")));
            }
            Err(error @ (ApiError::Unreachable(_) | ApiError::Busy(_))) => return Err(IdentityError::Passing(error)),
            Err(error @ (ApiError::Refused { .. } | ApiError::Setup(_))) => error,
        };
        self.register(&refusal).await
    }

    /// Renews at half life until cancelled.
    pub(crate) async fn keep_fresh(&self, stop: CancellationToken) {
        let mut backoff = RENEWAL_BACKOFF;
        let mut held = self.watch();
        loop {
            held.mark_unchanged();
            let wait = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                wait = self.freshen(&mut backoff) => wait,
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Ok(()) = held.changed() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Renews if it is time; returns how long to wait until the next look.
    async fn freshen(&self, backoff: &mut Backoff) -> Duration {
        let _one_at_a_time = self.inner.asking.lock().await;
        let Some(held) = self.held() else { return AGE_CHECK };
        let age = held.age(unix_now());
        if let Age::Fresh(seconds) = age {
            return Duration::from_secs(seconds).clamp(Duration::from_secs(1), AGE_CHECK);
        }
        match self.renew().await {
            Ok(held) => {
                info!(expires_in = held.credentials.expires_in, "credentials renewed");
                backoff.reset();
                AGE_CHECK
            }
            Err(error) => {
                warn!(%error, expired = age == Age::Expired, "credentials could not be renewed");
                backoff.after_failure(rand::random())
            }
        }
    }

    async fn renew(&self) -> Result<Arc<Held>, ApiError> {
        let nothing =
            || ApiError::Refused { code: "not_registered".into(), message: "there are no credentials yet".into() };
        let held = self.held().ok_or_else(nothing)?;
        let credentials = self.api()?.renew(&held.credentials.token, self.csr()?).await?;
        self.take(credentials).await
    }

    async fn register(&self, refusal: &ApiError) -> Result<Arc<Held>, IdentityError> {
        let config = &self.inner.config;
        let Some(proof) = &config.proof else {
            return Err(IdentityError::Final(format!(
                "this host cannot register: {refusal}. Set proof.username and proof.password to a game account of the realm, or \
                 proof.invitation to a code from `bifrost-coordinator invite`"
            )));
        };
        let asked = async {
            let request = RegisterRequest {
                csr: self.csr()?,
                name: config.name.clone(),
                proof: proof.to_request(),
                abi: format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH),
            };
            let api = self.api()?;
            let credentials = api.register(&request).await?;
            if let (Trust::FirstUse, Some(pin)) = (&config.trust, api.seen_ca()) {
                self.inner
                    .state
                    .pin_ca(&config.coordinator, pin)
                    .map_err(|error| ApiError::Setup(error.to_string()))?;
            }
            self.take(credentials).await
        };
        match asked.await {
            Ok(held) => {
                info!(node.id = held.credentials.host_id, kind = held.credentials.kind, "registered");
                Ok(held)
            }
            Err(error @ (ApiError::Unreachable(_) | ApiError::Busy(_))) => Err(IdentityError::Passing(error)),
            Err(ApiError::Setup(problem)) => Err(IdentityError::Final(problem)),
            Err(ApiError::Refused { code, message }) => Err(IdentityError::Final(format!(
                "the coordinator refused to register this host: {message} ({code}); check the account or ask the \
                 operator for an invitation"
            ))),
        }
    }

    /// Makes new credentials those that count. A full disk does not take them away for as long as the node runs.
    async fn take(&self, credentials: Credentials) -> Result<Arc<Held>, ApiError> {
        let coordinator = self.inner.config.coordinator.clone();
        let held = Arc::new(Held { coordinator, issued_at: unix_now(), credentials });
        let (state, to_save) = (self.inner.state.clone(), Arc::clone(&held));
        let saved = tokio::task::spawn_blocking(move || state.save_credentials(&to_save)).await;
        match saved {
            Ok(Ok(())) => {}
            Ok(Err(error)) => warn!(%error, "credentials could not be saved; the next start has to register again"),
            Err(error) => return Err(ApiError::Setup(error.to_string())),
        }
        self.inner.held.send_replace(Some(Arc::clone(&held)));
        Ok(held)
    }

    fn api(&self) -> Result<Api, ApiError> {
        let Inner { config, state, .. } = &*self.inner;
        Api::new(&config.coordinator, &config.trust, state.pinned_ca(&config.coordinator))
    }

    /// A signing request by the host's key. The coordinator takes only the key from it and sets the names itself.
    fn csr(&self) -> Result<String, ApiError> {
        CertificateParams::default()
            .serialize_request(&self.inner.key)
            .and_then(|request| request.pem())
            .map_err(|error| ApiError::Setup(error.to_string()))
    }
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Inner").field("state", &self.state).finish_non_exhaustive()
    }
}
