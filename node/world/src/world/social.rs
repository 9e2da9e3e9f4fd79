//! What players show and say to each other (clif.cpp).

use bifrost_protocol::FixedText;
use bifrost_protocol::client::map::{
    ActKind, Action, CharacterName, NpcName, OwnSays, PlayerCount, PlayerName, Posture, SkillFailed, Turn, UnitAct,
    UnitEmotion, UnitSays, UnitTurned, Whisper, WhisperAck, WhisperResult, Whispered,
};
use bifrost_protocol::ids::{CharacterId, ObjectId, SessionId};

use super::World;
use super::limits::{EMOTION_INTERVAL, MAX_MESSAGE};
use super::player::Player;
use super::sight::{CHAT_RANGE, SIGHT_RANGE};
use crate::Direction;

/// What stands between a name and what is said.
const SEPARATOR: &[u8] = b" : ";
/// One more than the largest emotion (`ET_MAX`, clif.hpp).
const EMOTIONS: u8 = 88;
/// The emotion that only muted players show (`ET_CHAT_PROHIBIT`).
const MUTED_EMOTION: u8 = 34;
/// The emotions that show a die (`ET_DICE1` to `ET_DICE6`).
const DICE: std::ops::RangeInclusive<u8> = 58..=63;
/// Directions of a head: ahead, right, left.
const HEAD_DIRECTIONS: u16 = 3;
/// [`CharacterName::flag`] of a name that is known.
const NAME_KNOWN: u16 = 3;
/// The basic skill, which emotions need.
const BASIC_SKILL: u16 = 1;

impl World {
    /// Turns body and head. Directions that do not exist are passed over.
    pub(super) fn turn(&mut self, session: SessionId, turn: &Turn) {
        let Some(player) = self.players.get_mut(&session) else { return };
        let Some(body) = Direction::from_number(turn.body).filter(|_| turn.head < HEAD_DIRECTIONS) else { return };
        (player.body, player.head) = (body, turn.head);
        let turned = UnitTurned { object: player.object(), head: turn.head, body: turn.body };
        self.changed.insert(session);
        self.show(session, true, &turned);
    }

    /// Sits down or stands up. There is nothing to attack.
    pub(super) fn act(&mut self, session: SessionId, action: Action) {
        let Some(player) = self.players.get_mut(&session) else { return };
        let (posture, kind) = match action {
            Action::SIT => (Posture::SITTING, ActKind::SIT),
            Action::STAND => (Posture::STANDING, ActKind::STAND),
            _ => return,
        };
        if player.posture == Posture::DEAD {
            return;
        }
        if player.posture != posture {
            player.posture = posture;
            self.changed.insert(session);
        }
        self.stop(session);
        // Those who do so already are shown once more, in case a client missed it.
        self.show_act(session, kind);
    }

    pub(super) fn show_act(&mut self, session: SessionId, kind: ActKind) {
        let Some(source) = self.players.get(&session).map(Player::object) else { return };
        let act = UnitAct {
            source,
            target: ObjectId(0),
            start_time: 0,
            source_speed: 0,
            target_speed: 0,
            damage: 0,
            is_sp_damage: 0,
            hits: 0,
            kind,
            left_damage: 0,
        };
        self.show(session, false, &act);
    }

    /// Says something to those near. A text that does not start with the speaker's own name is a forgery.
    pub(super) fn say(&mut self, session: SessionId, text: &[u8]) {
        let now = self.now;
        let Some(player) = self.players.get_mut(&session) else { return };
        let said = text.strip_prefix(player.name.as_bytes()).and_then(|rest| rest.strip_prefix(SEPARATOR));
        let Some(said) = said else {
            return self.misbehaved(session, "speaks in another name".into());
        };
        let said = until_nul(said);
        if said.is_empty() || said.len() > MAX_MESSAGE || !player.messages.take(now) {
            return;
        }
        let text = [player.name.as_bytes(), SEPARATOR, said, &[0]].concat();
        let (map, at, object) = (player.map, player.at, player.object());
        let heard = bifrost_protocol::Packet::encode(&UnitSays { object, text: text.clone() });
        self.broadcast(map, at, CHAT_RANGE, Some(session), &heard);
        self.send(session, &OwnSays { text });
    }

