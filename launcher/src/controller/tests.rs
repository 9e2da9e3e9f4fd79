use bifrost_node::StopCode;
use bifrost_node::gateway::GatewayState;
use bifrost_protocol::Secret;

use super::*;
use crate::command::{Command, CommandCode};
use crate::event::Account;
use crate::realm::{Description, OperatorKey, Updates};
use crate::status::{Group, Host, Measure, RealmStatus, StatusProblem};
use crate::view::{BenchStep, CriterionName, GameEnd, PlayStep, ProblemCode, Transport, Trouble};

/// 2026-11-24, noon.
const UNIX: u64 = 1_795_521_600;
const OWN: &str = "h-own";

#[test]
fn the_first_run_leads_from_a_realm_file_to_hosting_in_two_clicks() {
    let mut pc = Pc::new(Kept::default());
    assert_eq!(pc.phase(), Phase::NoRealm { problem: None });
    pc.command(Command::OpenRealm { text: realm_text() });
    assert_eq!(pc.phase(), Phase::SignedOut { problem: None });
    assert!(pc.did("SaveRealm") && pc.did("PollStatus"));

    pc.command(sign_in());
    assert_eq!(pc.phase(), Phase::SigningIn);
    assert!(pc.did("SignIn"));
    pc.event(Event::SignedIn(Ok(())));
    assert_eq!(pc.phase(), Phase::Ready);
    assert_eq!(pc.controller.view().account.as_deref(), Some("mimi"));

    pc.command(Command::SetHost { on: true });
    assert_eq!(pc.phase(), Phase::Connecting);
    assert!(pc.did("StartNode") && pc.did("SaveSettings") && pc.did("SampleMachine"));
    pc.node(NodeState::Benchmarking);
    assert_eq!(pc.phase(), Phase::Benchmarking { step: BenchStep::Machine });
    pc.node(connected());
    pc.status(status(unmeasured(), &[]));
    assert_eq!(pc.phase(), Phase::Benchmarking { step: BenchStep::Network });
    pc.status(status(good(), &[]));
    assert_eq!(pc.phase(), Phase::Eligible);
    pc.node(NodeState::Hosting { groups: 1, players: 3 });
    assert!(pc.did("Notify(HostingStarted)") && pc.did("SetTray(Hosting)"));
    pc.status(status(good(), &[("meadow", 3)]));
    assert_eq!(pc.phase(), Phase::Hosting { groups: 1, players: 3 });
    let view = pc.controller.view();
    assert_eq!((view.groups.len(), view.numbers.tick_ms, view.numbers.round_trip_ms), (1, Some(0.4), Some(18.0)));
}

#[test]
fn switching_off_moves_the_players_first() {
    let mut pc = hosting(7);
    pc.command(Command::SetHost { on: false });
    assert!(pc.did("DrainNode") && !pc.did("StopNode"));
    assert_eq!(pc.phase(), Phase::Draining { players: 7, then: AfterDrain::Stop });
    pc.status(status(good(), &[("meadow", 2)]));
    assert_eq!(pc.phase(), Phase::Draining { players: 2, then: AfterDrain::Stop });
    pc.ended(StopCode::Asked);
    assert_eq!(pc.phase(), Phase::Ready);
    assert!(pc.did("SaveLedger") && pc.did("SetTray(Connected)"));
}

#[test]
fn a_node_that_carries_nothing_ends_at_once() {
    let mut pc = member();
    pc.command(Command::SetHost { on: true });
    pc.node(connected());
    pc.command(Command::SetHost { on: false });
    assert!(pc.did("StopNode") && !pc.did("DrainNode"));
}

#[test]
fn a_switch_that_is_moved_back_while_draining_hosts_again_afterwards() {
    let mut pc = hosting(2);
    pc.command(Command::SetHost { on: false });
    pc.command(Command::SetHost { on: true });
    assert!(!pc.did("StartNode"), "the old node has to be gone first");
    pc.ended(StopCode::Asked);
    assert!(pc.did("StartNode"));
}

