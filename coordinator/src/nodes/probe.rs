//! Probe streams: a node measures its round trip and its upload.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bifrost_protocol::control::{MAX_HEADER, MAX_PROBE, ProbeOpen, ProbeReport, delimited};
use quinn::SendStream;
use tokio::time::timeout;

use super::link::{End, HEADER_TIMEOUT, Link};
use super::messages::Messages;
use super::refusal::Refusal;
use crate::fleet::NodeEvent;

/// How long one probe may take: [`MAX_PROBE`] at 5 Mbit/s, half of what a host needs.
const PROBE_TIMEOUT: Duration = Duration::from_secs(28);

/// A shorter burst says more about buffers than about the line.
const LEAST_MEASURED: u64 = 256 * 1024;

/// Serves one probe stream.
pub(super) async fn serve(link: &Link, mut send: SendStream, mut messages: Messages) -> Result<(), End> {
    let Ok(_permit) = Arc::clone(&link.probes).try_acquire_owned() else {
        return link.refuse(send, messages, Refusal::Probe);
    };
    let open = match timeout(HEADER_TIMEOUT, messages.next::<ProbeOpen>(MAX_HEADER)).await {
        Ok(Ok(Some(open))) if open.bytes <= MAX_PROBE => open,
        Ok(Ok(Some(_))) => return link.refuse(send, messages, Refusal::Probe),
        Ok(Ok(None)) => return Ok(()),
        Ok(Err(refusal)) => return link.refuse(send, messages, refusal),
        Err(_) => return link.refuse(send, messages, Refusal::SlowHeader),
    };
    let Ok(Some(report)) = timeout(PROBE_TIMEOUT, sink(&mut messages, open.bytes)).await else {
        return link.refuse(send, messages, Refusal::Probe);
    };
    if report.bytes >= LEAST_MEASURED {
        // Bits in microseconds are megabits a second.
        let kbps = report.bytes.saturating_mul(8_000) / report.micros.max(1);
        link.outlet.tell(NodeEvent::Uploaded { kbps }).await;
    }
    // Fails only when the node has lost interest.
    if send.write_all(&delimited(&report)).await.is_ok() {
        let _over = send.finish();
    }
    Ok(())
}

/// Takes `wanted` bytes in. `None` when the stream has more or less.
async fn sink(messages: &mut Messages, wanted: u64) -> Option<ProbeReport> {
    let (mut bytes, mut first) = (0, None);
    while bytes < wanted {
        bytes += u64::try_from(messages.next_bytes().await?).ok()?;
        first.get_or_insert_with(Instant::now);
    }
    let micros = first.map_or(0, |first| u64::try_from(first.elapsed().as_micros()).unwrap_or(u64::MAX));
    (bytes == wanted).then_some(ProbeReport { bytes, micros })
}
