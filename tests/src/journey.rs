//! Walking farther than one walk: stride by stride, through warps, onto another map.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use bifrost_world::Spot;

use crate::atlas::Atlas;
use crate::player::{Event, Place, Player};

/// Cells walked at once. Servers take walks of up to 14 cells around obstacles.
const STRIDE: usize = 10;

/// How long the server may take to answer a walk.
const ANSWER: Duration = Duration::from_millis(700);

/// Walks to a cell of the same map, and waits until there, or until something comes between: a warp, or the connection's end.
pub async fn walk(player: &mut Player, to: Spot) {
    player.forget();
    player.walk(to.x, to.y);
    let answer = |event: &Event| match event {
        Event::Walking { .. } => Some(true),
        Event::Moved(_) | Event::Redirected(..) | Event::Lost(_) => Some(false),
        _ => None,
    };
    if player.within(ANSWER, answer).await == Some(true) {
        let rest = player.walk_left() + Duration::from_millis(30);
        let elsewhere =
            |event: &Event| matches!(event, Event::Moved(_) | Event::Redirected(..) | Event::Lost(_)).then_some(());
        player.within(rest, elsewhere).await;
    }
}

/// One stride on the way from `place` to another map. `false` when there is no way.
pub async fn stride(player: &mut Player, atlas: &Atlas, place: &Place, map: &str) -> bool {
    let Some(way) = atlas.way_to_map(place, map) else { return false };
    let Some(next) = way.get(STRIDE - 1).or(way.last()) else { return false };
    walk(player, *next).await;
    true
}

/// Walks to another map, through every warp between, and waits until the player is in play there.
///
/// # Errors
/// There is no way, or it takes longer than `limit`.
pub async fn travel(player: &mut Player, atlas: &Atlas, map: &str, limit: Duration) -> Result<Place> {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        match player.place().filter(|_| player.is_in_play()) {
            Some(place) if place.map == map => return Ok(place),
            Some(place) => {
                let on_the_way = stride(player, atlas, &place, map).await;
                anyhow::ensure!(on_the_way, "there is no way from {place} to {map}");
            }
            None => player.until_in_play().await.map(drop).context("on the way")?,
        }
    }
    bail!("{} did not get to {map} within {limit:?}, it is at {:?}", player.account().username, player.place());
}
