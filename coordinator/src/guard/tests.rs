//! A realm in small: two players here, one elsewhere, and everything a rule may ask for.

mod attacks;
mod list;
mod replay;
mod routes;
mod saves;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use bifrost_protocol::fixture::Fixture;
use bifrost_protocol::ids::{AccountId, CharacterId, MapName, MapPoint};
use bifrost_protocol::inter::{
    Authenticated, Guild, GuildInfo, GuildMember, Homunculus, HomunculusLoaded, MailInbox, MailMessage, Mercenary,
    MercenaryLoaded, Party, PartyInfo, PartyMember, PetCreated,
};
use bifrost_protocol::layout::CharacterImage;
use bifrost_protocol::{FixedText, Packet, Secret};
use bytes::Bytes;

use super::{EngineKey, Guard, Sessions, Subject};

const ENGINE: EngineKey = EngineKey(1);
const OTHER_ENGINE: EngineKey = EngineKey(2);
const NOW: Duration = Duration::from_secs(1_000);

const ONE: (AccountId, CharacterId) = (AccountId(2_000_001), CharacterId(150_001));
const TWO: (AccountId, CharacterId) = (AccountId(2_000_002), CharacterId(150_002));
/// Not on this engine.
const STRANGER: (AccountId, CharacterId) = (AccountId(2_000_003), CharacterId(150_003));

/// A player of the realm.
struct Player {
    pseudonyms: (u32, u32),
    group_id: u32,
    awaited: bool,
    image: CharacterImage,
}

/// Players and maps, as a fleet would know them.
#[derive(Default)]
struct World {
    players: Vec<Player>,
    left: BTreeSet<AccountId>,
    /// Maps of the engine.
    own: BTreeSet<String>,
    /// Maps of other servers of the realm.
    others: BTreeSet<String>,
}

const CITY: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(127, 0, 0, 1), 5121);

impl World {
    fn subject(&self, fits: impl Fn(&(AccountId, CharacterId)) -> bool) -> Option<Subject<'_>> {
        self.players.iter().find_map(|player| {
            let status = player.image.view();
            fits(&(status.account, status.character)).then(|| Subject {
                account: status.account,
                character: status.character,
                name: status.name,
                pseudonyms: Secret::new(player.pseudonyms),
                sex: status.sex,
                group_id: player.group_id,
                client_address: Ipv4Addr::LOCALHOST,
                awaited: player.awaited,
                image: &player.image,
            })
        })
    }

    fn player(&mut self, account: AccountId) -> &mut Player {
        self.players.iter_mut().find(|player| player.image.view().account == account).expect("is here")
    }
}

impl Sessions for World {
    fn by_account(&self, account: AccountId) -> Option<Subject<'_>> {
        self.subject(|(found, _)| *found == account)
    }

    fn by_character(&self, character: CharacterId) -> Option<Subject<'_>> {
        self.subject(|(_, found)| *found == character)
    }

    fn left(&self, account: Option<AccountId>, character: Option<CharacterId>) -> bool {
        let account = account.or_else(|| character.map(|character| AccountId(character.0.wrapping_add(1_850_000))));
        account.is_some_and(|account| self.left.contains(&account))
    }

    fn is_map(&self, map: &MapName) -> bool {
        self.serves(map) || self.others.contains(map.as_str())
    }

    fn serves(&self, map: &MapName) -> bool {
        self.own.contains(map.as_str())
    }

    fn walkable(&self, at: &MapPoint) -> bool {
        at.x < 400 && at.y < 400
    }

    fn server_of(&self, map: &MapName) -> Option<SocketAddrV4> {
        self.others.contains(map.as_str()).then_some(CITY)
    }
}

/// All recorded packets, by name.
static FIXTURES: LazyLock<BTreeMap<String, Fixture>> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../node/protocol/fixtures/inter");
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let read = |path: PathBuf| {
        let name = path.file_stem().expect("a file").to_string_lossy().into_owned();
        (name, Fixture::parse(&fs::read_to_string(path).expect("readable")).expect("a fixture"))
    };
    entries.map(|entry| read(entry.expect("readable").path())).collect()
});

/// A recorded packet.
fn fixture(name: &str) -> Vec<u8> {
    FIXTURES.get(name).unwrap_or_else(|| panic!("{name} is not recorded")).bytes.clone()
}

/// A recorded packet, decoded.
fn recorded<P: Packet>() -> P {
    P::decode(&fixture(P::NAME)).expect("decodes")
}

