//! The TypeScript side of commands and views: `ui/src/lib/bindings.ts`, generated from the Rust types.

use std::path::Path;

use ts_rs::{Config, TS};

use crate::{command, doctor, log, manners, settings, view};

/// Every type the UI sees, in the order of the file.
macro_rules! declarations {
    ($($kind:ty),+ $(,)?) => {{
        let config = Config::default();
        [$(format!("export {}\n", <$kind as TS>::decl(&config))),+].join("\n")
    }};
}

fn bindings() -> String {
    let types = declarations![
        view::View,
        view::Phase,
        view::Trouble,
        view::AfterDrain,
        view::PauseReason,
        view::Problem,
        view::ProblemCode,
        view::RealmView,
        view::Numbers,
        view::Transport,
        view::GroupView,
        view::MyPc,
        view::Measured,
        view::BenchStep,
        view::Criterion,
        view::CriterionName,
        view::Help,
        view::Contribution,
        view::HourOfDay,
        view::PlayView,
        view::PlayStep,
        view::GameEnd,
        view::Note,
        view::UpdateView,
        settings::Settings,
        settings::Theme,
        settings::Language,
        manners::Manners,
        manners::Hours,
        doctor::DoctorView,
        doctor::Finding,
        doctor::Check,
        doctor::Verdict,
        doctor::Fix,
        log::LogLine,
        log::LogLevel,
        command::Command,
        command::Question,
        command::Answer,
        command::CommandError,
        command::CommandCode,
    ];
    format!(
        "// Generated from launcher/src by `BIFROST_BLESS=1 cargo test -p bifrost-launcher bindings`. Do not edit.\n\n{types}"
    )
}

#[test]
fn bindings_are_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../ui/src/lib/bindings.ts");
    let wanted = bindings();
    if std::env::var_os("BIFROST_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(&path, &wanted).expect("written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == wanted, "ui/src/lib/bindings.ts is old: BIFROST_BLESS=1 cargo test -p bifrost-launcher bindings");
}
