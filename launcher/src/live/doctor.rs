//! Looking at everything, for `doctor`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bifrost_client_patch::{LIBRARY, Verdict};
use bifrost_protocol::api::Credentials;
use bifrost_protocol::control::ALPN;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use super::realm_api::RealmApi;
use super::{game, node};
use crate::client::look;
use crate::doctor::{Check, Finding, Fix, judge_clock, judge_disk};
use crate::realm::Realm;
use crate::view::Trouble;

/// How long a handshake over UDP may take.
const UDP_LIMIT: Duration = Duration::from_secs(4);

/// One check of everything.
#[derive(Debug)]
pub(super) struct Checkup {
    pub(super) realm: Option<Realm>,
    pub(super) api: Option<Arc<RealmApi>>,
    pub(super) client_folder: Option<String>,
    pub(super) state: PathBuf,
}

impl Checkup {
    /// All findings, in the order of [`Check`].
    pub(super) async fn run(self) -> Vec<Finding> {
        let (realm, clock) = self.realm_and_clock().await;
        let keyring = tokio::task::spawn_blocking(keyring).await;
        let mut findings = vec![self.realm_file(), realm, self.udp().await, clock];
        findings.extend(keyring);
        let (realm, folder) = (self.realm.clone(), self.client_folder.clone());
        findings.extend(tokio::task::spawn_blocking(move || client(realm.as_ref(), folder.as_deref())).await);
        findings.push(Finding::good(Check::Engine, "the built-in engine needs no files"));
        let state = self.state.clone();
        let free = tokio::task::spawn_blocking(move || free_space(&state)).await.unwrap_or_default();
        findings.push(judge_disk(free));
        findings
    }

    fn realm_file(&self) -> Finding {
        let Some(realm) = &self.realm else {
            return Finding::broken(Check::RealmFile, Fix::OpenRealmFile, "there is none");
        };
        let detail = format!("{}, signed by {}", realm.description.name, realm.short_key());
        match realm.expires_in_days(unix_now()) {
            Some(days) => Finding::warning(Check::RealmFile, Fix::OpenRealmFile, format!("{detail}, {days} days left")),
            None => Finding::good(Check::RealmFile, detail),
        }
    }

    async fn realm_and_clock(&self) -> (Finding, Finding) {
        let Some(api) = &self.api else {
            let fix = Some(Fix::OpenRealmFile);
            return (Finding::skipped(Check::Realm, fix), Finding::skipped(Check::Clock, fix));
        };
        match api.look().await {
            Ok((took, date)) => {
                let clock = date.map(|date| judge_clock(unix_now(), date));
                let realm = Finding::good(Check::Realm, format!("answered in {} ms", took.as_millis()));
                (realm, clock.unwrap_or_else(|| Finding::skipped(Check::Clock, None)))
            }
            Err(problem) => {
                let fix = match problem.trouble {
                    Trouble::Me => Fix::ConnectNetwork,
                    Trouble::Network => Fix::AllowHttps,
                    Trouble::Realm => Fix::WaitForRealm,
                    Trouble::Certificate => Fix::AskOperator,
                };
                (Finding::broken(Check::Realm, fix, problem.detail), Finding::skipped(Check::Clock, None))
            }
        }
    }

    /// Whether UDP gets through: any answer will do, even one that refuses.
    async fn udp(&self) -> Finding {
        let Some(credentials) = node::credentials(&node::folder(&self.state)) else {
            return Finding::skipped(Check::Udp, Some(Fix::SignIn));
        };
        match handshake(&credentials).await {
            Ok(took) => Finding::good(Check::Udp, format!("answered in {} ms", took.as_millis())),
            Err(problem) => Finding::broken(Check::Udp, Fix::AllowUdp, problem),
        }
    }
}

fn client(realm: Option<&Realm>, folder: Option<&str>) -> Finding {
    let Some(folder) = folder.filter(|folder| !folder.is_empty()) else {
        return Finding::skipped(Check::Client, Some(Fix::ChooseFolder));
    };
    let Some(realm) = realm else { return Finding::skipped(Check::Client, Some(Fix::OpenRealmFile)) };
    let program = realm.program();
    let path = match game::find(Path::new(folder), program) {
        Ok(path) => path,
        Err(problem) => return Finding::broken(Check::Client, Fix::ChooseFolder, problem.detail),
    };
    let look = match look(&path, realm.description.client.as_ref()) {
        Ok(look) => look,
        Err(error) => return Finding::broken(Check::Client, Fix::ReinstallClient, error.to_string()),
    };
    if game::needs_wine(&path) {
        if let Err(error) = &look.program {
            return Finding::broken(Check::Client, Fix::ReinstallClient, format!("{program}: {error}"));
        }
        if !is_in_path(game::WINE) {
            return Finding::broken(Check::Client, Fix::InstallWine, "wine is not installed");
        }
    }
    match &look.verdict {
        Verdict::Good => Finding::good(Check::Client, format!("{program}, patched")),
        Verdict::Plain => Finding::good(Check::Client, program),
        Verdict::Unpatched => Finding::broken(Check::Client, Fix::PatchClient, format!("{program} is not patched")),
        Verdict::Library(why) => Finding::broken(Check::Client, Fix::PatchClient, format!("{LIBRARY}: {why}")),
        Verdict::OtherBuild(why) => Finding::broken(Check::Client, Fix::ReinstallClient, format!("{program}: {why}")),
    }
}

