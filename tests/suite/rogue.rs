//! A host with good credentials and a program of its own.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use bifrost_protocol::api::{Credentials, RegisterProof, RegisterRequest};
use bifrost_protocol::control::{
    ALPN, Assigned, Beat, Benchmark, CoordinatorMessage, CoordinatorSays, GameOpen, Hello, LineAnswer, LineOpen,
    MAX_MESSAGE, NodeMessage, NodeSays, PLAY_ALPN, PLAY_VERSION, PROTOCOL_VERSION, PlayDown, PlayDownSays, PlayHello,
    PlayUp, PlayUpSays, StreamKind, SyncOpen, delimited, next_message,
};
use bifrost_tests::harness::{PASSWORD, Realm};
use bytes::BytesMut;
use prost::Message;
use quinn::{Connection, Endpoint, RecvStream, SendStream};
use rcgen::{CertificateParams, KeyPair};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// How long the coordinator may take for any answer.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// A registered host.
pub(crate) struct Rogue {
    pub(crate) credentials: Credentials,
    pub(crate) key: KeyPair,
    endpoint: Endpoint,
}

/// Its control stream.
pub(crate) struct Control {
    pub(crate) send: SendStream,
    receive: RecvStream,
    buffer: BytesMut,
}

impl Rogue {
    /// Registers over HTTPS with a new account.
    pub(crate) async fn register(realm: &Realm, name: &str) -> Result<Self> {
        realm.add_account(name, PASSWORD).await?;
        let key = KeyPair::generate()?;
        let request = RegisterRequest {
            csr: CertificateParams::default().serialize_request(&key)?.pem()?,
            name: name.to_owned(),
            proof: RegisterProof::Account { username: name.to_owned(), password: PASSWORD.to_owned() },
            abi: "linux-x86_64".to_owned(),
        };
        let url = format!("{}/v1/hosts", realm.status.base());
        let answer = realm.status.http().post(url).json(&request).send().await?;
        ensure!(answer.status().is_success(), "registration: {}", answer.text().await?);
        let credentials = answer.json().await?;
        Ok(Self { credentials, key, endpoint: Endpoint::client(SocketAddr::from(([127, 0, 0, 1], 0)))? })
    }

    /// Opens a QUIC connection with this certificate; none at all with `None`.
    pub(crate) async fn connect_with(&self, certificate: Option<(&str, &KeyPair)>) -> Result<Connection> {
        self.connect_as(certificate, ALPN).await
    }

    /// The same, by a protocol of its choice.
    async fn connect_as(&self, certificate: Option<(&str, &KeyPair)>, alpn: &[u8]) -> Result<Connection> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.credentials.ca.as_bytes())?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&rustls::version::TLS13])?
            .with_root_certificates(roots);
        let mut tls = match certificate {
            None => builder.with_no_client_auth(),
            Some((pem, key)) => {
                let certificate = CertificateDer::from_pem_slice(pem.as_bytes())?;
                let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes())?;
                builder.with_client_auth_cert(vec![certificate], key)?
            }
        };
        tls.alpn_protocols = vec![alpn.to_vec()];
        let tls = quinn::crypto::rustls::QuicClientConfig::try_from(tls)?;
        let address: SocketAddr = self.credentials.link.parse()?;
        let config = quinn::ClientConfig::new(Arc::new(tls));
        let connecting = self.endpoint.connect_with(config, address, &self.credentials.server_name)?;
        Ok(tokio::time::timeout(SOON, connecting).await??)
    }

    /// Opens a QUIC connection with its own certificate.
    pub(crate) async fn connect(&self) -> Result<Connection> {
        self.connect_with(Some((&self.credentials.certificate, &self.key))).await
    }

    /// Connects and says hello; the coordinator welcomes it.
    pub(crate) async fn enter(&self) -> Result<(Connection, Control)> {
        let connection = self.connect().await?;
        let mut control = Control::open(&connection).await?;
        control.say(NodeSays::Hello(self.hello())).await?;
        match control.hear().await? {
            CoordinatorSays::Welcome(_) => {
                tokio::spawn(beat(connection.clone()));
                Ok((connection, control))
            }
            other => bail!("no welcome but {other:?}"),
        }
    }

    /// Connects as a gateway and says hello; the coordinator welcomes it.
    pub(crate) async fn enter_as_gateway(&self) -> Result<(Connection, SendStream, RecvStream)> {
        let connection = self.connect_as(Some((&self.credentials.certificate, &self.key)), PLAY_ALPN).await?;
        let (mut send, mut receive) = connection.open_bi().await?;
        let hello = PlayHello { protocol: PLAY_VERSION, token: self.credentials.token.clone(), version: "0".into() };
        let hello = PlayUp { says: Some(PlayUpSays::Hello(hello)) };
        send.write_all(&[&[StreamKind::Control as u8], &delimited(&hello)[..]].concat()).await?;
        let mut buffer = BytesMut::new();
        let chunk = tokio::time::timeout(SOON, receive.read_chunk(64 * 1024, true)).await??;
        buffer.extend_from_slice(&chunk.context("the control stream ended")?.bytes);
        match next_message::<PlayDown>(&mut buffer, MAX_MESSAGE)?.and_then(|down| down.says) {
            Some(PlayDownSays::Welcome(_)) => Ok((connection, send, receive)),
            other => bail!("no welcome but {other:?}"),
        }
    }

    /// Asks for a line, with `more` behind the header. The answer's problem; empty when there is a line.
    pub(crate) async fn ask_for_line(&self, connection: &Connection, open: &LineOpen, more: &[u8]) -> Result<String> {
        let (mut send, mut receive) = connection.open_bi().await?;
        send.write_all(&[&[StreamKind::Line as u8], &delimited(open)[..], more].concat()).await?;
        let mut buffer = BytesMut::new();
        loop {
            if let Some(answer) = next_message::<LineAnswer>(&mut buffer, MAX_MESSAGE)? {
                return Ok(answer.problem);
            }
            let chunk = tokio::time::timeout(SOON, receive.read_chunk(64 * 1024, true)).await??;
            buffer.extend_from_slice(&chunk.context("the stream ended")?.bytes);
        }
    }

    pub(crate) fn hello(&self) -> Hello {
        Hello {
            protocol: PROTOCOL_VERSION,
            token: self.credentials.token.clone(),
            version: "0.1.0".into(),
            engines: vec!["embedded".into()],
            uptime_seconds: 3_600,
            benchmark: Some(Benchmark {
                cores: 16,
                memory_mib: 64_000,
                cpu_score: 2_000,
                round_trip_us: 200,
                upload_kbps: 1_000_000,
                jitter_us: 10,
            }),
            ..Hello::default()
        }
    }

    /// Opens a sync stream.
    pub(crate) async fn open_sync(
        &self,
        connection: &Connection,
        group: &str,
        epoch: u64,
    ) -> Result<(SendStream, RecvStream)> {
        let (mut send, receive) = connection.open_bi().await?;
        let open = SyncOpen { token: self.credentials.token.clone(), group: group.into(), epoch };
        send.write_all(&[StreamKind::Sync as u8]).await?;
        send.write_all(&delimited(&open)).await?;
        Ok((send, receive))
    }
}

