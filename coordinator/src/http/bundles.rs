//! Bundles for hosts: TUF metadata, and the bundles themselves from wherever a download was cut.
//!
//! All of it needs the host token: bundles hold the operator's scripts. What is served here is verified by the hosts
//! themselves; nothing of it is trusted for having come from here, except the first root a host ever gets.

mod downloads;

use std::io::SeekFrom;
use std::time::SystemTime;

use axum::body::Body;
use axum::extract::{FromRequestParts, Path, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bifrost_protocol::api::ErrorBody;
use bifrost_protocol::ids::HostId;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio::time::Instant;
use tokio_util::io::ReaderStream;

use super::extract::HostToken;
use super::{Api, Error};
use crate::bundles::BundleError;
use crate::identity::Scope;
pub(super) use downloads::Downloads;
use downloads::Paced;

/// How much of a bundle is read at once.
const PIECE: usize = 64 * 1024;

/// A host that may have bundles.
pub(super) struct BundleHost(HostId);

impl FromRequestParts<Api> for BundleHost {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Error> {
        let HostToken(token) = HostToken::from_request_parts(parts, api).await?;
        let claims = api.identity.tokens().verify(&token, Scope::Bundles, SystemTime::now())?;
        api.bundle_requests.check(&claims.host)?;
        let row = api.store.host(&claims.host).await?.ok_or(Error::TokenVoid)?;
        if row.revoked {
            return Err(Error::Revoked);
        }
        if u64::try_from(row.epoch) != Ok(claims.epoch) {
            return Err(Error::TokenVoid);
        }
        Ok(Self(claims.host))
    }
}

/// The newest TUF root.
///
/// A host pins the first one it gets, and follows the chain of roots from there on its own.
#[utoipa::path(
    get, path = "/v1/bundles/root.json", tag = "bundles", security(("host" = [])),
    responses(
        (status = 200, description = "signed TUF root metadata", content_type = "application/json"),
        (status = 401, description = "`invalid_token`, `token_expired`, `token_void`", body = ErrorBody),
        (status = 403, description = "`revoked`, `wrong_scope`", body = ErrorBody),
        (status = 404, description = "`not_found`: there are no bundles", body = ErrorBody),
        (status = 429, description = "`too_many_requests`", body = ErrorBody),
    )
)]
pub(super) async fn root(State(api): State<Api>, _host: BundleHost) -> Result<Response, Error> {
    let bundles = api.bundles.clone();
    json(blocking(move || bundles.root()).await?)
}

/// TUF metadata: `timestamp.json`, and `root`, `snapshot` and `targets` as `N.ROLE.json`.
#[utoipa::path(
    get, path = "/v1/bundles/metadata/{file}", tag = "bundles", security(("host" = [])),
    params(("file" = String, Path, description = "name of the file")),
    responses(
        (status = 200, description = "signed TUF metadata", content_type = "application/json"),
        (status = 401, description = "`invalid_token`, `token_expired`, `token_void`", body = ErrorBody),
        (status = 403, description = "`revoked`, `wrong_scope`", body = ErrorBody),
        (status = 404, description = "`not_found`", body = ErrorBody),
        (status = 429, description = "`too_many_requests`", body = ErrorBody),
    )
)]
pub(super) async fn metadata(
    State(api): State<Api>,
    _host: BundleHost,
    Path(file): Path<String>,
) -> Result<Response, Error> {
    let bundles = api.bundles.clone();
    json(blocking(move || bundles.metadata(&file)).await?)
}

