//! `probe`: the health check of a container, by the binary itself. An image needs no other program for it.

use std::path::Path;
use std::time::Duration;

use super::remote::{describe, reach};
use crate::failure::Failure;
use crate::http::Readiness;

/// The longest to wait. `/readyz` itself waits two seconds for a database.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Asks the coordinator of a data folder; `target` is a path of its API, or a whole URL.
///
/// # Errors
/// [`Failure::Unhealthy`]: it does not answer, or says that it does not serve, and why.
pub(super) async fn probe(data_dir: &Path, target: &str) -> Result<(), Failure> {
    let (base, client) = reach(data_dir, TIMEOUT).map_err(|failure| Failure::Unhealthy(failure.to_string()))?;
    let url = if target.starts_with('/') { format!("{base}{target}") } else { target.to_owned() };
    let answer = client.get(&url).send().await;
    let answer = answer.map_err(|error| Failure::Unhealthy(format!("no answer: {}", describe(&error))))?;
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    let reasons = answer.json::<Readiness>().await.map(|said| said.reasons.join("; ")).unwrap_or_default();
    Err(Failure::Unhealthy(if reasons.is_empty() { format!("{url} says {status}") } else { reasons }))
}

#[cfg(test)]
mod tests {
    use std::process::ExitCode;

    use super::*;

    #[tokio::test]
    async fn without_a_coordinator_it_is_unhealthy_with_exit_code_1() {
        let dir = tempfile::TempDir::new().expect("folder");
        let failure = probe(dir.path(), "/livez").await.expect_err("nobody there");
        assert!(failure.to_string().contains("addresses.json: No such file"), "{failure}");
        assert_eq!(format!("{:?}", failure.exit_code()), format!("{:?}", ExitCode::from(1)));
    }

    #[tokio::test]
    async fn a_coordinator_that_is_gone_is_unhealthy() {
        let dir = tempfile::TempDir::new().expect("folder");
        // Fails only when another test was first.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let identity = crate::identity::Identity::open(dir.path(), &[], Duration::from_mins(1)).expect("made");
        let closed = std::net::TcpListener::bind("127.0.0.1:0").expect("bound").local_addr().expect("known");
        let addresses = serde_json::json!({
            "login": null, "char": null, "relay": closed, "https": closed, "link": closed
        });
        std::fs::write(dir.path().join("addresses.json"), addresses.to_string()).expect("written");
        let failure = probe(dir.path(), "/livez").await.expect_err("nobody there");
        assert!(failure.to_string().starts_with("no answer: "), "{failure}");
        drop(identity);
    }
}
