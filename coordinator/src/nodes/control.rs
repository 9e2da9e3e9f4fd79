//! The control stream: Hello, then messages both ways, Farewell last.

use std::time::{Duration, SystemTime};

use bifrost_protocol::control::{
    CoordinatorMessage, CoordinatorSays, Farewell, Hello, MAX_HEADER, MAX_MESSAGE_UP, NodeMessage, NodeSays,
    StreamKind, delimited,
};
use quinn::{Connection, SendStream, VarInt};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use super::link::{End, Link};
use super::messages::Messages;
use super::refusal::Refusal;
use crate::fleet::NodeEvent;
use crate::identity::{HostClaims, Scope};

/// How long a node may take to read its Farewell before the connection is closed over it.
const FAREWELL_GRACE: Duration = Duration::from_millis(500);
/// Control messages a node may send at once: an answer to each assignment of a large host.
const BURST: u32 = 1_000;
/// Control messages a node may send a second after that.
const RATE: u32 = 100;
/// The connection was closed by the application: see the reason.
const CLOSED: VarInt = VarInt::from_u32(1);

/// Reads the first stream up to its Hello.
pub(super) async fn read_hello(connection: &Connection) -> Result<(SendStream, Messages, Hello), Refusal> {
    let (send, recv) = connection.accept_bi().await.map_err(|_| Refusal::Silent)?;
    let mut messages = Messages::new(recv);
    if messages.kind().await != Some(StreamKind::Control) {
        return Err(Refusal::NotHello);
    }
    match messages.next::<NodeMessage>(MAX_HEADER).await? {
        Some(NodeMessage { says: Some(NodeSays::Hello(hello)) }) => Ok((send, messages, hello)),
        Some(_) => Err(Refusal::NotHello),
        None => Err(Refusal::Silent),
    }
}

/// Passes on what the node says until it stops, breaks the rules or its token ends.
pub(super) async fn listen(link: &Link, mut messages: Messages) -> End {
    let mut until = deadline(&link.admitted.claims);
    let mut allowance = Allowance::new(BURST, RATE, Instant::now());
    let mut heard = true;
    while heard {
        let message = match timeout_at(until, messages.next::<NodeMessage>(MAX_MESSAGE_UP)).await {
            Ok(Ok(Some(message))) => message,
            Ok(Ok(None)) => return End::Left,
            Ok(Err(refusal)) => return End::Refused(refusal),
            Err(_) => return End::Refused(Refusal::TokenExpired),
        };
        if !allowance.take(Instant::now()) {
            return End::Refused(Refusal::Chatty);
        }
        match message.says {
            // A kind that a newer node knows.
            None => {}
            Some(NodeSays::Hello(_)) => return End::Refused(Refusal::SecondHello),
            Some(NodeSays::Renewed(renewed)) => match renewed_claims(link, &renewed.token).await {
                Ok(claims) => until = deadline(&claims),
                Err(refusal) => return End::Refused(refusal),
            },
            Some(
                says @ (NodeSays::Assigned(_)
                | NodeSays::Revoked(_)
                | NodeSays::Drain(_)
                | NodeSays::Goodbye(_)
                | NodeSays::Benchmark(_)),
            ) => heard = link.outlet.tell(NodeEvent::Says(says)).await,
        }
    }
    End::Left
}

/// What a renewed token allows. While the store cannot be asked the token alone decides: whoever renewed it has asked.
async fn renewed_claims(link: &Link, token: &str) -> Result<HostClaims, Refusal> {
    match link.gate.authorise(&link.certified, token).await {
        Ok(admitted) => Ok(admitted.claims),
        Err(Refusal::Unavailable) => link.gate.verify(&link.certified, token, Scope::Control),
        Err(refusal) => Err(refusal),
    }
}

/// When a token ends.
fn deadline(claims: &HostClaims) -> Instant {
    Instant::now() + claims.expires_at.duration_since(SystemTime::now()).unwrap_or(Duration::ZERO)
}

/// Writes what the fleet says. A [`Farewell`] is the last of it and ends the connection.
pub(super) async fn speak(connection: Connection, mut send: SendStream, mut queue: mpsc::Receiver<CoordinatorSays>) {
    while let Some(says) = queue.recv().await {
        if let CoordinatorSays::Farewell(farewell) = says {
            return part(&connection, Some(send), farewell).await;
        }
        if send.write_all(&delimited(&CoordinatorMessage { says: Some(says) })).await.is_err() {
            Refusal::Deaf.count();
            return close(&connection, Refusal::Deaf.code(), &Refusal::Deaf.to_string());
        }
    }
}

/// Says farewell, if there is a control stream to say it on, gives the node a moment to read it, and closes.
pub(super) async fn part(connection: &Connection, send: Option<SendStream>, farewell: Farewell) {
    let (code, reason) = (farewell.code.clone(), farewell.reason.clone());
    if let Some(mut send) = send {
        let message = CoordinatorMessage { says: Some(CoordinatorSays::Farewell(farewell)) };
        let say = async {
            send.write_all(&delimited(&message)).await.ok()?;
            send.finish().ok()?;
            send.stopped().await.ok()
        };
        let _unread = timeout(FAREWELL_GRACE, say).await;
    }
    close(connection, &code, &reason);
}

/// Cuts the connection.
pub(super) fn close(connection: &Connection, code: &str, reason: &str) {
    connection.close(CLOSED, format!("{code}: {reason}").as_bytes());
}

/// A token bucket for messages.
#[derive(Debug)]
pub(super) struct Allowance {
    burst: u32,
    rate: u32,
    left: u32,
    since: Instant,
}

impl Allowance {
    /// So many messages at once, and so many each second from then on.
    pub(super) fn new(burst: u32, rate: u32, now: Instant) -> Self {
        Self { burst, rate, left: burst, since: now }
    }

    /// Whether one more message may come.
    pub(super) fn take(&mut self, now: Instant) -> bool {
        let earned = (now - self.since).as_millis() * u128::from(self.rate) / 1_000;
        if earned > 0 {
            self.left = self.left.saturating_add(u32::try_from(earned).unwrap_or(self.burst)).min(self.burst);
            self.since = now;
        }
        self.left.checked_sub(1).map(|left| self.left = left).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_is_allowed_and_then_a_rate() {
        let now = Instant::now();
        let mut allowance = Allowance::new(BURST, RATE, now);
        assert!((0..BURST).all(|_| allowance.take(now)));
        assert!(!allowance.take(now));
        let later = now + Duration::from_millis(20);
        assert!((0..2).all(|_| allowance.take(later)));
        assert!(!allowance.take(later));
    }
}