#[test]
fn a_lower_limit_starts_the_node_anew_and_a_higher_one_waits() {
    let mut pc = hosting(4);
    let limited = |upload_mbps| {
        let manners = crate::manners::Manners { upload_mbps, ..Default::default() };
        Command::ChangeSettings { settings: Settings { manners, ..Settings::default() } }
    };
    pc.command(limited(20));
    assert!(!pc.did("DrainNode"));
    pc.command(limited(2));
    assert!(pc.did("DrainNode"));
    pc.ended(StopCode::Asked);
    assert!(pc.did("StartNode"));
    assert_eq!(pc.controller.view().host_limit, 100);
}

#[test]
fn quitting_waits_for_the_players_and_then_ends() {
    let mut pc = hosting(2);
    pc.command(Command::Quit);
    assert_eq!(pc.phase(), Phase::Draining { players: 2, then: AfterDrain::Quit });
    assert!(!pc.did("Quit"));
    assert_eq!(pc.refused(Command::Play), CommandCode::Stopping);
    pc.ended(StopCode::DrainTimeout);
    assert!(pc.did("Quit"));
}

#[test]
fn the_owners_rules_pause_hosting_and_let_it_go_on() {
    let mut pc = hosting(4);
    let machine = |on_battery| Event::Machine(Machine { on_battery: Some(on_battery), ..Machine::default() });
    pc.event(machine(true));
    pc.wait(11);
    assert!(pc.did("DrainNode"));
    assert_eq!(pc.phase(), Phase::Draining { players: 4, then: AfterDrain::Pause });
    pc.ended(StopCode::Asked);
    assert_eq!(pc.phase(), Phase::Paused { why: vec![PauseReason::OnBattery] });
    pc.event(machine(false));
    pc.wait(61);
    assert!(pc.did("StartNode"));
}

#[test]
fn a_pc_that_is_not_enough_says_what_is_missing() {
    let mut pc = member();
    pc.command(Command::SetHost { on: true });
    pc.node(connected());
    let uptime = Measure { name: "uptime".into(), value: 18.0, threshold: 30.0, met: false };
    pc.status(status(Host { eligible: false, criteria: vec![uptime.clone()], ..good() }, &[]));
    let unmet = vec![CriterionName::Uptime];
    assert_eq!(pc.phase(), Phase::NotEligible { unmet, ready_in_minutes: Some(12) });
    let upload = Measure { name: "upload".into(), value: 4.0, threshold: 10.0, met: false };
    pc.status(status(Host { eligible: false, criteria: vec![upload, uptime], ..good() }, &[]));
    let unmet = vec![CriterionName::Upload, CriterionName::Uptime];
    assert_eq!(pc.phase(), Phase::NotEligible { unmet, ready_in_minutes: None });
}

#[test]
fn a_realm_that_does_not_answer_says_where_the_way_is_broken() {
    let mut pc = member();
    pc.status(status(good(), &[]));
    let problem = || StatusProblem { trouble: Trouble::Realm, detail: "refused".into() };
    pc.event(Event::Status(Err(problem())));
    assert_eq!(pc.phase(), Phase::Ready, "one answer that is late is no trouble");
    pc.wait(7);
    pc.event(Event::Status(Err(problem())));
    assert!(matches!(pc.phase(), Phase::Offline { trouble: Trouble::Realm, .. }));
    assert_eq!(pc.controller.view().numbers.players_online, None);
    pc.status(status(good(), &[]));
    assert_eq!(pc.phase(), Phase::Ready);
}

#[test]
fn a_node_without_a_link_while_the_realm_answers_is_trouble_of_the_network() {
    let mut pc = member();
    pc.command(Command::SetHost { on: true });
    pc.status(status(good(), &[]));
    pc.wait(9);
    pc.status(status(good(), &[]));
    assert!(matches!(pc.phase(), Phase::Offline { trouble: Trouble::Network, .. }));
}

