//! Who is on stage when the curtain rises: what was kept from the last run, and what the realm says.

use bifrost_protocol::Secret;

use super::{Scenario, before, props};
use crate::event::{Account, Kept};
use crate::ledger::Ledger;
use crate::manners::{Hours, Manners};
use crate::settings::Settings;
use crate::status::{Group, Host, Measure, RealmStatus, StatusProblem};
use crate::view::Trouble;

/// This PC's host id.
const OWN: &str = "h-own";
/// Days of contribution that were kept.
const DAYS: u64 = 9;

/// What was kept from the last run.
pub(super) fn kept(scenario: Scenario, now_unix: u64) -> Kept {
    let account = Account::Game { username: "sunflower".into(), password: Secret::new("secret".into()) };
    let has_realm = !matches!(scenario, Scenario::FirstRun);
    let has_account = has_realm && !matches!(scenario, Scenario::SignIn);
    Kept {
        settings: settings(scenario),
        realm: has_realm.then(|| Ok(props::realm(now_unix))),
        account: Ok(has_account.then_some(account)),
        ledger: if has_account { ledger() } else { Ledger::default() },
        no_keyring: matches!(scenario, Scenario::Sick),
        settings_reset: false,
    }
}

fn settings(scenario: Scenario) -> Settings {
    let host = match scenario {
        Scenario::FirstRun
        | Scenario::SignIn
        | Scenario::Ready
        | Scenario::OfflineMe
        | Scenario::OfflineRealm
        | Scenario::Certificate
        | Scenario::Updating
        | Scenario::Crashed
        | Scenario::Unpatched
        | Scenario::Sick => false,
        Scenario::OfflineNetwork
        | Scenario::Connecting
        | Scenario::Benchmarking
        | Scenario::NotEligible
        | Scenario::AlmostEligible
        | Scenario::Eligible
        | Scenario::Hosting
        | Scenario::HostingMany
        | Scenario::Draining
        | Scenario::Paused
        | Scenario::Failed
        | Scenario::Playing => true,
    };
    let hours = matches!(scenario, Scenario::Paused).then_some(Hours { from_minute: 22 * 60, to_minute: 8 * 60 });
    Settings {
        host,
        manners: Manners { hours, ..Manners::default() },
        client_folder: (!matches!(scenario, Scenario::Ready)).then(|| "/home/player/Ragnarok".into()),
        ..Settings::default()
    }
}

/// Evenings, and a long weekend.
fn ledger() -> Ledger {
    const STEP: u64 = 30;
    let mut ledger = Ledger::default();
    for second in (0..DAYS * 86_400).rev().step_by(usize::try_from(STEP).unwrap_or(1)) {
        let now = before(second);
        let hour = now.unix / 3_600 % 24;
        let hosts = matches!(hour, 6..=9 | 13..=23);
        let wave = [0, 1, 2, 4, 7, 11, 14, 12, 9, 13, 17, 15];
        let at = usize::try_from(now.unix / 3_600).unwrap_or(0) % wave.len();
        ledger.record(hosts, if hosts { wave[at] } else { 0 }, &now);
    }
    ledger.record(false, 0, &before(0));
    // What counts from here on is counted on a clock of its own.
    let text = serde_json::to_string(&ledger).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// What the realm says, with this many players on each of this PC's groups.
pub(super) fn status(scenario: Scenario, groups: &[(&str, u32)]) -> Result<RealmStatus, StatusProblem> {
    const TROUBLES: [(Scenario, Trouble); 4] = [
        (Scenario::OfflineMe, Trouble::Me),
        (Scenario::OfflineNetwork, Trouble::Network),
        (Scenario::OfflineRealm, Trouble::Realm),
        (Scenario::Certificate, Trouble::Certificate),
    ];
    if let Some((_, trouble)) = TROUBLES.into_iter().find(|(played, _)| *played == scenario) {
        return Err(StatusProblem { trouble, detail: "scripted".into() });
    }
    let maps = |name: &str| match name {
        "prontera_fields" => vec!["prt_fild08".to_owned(), "prt_fild07".into(), "prt_fild05".into()],
        "payon_cave" => vec!["pay_dun00".into(), "pay_dun01".into()],
        name => vec![name.to_owned()],
    };
    let group = |(name, players): &(&str, u32)| Group {
        name: (*name).into(),
        maps: maps(name),
        host: Some(OWN.into()),
        state: "live".into(),
        players: *players,
    };
    Ok(RealmStatus {
        players: 128,
        hosts: vec![host(scenario)],
        groups: groups.iter().map(group).collect(),
        own: Some(OWN.into()),
        answered_ms: 23.4,
    })
}

fn host(scenario: Scenario) -> Host {
    let measure = |name: &str, value: f64, threshold: f64| {
        let at_most = matches!(name, "latency" | "stability");
        let met = if at_most { value <= threshold } else { value >= threshold };
        Measure { name: name.into(), value, threshold, met }
    };
    let uptime = if matches!(scenario, Scenario::AlmostEligible) { 18.4 } else { 134.0 };
    let (memory, upload) = if matches!(scenario, Scenario::NotEligible) { (6_144.0, 4.2) } else { (16_384.0, 38.6) };
    let way = if matches!(scenario, Scenario::Benchmarking) { f64::from(u32::MAX) / 1e3 } else { 22.6 };
    let upload = if matches!(scenario, Scenario::Benchmarking) { 0.0 } else { upload };
    let criteria = vec![
        measure("cores", 8.0, 4.0),
        measure("memory", memory, 7_600.0),
        measure("latency", way, 100.0),
        measure("stability", if way > 1_000.0 { way } else { 3.1 }, 30.0),
        measure("upload", upload, 10.0),
        measure("uptime", uptime, 30.0),
    ];
    let eligible = criteria.iter().all(|one| one.met);
    Host { host: OWN.into(), eligible, players: 0, round_trip_ms: 22.6, turn_ms: 0.4, criteria }
}