/// A bundle, or the rest of one (`Range: bytes=N-`).
#[utoipa::path(
    get, path = "/v1/bundles/targets/{abi}/{file}", tag = "bundles", security(("host" = [])),
    params(
        ("abi" = String, Path, description = "`linux-x86_64` or `windows-x86_64`"),
        ("file" = String, Path, description = "`VERSION.tar.zst`"),
    ),
    responses(
        (status = 200, description = "all of it", content_type = "application/zstd"),
        (status = 206, description = "the part that was asked for", content_type = "application/zstd"),
        (status = 401, description = "`invalid_token`, `token_expired`, `token_void`", body = ErrorBody),
        (status = 403, description = "`revoked`, `wrong_scope`", body = ErrorBody),
        (status = 404, description = "`not_found`", body = ErrorBody),
        (status = 416, description = "it is shorter"),
        (status = 429, description = "`too_many_requests`", body = ErrorBody),
    )
)]
pub(super) async fn target(
    State(api): State<Api>,
    BundleHost(host): BundleHost,
    Path((abi, file)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let nothing = || Error::NotFound("there is no such bundle");
    let path = api.bundles.target(&format!("{abi}/{file}")).ok_or_else(nothing)?;
    let broken = |error: std::io::Error| Error::Internal(format!("{}: {error}", path.display()));
    let ticket = api.downloads.begin(&host, Instant::now())?;
    let mut bundle = match File::open(&path).await {
        // Taken away just now.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(nothing()),
        bundle => bundle.map_err(broken)?,
    };
    let len = bundle.metadata().await.map_err(broken)?.len();
    let part = match headers.get(header::RANGE).and_then(|range| part(range.to_str().ok()?, len)) {
        None => None,
        Some(Ok(part)) => Some(part),
        Some(Err(())) => {
            let range = [(header::CONTENT_RANGE, format!("bytes */{len}"))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, range).into_response());
        }
    };
    let (from, to) = part.unwrap_or((0, len));
    bundle.seek(SeekFrom::Start(from)).await.map_err(broken)?;
    metrics::counter!("bifrost_bundle_downloads_total").increment(1);
    tracing::debug!(%host, abi, file, from, len, "host fetches a bundle");
    let body = Body::from_stream(ReaderStream::with_capacity(Paced::new(bundle.take(to - from), ticket), PIECE));
    let mut response = Response::new(body);
    let head = response.headers_mut();
    head.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zstd"));
    head.insert(header::ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    head.insert(header::CONTENT_LENGTH, (to - from).into());
    if part.is_some() {
        let range = format!("bytes {from}-{}/{len}", to - 1);
        let range = HeaderValue::try_from(range).map_err(|error| Error::Internal(error.to_string()))?;
        head.insert(header::CONTENT_RANGE, range);
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
    }
    Ok(response)
}

/// The part of `len` bytes that a `Range` header asks for, as begin and end. `None`: all of it, as for anything that is
/// not a single range from the front (RFC 9110, 14.2). `Err`: there is no such part.
fn part(range: &str, len: u64) -> Option<Result<(u64, u64), ()>> {
    let (from, last) = range.strip_prefix("bytes=")?.trim().split_once('-')?;
    let from = from.parse::<u64>().ok()?;
    let to = match last {
        "" => len,
        last => last.parse::<u64>().ok()?.checked_add(1)?.min(len),
    };
    Some(if from < to { Ok((from, to)) } else { Err(()) })
}

fn json(file: Option<Vec<u8>>) -> Result<Response, Error> {
    let file = file.ok_or(Error::NotFound("there is no such file; has a bundle been added?"))?;
    Ok(([(header::CONTENT_TYPE, "application/json")], file).into_response())
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BundleError> + Send + 'static,
) -> Result<T, Error> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::Internal(error.to_string()))?.map_err(|error| Error::Internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_is_a_part_from_somewhere_to_somewhere() {
        for (range, expected) in [
            ("bytes=0-", Some(Ok((0, 100)))),
            ("bytes=40-", Some(Ok((40, 100)))),
            ("bytes=40-59", Some(Ok((40, 60)))),
            ("bytes=40-1000", Some(Ok((40, 100)))),
            ("bytes=99-", Some(Ok((99, 100)))),
            ("bytes=100-", Some(Err(()))),
            ("bytes=60-40", Some(Err(()))),
            ("bytes=-5", None),
            ("bytes=0-1,5-6", None),
            ("items=0-", None),
            ("bytes=x-", None),
            ("bytes=0-18446744073709551615", None),
        ] {
            assert_eq!(part(range, 100), expected, "{range}");
        }
        assert_eq!(part("bytes=0-", 0), Some(Err(())));
    }
}