impl Control {
    pub(crate) async fn open(connection: &Connection) -> Result<Self> {
        let (mut send, receive) = connection.open_bi().await?;
        send.write_all(&[StreamKind::Control as u8]).await?;
        Ok(Self { send, receive, buffer: BytesMut::new() })
    }

    pub(crate) async fn say(&mut self, says: NodeSays) -> Result<()> {
        Ok(self.send.write_all(&delimited(&NodeMessage { says: Some(says) })).await?)
    }

    pub(crate) async fn hear(&mut self) -> Result<CoordinatorSays> {
        loop {
            if let Some(message) = next_message::<CoordinatorMessage>(&mut self.buffer, MAX_MESSAGE)? {
                return message.says.context("an empty message");
            }
            let chunk = tokio::time::timeout(SOON, self.receive.read_chunk(64 * 1024, true)).await??;
            self.buffer.extend_from_slice(&chunk.context("the control stream ended")?.bytes);
        }
    }

    /// Takes assignments, saying that their engines are ready, until the one of `group` has come. Returns its epoch.
    pub(crate) async fn until_assigned(&mut self, group: &str) -> Result<u64> {
        loop {
            if let CoordinatorSays::Assign(assign) = self.hear().await? {
                let (name, epoch) = (assign.group.clone(), assign.epoch);
                self.say(NodeSays::Assigned(Assigned {
                    group: assign.group,
                    epoch,
                    problem: String::new(),
                    standby: false,
                }))
                .await?;
                if name == group {
                    return Ok(epoch);
                }
            }
        }
    }
}

/// Sends signs of life until the connection ends.
async fn beat(connection: Connection) {
    for sequence in 1.. {
        let beat = Beat { sequence, memory_free_mib: 4_096, ..Beat::default() };
        if connection.send_datagram(beat.encode_to_vec().into()).is_err() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Takes the next game stream the coordinator opens.
pub(crate) async fn accept_game(connection: &Connection) -> Result<(GameOpen, SendStream, RecvStream)> {
    let (send, mut receive) = tokio::time::timeout(SOON, connection.accept_bi()).await.context("no game stream")??;
    let mut buffer = BytesMut::new();
    loop {
        let chunk = receive.read_chunk(64 * 1024, true).await?.context("the game stream ended")?;
        buffer.extend_from_slice(&chunk.bytes);
        ensure!(buffer.first() == Some(&(StreamKind::Game as u8)), "not a game stream");
        let mut rest = BytesMut::from(&buffer[1..]);
        if let Some(open) = next_message::<GameOpen>(&mut rest, MAX_MESSAGE)? {
            return Ok((open, send, receive));
        }
    }
}
