//! `caching_sha2_password` when the server has not seen the password before: in the open by its key, or through TLS as it is.
//! The servers are scripted after MySQL's "Caching SHA-2 pluggable authentication".

use std::sync::{Arc, Mutex};

use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rsa::{KeySize, OAEP_SHA1_MGF1SHA1, OaepPrivateDecryptingKey, PrivateDecryptingKey};
use bifrost_protocol::mysql::{
    CACHING_SHA2, Capabilities, Done, Framing, Greeting, Login, ServerError, Status, sha2_proof,
};
use bytes::BytesMut;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use super::fake::{Wire, server};
use super::own::certificates;
use crate::database::upstream::connection::Connection;
use crate::database::upstream::*;

const NONCE: &[u8; 20] = b"abcdefghijklmnopqrst";

/// A server's key, and its public half as the server shows it.
fn key() -> (PrivateDecryptingKey, String) {
    let private = PrivateDecryptingKey::generate(KeySize::Rsa2048).expect("a key");
    let public: PublicKeyX509Der<'_> = private.public_key().as_der().expect("its public half");
    let text = pem(public.as_ref());
    (private, text)
}

fn pem(der: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::from("-----BEGIN PUBLIC KEY-----\n");
    for (index, three) in der.chunks(3).enumerate() {
        let bits = (0..3).fold(0_usize, |bits, at| bits << 8 | usize::from(three.get(at).copied().unwrap_or(0)));
        for at in 0..4 {
            text.push(if at <= three.len() { char::from(LETTERS[bits >> (18 - 6 * at) & 63]) } else { '=' });
        }
        if index % 16 == 15 {
            text.push('\n');
        }
    }
    text + "\n-----END PUBLIC KEY-----\n"
}

fn opened(private: PrivateDecryptingKey, sealed: &[u8]) -> Vec<u8> {
    let key = OaepPrivateDecryptingKey::new(private).expect("a key");
    let mut room = vec![0; key.min_output_size()];
    let masked = key.decrypt(&OAEP_SHA1_MGF1SHA1, sealed, &mut room, None).expect("sealed for this key").to_vec();
    masked.iter().zip(NONCE.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect()
}

async fn answer_all(mut wire: Wire) {
    wire.ok().await;
    while wire.command().await.is_some() {
        wire.ok().await;
    }
}

#[tokio::test]
async fn in_the_open_the_password_is_sealed_with_the_servers_key() {
    let got = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&got);
    let (config, _tasks) = server(move |mut wire| {
        let told = Arc::clone(&told);
        async move {
            let login = wire.greet(CACHING_SHA2).await;
            assert_eq!(login.proof.expose(), &sha2_proof(b"secret", NONCE));
            wire.say(&[1, 4]).await;
            assert_eq!(wire.hear().await.as_deref(), Some(&[2][..]), "the key is asked for");
            let (private, public) = key();
            wire.say(&[&[1], public.as_bytes()].concat()).await;
            let sealed = wire.hear().await.expect("the password");
            *told.lock().expect("no panic") = opened(private, &sealed);
            answer_all(wire).await;
        }
    })
    .await;
    Connection::open(&config).await.expect("let in");
    assert_eq!(*got.lock().expect("no panic"), b"secret\0");
}

#[tokio::test]
async fn a_password_the_server_has_seen_is_not_sent_again() {
    let (config, _tasks) = server(|mut wire| async move {
        let login = wire.greet(CACHING_SHA2).await;
        assert_eq!(login.proof.expose(), &sha2_proof(b"secret", NONCE));
        wire.say(&[1, 3]).await;
        answer_all(wire).await;
    })
    .await;
    Connection::open(&config).await.expect("let in");
}

#[tokio::test]
async fn a_wrong_password_and_a_key_that_is_none_are_told() {
    let (config, _tasks) = server(|mut wire| async move {
        wire.greet(CACHING_SHA2).await;
        wire.say(&[1, 4]).await;
        wire.hear().await.expect("asks for the key");
        wire.say(&[&[1], key().1.as_bytes()].concat()).await;
        wire.hear().await.expect("the password");
        wire.say(&ServerError::new(1045, "Access denied for user 'relay'").encode()).await;
        wire.hear().await;
    })
    .await;
    let error = Connection::open(&config).await.expect_err("refused").to_string();
    assert!(error.contains("Access denied for user"), "{error}");
    for wrong in [&b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"[..], b"no key", b""] {
        let (config, _tasks) = server(move |mut wire| async move {
            wire.greet(CACHING_SHA2).await;
            wire.say(&[1, 4]).await;
            wire.hear().await.expect("asks for the key");
            wire.say(&[&[1], wrong].concat()).await;
            assert_eq!(wire.hear().await, None, "nothing is sent under it");
        })
        .await;
        let error = Connection::open(&config).await.expect_err("refused").to_string();
        assert!(error.contains("use `tls_ca`"), "{error}");
    }
}

