//! Players who come through a gateway: the same game, on loopback, that survives what a TCP connection does not.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use bifrost_protocol::control::{LineKind, LineOpen, MAX_LINES, ServerAddress};
use bifrost_tests::harness::{Cable, Gateway, PASSWORD, Realm};
use bifrost_tests::journey::travel;
use bifrost_tests::player::{Account, Event, Player};
use tokio::net::TcpListener;

use crate::rogue::Rogue;
use crate::scenario::{JOURNEY, atlas, scenario};

/// How long a pulled cable is out.
const CUT: Duration = Duration::from_secs(10);

/// Between two words while it is out.
const WORD_EVERY: Duration = Duration::from_secs(1);

/// How long anything may take after a fault.
const REPAIR: Duration = Duration::from_secs(20);

/// A player behind a gateway of its own.
async fn join(realm: &Realm, name: &str, cable: Option<&Cable>) -> Result<(Gateway, Player)> {
    let gateway = realm.gateway_for(name, cable.map(Cable::address)).await?;
    let player = Player::join(Account::new(gateway.addresses.login, name, PASSWORD)).await?;
    Ok((gateway, player))
}

fn still_in_the_same_game(player: &Player) -> Result<()> {
    let record = player.record();
    ensure!(record.losses == 0 && record.relogins == 0, "{} was dropped: {record:?}", player.account().username);
    Ok(())
}

async fn chat(speaker: &mut Player, listener: &mut Player, text: &str) -> Result<()> {
    let words = format!("{} : {text}", speaker.account().character);
    let id = speaker.id();
    speaker.say(text);
    listener.wait_for("words of another player", |event| *event == Event::Chat(id, words.clone())).await.map(drop)
}

