//! Who is let in as a host, and who is thrown out.

use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, Result, bail, ensure};
use bifrost_protocol::control::{Hello, NodeSays};
use bifrost_tests::harness::{Realm, Settings};
use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, SanType};

use crate::rogue::{Control, Rogue, SOON};
use crate::scenario::bare;

/// A day and more ago, long over.
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Signs a host's certificate anew with the coordinator's own CA key, with a lifetime of our choosing.
fn signed_anew(realm: &Realm, rogue: &Rogue, host: &str, ended: SystemTime) -> Result<String> {
    let read = |name: &str| std::fs::read_to_string(realm.data_dir().join(name)).with_context(|| name.to_owned());
    let issuer = Issuer::from_ca_cert_pem(&read("ca.pem")?, KeyPair::from_pem(&read("ca.key")?)?)?;
    let mut params = CertificateParams::default();
    params.not_before = (ended - DAY).into();
    params.not_after = ended.into();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params.subject_alt_names = vec![SanType::URI(format!("bifrost:host:{host}").try_into()?)];
    Ok(params.signed_by(&rogue.key, &issuer)?.pem())
}

/// Expects that the coordinator closes the connection, at the latest when something is said on it.
async fn is_refused(rogue: &Rogue, certificate: Option<(&str, &KeyPair)>) -> Result<()> {
    let Ok(connection) = rogue.connect_with(certificate).await else { return Ok(()) };
    // In TLS 1.3 the client is done before the server has looked at its certificate.
    let closed = tokio::time::timeout(SOON, async {
        if let Ok(mut control) = Control::open(&connection).await {
            let _ = control.say(NodeSays::Hello(rogue.hello())).await;
        }
        connection.closed().await
    });
    closed.await.context("the connection is still open").map(drop)
}

/// Expects that hello is answered by a closed connection.
async fn hello_is_refused(rogue: &Rogue, hello: Hello) -> Result<()> {
    let connection = rogue.connect().await?;
    let mut control = Control::open(&connection).await?;
    control.say(NodeSays::Hello(hello)).await?;
    let closed = tokio::time::timeout(SOON, connection.closed()).await;
    closed.context("the connection is still open").map(drop)
}

#[tokio::test]
async fn only_a_living_certificate_of_our_own_ca_is_taken() {
    bare(Settings::default(), async |realm| {
        let rogue = Rogue::register(realm, "mallory").await?;
        is_refused(&rogue, None).await.context("without a certificate")?;

        let other_ca = CertificateParams::default().self_signed(&rogue.key)?.pem();
        is_refused(&rogue, Some((&other_ca, &rogue.key))).await.context("signed by itself")?;

        let host = rogue.credentials.host_id.clone();
        let expired = signed_anew(realm, &rogue, &host, SystemTime::now() - Duration::from_secs(60))?;
        is_refused(&rogue, Some((&expired, &rogue.key))).await.context("expired a minute ago")?;

        let unknown = signed_anew(realm, &rogue, "h-0123456789abcdef", SystemTime::now() + DAY)?;
        is_refused(&rogue, Some((&unknown, &rogue.key))).await.context("of an unknown host")?;

        rogue.enter().await.context("with the right one")?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn only_the_hosts_own_token_and_version_are_taken() {
    bare(Settings::default(), async |realm| {
        let rogue = Rogue::register(realm, "mallory").await?;
        let other = Rogue::register(realm, "trudy").await?;
        let broken = format!("{}x", rogue.credentials.token);
        for (what, token) in [("none", ""), ("garbage", "v4.public.x"), ("broken", &broken)] {
            hello_is_refused(&rogue, Hello { token: token.to_owned(), ..rogue.hello() }).await.context(what)?;
        }
        let stolen = Hello { token: other.credentials.token.clone(), ..rogue.hello() };
        hello_is_refused(&rogue, stolen).await.context("another host's token")?;
        hello_is_refused(&rogue, Hello { protocol: 999, ..rogue.hello() }).await.context("another protocol")?;
        rogue.enter().await.context("the right ones")?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_revoked_host_is_cut_within_a_second_and_stays_out() {
    bare(Settings::default(), async |realm| {
        let rogue = Rogue::register(realm, "mallory").await?;
        let (connection, _control) = rogue.enter().await?;
        let told = Instant::now();
        realm.revoke(&rogue.credentials.host_id).await?;
        tokio::time::timeout(SOON, connection.closed()).await.context("the connection is still open")?;
        ensure!(told.elapsed() < Duration::from_secs(1), "it took {:?}", told.elapsed());
        if rogue.enter().await.is_ok() {
            bail!("it came back");
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn registration_needs_a_right_password_and_an_invitation_works_once() {
    bare(Settings::default(), async |realm| {
        let mut honest = Rogue::register(realm, "mallory").await?;
        let url = format!("{}/v1/hosts", realm.status.base());
        let request = |proof: serde_json::Value| -> Result<serde_json::Value> {
            let csr = CertificateParams::default().serialize_request(&KeyPair::generate()?)?.pem()?;
            let mut body = serde_json::json!({"csr": csr, "name": "x", "abi": "linux-x86_64"});
            let fields = proof.as_object().context("an object")?.clone();
            body.as_object_mut().context("an object")?.extend(fields);
            Ok(body)
        };
        let post = async |proof: serde_json::Value| -> Result<u16> {
            let answer = realm.status.http().post(&url).json(&request(proof)?).send().await?;
            Ok(answer.status().as_u16())
        };
        let account =
            |password: &str| serde_json::json!({"proof": "account", "username": "mallory", "password": password});
        ensure!(post(account("guess")).await? == 401);
        ensure!(post(serde_json::json!({"proof": "invitation", "code": "guess"})).await? == 401);
        let output = realm.command(&["invite"], &[]).await?;
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let code = text.split_whitespace().last().context("a code")?;
        let invitation = serde_json::json!({"proof": "invitation", "code": code});
        ensure!(post(invitation.clone()).await? == 201);
        ensure!(post(invitation).await? == 401, "an invitation works once");

        // The key of a registered host is what counts, not the certificate that was issued first.
        honest.credentials.token.clear();
        ensure!(honest.enter().await.is_err());
        Ok(())
    })
    .await;
}
