//! Where settings come from and what is said about bad ones.

use super::*;

fn load(file: &str, environment: &[(&str, &str)], flags: Overrides) -> Result<NodeConfig, ConfigError> {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("node.toml");
    std::fs::write(&path, file).expect("written");
    let environment = environment.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    Overrides { config: Some(path), ..flags }.load(environment)
}

fn problem(file: &str, environment: &[(&str, &str)]) -> String {
    let text = load(file, environment, Overrides::default()).expect_err("is refused").to_string();
    text.rsplit(['/', '\\']).next().unwrap_or_default().to_owned()
}

const COORDINATOR: &str = "coordinator = \"https://127.0.0.1:7443\"\n";

#[test]
fn environment_wins_over_the_file_and_flags_over_both() {
    let file = format!("{COORDINATOR}name = \"file\"\n[limits]\nplayers = 7\ngroups = 2\n");
    let environment = [("BIFROST_NODE__NAME", "environment"), ("BIFROST_NODE__LIMITS__PLAYERS", "8"), ("OTHER", "1")];
    let flags = Overrides { name: Some("flag".into()), ..Overrides::default() };
    let config = load(&file, &environment, flags).expect("is good");
    assert_eq!((config.name.as_str(), config.limits), ("flag", Limits { groups: 2, players: 8 }));
    assert_eq!(config.trust, Trust::System);
}

#[test]
fn secrets_may_look_like_numbers() {
    for password in ["12345", "00123", "true", "-0"] {
        let environment = [("BIFROST_NODE__PROOF__USERNAME", "max"), ("BIFROST_NODE__PROOF__PASSWORD", password)];
        let config = load(COORDINATOR, &environment, Overrides::default()).expect("is good");
        let password = Secret::new(password.to_owned());
        assert_eq!(config.proof, Some(Proof::Account { username: "max".into(), password }));
        assert!(!format!("{config:?}").contains("123"), "a secret is never printed");
    }
}

#[test]
fn a_bad_file_is_told_with_line_key_and_what_was_expected() {
    let told = problem(&format!("{COORDINATOR}\n[limits]\nplayers = \"many\"\n"), &[]);
    assert_eq!(told, "node.toml:4: limits.players: invalid type: string \"many\", expected u16");
    let told = problem(&format!("{COORDINATOR}colour = 1\n"), &[]);
    assert!(told.starts_with("node.toml:2: colour: unknown field `colour`, expected one of"), "{told}");
    let told = problem("coordinator = \n", &[]);
    assert!(told.starts_with("node.toml:1: coordinator: "), "{told}");
}

#[test]
fn a_bad_variable_is_told_by_its_name() {
    let told = problem(COORDINATOR, &[("BIFROST_NODE__LIMITS__PLAYERS", "many")]);
    assert!(told.starts_with("BIFROST_NODE__LIMITS__PLAYERS (environment): invalid type"), "{told}");
    let told = problem(COORDINATOR, &[("BIFROST_NODE__LIMIT", "1")]);
    assert!(told.starts_with("BIFROST_NODE__LIMIT (environment): unknown field `limit`"), "{told}");
}

#[test]
fn settings_that_do_not_go_together_are_told() {
    for (file, expected) in [
        ("", "coordinator: is missing"),
        ("coordinator = \"http://a\"", "expected https://HOST:PORT"),
        ("coordinator = \"https://a\"\nname = \"\"", "name: expected 1 to 64"),
        ("coordinator = \"https://a\"\ntrust.first_use = true\ntrust.fingerprint = \"ab\"", "trust: expected only one"),
        ("coordinator = \"https://a\"\ntrust.fingerprint = \"ab\"", "trust.fingerprint: expected 64 hex"),
        ("coordinator = \"https://a\"\nproof.username = \"a\"", "proof.password: is missing"),
        ("coordinator = \"https://a\"\nlimits.players = 0", "limits.players: expected at least 1"),
        ("coordinator = \"https://a\"\nengine.folder = \"/none/such\"", "engine.folder: expected an existing folder"),
        ("coordinator = \"https://a\"\nengine.memory_mib = 1", "engine.memory_mib: expected 64 to"),
        ("coordinator = \"https://a\"\nengine.cpu_percent = 0", "engine.cpu_percent: expected 10 to"),
        ("coordinator = \"https://a\"\nengine.nice = 20", "engine.nice: expected 0 to 19"),
    ] {
        let told = load(file, &[], Overrides::default()).expect_err("is refused").to_string();
        assert!(told.contains(expected), "{file}: {told}");
    }
}

#[test]
fn a_fingerprint_is_read_with_and_without_colons() {
    let plain = "AB".repeat(32);
    let colons = format!("sha256:{}", ["ab"; 32].join(":"));
    for text in [plain, colons] {
        let file = format!("{COORDINATOR}trust.fingerprint = \"{text}\"");
        let config = load(&file, &[], Overrides::default()).expect("is good");
        assert_eq!(config.trust, Trust::Fingerprint([0xab; 32]));
    }
}
