//! What types cannot say: values that make no sense together. Every finding names the key to change.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::engine::MAX_STANDBYS;
use super::{Config, EmbeddedRealm, EngineKind, Group, PACKETVERS, RathenaRealm, Realm};

/// A key and what is expected of it.
type Finding = (String, String);

/// The longest group name, in bytes: it travels in every assignment and is a metrics label.
const MAX_GROUP_NAME: usize = 64;
/// `userid` and `passwd` have 24 bytes with their NUL in 0x2af8 (`chrif.cpp`, `chrif_connect`).
const MAX_CREDENTIAL: usize = 23;
/// A server's name has 20 bytes in 0x0ac4 (`loginclif.cpp`).
const MAX_REALM_NAME: usize = 19;
/// A MariaDB has 151 connections unless it is told otherwise, and the realm's servers need some.
const MAX_DATABASE_CONNECTIONS: usize = 1_000;
/// A lease has to survive one lost beat.
const BEATS_PER_LEASE: u32 = 2;

/// All that is wrong with `config`.
pub(super) fn check(config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    check_http(config, &mut found);
    check_link(config, &mut found);
    check_relay(config, &mut found);
    match &config.realm {
        Realm::Embedded(realm) => check_embedded(realm, &mut found),
        Realm::Rathena(realm) => check_rathena(realm, &mut found),
    }
    let url = config.store.url.as_str();
    if !(url.is_empty() || ["sqlite:", "mysql://", "mariadb://"].iter().any(|scheme| url.starts_with(scheme))) {
        found.push(finding("store.url", "expected `sqlite:PATH` or `mysql://USER:PASSWORD@HOST/DATABASE`"));
    }
    check_database(config, &mut found);
    if config.maps.cache.is_empty() && (config.maps.index.is_some() || !config.maps.warps.is_empty()) {
        found.push(finding("maps.cache", "is needed when `index` or `warps` is set"));
    }
    check_bounds(config, &mut found);
    check_engine(config, &mut found);
    check_groups(&config.groups, &mut found);
    found
}

fn check_database(config: &Config, found: &mut Vec<Finding>) {
    let database = &config.database;
    for (key, url) in [("database.url", database.url.as_str()), ("database.replica", database.replica.as_str())] {
        if !(url.is_empty() || ["mysql://", "mariadb://"].iter().any(|scheme| url.starts_with(scheme))) {
            found.push(finding(key, "expected `mysql://USER:PASSWORD@HOST/DATABASE`"));
        }
    }
    if database.url.is_empty() && !database.replica.is_empty() {
        found.push(finding("database.url", "is needed when `replica` is set"));
    }
    if !(1..=MAX_DATABASE_CONNECTIONS).contains(&database.connections) {
        found.push(finding("database.connections", &format!("expected 1 to {MAX_DATABASE_CONNECTIONS}")));
    }
    positive(found, "database.statement_ms", database.statement_ms.into());
}

/// A factor beyond this says that nothing is to be judged.
const MAX_FACTOR: f64 = 1_000.0;

fn check_bounds(config: &Config, found: &mut Vec<Finding>) {
    let bounds = &config.bounds;
    let factors =
        [("bounds.slack", bounds.slack), ("bounds.experience", bounds.experience), ("bounds.items", bounds.items)];
    for (key, factor) in factors {
        if !(1.0..=MAX_FACTOR).contains(&factor) {
            found.push((key.to_owned(), format!("is {factor}, expected 1 to {MAX_FACTOR}")));
        }
    }
    positive(found, "bounds.audit_minutes", bounds.audit_minutes.into());
    positive(found, "bounds.quarantine_minutes", bounds.quarantine_minutes.into());
    positive(found, "bounds.trusted_after", bounds.trusted_after.into());
    if bounds.longest_minutes < bounds.quarantine_minutes {
        let expected = format!(
            "is {}, expected at least quarantine_minutes ({})",
            bounds.longest_minutes, bounds.quarantine_minutes
        );
        found.push((String::from("bounds.longest_minutes"), expected));
    }
}

fn check_http(config: &Config, found: &mut Vec<Finding>) {
    let http = &config.http;
    if http.certificate.is_some() && http.key.is_none() {
        found.push(finding("http.certificate", "needs `http.key`"));
    }
    if http.key.is_some() && http.certificate.is_none() {
        found.push(finding("http.key", "needs `http.certificate`"));
    }
    for (index, name) in http.names.iter().enumerate() {
        if rustls::pki_types::ServerName::try_from(name.as_str()).is_err() {
            found.push(finding(&format!("http.names[{index}]"), "expected a DNS name or an IP address"));
        }
    }
}

fn check_link(config: &Config, found: &mut Vec<Finding>) {
    let link = &config.link;
    positive(found, "link.beat_ms", link.beat_ms.into());
    positive(found, "link.reconnect_ms", link.reconnect_ms.into());
    positive(found, "link.certificate_minutes", link.certificate_minutes.into());
    if link.lease_ms < link.beat_ms.saturating_mul(BEATS_PER_LEASE) {
        let expected =
            format!("is {}, expected at least {BEATS_PER_LEASE} x beat_ms ({})", link.lease_ms, link.beat_ms);
        found.push((String::from("link.lease_ms"), expected));
    }
    if link.public.is_empty() {
        needs_public(found, "link.public", link.listen);
    } else {
        host_and_port(found, "link.public", &link.public);
    }
}

