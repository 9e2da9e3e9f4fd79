use std::net::{Ipv4Addr, SocketAddrV4};

use bifrost_protocol::ids::MapName;
use bifrost_protocol::inter::{ChangeServer, KickReason, OnlinePlayer};
use bifrost_protocol::{FixedText, PortBe, Secret};
use proptest::prelude::*;

use super::*;

const ANN: AccountId = AccountId(2_000_000);
const KNIGHT: CharacterId = CharacterId(150_000);
const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 1);

fn ids(number: u32) -> LoginIds {
    LoginIds { first: Secret::new(number), second: Secret::new(number + 1) }
}

fn map(name: &str) -> MapName {
    MapName::new(name).expect("legal")
}

/// A state, and the clock that only tests move.
struct World {
    state: State,
    now: Instant,
}

impl World {
    fn new() -> Self {
        Self { state: State::default(), now: Instant::now() }
    }

    fn server(&mut self, port: u16, maps: &[&str]) -> ServerId {
        let id = self.state.add_server(SocketAddrV4::new(ADDRESS, port)).expect("room");
        let names: Vec<_> = maps.iter().map(FixedText::new).collect();
        self.state.set_maps(id, &names).expect("legal");
        id
    }

    fn log_in(&mut self, number: u32) -> (LoginAnswer, Vec<Order>) {
        self.state.log_in(ANN, Pass::for_session(ids(number), 1, 0, self.now), self.now)
    }

    fn enter(&mut self, number: u32) -> (SeatId, EnterAnswer, Vec<Order>) {
        let seat = self.state.next_seat();
        let (answer, orders) = self.state.enter(ANN, ids(number), 1, seat, self.now);
        (seat, answer, orders)
    }

    fn choose(&mut self, number: u32, name: &str) -> Option<SocketAddrV4> {
        let pass = Pass { character: Some(KNIGHT), ..Pass::for_session(ids(number), 1, 0, self.now) };
        self.state.choose(ANN, &map(name), pass, self.now)
    }

    fn take(&mut self, number: u32) -> Option<Pass> {
        self.state.take_pass(ANN, KNIGHT, Secret::new(number), self.now)
    }

    /// Logs in, chooses, and enters a map-server.
    fn play(&mut self, server: ServerId, name: &str) {
        assert_eq!(self.log_in(1).0, LoginAnswer::Accepted);
        let (seat, answer, _) = self.enter(1);
        assert!(matches!(answer, EnterAnswer::Accepted(_)));
        self.choose(1, name).expect("has a server");
        self.state.seat_gone(ANN, seat, self.now);
        self.take(1).expect("has a pass");
        assert_eq!(self.state.came_online(server, ANN, KNIGHT), []);
    }

    fn after(&mut self, time: Duration) -> Vec<Order> {
        self.now += time;
        self.state.tick(self.now)
    }

    fn change(&self, number: u32, port: u16, name: &str) -> ChangeServer {
        ChangeServer {
            account: ANN,
            login_id1: ids(number).first,
            login_id2: ids(number).second,
            character: KNIGHT,
            map: FixedText::new(name),
            x: 10,
            y: 20,
            ip: ADDRESS.into(),
            port: PortBe(port),
            sex: 1,
            client_ip: ADDRESS.into(),
            group: 5,
        }
    }
}

fn kicks(orders: &[Order], server: ServerId) -> bool {
    matches!(orders, [Order::Tell(to, CharToMap::Kick(kick))]
        if *to == server && kick.account == ANN && kick.reason == KickReason::OTHER_LOGIN)
}

#[test]
fn a_player_goes_from_login_to_map_once_per_pass() {
    let mut world = World::new();
    let server = world.server(5121, &["prontera"]);
    world.play(server, "prontera");
    assert_eq!(world.state.users(), 1);
    assert!(world.take(1).is_none(), "a pass is taken once");
    assert_eq!(world.state.take_changed(), BTreeMap::from([(KNIGHT, true)]));
    world.state.went_offline(server, ANN, KNIGHT);
    assert_eq!(world.state.users(), 0);
    assert_eq!(world.state.take_changed(), BTreeMap::from([(KNIGHT, false)]));
    assert_eq!(world.log_in(2).0, LoginAnswer::Accepted);
}

#[test]
fn wrong_ids_and_late_clients_are_rejected() {
    let mut world = World::new();
    world.log_in(1);
    assert_eq!(world.enter(9).1, EnterAnswer::Rejected);
    world.after(AUTH_TIMEOUT);
    assert_eq!(world.enter(1).1, EnterAnswer::Rejected);

    let server = world.server(5121, &["prontera"]);
    world.log_in(1);
    world.enter(1);
    world.choose(1, "prontera").expect("has a server");
    assert!(world.take(9).is_none());
    world.now += PASS_LIFETIME;
    assert!(world.take(1).is_none(), "expired, though no tick has swept it");
    assert_eq!(world.state.users(), 0);
    let _ = server;
}

