//! Hosts that give their players what no map has, and hosts that do not.

use bifrost_protocol::inter::{MailSend, Storage};
use bifrost_protocol::layout::Item;

use super::*;
use crate::bounds::facts::{Economy, ItemFacts, Rate, Yield};
use crate::bounds::standing::{HostStanding, Policy, Standing};
use crate::bounds::{Finding, Grade, Rules};
use crate::fleet::core::TrustParts;

const GOLD: u32 = 969;

fn economy() -> Economy {
    let kills = Rate { at_once: 100.0, per_second: 1.0 };
    let exp = Rate { at_once: 5_000.0, per_second: 50.0 };
    let field = Yield { kills, base_experience: exp, ..Yield::default() };
    let gold = ItemFacts { name: "Gold".into(), stacks: true, sells_for: 100_000, ..ItemFacts::default() };
    Economy {
        items: [(GOLD, gold)].into(),
        base_levels: [(0, vec![0, 1_000, 3_000])].into(),
        job_levels: [(0, vec![0, 1_000, 3_000])].into(),
        groups: [("south".to_owned(), field.clone()), ("west".to_owned(), field)].into(),
        ..Economy::default()
    }
}

fn trust(enforce: bool) -> TrustParts {
    TrustParts {
        economy: Some(economy()),
        rules: Rules { slack: 1.25, experience: 1.0, items: 1.0, enforce },
        policy: Policy {
            period: Duration::from_secs(20),
            trusted_after: 3,
            quarantine: Duration::from_mins(1),
            longest: Duration::from_mins(5),
        },
        standings: Vec::new(),
        seed: 1,
        began: 1_000,
    }
}

/// Two hosts, the player on the first, its bags loaded and saved once.
fn hosted(parts: TrustParts) -> (Stage, LinkId, LinkId) {
    let mut stage = Stage::new();
    stage.fleet = stage.fleet.with_trust(parts);
    let (mut stage, holder, other) = settle(stage);
    stage.arrive(1);
    let at = instance(&stage, holder, "south");
    stage.enter(at);
    for (kind, number) in [(StorageKind::INVENTORY, 1), (StorageKind::CART, 2)] {
        let image = StorageImage::filled(number, CHARACTER.0, 100, &[]);
        stage.give(Input::Char(Storage { kind, account: ACCOUNT, loaded: 1, image }.encode()));
    }
    stage.image.set_hp(7);
    stage.save(holder, &group("south"), at, false);
    stage.taken();
    (stage, holder, other)
}

fn forge(stage: &mut Stage, link: LinkId) {
    stage.image.set_zeny(900_000_000);
    let at = instance(stage, link, "south");
    stage.save(link, &group("south"), at, false);
}

fn findings(commands: &[Command]) -> Vec<Finding> {
    let found = commands.iter().filter_map(|command| match command {
        Command::Found(finding) => Some((**finding).clone()),
        _ => None,
    });
    found.collect()
}

fn kept(commands: &[Command]) -> Vec<HostStanding> {
    let kept = commands.iter().filter_map(|command| match command {
        Command::Store(StoreWrite::Standing(row)) => Some(row.clone()),
        _ => None,
    });
    kept.collect()
}

fn status(stage: &Stage, link: LinkId) -> crate::fleet::status::HostStatus {
    let host = format!("pc-{}", link.0);
    stage.fleet.status().hosts.into_iter().find(|of| of.host == host).expect("connected")
}

fn holder_of(stage: &Stage, of: &str) -> Option<LinkId> {
    stage.fleet.lease(&group(of)).expect("a group").state.holder().map(|(_, link)| link)
}

#[test]
fn a_host_that_forges_is_found_and_its_players_go_on_elsewhere_with_their_last_good_state() {
    let (mut stage, holder, other) = hosted(trust(true));
    forge(&mut stage, holder);
    let commands = stage.taken();
    let found = findings(&commands);
    assert_eq!(found.len(), 1);
    assert_eq!((found[0].rule, found[0].grade, found[0].player), ("zeny", Grade::Grave, Some(CHARACTER)));
    assert_eq!(journalled(&commands), [0_u64; 0], "nothing of that save is kept");
    assert_eq!(holder_of(&stage, "south"), Some(other), "the standby has the group");
    let saved = commands.iter().find_map(|command| match command {
        Command::Char(MapToChar::Save(save)) => Some(save.image.view()),
        _ => None,
    });
    let saved = saved.expect("the player goes on");
    assert_eq!((saved.zeny, saved.hp), (1_000, 7), "with its last good state");
    let rows = kept(&commands);
    assert_eq!(rows.last().map(|row| row.standing.quarantined_until), Some(1_000 + stage.now.as_secs() + 60));

    let shown = status(&stage, holder);
    assert!(!shown.eligible && shown.quarantine_seconds > 0 && shown.groups == 0, "{shown:?}");
    let told = shown.criteria.iter().find(|criterion| criterion.name == "standing").expect("the reason is shown");
    assert!(!told.met && told.value > 0.0);
    stage.start_engines();
    stage.pass(Duration::from_secs(30));
    assert!([holder_of(&stage, "south"), holder_of(&stage, "west")].iter().all(|of| *of == Some(other)));
    stage.pass(Duration::from_secs(31));
    assert!(status(&stage, holder).eligible, "it may try again");
}

