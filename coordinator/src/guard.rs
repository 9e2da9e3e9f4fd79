//! Placeholder until the rules land.
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;
use bifrost_protocol::{DecodeError, FixedText, Secret, Packet, frame};
use bifrost_protocol::ids::*;
use bifrost_protocol::layout::CharacterImage;
use bytes::Bytes;
/// k
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd)]
pub struct EngineKey(pub u64);
/// s
#[derive(Debug)]
pub struct Subject<'a> { pub account: AccountId, pub character: CharacterId, pub name: FixedText<24>, pub pseudonyms: (u32,u32), pub login_ids: Secret<(u32,u32)>, pub sex: u8, pub group_id: u32, pub client_address: Ipv4Addr, pub awaited: bool, pub image: &'a CharacterImage, pub party: u32, pub guild: u32 }
/// s
pub trait Sessions { fn by_account(&self, account: AccountId) -> Option<Subject<'_>>; fn by_character(&self, character: CharacterId) -> Option<Subject<'_>>; fn is_map(&self, map: &MapName) -> bool; fn serves(&self, map:&MapName)->bool; fn server_of(&self, map:&MapName)->Option<SocketAddrV4>; }
/// r
#[derive(Debug)]
pub enum Ruling { Answer(Vec<Bytes>), Forward(Bytes), Drop, Arrives{account:AccountId, character: CharacterId}, ChangesMap{account:AccountId,to:MapPoint}, Selects{account:AccountId} }
/// v
#[derive(Debug)]
pub struct Violation { pub rule: &'static str, pub grave: bool, pub detail: String }
/// a
#[derive(Debug)]
pub struct AcceptedSave { pub parts: Vec<Bytes>, pub image: Option<CharacterImage>, pub last: bool, pub answers: Vec<Bytes> }
/// w
#[derive(Debug)]
pub enum Way { Account(AccountId), Character(CharacterId), Party(u32), Guild(u32), Requester(EngineKey), All, Fleet, Drop }
/// g
#[derive(Debug, Default)]
pub struct Guard {}
impl Guard {
    /// u
    pub fn up(&mut self, _key: EngineKey, packet: &Bytes, _sessions: &dyn Sessions, _now: Duration) -> Result<Ruling, Violation> { let _ = frame::packet_id(packet); Ok(Ruling::Drop) }
    /// s
    pub fn save(&mut self, _key: EngineKey, _c: CharacterId, _p: &Bytes, _s: &dyn Sessions, _n: Duration) -> Result<AcceptedSave, Violation> { Err(Violation{rule:"x",grave:false,detail:String::new()}) }
    /// d
    pub fn down(&mut self, packet: &Bytes) -> Result<Way, DecodeError> { let _=bifrost_protocol::inter::Ping::decode(packet); Ok(Way::Fleet) }
    /// e
    pub fn engine_gone(&mut self, _k: EngineKey) {}
    /// f
    pub fn forget(&mut self, _c: CharacterId, _a: AccountId) {}
}
