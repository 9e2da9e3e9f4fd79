//! Round trip and upload, over probe streams of the living connection.

use std::time::{Duration, Instant};

use bifrost_protocol::control::{MAX_HEADER, MAX_PROBE, ProbeOpen, ProbeReport, StreamKind, delimited};
use thiserror::Error;

use crate::tunnel::messages::{MessageError, MessageReader};

/// How many round trips are measured: enough for a 90th percentile.
const ROUND_TRIPS: usize = 20;
/// The longest a probe may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(8);
/// Bytes of the bursts, until one takes longer than [`LONG_ENOUGH`].
const BURSTS: [u64; 3] = [256 * 1024, 2 * 1024 * 1024, 8 * 1024 * 1024];
/// A burst of this length says what the line carries, not how it starts.
const LONG_ENOUGH: Duration = Duration::from_millis(500);
/// Probes go behind everything else on the connection.
const PRIORITY: i32 = -10;

const _: () = assert!(BURSTS[BURSTS.len() - 1] <= MAX_PROBE);

/// Why nothing was measured.
#[derive(Debug, Error)]
pub(crate) enum ProbeError {
    /// The connection or stream ended.
    #[error("the probe was cut off: {0}")]
    CutOff(String),
    /// No answer within [`PROBE_TIMEOUT`].
    #[error("no answer to a probe within {} seconds", PROBE_TIMEOUT.as_secs())]
    Timeout,
}

/// The way there and back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct RoundTrip {
    pub(super) median_us: u32,
    pub(super) jitter_us: u32,
}

/// Measures [`ROUND_TRIPS`] one after the other.
pub(super) async fn round_trip(connection: &quinn::Connection) -> Result<RoundTrip, ProbeError> {
    let mut samples = Vec::with_capacity(ROUND_TRIPS);
    for _ in 0..ROUND_TRIPS {
        let started = Instant::now();
        probe(connection, 0).await?;
        samples.push(u32::try_from(started.elapsed().as_micros()).unwrap_or(u32::MAX));
    }
    Ok(summarize(samples))
}

/// Upload in kbit/s as the coordinator saw it. 0 when not even the smallest burst arrived in time.
pub(super) async fn upload(connection: &quinn::Connection) -> Result<u64, ProbeError> {
    let mut kbps = 0;
    for bytes in BURSTS {
        let report = match probe(connection, bytes).await {
            Ok(report) => report,
            Err(ProbeError::Timeout) => break,
            Err(error @ ProbeError::CutOff(_)) => return Err(error),
        };
        let micros = report.micros.max(1);
        kbps = report.bytes.min(bytes).saturating_mul(8_000) / micros;
        if Duration::from_micros(micros) >= LONG_ENOUGH {
            break;
        }
    }
    Ok(kbps)
}

async fn probe(connection: &quinn::Connection, bytes: u64) -> Result<ProbeReport, ProbeError> {
    tokio::time::timeout(PROBE_TIMEOUT, send_probe(connection, bytes)).await.unwrap_or(Err(ProbeError::Timeout))
}

async fn send_probe(connection: &quinn::Connection, bytes: u64) -> Result<ProbeReport, ProbeError> {
    const CHUNK: [u8; 16 * 1024] = [0x5a; 16 * 1024];
    let (mut send, recv) = connection.open_bi().await.map_err(cut_off)?;
    send.set_priority(PRIORITY).map_err(cut_off)?;
    send.write_all(&[StreamKind::Probe as u8]).await.map_err(cut_off)?;
    send.write_all(&delimited(&ProbeOpen { bytes })).await.map_err(cut_off)?;
    let mut left = bytes;
    while left > 0 {
        let len = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK.len());
        send.write_all(CHUNK.get(..len).unwrap_or(&CHUNK)).await.map_err(cut_off)?;
        left = left.saturating_sub(len as u64);
    }
    send.finish().map_err(cut_off)?;
    let mut reader = MessageReader::<_, ProbeReport>::new(recv, MAX_HEADER);
    match reader.next().await {
        Ok(Some(report)) => Ok(report),
        Ok(None) => Err(cut_off("ended without a report")),
        Err(error @ (MessageError::Garbage(_) | MessageError::Stream(_) | MessageError::Late)) => Err(cut_off(error)),
    }
}

fn cut_off(error: impl ToString) -> ProbeError {
    ProbeError::CutOff(error.to_string())
}

fn summarize(mut samples: Vec<u32>) -> RoundTrip {
    samples.sort_unstable();
    let at = |permille: usize| samples.get((samples.len() * permille / 1_000).min(samples.len().saturating_sub(1)));
    let (median, high) = (at(500).copied().unwrap_or(0), at(900).copied().unwrap_or(0));
    RoundTrip { median_us: median, jitter_us: high.saturating_sub(median) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jitter_is_what_lies_between_the_median_and_the_90th_percentile() {
        assert_eq!(summarize((1..=20).rev().collect()), RoundTrip { median_us: 11, jitter_us: 8 });
        assert_eq!(summarize(vec![7]), RoundTrip { median_us: 7, jitter_us: 0 });
        assert_eq!(summarize(Vec::new()), RoundTrip { median_us: 0, jitter_us: 0 });
    }
}
