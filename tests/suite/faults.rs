//! Hosts, the fallback and the coordinator fail under players' feet.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bifrost_tests::harness::Realm;
use bifrost_tests::journey::travel;
use bifrost_tests::player::{Account, Event, Player};

use crate::scenario::{JOURNEY, atlas, scenario};

/// How long anything may take that the fleet does on its own after a fault.
const REPAIR: Duration = Duration::from_secs(20);

/// Two players on the meadow, one in town; the meadow is carried by a player host.
async fn cast(realm: &Realm) -> Result<[Player; 3]> {
    let mut anna = realm.join("anna").await?;
    let mut bert = realm.join("bert").await?;
    let carl = realm.join("carl").await?;
    let atlas = atlas();
    let (first, second) =
        tokio::join!(travel(&mut anna, &atlas, "bf_meadow", JOURNEY), travel(&mut bert, &atlas, "bf_meadow", JOURNEY));
    first.and(second)?;
    Ok([anna, bert, carl])
}

/// Waits until a player has followed a redirect and is in play, and checks that it was never lost.
async fn until_carried_over(player: &mut Player) -> Result<()> {
    player.wait_for("a redirect", |event| matches!(event, Event::Redirected(..))).await?;
    player.until_in_play().await?;
    still_in_the_same_game(player)
}

fn still_in_the_same_game(player: &Player) -> Result<()> {
    let record = player.record();
    ensure!(record.losses == 0 && record.relogins == 0, "{} was dropped", player.account().username);
    Ok(())
}

async fn chat(speaker: &mut Player, listener: &mut Player) -> Result<()> {
    let words = format!("{} : do you hear me?", speaker.account().character);
    let id = speaker.id();
    speaker.say("do you hear me?");
    listener.wait_for("words of another player", |event| *event == Event::Chat(id, words.clone())).await.map(drop)
}