#[test]
fn refusals_of_the_realm_are_told_apart() {
    for (why, code) in [
        ("refused: wrong (wrong_credentials); check", ProblemCode::WrongPassword),
        ("refused: used (invalid_invitation)", ProblemCode::InvalidInvitation),
        ("refused: (too_many_hosts)", ProblemCode::TooManyPcs),
        ("this host is revoked: gone", ProblemCode::Revoked),
        ("something else", ProblemCode::SignInAgain),
    ] {
        assert_eq!(hosting::refusal(why), code);
    }
    let mut pc = hosting(1);
    pc.event(Event::NodeEnded { code: StopCode::NotRegistered, why: "(wrong_credentials)".into() });
    let Phase::SignedOut { problem: Some(problem) } = pc.phase() else { panic!("{:?}", pc.phase()) };
    assert_eq!(problem.code, ProblemCode::WrongPassword);
    pc.command(sign_in());
    pc.event(Event::SignedIn(Ok(())));
    assert!(pc.did("StartNode"), "the switch stayed on");
}

#[test]
fn a_revoked_pc_stays_off_until_somebody_looks() {
    let mut pc = hosting(1);
    pc.ended(StopCode::Revoked);
    assert!(matches!(pc.phase(), Phase::Failed { problem } if problem.code == ProblemCode::Revoked));
    assert!(pc.did("Notify(HostingFailed)") && pc.did("SetTray(Trouble)"));
    pc.wait(600);
    assert!(!pc.did("StartNode"));
    pc.command(Command::Retry);
    assert!(pc.did("StartNode"));
}

#[test]
fn a_node_that_breaks_is_started_again_later_and_later_and_then_not() {
    let mut pc = hosting(1);
    let mut starts = 0;
    for _ in 0..10 {
        pc.ended(StopCode::Failed);
        assert!(!pc.did("StartNode"), "not at once");
        pc.wait(70);
        starts += u32::from(pc.did("StartNode"));
    }
    assert_eq!(starts, 4);
    assert!(matches!(pc.phase(), Phase::Failed { problem } if problem.code == ProblemCode::Internal));
}

#[test]
fn signing_out_while_hosting_moves_players_then_forgets() {
    let mut pc = hosting(3);
    pc.command(Command::SignOut);
    assert_eq!(pc.phase(), Phase::Draining { players: 3, then: AfterDrain::SignOut });
    assert!(!pc.did("ForgetAccount"));
    pc.ended(StopCode::Asked);
    assert!(pc.did("ForgetAccount"));
    assert_eq!(pc.phase(), Phase::SignedOut { problem: None });
    assert!(!pc.controller.view().host_wanted);
}

#[test]
fn commands_that_make_no_sense_change_nothing() {
    let mut pc = Pc::new(Kept::default());
    assert_eq!(pc.refused(sign_in()), CommandCode::NotNow);
    assert_eq!(pc.refused(Command::SetHost { on: true }), CommandCode::NotNow);
    assert_eq!(pc.refused(Command::Play), CommandCode::NotNow);
    assert_eq!(pc.refused(Command::SignOut), CommandCode::NotNow);
    assert_eq!(pc.refused(Command::InstallUpdate), CommandCode::NotNow);
    pc.command(Command::OpenRealm { text: realm_text() });
    let long = Command::SignIn { username: "x".repeat(65), password: Secret::new("p".into()) };
    assert_eq!(pc.refused(long), CommandCode::BadInput);
    pc.command(sign_in());
    assert_eq!(pc.refused(sign_in()), CommandCode::NotNow);
}

#[test]
fn a_tampered_realm_file_is_refused_and_the_good_one_stays() {
    let mut pc = Pc::new(Kept::default());
    let tampered = realm_text().replace("Midgard", "Nidhogg");
    pc.command(Command::OpenRealm { text: tampered });
    assert!(
        matches!(pc.phase(), Phase::NoRealm { problem: Some(problem) } if problem.code == ProblemCode::RealmTampered)
    );
    assert!(!pc.did("SaveRealm"));
}

