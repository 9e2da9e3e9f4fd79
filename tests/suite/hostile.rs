//! Clients and hosts that send what nobody should: the coordinator stays up and serves everybody else.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bifrost_protocol::control::StreamKind;
use bifrost_protocol::{Packet, Secret};
use bifrost_tests::harness::{Realm, Settings, Status};
use bifrost_tests::journey::travel;
use bifrost_tests::player::{Event, Player, Ticket, Wire};
use bytes::Bytes;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::fixtures::{fixtures, mutations, noise};
use crate::rogue::{Control, Rogue, SOON, accept_game};
use crate::scenario::{JOURNEY, atlas, scenario, scenario_with};

/// How long a hostile connection is left to the server before the next one.
const LINGER: Duration = Duration::from_millis(2);

/// Sends bytes on a new connection and goes away. Whether the server takes them does not matter.
async fn throw(to: SocketAddr, bytes: &[u8]) {
    if let Ok(mut stream) = TcpStream::connect(to).await {
        let _ = stream.write_all(bytes).await;
        tokio::time::sleep(LINGER).await;
    }
}

/// Throws every fixture of a folder, mutated, and some noise.
async fn throw_everything(to: SocketAddr, folder: &str) {
    for (seed, (_, packet)) in fixtures(folder).iter().enumerate() {
        for mutation in mutations(packet, seed as u64) {
            throw(to, &mutation).await;
        }
    }
    for seed in 0..50 {
        throw(to, &noise(seed, 1 + seed as usize * 40)).await;
    }
}

/// The coordinator is the one that was started, and others play on.
async fn others_are_served(realm: &mut Realm, witness: &mut Player, newcomer: &str) -> Result<()> {
    ensure!(realm.coordinator.is_running(), "the coordinator has ended: {}", realm.coordinator.log_end());
    ensure!(!realm.coordinator.log_text().contains("panicked"), "{}", realm.coordinator.log_end());
    ensure!(witness.record().losses == 0, "the witness was dropped");
    witness.forget();
    witness.say("all is well");
    witness.wait_for("its own words", |event| matches!(event, Event::OwnChat(_))).await?;
    realm.join(newcomer).await.context("a newcomer").map(drop)
}

#[tokio::test]
async fn hostile_clients_of_login_and_char_server_harm_nobody() {
    scenario(0, async |realm| {
        let mut witness = realm.join("witness").await?;
        let addresses = realm.addresses;
        tokio::join!(
            throw_everything(addresses.login, "login"),
            throw_everything(addresses.char_server, "character"),
            throw_everything(addresses.char_server, "inter"),
        );
        others_are_served(realm, &mut witness, "newcomer").await
    })
    .await;
}

/// The packet that enters a map-server, with these session ids.
fn enter(ticket: &Ticket) -> bifrost_protocol::client::Enter {
    bifrost_protocol::client::Enter {
        account: ticket.account,
        character: ticket.character,
        login_id1: Secret::new(ticket.login_id1),
        client_tick: 0,
        unknown: 0,
        sex: ticket.sex,
    }
}

#[tokio::test]
async fn hostile_clients_of_the_relay_harm_nobody() {
    scenario(0, async |realm| {
        let mut witness = realm.join("witness").await?;
        let relay = realm.addresses.relay;
        throw_everything(relay, "map").await;

        // Foreign session ids: the witness's account, guessed ids.
        let ticket = witness.ticket().context("a ticket")?;
        for login_id1 in [0, 1, ticket.login_id1.wrapping_add(1)] {
            let mut wire = Wire::connect(relay).await?;
            wire.send(&enter(&Ticket { login_id1, ..ticket.clone() }).encode()).await?;
            let closed = tokio::time::timeout(SOON, async {
                while let Ok(Some(packet)) = wire.next().await {
                    assert_ne!(packet.first_chunk(), Some(&0x02eb_u16.to_le_bytes()), "it was let in");
                }
            });
            closed.await.context("a stranger with guessed ids is still connected")?;
        }
        others_are_served(realm, &mut witness, "newcomer").await
    })
    .await;
}

