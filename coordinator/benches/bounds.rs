//! What judging one save costs: of a player with a full inventory, a cart and a storage, on a group with as many others as an
//! engine carries, beside unpacking the same save, which is done anyway. `cargo bench -p bifrost-coordinator --bench bounds`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its result")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use bifrost_coordinator::bounds::facts::{Economy, ItemFacts, Rate, Yield};
use bifrost_coordinator::bounds::{Bounds, Rules, Saved};
use bifrost_protocol::ids::{AccountId, CharacterId, GroupName, HostId};
use bifrost_protocol::inter::{StorageKind, StorageSave};
use bifrost_protocol::layout::{CharacterImage, Item, StorageImage};
use bifrost_protocol::save::{pack, unpack};

/// Players of the group.
const PLAYERS: u32 = 200;
/// Saves of each.
const ROUNDS: u32 = 50;
/// The items of an inventory, a cart and a storage.
const PLACES: [(StorageKind, u16); 3] =
    [(StorageKind::INVENTORY, 100), (StorageKind::CART, 100), (StorageKind::STORAGE, 300)];
/// What drops.
const DROP: u32 = 909;

fn main() {
    let (group, host) = (GroupName("fields".to_owned()), HostId("host".to_owned()));
    let mut bounds = Bounds::new(economy(), Rules { slack: 1.25, experience: 3.0, items: 4.5, enforce: false });
    bounds.opened(&group, Duration::ZERO);
    let mut players: Vec<Player> = (1..=PLAYERS).map(Player::new).collect();
    for player in &players {
        bounds.arrives(&player.image, 0, false);
        for storage in &player.storages {
            bounds.loaded(player.account, storage.kind, &storage.image);
        }
        bounds.enters(player.character, &group, Duration::ZERO);
    }
    println!("{PLAYERS} players, {ROUNDS} saves each, microseconds a save");
    println!("{:<36} {:>8} {:>8} {:>8}", "", "p50", "p99", "max");
    let (mut still, mut hunting, mut unpacking, mut findings) = (Vec::new(), Vec::new(), Vec::new(), 0);
    for round in 1..=ROUNDS {
        let now = Duration::from_secs(60 * u64::from(round));
        for player in &mut players {
            let before = player.bytes();
            still.push(micros(|| findings += bounds.saved(&group, &host, &player.saved(), now).len()));
            player.hunts(round);
            hunting.push(micros(|| findings += bounds.saved(&group, &host, &player.saved(), now).len()));
            let after = player.bytes();
            let packed = pack(&before, &after).unwrap_or_default();
            unpacking.push(micros(|| {
                let _same = black_box(unpack(&before, &packed, after.len()));
            }));
        }
    }
    row("judged, as it was", &mut still);
    row("judged, with an item and experience", &mut hunting);
    row("unpacked", &mut unpacking);
    println!("{findings} findings");
}

struct Player {
    account: AccountId,
    character: CharacterId,
    image: CharacterImage,
    storages: Vec<StorageSave>,
}

impl Player {
    fn new(number: u32) -> Self {
        let (account, character) = (AccountId(2_000_000 + number), CharacterId(150_000 + number));
        let mut image = CharacterImage::zeroed();
        let view = image.view();
        image.update(&bifrost_protocol::layout::CharacterStatus {
            account,
            character,
            base_level: 50,
            job_level: 20,
            ..view
        });
        let storages = PLACES.map(|(kind, places)| {
            let items: Vec<Item> = (1..=places).map(|place| item(1_000 + u32::from(place), 3)).collect();
            StorageSave {
                account,
                character,
                kind,
                image: StorageImage::filled(kind.0.into(), account.0, places, &items),
            }
        });
        Self { account, character, image, storages: storages.into() }
    }

    /// One more of what drops, and some experience.
    fn hunts(&mut self, round: u32) {
        if let Some(inventory) = self.storages.first_mut() {
            let amount = i16::try_from(round).unwrap_or(i16::MAX);
            inventory.image.set_item(99, Some(&item(DROP, amount)));
        }
        let view = self.image.view();
        self.image.update(&bifrost_protocol::layout::CharacterStatus { base_exp: view.base_exp + 10, ..view });
    }

    fn saved(&self) -> Saved<'_> {
        Saved { character: self.character, image: &self.image, storages: &self.storages, guild: None }
    }

    fn bytes(&self) -> Vec<u8> {
        let storages = self.storages.iter().flat_map(|storage| storage.image.as_bytes());
        self.image.as_bytes().iter().chain(storages).copied().collect()
    }
}

fn item(kind: u32, amount: i16) -> Item {
    Item { kind, amount, identified: 1, ..Item::default() }
}

fn economy() -> Economy {
    let rate = Rate { at_once: 10_000.0, per_second: 100.0 };
    let fields = Yield {
        kills: rate,
        base_experience: rate,
        job_experience: rate,
        items: BTreeMap::from([(DROP, rate)]),
        ..Yield::default()
    };
    let facts =
        |number: u32| (number, ItemFacts { name: format!("Item_{number}"), stacks: true, ..ItemFacts::default() });
    Economy {
        items: (1_001..=1_300).chain([DROP]).map(facts).collect(),
        base_levels: BTreeMap::from([(0, (0..99_u64).map(|level| level * level * 1_000).collect())]),
        job_levels: BTreeMap::from([(0, (0..50_u64).map(|level| level * level * 500).collect())]),
        groups: BTreeMap::from([("fields".to_owned(), fields)]),
        ..Economy::default()
    }
}

fn micros(work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    started.elapsed().as_secs_f64() * 1e6
}

fn row(name: &str, micros: &mut [f64]) {
    micros.sort_by(f64::total_cmp);
    let at = |share: f64| micros[((micros.len() - 1) as f64 * share) as usize];
    println!("{name:<36} {:>8.2} {:>8.2} {:>8.2}", at(0.5), at(0.99), at(1.0));
}
