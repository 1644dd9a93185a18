//! [`Proxy`]: the proxy of a request, by the rules of Go's `net/http`, which the reference helper
//! follows.
//!
//! `HTTPS_PROXY` or `HTTP_PROXY` by the endpoint's scheme, upper case first, then lower case;
//! `ALL_PROXY` is not read. `localhost`, loopback addresses and the entries of `NO_PROXY` are reached
//! directly. Source: [httpproxy](https://pkg.go.dev/golang.org/x/net/http/httpproxy).

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use ipnet::IpNet;
use percent_encoding::NON_ALPHANUMERIC;
use percent_encoding::percent_decode_str;
use percent_encoding::percent_encode;
use reqwest::Url;

use crate::aws_call::endpoint;
use crate::aws_call::endpoint::Endpoint;
use crate::environment::Environment;
use crate::platform;

/// A proxy's URL, with user and password if it has any; `Debug` leaves those out.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    url: Url,
}

impl Proxy {
    /// The proxy on the way to `endpoint`, if there is one.
    ///
    /// Fails where the variable that counts holds no proxy's URL.
    pub fn on_the_way_to(
        endpoint: &Endpoint,
        environment: &Environment,
    ) -> Result<Option<Self>, ProxyError> {
        let Some((variable, value)) = configured(endpoint, environment) else {
            return Ok(None);
        };
        let no_proxy = environment
            .text("NO_PROXY")
            .or_else(|| environment.text("no_proxy"))
            .unwrap_or_default();
        if is_direct(endpoint.url(), &no_proxy) {
            return Ok(None);
        }
        let url = parse(&value)
            .filter(|url| SCHEMES.contains(&url.scheme()) && url.has_host())
            .ok_or(ProxyError { variable })?;
        Ok(Some(Self { url }))
    }

    /// The host and the port to connect to.
    pub fn host_and_port(&self) -> (&str, u16) {
        endpoint::host_and_port(&self.url)
    }

    /// The URL with user and password.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// As [`Proxy::url`], in the words of the HTTP client: its `socks5` would look names up here. Go lets the
    /// proxy do it, and behind such a proxy there may be no name server.
    pub(crate) fn url_for_client(&self) -> Url {
        let mut url = self.url.clone();
        if url.scheme() == "socks5" {
            // Both are schemes without a port of their own, so it does not fail.
            let _ = url.set_scheme("socks5h");
        }
        url
    }
}

impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let host = self.url.host_str().unwrap_or_default();
        write!(f, "{}://{host}", self.url.scheme())?;
        match self.url.port() {
            Some(port) => write!(f, ":{port}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self})")
    }
}

/// A proxy's URL; one without a scheme is `http`. User and password may hold what a URL only takes
/// percent-encoded, such as the backslash of `DOMAIN\user`. The path of a proxy's URL is of no use, so the last
/// `@` ends them, wherever it stands.
fn parse(text: &str) -> Option<Url> {
    let (scheme, rest) = text.split_once("://").unwrap_or(("http", text));
    let Some((user_and_password, host)) = rest.rsplit_once('@') else {
        return Url::parse(&format!("{scheme}://{rest}")).ok();
    };
    let (user, password) = match user_and_password.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (user_and_password, None),
    };
    let encoded = |text: &str| {
        let bytes: Vec<u8> = percent_decode_str(text).collect();
        percent_encode(&bytes, NON_ALPHANUMERIC).to_string()
    };
    let password = password.map(|password| format!(":{}", encoded(password)));
    let (user, password) = (encoded(user), password.unwrap_or_default());
    Url::parse(&format!("{scheme}://{user}{password}@{host}")).ok()
}

/// The variable that names a proxy for the endpoint's scheme, and its value.
fn configured(endpoint: &Endpoint, environment: &Environment) -> Option<(&'static str, String)> {
    // A web server hands a client's `Proxy` header to a CGI program as HTTP_PROXY (httpoxy).
    let is_cgi = environment.raw("REQUEST_METHOD").is_some();
    let names: &[_] = match (endpoint.is_tls(), is_cgi) {
        (true, _) => &["HTTPS_PROXY", "https_proxy"],
        (false, false) => &["HTTP_PROXY", "http_proxy"],
        (false, true) if platform::VARIABLES_IGNORE_CASE => &[],
        (false, true) => &["http_proxy"],
    };
    names
        .iter()
        .copied()
        .find_map(|name| Some((name, environment.text(name)?)))
}

/// True if the endpoint is reached without a proxy.
fn is_direct(endpoint: &Url, no_proxy: &str) -> bool {
    let host = endpoint
        .host_str()
        .unwrap_or_default()
        .trim_matches(['[', ']'])
        .trim_end_matches('.')
        .to_lowercase();
    let port = endpoint.port_or_known_default().unwrap_or_default();
    let address = host.parse::<IpAddr>().ok();
    if host == "localhost" || address.is_some_and(|address| address.to_canonical().is_loopback()) {
        return true;
    }
    no_proxy
        .split(',')
        .map(|entry| entry.trim().to_lowercase())
        .filter(|entry| !entry.is_empty())
        .any(|entry| matches(&entry, &host, address, port))
}

