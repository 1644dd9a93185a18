//! Rejects requests that do not come from a program configured for this endpoint but from a web page or
//! by way of a proxy: what [`AllowedHosts`] a request may call us by, and which header fields no SDK sends.

use std::net::IpAddr;

use super::host_name::HostName;
use super::host_name::without_port;
use super::request::Field;
use super::request::Request;

/// The names of this endpoint, without ports: mappings and tunnels change those, and DNS rebinding is
/// a matter of names.
#[derive(Debug, Clone)]
pub struct AllowedHosts {
    always: Vec<String>,
    allowed: Vec<HostName>,
}

/// Why a request is refused whatever it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// No `Host`, several, or none of our names.
    Host,
    /// A web page asks: `Origin` or `Sec-Fetch-Site` is there.
    Browser,
}

impl AllowedHosts {
    /// Accepts the names that SDKs use, the addresses listened on, and those `allowed`.
    pub fn new(addresses: impl IntoIterator<Item = IpAddr>, allowed: Vec<HostName>) -> Self {
        let always = ["127.0.0.1", "localhost", "[::1]", "169.254.169.254"];
        let mut always: Vec<String> = always.map(str::to_owned).into();
        always.extend(addresses.into_iter().map(|address| match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        }));
        Self { always, allowed }
    }

    /// Refuses a request that is not for us.
    pub fn check(&self, request: &Request<'_>) -> Result<(), Rejection> {
        match request.field("host") {
            Field::Once(host) if self.contains(host) => {}
            // HTTP/1.0 knows no `Host`, and no browser speaks it.
            Field::Absent if !request.is_http_1_1 => {}
            Field::Absent | Field::Once(_) | Field::Repeated => return Err(Rejection::Host),
        }
        match (request.field("origin"), request.field("sec-fetch-site")) {
            (Field::Absent, Field::Absent) => Ok(()),
            _ => Err(Rejection::Browser),
        }
    }

    fn contains(&self, host: &[u8]) -> bool {
        let Ok(host) = str::from_utf8(host) else {
            return false;
        };
        let name = without_port(host);
        self.always
            .iter()
            .any(|known| known.eq_ignore_ascii_case(name))
            || self.allowed.iter().any(|known| known.is(name))
    }
}

impl Rejection {
    /// The reason in the response.
    pub fn message(self) -> &'static str {
        match self {
            Self::Host => {
                "the Host of the request is not a name of this endpoint; serve --allow-host NAME allows it"
            }
            Self::Browser => "requests of web pages are not answered",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(head: &str) -> Result<(), Rejection> {
        check_with(&[], head)
    }

    fn check_with(allowed: &[&str], head: &str) -> Result<(), Rejection> {
        let addresses = ["127.0.0.7", "fd00:ec2::254"].map(|address| address.parse().unwrap());
        let allowed = allowed.iter().map(|name| name.parse().unwrap());
        let names = AllowedHosts::new(addresses, allowed.collect());
        let text = format!("{head}\r\n\r\n");
        let read = Request::read(text.as_bytes(), |request| names.check(request));
        read.unwrap().unwrap().1
    }

    #[test]
    fn every_name_of_ours_is_known_with_any_port() {
        for host in [
            "127.0.0.1",
            "127.0.0.1:9911",
            "127.0.0.1:1",
            "localhost",
            "LocalHost:80",
            "[::1]",
            "[::1]:9911",
            "169.254.169.254",
            "127.0.0.7:1",
            "[fd00:ec2::254]",
            "[FD00:EC2::254]:80",
        ] {
            let head = format!("GET / HTTP/1.1\r\nHost: {host}");
            assert_eq!(check(&head), Ok(()), "{host}");
        }
    }

    #[test]
    fn other_names_are_refused() {
        for host in [
            "",
            "evil.example",
            "localhost.",
            "localhost.evil.example",
            "127.0.0.1.evil.example:80",
            "evil.example:127.0.0.1",
            "127.0.0.8",
            "127.1",
            "2130706433",
            "::1",
            "[::1",
            "[0:0:0:0:0:0:0:1]",
            "localhost:80:80",
            "localhost:http",
            "user@localhost",
            "localhost,evil.example",
            "169.254.170.2",
        ] {
            let head = format!("GET / HTTP/1.1\r\nHost: {host}");
            assert_eq!(check(&head), Err(Rejection::Host), "{host}");
        }
    }

    #[test]
    fn allowed_name_is_known_with_any_port() {
        let allowed = ["host.docker.internal", "fd00::1"];
        for host in [
            "host.docker.internal",
            "Host.Docker.Internal:9911",
            "host.docker.internal.",
            "host.docker.internal.:1",
            "[fd00::1]",
            "[FD00:0::1]:9911",
            "localhost:9911",
        ] {
            let head = format!("GET / HTTP/1.1\r\nHost: {host}");
            assert_eq!(check_with(&allowed, &head), Ok(()), "{host}");
            let page = format!("{head}\r\nOrigin: http://{host}");
            assert_eq!(
                check_with(&allowed, &page),
                Err(Rejection::Browser),
                "{host}"
            );
        }
        for host in [
            "docker.internal",
            "a.host.docker.internal",
            "host.docker.internal.evil.example",
            "host.docker.internal:80:80",
            "host.docker.internal:http",
            "fd00::1",
            "[fd00::1",
            "localhost.",
            "evil.example",
        ] {
            let head = format!("GET / HTTP/1.1\r\nHost: {host}");
            assert_eq!(check_with(&allowed, &head), Err(Rejection::Host), "{host}");
        }
    }

    #[test]
    fn host_comes_exactly_once() {
        for (head, outcome) in [
            ("GET / HTTP/1.1", Err(Rejection::Host)),
            ("GET / HTTP/1.0", Ok(())),
            ("GET / HTTP/1.0\r\nHost: evil.example", Err(Rejection::Host)),
            (
                "GET / HTTP/1.1\r\nHost: localhost\r\nhost: localhost",
                Err(Rejection::Host),
            ),
        ] {
            assert_eq!(check(head), outcome, "{head}");
        }
    }

    #[test]
    fn browsers_are_refused() {
        for field in ["Origin: null", "origin:", "Sec-Fetch-Site: same-origin"] {
            let head = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{field}");
            assert_eq!(check(&head), Err(Rejection::Browser), "{field}");
        }
    }
}
