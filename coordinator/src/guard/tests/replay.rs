//! Whole lives of stock map-servers: what real ones send passes, and nothing of a real char-server is without a way.

use bifrost_protocol::frame::LengthTable;
use bifrost_protocol::inter::{Authenticate, ChangeServer, Save, char_to_map, map_to_char};
use bytes::BytesMut;

use super::*;
use crate::guard::{AcceptedSave, Ruling, Violation, Way};

/// One packet of a recorded link.
struct Event {
    at: Duration,
    up: bool,
    packet: Bytes,
}

/// All packets of a recorded link, in order.
fn events(name: &str) -> Vec<Event> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("fixtures/chrif/{name}.txt.zst"));
    let packed = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let text = zstd::decode_all(packed.as_slice()).expect("unpacks");
    let text = String::from_utf8(text).expect("is text");
    let (mut up, mut down) = (BytesMut::new(), BytesMut::new());
    let mut events = Vec::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [seconds, direction, hex] = words[..] else { panic!("{line}") };
        let at = Duration::from_secs_f64(seconds.parse().expect("seconds"));
        let is_up = direction == ">";
        let (buffer, table): (_, &LengthTable) =
            if is_up { (&mut up, map_to_char()) } else { (&mut down, char_to_map()) };
        let digit = |digit: u8| if digit.is_ascii_digit() { digit - b'0' } else { digit - b'a' + 10 };
        buffer.extend(hex.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])));
        while let Some(packet) = table.next(buffer).expect("framed") {
            events.push(Event { at, up: is_up, packet });
        }
    }
    events
}

fn id(packet: &[u8]) -> u16 {
    u16::from_le_bytes([packet[0], packet[1]])
}

/// Packets that may follow a 0x2b01 in its save.
const TAIL: [u16; 6] = [0x3061, 0x3063, 0x3073, 0x307f, 0x3082, 0x3092];

/// A link being played.
struct Replay {
    guard: Guard,
    world: World,
    breaches: BTreeMap<(&'static str, &'static str), usize>,
    rulings: BTreeMap<&'static str, usize>,
    saves: Vec<AcceptedSave>,
    shared: usize,
}

impl Replay {
    fn breach(&mut self, violation: &Violation) {
        assert!(!violation.grave, "{violation:?}");
        *self.breaches.entry((violation.packet, violation.rule)).or_default() += 1;
    }

    /// A client comes: the fleet asks the char-server itself, and sends the client to the engine.
    fn arrives(&mut self, events: &[Event], asked: &Authenticate) {
        let let_in = events.iter().filter(|event| !event.up && id(&event.packet) == Authenticated::ID);
        let mut answers = let_in.map(|event| Authenticated::decode(&event.packet).expect("decodes"));
        let answer = answers.find(|answer| answer.account == asked.account).expect("is let in");
        assert_eq!(self.guard.down(&answer.encode()), Ok(Way::Fleet));
        let pseudonyms = (*answer.login_id1.expose(), *answer.login_id2.expose());
        self.world.left.remove(&answer.account);
        let player = Player { pseudonyms, group_id: answer.group, awaited: true, image: answer.image };
        self.world.players.push(player);
    }

    fn leaves(&mut self, account: AccountId) {
        self.world.players.retain(|player| player.image.view().account != account);
        self.world.left.insert(account);
    }

    fn up(&mut self, events: &[Event], event: &Event) {
        if id(&event.packet) == Authenticate::ID {
            self.arrives(events, &Authenticate::decode(&event.packet).expect("decodes"));
        }
        match self.guard.up(ENGINE, &event.packet, &self.world, event.at) {
            Ok(ruling) => self.ruled(ruling, &event.packet),
            Err(violation) => self.breach(&violation),
        }
    }

    fn ruled(&mut self, ruling: Ruling, packet: &Bytes) {
        let name = match ruling {
            Ruling::Answer(_) => "answer",
            Ruling::Forward(forward) => {
                assert_eq!(map_to_char().measure(&forward.packet), Ok(Some(forward.packet.len())));
                self.shared += usize::from(forward.share.is_some());
                "forward"
            }
            Ruling::Drop => "drop",
            Ruling::Part => panic!("a part comes alone: {:04x}", id(packet)),
            Ruling::Connects(_) => "connects",
            Ruling::HasMaps(..) => "has_maps",
            Ruling::HasPlayers(_) => "has_players",
            Ruling::HasNobody => "has_nobody",
            Ruling::Lives => "lives",
            Ruling::Arrives(account, _) => {
                self.world.player(account).awaited = false;
                "arrives"
            }
            Ruling::Online(..) => "online",
            Ruling::ChangesMap { account, .. } => {
                let said = ChangeServer::decode(packet).expect("decodes");
                assert_eq!(said.account, account);
                self.leaves(account);
                "changes_map"
            }
            Ruling::Selects(_) => "selects",
            Ruling::Leaves(..) => "leaves",
        };
        *self.rulings.entry(name).or_default() += 1;
    }