#[test]
fn a_game_that_is_not_patched_is_patched_by_a_click_and_then_played() {
    let mut pc = member();
    assert_eq!(pc.refused(Command::PatchClient), CommandCode::NotNow, "nobody said where it is");
    let settings = Settings { client_folder: Some("/games/ro".into()), ..Settings::default() };
    pc.command(Command::ChangeSettings { settings });
    pc.command(Command::Play);
    assert_eq!(pc.refused(Command::PatchClient), CommandCode::NotNow, "it is being started");
    let unpatched = Problem::new(ProblemCode::ClientUnpatched, "");
    pc.event(Event::Game(GameEvent::Failed(unpatched.clone())));
    assert_eq!(pc.controller.view().play, PlayView::Failed { problem: unpatched });
    pc.command(Command::PatchClient);
    assert!(pc.did("PatchClient"));
    assert_eq!(pc.controller.view().play, PlayView::Starting { step: PlayStep::Patch });
    assert_eq!(pc.refused(Command::Play), CommandCode::NotNow);
    pc.event(Event::Game(GameEvent::Patched));
    assert_eq!(pc.controller.view().play, PlayView::Ready { ended: None });
    pc.command(Command::Play);
    assert!(pc.did("StartGame"));
}

#[test]
fn the_game_is_started_watched_and_its_end_told() {
    let mut pc = member();
    assert_eq!(pc.controller.view().play, PlayView::NeedsFolder);
    let settings = Settings { client_folder: Some("/games/ro".into()), ..Settings::default() };
    pc.command(Command::ChangeSettings { settings });
    assert_eq!(pc.controller.view().play, PlayView::Ready { ended: None });
    pc.command(Command::Play);
    assert!(pc.did("StartGame"));
    assert_eq!(pc.refused(Command::Play), CommandCode::NotNow);
    pc.event(Event::Game(GameEvent::Step(PlayStep::Launch)));
    pc.event(Event::Game(GameEvent::Running));
    assert!(matches!(pc.controller.view().play, PlayView::Running { .. }));
    pc.event(Event::Game(GameEvent::Ended(GameEnd::Crashed { code: Some(3) })));
    assert_eq!(pc.controller.view().play, PlayView::Ready { ended: Some(GameEnd::Crashed { code: Some(3) }) });
}

#[test]
fn updates_wait_for_the_game_and_hosting_and_never_go_back() {
    let mut pc = hosting(1);
    pc.event(Event::UpdateFound("0.0.9".into()));
    assert_eq!(pc.controller.view().update, UpdateView::None);
    pc.event(Event::UpdateFound("0.2.0".into()));
    assert_eq!(pc.controller.view().update, UpdateView::Waiting { version: "0.2.0".into() });
    assert_eq!(pc.refused(Command::InstallUpdate), CommandCode::NotNow);
    pc.command(Command::SetHost { on: false });
    pc.ended(StopCode::Asked);
    assert_eq!(pc.controller.view().update, UpdateView::Ready { version: "0.2.0".into() });
    pc.command(Command::InstallUpdate);
    assert!(pc.did("InstallUpdate"));
    pc.event(Event::UpdateProgress(40));
    assert_eq!(pc.phase(), Phase::Updating { version: "0.2.0".into(), percent: Some(40) });
}

/// A launcher in the tray, whose realm has updates.
fn in_the_tray() -> Pc {
    let updates = Updates { endpoint: "https://127.0.0.1/latest.json".into(), key: "a2V5".into() };
    let text = signed(Description { updates: Some(updates), ..description() });
    let mut pc = Pc::new(Kept { realm: Some(Realm::open(&text, None, UNIX).map_err(|e| e.to_problem())), ..kept() });
    pc.event(Event::Watched(false));
    pc
}

