//! [`Endpoint`]: the URL at which a service is called.

use std::fmt;

use reqwest::Url;

use crate::arn::Region;
use crate::aws_call::service::Service;
use crate::environment::Environment;
use crate::environment::NotABoolean;
use crate::text::ShownName;

/// Scheme, host, port and path prefix of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    url: Url,
}

impl Endpoint {
    /// The endpoint that counts: `given` (the flag), else the service's own variable, else
    /// `AWS_ENDPOINT_URL` (both unless `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS`), else the one of
    /// `region`, after `AWS_USE_FIPS_ENDPOINT` and `AWS_USE_DUALSTACK_ENDPOINT`.
    pub fn resolve(
        service: Service,
        given: Option<&str>,
        region: &Region,
        environment: &Environment,
    ) -> Result<Self, EndpointError> {
        // Refused even where they are without effect, as in the AWS SDKs: a typo must not go unseen.
        let variant = Variant {
            fips: environment.boolean("AWS_USE_FIPS_ENDPOINT")?,
            dual_stack: environment.boolean("AWS_USE_DUALSTACK_ENDPOINT")?,
        };
        let ignored = environment.boolean("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")?;
        if let Some(given) = given {
            return Self::parse(given);
        }
        let configured = [service.endpoint_variable, "AWS_ENDPOINT_URL"]
            .into_iter()
            .filter(|_| !ignored)
            .find_map(|name| environment.text(name));
        match configured {
            Some(url) => Self::parse(&url),
            None => Self::for_region(service, region, variant),
        }
    }

    /// An `http` or `https` URL with port and path; query and fragment are dropped.
    pub fn parse(text: &str) -> Result<Self, EndpointError> {
        // The part in front of an "@" may be a password.
        let shown = text.rsplit('@').next().unwrap_or_default();
        let invalid = |reason| EndpointError::Invalid {
            url: shown.to_owned(),
            reason,
        };
        // "localhost:8443" parses, with "localhost" as its scheme.
        if !text.contains("://") {
            return Err(invalid("it has no scheme; write https:// in front"));
        }
        let mut url = Url::parse(text).map_err(|_| invalid("it is not a url"))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("its scheme is neither http nor https"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(invalid("a user name or password in it is not supported"));
        }
        url.set_query(None);
        url.set_fragment(None);
        Ok(Self { url })
    }

    /// The service's own endpoint in `region`. Source: AWS SDKs' partition metadata;
    /// [endpoints](https://docs.aws.amazon.com/general/latest/gr/rolesanywhere.html).
    fn for_region(
        service: Service,
        region: &Region,
        variant: Variant,
    ) -> Result<Self, EndpointError> {
        let partition = Partition::of(region);
        let suffix = match variant.dual_stack {
            true => partition.dual_stack_suffix,
            false => partition.suffix,
        };
        // GovCloud's endpoints of STS have no other name for FIPS.
        let is_fips_anyway = service == Service::STS && region.as_str().starts_with("us-gov-");
        let fips = match variant.fips && !is_fips_anyway {
            true => "-fips",
            false => "",
        };
        Self::parse(&format!("https://{}{fips}.{region}.{suffix}", service.name))
    }

    /// The host with its port, unless that is the scheme's own: the `Host` header.
    pub fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// The host and the port to connect to.
    pub fn host_and_port(&self) -> (&str, u16) {
        host_and_port(&self.url)
    }

    /// True if it is `https`.
    pub fn is_tls(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// The URL itself, without query.
    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// The URL of the request: `path` behind the endpoint's own path, and `query`, already encoded.
    pub(crate) fn request_url(&self, path: &str, query: &str) -> Url {
        let mut url = self.url.clone();
        let prefix = url.path().trim_end_matches('/').to_owned();
        url.set_path(&format!("{prefix}{path}"));
        url.set_query(Some(query).filter(|query| !query.is_empty()));
        url
    }
}

/// The host and the port that a URL leads to.
pub(super) fn host_and_port(url: &Url) -> (&str, u16) {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or(SOCKS_PORT);
    (host.trim_matches(['[', ']']), port)
}

/// Of a SOCKS proxy (RFC 1928), whose schemes have no port of their own.
const SOCKS_PORT: u16 = 1080;

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

/// Variant of a region's endpoint.
#[derive(Debug, Clone, Copy)]
struct Variant {
    fips: bool,
    dual_stack: bool,
}

/// A set of regions that share their domain names.
struct Partition {
    region_prefix: &'static str,
    suffix: &'static str,
    dual_stack_suffix: &'static str,
}

impl Partition {
    fn of(region: &Region) -> &'static Self {
        PARTITIONS
            .iter()
            .find(|partition| region.as_str().starts_with(partition.region_prefix))
            .unwrap_or(&COMMERCIAL)
    }
}