#[tokio::test]
async fn a_key_that_nobody_asked_for_is_no_answer() {
    let (config, _tasks) = server(|mut wire| async move {
        wire.greet(CACHING_SHA2).await;
        wire.say(&[&[1], key().1.as_bytes()].concat()).await;
        assert_eq!(wire.hear().await, None);
    })
    .await;
    assert!(Connection::open(&config).await.is_err());
}

/// A server that asks for the whole password through TLS, and whether it was the right one.
async fn serve_tls(listener: TcpListener, acceptor: TlsAcceptor, password: &'static [u8]) {
    let (mut stream, _) = listener.accept().await.expect("a client");
    let (mut framing, mut input, mut out) = (Framing::new(1 << 16), BytesMut::new(), BytesMut::new());
    let capabilities = Capabilities::SPOKEN | Capabilities::TLS;
    let greeting = Greeting {
        version: "8.0.0-fake".into(),
        connection: 1,
        capabilities,
        collation: 45,
        status: Status::AUTOCOMMIT,
        nonce: *NONCE,
        plugin: CACHING_SHA2.into(),
    };
    framing.put(&mut out, &greeting.encode());
    stream.write_all(&out.split()).await.expect("written");
    // The request for TLS is 32 bytes with their header of 4; nothing may be read behind it.
    let mut request = [0; 36];
    stream.read_exact(&mut request).await.expect("a request for TLS");
    input.extend_from_slice(&request);
    framing.take(&mut input).expect("in order").expect("whole");
    let mut stream = acceptor.accept(stream).await.expect("TLS");
    let mut said = Vec::new();
    for answer in [Some(vec![1, 4]), None] {
        let message = loop {
            if let Some(message) = framing.take(&mut input).expect("in order") {
                break message;
            }
            assert!(stream.read_buf(&mut input).await.expect("readable") > 0);
        };
        said.push(message);
        if let Some(answer) = answer {
            framing.put(&mut out, &answer);
            stream.write_all(&out.split()).await.expect("written");
        }
    }
    let login = Login::decode(&said[0], capabilities).expect("a login");
    assert_eq!(login.proof.expose().len(), 32);
    let right = said[1] == [password, &[0]].concat();
    let answer = if right { Done::default().encode() } else { ServerError::new(1045, "Access denied").encode() };
    framing.put(&mut out, &answer);
    stream.write_all(&out.split()).await.expect("written");
    if !right {
        return;
    }
    loop {
        framing.restart();
        match framing.take(&mut input).expect("in order") {
            Some(_) => {
                framing.put(&mut out, &Done::default().encode());
                stream.write_all(&out.split()).await.expect("written");
            }
            None if stream.read_buf(&mut input).await.unwrap_or(0) == 0 => return,
            None => {}
        }
    }
}

#[tokio::test]
async fn through_tls_the_password_is_said_as_it_is() {
    let folder = TempDir::new().expect("a folder");
    certificates(folder.path());
    let chain = vec![CertificateDer::from_pem_file(folder.path().join("server.pem")).expect("a certificate")];
    let key = PrivateKeyDer::from_pem_file(folder.path().join("server.key")).expect("a key");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("fits");
    let acceptor = TlsAcceptor::from(Arc::new(tls));
    for (password, let_in) in [(&b"secret"[..], true), (b"another", false)] {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let config = UpstreamConfig {
            address: listener.local_addr().expect("an address").to_string(),
            user: "relay".into(),
            password: Secret::new("secret".into()),
            database: "ragnarok".into(),
            connections: 1,
            tls: Tls::Verified(folder.path().join("ca.pem")),
            statement_timeout: Duration::from_secs(1),
        };
        let mut tasks = JoinSet::new();
        tasks.spawn(serve_tls(listener, acceptor.clone(), password));
        match Connection::open(&config).await {
            Ok(_) => assert!(let_in, "with a wrong password"),
            Err(error) => assert!(!let_in && error.to_string().contains("Access denied"), "{error}"),
        }
        while let Some(served) = tasks.join_next().await {
            served.expect("no panic");
        }
    }
}
