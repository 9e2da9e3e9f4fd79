//! The protocol crate's fixtures, and what a hostile peer makes of them.

use std::fs;
use std::path::Path;

use bifrost_protocol::fixture::Fixture;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::tidy::root;

/// All fixtures below `node/protocol/fixtures/FOLDER`, as bytes.
pub(crate) fn fixtures(folder: &str) -> Vec<(String, Vec<u8>)> {
    let path = root().join("node/protocol/fixtures").join(folder);
    let entries = fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut found: Vec<_> = entries.flatten().map(|entry| (name(&entry.path()), read(&entry.path()))).collect();
    found.sort();
    assert!(!found.is_empty(), "no fixtures in {}", path.display());
    found
}

fn name(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

fn read(path: &Path) -> Vec<u8> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    Fixture::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display())).bytes
}

/// A packet as a hostile peer might send it: as it is, cut, with a bit flipped, lengthened, with another length, twice.
pub(crate) fn mutations(packet: &[u8], seed: u64) -> Vec<Vec<u8>> {
    let mut random = StdRng::seed_from_u64(seed);
    let mut mutations = vec![packet.to_vec(), [packet, packet].concat()];
    for _ in 0..3 {
        let cut = random.random_range(0..packet.len());
        mutations.push(packet[..cut].to_vec());
        let mut flipped = packet.to_vec();
        flipped[random.random_range(0..packet.len())] ^= 1 << random.random_range(0..8);
        mutations.push(flipped);
    }
    let mut long = packet.to_vec();
    long.resize(packet.len() + random.random_range(1..5_000), 0x41);
    mutations.push(long);
    for length in [0_u16, 3, u16::MAX] {
        let mut lying = packet.to_vec();
        if let Some(field) = lying.get_mut(2..4) {
            field.copy_from_slice(&length.to_le_bytes());
            mutations.push(lying);
        }
    }
    mutations
}

/// Bytes without any sense.
pub(crate) fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut random = StdRng::seed_from_u64(seed);
    (0..length).map(|_| random.random()).collect()
}
