//! The map-servers and their maps.

use std::net::SocketAddrV4;
use std::time::Instant;

use bifrost_protocol::ids::MapName;
use bifrost_protocol::inter::{CharToMap, ServerGone, ServerMaps};
use bifrost_protocol::{FixedText, List, PortBe};

use super::{MAX_MAP_SERVERS, Order, ServerId, State};

/// Most maps of one map-server: what one 0x2b04 of rAthena's can hold (`chmapif_send_maps`, `buf[INT16_MAX]`).
const MAX_MAPS: usize = 2_047;

/// A map-server that has logged in.
#[derive(Clone, Debug)]
pub(super) struct MapServer {
    /// Where clients are sent to.
    pub(super) address: SocketAddrV4,
    /// In the order in which it named them.
    maps: Vec<MapName>,
}

impl MapServer {
    fn names(&self) -> List<FixedText<16>> {
        List(self.maps.iter().map(|map| FixedText::new(map.as_str())).collect())
    }

    fn announcement(&self) -> CharToMap {
        let (ip, port) = ((*self.address.ip()).into(), PortBe(self.address.port()));
        ServerMaps { ip, port, maps: self.names() }.into()
    }
}

/// A map list was taken: what the map-server has to hear about the others, and they about it.
#[derive(Debug, Eq, PartialEq)]
pub(in crate::realm) struct MapsTaken {
    /// How many maps it has.
    pub(in crate::realm) count: usize,
    /// The other servers' maps, for this one.
    pub(in crate::realm) others: Vec<CharToMap>,
    /// This server's maps, for the others.
    pub(in crate::realm) orders: Vec<Order>,
}

/// Why a map list is not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(in crate::realm) enum SetMapsError {
    /// The server is not logged in.
    Unknown,
    /// A name is not a legal map name.
    IllegalName,
    /// There are too many.
    TooMany,
}

impl State {
    /// A map-server logs in; none when there are [`MAX_MAP_SERVERS`] already.
    pub(in crate::realm) fn add_server(&mut self, address: SocketAddrV4) -> Option<ServerId> {
        if self.servers.len() >= MAX_MAP_SERVERS {
            return None;
        }
        let id = ServerId(self.next_id());
        self.servers.insert(id, MapServer { address, maps: Vec::new() });
        Some(id)
    }

    /// 0x2afa: the maps a server has. Replaces what it said before.
    pub(in crate::realm) fn set_maps(
        &mut self,
        id: ServerId,
        names: &[FixedText<16>],
    ) -> Result<MapsTaken, SetMapsError> {
        if names.len() > MAX_MAPS {
            return Err(SetMapsError::TooMany);
        }
        let maps: Vec<MapName> = names
            .iter()
            .map(|name| MapName::new(&name.to_text()).map_err(|_| SetMapsError::IllegalName))
            .collect::<Result<_, _>>()?;
        let server = self.servers.get_mut(&id).ok_or(SetMapsError::Unknown)?;
        let count = maps.len();
        server.maps = maps;
        let own = server.announcement();
        let others = self.servers.iter().filter(|(other, server)| **other != id && !server.maps.is_empty());
        let others = others.map(|(_, server)| server.announcement()).collect();
        let orders = if count == 0 { Vec::new() } else { self.to_others(id, &own) };
        Ok(MapsTaken { count, others, orders })
    }

    /// 0x2b13: clients have to be sent to another IP address from now on.
    pub(in crate::realm) fn set_ip(&mut self, id: ServerId, ip: std::net::Ipv4Addr) {
        if let Some(server) = self.servers.get_mut(&id) {
            server.address.set_ip(ip);
        }
    }

    /// A map-server's link is gone: the others hear so, and its players count as in game for a while
    /// (`chmapif_server_reset`).
    pub(in crate::realm) fn server_gone(&mut self, id: ServerId, now: Instant) -> Vec<Order> {
        let Some(server) = self.servers.remove(&id) else { return Vec::new() };
        self.lose_server(id, now);
        if server.maps.is_empty() {
            return Vec::new();
        }
        let (ip, port) = ((*server.address.ip()).into(), PortBe(server.address.port()));
        self.to_others(id, &ServerGone { ip, port, maps: server.names() }.into())
    }

    /// Whether any server has any map.
    pub(in crate::realm) fn has_map(&self, map: &MapName) -> bool {
        self.server_with(map, None).is_some()
    }

    /// The first server that has `map` (`char_search_mapserver`), at that address if one is given.
    pub(super) fn server_with(&self, map: &MapName, at: Option<SocketAddrV4>) -> Option<(ServerId, &MapServer)> {
        self.servers
            .iter()
            .find(|(_, server)| server.maps.contains(map) && at.is_none_or(|at| server.address == at))
            .map(|(id, server)| (*id, server))
    }

    fn to_others(&self, id: ServerId, packet: &CharToMap) -> Vec<Order> {
        self.servers.keys().filter(|other| **other != id).map(|other| Order::Tell(*other, packet.clone())).collect()
    }
}
