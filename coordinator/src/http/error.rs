//! Every error of the API: status, stable code, public message. Sources are logged here, once, and never sent.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bifrost_protocol::api::ErrorBody;
use thiserror::Error;

use crate::identity::{CsrError, TokenError};
use crate::realm::AccountError;
use crate::store::StoreError;

/// Why a request is not carried out.
#[derive(Debug, Error)]
pub enum Error {
    /// The request makes no sense.
    #[error("{0}")]
    Invalid(String),
    /// The body is over the limit.
    #[error("the request is too large")]
    TooLarge,
    /// The signing request is refused.
    #[error(transparent)]
    Csr(#[from] CsrError),
    /// Name or password of the game account are wrong, or the account may not be used.
    #[error("account name or password are wrong, or the account is blocked")]
    Credentials,
    /// The game account cannot be proved while it is logged in.
    #[error("the account is logged in; log out and try again")]
    AccountOnline,
    /// The invitation is unknown, used or expired.
    #[error("the invitation is unknown, used or expired")]
    Invitation,
    /// The host token is missing or refused.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The token was made void: the host registered again or was restored since.
    #[error("the token has been replaced by a newer one")]
    TokenVoid,
    /// The admin token is missing or wrong.
    #[error("this needs the admin token")]
    AdminToken,
    /// The host, or another one of its account, was thrown out.
    #[error("this host has been revoked")]
    Revoked,
    /// The signing request is for another key than the registered one.
    #[error("the key is not the one this host registered with")]
    WrongKey,
    /// The account has as many hosts as it may have.
    #[error("this account has registered as many hosts as it may")]
    TooManyHosts,
    /// There is no such thing.
    #[error("{0}")]
    NotFound(&'static str),
    /// The path is right, the method is not.
    #[error("this path does not take that method")]
    Method,
    /// It contradicts what there is.
    #[error("{0}")]
    Conflict(&'static str),
    /// Too often from this address or for this account.
    #[error("too many requests, try again later")]
    TooMany {
        /// When the next one is taken.
        retry_after: Duration,
    },
    /// Something this needs does not work now.
    #[error("{what} is not available now, try again")]
    Unavailable {
        /// What.
        what: &'static str,
        /// Why, for the log.
        problem: String,
    },
    /// A fault of ours.
    #[error("internal error")]
    Internal(String),
}

impl Error {
    /// Status and stable code.
    fn parts(&self) -> (StatusCode, &'static str) {
        match self {
            Self::Invalid(_) => (StatusCode::BAD_REQUEST, "invalid_request"),
            Self::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
            Self::Csr(_) => (StatusCode::BAD_REQUEST, "invalid_csr"),
            Self::Credentials => (StatusCode::UNAUTHORIZED, "wrong_credentials"),
            Self::AccountOnline => (StatusCode::CONFLICT, "account_online"),
            Self::Invitation => (StatusCode::UNAUTHORIZED, "invalid_invitation"),
            Self::Token(TokenError::Expired) => (StatusCode::UNAUTHORIZED, "token_expired"),
            Self::Token(TokenError::Invalid | TokenError::NotYetValid) => (StatusCode::UNAUTHORIZED, "invalid_token"),
            Self::Token(TokenError::Scope) => (StatusCode::FORBIDDEN, "wrong_scope"),
            Self::TokenVoid => (StatusCode::UNAUTHORIZED, "token_void"),
            Self::AdminToken => (StatusCode::UNAUTHORIZED, "admin_token_required"),
            Self::Revoked => (StatusCode::FORBIDDEN, "revoked"),
            Self::WrongKey => (StatusCode::FORBIDDEN, "wrong_key"),
            Self::TooManyHosts => (StatusCode::FORBIDDEN, "too_many_hosts"),
            Self::NotFound(_) => (StatusCode::NOT_FOUND, "not_found"),
            Self::Method => (StatusCode::METHOD_NOT_ALLOWED, "wrong_method"),
            Self::Conflict(_) => (StatusCode::CONFLICT, "conflict"),
            Self::TooMany { .. } => (StatusCode::TOO_MANY_REQUESTS, "too_many_requests"),
            Self::Unavailable { .. } => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            Self::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "internal"),
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let (status, code) = self.parts();
        if let Self::Unavailable { what, problem } = &self {
            tracing::warn!(what, %problem, "request not served");
        }
        if let Self::Internal(problem) = &self {
            tracing::error!(%problem, "request failed");
        }
        let body = ErrorBody { code: code.to_owned(), message: self.to_string() };
        let mut response = (status, Json(body)).into_response();
        if let Self::TooMany { retry_after } = self {
            let seconds = retry_after.as_secs().saturating_add(1);
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict { .. } => Self::Conflict("this exists already"),
            StoreError::Unavailable { .. } => Self::Unavailable { what: "the database", problem: error.to_string() },
            StoreError::Corrupt { .. } | StoreError::Address { .. } => Self::Internal(error.to_string()),
        }
    }
}

impl From<AccountError> for Error {
    fn from(error: AccountError) -> Self {
        match error {
            AccountError::IllegalName | AccountError::IllegalPassword => Self::Invalid(error.to_string()),
            AccountError::NameTaken => Self::Conflict("there is an account of that name already"),
            AccountError::Busy => Self::Unavailable { what: "the realm", problem: error.to_string() },
            AccountError::Store(error) => error.into(),
            AccountError::Hash(problem) => Self::Internal(problem),
        }
    }
}

impl From<JsonRejection> for Error {
    fn from(rejection: JsonRejection) -> Self {
        match rejection.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Self::TooLarge,
            _ => Self::Invalid(rejection.body_text()),
        }
    }
}
