//! Whether a request comes from a program that was told of this endpoint, and not from a web page or
//! by way of a proxy: what [`Names`] a request may call us by, and which header fields no SDK sends.

use std::net::IpAddr;

use super::request::Field;
use super::request::Request;

/// The names of this endpoint, without ports: mappings and tunnels change those, and DNS rebinding is
/// a matter of names.
#[derive(Debug, Clone)]
pub struct Names(Vec<String>);

/// Why a request is refused whatever it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stranger {
    /// No `Host`, several, or none of our names.
    Host,
    /// A web page asks: `Origin` or `Sec-Fetch-Site` is there.
    Browser,
}

impl Names {
    /// What SDKs are told to use, and the addresses that are listened at.
    pub fn new(addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        let always = ["127.0.0.1", "localhost", "[::1]", "169.254.169.254"];
        let mut names: Vec<String> = always.map(str::to_owned).into();
        names.extend(addresses.into_iter().map(|address| match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        }));
        Self(names)
    }

    /// Refuses a request that is not for us.
    pub fn check(&self, request: &Request<'_>) -> Result<(), Stranger> {
        match request.field("host") {
            Field::Once(host) if self.contains(host) => {}
            // HTTP/1.0 knows no `Host`, and no browser speaks it.
            Field::Absent if !request.is_http_1_1 => {}
            Field::Absent | Field::Once(_) | Field::Repeated => return Err(Stranger::Host),
        }
        match (request.field("origin"), request.field("sec-fetch-site")) {
            (Field::Absent, Field::Absent) => Ok(()),
            _ => Err(Stranger::Browser),
        }
    }

    fn contains(&self, host: &[u8]) -> bool {
        // The last colon, unless it is one of an address in brackets.
        let colon = host.iter().rposition(|byte| *byte == b':');
        let name = match colon.and_then(|colon| host.split_at_checked(colon)) {
            Some((name, port)) if port.iter().skip(1).all(u8::is_ascii_digit) => name,
            Some(_) | None => host,
        };
        self.0
            .iter()
            .any(|known| known.as_bytes().eq_ignore_ascii_case(name))
    }
}

impl Stranger {
    /// What it is told.
    pub fn message(self) -> &'static str {
        match self {
            Self::Host => "the Host of the request is none of this endpoint's names",
            Self::Browser => "requests of web pages are not answered",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(head: &str) -> Result<(), Stranger> {
        let names = Names::new([
            "127.0.0.7".parse().unwrap(),
            "fd00:ec2::254".parse().unwrap(),
        ]);
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
            assert_eq!(check(&head), Err(Stranger::Host), "{host}");
        }
    }

    #[test]
    fn host_comes_exactly_once() {
        for (head, outcome) in [
            ("GET / HTTP/1.1", Err(Stranger::Host)),
            ("GET / HTTP/1.0", Ok(())),
            ("GET / HTTP/1.0\r\nHost: evil.example", Err(Stranger::Host)),
            (
                "GET / HTTP/1.1\r\nHost: localhost\r\nhost: localhost",
                Err(Stranger::Host),
            ),
        ] {
            assert_eq!(check(head), outcome, "{head}");
        }
    }

    #[test]
    fn browsers_are_refused() {
        for field in ["Origin: null", "origin:", "Sec-Fetch-Site: same-origin"] {
            let head = format!("GET / HTTP/1.1\r\nHost: localhost\r\n{field}");
            assert_eq!(check(&head), Err(Stranger::Browser), "{field}");
        }
    }
}