#[tokio::test]
async fn a_player_who_breaks_the_protocol_ends_alone() {
    scenario(0, async |realm| {
        let mut witness = realm.join("witness").await?;
        let mut number = 0;
        for (_, packet) in fixtures("map") {
            for mutation in mutations(&packet, number).into_iter().take(6) {
                number += 1;
                // Whatever the server thinks of it: as long as the player is in, it goes on.
                if number % 40 == 1 {
                    drop(realm.join(&format!("vandal{number}")).await?);
                }
                throw(realm.addresses.relay, &mutation).await;
            }
        }
        let mut vandal = realm.join("vandal").await?;
        let second = enter(&vandal.ticket().context("a ticket")?).encode();
        vandal.forget();
        vandal.send(second);
        vandal.wait_for("the end", |event| matches!(event, Event::Lost(_))).await.context("a second 0x0436")?;
        for (what, bytes) in [
            ("an unknown packet", Bytes::from_static(&[0xff, 0xff, 0, 0])),
            ("a packet that is too long", Bytes::from_static(&[0xf3, 0x00, 0xff, 0xff])),
            ("a length that cannot be", Bytes::from_static(&[0xf3, 0x00, 0x01, 0x00])),
        ] {
            let mut vandal = realm.join(&format!("vandal{}x", what.len())).await?;
            vandal.forget();
            vandal.send(bytes);
            vandal.wait_for("the end", |event| matches!(event, Event::Lost(_))).await.context(what)?;
        }
        others_are_served(realm, &mut witness, "newcomer").await
    })
    .await;
}

#[tokio::test]
async fn clients_that_say_nothing_are_closed() {
    let mut settings = Settings::default();
    settings.set("relay.enter_ms", 500);
    scenario_with(settings, 0, async |realm| {
        let mut silent = Wire::connect(realm.addresses.relay).await?;
        tokio::time::timeout(SOON, silent.closed()).await.context("the silent one is still connected")?;
        let mut slow = Wire::connect(realm.addresses.relay).await?;
        slow.send(&[0x36]).await?;
        tokio::time::timeout(SOON, slow.closed()).await.context("the slow one is still connected")
    })
    .await;
}

#[tokio::test]
async fn hostile_hosts_harm_nobody() {
    scenario(0, async |realm| {
        let mut witness = realm.join("witness").await?;
        let rogue = Rogue::register(realm, "mallory").await?;
        for (seed, (_, message)) in fixtures("control").into_iter().enumerate() {
            let (connection, mut control) = rogue.enter().await?;
            for mutation in mutations(&message, seed as u64) {
                let _ = connection.send_datagram(mutation.clone().into());
                if control.send.write_all(&mutation).await.is_err() {
                    break;
                }
            }
            for kind in 0..=u8::MAX {
                if kind % 16 == 0 || kind <= StreamKind::Line as u8 {
                    let Ok((mut send, _receive)) = connection.open_bi().await else { break };
                    let _ = send.write_all(&[&[kind], message.as_slice()].concat()).await;
                }
            }
            connection.close(0u32.into(), b"");
        }
        // Leases it never had, under epochs old and invented.
        let (connection, _control) = rogue.enter().await?;
        for epoch in [0, 1, u64::MAX] {
            let (_send, mut receive) = rogue.open_sync(&connection, "town", epoch).await?;
            let end = tokio::time::timeout(SOON, receive.read_to_end(64 * 1024)).await;
            end.context("a sync stream without a lease stays open")?.map(drop).unwrap_or_default();
        }
        let mut silent = Control::open(&rogue.connect().await?).await?;
        silent.send.write_all(&[0xff; 11]).await.unwrap_or_default();
        others_are_served(realm, &mut witness, "newcomer").await
    })
    .await;
}

#[tokio::test]
async fn a_host_that_sends_garbage_loses_its_players_to_a_better_one() {
    scenario(0, async |realm| {
        let rogue = Rogue::register(realm, "mallory").await?;
        let (connection, mut control) = rogue.enter().await?;
        let mut anna = realm.join("anna").await?;
        let serve = async {
            let epoch = control.until_assigned("meadow").await?;
            let _sync = rogue.open_sync(&connection, "meadow", epoch).await?;
            let (open, mut send, _receive) = accept_game(&connection).await?;
            ensure!(open.group == "meadow" && open.epoch == epoch);
            send.write_all(&[0xff; 64]).await?;
            // The connection stays: a host is judged by what it does, group by group.
            let mine = |status: &Status| status.host_of("bf_meadow") == Some(rogue.credentials.host_id.as_str());
            realm.status.until("the group elsewhere", SOON, |status| !mine(status)).await?;
            anyhow::Ok(())
        };
        let atlas = atlas();
        let (arrived, served) = tokio::join!(travel(&mut anna, &atlas, "bf_meadow", JOURNEY), async {
            tokio::select! {
                served = serve => served,
                () = tokio::time::sleep(JOURNEY) => anyhow::bail!("the garbage went unnoticed"),
            }
        });
        served?;
        arrived?;
        ensure!(anna.record().losses == 0, "anna was dropped");
        let hosts = realm.status.get().await?.hosts;
        ensure!(hosts.iter().any(|host| host.violations > 0), "nobody noted it: {hosts:?}");
        others_are_served(realm, &mut anna, "newcomer").await
    })
    .await;
}