async fn handshake(credentials: &Credentials) -> Result<Duration, String> {
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(credentials.ca.as_bytes()).flatten() {
        roots.add(certificate).map_err(|error| error.to_string())?;
    }
    let mut tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![ALPN.to_vec()];
    let tls = quinn::crypto::rustls::QuicClientConfig::try_from(tls).map_err(|error| error.to_string())?;
    let mut addresses = tokio::net::lookup_host(&credentials.link).await.map_err(|error| error.to_string())?;
    let address = addresses.next().ok_or("the realm's name has no address")?;
    let endpoint = bifrost_node::endpoint_towards(address).map_err(|error| error.to_string())?;
    let config = quinn::ClientConfig::new(Arc::new(tls));
    let started = Instant::now();
    let connecting =
        endpoint.connect_with(config, address, &credentials.server_name).map_err(|error| error.to_string())?;
    let answered = match tokio::time::timeout(UDP_LIMIT, connecting).await {
        Err(_) | Ok(Err(quinn::ConnectionError::TimedOut)) => Err("nothing came back over UDP".to_owned()),
        Ok(Err(quinn::ConnectionError::LocallyClosed)) => Err("closed here".to_owned()),
        Ok(Ok(_) | Err(_)) => Ok(started.elapsed()),
    };
    endpoint.close(0_u32.into(), b"");
    answered
}

fn keyring() -> Finding {
    if crate::secrets::keyring_works() {
        Finding::good(Check::Keyring, "")
    } else {
        Finding::warning(Check::Keyring, Fix::UnlockKeyring, "a private file is used instead")
    }
}

fn is_in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Bytes free on the disk of a folder.
fn free_space(folder: &Path) -> Option<u64> {
    let folder = folder.canonicalize().ok()?;
    let disks = sysinfo::Disks::new_with_refreshed_list().ok()?;
    let of_folder = disks.iter().filter(|disk| folder.starts_with(disk.mount_point()));
    let nearest = of_folder.max_by_key(|disk| disk.mount_point().as_os_str().len());
    nearest.map(sysinfo::Disk::available_space)
}

/// The findings as text for the operator, without anything personal.
pub(super) fn report(findings: &[Finding]) -> String {
    let system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    let text = crate::doctor::report(findings, env!("CARGO_PKG_VERSION"), &system);
    let home = std::env::home_dir().map(|home| home.display().to_string());
    crate::redact::Redactor::new(None, home.as_deref()).apply(&text)
}

fn unix_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[tokio::test]
    async fn a_fresh_machine_has_a_finding_for_every_check() {
        let folder = tempfile::tempdir().expect("a folder");
        let checkup = Checkup { realm: None, api: None, client_folder: None, state: folder.path().to_owned() };
        let findings = checkup.run().await;
        let checks: Vec<_> = findings.iter().map(|finding| finding.check).collect();
        assert_eq!(
            checks,
            [
                Check::RealmFile,
                Check::Realm,
                Check::Udp,
                Check::Clock,
                Check::Keyring,
                Check::Client,
                Check::Engine,
                Check::Disk
            ]
        );
        assert_eq!((findings[0].verdict, findings[0].fix), (Verdict::Broken, Some(Fix::OpenRealmFile)));
        assert_eq!((findings[2].verdict, findings[2].fix), (Verdict::Skipped, Some(Fix::SignIn)));
    }

    #[tokio::test]
    async fn a_port_that_answers_nothing_is_seen() {
        let silent = tokio::net::UdpSocket::bind("127.0.0.1:0").await.expect("bound");
        let key = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("made");
        let credentials = Credentials {
            host_id: String::new(),
            kind: String::new(),
            certificate: String::new(),
            ca: key.cert.pem(),
            token: String::new(),
            expires_in: 0,
            link: silent.local_addr().expect("bound").to_string(),
            server_name: "localhost".into(),
        };
        tokio::time::pause();
        assert!(handshake(&credentials).await.is_err());
    }
}