#[test]
fn updates_are_looked_for_where_the_realm_has_some() {
    let mut pc = in_the_tray();
    pc.wait(59);
    assert!(!pc.did("FindUpdate"));
    pc.wait(1);
    assert!(pc.did("FindUpdate"));
    pc.wait(6 * 3_600 - 1);
    assert!(!pc.did("FindUpdate"));
    pc.wait(1);
    assert!(pc.did("FindUpdate"));
    let mut other = member();
    other.wait(7 * 3_600);
    assert!(!other.did("FindUpdate"));
}

#[test]
fn an_update_is_installed_when_nobody_has_played_hosted_or_looked_for_a_while() {
    let mut pc = in_the_tray();
    pc.command(Command::SetHost { on: true });
    pc.node(connected());
    pc.event(Event::UpdateFound("0.2.0".into()));
    pc.wait(3_600);
    assert!(!pc.did("InstallUpdate"), "it hosts");
    pc.command(Command::SetHost { on: false });
    pc.ended(StopCode::Asked);
    pc.event(Event::Game(GameEvent::Running));
    pc.wait(3_600);
    assert!(!pc.did("InstallUpdate"), "somebody plays");
    pc.event(Event::Game(GameEvent::Ended(GameEnd::Closed)));
    pc.wait(599);
    assert!(!pc.did("InstallUpdate"));
    pc.event(Event::Watched(true));
    pc.wait(3_600);
    assert!(!pc.did("InstallUpdate"), "somebody looks");
    pc.event(Event::Watched(false));
    pc.wait(600);
    assert_eq!(pc.effects.iter().filter(|effect| matches!(effect, Effect::InstallUpdate)).count(), 1);
    assert_eq!(pc.phase(), Phase::Updating { version: "0.2.0".into(), percent: None });
    pc.event(Event::UpdateInstalled);
    assert!(pc.did("Restart"));
}

#[test]
fn nothing_is_started_while_an_update_is_installed_and_one_that_fails_is_not_tried_again_unasked() {
    let mut pc = in_the_tray();
    pc.event(Event::UpdateFound("0.2.0".into()));
    pc.command(Command::InstallUpdate);
    assert_eq!(pc.refused(Command::Play), CommandCode::NotNow);
    pc.command(Command::SetHost { on: true });
    pc.wait(5);
    assert!(!pc.did("StartNode"));
    pc.event(Event::UpdateFailed);
    assert!(pc.did("StartNode"), "hosting goes on");
    pc.node(connected());
    pc.command(Command::SetHost { on: false });
    pc.ended(StopCode::Asked);
    pc.wait(3_600);
    assert!(!pc.did("InstallUpdate"));
    pc.event(Event::UpdateFound("0.3.0".into()));
    pc.wait(600);
    assert!(pc.did("InstallUpdate"), "another one may be good");
}

#[test]
fn the_switch_of_changed_settings_does_not_count_and_autostart_does() {
    let mut pc = member();
    pc.command(Command::ChangeSettings { settings: Settings { host: true, autostart: true, ..Settings::default() } });
    assert!(!pc.controller.view().host_wanted);
    assert!(pc.did("SetAutostart(true)") && pc.did("SaveSettings"));
}

#[test]
fn a_pc_that_hosted_hosts_again_after_a_restart() {
    let pc = Pc::new(Kept { settings: Settings { host: true, ..Settings::default() }, ..kept() });
    assert!(pc.did("StartNode"));
}

#[test]
fn notes_are_shown_until_dismissed() {
    let mut pc = Pc::new(Kept { settings_reset: true, no_keyring: true, ..kept() });
    assert_eq!(pc.controller.view().notes, [Note::SettingsReset, Note::NoKeyring]);
    pc.command(Command::DismissNotes);
    assert!(pc.controller.view().notes.is_empty());
}

#[test]
fn a_locked_keyring_asks_to_sign_in_and_says_why() {
    let locked = Problem::new(ProblemCode::KeyringLocked, "locked");
    let pc = Pc::new(Kept { account: Err(locked.clone()), ..kept() });
    assert_eq!(pc.phase(), Phase::SignedOut { problem: Some(locked) });
}

