//! Fetching a bundle into a file, from wherever the last try ended, until it has as many bytes as were signed for.

use std::path::Path;

use bifrost_protocol::bundle::TARGETS_PATH;
use reqwest::StatusCode;
use reqwest::header::CONTENT_RANGE;
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncSeekExt, AsyncWriteExt};

use super::access::{Fetcher, refused, unreachable};
use super::error::BundleError;
use super::trust::Target;
use crate::backoff::Backoff;

/// Tries in a row that bring nothing before it is given up; the caller tries again later, and goes on from there.
const MAX_FRUITLESS: u32 = 6;
/// Tries in all: a coordinator that sends byte by byte is given up, too.
const MAX_TRIES: u32 = 1_000;

/// Fetches `target` into `partial`. `backoff` is waited after tries that brought nothing; `seen` hears of every byte.
pub(super) async fn download(
    fetcher: &Fetcher,
    target: &Target,
    partial: &Path,
    mut backoff: Backoff,
    seen: impl Fn(u64),
) -> Result<(), BundleError> {
    let (mut fruitless, mut tries) = (0, 0);
    loop {
        let before = length(partial).await?;
        seen(before.min(target.length));
        if before == target.length {
            return Ok(());
        }
        let Err(error) = attempt(fetcher, target, partial, before, &seen).await else { continue };
        tries += 1;
        // The same bytes would come again.
        if !error.is_passing() || matches!(error, BundleError::Damaged(_)) || tries >= MAX_TRIES {
            return Err(error);
        }
        if length(partial).await? > before {
            fruitless = 0;
            backoff.reset();
            tracing::debug!(%error, "download was cut, goes on");
            continue;
        }
        fruitless += 1;
        if fruitless >= MAX_FRUITLESS {
            return Err(error);
        }
        tracing::debug!(%error, fruitless, "download is tried again");
        tokio::time::sleep(backoff.after_failure(rand::random())).await;
    }
}

/// One request. The file has `from` bytes.
async fn attempt(
    fetcher: &Fetcher,
    target: &Target,
    partial: &Path,
    from: u64,
    seen: &impl Fn(u64),
) -> Result<(), BundleError> {
    // More than there should be is of no use.
    let from = if from > target.length { 0 } else { from };
    let mut response = fetcher.get(&fetcher.url(&format!("{TARGETS_PATH}{}", target.name)), from).await?;
    let from = match response.status() {
        StatusCode::OK => 0,
        StatusCode::PARTIAL_CONTENT => {
            let range = response.headers().get(CONTENT_RANGE).and_then(|range| range.to_str().ok()).unwrap_or_default();
            let expected = format!("bytes {from}-");
            let total = range.rsplit_once('/').and_then(|(_, total)| total.parse::<u64>().ok());
            if !range.starts_with(&expected) || total != Some(target.length) {
                discard(partial).await?;
                let problem = format!("{range:?} came instead of {expected}.../{}", target.length);
                return Err(BundleError::Damaged(problem));
            }
            from
        }
        StatusCode::RANGE_NOT_SATISFIABLE => {
            discard(partial).await?;
            return Err(BundleError::Damaged("there is less of it than was signed for".into()));
        }
        StatusCode::NOT_FOUND => return Err(BundleError::Unknown(target.name.clone())),
        _ => return Err(refused(response).await),
    };
    let failed = |error| BundleError::file(partial)(error);
    let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(partial).await.map_err(failed)?;
    file.set_len(from).await.map_err(failed)?;
    file.seek(std::io::SeekFrom::End(0)).await.map_err(failed)?;
    let mut have = from;
    let received = loop {
        match response.chunk().await {
            Ok(Some(chunk)) => {
                have += chunk.len() as u64;
                if have > target.length {
                    break Err(BundleError::Damaged("there is more of it than was signed for".into()));
                }
                // Flushed each time: whoever drops this has to find what was seen.
                file.write_all(&chunk).await.map_err(failed)?;
                file.flush().await.map_err(failed)?;
                seen(have);
            }
            Ok(None) if have < target.length => {
                break Err(BundleError::Unreachable(format!("only {have} of {} bytes came", target.length)));
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(unreachable(error)),
        }
    };
    if let Err(BundleError::Damaged(_)) = received {
        discard(partial).await?;
    }
    received
}

/// Bytes of a file; 0 when it is not there.
async fn length(path: &Path) -> Result<u64, BundleError> {
    match tokio::fs::metadata(path).await {
        Ok(file) => Ok(file.len()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
        Err(error) => Err(BundleError::file(path)(error)),
    }
}

/// Forgets what has come.
pub(super) async fn discard(path: &Path) -> Result<(), BundleError> {
    let file = File::create(path).await.map_err(BundleError::file(path))?;
    file.set_len(0).await.map_err(BundleError::file(path))
}
