//! A network without UDP: host and gateway reach the coordinator within TLS, and nobody plays any differently.

use std::time::{Duration, Instant};

use anyhow::ensure;
use bifrost_tests::harness::{Cable, PASSWORD, Status};
use bifrost_tests::journey::travel;
use bifrost_tests::player::{Account, Event, Player};

use crate::scenario::{JOURNEY, atlas, scenario};

/// How long a host may take to find the other way, and to get its maps.
const DETOUR: Duration = Duration::from_secs(40);

/// Longer than any single request to the API may take: a link is none.
const LONG: Duration = Duration::from_secs(18);

#[tokio::test]
async fn where_udp_is_blocked_a_host_carries_maps_and_a_gateway_plays_within_tls() {
    scenario(1, async |realm| {
        let cable = Cable::lay(realm.addresses.link).await?;
        cable.pull();
        let host = realm.node("host-1");
        host.process.kill()?;
        host.plug(cable.address())?;
        let id = host.host_id();
        let gone = |status: &Status| id.as_ref().is_some_and(|id| !status.is_connected(id));
        realm.status.until("the host gone", DETOUR, gone).await?;
        realm.node("host-1").start_again()?;
        let carries = |map: &'static str| {
            let id = id.clone();
            move |status: &Status| status.host_of(map).map(str::to_owned) == id
        };
        realm.status.until("maps on the host behind TLS", DETOUR, carries("bf_meadow")).await?;
        let began = Instant::now();
        ensure!(cable.lost() > 0, "it has not tried UDP");

        let gateway = realm.gateway_for("anna", Some(cable.address())).await?;
        let status = gateway.until("the way", |status| status.connected && status.round_trip_us > 0).await?;
        ensure!(status.transport == "tls", "{status:?}");
        let mut anna = Player::join(Account::new(gateway.addresses.login, "anna", PASSWORD)).await?;
        let mut bert = realm.join("bert").await?;
        travel(&mut anna, &atlas(), "bf_meadow", JOURNEY).await?;
        travel(&mut bert, &atlas(), "bf_meadow", JOURNEY).await?;
        let mut words = 0;
        while began.elapsed() < LONG {
            words += 1;
            let said = format!("{} : word {words}", anna.account().character);
            anna.say(&format!("word {words}"));
            let id = anna.id();
            bert.wait_for("words within TLS", |event| *event == Event::Chat(id, said.clone())).await?;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let status = gateway.until("the same connection", |status| status.connected).await?;
        ensure!(status.reconnects == 0 && status.transport == "tls", "{status:?}");
        ensure!(carries("bf_meadow")(&realm.status.get().await?), "the host was lost meanwhile");
        for player in [&anna, &bert] {
            ensure!(player.record().losses == 0 && player.record().relogins == 0, "{:?}", player.record());
        }
        let metrics = realm.status.text("/metrics").await?;
        let links = metrics.lines().find_map(|line| line.strip_prefix("bifrost_links_within_tls_total "));
        ensure!(links.and_then(|count| count.trim().parse::<u32>().ok()).is_some_and(|count| count >= 2), "{links:?}");
        Ok(())
    })
    .await;
}