fn check_relay(config: &Config, found: &mut Vec<Finding>) {
    let relay = &config.relay;
    for (key, value) in [
        ("relay.max_connections", relay.max_connections as u64),
        ("relay.max_per_address", relay.max_per_address as u64),
        ("relay.enter_ms", relay.enter_ms),
        ("relay.idle_ms", relay.idle_ms),
        ("relay.limbo_ms", relay.limbo_ms),
    ] {
        positive(found, key, value);
    }
    match relay.public {
        None if !relay.listen.is_ipv4() => {
            found.push(finding("relay.public", "is needed: game clients are told an IPv4 address"));
        }
        None => needs_public(found, "relay.public", relay.listen),
        Some(public) if !public.is_ipv4() || public.ip().is_unspecified() => {
            found.push(finding("relay.public", "expected an IPv4 address that game clients can reach"));
        }
        Some(_) => {}
    }
}

fn check_embedded(realm: &EmbeddedRealm, found: &mut Vec<Finding>) {
    if realm.name.is_empty() || realm.name.len() > MAX_REALM_NAME {
        found.push((String::from("realm.name"), format!("expected 1 to {MAX_REALM_NAME} bytes")));
    }
}

fn check_rathena(realm: &RathenaRealm, found: &mut Vec<Finding>) {
    host_and_port(found, "realm.char", &realm.char_server);
    host_and_port(found, "realm.login", &realm.login);
    for (key, value) in [("realm.user", &realm.user), ("realm.password", &realm.password)] {
        if value.is_empty() || value.len() > MAX_CREDENTIAL {
            found.push((key.to_owned(), format!("expected 1 to {MAX_CREDENTIAL} bytes")));
        }
    }
    if realm.database.as_ref().is_some_and(|url| !url.starts_with("mysql://")) {
        found.push(finding("realm.database", "expected `mysql://USER:PASSWORD@HOST/DATABASE`"));
    }
    check_packetver("realm.packetver", realm.packetver, found);
}

fn check_engine(config: &Config, found: &mut Vec<Finding>) {
    let engine = &config.engine;
    if engine.standbys > MAX_STANDBYS {
        found.push((String::from("engine.standbys"), format!("is {}, expected 0 to {MAX_STANDBYS}", engine.standbys)));
    }
    check_packetver("engine.packetver", Some(engine.packetver), found);
    if !config.maps.cache.is_empty() {
        return;
    }
    let needs = "needs `maps.cache`: a stock map-server has none of the built-in maps";
    if config.groups.is_empty() && engine.kind == EngineKind::Rathena {
        found.push(finding("engine.kind", needs));
    }
    for (index, group) in config.groups.iter().enumerate() {
        if config.engine_of(group) == EngineKind::Rathena {
            let own = group.engine.map(|_| format!("groups[{index}].engine"));
            found.push((own.unwrap_or_else(|| String::from("engine.kind")), needs.to_owned()));
            break;
        }
    }
}

fn check_packetver(key: &str, packetver: Option<u32>, found: &mut Vec<Finding>) {
    if let Some(packetver) = packetver.filter(|packetver| !PACKETVERS.contains(packetver)) {
        let known = PACKETVERS.map(|known| known.to_string()).join(" or ");
        found.push((
            key.to_owned(),
            format!("is {packetver}, expected {known}: the client versions whose structs are known"),
        ));
    }
}

fn check_groups(groups: &[Group], found: &mut Vec<Finding>) {
    let (mut names, mut maps) = (BTreeMap::new(), BTreeMap::new());
    for (index, group) in groups.iter().enumerate() {
        let key = |field: &str| format!("groups[{index}].{field}");
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
        if group.name.is_empty() || group.name.len() > MAX_GROUP_NAME || !group.name.bytes().all(legal) {
            found.push((key("name"), format!("expected 1 to {MAX_GROUP_NAME} of [A-Za-z0-9_.-]")));
        }
        if let Some(other) = names.insert(group.name.as_str(), index) {
            found.push((key("name"), format!("`{}` is the name of groups[{other}] already", group.name)));
        }
        if group.maps.is_empty() {
            found.push((key("maps"), "expected at least one map".to_owned()));
        }
        for map in &group.maps {
            if let Some(other) = maps.insert(map, &group.name) {
                found.push((key("maps"), format!("`{map}` is in group `{other}` already")));
            }
        }
    }
}

fn positive(found: &mut Vec<Finding>, key: &str, value: u64) {
    if value == 0 {
        found.push(finding(key, "expected more than 0"));
    }
}

fn needs_public(found: &mut Vec<Finding>, key: &str, listen: SocketAddr) {
    if listen.ip().is_unspecified() {
        found.push((key.to_owned(), format!("is needed: nobody can connect to {}", listen.ip())));
    }
}

fn host_and_port(found: &mut Vec<Finding>, key: &str, value: &str) {
    let parts = value.rsplit_once(':');
    if !parts.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0)) {
        found.push(finding(key, "expected `HOST:PORT`"));
    }
}

fn finding(key: &str, message: &str) -> Finding {
    (key.to_owned(), message.to_owned())
}
