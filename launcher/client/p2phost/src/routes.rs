//! Which connections go into the gateway, and what they look like in memory.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::environment::loopback;

/// The most routes that are taken.
const MAX_ROUTES: usize = 64;
/// Bytes of a `sockaddr_in`.
pub const SOCKADDR_SIZE: usize = 16;
/// IPv4, in Winsock's numbers. Clients know nothing else.
const AF_INET: u16 = 2;

/// Where connections go. The first that fits counts.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Routes(Vec<Route>);

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Route {
    address: Option<Ipv4Addr>,
    port: u16,
    gateway: SocketAddrV4,
}

impl Routes {
    /// Reads `ADDRESS:PORT=GATEWAY:PORT;...`, where `*` as the address means any. What makes no sense is left out, and so is
    /// every gateway that is not on this machine.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        Self(text.split(';').filter_map(Route::parse).take(MAX_ROUTES).collect())
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Where a connection to this address goes instead. A connection to the gateway goes there already.
    #[must_use]
    pub fn find(&self, wanted: SocketAddrV4) -> Option<SocketAddrV4> {
        if self.0.iter().any(|route| route.gateway == wanted) {
            return None;
        }
        let fits =
            |route: &&Route| route.port == wanted.port() && route.address.is_none_or(|address| address == *wanted.ip());
        self.0.iter().find(fits).map(|route| route.gateway)
    }
}

impl Route {
    fn parse(text: &str) -> Option<Self> {
        let (wanted, gateway) = text.trim().split_once('=')?;
        let (address, port) = wanted.split_once(':')?;
        let address = match address {
            "*" => None,
            address => Some(address.parse().ok()?),
        };
        Some(Self { address, port: port.parse().ok()?, gateway: loopback(gateway)? })
    }
}

/// The address in the first bytes of a `sockaddr`, if it is one of IPv4.
#[must_use]
pub fn destination(sockaddr: &[u8]) -> Option<SocketAddrV4> {
    let [family @ .., port_high, port_low, a, b, c, d] = sockaddr.first_chunk::<8>()?;
    let is_ipv4 = u16::from_le_bytes([family[0], family[1]]) == AF_INET;
    is_ipv4.then(|| SocketAddrV4::new(Ipv4Addr::new(*a, *b, *c, *d), u16::from_be_bytes([*port_high, *port_low])))
}

/// A `sockaddr_in`.
#[must_use]
pub fn sockaddr(address: SocketAddrV4) -> [u8; SOCKADDR_SIZE] {
    let mut bytes = [0; SOCKADDR_SIZE];
    bytes[..2].copy_from_slice(&AF_INET.to_le_bytes());
    bytes[2..4].copy_from_slice(&address.port().to_be_bytes());
    bytes[4..8].copy_from_slice(&address.ip().octets());
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> SocketAddrV4 {
        text.parse().expect("an address")
    }

    #[test]
    fn the_first_route_that_fits_counts() {
        let routes = Routes::parse(" 203.0.113.9:6900=127.0.0.1:1 ; *:6900=127.0.0.1:2;203.0.113.9:6900=127.0.0.1:3");
        assert_eq!(routes.find(at("203.0.113.9:6900")), Some(at("127.0.0.1:1")));
        assert_eq!(routes.find(at("203.0.113.8:6900")), Some(at("127.0.0.1:2")));
        assert_eq!(routes.find(at("203.0.113.9:6901")), None);
        assert_eq!(Routes::parse("*:7=127.0.0.1:7").find(at("127.0.0.1:7")), None, "it goes there already");
    }

    #[test]
    fn routes_off_this_machine_are_left_out() {
        for text in ["*:1=203.0.113.9:2", "*:1=127.0.0.1:0", "*:70000=127.0.0.1:2", "a:1=127.0.0.1:2", "*:1", ":1=:2"] {
            assert!(Routes::parse(text).is_empty(), "{text}");
        }
        let many = "*:1=127.0.0.1:2;".repeat(1_000);
        assert_eq!(Routes::parse(&many).0.len(), MAX_ROUTES);
    }

    #[test]
    fn addresses_are_read_as_winsock_has_them() {
        let bytes = [2, 0, 0x1A, 0xF4, 203, 0, 113, 9, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(destination(&bytes), Some(at("203.0.113.9:6900")));
        assert_eq!(sockaddr(at("203.0.113.9:6900")), bytes);
        assert_eq!(destination(&[23, 0, 0x1A, 0xF4, 203, 0, 113, 9]), None, "IPv6");
        assert_eq!(destination(&bytes[..7]), None);
    }

    proptest! {
        #[test]
        fn any_text_gives_routes_to_this_machine_only(text: String, address: u32, port: u16) {
            let wanted = SocketAddrV4::new(address.into(), port);
            if let Some(gateway) = Routes::parse(&text).find(wanted) {
                prop_assert!(gateway.ip().is_loopback());
            }
            prop_assert_eq!(destination(&sockaddr(wanted)), Some(wanted));
        }
    }
}