#[tokio::test]
async fn a_client_stays_on_loopback_through_the_whole_game() {
    scenario(2, async |realm| {
        let (gateway, mut anna) = join(realm, "anna", None).await?;
        let mut bert = realm.join("bert").await?;
        ensure!(anna.map_server() == Some(gateway.addresses.map), "{:?}", anna.map_server());
        chat(&mut anna, &mut bert, "I am on loopback").await?;
        chat(&mut bert, &mut anna, "and I am not").await?;
        travel(&mut anna, &atlas(), "bf_meadow", JOURNEY).await?;
        ensure!(anna.record().redirects == 1 && anna.map_server() == Some(gateway.addresses.map));
        anna.forget();
        anna.to_character_select();
        anna.wait_for("character select", |event| *event == Event::ToCharacterSelect).await?;
        let place = anna.until_in_play().await?;
        ensure!(place.map == "bf_meadow", "{place}");
        still_in_the_same_game(&anna)?;
        let status = gateway.until("its round trip", |status| status.round_trip_us > 0).await?;
        ensure!(status.reconnects == 0 && status.clients >= 1, "{status:?}");
        anna.quit();
        drop(anna);
        realm.status.until("only bert in play", REPAIR, |status| status.players == 1).await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn the_loss_of_a_host_is_one_redirect_to_loopback() {
    scenario(2, async |realm| {
        let (gateway, mut anna) = join(realm, "anna", None).await?;
        travel(&mut anna, &atlas(), "bf_meadow", JOURNEY).await?;
        let stood = anna.place();
        anna.forget();
        realm.node_of("bf_meadow").await?.process.kill()?;
        anna.wait_for("a redirect", |event| matches!(event, Event::Redirected(..))).await?;
        anna.until_in_play().await?;
        ensure!(anna.map_server() == Some(gateway.addresses.map) && anna.place() == stood);
        still_in_the_same_game(&anna)
    })
    .await;
}

#[tokio::test]
async fn a_cable_pulled_for_ten_seconds_costs_no_word_and_no_login() {
    scenario(1, async |realm| {
        let cable = Cable::lay(realm.addresses.link).await?;
        let (gateway, mut anna) = join(realm, "anna", Some(&cable)).await?;
        let mut bert = realm.join("bert").await?;
        chat(&mut anna, &mut bert, "before").await?;
        chat(&mut bert, &mut anna, "before").await?;
        let (redirects, players) = (anna.record().redirects, [anna.id(), bert.id()]);
        anna.forget();
        bert.forget();

        cable.pull();
        let pulled = Instant::now();
        let mut said = Vec::new();
        while pulled.elapsed() < CUT {
            let text = format!("word {}", said.len());
            anna.say(&text);
            bert.say(&text);
            said.push(text);
            // An engine lets a player say so much at once, and all of this arrives at once.
            tokio::time::sleep(WORD_EVERY).await;
        }
        ensure!(cable.lost() > 0, "nothing was lost");
        ensure!(realm.status.get().await?.players == 2, "anna was given up");
        cable.plug_in();

        for text in &said {
            for (listener, speaker, id) in [(&mut anna, "bert", players[1]), (&mut bert, "anna", players[0])] {
                let words = format!("{speaker} : {text}");
                let heard = listener.wait_map("the next word", REPAIR, |event| match event {
                    Event::Chat(who, words) if *who == id => Some(words.clone()),
                    _ => None,
                });
                let heard = heard.await?;
                ensure!(heard == words, "{heard:?} where {words:?} was said");
            }
        }
        chat(&mut anna, &mut bert, "after").await?;
        chat(&mut bert, &mut anna, "after").await?;
        still_in_the_same_game(&anna)?;
        ensure!(anna.record().redirects == redirects, "the session went on as it was");
        let status = gateway.until("a new connection", |status| status.reconnects >= 1).await?;
        ensure!(status.connected, "{status:?}");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_killed_coordinator_drops_nobody_behind_a_gateway() {
    scenario(1, async |realm| restarted(realm, async |realm| realm.coordinator.kill()).await).await;
}

#[tokio::test]
async fn a_coordinator_that_is_stopped_in_order_drops_nobody_behind_a_gateway() {
    scenario(1, async |realm| {
        restarted(realm, async |realm| {
            realm.coordinator.terminate()?;
            realm.coordinator.ended(REPAIR).await.map(drop)
        })
        .await
    })
    .await;
}

/// Two players, one of them behind a gateway, on different maps; the coordinator is ended and started again.
async fn restarted(realm: &mut Realm, end: impl AsyncFnOnce(&mut Realm) -> Result<()>) -> Result<()> {
    let (gateway, mut anna) = join(realm, "anna", None).await?;
    let (_gateway, mut carl) = join(realm, "carl", None).await?;
    let meadow = travel(&mut anna, &atlas(), "bf_meadow", JOURNEY).await?;
    anna.walk_to(meadow.x - 3, meadow.y).await?;
    let places = [anna.place(), carl.place()];
    for player in [&mut anna, &mut carl] {
        player.forget();
    }
    end(realm).await?;
    realm.start_again().await?;
    for player in [&mut anna, &mut carl] {
        player.wait_for("a redirect", |event| matches!(event, Event::Redirected(..))).await?;
        player.until_in_play().await?;
        still_in_the_same_game(player)?;
    }
    ensure!([anna.place(), carl.place()] == places, "{:?} {:?} instead of {places:?}", anna.place(), carl.place());
    ensure!(anna.map_server() == Some(gateway.addresses.map));
    realm.until_carried().await?;
    anna.say("still here");
    anna.wait_for("her own words", |event| matches!(event, Event::OwnChat(text) if text.ends_with("still here")))
        .await?;
    let status = realm.status.get().await?;
    ensure!(status.players == 2, "{} players", status.players);
    Ok(())
}

#[tokio::test]
async fn a_gateway_is_let_in_only_with_an_account_and_cut_when_it_is_revoked() {
    scenario(0, async |realm| {
        let (gateway, mut anna) = join(realm, "anna", None).await?;
        let status = realm.status.get().await?;
        ensure!(status.players == 1);
        let host = gateway.host_id().context("registered")?;
        realm.revoke(&host).await?;
        anna.wait_for("the end", |event| matches!(event, Event::Lost(_))).await?;
        let mut gateway = gateway;
        let ended = gateway.process.ended(REPAIR).await?;
        ensure!(ended.code() == Some(77), "{ended}: {}", gateway.process.log_end());
        Ok(())
    })
    .await;
}

/// The address, so that an answer shows what is there.
fn server(port: u16) -> Option<ServerAddress> {
    Some(SocketAddrV4::new(Ipv4Addr::LOCALHOST, port).into())
}

#[tokio::test]
async fn a_gateway_leads_to_the_realm_and_nowhere_else() {
    scenario(0, async |realm| {
        let rogue = Rogue::register(realm, "mallory").await?;
        let (connection, _send, _receive) = rogue.enter_as_gateway().await?;
        let elsewhere = TcpListener::bind("127.0.0.1:0").await?;
        let port = elsewhere.local_addr()?.port();
        let line =
            |line, kind: LineKind, server| LineOpen { line, kind: kind.into(), server, received: 0, known: false };
        for (number, kind) in [(1, LineKind::Char), (2, LineKind::Map)] {
            let answer = rogue.ask_for_line(&connection, &line(number, kind, server(port)), &[]).await?;
            ensure!(answer == "refused", "{kind:?}: {answer:?}");
        }
        let answer = rogue.ask_for_line(&connection, &line(3, LineKind::Unknown, server(port)), &[]).await?;
        ensure!(answer == "refused", "{answer:?}");
        let https = realm.addresses.https.port();
        let answer = rogue.ask_for_line(&connection, &line(4, LineKind::Map, server(https)), &[]).await?;
        ensure!(answer == "refused", "{answer:?}");
        ensure!(tokio::time::timeout(Duration::from_millis(200), elsewhere.accept()).await.is_err(), "a visitor");

        let login = line(5, LineKind::Login, server(port));
        ensure!(
            rogue.ask_for_line(&connection, &login, &[]).await?.is_empty(),
            "the login-server, whatever is asked for"
        );
        let known = LineOpen { known: true, ..line(6, LineKind::Map, None) };
        ensure!(rogue.ask_for_line(&connection, &known, &[]).await? == "unknown");
        let lie = LineOpen { received: 77, ..line(7, LineKind::Login, None) };
        ensure!(rogue.ask_for_line(&connection, &lie, &[]).await.is_err(), "nobody has received what was never sent");

        // As many as there may be, and no more; the realm goes on.
        let mut full = 0;
        for number in 100..200 {
            let answer = rogue.ask_for_line(&connection, &line(number, LineKind::Login, None), &[0xff; 40]).await;
            full += usize::from(answer.is_ok_and(|answer| answer == "full"));
        }
        ensure!(full >= 100 - MAX_LINES, "{full} were too many");
        let (_gateway, anna) = join(realm, "anna", None).await?;
        still_in_the_same_game(&anna)
    })
    .await;
}
