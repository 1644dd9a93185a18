//! A port of 127.0.0.1 on which nothing listens for as long as the value lives.

use std::io::ErrorKind;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::atomic::AtomicU16;
use std::sync::atomic::Ordering;

/// The near end of an open connection: in use, so that no other process gets it, but connections to it
/// are refused.
pub(crate) struct ClosedPort {
    _far: TcpListener,
    near: TcpStream,
}

impl ClosedPort {
    pub(crate) fn reserve() -> ClosedPort {
        let far = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let near = TcpStream::connect(far.local_addr().unwrap()).unwrap();
        ClosedPort { _far: far, near }
    }

    pub(crate) fn number(&self) -> u16 {
        self.near.local_addr().unwrap().port()
    }
}

/// A free port of both loopback addresses, outside the range of ephemeral ports on every system.
pub(crate) fn unused() -> u16 {
    let begin = (std::process::id() % 1000) as u16 * 10;
    loop {
        let port = 20_000 + (begin + NEXT.fetch_add(1, Ordering::Relaxed)) % 12_000;
        let is_free = |address: IpAddr| match TcpListener::bind((address, port)) {
            Ok(_) => true,
            // Without IPv6, no other process can have it either.
            Err(error) => error.kind() == ErrorKind::AddrNotAvailable,
        };
        if is_free(Ipv4Addr::LOCALHOST.into()) && is_free(Ipv6Addr::LOCALHOST.into()) {
            return port;
        }
    }
}

static NEXT: AtomicU16 = AtomicU16::new(0);

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;
    use std::net::Ipv4Addr;
    use std::net::TcpListener;
    use std::net::TcpStream;

    use crate::support::port::ClosedPort;

    #[test]
    fn closed_port_refuses_connections_and_stays_reserved() {
        let port = ClosedPort::reserve();
        let address = (Ipv4Addr::LOCALHOST, port.number());

        let refused = TcpStream::connect(address).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        let taken = TcpListener::bind(address).unwrap_err();
        assert_eq!(taken.kind(), ErrorKind::AddrInUse);
    }
}
