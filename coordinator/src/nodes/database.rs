//! Database streams: the SQL of stock map-servers.

use bifrost_protocol::control::{DatabaseOpen, MAX_HEADER, StreamCode};
use bifrost_protocol::ids::{Epoch, GroupName};
use quinn::{SendStream, VarInt};
use tokio::time::timeout;

use super::link::{End, HEADER_TIMEOUT, Link};
use super::messages::Messages;
use super::refusal::Refusal;
use crate::database::relay::{Relay, RelayError, Whose};
use crate::identity::Scope;

/// Serves one database stream.
pub(super) async fn serve(link: &Link, relay: &Relay, mut send: SendStream, mut messages: Messages) -> Result<(), End> {
    let open = match timeout(HEADER_TIMEOUT, messages.next::<DatabaseOpen>(MAX_HEADER)).await {
        Ok(Ok(Some(open))) => open,
        Ok(Ok(None)) => return Ok(()),
        Ok(Err(refusal)) => return Err(End::Refused(refusal)),
        Err(_) => return link.refuse(send, messages, Refusal::SlowHeader),
    };
    if let Err(refusal) = link.authorise_stream(&open.token, Scope::Database) {
        return link.refuse(send, messages, refusal);
    }
    let whose = Whose {
        host: link.certified.host.clone(),
        link: link.outlet.link,
        group: GroupName(open.group),
        epoch: Epoch(open.epoch),
    };
    let (mut recv, begun) = messages.into_parts();
    if let Err(error) = relay.serve(whose, begun, &mut recv, &mut send).await {
        let code = match error {
            RelayError::NotAssigned | RelayError::TooMany => StreamCode::Refused,
            RelayError::Garbage(_) | RelayError::Refused => StreamCode::Misbehaved,
            RelayError::Stream(_) => StreamCode::Dropped,
        };
        tracing::info!(%error, "database stream ended");
        let code = VarInt::from_u32(code.into());
        // Both fail only when the stream is over already.
        let _over = (send.reset(code), recv.stop(code));
        return Ok(());
    }
    // Fails only when the stream is over already.
    let _finished = send.finish();
    Ok(())
}
