//! Writes the recorded packets where cargo-fuzz looks for seeds: `cargo run --bin seeds`, then `cargo fuzz run TARGET`.

use std::path::Path;
use std::{fs, io};

use bifrost_protocol::fixture::Fixture;

/// Fixture folders and the targets they seed.
const SEEDS: &[(&str, &str)] = &[
    ("map", "client"),
    ("login", "login_char"),
    ("character", "login_char"),
    ("inter", "inter"),
    ("inter", "layout"),
    ("inter", "transcode"),
    ("layout", "transcode"),
    ("layout-windows", "transcode"),
    ("control", "control"),
];

/// The messages of the control target, in the order of its first byte.
const CONTROL: &[&str] = &[
    "NodeMessage",
    "CoordinatorMessage",
    "EngineUp",
    "EngineDown",
    "GameOpen",
    "SyncOpen",
    "ProbeOpen",
    "ProbeReport",
];

fn main() -> io::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (folder, target) in SEEDS {
        let corpus = root.join("corpus").join(target);
        fs::create_dir_all(&corpus)?;
        for entry in fs::read_dir(root.join("../fixtures").join(folder))? {
            let path = entry?.path();
            let fixture = Fixture::parse(&fs::read_to_string(&path)?).map_err(io::Error::other)?;
            let seed = if *target == "control" { control(&fixture) } else { fixture.bytes };
            fs::write(corpus.join(path.file_stem().unwrap_or_default()), seed)?;
        }
    }
    Ok(())
}

/// A control message behind the byte that says which it is.
fn control(fixture: &Fixture) -> Vec<u8> {
    let list = fixture.packet.split("::").next().unwrap_or_default();
    let kind = CONTROL.iter().position(|name| *name == list).unwrap_or(CONTROL.len());
    [&[u8::try_from(kind).unwrap_or(u8::MAX)], fixture.bytes.as_slice()].concat()
}