#[test]
fn a_second_login_turns_out_who_plays_and_succeeds_once_the_player_is_gone() {
    let mut world = World::new();
    let server = world.server(5121, &["prontera"]);
    world.play(server, "prontera");
    let (answer, orders) = world.log_in(2);
    assert!(answer == LoginAnswer::StillOnline && kicks(&orders, server), "{orders:?}");
    world.state.went_offline(server, ANN, KNIGHT);
    assert_eq!(world.log_in(3), (LoginAnswer::Accepted, Vec::new()));
}

#[test]
fn a_map_server_that_does_not_turn_a_player_out_loses_it() {
    let mut world = World::new();
    let server = world.server(5121, &["prontera"]);
    world.play(server, "prontera");
    world.log_in(2);
    world.after(AUTH_TIMEOUT - Duration::from_secs(1));
    assert_eq!(world.log_in(3).0, LoginAnswer::StillOnline);
    world.after(Duration::from_secs(1));
    assert_eq!(world.log_in(4).0, LoginAnswer::Accepted);
}

#[test]
fn a_second_login_closes_the_seat_at_the_character_selection() {
    let mut world = World::new();
    world.log_in(1);
    let (seat, ..) = world.enter(1);
    assert_eq!(world.log_in(2), (LoginAnswer::StillOnline, vec![Order::TurnOut(seat, CloseReason::OTHER_LOGIN)]));
    world.state.seat_gone(ANN, seat, world.now);
    assert_eq!(world.log_in(3).0, LoginAnswer::Accepted);
}

#[test]
fn a_second_connection_with_the_same_session_is_refused() {
    let mut world = World::new();
    let server = world.server(5121, &["prontera"]);
    world.log_in(1);
    let (seat, ..) = world.enter(1);
    world.choose(1, "prontera").expect("has a server");
    let (other, answer, _) = world.enter(1);
    assert_eq!(answer, EnterAnswer::StillOnline);
    world.state.seat_gone(ANN, other, world.now);
    world.state.came_online(server, ANN, KNIGHT);
    world.state.seat_gone(ANN, seat, world.now);
    assert_eq!(world.state.users(), 1, "leaving the seat does not end the game");
}

#[test]
fn a_change_of_map_server_leads_to_the_address_that_has_the_map() {
    let mut world = World::new();
    let (city, fields) = (world.server(5121, &["prontera"]), world.server(5200, &["prt_fild08"]));
    world.play(city, "prontera");
    for wrong in [world.change(1, 5200, "prontera"), world.change(1, 5121, "prt_fild08"), world.change(1, 5200, "x'")] {
        assert!(!world.state.change_server(&wrong, world.now), "{wrong:?}");
    }
    assert!(world.state.change_server(&world.change(1, 5200, "prt_fild08"), world.now));
    world.state.went_offline(city, ANN, KNIGHT);
    assert_eq!(world.state.users(), 1, "the server it left has no say any more");
    let pass = world.take(1).expect("has a pass");
    assert!(pass.changing && pass.group == 5);
    let mut image = bifrost_protocol::layout::CharacterImage::zeroed();
    pass.apply(&mut image);
    let point = image.view().last_point;
    assert_eq!((point.map.to_text(), point.x, point.y), ("prt_fild08".into(), 10, 20));
    assert_eq!(world.state.came_online(fields, ANN, KNIGHT), []);
}

#[test]
fn a_player_returns_to_the_character_selection_without_a_new_login() {
    let mut world = World::new();
    let server = world.server(5121, &["prontera"]);
    world.play(server, "prontera");
    let other = world.server(5122, &[]);
    let pass = |world: &World| Pass::for_session(ids(1), 1, 0, world.now + PASS_LIFETIME);
    assert!(!world.state.return_to_selection(other, ANN, pass(&world), world.now), "it plays elsewhere");
    assert!(world.state.return_to_selection(server, ANN, pass(&world), world.now));
    world.state.went_offline(server, ANN, KNIGHT);
    let (_, answer, _) = world.enter(1);
    assert!(matches!(answer, EnterAnswer::Accepted(_)));
}

