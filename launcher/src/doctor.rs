//! The check of everything: a list of findings, each with what it means and what would fix it. Judging is here and pure;
//! looking is in `live::doctor`.

use std::fmt::Write as _;

use serde::Serialize;

/// What the window shows of it.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct DoctorView {
    /// Whether a check is under way.
    pub running: bool,
    /// Unix seconds of the last one.
    pub checked_at: Option<u32>,
    /// What it found, one finding a check.
    pub findings: Vec<Finding>,
    /// The same as text for the operator, without anything personal.
    pub report: String,
}

/// One check and what came of it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Finding {
    /// What was looked at.
    pub check: Check,
    /// Whether it is good.
    pub verdict: Verdict,
    /// What would fix it; none when nothing has to be fixed.
    pub fix: Option<Fix>,
    /// A fact, for people who want to know; English.
    pub detail: String,
}

/// What is looked at, in this order.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The realm file.
    RealmFile,
    /// Whether the realm answers over HTTPS.
    Realm,
    /// Whether UDP gets through to the realm.
    Udp,
    /// Whether the clock agrees with the realm's.
    Clock,
    /// Whether secrets have a safe place.
    Keyring,
    /// The game's files.
    Client,
    /// Whether an engine can run here.
    Engine,
    /// Room on the disk.
    Disk,
}

/// Whether something is good.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Good.
    Good,
    /// It works, but not well.
    Warning,
    /// It does not work.
    Broken,
    /// It could not be looked at, because something else is broken or not set.
    Skipped,
}

/// What would fix a finding. The UI has a sentence for each.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Fix {
    /// Ask the operator for the realm file.
    OpenRealmFile,
    /// Connect to a network.
    ConnectNetwork,
    /// Let the launcher through the firewall or use another network.
    AllowHttps,
    /// Nothing here; the realm is down.
    WaitForRealm,
    /// Ask the operator: the certificate changed.
    AskOperator,
    /// Let UDP through.
    AllowUdp,
    /// Set the clock.
    SetClock,
    /// Unlock or install a keyring.
    UnlockKeyring,
    /// Choose the game's folder.
    ChooseFolder,
    /// Patch the game.
    PatchClient,
    /// Install the game anew.
    ReinstallClient,
    /// Install wine.
    InstallWine,
    /// Make room.
    FreeDisk,
    /// Sign in first.
    SignIn,
}

/// Seconds by which the clock may be off: tokens have less leeway than this beyond.
const CLOCK_WARNING: u64 = 30;
/// Seconds from which on certificates and tokens are refused.
const CLOCK_BROKEN: u64 = 300;
/// Bytes that the state folder should have room for.
const DISK_WARNING: u64 = 2_000_000_000;
/// Bytes without which nothing can be kept.
const DISK_BROKEN: u64 = 100_000_000;

impl Finding {
    /// Something good.
    pub fn good(check: Check, detail: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Good, fix: None, detail: detail.into() }
    }

    /// Something that could not be looked at.
    #[must_use]
    pub fn skipped(check: Check, fix: Option<Fix>) -> Self {
        Self { check, verdict: Verdict::Skipped, fix, detail: String::new() }
    }

    /// Something that works, but not well.
    pub fn warning(check: Check, fix: Fix, detail: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Warning, fix: Some(fix), detail: detail.into() }
    }

    /// Something that does not work.
    pub fn broken(check: Check, fix: Fix, detail: impl Into<String>) -> Self {
        Self { check, verdict: Verdict::Broken, fix: Some(fix), detail: detail.into() }
    }
}

/// Judges the clock against the realm's, both in Unix seconds.
#[must_use]
pub fn judge_clock(here: u64, realm: u64) -> Finding {
    let off = here.abs_diff(realm);
    let way = if here > realm { "ahead" } else { "behind" };
    let detail = format!("{off} s {way}");
    if off >= CLOCK_BROKEN {
        Finding::broken(Check::Clock, Fix::SetClock, detail)
    } else if off >= CLOCK_WARNING {
        Finding::warning(Check::Clock, Fix::SetClock, detail)
    } else {
        Finding::good(Check::Clock, detail)
    }
}

/// Judges the room on the disk of the state folder.
#[must_use]
pub fn judge_disk(free: Option<u64>) -> Finding {
    let Some(free) = free else { return Finding::skipped(Check::Disk, None) };
    let detail = format!("{} MB free", free / 1_000_000);
    if free < DISK_BROKEN {
        Finding::broken(Check::Disk, Fix::FreeDisk, detail)
    } else if free < DISK_WARNING {
        Finding::warning(Check::Disk, Fix::FreeDisk, detail)
    } else {
        Finding::good(Check::Disk, detail)
    }
}

/// The findings as text for the operator.
#[must_use]
pub fn report(findings: &[Finding], version: &str, system: &str) -> String {
    let mut text = format!("Bifrost launcher {version} on {system}\n");
    for Finding { check, verdict, fix, detail } in findings {
        // Writing to a string cannot fail.
        let _written = write!(text, "{:8} {check:?}", format!("{verdict:?}").to_uppercase());
        if !detail.is_empty() {
            let _written = write!(text, ": {detail}");
        }
        if let Some(fix) = fix {
            let _written = write!(text, " [{fix:?}]");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clocks_may_differ_by_a_little() {
        assert_eq!(judge_clock(1_000, 990).verdict, Verdict::Good);
        assert_eq!(judge_clock(1_000, 1_060).verdict, Verdict::Warning);
        assert_eq!(judge_clock(1_000, 5_000), Finding::broken(Check::Clock, Fix::SetClock, "4000 s behind"));
    }

    #[test]
    fn a_disk_is_judged_by_its_room() {
        assert_eq!(judge_disk(None).verdict, Verdict::Skipped);
        assert_eq!(judge_disk(Some(50_000_000)).verdict, Verdict::Broken);
        assert_eq!(judge_disk(Some(1_000_000_000)).verdict, Verdict::Warning);
        assert_eq!(judge_disk(Some(9_000_000_000)).verdict, Verdict::Good);
    }

    #[test]
    fn a_report_has_a_line_a_finding() {
        let findings = [Finding::good(Check::Realm, "24 ms"), Finding::broken(Check::Udp, Fix::AllowUdp, "no answer")];
        let text = report(&findings, "0.1.0", "linux");
        assert_eq!(
            text,
            "Bifrost launcher 0.1.0 on linux\nGOOD     Realm: 24 ms\nBROKEN   Udp: no answer [AllowUdp]\n"
        );
    }
}
