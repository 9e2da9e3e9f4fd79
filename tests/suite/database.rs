//! The coordinator on MariaDB, and a database that is gone for a while. Runs when `BIFROST_TEST_MYSQL` names a server, as
//! `./test` makes it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use bifrost_tests::harness::Settings;
use bifrost_tests::journey::travel;
use bifrost_tests::player::{Account, Event, Player};
use bifrost_tests::sql::Server;
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::scenario::{JOURNEY, atlas, scenario_with};

/// A way to a TCP server that can be cut and mended.
struct Cable {
    address: SocketAddr,
    whole: Arc<watch::Sender<bool>>,
}

impl Cable {
    async fn to(server: SocketAddr) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let whole = Arc::new(watch::Sender::new(true));
        let state = Arc::clone(&whole);
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut whole = state.subscribe();
                tokio::spawn(async move {
                    if !*whole.borrow_and_update() {
                        return;
                    }
                    let Ok(mut far) = TcpStream::connect(server).await else { return };
                    tokio::select! {
                        _ = whole.wait_for(|whole| !whole) => {}
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                    }
                });
            }
        });
        Ok(Self { address, whole })
    }

    fn cut(&self) {
        self.whole.send_replace(false);
    }

    fn mend(&self) {
        self.whole.send_replace(true);
    }
}

async fn come_back(account: Account) -> Result<Player> {
    let mut player = Player::start(Account { relogin: true, ..account });
    player.wait_for("a way in", |event| matches!(event, Event::Loaded(_))).await?;
    Ok(player)
}

#[tokio::test]
async fn a_database_that_is_gone_for_a_while_stops_nobody_and_loses_nothing() {
    let Some(server) = Server::from_environment() else { return };
    let name = format!("bifrost_suite_{}", std::process::id());
    server.run(&format!("CREATE DATABASE {name}")).await.expect("a database");
    let cable = Cable::to(server.address).await.expect("a port");
    let mut settings = Settings::default();
    settings.set("store.url", server.url(cable.address, &name));
    scenario_with(settings, 1, async |realm| {
        let mut anna = realm.join("anna").await?;
        let mut bert = realm.join("bert").await?;
        let meadow = travel(&mut anna, &atlas(), "bf_meadow", JOURNEY).await?;
        cable.cut();
        // Life on the maps needs no database.
        anna.walk_to(meadow.x - 4, meadow.y).await?;
        bert.say("nothing to see here");
        bert.wait_for("his own words", |event| matches!(event, Event::OwnChat(_))).await?;
        cable.mend();
        let ready = async || realm.status.text("/readyz").await.is_ok().then_some(());
        bifrost_tests::harness::eventually("readiness", Duration::from_secs(30), async || Ok(ready().await)).await?;
        anna.forget();
        realm.node_of("bf_meadow").await?.process.kill()?;
        anna.wait_for("a redirect", |event| matches!(event, Event::Redirected(..))).await?;
        anna.until_in_play().await?;
        anna.walk_to(meadow.x - 6, meadow.y).await?;
        let place = anna.place();
        anna.forget();
        anna.quit();
        anna.wait_for("leave to go", |event| *event == Event::QuitAnswer(0)).await?;
        drop(anna);
        realm.status.until("anna gone", JOURNEY, |status| status.players == 1).await?;

        realm.coordinator.kill()?;
        realm.start_again().await?;
        realm.nodes.retain_mut(|node| node.process.is_running());
        realm.until_carried().await?;
        let anna = come_back(realm.account("anna")).await?;
        ensure!(anna.place() == place, "anna stands at {:?} instead of {place:?}", anna.place());
        ensure!(bert.record().losses == 1, "only the coordinator's own end was felt");
        Ok(())
    })
    .await;
    server.run(&format!("DROP DATABASE {name}")).await.expect("dropped");
}