    /// Says something to one player of this world.
    pub(super) fn whisper(&mut self, session: SessionId, whisper: &Whisper) {
        let now = self.now;
        let Some(player) = self.players.get_mut(&session) else { return };
        let text = until_nul(&whisper.text);
        if text.is_empty() || text.len() > MAX_MESSAGE || !player.messages.take(now) {
            return;
        }
        let (object, from, character) = (player.object(), player.name, player.character);
        let target = self.players.values().find(|other| other.name.as_bytes() == whisper.to.as_bytes());
        let target = target.map(|target| target.session);
        let result = if target.is_some() { WhisperResult::SUCCESS } else { WhisperResult::OFFLINE };
        self.send(session, &WhisperAck { result, character });
        if let Some(target) = target {
            let text = [text, &[0]].concat();
            self.send(target, &Whispered { object, from, is_admin: 0, text });
        }
    }

    /// Shows an emotion, at most one a second. Dice are thrown here, not by the client.
    pub(super) fn emote(&mut self, session: SessionId, emotion: u8) {
        let now = self.now;
        let Some(player) = self.players.get_mut(&session).filter(|_| emotion < EMOTIONS) else { return };
        let too_soon = player.last_emotion.is_some_and(|last| now.saturating_sub(last) < EMOTION_INTERVAL);
        if emotion == MUTED_EMOTION || too_soon {
            let failed = SkillFailed { skill: BASIC_SKILL, detail: 1, item: 0, flag: 0, cause: 0 };
            return self.send(session, &failed);
        }
        player.last_emotion = Some(now);
        let object = player.object();
        let emotion = if DICE.contains(&emotion) {
            *DICE.start() + u8::try_from(self.random.below(6)).unwrap_or(0)
        } else {
            emotion
        };
        self.show(session, false, &UnitEmotion { object, emotion });
    }

    /// Tells the name of a player or warp in sight.
    pub(super) fn tell_name(&mut self, session: SessionId, object: ObjectId) {
        let Some(asking) = self.players.get(&session) else { return };
        let map = self.maps.get(asking.map);
        let in_sight = |at: crate::Spot| at.distance(asking.at) <= SIGHT_RANGE;
        if let Some(warp) = map.warps.iter().find(|warp| warp.object == object && in_sight(warp.at)) {
            let name = NpcName { object, group: 0, name: warp.name, title: FixedText::default() };
            return self.send(session, &name);
        }
        let known = self.accounts.get(&bifrost_protocol::ids::AccountId(object.0));
        let Some(player) = known.and_then(|known| self.players.get(known)) else { return };
        if player.map == asking.map && player.is_visible() && in_sight(player.at) {
            let none = FixedText::default();
            let name = PlayerName { object, name: player.name, party: none, guild: none, position: none, title: 0 };
            self.send(session, &name);
        }
    }

    /// Tells the name of a character of this world (`clif_solved_charname`). Others are not known here.
    pub(super) fn tell_character_name(&mut self, session: SessionId, character: CharacterId) {
        if let Some(player) = self.players.values().find(|player| player.character == character) {
            let name = CharacterName { flag: NAME_KNOWN, character, name: player.name };
            self.send(session, &name);
        }
    }

    /// Tells how many players this world has (`clif_user_count`).
    pub(super) fn tell_player_count(&mut self, session: SessionId) {
        let players = u32::try_from(self.players.len()).unwrap_or(u32::MAX);
        self.send(session, &PlayerCount { players });
    }
}

/// Text as clients mean it: up to the first NUL.
fn until_nul(text: &[u8]) -> &[u8] {
    text.split(|byte| *byte == 0).next().unwrap_or_default()
}
