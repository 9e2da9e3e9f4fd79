//! Why nodes, streams and messages are refused: the labels of the counter, and what the node is told.

use std::fmt;

use crate::identity::TokenError;
use crate::reasons::reasons;

reasons! {
    /// Why something of a node is refused.
    Refusal counted as "bifrost_node_refused_total" {
        /// As many nodes are connected, or connecting, as the coordinator takes.
        Full = "full",
        /// The handshake failed: no certificate of ours, another protocol, or too slow.
        Handshake = "handshake",
        /// The certificate names no host.
        Certificate = "certificate",
        /// No Hello in time.
        Silent = "silent",
        /// The first stream is not a control stream that starts with Hello.
        NotHello = "not_hello",
        /// Another protocol version.
        Version = "version",
        /// The token is not ours.
        TokenInvalid = "token_invalid",
        /// The token is over, or not yet valid.
        TokenExpired = "token_expired",
        /// The token is not for this use.
        TokenScope = "token_scope",
        /// The token is another host's than the certificate's.
        TokenHost = "token_host",
        /// The host's tokens were voided after this one was issued.
        TokenEpoch = "token_epoch",
        /// There is no such host.
        UnknownHost = "unknown_host",
        /// The certificate is for another key than the one that was registered.
        Key = "key",
        /// The host was thrown out.
        Revoked = "revoked",
        /// The store cannot be asked now.
        Unavailable = "unavailable",
        /// Hello came again.
        SecondHello = "second_hello",
        /// Bytes that are no message of this stream, or too many for one.
        Garbage = "garbage",
        /// A message that is cut off by the end of its stream.
        Truncated = "truncated",
        /// More control messages than any node has to say.
        Chatty = "chatty",
        /// The node does not take its control messages.
        Deaf = "deaf",
        /// A stream of a kind that nodes do not open, or an unknown one.
        StreamKind = "stream_kind",
        /// A stream whose header does not come.
        SlowHeader = "slow_header",
        /// More probes at once than allowed, or one that is too long.
        Probe = "probe",
        /// A datagram that is not a beat.
        Datagram = "datagram",
    }
}

impl Refusal {
    /// The stable code of the [`Farewell`](bifrost_protocol::control::Farewell) that tells it.
    pub(super) fn code(self) -> &'static str {
        if self == Self::Revoked {
            "revoked"
        } else if matches!(self, Self::Full | Self::Unavailable) {
            "busy"
        } else {
            "refused"
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Full => "the coordinator takes no more nodes now",
            Self::Handshake => "the handshake failed",
            Self::Certificate => "the certificate names no host",
            Self::Silent => "no hello came in time",
            Self::NotHello => "the first message has to be a hello on a control stream",
            Self::Version => "this protocol version is not spoken here",
            Self::TokenInvalid => "the token is not valid",
            Self::TokenExpired => "the token has expired",
            Self::TokenScope => "the token is not for this use",
            Self::TokenHost => "token and certificate are of different hosts",
            Self::TokenEpoch => "the token was voided",
            Self::UnknownHost => "this host is not registered",
            Self::Key => "this host is registered with another key",
            Self::Revoked => "this host was revoked",
            Self::Unavailable => "hosts cannot be looked up now",
            Self::SecondHello => "hello may be said once",
            Self::Garbage => "a message could not be understood",
            Self::Truncated => "a message was cut off",
            Self::Chatty => "too many control messages",
            Self::Deaf => "control messages are not taken",
            Self::StreamKind => "a stream of this kind may not be opened",
            Self::SlowHeader => "a stream's header did not come in time",
            Self::Probe => "too many or too long probes",
            Self::Datagram => "a datagram was not a beat",
        })
    }
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        match error {
            TokenError::Invalid => Self::TokenInvalid,
            TokenError::Expired | TokenError::NotYetValid => Self::TokenExpired,
            TokenError::Scope => Self::TokenScope,
        }
    }
}
