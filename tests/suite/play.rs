//! Logging in and playing, on maps that different hosts carry.

use anyhow::{Context, Result, ensure};
use bifrost_tests::harness::{PASSWORD, Realm};
use bifrost_tests::journey::travel;
use bifrost_tests::player::{Account, Event, Place, Player};

use crate::scenario::{JOURNEY, atlas, scenario};

/// Waits until a player sees another one.
async fn until_sees(player: &mut Player, other: u32) -> Result<Event> {
    player
        .wait_for(&format!("sight of {other}"), |event| matches!(event, Event::Appeared { id, .. } if *id == other))
        .await
}

#[tokio::test]
async fn players_log_in_see_each_other_and_play() {
    scenario(0, async |realm| {
        let mut anna = realm.join("anna").await?;
        let mut bert = realm.join("bert").await?;
        until_sees(&mut anna, bert.id()).await?;
        until_sees(&mut bert, anna.id()).await?;

        let here = anna.place().context("anna stands somewhere")?;
        let to = (here.x + 3, here.y - 2);
        anna.walk_to(to.0, to.1).await?;
        let id = anna.id();
        bert.wait_for("anna's walk", |event| match event {
            Event::OtherWalks(who, at) => (*who, *at) == (id, to),
            Event::Appeared { id: who, at, .. } => (*who, *at) == (id, to),
            _ => false,
        })
        .await?;

        anna.say("hello bert");
        anna.wait_for("her own words", |event| *event == Event::OwnChat("anna : hello bert".into())).await?;
        bert.wait_for("anna's words", |event| *event == Event::Chat(id, "anna : hello bert".into())).await?;
        anna.sit();
        bert.wait_for("anna sitting", |event| *event == Event::Sat(id)).await?;
        anna.stand();
        bert.wait_for("anna standing", |event| *event == Event::Stood(id)).await?;
        anna.emote(3);
        bert.wait_for("anna's feelings", |event| *event == Event::Emoted(id, 3)).await?;
        bert.ask_name(id);
        bert.wait_for("anna's name", |event| *event == Event::Named(id, "anna".into())).await?;
        anna.turn(0, 4);
        bert.wait_for("anna turning", |event| matches!(event, Event::Turned(who, _, 4) if *who == id)).await?;
        anna.ask_time();
        anna.wait_for("the time", |event| matches!(event, Event::Time(_))).await?;

        drop(anna);
        bert.wait_for("anna leaving", |event| matches!(event, Event::Vanished(who, _) if *who == id)).await?;
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_player_walks_through_maps_of_three_hosts_and_stays_logged_in() {
    scenario(2, async |realm| {
        let mut anna = realm.join("anna").await?;
        for (map, redirects) in [("bf_meadow", 1), ("bf_town", 2), ("bf_ridge", 3)] {
            let status = realm.status.get().await?;
            let from = anna.place().context("a place")?;
            ensure!(status.host_of(&from.map) != status.host_of(map), "{} and {map} have one host", from.map);
            let arrived = travel(&mut anna, &atlas(), map, JOURNEY).await?;
            ensure!(arrived.map == map);
            ensure!(anna.record().redirects == redirects, "{:?}", anna.record().redirects);
            ensure!(anna.map_server() == Some(realm.addresses.relay), "redirects lead to the relay's public address");
            anna.say("still here");
            anna.wait_for(
                "her own words",
                |event| matches!(event, Event::OwnChat(text) if text.ends_with("still here")),
            )
            .await?;
        }
        ensure!(anna.record().relogins == 0 && anna.record().losses == 0);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_warp_within_a_group_needs_no_redirect() {
    scenario(1, async |realm| {
        let mut anna = realm.join("anna").await?;
        travel(&mut anna, &atlas(), "bf_grove", JOURNEY).await?;
        ensure!(anna.record().redirects == 1, "only the one from the town: {}", anna.record().redirects);
        ensure!(anna.has_seen(|event| matches!(event, Event::Moved(place) if place.map == "bf_grove")));
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn character_select_leads_back_into_the_game() {
    scenario(0, async |realm| {
        let mut anna = realm.join("anna").await?;
        let start = anna.place().context("a place")?;
        anna.walk_to(start.x + 4, start.y).await?;
        anna.forget();
        anna.to_character_select();
        anna.wait_for("character select", |event| *event == Event::ToCharacterSelect).await?;
        let again = anna.until_in_play().await?;
        ensure!(again == Place::new(&start.map, start.x + 4, start.y), "back at {again}");
        ensure!(anna.record().relogins == 0, "the session is still good");
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn a_player_who_leaves_comes_back_where_it_stood() {
    scenario(1, async |realm| {
        let mut anna = realm.join("anna").await?;
        let meadow = travel(&mut anna, &atlas(), "bf_meadow", JOURNEY).await?;
        let to = Place::new("bf_meadow", meadow.x - 4, meadow.y);
        anna.walk_to(to.x, to.y).await?;
        anna.forget();
        anna.quit();
        anna.wait_for("leave to go", |event| *event == Event::QuitAnswer(0)).await?;
        drop(anna);
        let anna = join_when_let(realm, "anna").await?;
        ensure!(anna.place() == Some(to.clone()), "{:?} instead of {to}", anna.place());
        Ok(())
    })
    .await;
}

/// Logs in, again and again while the server still knows the last login, as players do.
async fn join_when_let(realm: &Realm, name: &str) -> Result<Player> {
    let mut player = Player::start(Account { relogin: true, ..realm.account(name) });
    player.wait_for("a way in", |event| matches!(event, Event::Loaded(_))).await?;
    Ok(player)
}

#[tokio::test]
async fn a_second_login_ends_the_first() {
    scenario(0, async |realm| {
        let mut first = realm.join("anna").await?;
        first.forget();
        let second = join_when_let(realm, "anna").await?;
        first.wait_for("the end of the first", |event| matches!(event, Event::Lost(_))).await?;
        ensure!(second.is_in_play());
        second.say("only me");
        let status = realm.status.get().await?;
        ensure!(status.players == 1, "{} sessions", status.players);
        Ok(())
    })
    .await;
}

#[tokio::test]
async fn who_has_no_business_here_is_refused() {
    scenario(0, async |realm| {
        realm.add_account("anna", PASSWORD).await?;
        let refusal = async |account: Account| {
            let mut player = Player::start(account);
            let refused = |event: &Event| if let Event::Refused(why) = event { Some(why.clone()) } else { None };
            player.wait_map("a refusal", bifrost_tests::player::PATIENCE, refused).await
        };
        let anna = realm.account("anna");
        let wrong = refusal(Account { password: "guess".into(), ..anna.clone() }).await?;
        ensure!(wrong == "login WRONG_PASSWORD", "{wrong}");
        let unknown = refusal(Account { username: "nobody".into(), ..anna.clone() }).await?;
        ensure!(unknown == "login UNREGISTERED", "{unknown}");
        let old = refusal(Account { version: 20, ..anna.clone() }).await?;
        ensure!(old == "login WRONG_VERSION", "{old}");
        Player::join(anna).await?;
        Ok(())
    })
    .await;
}