    /// The packets of one save that start at `events[0]`; how many they are.
    fn save(&mut self, events: &[Event]) -> usize {
        let (mut packets, mut state, mut taken) = (BytesMut::new(), None, 0);
        for (index, event) in events.iter().enumerate() {
            if !event.up {
                continue;
            }
            if state.is_some() && !TAIL.contains(&id(&event.packet))
                || event.at > events[0].at + Duration::from_millis(200)
            {
                break;
            }
            if id(&event.packet) == Save::ID {
                state = Some(Save::decode(&event.packet).expect("decodes"));
            }
            packets.extend_from_slice(&event.packet);
            taken = index + 1;
        }
        let (state, packets) = (state.expect("a whole save"), packets.freeze());
        let account = state.account;
        let mut saved = self.guard.save(ENGINE, state.character, &packets, &self.world, events[0].at);
        if let Err(violation) = &saved {
            self.breach(violation);
            // An operator's command: as if it had been done on the operator's own server.
            let (player, wanted) = (self.world.player(account), state.image.view());
            player.image.set_class(wanted.class);
            player.image.set_job_level(wanted.job_level);
            saved = self.guard.save(ENGINE, state.character, &packets, &self.world, events[0].at);
        }
        let saved = saved.unwrap_or_else(|violation| panic!("{violation:?}")).expect("is here");
        self.world.player(account).image = saved.image.clone();
        if saved.last {
            self.leaves(account);
        }
        self.saves.push(saved);
        taken
    }
}

fn replay(name: &str, own: &[&str], others: &[&str]) -> Replay {
    let mut world = World::default();
    world.own.extend(own.iter().map(|map| (*map).to_owned()));
    world.others.extend(others.iter().map(|map| (*map).to_owned()));
    let (guard, breaches, rulings, saves) = Default::default();
    let mut replay = Replay { guard, world, breaches, rulings, saves, shared: 0 };
    let events = events(name);
    let mut done = BTreeSet::new();
    for (index, event) in events.iter().enumerate() {
        if done.contains(&index) {
            continue;
        }
        if !event.up {
            // What let a player in was heard when its client came.
            if id(&event.packet) != Authenticated::ID {
                replay.guard.down(&event.packet).unwrap_or_else(|error| panic!("{:04x}: {error}", id(&event.packet)));
            }
        } else if matches!(id(&event.packet), 0x2b1c | 0x2b2e) {
            let taken = replay.save(&events[index..]);
            let ups = (index..index + taken).filter(|place| events[*place].up);
            done.extend(ups);
        } else {
            replay.up(&events[index..], event);
        }
    }
    replay
}

/// On its own link a map-server gets every whisper, and says of those for players elsewhere that they are not here. The fleet
/// says that itself, and its engines do not get them.
const ANSWERS_FOR_NOBODY: ((&str, &str), usize) = (("whisper_answer", "not_asked"), 1);

#[test]
fn a_field_servers_life_passes() {
    let replay = replay("chrif-field-1", &["prt_fild08", "prt_fild05"], &["prontera", "izlude", "prt_in"]);
    assert_eq!(replay.breaches, BTreeMap::new());
    assert_eq!(replay.saves.len(), 6);
    let last = replay.saves.last().expect("saved");
    assert!(last.last && last.parts.len() == 6 && last.answers.len() == 2 && last.storages.len() == 2);
    assert_eq!(replay.guard.knowledge_size(), 1, "one player came");
}

#[test]
fn a_city_servers_life_passes() {
    let replay = replay("chrif-city-1", &["prontera", "izlude", "prt_in"], &["prt_fild08", "prt_fild05"]);
    assert_eq!(replay.breaches, BTreeMap::new());
    assert_eq!(replay.saves.len(), 2);
}

#[test]
fn players_who_do_things_together_pass() {
    let mut replay = replay("social-field", &["prt_fild08", "prt_fild05"], &["prontera", "izlude", "prt_in"]);
    // A game master's command made a novice an alchemist, which no novice becomes.
    assert_eq!(replay.breaches, BTreeMap::from([(("save", "class"), 1), ANSWERS_FOR_NOBODY]));
    assert_eq!((replay.saves.len(), replay.shared), (37, 6), "party and guild hear what was said");
    assert_eq!(replay.rulings["arrives"], 4);
    assert_eq!((replay.rulings["selects"], replay.rulings["changes_map"]), (1, 1));
    let headings: Vec<_> = replay.saves.iter().filter_map(|save| save.heading.as_ref()).collect();
    assert_eq!(headings.iter().map(|to| to.map.as_str()).collect::<Vec<_>>(), ["prontera"], "one walked to the city");
    assert_eq!(replay.guard.take_cut(), []);
}

#[test]
fn players_in_the_city_pass() {
    let replay = replay("social-city", &["prontera", "izlude", "prt_in"], &["prt_fild08", "prt_fild05"]);
    assert_eq!(replay.breaches, BTreeMap::from([ANSWERS_FOR_NOBODY]));
}