/// The character of a player, on the engine's map.
fn image(who: (AccountId, CharacterId), name: &str) -> CharacterImage {
    let mut image = recorded::<bifrost_protocol::inter::Save>().image;
    image.set_account(who.0);
    image.set_character(who.1);
    image.set_name(FixedText::new(name));
    image
}

/// Two players on a connected engine; nobody is in a party or guild.
fn base() -> (Guard, World) {
    let mut guard = Guard::default();
    let mut world = World::default();
    world.own.extend(["prt_fild08", "prt_fild05"].map(str::to_owned));
    world.others.extend(["prontera", "izlude"].map(str::to_owned));
    let answer = recorded::<Authenticated>();
    for (who, name) in [(ONE, "Bot0001"), (TWO, "Bot0002")] {
        let image = image(who, name);
        let said = Authenticated { account: who.0, image: image.clone(), ..answer.clone() };
        guard.down(&said.encode()).expect("is taken");
        world.players.push(Player { pseudonyms: (0x1111, 0x2222), group_id: 0, awaited: false, image });
    }
    let tables = Bytes::from(fixture("StorageTables"));
    guard.down(&tables).expect("is taken");
    guard.up(ENGINE, &fixture("Login").into(), &world, NOW).expect("logs in");
    (guard, world)
}

/// The same two in party 1, led by the first, and in guild 1, whose master it is. The first has a pet's egg (1), a
/// homunculus (1), a mercenary (1), an elemental (9) and a mail (12).
fn joined() -> (Guard, World) {
    let (mut guard, world) = base();
    let member = |who: (AccountId, CharacterId), name: &str, flags| PartyMember {
        account: who.0,
        character: who.1,
        name: FixedText::new(name),
        flags,
        ..PartyMember::default()
    };
    let mut party = recorded::<PartyInfo>();
    party.party = Party { id: 1, ..party.party };
    party.party.members.0 = [PartyMember::default(); 12];
    party.party.members.0[0] = member(ONE, "Bot0001", 3);
    party.party.members.0[1] = member(TWO, "Bot0002", 2);
    party.party.members.0[2] = member(STRANGER, "Bot0003", 2);
    let fellow = |who: (AccountId, CharacterId), name: &str, position| GuildMember {
        account: who.0,
        character: who.1,
        name: FixedText::new(name),
        position,
        exp: 1_000,
        ..GuildMember::default()
    };
    let mut guild = recorded::<GuildInfo>();
    guild.guild = Guild { id: 1, ..guild.guild };
    guild.guild.members.0 = [GuildMember::default(); 76];
    guild.guild.members.0[0] = fellow(ONE, "Bot0001", 0);
    guild.guild.members.0[1] = fellow(TWO, "Bot0002", 19);
    guild.guild.members.0[2] = fellow(STRANGER, "Bot0003", 19);
    for packet in [party.encode(), guild.encode()].into_iter().chain(belongings()) {
        guard.down(&packet).expect("is taken");
    }
    (guard, world)
}

/// What the char-server says of the first player's things.
fn belongings() -> Vec<Bytes> {
    let mut inbox = recorded::<MailInbox>();
    inbox.character = ONE.1;
    inbox.messages.0[0] = MailMessage { id: 12, to: ONE.1, ..MailMessage::default() };
    let homunculus = Homunculus { id: 1, character: ONE.1, ..Homunculus::default() };
    let mercenary = Mercenary { id: 1, character: ONE.1, ..Mercenary::default() };
    let mut elemental = recorded::<bifrost_protocol::inter::ElementalLoaded>();
    (elemental.ok, elemental.elemental.id, elemental.elemental.character) = (1, 9, ONE.1);
    vec![
        inbox.encode(),
        HomunculusLoaded { account: ONE.0, ok: 1, homunculus }.encode(),
        MercenaryLoaded { ok: 1, mercenary }.encode(),
        PetCreated { account: ONE.0, class: 1_002, pet: 1 }.encode(),
        elemental.encode(),
    ]
}

/// Writes bytes into a packet; behind its end, it grows.
fn put(packet: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if packet.len() < offset + bytes.len() {
        packet.resize(offset + bytes.len(), 0);
    }
    packet[offset..offset + bytes.len()].copy_from_slice(bytes);
}

/// Writes its real length into a sized packet.
fn fit(packet: &mut Vec<u8>) {
    let len = u16::try_from(packet.len()).expect("short").to_le_bytes();
    put(packet, 2, &len);
}
