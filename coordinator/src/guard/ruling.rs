//! What becomes of a packet: up from an engine, down from the char-server.

use std::net::SocketAddrV4;

use bifrost_protocol::DecodeError;
use bifrost_protocol::ids::{AccountId, CharacterId, MapName, MapPoint};
use bytes::Bytes;

use super::EngineKey;

/// What becomes of a packet an engine sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Ruling {
    /// These go back to the engine; nothing goes on. None: it is passed over, and the engine waits for nothing.
    Answer(Vec<Bytes>),
    /// It goes to the char-server.
    Forward(Forward),
    /// It goes nowhere.
    Drop,
    /// It belongs in a save and does not come alone.
    Part,
    /// 0x2af8: the engine logs in. The answers are 0x2af9, and 0x388c when the char-server has sent one.
    Connects(Vec<Bytes>),
    /// 0x2afa: the engine has these maps, all of its group. The answers are 0x2afb and 0x2b1b; 0x2b04 is the fleet's to add.
    HasMaps(Vec<MapName>, Vec<Bytes>),
    /// 0x2aff: the players the engine says it has, of those it may have.
    HasPlayers(Vec<(AccountId, CharacterId)>),
    /// 0x2b18: the engine stops, its players are gone.
    HasNobody,
    /// 0x2b23: the engine asks whether the link lives, or answers 0x2b00. 0x2b24 may be answered.
    Lives,
    /// 0x2b26: the engine asks whether a client may play that was sent to it; the fleet answers 0x2afd, once.
    Arrives(AccountId, CharacterId),
    /// 0x2b19: a player is in the engine.
    Online(AccountId, CharacterId),
    /// 0x2b05: a player goes to another server.
    ChangesMap {
        /// Whose player.
        account: AccountId,
        /// Where it goes.
        to: MapPoint,
        /// The server that has the map, as the coordinator knows it.
        server: SocketAddrV4,
    },
    /// 0x2b02: a player returns to the character selection.
    Selects(AccountId),
    /// 0x2b17: a player has left the engine.
    Leaves(AccountId, CharacterId),
}

/// A packet for the char-server, and what else comes of it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Forward {
    /// For the char-server; rewritten where the rule says so.
    pub packet: Bytes,
    /// For the engine, at once: the char-server's own answer comes late and is dropped.
    pub answers: Vec<Bytes>,
    /// For other engines: the char-server does not repeat it to the map-server it came from, which is the whole fleet.
    pub share: Option<Share>,
}

/// A packet for the other engines of the fleet.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Share {
    /// Which of them; never the engine it came from.
    pub way: Way,
    /// What they get.
    pub packet: Bytes,
}

impl Ruling {
    /// The packet goes to the char-server as it is.
    pub(super) fn forward(packet: Bytes) -> Self {
        Self::Forward(Forward { packet, answers: Vec::new(), share: None })
    }

    /// The packet goes to the char-server and, in another form, to other engines.
    pub(super) fn shared(packet: Bytes, way: Way, copy: Bytes) -> Self {
        Self::Forward(Forward { packet, answers: Vec::new(), share: Some(Share { way, packet: copy }) })
    }

    /// The packet goes to the char-server, and the engine gets its answer at once.
    pub(super) fn answered(packet: Bytes, answer: Bytes) -> Self {
        Self::Forward(Forward { packet, answers: vec![answer], share: None })
    }
}

/// Where a packet of the char-server goes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Way {
    /// To the engine that has the player of this account; nowhere when none has.
    Account(AccountId),
    /// To the engines that have one of these players, once each.
    Accounts(Vec<AccountId>),
    /// To the engine that asked for it.
    Engine(EngineKey),
    /// To the engines that asked for it.
    Engines(Vec<EngineKey>),
    /// To all engines.
    All,
    /// To the engines that have a player of a group above 0.
    Masters,
    /// The fleet's own business: it acts on it, no engine sees it.
    Fleet,
    /// Back to the char-server: nobody here is meant, and this is the answer.
    Back(Bytes),
    /// Nowhere.
    Drop,
}

/// A packet that is not let through, or not as it was. It is counted by rule and lowers the host's standing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Violation {
    /// Which rule: a label that stays the same, for counters.
    pub rule: &'static str,
    /// The packet's name in the list of rules.
    pub packet: &'static str,
    /// Whether no stock map-server sends this, whatever its players do: the link has to be closed.
    pub grave: bool,
    /// What was wrong, for the log. Holds ids and numbers, no secret and nothing players wrote.
    pub detail: String,
    /// For the engine all the same, so that it does not wait.
    pub answers: Vec<Bytes>,
}

impl Violation {
    /// A breach a stock map-server may come to in a race, or that does little.
    pub(super) fn light(rule: &'static str, detail: impl Into<String>) -> Self {
        debug_assert!(super::rules::LABELS.iter().any(|(label, _)| *label == rule), "{rule} has no meaning");
        Self { rule, packet: "", grave: false, detail: detail.into(), answers: Vec::new() }
    }

    /// A breach no stock map-server comes to.
    pub(super) fn grave(rule: &'static str, detail: impl Into<String>) -> Self {
        Self { grave: true, ..Self::light(rule, detail) }
    }

    /// The same, with an answer for the engine.
    pub(super) fn answering(self, answer: Bytes) -> Self {
        Self { answers: vec![answer], ..self }
    }
}

/// Why a packet is not let through.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Refusal {
    /// It breaks a rule.
    Breach(Violation),
    /// It is about a player that has just left: no breach.
    Late,
}

impl From<Violation> for Refusal {
    fn from(violation: Violation) -> Self {
        Self::Breach(violation)
    }
}

impl From<DecodeError> for Refusal {
    fn from(error: DecodeError) -> Self {
        Self::Breach(Violation::grave("malformed", error.to_string()))
    }
}

/// What a rule says.
pub(super) type Verdict<T = Ruling> = Result<T, Refusal>;

/// Refuses unless `holds`.
pub(super) fn demand(holds: bool, rule: &'static str, detail: impl FnOnce() -> String) -> Verdict<()> {
    if holds { Ok(()) } else { Err(Violation::light(rule, detail()).into()) }
}

/// Refuses unless `holds`, and closes the link.
pub(super) fn insist(holds: bool, rule: &'static str, detail: impl FnOnce() -> String) -> Verdict<()> {
    if holds { Ok(()) } else { Err(Violation::grave(rule, detail()).into()) }
}