#[tokio::test]
async fn nobody_is_dropped_when_a_host_is_killed() {
    scenario(2, async |realm| {
        let [mut anna, mut bert, carl] = cast(realm).await?;
        let (stood, redirects) = (anna.place(), carl.record().redirects);
        for player in [&mut anna, &mut bert] {
            player.forget();
        }
        let killed = Instant::now();
        let victim = realm.node_of("bf_meadow").await?;
        let lost = victim.host_id().context("a host id")?;
        victim.process.kill()?;
        until_carried_over(&mut anna).await?;
        until_carried_over(&mut bert).await?;
        let took = killed.elapsed();
        ensure!(took < Duration::from_secs(10), "it took {took:?}");
        ensure!(anna.place() == stood, "anna stands at {:?} instead of {stood:?}", anna.place());
        chat(&mut anna, &mut bert).await?;
        still_in_the_same_game(&carl)?;
        ensure!(carl.record().redirects == redirects, "carl's host is alive");

        let over = |status: &bifrost_tests::harness::Status| {
            status.failovers.iter().any(|failover| failover.host == lost && failover.done)
        };
        let status = realm.status.until("the end of the failover", REPAIR, over).await?;
        let failover = status.failovers.iter().find(|failover| failover.host == lost).context("a failover")?;
        let names: Vec<&str> = failover.steps.iter().map(|step| step.name.as_str()).collect();
        ensure!(names == ["detect", "transition", "notify", "redirect", "sync", "verify"], "{names:?}");
        ensure!(failover.redirect_ms.len() == 2 && failover.missing.is_empty(), "{failover:?}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_host_that_hangs_loses_its_maps_and_gets_nothing_back_by_waking_up() {
    scenario(2, async |realm| {
        let [mut anna, mut bert, _carl] = cast(realm).await?;
        for player in [&mut anna, &mut bert] {
            player.forget();
        }
        let epoch = realm.status.get().await?.group_of("bf_meadow").context("a group")?.epoch;
        let victim = realm.node_of("bf_meadow").await?;
        let (name, host) = (victim.name().to_owned(), victim.host_id().context("a host id")?);
        victim.process.pause()?;
        until_carried_over(&mut anna).await?;
        until_carried_over(&mut bert).await?;
        let status = realm.status.get().await?;
        let group = status.group_of("bf_meadow").context("a group")?;
        ensure!(group.host.as_deref() != Some(host.as_str()) && group.epoch > epoch, "{group:?}");

        let carrier = group.host.clone();
        realm.node(&name).process.resume()?;
        realm.status.until("the host back again", REPAIR, |status| status.is_connected(&host)).await?;
        chat(&mut anna, &mut bert).await?;
        let status = realm.status.get().await?;
        let group = status.group_of("bf_meadow").context("a group")?;
        ensure!(group.host == carrier || group.epoch > epoch + 1, "an old lease came back to life: {group:?}");
        still_in_the_same_game(&anna)?;
        still_in_the_same_game(&bert)
    })
    .await;
}

#[tokio::test]
async fn a_host_that_is_asked_to_stop_hands_over_first() {
    scenario(2, async |realm| {
        let [mut anna, mut bert, _carl] = cast(realm).await?;
        for player in [&mut anna, &mut bert] {
            player.forget();
        }
        let victim = realm.node_of("bf_meadow").await?;
        victim.process.terminate()?;
        let status = victim.process.ended(REPAIR).await?;
        ensure!(status.success(), "it ended with {status}: {}", victim.process.log_end());
        until_carried_over(&mut anna).await?;
        until_carried_over(&mut bert).await?;
        chat(&mut anna, &mut bert).await?;
        let causes = realm.status.get().await?.failovers.into_iter().map(|failover| failover.cause);
        ensure!(causes.collect::<Vec<_>>().contains(&"drain".to_owned()));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn players_of_a_lost_city_are_held_and_play_on_when_a_fallback_returns() {
    scenario(1, async |realm| {
        let mut anna = realm.join("anna").await?;
        let mut bert = realm.join("bert").await?;
        let stood = anna.place();
        for player in [&mut anna, &mut bert] {
            player.forget();
        }
        realm.node("fallback").process.kill()?;
        realm.status.until("players in limbo", REPAIR, |status| status.limbo == 2).await?;
        let told = |event: &Event| matches!(event, Event::OwnChat(_) | Event::Chat(..));
        anna.wait_for("a word about what is going on", told).await?;
        still_in_the_same_game(&anna)?;

        realm.node("fallback").process.ended(REPAIR).await?;
        realm.node("fallback").start_again()?;
        until_carried_over(&mut anna).await?;
        until_carried_over(&mut bert).await?;
        ensure!(anna.place() == stood, "anna stands at {:?} instead of {stood:?}", anna.place());
        chat(&mut anna, &mut bert).await
    })
    .await;
}

#[tokio::test]
async fn a_restarted_coordinator_finds_hosts_and_places_as_they_were() {
    scenario(2, async |realm| {
        let [mut anna, bert, carl] = cast(realm).await?;
        let meadow = anna.place().context("a place")?;
        anna.walk_to(meadow.x - 3, meadow.y).await?;
        let places: Vec<_> = [&anna, &bert, &carl].iter().map(|player| player.place()).collect();
        let before = realm.status.get().await?;
        let leases = |status: &bifrost_tests::harness::Status| {
            status.groups.iter().map(|group| (group.name.clone(), group.host.clone(), group.epoch)).collect::<Vec<_>>()
        };
        realm.coordinator.kill()?;
        anna.wait_for("the loss of the connection", |event| matches!(event, Event::Lost(_))).await?;
        drop([anna, bert, carl]);
        realm.start_again().await?;
        realm.until_carried().await?;
        let after = realm.status.get().await?;
        ensure!(leases(&before) == leases(&after), "{:?} became {:?}", leases(&before), leases(&after));

        for (name, place) in ["anna", "bert", "carl"].iter().zip(places) {
            let mut player = Player::start(Account { relogin: true, ..realm.account(name) });
            player.wait_for("a way in", |event| matches!(event, Event::Loaded(_))).await?;
            ensure!(player.place() == place, "{name} stands at {:?} instead of {place:?}", player.place());
        }
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_client_that_breaks_off_is_gone_and_a_half_closed_one_too() {
    scenario(0, async |realm| {
        let mut witness = realm.join("carl").await?;
        let anna = realm.join("anna").await?;
        let bert = realm.join("bert").await?;
        let ids = [anna.id(), bert.id()];
        anna.reset();
        bert.half_close();
        realm.status.until("one session", REPAIR, |status| status.players == 1).await?;
        for _ in ids {
            let gone = |event: &Event| matches!(event, Event::Vanished(who, _) if ids.contains(who));
            witness.wait_for("somebody leaving", gone).await?;
        }
        still_in_the_same_game(&witness)
    })
    .await;
}

#[tokio::test]
async fn a_coordinator_that_is_stopped_in_order_says_so_and_saves_everybody() {
    scenario(1, async |realm| {
        let [mut anna, bert, carl] = cast(realm).await?;
        let meadow = anna.place().context("a place")?;
        anna.walk_to(meadow.x - 3, meadow.y).await?;
        let places: Vec<_> = [&anna, &bert, &carl].iter().map(|player| player.place()).collect();
        realm.coordinator.terminate()?;
        let status = realm.coordinator.ended(REPAIR).await?;
        ensure!(status.success(), "{status}: {}", realm.coordinator.log_end());
        anna.wait_for("a reason", |event| matches!(event, Event::Closing(1))).await?;
        anna.wait_for("the end", |event| matches!(event, Event::Lost(_))).await?;
        drop([anna, bert, carl]);
        realm.start_again().await?;
        realm.until_carried().await?;
        for (name, place) in ["anna", "bert", "carl"].iter().zip(places) {
            let player = Player::join(realm.account(name)).await?;
            ensure!(player.place() == place, "{name} stands at {:?} instead of {place:?}", player.place());
        }
        Ok(())
    })
    .await;
}
