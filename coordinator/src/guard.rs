//! Placeholder until the rules land.
#![allow(missing_docs, dead_code, reason = "replaced")]
mod ruling;
mod subject;
use bifrost_protocol::DecodeError;
use bifrost_protocol::ids::*;
use bifrost_protocol::layout::CharacterImage;
use bytes::Bytes;
pub use ruling::{Forward, Ruling, Share, Violation, Way};
use std::time::Duration;
pub use subject::{EngineKey, Sessions, Subject};
#[derive(Debug)]
pub struct AcceptedSave {
    pub parts: Vec<Bytes>,
    pub image: Option<CharacterImage>,
    pub last: bool,
    pub answers: Vec<Bytes>,
}
#[derive(Debug, Default)]
pub struct Guard {}
impl Guard {
    pub fn up(
        &mut self,
        _key: EngineKey,
        _packet: &Bytes,
        _sessions: &dyn Sessions,
        _now: Duration,
    ) -> Result<Ruling, Violation> {
        Ok(Ruling::Drop)
    }
    pub fn save(
        &mut self,
        _key: EngineKey,
        _c: CharacterId,
        _p: &Bytes,
        _s: &dyn Sessions,
        _n: Duration,
    ) -> Result<AcceptedSave, Violation> {
        Err(Violation { rule: "x", packet: "", grave: false, detail: String::new(), answers: Vec::new() })
    }
    pub fn down(&mut self, _packet: &Bytes) -> Result<Way, DecodeError> {
        Ok(Way::Fleet)
    }
    pub fn engine_gone(&mut self, _k: EngineKey) {}
    pub fn forget(&mut self, _c: CharacterId, _a: AccountId) {}
}
