//! Addresses that the endpoint may listen on: loopback, and the link-local addresses of EC2's metadata
//! services.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::SocketAddr;
use std::net::TcpListener;

use socket2::Domain;
use socket2::Protocol;
use socket2::SockRef;
use socket2::Socket;
use socket2::Type;

use crate::platform;

/// Sockets that hold their addresses but do not listen yet: no other process can take them, and no
/// client hangs.
#[derive(Debug)]
pub struct Bound {
    sockets: Vec<(Socket, SocketAddr)>,
    hop_limit: Option<u8>,
}

impl Bound {
    /// Takes `port` of `address`, or of 127.0.0.1 and ::1 where none or one of them is given: a process
    /// that had the other one would answer half of the requests to `localhost`. Port 0 takes any that is
    /// free on both. `hop_limit` is the hop limit of answers (IP TTL).
    pub fn new(
        address: Option<IpAddr>,
        port: u16,
        hop_limit: Option<u8>,
    ) -> Result<Self, AddressError> {
        let address = check(address.unwrap_or(LOOPBACK_V4))?;
        let mut attempts = PORTS_TRIED_MAX;
        loop {
            match bind(address, port) {
                Ok(sockets) => return Ok(Self::with(sockets, hop_limit)),
                // Free on one of them and not on the other.
                Err(AddressError::Bind { source, .. })
                    if port == 0 && source.kind() == io::ErrorKind::AddrInUse && attempts > 0 =>
                {
                    attempts -= 1;
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Sockets that the parent process passed on (systemd's socket activation). If there is only one of
    /// 127.0.0.1 and ::1, the other one is added.
    pub fn handed_over(
        listeners: Vec<TcpListener>,
        hop_limit: Option<u8>,
    ) -> Result<Self, AddressError> {
        let mut sockets: Vec<(Socket, SocketAddr)> = Vec::new();
        for listener in listeners {
            let address = listener.local_addr().map_err(AddressError::HandedOver)?;
            check(address.ip())?;
            if let Some((_, first)) = sockets.first()
                && first.port() != address.port()
            {
                return Err(AddressError::Ports {
                    one: *first,
                    other: address,
                });
            }
            sockets.push((Socket::from(listener), address));
        }
        let addresses: Vec<SocketAddr> = sockets.iter().map(|(_, address)| *address).collect();
        for address in addresses {
            if let Some(other) = other_loopback(address.ip())
                && !sockets.iter().any(|(_, address)| address.ip() == other)
            {
                sockets.extend(bind_optional(SocketAddr::new(other, address.port()))?);
            }
        }
        Ok(Self::with(sockets, hop_limit))
    }

    /// Listens at any address, for probes: what answers there hands out no credentials.
    pub fn for_probes(address: SocketAddr) -> io::Result<Self> {
        // `[::]` is of both families, on Windows too.
        let (socket, address) = bind_one(address, false)?;
        platform::share_with_closed_connections(&socket, true)?;
        socket.listen(BACKLOG)?;
        Ok(Self {
            sockets: vec![(socket, address)],
            hop_limit: None,
        })
    }

    fn with(sockets: Vec<(Socket, SocketAddr)>, hop_limit: Option<u8>) -> Self {
        let is_link_local = |(_, address): &(_, SocketAddr)| LINK_LOCAL.contains(&address.ip());
        let default = match sockets.iter().any(is_link_local) {
            true => HOP_LIMIT_LINK_LOCAL,
            false => HOP_LIMIT,
        };
        Self {
            hop_limit: Some(hop_limit.unwrap_or(default)),
            sockets,
        }
    }

    /// The addresses.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.sockets.iter().map(|(_, address)| *address)
    }

    /// Listens, with the hop limit of what is accepted. Needs an event loop.
    pub(super) fn listen(self) -> Result<Vec<(tokio::net::TcpListener, Option<u8>)>, AddressError> {
        let hop_limit = self.hop_limit;
        let listen = |(socket, address): (Socket, SocketAddr)| {
            let listen = || {
                if let Some(hop_limit) = hop_limit {
                    // Accepted connections inherit it on most systems, including the packets of the
                    // handshake.
                    limit_hops_of(&SockRef::from(&socket), address, hop_limit)?;
                }
                platform::share_with_closed_connections(&socket, true)?;
                socket.listen(BACKLOG)?;
                socket.set_nonblocking(true)?;
                tokio::net::TcpListener::from_std(socket.into())
            };
            let listener = listen().map_err(|source| AddressError::Bind { address, source })?;
            Ok((listener, hop_limit))
        };
        self.sockets.into_iter().map(listen).collect()
    }
}

/// Sets the hop limit of the packets of a connection.
pub(super) fn limit_hops(stream: &tokio::net::TcpStream, hop_limit: u8) -> io::Result<()> {
    limit_hops_of(&SockRef::from(stream), stream.local_addr()?, hop_limit)
}

fn limit_hops_of(socket: &SockRef<'_>, local: SocketAddr, hop_limit: u8) -> io::Result<()> {
    match local {
        SocketAddr::V4(_) => socket.set_ttl_v4(hop_limit.into()),
        SocketAddr::V6(_) => socket.set_unicast_hops_v6(hop_limit.into()),
    }
}

/// Refuses an address from which others could be answered.
fn check(address: IpAddr) -> Result<IpAddr, AddressError> {
    match address.is_loopback() || LINK_LOCAL.contains(&address) {
        true => Ok(address),
        false => Err(AddressError::Reachable { address }),
    }
}

/// Other loopback address of `localhost`.
fn other_loopback(address: IpAddr) -> Option<IpAddr> {
    match address {
        LOOPBACK_V4 => Some(LOOPBACK_V6),
        LOOPBACK_V6 => Some(LOOPBACK_V4),
        _ => None,
    }
}

fn bind(address: IpAddr, port: u16) -> Result<Vec<(Socket, SocketAddr)>, AddressError> {
    let address = SocketAddr::new(address, port);
    let first = bind_one(address, true).map_err(|source| AddressError::Bind { address, source })?;
    let port = first.1.port();
    let mut sockets = vec![first];
    if let Some(other) = other_loopback(address.ip()) {
        sockets.extend(bind_optional(SocketAddr::new(other, port))?);
    }
    Ok(sockets)
}

/// `None` on a machine without IPv6: no other process can have the address either.
fn bind_optional(address: SocketAddr) -> Result<Option<(Socket, SocketAddr)>, AddressError> {
    match bind_one(address, true) {
        Ok(socket) => Ok(Some(socket)),
        Err(error) if has_no_such_address(&error) => Ok(None),
        Err(source) => Err(AddressError::Bind { address, source }),
    }
}

fn bind_one(address: SocketAddr, is_only_v6: bool) -> io::Result<(Socket, SocketAddr)> {
    let socket = Socket::new(
        Domain::for_address(address),
        Type::STREAM,
        Some(Protocol::TCP),
    )?;
    if address.is_ipv6() {
        socket.set_only_v6(is_only_v6)?;
    }
    platform::share_with_closed_connections(&socket, true)?;
    socket.bind(&address.into())?;
    // Otherwise another process that also sets it could bind the address, until one of the two listens.
    platform::share_with_closed_connections(&socket, false)?;
    let address = socket.local_addr()?.as_socket();
    Ok((socket, address.ok_or(io::ErrorKind::AddrNotAvailable)?))
}

fn has_no_such_address(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::AddrNotAvailable || platform::is_address_family_unknown(error)
}

/// Why there is nothing to listen at.
#[derive(Debug)]
#[non_exhaustive]
pub enum AddressError {
    /// Others could reach it.
    Reachable {
        /// The address.
        address: IpAddr,
    },
    /// A socket that was handed over has no address.
    HandedOver(io::Error),
    /// Sockets that were handed over have several ports.
    Ports {
        /// The first.
        one: SocketAddr,
        /// Another one.
        other: SocketAddr,
    },
    /// The operating system refuses it.
    Bind {
        /// The address and port.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Reachable { address } => write!(
                f,
                "{address} is neither a loopback address nor a link-local one of EC2's metadata \
                 services (169.254.169.254, 169.254.170.2, fd00:ec2::254): other machines could ask \
                 for credentials there"
            ),
            Self::HandedOver(_) => f.write_str("cannot use the inherited socket"),
            Self::Ports { one, other } => write!(
                f,
                "the inherited sockets have two ports, {one} and {other}: one port is needed"
            ),
            Self::Bind { address, source: _ } => write!(f, "cannot listen at {address}"),
        }
    }
}

impl std::error::Error for AddressError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Reachable { .. } | Self::Ports { .. } => None,
            Self::HandedOver(source) | Self::Bind { source, .. } => Some(source),
        }
    }
}

