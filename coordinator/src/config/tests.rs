//! Loading: what is accepted, and what is said about what is not.

use tempfile::TempDir;

use super::*;

#[test]
fn nothing_at_all_runs_the_embedded_realm_on_loopback() {
    let config = Config::load(None, []).expect("defaults are valid");
    assert!(matches!(config.realm, Realm::Embedded(_)));
    assert!(config.relay.listen.ip().is_loopback());
}

#[test]
fn the_printed_default_is_the_default() {
    let config = load(DEFAULT_FILE, &[]).expect("valid");
    assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
    for key in ["certificate", "public", "start", "database", "index", "groups", "engine", "packetver", "renewal"] {
        assert!(DEFAULT_FILE.contains(&format!("\n# {key}")) || DEFAULT_FILE.contains(&format!("[{key}]")), "{key}");
    }
}

#[test]
fn the_environment_overrides_the_file_and_the_defaults() {
    let config = load(
        "[relay]\nlisten = \"127.0.0.1:1\"\nmax_connections = 7\n",
        &[
            ("BIFROST__RELAY__LISTEN", "127.0.0.1:0"),
            ("BIFROST__LINK__BEAT_MS", "100"),
            ("BIFROST__DATA_DIR", "/tmp/x"),
            ("BIFROST__HTTP__NAMES", "[\"a.example\", \"b.example\"]"),
            ("BIFROST__GROUPS", "[{ name = \"g\", class = \"critical\", maps = [\"m\"] }]"),
            ("BIFROST_PASSWORD", "not ours"),
            ("HOME", "/root"),
        ],
    )
    .expect("valid");
    assert_eq!(config.relay.listen.port(), 0);
    assert_eq!(config.relay.max_connections, 7);
    assert_eq!(config.link.beat_ms, 100);
    assert_eq!(config.data_dir.0, PathBuf::from("/tmp/x"));
    assert_eq!(config.http.names, ["a.example", "b.example"]);
    assert_eq!(config.groups[0].name, "g");
}

#[test]
fn a_secret_that_reads_as_a_number_is_text() {
    let realm = "[realm]\nmode = \"rathena\"\nchar = \"c:1\"\nlogin = \"l:2\"\nuser = \"s1\"\n";
    let config = load(realm, &[("BIFROST__REALM__PASSWORD", "12345"), ("BIFROST__REALM__USER", "true")]);
    let Ok(Config { realm: Realm::Rathena(realm), .. }) = config else { panic!("{config:?}") };
    assert_eq!((realm.password.as_str(), realm.user.as_str()), ("12345", "true"));
}

#[test]
fn engines_and_builds_have_defaults_that_follow_each_other() {
    let config = load("", &[]).expect("valid");
    assert_eq!((config.engine.kind, config.engine.standbys), (EngineKind::Embedded, 1));
    let prere = Build { packetver: 20_211_103, renewal: false };
    assert_eq!((config.engine_build(), config.char_build()), (prere, prere));

    let rathena = "[realm]\nmode = \"rathena\"\nchar = \"c:1\"\nlogin = \"l:2\"\nuser = \"s1\"\npassword = \"p1\"\n";
    let engine = "[engine]\nkind = \"rathena\"\npacketver = 20200401\nrenewal = true\n[maps]\ncache = [\"x\"]\n";
    let groups = "[[groups]]\nname = \"a\"\nclass = \"eligible\"\nmaps = [\"m\"]\n\
        [[groups]]\nname = \"b\"\nclass = \"eligible\"\nmaps = [\"n\"]\nengine = \"embedded\"\n";
    let config = load(&format!("{rathena}{engine}{groups}"), &[]).expect("valid");
    let engines: Vec<_> = config.groups.iter().map(|group| config.engine_of(group)).collect();
    assert_eq!(engines, [EngineKind::Rathena, EngineKind::Embedded]);
    assert_eq!(config.engine_build(), Build { packetver: 20_200_401, renewal: true });
    assert_eq!(config.char_build(), config.engine_build());

    let config = load(&format!("{rathena}renewal = false\npacketver = 20211103\n{engine}"), &[]).expect("valid");
    assert_eq!(config.char_build(), prere, "the char-server may be another build than the engines");
}

