//! Addresses in packets: the few fields that travel in network byte order.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};

use crate::{DecodeError, Reader, WireRead, WireWrite, Writer};

/// An IPv4 address in network byte order, the same on every link.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Ipv4Be(pub Ipv4Addr);

impl Ipv4Be {
    /// The address with `port`.
    #[must_use]
    pub fn at(self, port: u16) -> SocketAddrV4 {
        SocketAddrV4::new(self.0, port)
    }
}

impl Default for Ipv4Be {
    fn default() -> Self {
        Self(Ipv4Addr::UNSPECIFIED)
    }
}

impl From<Ipv4Addr> for Ipv4Be {
    fn from(address: Ipv4Addr) -> Self {
        Self(address)
    }
}

impl fmt::Debug for Ipv4Be {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl WireRead for Ipv4Be {
    fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
        reader.array::<4>(field).map(|octets| Self(octets.into()))
    }
}

impl WireWrite for Ipv4Be {
    fn write(&self, writer: &mut Writer) {
        writer.bytes(&self.0.octets());
    }
}

/// A port in network byte order: chrif only. Client packets carry ports little-endian, as a plain `u16`.
#[derive(Clone, Copy, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct PortBe(pub u16);

impl fmt::Debug for PortBe {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl WireRead for PortBe {
    fn read(reader: &mut Reader<'_>, field: &'static str) -> Result<Self, DecodeError> {
        reader.u16_be(field).map(Self)
    }
}

impl WireWrite for PortBe {
    fn write(&self, writer: &mut Writer) {
        writer.u16_be(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_travel_in_network_byte_order() {
        let mut reader = Reader::new(&[127, 0, 0, 1, 0x14, 0x50]);
        let (ip, port) =
            (Ipv4Be::read(&mut reader, "ip").expect("ip"), PortBe::read(&mut reader, "port").expect("port"));
        assert_eq!(ip.at(port.0).to_string(), "127.0.0.1:5200");
        let mut writer = Writer::default();
        ip.write(&mut writer);
        port.write(&mut writer);
        assert_eq!(writer.finish().as_ref(), [127, 0, 0, 1, 0x14, 0x50]);
    }
}
