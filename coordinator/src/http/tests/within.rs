//! The link within TLS: what it carries, and what it does with bad input.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bifrost_protocol::api::{LINK_ALPN, MAX_LINK_DATAGRAM};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpStream, UdpSocket};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::app::App;
use crate::identity::LINK_SERVER_NAME;

/// How long anything may take.
const LIMIT: Duration = Duration::from_secs(10);

/// Sends every datagram back.
async fn echo() -> (SocketAddr, AbortOnDropHandle<()>) {
    let socket = UdpSocket::bind("127.0.0.1:0").await.expect("port");
    let address = socket.local_addr().expect("address");
    let task = AbortOnDropHandle::new(tokio::spawn(async move {
        let mut space = [0; 4_096];
        while let Ok((length, from)) = socket.recv_from(&mut space).await {
            socket.send_to(&space[..length], from).await.expect("sent");
        }
    }));
    (address, task)
}

async fn link(app: &App, server: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(app.identity.ca_pem().as_bytes()).expect("ca")).expect("a root");
    let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![LINK_ALPN.to_vec()];
    let name = ServerName::try_from(LINK_SERVER_NAME).expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, TcpStream::connect(server).await?).await
}

async fn say(link: &mut TlsStream<TcpStream>, datagram: &[u8]) {
    let length = u16::try_from(datagram.len()).expect("short").to_be_bytes();
    link.write_all(&[&length, datagram].concat()).await.expect("written");
    link.flush().await.expect("flushed");
}

async fn hear(link: &mut TlsStream<TcpStream>) -> io::Result<Vec<u8>> {
    let heard = async {
        let mut datagram = vec![0; link.read_u16().await?.into()];
        link.read_exact(&mut datagram).await?;
        Ok(datagram)
    };
    tokio::time::timeout(LIMIT, heard).await.expect("in time")
}

#[tokio::test]
async fn datagrams_go_both_ways_as_they_are_until_the_api_stops() {
    let (app, (endpoint, _echo), stop) = (App::new().await, echo().await, CancellationToken::new());
    let server = app.serve_before(endpoint, &[], &stop);
    let mut link = link(&app, server.local_addr()).await.expect("linked");
    for datagram in [&b"hello"[..], b"", &[7; MAX_LINK_DATAGRAM]] {
        say(&mut link, datagram).await;
        assert_eq!(hear(&mut link).await.expect("heard"), datagram);
    }
    tokio::time::timeout(LIMIT, server.shutdown()).await.expect("in time");
    assert!(hear(&mut link).await.is_err(), "it ends with the API");
}

#[tokio::test]
async fn one_that_is_too_long_ends_the_link_and_nothing_else() {
    let (app, (endpoint, _echo), stop) = (App::new().await, echo().await, CancellationToken::new());
    let server = app.serve_before(endpoint, &[], &stop);
    let mut good = link(&app, server.local_addr()).await.expect("linked");
    let mut bad = link(&app, server.local_addr()).await.expect("linked");
    say(&mut bad, &[0; MAX_LINK_DATAGRAM + 1]).await;
    assert!(hear(&mut bad).await.is_err());
    say(&mut good, b"still here").await;
    assert_eq!(hear(&mut good).await.expect("heard"), b"still here");
}

#[tokio::test]
async fn one_address_has_so_many_and_a_place_that_is_left_is_free() {
    let (app, (endpoint, _echo), stop) = (App::new().await, echo().await, CancellationToken::new());
    let server = app.serve_before(endpoint, &[], &stop);
    let mut links = Vec::new();
    let refused = loop {
        let mut link = link(&app, server.local_addr()).await.expect("TLS comes first");
        say(&mut link, b"hello").await;
        match hear(&mut link).await {
            Ok(_) => links.push(link),
            Err(_) => break links.len(),
        }
        assert!(links.len() < 1_000, "there is a limit");
    };
    assert_eq!(refused, crate::http::within::MAX_PER_ADDRESS);
    drop(links.pop());
    let again = async {
        loop {
            let mut link = link(&app, server.local_addr()).await.expect("TLS");
            let length = 5_u16.to_be_bytes();
            // Until the other one's end is noticed, this one is closed.
            let said = link.write_all(&[&length[..], b"hello"].concat()).await.is_ok() && link.flush().await.is_ok();
            if said && hear(&mut link).await.is_ok() {
                return;
            }
        }
    };
    tokio::time::timeout(LIMIT, again).await.expect("the place is given again");
}
