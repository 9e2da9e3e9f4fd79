//! QUIC limits: what one host may make the coordinator hold.

use std::sync::Arc;
use std::time::Duration;

use bifrost_protocol::Secret;
use bifrost_protocol::control::{ACK_EVERY, MAX_NODE_STREAMS};
use quinn::{AckFrequencyConfig, EndpointConfig, IdleTimeout, ServerConfig, TransportConfig, VarInt};
use quinn_proto::HashedConnectionIdGenerator;
use ring::hmac;
use rustls::ServerConfig as TlsConfig;
use sha2::{Digest, Sha256};

/// Without a packet for so long a connection is over. Failure is noticed by missing beats, far sooner.
const IDLE_TIMEOUT_MS: u32 = 10_000;
/// Keeps the ways through NATs open while a node has nothing to say.
const KEEP_ALIVE: Duration = Duration::from_secs(3);
/// Bytes of one stream that wait to be read: 40 Mbit/s at a round trip of 100 ms.
const STREAM_WINDOW: u32 = 512 * 1024;
/// Bytes of all streams of a host that wait to be read. Clients that read slowly share it until they are closed.
const CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;
/// Bytes to one host that are not acknowledged yet.
const SEND_WINDOW: u64 = 8 * 1024 * 1024;
/// Bytes of datagrams that wait, either way. Beats are small; a new one is worth more than an old one.
const DATAGRAM_BUFFER: usize = 16 * 1024;
/// Connection attempts that wait to be looked at.
const MAX_INCOMING: usize = 1_024;
/// Bytes that wait behind them.
const INCOMING_BUFFER: u64 = 4 * 1024 * 1024;

/// The endpoint under a key that survives restarts: connection ids of a former life are recognised and answered with a reset
/// that their owners believe.
#[must_use]
pub(super) fn endpoint_config(reset_key: Secret<[u8; 32]>) -> EndpointConfig {
    let key = reset_key.expose();
    // Connection ids are public and their hash is weak: they get a key of their own, that says nothing of the other.
    let ids_key: [u8; 32] = Sha256::digest(key).into();
    let ids = u64::from_le_bytes(ids_key.first_chunk().copied().unwrap_or_default());
    let mut config = EndpointConfig::new(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, key)));
    config.cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(ids)));
    config
}

/// The endpoint's configuration around its TLS.
///
/// # Errors
/// The TLS configuration is not one for QUIC.
pub(super) fn server_config(tls: Arc<TlsConfig>) -> Result<ServerConfig, quinn::crypto::rustls::NoInitialCipherSuite> {
    let mut acks = AckFrequencyConfig::default();
    acks.ack_eliciting_threshold(VarInt::from_u32(ACK_EVERY));
    let mut transport = TransportConfig::default();
    transport
        .ack_frequency_config(Some(acks))
        .max_idle_timeout(Some(IdleTimeout::from(VarInt::from_u32(IDLE_TIMEOUT_MS))))
        .keep_alive_interval(Some(KEEP_ALIVE))
        .max_concurrent_bidi_streams(VarInt::from_u32(MAX_NODE_STREAMS))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .stream_receive_window(VarInt::from_u32(STREAM_WINDOW))
        .receive_window(VarInt::from_u32(CONNECTION_WINDOW))
        .send_window(SEND_WINDOW)
        .datagram_receive_buffer_size(Some(DATAGRAM_BUFFER))
        .datagram_send_buffer_size(DATAGRAM_BUFFER);
    let crypto = quinn::crypto::rustls::QuicServerConfig::try_from(tls)?;
    let mut config = ServerConfig::with_crypto(Arc::new(crypto));
    config.transport_config(Arc::new(transport)).max_incoming(MAX_INCOMING).incoming_buffer_size_total(INCOMING_BUFFER);
    Ok(config)
}
