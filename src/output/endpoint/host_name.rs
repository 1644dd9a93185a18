//! [`HostName`]: another name that requests may call the endpoint by.

use std::fmt;
use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// A name or an address as it stands in a `Host` field, without a port. Case does not count, nor does a
/// dot at the end, nor how an IPv6 address is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName(String);

impl HostName {
    /// True if a `Host` field, without its port, is this name.
    pub(super) fn is(&self, host: &str) -> bool {
        normalized(host) == self.0
    }
}

impl FromStr for HostName {
    type Err = HostNameError;

    fn from_str(text: &str) -> Result<Self, HostNameError> {
        let text = text.trim();
        if let Ok(address) = text.parse::<Ipv6Addr>() {
            return Ok(Self(format!("[{address}]")));
        }
        let name = normalized(without_port(text));
        check(&name)?;
        Ok(Self(name))
    }
}

/// A `Host` field without its port.
pub(super) fn without_port(host: &str) -> &str {
    // The last colon, unless it is one of an address in brackets.
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    }
}

fn normalized(name: &str) -> String {
    let name = name.strip_suffix('.').unwrap_or(name);
    match bracketed(name) {
        Some(address) => format!("[{address}]"),
        None => name.to_ascii_lowercase(),
    }
}

/// The address in `[::1]`.
fn bracketed(name: &str) -> Option<Ipv6Addr> {
    name.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

fn check(name: &str) -> Result<(), HostNameError> {
    if bracketed(name).is_some() || name.parse::<IpAddr>().is_ok() {
        return Ok(());
    }
    if name.contains('*') {
        return Err(HostNameError::Wildcard);
    }
    if name.contains('/') {
        return Err(HostNameError::Url);
    }
    let is_label = |label: &str| {
        (1..=LABEL_BYTES_MAX).contains(&label.len())
            && label
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    match name.len() <= NAME_BYTES_MAX && name.split('.').all(is_label) {
        true => Ok(()),
        false => Err(HostNameError::Characters),
    }
}

/// Why a text is not a [`HostName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HostNameError {
    /// It has a `*`.
    Wildcard,
    /// It has a scheme or a path.
    Url,
    /// It is empty or too long, or has characters that a host name cannot have.
    Characters,
}

impl fmt::Display for HostNameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wildcard => {
                "a wildcard would let web pages in by DNS rebinding; write each name in full"
            }
            Self::Url => "write the host name alone, without scheme and path",
            Self::Characters => {
                "a host name is made of letters, digits, -, _ and dots; write other alphabets as \
                 xn--..."
            }
        })
    }
}

impl std::error::Error for HostNameError {}

/// RFC 1035, section 2.3.4.
const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_equal_whatever_their_case_and_last_dot() {
        for (name, hosts) in [
            (
                "Host.Docker.internal",
                ["host.docker.internal", "HOST.docker.internal."],
            ),
            ("relay.", ["relay", "Relay."]),
            ("relay:9911", ["relay", "relay."]),
            ("my_service", ["my_service", "MY_SERVICE"]),
            ("172.17.0.1", ["172.17.0.1", "172.17.0.1."]),
            ("fd00::1", ["[fd00::1]", "[FD00:0:0::0001]"]),
            ("[FD00::1]", ["[fd00::1]", "[fd00:0::1]"]),
            ("[fd00::1]:80", ["[fd00::1]", "[fd00:0::1]"]),
        ] {
            let name: HostName = name.parse().unwrap();
            for host in hosts {
                assert!(name.is(host), "{name:?} {host}");
            }
            for host in [
                "",
                ".",
                "other",
                "fd00::1",
                "[fd00::2]",
                "relay.example",
                "relay..",
            ] {
                assert!(!name.is(host), "{name:?} {host}");
            }
        }
    }

    #[test]
    fn what_is_not_one_name_is_rejected() {
        for (text, error) in [
            ("*", HostNameError::Wildcard),
            ("*.example.com", HostNameError::Wildcard),
            ("relay*", HostNameError::Wildcard),
            ("http://relay", HostNameError::Url),
            ("http://relay:80/", HostNameError::Url),
            ("relay/path", HostNameError::Url),
            ("10.0.0.0/8", HostNameError::Url),
            ("", HostNameError::Characters),
            (".", HostNameError::Characters),
            (":80", HostNameError::Characters),
            ("relay..", HostNameError::Characters),
            ("a..b", HostNameError::Characters),
            ("a b", HostNameError::Characters),
            ("a,b", HostNameError::Characters),
            ("relay:http", HostNameError::Characters),
            ("user@relay", HostNameError::Characters),
            ("[fd00::1", HostNameError::Characters),
            ("[relay]", HostNameError::Characters),
            ("münchen.example", HostNameError::Characters),
            (&"a".repeat(64), HostNameError::Characters),
            (&"a.".repeat(128), HostNameError::Characters),
        ] {
            assert_eq!(text.parse::<HostName>(), Err(error), "{text}");
        }
    }
}
