//! Waiting for conditions instead of for time.

use std::time::{Duration, Instant};

use anyhow::Result;

/// Time between two looks at a condition that does not announce itself.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks until `look` finds something.
///
/// # Errors
/// Nothing was found within `limit`, or `look` failed: both with `what` was waited for.
pub async fn eventually<T>(what: &str, limit: Duration, mut look: impl AsyncFnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(found) = look().await.map_err(|error| error.context(format!("waiting for {what}")))? {
            return Ok(found);
        }
        if Instant::now() > deadline {
            anyhow::bail!("{what}: not within {limit:?}");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}