#[test]
fn a_watched_host_is_only_remembered() {
    let (mut stage, holder, _) = hosted(trust(false));
    forge(&mut stage, holder);
    let commands = stage.taken();
    assert_eq!(findings(&commands).len(), 1);
    assert_eq!(journalled(&commands).len(), 1, "the save is taken");
    let rows = kept(&commands);
    let row = &rows[0].standing;
    assert_eq!((row.violations, row.last_rule.as_str(), row.quarantined_until), (1, "zeny", 0));
    assert_eq!(holder_of(&stage, "south"), Some(holder));
    assert!(status(&stage, holder).eligible);
}

#[test]
fn clean_periods_in_a_row_earn_trust() {
    let (mut stage, holder, _) = hosted(trust(true));
    stage.pass(Duration::from_secs(65));
    let rows = kept(&stage.taken());
    assert_eq!(rows.iter().map(|row| row.standing.streak).collect::<Vec<_>>(), [1, 2, 3]);
    let shown = status(&stage, holder);
    assert!(shown.trusted && shown.clean_audits == 3, "{shown:?}");
    forge(&mut stage, holder);
    assert_eq!(kept(&stage.taken()).last().map(|row| row.standing.streak), Some(0), "and one forgery loses it");
}

#[test]
fn something_odd_is_judged_with_its_period_and_the_players_are_saved_once_more() {
    let (mut stage, holder, other) = hosted(trust(true));
    stage.pass(Duration::from_secs(5));
    stage.image.set_zeny(1_500);
    let at = instance(&stage, holder, "south");
    stage.save(holder, &group("south"), at, false);
    let commands = stage.taken();
    assert_eq!(findings(&commands).iter().map(|found| found.grade).collect::<Vec<_>>(), [Grade::Suspect]);
    assert_eq!(journalled(&commands).len(), 1, "it is taken: it may be a fault");
    assert_eq!(holder_of(&stage, "south"), Some(holder));
    stage.pass(Duration::from_secs(20));
    let commands = stage.taken();
    assert_eq!(kept(&commands).iter().map(|row| row.standing.violations).collect::<Vec<_>>(), [1]);
    let kicked = |packet: &CharToMap| matches!(packet, CharToMap::Kick(Kick { account: ACCOUNT, .. }));
    assert!(told(&commands, holder).iter().any(kicked), "the engine is asked for the last state");
    stage.save(holder, &group("south"), at, true);
    assert_eq!(holder_of(&stage, "south"), Some(other));
}

#[test]
fn forged_mail_does_not_leave() {
    let (mut stage, holder, _) = hosted(trust(true));
    let mut message = bifrost_protocol::inter::MailMessage { from: CHARACTER, zeny: 500_000_000, ..Default::default() };
    message.to_name = FixedText::new("Mule");
    message.items.0[0] = Item { kind: GOLD, amount: 100, ..Item::default() };
    let at = instance(&stage, holder, "south");
    stage.say(holder, &group("south"), at, MailSend { account: ACCOUNT, message }.encode());
    let commands = stage.taken();
    assert!(!to_char(&commands).contains(&0x304d), "{:?}", to_char(&commands));
    assert!(findings(&commands).iter().all(|found| found.grade == Grade::Grave) && !findings(&commands).is_empty());
}

#[test]
fn a_grave_breach_of_the_guard_costs_standing_too() {
    let (mut stage, holder, other) = hosted(trust(true));
    let at = instance(&stage, holder, "south");
    stage.say(holder, &group("south"), at, Bytes::from_static(&[0xff, 0x7f, 0, 0]));
    let rows = kept(&stage.taken());
    assert_eq!(rows.iter().map(|row| row.standing.last_rule.as_str()).collect::<Vec<_>>(), ["unknown"]);
    assert_eq!(holder_of(&stage, "south"), Some(other));
    assert!(!status(&stage, holder).eligible);
}

#[test]
fn the_operator_takes_a_host_back() {
    let standing = Standing { violations: 4, strikes: 4, quarantined_until: 1_000_000, ..Standing::default() };
    let standings = vec![HostStanding { host: HostId("pc-1".into()), standing }];
    let mut stage = Stage::new();
    stage.fleet = stage.fleet.with_trust(TrustParts { standings, ..trust(true) });
    let link = stage.host(1);
    let welcome = stage.taken().into_iter().find_map(|command| match command {
        Command::Tell(_, bifrost_protocol::control::CoordinatorSays::Welcome(welcome)) => Some(welcome),
        _ => None,
    });
    let reasons = welcome.expect("welcome").not_eligible;
    assert!(reasons.iter().any(|reason| reason.starts_with("standing: no maps for")), "{reasons:?}");
    assert_eq!(holder_of(&stage, "south"), None, "remembered from before the restart");
    stage.give(Input::Pardon(HostId("pc-1".into())));
    assert_eq!(holder_of(&stage, "south"), Some(link));
    assert!(!status(&stage, link).trusted, "it has to earn trust as before");
}

#[test]
fn the_operators_own_hosts_are_not_judged() {
    let (mut stage, holder, _) = hosted(trust(true));
    if let Some(host) = stage.fleet.hosts.get_mut(&holder) {
        host.kind = HostKind::Fallback;
    }
    forge(&mut stage, holder);
    let commands = stage.taken();
    assert_eq!((findings(&commands).len(), journalled(&commands).len()), (0, 1));
}