/// Reasons why an endpoint cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointError {
    /// Text that cannot be an endpoint.
    Invalid {
        /// The text, from behind an `@`.
        url: String,
        /// The fault.
        reason: &'static str,
    },
    /// A variable that takes `true` or `false` holds something else.
    Variable(NotABoolean),
}

impl From<NotABoolean> for EndpointError {
    fn from(error: NotABoolean) -> Self {
        Self::Variable(error)
    }
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { url, reason } => {
                let url = ShownName::of(url);
                write!(f, "cannot use the endpoint {url:?}: {reason}")
            }
            Self::Variable(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for EndpointError {}

const COMMERCIAL: Partition = Partition {
    region_prefix: "",
    suffix: "amazonaws.com",
    dual_stack_suffix: "api.aws",
};

/// Every partition but the commercial one and GovCloud, which shares its names. `us-isob-` and
/// `us-isof-` do not begin with `us-iso-`.
const PARTITIONS: &[Partition] = &[
    Partition {
        region_prefix: "cn-",
        suffix: "amazonaws.com.cn",
        dual_stack_suffix: "api.amazonwebservices.com.cn",
    },
    Partition {
        region_prefix: "eusc-",
        suffix: "amazonaws.eu",
        dual_stack_suffix: "api.amazonwebservices.eu",
    },
    Partition {
        region_prefix: "us-iso-",
        suffix: "c2s.ic.gov",
        dual_stack_suffix: "api.aws.ic.gov",
    },
    Partition {
        region_prefix: "us-isob-",
        suffix: "sc2s.sgov.gov",
        dual_stack_suffix: "api.aws.scloud",
    },
    Partition {
        region_prefix: "eu-isoe-",
        suffix: "cloud.adc-e.uk",
        dual_stack_suffix: "api.cloud-aws.adc-e.uk",
    },
    Partition {
        region_prefix: "us-isof-",
        suffix: "csp.hci.ic.gov",
        dual_stack_suffix: "api.aws.hci.ic.gov",
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: Service = Service::ROLES_ANYWHERE;

    fn resolve(region: &str, variables: &[(&str, &str)]) -> Result<String, EndpointError> {
        let environment = variables.iter().copied().collect();
        Endpoint::resolve(SERVICE, None, &region.parse().unwrap(), &environment)
            .map(|endpoint| endpoint.authority())
    }

    #[test]
    fn each_partition_has_its_names() {
        let fips = ("AWS_USE_FIPS_ENDPOINT", "true");
        let dual = ("AWS_USE_DUALSTACK_ENDPOINT", "true");
        let cases: [(_, &[_], _); 17] = [
            ("eu-north-1", &[], "rolesanywhere.eu-north-1.amazonaws.com"),
            (
                "us-east-1",
                &[fips],
                "rolesanywhere-fips.us-east-1.amazonaws.com",
            ),
            ("us-east-1", &[dual], "rolesanywhere.us-east-1.api.aws"),
            (
                "us-east-1",
                &[fips, dual],
                "rolesanywhere-fips.us-east-1.api.aws",
            ),
            (
                "us-gov-west-1",
                &[],
                "rolesanywhere.us-gov-west-1.amazonaws.com",
            ),
            (
                "cn-north-1",
                &[],
                "rolesanywhere.cn-north-1.amazonaws.com.cn",
            ),
            (
                "cn-north-1",
                &[dual],
                "rolesanywhere.cn-north-1.api.amazonwebservices.com.cn",
            ),
            (
                "us-iso-east-1",
                &[fips],
                "rolesanywhere-fips.us-iso-east-1.c2s.ic.gov",
            ),
            (
                "us-isob-east-1",
                &[],
                "rolesanywhere.us-isob-east-1.sc2s.sgov.gov",
            ),
            (
                "us-isof-south-1",
                &[],
                "rolesanywhere.us-isof-south-1.csp.hci.ic.gov",
            ),
            (
                "eu-isoe-west-1",
                &[],
                "rolesanywhere.eu-isoe-west-1.cloud.adc-e.uk",
            ),
            (
                "eusc-de-east-1",
                &[],
                "rolesanywhere.eusc-de-east-1.amazonaws.eu",
            ),
            (
                "eusc-de-east-1",
                &[dual],
                "rolesanywhere.eusc-de-east-1.api.amazonwebservices.eu",
            ),
            (
                "us-iso-east-1",
                &[dual],
                "rolesanywhere.us-iso-east-1.api.aws.ic.gov",
            ),
            (
                "us-isob-east-1",
                &[dual],
                "rolesanywhere.us-isob-east-1.api.aws.scloud",
            ),
            (
                "us-isof-south-1",
                &[dual],
                "rolesanywhere.us-isof-south-1.api.aws.hci.ic.gov",
            ),
            (
                "eu-isoe-west-1",
                &[dual],
                "rolesanywhere.eu-isoe-west-1.api.cloud-aws.adc-e.uk",
            ),
        ];
        for (region, variables, host) in cases {
            assert_eq!(resolve(region, variables).as_deref(), Ok(host));
        }
    }

    #[test]
    fn sts_has_endpoints_of_its_own() {
        for (region, variables, host) in [
            ("eu-north-1", vec![], "sts.eu-north-1.amazonaws.com"),
            ("cn-north-1", vec![], "sts.cn-north-1.amazonaws.com.cn"),
            (
                "us-east-1",
                vec![("AWS_USE_FIPS_ENDPOINT", "true")],
                "sts-fips.us-east-1.amazonaws.com",
            ),
            (
                "us-gov-west-1",
                vec![("AWS_USE_FIPS_ENDPOINT", "true")],
                "sts.us-gov-west-1.amazonaws.com",
            ),
            (
                "us-east-1",
                vec![("AWS_ENDPOINT_URL_STS", "http://sts.example")],
                "sts.example",
            ),
            (
                "us-east-1",
                vec![("AWS_ENDPOINT_URL_ROLESANYWHERE", "http://other")],
                "sts.us-east-1.amazonaws.com",
            ),
        ] {
            let environment = variables.into_iter().collect();
            let region = region.parse().unwrap();
            let endpoint = Endpoint::resolve(Service::STS, None, &region, &environment).unwrap();
            assert_eq!(endpoint.authority(), host);
        }
    }

    #[test]
    fn variant_that_is_no_boolean_is_an_error() {
        assert!(matches!(
            resolve("us-east-1", &[("AWS_USE_FIPS_ENDPOINT", "yes")]),
            Err(EndpointError::Variable(_))
        ));
    }

    #[test]
    fn flag_beats_service_variable_beats_general_variable() {
        let general = ("AWS_ENDPOINT_URL", "http://general");
        let service = ("AWS_ENDPOINT_URL_ROLESANYWHERE", "http://service:8080/x");
        let ignore = ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true");
        assert_eq!(resolve("us-east-1", &[general]).as_deref(), Ok("general"));
        assert_eq!(
            resolve("us-east-1", &[general, service]).as_deref(),
            Ok("service:8080")
        );
        assert_eq!(
            resolve("us-east-1", &[general, service, ignore]).as_deref(),
            Ok("rolesanywhere.us-east-1.amazonaws.com")
        );
        let environment = [general, service].into_iter().collect();
        let region = "us-east-1".parse().unwrap();
        let endpoint =
            Endpoint::resolve(SERVICE, Some("https://flag"), &region, &environment).unwrap();
        assert_eq!(endpoint.authority(), "flag");
    }

    #[test]
    fn path_is_kept_in_front_and_query_dropped() {
        let url = |text: &str| {
            Endpoint::parse(text)
                .unwrap()
                .request_url("/sessions", "a=b%2F")
                .to_string()
        };
        assert_eq!(url("http://h"), "http://h/sessions?a=b%2F");
        assert_eq!(url("http://h/p/?x=y#f"), "http://h/p/sessions?a=b%2F");
        assert_eq!(url("http://h//x"), "http://h//x/sessions?a=b%2F");
        assert_eq!(url("http://h/%20x"), "http://h/%20x/sessions?a=b%2F");
    }

    #[test]
    fn endpoint_that_is_none_is_refused_without_showing_a_password() {
        for text in [
            "localhost:8443",
            "127.0.0.1:1",
            "ftp://h",
            "https://",
            "http://u:hunter2@h",
            "https://u:hunter2@h:notaport/",
            "ftp://u:hunter2@h",
            "u:hunter2@h",
            "https://u:hunter2@",
        ] {
            let error = Endpoint::parse(text).unwrap_err();
            assert!(matches!(error, EndpointError::Invalid { .. }), "{text}");
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }
}