/// True if an entry of `NO_PROXY` names the host: `*`, a network, an address or a name, the latter
/// two with an optional port.
fn matches(entry: &str, host: &str, address: Option<IpAddr>, port: u16) -> bool {
    if entry == "*" {
        return true;
    }
    if let Ok(network) = entry.parse::<IpNet>() {
        return address.is_some_and(|address| network.contains(&address));
    }
    let (name, entry_port) = split_port(entry);
    if entry_port.is_some_and(|entry_port| entry_port != port) {
        return false;
    }
    if let Ok(listed) = name.trim_matches(['[', ']']).parse::<IpAddr>() {
        return address == Some(listed);
    }
    // ".example.com" and "*.example.com" mean what is below, "example.com" itself and what is below.
    match name.strip_prefix("*.").or_else(|| name.strip_prefix('.')) {
        Some(domain) => is_below(host, &ascii(domain)),
        None => {
            let name = ascii(name);
            host == name || is_below(host, &name)
        }
    }
}

/// A host name as it stands in a URL, where an internationalised one is in ASCII.
fn ascii(name: &str) -> Cow<'_, str> {
    if name.is_ascii() {
        return name.into();
    }
    let url = Url::parse(&format!("http://{name}/")).ok();
    let host = url.as_ref().and_then(Url::host_str);
    host.map_or(name.into(), |host| host.to_owned().into())
}

fn is_below(host: &str, domain: &str) -> bool {
    !domain.is_empty()
        && host
            .strip_suffix(domain)
            .is_some_and(|rest| rest.ends_with('.'))
}

/// `name:port`, `[address]:port`; an address of IPv6 without brackets has no port.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    match entry.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') || name.ends_with(']') => match port.parse() {
            Ok(port) => (name, Some(port)),
            Err(_) if port.is_empty() => (name, None),
            Err(_) => (entry, None),
        },
        _ => (entry, None),
    }
}

/// A variable that should name a proxy holds something else. The value is not shown: it may be a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyError {
    /// The variable's name.
    pub variable: &'static str,
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "environment variable {} is not a proxy's url",
            self.variable
        )
    }
}

impl std::error::Error for ProxyError {}