#[test]
fn players_of_a_lost_map_server_are_claimed_again_or_forgotten() {
    let mut world = World::new();
    let (first, second) = (world.server(5121, &["prontera"]), world.server(5200, &["prt_fild08"]));
    world.play(first, "prontera");
    let orders = world.state.server_gone(first, world.now);
    assert!(matches!(&orders[..], [Order::Tell(to, CharToMap::ServerGone(_))] if *to == second), "{orders:?}");
    assert_eq!(world.state.users(), 0);
    let again = world.server(5121, &["prontera"]);
    let players = [OnlinePlayer { account: ANN, character: KNIGHT }];
    assert_eq!(world.state.claim(again, &players, world.now), []);
    assert_eq!(world.state.users(), 1);
    assert!(
        kicks(&world.state.claim(second, &players, world.now), again),
        "claimed twice: the first one has to let go"
    );
    world.state.server_gone(second, world.now);
    assert_eq!(world.log_in(1).0, LoginAnswer::StillOnline);
    assert_eq!(world.log_in(1).0, LoginAnswer::Accepted, "as in rAthena, the first refusal makes room");
    world.after(LOST_SERVER_TIMEOUT);
}

#[test]
fn map_servers_hear_of_each_others_maps_and_of_the_number_of_players() {
    let mut world = World::new();
    let city = world.server(5121, &["prontera"]);
    let fields = world.state.add_server(SocketAddrV4::new(ADDRESS, 5200)).expect("room");
    let taken = world.state.set_maps(fields, &[FixedText::new("prt_fild08")]).expect("legal");
    assert!(matches!(&taken.others[..], [CharToMap::ServerMaps(maps)] if maps.port == PortBe(5121)));
    assert!(matches!(&taken.orders[..], [Order::Tell(to, CharToMap::ServerMaps(_))] if *to == city));
    world.play(city, "prontera");
    let count = |users| Order::Tell(city, bifrost_protocol::inter::TotalUsers { users }.into());
    assert!(world.after(USER_COUNT_INTERVAL).contains(&count(1)));
    assert_eq!(world.after(USER_COUNT_INTERVAL), [], "only when it changed");
    world.state.all_offline(city);
    assert!(world.after(USER_COUNT_INTERVAL).contains(&count(0)));
}

#[test]
fn map_servers_and_their_maps_are_bounded() {
    let mut world = World::new();
    let first = world.server(5121, &[]);
    for port in 1..MAX_MAP_SERVERS {
        world.server(u16::try_from(port).expect("small"), &[]);
    }
    assert_eq!(world.state.add_server(SocketAddrV4::new(ADDRESS, 1)), None);
    let many = vec![FixedText::new("prontera"); 3_000];
    assert!(world.state.set_maps(first, &many).is_err());
    assert!(world.state.set_maps(first, &[FixedText::new("a b")]).is_err());
    world.state.server_gone(first, world.now);
    assert!(world.state.add_server(SocketAddrV4::new(ADDRESS, 1)).is_some());
}

proptest! {
    /// Whatever happens in whatever order, an account is never in two places, and nothing outlives its time.
    #[test]
    fn no_order_of_events_leaves_anything_behind(events in proptest::collection::vec((0_u8..12, 0_u32..3), 1..200)) {
        let mut world = World::new();
        let servers = [world.server(5121, &["prontera"]), world.server(5200, &["prt_fild08"])];
        let mut seats = Vec::new();
        for (event, number) in events {
            let server = servers[usize::try_from(number % 2).expect("small")];
            match event {
                0 => drop(world.log_in(number)),
                1 => seats.push(world.enter(number).0),
                2 => drop(world.choose(number, "prontera")),
                3 => if world.take(number).is_some() { world.state.came_online(server, ANN, KNIGHT); },
                4 => world.state.went_offline(server, ANN, KNIGHT),
                5 => drop(world.state.change_server(&world.change(number, 5200, "prt_fild08"), world.now)),
                6 => drop(world.state.return_to_selection(
                    server, ANN, Pass::for_session(ids(number), 1, 0, world.now + PASS_LIFETIME), world.now)),
                7 => if let Some(seat) = seats.pop() { world.state.seat_gone(ANN, seat, world.now); },
                8 => world.state.all_offline(server),
                9 => drop(world.state.claim(server, &[OnlinePlayer { account: ANN, character: KNIGHT }], world.now)),
                10 => drop(world.after(Duration::from_secs(u64::from(number) * 40))),
                _ => drop(world.state.came_online(server, ANN, KNIGHT)),
            }
            prop_assert!(world.state.users() <= 1);
        }
        for seat in seats {
            world.state.seat_gone(ANN, seat, world.now);
        }
        for server in servers {
            world.state.server_gone(server, world.now);
        }
        world.after(LOST_SERVER_TIMEOUT);
        prop_assert!(world.state.presences.is_empty(), "{:?}", world.state.presences);
        prop_assert!(world.state.passes.is_empty() && world.state.logins.is_empty());
    }
}