#[test]
fn a_full_disk_is_said_once() {
    let mut pc = member();
    pc.event(Event::NotKept("settings: no space left".into()));
    pc.event(Event::NotKept("settings: no space left".into()));
    assert_eq!(pc.controller.view().notes, [Note::NotKept]);
}

#[test]
fn a_pc_that_may_host_after_waiting_is_told() {
    let mut pc = member();
    pc.command(Command::SetHost { on: true });
    pc.node(connected());
    pc.status(status(Host { eligible: false, ..good() }, &[]));
    pc.status(status(good(), &[]));
    assert!(pc.did("Notify(BecameEligible)"));
}

#[test]
fn a_computer_that_slept_asks_at_once_and_says_so() {
    let mut pc = hosting(1);
    pc.status(status(good(), &[("meadow", 1)]));
    pc.now.unix += 3_600;
    pc.event(Event::Tick);
    assert!(pc.did("PollStatus"));
    assert_eq!(pc.controller.view().notes, [Note::Slept]);
}

#[test]
fn nobody_is_asked_often_while_nobody_looks() {
    let mut pc = member();
    pc.event(Event::Watched(false));
    let mut polls = 0;
    for _ in 0..600 {
        pc.wait(1);
        if pc.did("PollStatus") {
            polls += 1;
            pc.status(status(good(), &[]));
        }
    }
    assert!(polls <= 6, "{polls} in ten minutes");
}

#[test]
fn the_doctor_runs_once_at_a_time() {
    let mut pc = member();
    pc.command(Command::RunDoctor);
    assert!(pc.did("RunDoctor") && pc.controller.view().doctor.running);
    pc.command(Command::RunDoctor);
    assert!(!pc.did("RunDoctor"));
    pc.event(Event::Doctor(Vec::new(), "report".into()));
    assert_eq!(pc.controller.view().doctor.report, "report");
}

/// A launcher whose effects are only written down.
struct Pc {
    controller: Controller,
    now: Now,
    effects: Vec<Effect>,
}

impl Pc {
    fn new(kept: Kept) -> Self {
        let now = Now { since_start: Duration::ZERO, unix: UNIX, local_minute: 720 };
        let mut pc = Self { controller: Controller::default(), now, effects: Vec::new() };
        pc.event(Event::Started(Box::new(kept)));
        let first = std::mem::take(&mut pc.effects);
        pc.event(Event::Watched(true));
        pc.effects.extend(first);
        pc
    }

    fn event(&mut self, event: Event) {
        self.effects = self.controller.handle(event, self.now);
    }

    fn command(&mut self, command: Command) {
        self.effects = self.controller.command(command, self.now).expect("taken");
    }

    fn refused(&mut self, command: Command) -> CommandCode {
        self.controller.command(command, self.now).expect_err("refused").code
    }

    fn node(&mut self, state: NodeState) {
        self.event(Event::Node(state));
    }

    fn ended(&mut self, code: StopCode) {
        self.event(Event::NodeEnded { code, why: String::new() });
    }

    fn status(&mut self, status: RealmStatus) {
        self.event(Event::Status(Ok(status)));
    }

    /// Ticks every second; the effects of all of them are kept.
    fn wait(&mut self, seconds: u64) {
        let mut all = Vec::new();
        for _ in 0..seconds {
            self.now.since_start += Duration::from_secs(1);
            self.now.unix += 1;
            self.event(Event::Tick);
            all.append(&mut self.effects);
        }
        self.effects = all;
    }

    fn phase(&self) -> Phase {
        self.controller.view().phase
    }

    /// Whether the last step asked for it. Names are those of the variants, with what is in them where it matters.
    fn did(&self, name: &str) -> bool {
        self.effects.iter().any(|effect| {
            let text = format!("{effect:?}");
            text == name || text.split([' ', '(']).next() == Some(name)
        })
    }
}