const SCHEMES: &[&str] = &["http", "https", "socks5", "socks5h"];

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(endpoint: &str, variables: &[(&str, &str)]) -> Result<Option<String>, ProxyError> {
        let endpoint = Endpoint::parse(endpoint).unwrap();
        let environment = variables.iter().copied().collect();
        Proxy::on_the_way_to(&endpoint, &environment)
            .map(|proxy| proxy.map(|proxy| proxy.to_string()))
    }

    #[test]
    fn variable_follows_the_scheme_and_upper_case_wins() {
        let variables = [
            // On Windows they are one variable, whose last value counts.
            ("https_proxy", "http://lower:1"),
            ("HTTPS_PROXY", "http://upper:1"),
            ("http_proxy", "plain:1"),
            ("ALL_PROXY", "http://all:1"),
        ];
        let upper = Ok(Some("http://upper:1".to_owned()));
        assert_eq!(proxy("https://aws", &variables), upper);
        let plain = Ok(Some("http://plain:1".to_owned()));
        assert_eq!(proxy("http://aws", &variables), plain);
        assert_eq!(proxy("http://aws", &variables[3..]), Ok(None));
    }

    #[test]
    fn loopback_is_direct() {
        let variables = [("HTTP_PROXY", "http://p:1")];
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.1.2.3",
            "[::1]:80",
            "[::ffff:127.0.0.1]",
        ] {
            assert_eq!(
                proxy(&format!("http://{host}"), &variables),
                Ok(None),
                "{host}"
            );
        }
        assert!(
            proxy("http://localhost.example", &variables)
                .unwrap()
                .is_some()
        );
    }

    #[test]
    fn upper_case_variable_is_not_believed_under_cgi() {
        let upper = ("HTTP_PROXY", "http://evil:1");
        let cgi = ("REQUEST_METHOD", "GET");
        assert_eq!(proxy("http://aws", &[upper, cgi]), Ok(None));
        let lower = ("http_proxy", "http://p:1");
        let found = proxy("http://aws", &[upper, cgi, lower]);
        // On Windows nobody knows which of the two it was.
        let is_one_variable = platform::VARIABLES_IGNORE_CASE;
        let expected = (!is_one_variable).then(|| "http://p:1".to_owned());
        assert_eq!(found, Ok(expected));
    }

    #[test]
    fn no_proxy_takes_names_suffixes_addresses_networks_and_ports() {
        let direct = |endpoint: &str, no_proxy: &str| {
            let variables = [("HTTP_PROXY", "http://p:1"), ("NO_PROXY", no_proxy)];
            proxy(endpoint, &variables).unwrap().is_none()
        };
        for (endpoint, no_proxy) in [
            ("http://a.example.com", "example.com"),
            ("http://example.com", "x, example.com"),
            ("http://a.example.com", ".example.com"),
            ("http://a.example.com", "*.example.com"),
            ("http://a.example.com", "EXAMPLE.com"),
            ("http://a.example.com:8080", "example.com:8080"),
            ("http://a.example.com", "example.com:80"),
            ("http://10.1.2.3", "10.0.0.0/8"),
            ("http://10.1.2.3", "10.1.2.3"),
            ("http://10.1.2.3:8080", "10.1.2.3:8080"),
            ("http://[fd00::1]", "fd00::/8"),
            ("http://[fd00::]", "fd00::"),
            ("http://[fd00::1]:8080", "[fd00::1]:8080"),
            ("http://a.example.com", "example.com:"),
            ("http://anything", "*"),
        ] {
            assert!(direct(endpoint, no_proxy), "{endpoint} {no_proxy}");
        }
        for (endpoint, no_proxy) in [
            ("http://example.com", ".example.com"),
            ("http://badexample.com", "example.com"),
            ("http://a.example.com:8080", "example.com:80"),
            ("http://11.1.2.3", "10.0.0.0/8"),
            ("http://a.example.com", "com.example"),
            ("http://a.example.com", ","),
            ("http://a.example.com", "*example.com"),
        ] {
            assert!(!direct(endpoint, no_proxy), "{endpoint} {no_proxy}");
        }
    }

    #[test]
    fn password_of_a_proxy_is_never_shown() {
        let endpoint = Endpoint::parse("http://aws").unwrap();
        let environment = [("HTTP_PROXY", "http://user:hunter2@p:8080")]
            .into_iter()
            .collect();
        let proxy = Proxy::on_the_way_to(&endpoint, &environment)
            .unwrap()
            .unwrap();
        assert_eq!(proxy.url().password(), Some("hunter2"));
        assert_eq!(
            format!("{proxy} {proxy:?}"),
            "http://p:8080 Proxy(http://p:8080)"
        );
        let broken = [("HTTP_PROXY", "http://hunter2:x@")].into_iter().collect();
        let error = Proxy::on_the_way_to(&endpoint, &broken).unwrap_err();
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn user_and_password_may_hold_any_character() {
        for (value, user, password) in [
            (
                r"http://DOMAIN\user:pw@proxy:8080",
                r"DOMAIN\user",
                Some("pw"),
            ),
            ("http://u:p@ss@proxy:8080", "u", Some("p@ss")),
            ("http://u:p#s?s/x@proxy:8080", "u", Some("p#s?s/x")),
            ("http://u:50%@proxy:8080", "u", Some("50%")),
            ("http://u:a%40b:c@proxy:8080", "u", Some("a@b:c")),
            ("DOMAIN\\user:pw@proxy:8080", "DOMAIN\\user", Some("pw")),
            ("http://\u{fc}ser@proxy:8080", "\u{fc}ser", None),
        ] {
            let environment = [("HTTPS_PROXY", value)].into_iter().collect();
            let endpoint = Endpoint::parse("https://service.example").unwrap();
            let proxy = Proxy::on_the_way_to(&endpoint, &environment)
                .unwrap()
                .unwrap();
            assert_eq!(proxy.to_string(), "http://proxy:8080", "{value}");
            let decoded = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
            assert_eq!(decoded(proxy.url().username()), user, "{value}");
            let found = proxy.url().password().map(decoded);
            assert_eq!(found.as_deref(), password, "{value}");
        }
    }

    #[test]
    fn internationalised_names_match_in_either_form() {
        for (host, no_proxy) in [
            ("https://b\u{fc}cher.example", "b\u{fc}cher.example"),
            ("https://b\u{fc}cher.example", "xn--bcher-kva.example"),
            ("https://xn--bcher-kva.example", "B\u{dc}CHER.example"),
            ("https://a.b\u{fc}cher.example", ".b\u{fc}cher.example"),
            (
                "https://a.b\u{fc}cher.example:8443",
                "*.b\u{fc}cher.example:8443",
            ),
        ] {
            let variables = [("HTTPS_PROXY", "http://proxy"), ("NO_PROXY", no_proxy)];
            let environment = variables.into_iter().collect();
            let endpoint = Endpoint::parse(host).unwrap();
            let proxy = Proxy::on_the_way_to(&endpoint, &environment).unwrap();
            assert!(proxy.is_none(), "{host} {no_proxy}");
        }
    }

    #[test]
    fn proxy_of_socks5_looks_names_up() {
        for (value, scheme) in [
            ("socks5://p:1080", "socks5h"),
            ("socks5h://p", "socks5h"),
            ("http://p", "http"),
        ] {
            let environment = [("HTTPS_PROXY", value)].into_iter().collect();
            let endpoint = Endpoint::parse("https://service.example").unwrap();
            let proxy = Proxy::on_the_way_to(&endpoint, &environment)
                .unwrap()
                .unwrap();
            assert_eq!(proxy.url_for_client().scheme(), scheme, "{value}");
        }
    }
}
