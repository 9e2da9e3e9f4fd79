//! Which connections processes have, from /proc: whether one leads anywhere but to this machine.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::tree;

/// The tables of this network namespace.
const TABLES: [&str; 4] = ["tcp", "tcp6", "udp", "udp6"];

/// Connections that lead elsewhere: by name of the program.
#[derive(Debug, Default)]
pub(super) struct Foreign {
    found: BTreeSet<(String, SocketAddr)>,
    looks: u64,
}

impl Foreign {
    /// Looks at what these processes have open now. Sockets that are not connected to anybody are none of its business.
    pub(super) fn look(&mut self, processes: &[u32]) {
        self.looks += 1;
        let mut owners: BTreeMap<u64, u32> = BTreeMap::new();
        for process in processes {
            owners.extend(sockets_of(*process).into_iter().map(|inode| (inode, *process)));
        }
        for table in TABLES {
            let Ok(text) = fs::read_to_string(format!("/proc/self/net/{table}")) else { continue };
            for (inode, remote) in text.lines().skip(1).filter_map(entry) {
                if let Some(process) = owners.get(&inode).filter(|_| is_foreign(remote)) {
                    self.found.insert((tree::name(*process).unwrap_or_default(), remote));
                }
            }
        }
    }

    /// All that was found.
    pub(super) fn found(&self) -> impl Iterator<Item = String> {
        self.found.iter().map(|(name, remote)| format!("{name} -> {remote}"))
    }

    /// How many different ones were found.
    pub(super) fn len(&self) -> usize {
        self.found.len()
    }

    /// How often it looked.
    pub(super) fn looks(&self) -> u64 {
        self.looks
    }
}

/// Whether this network has nothing but loopback: then no packet leaves it, and every attempt is counted by
/// [`unroutable`].
pub(super) fn is_isolated() -> bool {
    let Ok(text) = fs::read_to_string("/proc/self/net/route") else { return false };
    let routes = text.lines().skip(1).count();
    let devices = fs::read_to_string("/proc/self/net/dev").unwrap_or_default();
    let names = devices.lines().skip(2).filter_map(|line| Some(line.split_once(':')?.0.trim()));
    routes == 0 && names.filter(|name| *name != "lo").count() == 0
}

/// How often this network was asked for a way that it has not (`OutNoRoutes` of IPv4 and IPv6): connects and datagrams.
pub(super) fn unroutable() -> u64 {
    let four = fs::read_to_string("/proc/self/net/snmp").unwrap_or_default();
    let six = fs::read_to_string("/proc/self/net/snmp6").unwrap_or_default();
    four_without_route(&four) + six_without_route(&six)
}

fn four_without_route(text: &str) -> u64 {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix("Ip:"));
    let (Some(names), Some(values)) = (lines.next(), lines.next()) else { return 0 };
    let mut pairs = names.split_whitespace().zip(values.split_whitespace());
    pairs.find(|(name, _)| *name == "OutNoRoutes").and_then(|(_, value)| value.parse().ok()).unwrap_or_default()
}

fn six_without_route(text: &str) -> u64 {
    let value = text.lines().find_map(|line| line.strip_prefix("Ip6OutNoRoutes"));
    value.and_then(|value| value.trim().parse().ok()).unwrap_or_default()
}

fn sockets_of(process: u32) -> Vec<u64> {
    let Ok(entries) = fs::read_dir(format!("/proc/{process}/fd")) else { return Vec::new() };
    let links = entries.flatten().filter_map(|entry| fs::read_link(entry.path()).ok());
    links.filter_map(|link| link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()).collect()
}

/// Inode and remote address of a line of /proc/net/{tcp,udp}{,6}.
fn entry(line: &str) -> Option<(u64, SocketAddr)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    Some((fields.get(9)?.parse().ok()?, address(fields.get(2)?)?))
}

/// `0100007F:1F90`: 32-bit words in the machine's order, the port in the usual one.
fn address(text: &str) -> Option<SocketAddr> {
    let (address, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |index: usize| Some(u32::from_str_radix(address.get(index * 8..index * 8 + 8)?, 16).ok()?.to_ne_bytes());
    let address = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let mut bytes = [0; 16];
            for (index, four) in bytes.chunks_exact_mut(4).enumerate() {
                four.copy_from_slice(&word(index)?);
            }
            IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(address, port))
}

fn is_foreign(remote: SocketAddr) -> bool {
    !remote.ip().is_loopback() && !remote.ip().is_unspecified()
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn addresses_are_read_as_the_kernel_writes_them() {
        let of = |text: &str| address(text).expect("readable").to_string();
        if cfg!(target_endian = "little") {
            assert_eq!(of("0100007F:1F90"), "127.0.0.1:8080");
            assert_eq!(of("08080808:0035"), "8.8.8.8:53");
            assert_eq!(of("0000000000000000FFFF00000200007F:0050"), "127.0.0.2:80", "IPv4 in IPv6");
            assert_eq!(of("00000000000000000000000001000000:0050"), "[::1]:80");
        }
        assert!(address("0100007F").is_none());
        for (text, foreign) in [("127.0.0.2:1", false), ("0.0.0.0:0", false), ("[::]:0", false), ("192.0.2.1:1", true)]
        {
            assert_eq!(is_foreign(text.parse().expect("an address")), foreign, "{text}");
        }
    }

    #[test]
    fn loopback_is_not_foreign_and_is_looked_at() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let _client = std::net::TcpStream::connect(listener.local_addr().expect("bound")).expect("connects");
        assert!(sockets_of(std::process::id()).len() >= 2);
        let mut foreign = Foreign::default();
        foreign.look(&[std::process::id()]);
        assert_eq!((foreign.looks(), foreign.found().collect::<Vec<_>>()), (1, vec![]));
    }

    #[test]
    fn ways_that_are_missing_are_counted() {
        let text = "Ip: Forwarding OutDiscards OutNoRoutes\nIp: 2 7 12\nTcp: A\nTcp: 1\n";
        assert_eq!(four_without_route(text), 12);
        assert_eq!(six_without_route("Ip6InReceives   3\nIp6OutNoRoutes    \t4\n"), 4);
        assert_eq!(four_without_route(""), 0);
    }
}