#[test]
fn errors_say_file_line_key_and_what_was_expected() {
    for (text, expected) in [
        ("[relay]\nlisten = 5121\n", "FILE:2: relay.listen: invalid type: integer `5121`, expected socket address"),
        (
            "\n[relay]\nlisten = \"somewhere\"\n",
            "FILE:3: relay.listen: expected an IP address and a port, like `127.0.0.1:5121`",
        ),
        ("[relay]\nlissten = \"x\"\n", "FILE:2: relay.lissten: unknown key `lissten`, did you mean `listen`?"),
        ("[rely]\n", "FILE:1: rely: unknown key `rely`, did you mean `relay`?"),
        (
            "[http]\nzzzzzzzzz = 1\n",
            "FILE:2: http.zzzzzzzzz: unknown key `zzzzzzzzz`, expected one of listen, names, certificate, key",
        ),
        (
            "[link]\nbeat_ms = \"often\"\n",
            "FILE:2: link.beat_ms: invalid type: string \"often\", expected a whole number, not negative",
        ),
        (
            "link.beat_ms = -1\n",
            "FILE:1: link.beat_ms: invalid value: integer `-1`, expected a whole number, not negative",
        ),
        ("[relay\nlisten = 1\n", "FILE:1: unclosed table, expected `]`"),
        ("a = 1\na = 2\n", "FILE:2: duplicate key"),
        (
            "[realm]\nmode = \"emulated\"\n",
            "FILE:2: realm.mode: unknown variant `emulated`, expected `embedded` or `rathena`",
        ),
        (
            "[realm]\nmode = \"rathena\"\nchar = \"c:1\"\nlogin = \"l:1\"\n",
            "FILE:1: realm: `user` is missing, needed when mode = \"rathena\"",
        ),
        (
            "[realm]\nmode = \"rathena\"\nchar = \"c:1\"\nlogin = \"l:1\"\nuser = \"s1\"\n",
            "FILE:1: realm: `password` is missing, needed when mode = \"rathena\"; or BIFROST__REALM__PASSWORD",
        ),
        ("[realm]\nuser = \"x\"\n", "FILE:1: realm: `user` is only for mode = \"rathena\""),
        ("[realm]\nrenewal = true\n", "FILE:1: realm: `renewal` is only for mode = \"rathena\""),
        (
            "[engine]\nkind = \"stock\"\n",
            "FILE:2: engine.kind: unknown variant `stock`, expected `embedded` or `rathena`",
        ),
        (
            "[engine]\nstandbys = -1\n",
            "FILE:2: engine.standbys: invalid value: integer `-1`, expected a whole number, not negative",
        ),
        (
            "[database.limits]\nrows = 0\n",
            "FILE:2: database.limits.rows: invalid value: integer `0`, expected a whole number, 1 or more",
        ),
        ("[database.limits]\nrow = 1\n", "FILE:2: database.limits.row: unknown key `row`, did you mean `rows`?"),
        ("[realm]\npassword = 12345\n", "FILE:2: realm.password: invalid value, expected a string"),
        (
            "[[groups]]\nname = \"g\"\nclass = \"eligible\"\nmaps = [\"not a map\"]\n",
            "FILE:4: groups[0].maps: map: is not a legal map name",
        ),
    ] {
        assert_eq!(refused(text, &[]), expected, "{text}");
    }
}

#[test]
fn values_that_make_no_sense_together_are_refused_with_their_line() {
    for (text, expected) in [
        ("[link]\nbeat_ms = 0\n", "FILE:2: link.beat_ms: expected more than 0"),
        (
            "[link]\nbeat_ms = 1000\nlease_ms = 1500\n",
            "FILE:3: link.lease_ms: is 1500, expected at least 2 x beat_ms (1000)",
        ),
        ("[link]\nbeat_ms = 2000\n", "FILE:1: link.lease_ms: is 3000, expected at least 2 x beat_ms (2000)"),
        ("[http]\ncertificate = \"x.pem\"\n", "FILE:2: http.certificate: needs `http.key`"),
        ("[http]\nnames = [\"a\", \"b c\"]\n", "FILE:2: http.names[1]: expected a DNS name or an IP address"),
        ("[relay]\nlisten = \"0.0.0.0:1\"\n", "FILE:1: relay.public: is needed: nobody can connect to 0.0.0.0"),
        ("[engine]\nstandbys = 4\n", "FILE:2: engine.standbys: is 4, expected 0 to 3"),
        (
            "[engine]\npacketver = 20220101\n",
            "FILE:2: engine.packetver: is 20220101, expected 20211103 or 20200401: the client versions whose structs are known",
        ),
        (
            "[realm]\nmode = \"rathena\"\nchar = \"c:1\"\nlogin = \"l:2\"\nuser = \"s1\"\npassword = \"p\"\npacketver = 1\n",
            "FILE:7: realm.packetver: is 1, expected 20211103 or 20200401: the client versions whose structs are known",
        ),
        (
            "[engine]\nkind = \"rathena\"\n",
            "FILE:2: engine.kind: needs `maps.cache`: a stock map-server has none of the built-in maps",
        ),
        (
            "[[groups]]\nname = \"a\"\nclass = \"eligible\"\nmaps = [\"m\"]\nengine = \"rathena\"\n",
            "FILE:5: groups[0].engine: needs `maps.cache`: a stock map-server has none of the built-in maps",
        ),
        (
            "[database]\nurl = \"sqlite:x\"\nconnections = 0\nstatement_ms = 0\n",
            "FILE:2: database.url: expected `mysql://USER:PASSWORD@HOST/DATABASE`\n\
             FILE:3: database.connections: expected 1 to 1000\nFILE:4: database.statement_ms: expected more than 0",
        ),
        (
            "[store]\nurl = \"postgres://x\"\n",
            "FILE:2: store.url: expected `sqlite:PATH` or `mysql://USER:PASSWORD@HOST/DATABASE`",
        ),
        (
            "[[groups]]\nname = \"a\"\nclass = \"eligible\"\nmaps = [\"m\"]\n\n[[groups]]\nname = \"b\"\nclass = \"critical\"\nmaps = [\"n\", \"m\"]\n",
            "FILE:9: groups[1].maps: `m` is in group `a` already",
        ),
        (
            "[[groups]]\nname = \"a\"\nclass = \"eligible\"\nmaps = []\n",
            "FILE:4: groups[0].maps: expected at least one map",
        ),
    ] {
        assert_eq!(refused(text, &[]), expected, "{text}");
    }
}

