//! A player who plays on its own: goes to its map, then walks about, chats, sits, shows feelings.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bifrost_world::{Spot, path};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::atlas::Atlas;
use crate::journey;
use crate::player::{Event, Place, Player};

/// How far a walk about leads.
const STROLL: u16 = 7;

/// How often a player that is not in play looks whether it is.
const LOOK: Duration = Duration::from_millis(500);

const WORDS: [&str; 6] =
    ["hello", "anyone up for a walk?", "nice weather on this side of the bridge", "brb", "who hosts this map?", "gg"];

/// A player and what is on its mind.
#[derive(Debug)]
pub struct Bot {
    player: Player,
    atlas: Arc<Atlas>,
    home: String,
    restless: bool,
    random: StdRng,
}

impl Bot {
    /// A player whose place is on the map `home`. The same seed has the same moods.
    #[must_use]
    pub fn new(player: Player, atlas: Arc<Atlas>, home: String, seed: u64) -> Self {
        Self { player, atlas, home, restless: false, random: StdRng::seed_from_u64(seed) }
    }

    /// One who only walks, all the time.
    #[must_use]
    pub fn restless(self) -> Self {
        Self { restless: true, ..self }
    }

    /// Plays until dropped.
    pub async fn play(mut self) {
        loop {
            self.act().await;
        }
    }

    /// Plays for about so long, and gives the player back.
    pub async fn play_for(mut self, time: Duration) -> Player {
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.act().await;
        }
        self.player
    }

    async fn act(&mut self) {
        match self.player.place().filter(|_| self.player.is_in_play()) {
            Some(place) if place.map != self.home => self.travel(&place).await,
            Some(place) if self.restless => self.stroll(&place).await,
            Some(place) => self.pass_time(&place).await,
            None => drop(self.player.within(LOOK, |event| matches!(event, Event::Loaded(_)).then_some(())).await),
        }
    }

    async fn travel(&mut self, place: &Place) {
        if self.player.is_sitting() {
            self.player.stand();
        }
        if !journey::stride(&mut self.player, &self.atlas, place, &self.home).await {
            self.stroll(place).await;
        }
    }

    async fn pass_time(&mut self, place: &Place) {
        if self.player.is_sitting() {
            self.rest(1_000).await;
            self.player.stand();
            return self.rest(200).await;
        }
        match self.random.random_range(0..10) {
            0 => self.player.sit(),
            1 => self.player.emote(self.random.random_range(0..20)),
            2 | 3 => {
                let words = WORDS[self.random.random_range(0..WORDS.len())];
                self.player.say(words);
            }
            _ => return self.stroll(place).await,
        }
        self.rest(400).await;
    }

    /// Walks to some cell near, not onto a warp.
    async fn stroll(&mut self, place: &Place) {
        let Some(cells) = self.atlas.cells(&place.map) else { return self.rest(500).await };
        let here = Spot::new(place.x, place.y);
        let near = |random: &mut StdRng, at: u16| (at + random.random_range(0..=2 * STROLL)).saturating_sub(STROLL);
        let target = (0..20).find_map(|_| {
            let spot = Spot::new(near(&mut self.random, here.x), near(&mut self.random, here.y));
            let free = self.atlas.warp_at(&place.map, spot).is_none();
            let steps = path::walk(cells, here, spot).filter(|steps| free && !steps.is_empty())?;
            // No step of it on a warp either.
            let mut at = here;
            let clear = steps.iter().all(|step| {
                at = at.step(*step).unwrap_or(at);
                self.atlas.warp_at(&place.map, at).is_none()
            });
            clear.then_some(spot)
        });
        match target {
            Some(spot) => journey::walk(&mut self.player, spot).await,
            None => self.rest(500).await,
        }
    }

    async fn rest(&mut self, about_ms: u64) {
        let time = self.random.random_range(about_ms / 2..=about_ms * 3 / 2);
        tokio::time::sleep(Duration::from_millis(time)).await;
    }
}