fn signed(description: Description) -> String {
    let key = OperatorKey::read(&OperatorKey::make().expect("made")).expect("read");
    key.sign(&description).expect("signed")
}

fn realm_text() -> String {
    signed(description())
}

fn description() -> Description {
    Description {
        version: 1,
        name: "Midgard".into(),
        coordinator: "https://127.0.0.1:7443".into(),
        ca: "-----BEGIN CERTIFICATE-----".into(),
        accent: "#3ddc97".into(),
        emblem: None,
        program: None,

        client: None,
        updates: None,
        issued_at: UNIX,
        expires_at: UNIX + 10_000_000,
    }
}

fn sign_in() -> Command {
    Command::SignIn { username: "mimi".into(), password: Secret::new("secret".into()) }
}

fn kept() -> Kept {
    Kept {
        realm: Some(Ok(Realm::open(&realm_text(), None, UNIX).expect("opened"))),
        account: Ok(Some(Account::Game { username: "mimi".into(), password: Secret::new("secret".into()) })),
        ..Kept::default()
    }
}

fn member() -> Pc {
    Pc::new(kept())
}

fn hosting(players: u32) -> Pc {
    let mut pc = member();
    pc.command(Command::SetHost { on: true });
    pc.node(connected());
    pc.node(NodeState::Hosting { groups: 1, players });
    pc.status(status(good(), &[("meadow", players)]));
    pc
}

fn connected() -> NodeState {
    NodeState::Connected { not_eligible: Vec::new() }
}

fn good() -> Host {
    let cores = Measure { name: "cores".into(), value: 8.0, threshold: 4.0, met: true };
    Host {
        host: OWN.into(),
        eligible: true,
        round_trip_ms: 18.0,
        turn_ms: 0.4,
        criteria: vec![cores],
        ..Host::default()
    }
}

fn unmeasured() -> Host {
    let latency = Measure { name: "latency".into(), value: f64::from(u32::MAX) / 1e3, threshold: 100.0, met: false };
    Host { eligible: false, criteria: vec![latency], ..good() }
}

fn status(host: Host, groups: &[(&str, u32)]) -> RealmStatus {
    let group = |(name, players): &(&str, u32)| Group {
        name: (*name).into(),
        maps: vec![format!("bf_{name}")],
        host: Some(OWN.into()),
        state: "live".into(),
        players: *players,
    };
    RealmStatus {
        players: 42,
        hosts: vec![host],
        groups: groups.iter().map(group).collect(),
        own: Some(OWN.into()),
        answered_ms: 20.0,
    }
}

#[test]
fn the_way_of_a_running_game_is_shown() {
    let mut pc = member();
    let held = |pc: &Pc| matches!(pc.controller.view().play, PlayView::Running { held: true, .. });
    pc.event(Event::Game(GameEvent::Running));
    pc.event(Event::Status(Ok(RealmStatus { players: 3, answered_ms: 80.0, ..RealmStatus::default() })));
    assert_eq!(pc.controller.view().numbers.transport, None);
    let state = GatewayState { connected: true, round_trip_us: 31_400, transport: "quic", ..GatewayState::default() };
    pc.event(Event::Gateway(state.clone()));
    let numbers = pc.controller.view().numbers;
    assert_eq!((numbers.round_trip_ms, numbers.transport), (Some(31.4), Some(Transport::Quic)));
    assert!(!held(&pc));
    pc.event(Event::Gateway(GatewayState { transport: "tls", ..state.clone() }));
    assert_eq!(pc.controller.view().numbers.transport, Some(Transport::Tcp));
    pc.event(Event::Gateway(GatewayState { connected: false, ..state }));
    assert_eq!(pc.controller.view().numbers.transport, None);
    assert!(held(&pc), "held, and said so");
    pc.event(Event::Game(GameEvent::Ended(GameEnd::Closed)));
    assert_eq!(pc.controller.view().numbers.round_trip_ms, Some(80.0));
}