const LOOPBACK_V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const LOOPBACK_V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// EC2's instance metadata, ECS's task roles, and EC2's instance metadata over IPv6.
const LINK_LOCAL: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 169, 254)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
];

/// The reference helper's.
const HOP_LIMIT: u8 = 64;

/// EC2's own: no further than this machine.
const HOP_LIMIT_LINK_LOCAL: u8 = 1;

/// As many connections may wait to be accepted.
const BACKLOG: i32 = 1024;

const PORTS_TRIED_MAX: u32 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    /// The default hop limit of link-local addresses.
    fn hop_limit(address: &str) -> Option<u8> {
        // The addresses themselves are on no machine that is not on EC2.
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        Bound::with(vec![(socket, address.parse().unwrap())], None).hop_limit
    }

    #[test]
    fn answers_of_link_local_addresses_do_not_leave_the_machine() {
        for address in [
            "169.254.169.254:80",
            "169.254.170.2:80",
            "[fd00:ec2::254]:80",
        ] {
            assert_eq!(hop_limit(address), Some(1), "{address}");
        }
        for address in ["127.0.0.1:9911", "[::1]:9911", "127.0.0.9:9911"] {
            assert_eq!(hop_limit(address), Some(64), "{address}");
        }
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let asked = Bound::with(
            vec![(socket, "169.254.169.254:80".parse().unwrap())],
            Some(2),
        );
        assert_eq!(asked.hop_limit, Some(2));
    }

    #[test]
    fn addresses_that_others_reach_are_refused() {
        for address in [
            "169.254.169.254",
            "169.254.170.2",
            "fd00:ec2::254",
            "127.255.0.1",
            "::1",
        ] {
            assert!(check(address.parse().unwrap()).is_ok(), "{address}");
        }
        for address in [
            "0.0.0.0",
            "::",
            "10.0.0.1",
            "169.254.169.253",
            "fd00:ec2::255",
            "128.0.0.1",
        ] {
            assert!(check(address.parse().unwrap()).is_err(), "{address}");
        }
    }
}
