//! JSON bodies of the HTTPS API that node and coordinator share.

use serde::{Deserialize, Serialize};

/// What TLS calls the link (ALPN) at the port of the HTTPS API, for those whom UDP does not reach: datagram after datagram of the
/// QUIC connection follows, either way, each behind its length (two bytes, big endian).
pub const LINK_ALPN: &[u8] = b"bifrost-link/1";
/// The longest datagram there, in bytes: QUIC makes none that an Ethernet frame does not hold.
pub const MAX_LINK_DATAGRAM: usize = 1_500;

/// `POST /v1/hosts`: registers a host.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[expect(missing_debug_implementations, reason = "holds secrets")]
pub struct RegisterRequest {
    /// Certificate signing request, PEM. Its key is the host's identity.
    pub csr: String,
    /// What the operator reads in lists, at most 64 characters.
    pub name: String,
    /// How the host proves that it may register.
    #[serde(flatten)]
    pub proof: RegisterProof,
    /// `linux-x86_64` or `windows-x86_64`.
    pub abi: String,
}

/// How a host proves that it may register.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[expect(missing_debug_implementations, reason = "holds secrets")]
#[serde(tag = "proof", rename_all = "snake_case")]
pub enum RegisterProof {
    /// A player host: a game account of the realm. Checked, never stored.
    Account {
        /// Account name.
        username: String,
        /// Password.
        password: String,
    },
    /// A fallback host: a one-time invitation from `bifrost-coordinator invite`.
    Invitation {
        /// The code.
        code: String,
    },
}

/// Answer to registration and renewal.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[expect(missing_debug_implementations, reason = "holds secrets")]
pub struct Credentials {
    /// The host id.
    pub host_id: String,
    /// `player` or `fallback`.
    pub kind: String,
    /// The client certificate, PEM.
    pub certificate: String,
    /// The coordinator's CA, PEM.
    pub ca: String,
    /// PASETO v4.public.
    pub token: String,
    /// Seconds until certificate and token expire.
    pub expires_in: u64,
    /// `host:port` of the QUIC endpoint.
    pub link: String,
    /// The name to verify the QUIC endpoint's certificate against.
    pub server_name: String,
}

/// `POST /v1/hosts/renew`, with the host token as bearer.
#[derive(Clone, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[expect(missing_debug_implementations, reason = "holds secrets")]
pub struct RenewRequest {
    /// A signing request by the registered key, PEM.
    pub csr: String,
}

/// Every error of the API.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ErrorBody {
    /// Stable, for programs.
    pub code: String,
    /// For people.
    pub message: String,
}