#[test]
fn all_problems_of_one_kind_are_said_at_once() {
    let said = refused("[relay]\nenter_ms = 0\nidle_ms = 0\n", &[]);
    assert_eq!(said, "FILE:2: relay.enter_ms: expected more than 0\nFILE:3: relay.idle_ms: expected more than 0");
}

#[test]
fn an_error_of_the_environment_names_the_variable() {
    assert_eq!(
        refused("", &[("BIFROST__RELAY__MAX_CONNECTIONS", "many")]),
        "BIFROST__RELAY__MAX_CONNECTIONS: relay.max_connections: invalid type: string \"many\", expected a whole number, not negative"
    );
    assert_eq!(
        refused("", &[("BIFROST__RELY__LISTEN", "127.0.0.1:1")]),
        "BIFROST__RELY__LISTEN: rely.listen: unknown key `rely`, did you mean `relay`?"
    );
    assert_eq!(
        refused("[link]\nbeat_ms = 1\n", &[("BIFROST__LINK__BEAT_MS", "0")]),
        "BIFROST__LINK__BEAT_MS: link.beat_ms: expected more than 0"
    );
    assert_eq!(
        refused("data_dir = \"x\"\n", &[("BIFROST__DATA_DIR__X", "1")]),
        "BIFROST__DATA_DIR__X: data_dir.x: names a key below one that is not a table"
    );
}

#[test]
fn a_missing_file_is_named() {
    let error = Config::load(Some(std::path::Path::new("/nowhere/bifrost.toml")), []).expect_err("missing");
    let said = error.to_string();
    assert!(said.starts_with("/nowhere/bifrost.toml: cannot be read: No such file"), "{said}");
}

#[test]
fn secrets_are_not_in_the_debug_text() {
    let config = load(
        "[realm]\nmode = \"rathena\"\nchar = \"c:1\"\nlogin = \"l:2\"\nuser = \"s1\"\npassword = \"hunter2\"\n[store]\nurl = \"mysql://u:hunter2@h/d\"\n",
        &[],
    );
    assert!(!format!("{config:?}").contains("hunter2"));
}

fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, String> {
    let dir = TempDir::new().expect("folder");
    let path = dir.path().join("bifrost.toml");
    std::fs::write(&path, text).expect("written");
    let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Config::load(Some(&path), environment).map_err(|error| error.to_string().replace(&*path.to_string_lossy(), "FILE"))
}

fn refused(text: &str, environment: &[(&str, &str)]) -> String {
    load(text, environment).expect_err("has to be refused")
}

#[test]
fn what_hosts_may_give_is_off_until_a_folder_is_named_and_factors_make_sense() {
    let config = load("", &[]).expect("valid");
    assert!(config.bounds.rathena.is_none() && config.bounds.mode == Mode::Watch);
    assert!(!config.bounds.rules().enforce);
    let enforced = load("[bounds]\nrathena = \"/opt/rathena\"\nmode = \"enforce\"\nslack = 2\n", &[]).expect("valid");
    assert!(enforced.bounds.rules().enforce && enforced.bounds.rules().slack >= 2.0);
    let wrong = "[bounds]\nslack = 0.5\nitems = 1e9\nquarantine_minutes = 60\nlongest_minutes = 10\n";
    let said = load(wrong, &[]).expect_err("refused");
    for key in ["bounds.slack: is 0.5", "bounds.items: is 1000000000", "bounds.longest_minutes: is 10"] {
        assert!(said.contains(key), "{said}");
    }
    assert!(load("[bounds]\nmode = \"strict\"\n", &[]).is_err());
}
