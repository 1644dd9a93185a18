//! The three ARNs of a call and the region they name: parsed once, valid afterwards.
//!
//! The text is kept and sent as it was given; only what the helper itself relies on is checked. The
//! service judges the rest.
//!
//! Source: [Amazon Resource Names](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html).

use std::fmt;
use std::str::FromStr;

use crate::text::ShownName;

/// `arn:partition:rolesanywhere:region:account:trust-anchor/id`: the CA whose certificates are trusted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustAnchorArn {
    text: String,
    region: Option<Region>,
}

/// `arn:partition:rolesanywhere:region:account:profile/id`: which roles may be had, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProfileArn {
    text: String,
    region: Option<Region>,
}

/// `arn:partition:iam::account:role/path/name`: the role of the session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleArn {
    text: String,
}

/// An AWS region's name, such as `eu-north-1`; safe to be put into a host name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region(String);

macro_rules! regional_arn {
    ($arn:ident, $resource:literal) => {
        impl $arn {
            /// The ARN as it was given.
            pub fn as_str(&self) -> &str {
                &self.text
            }

            /// The region; `None` where the ARN leaves it empty.
            pub fn region(&self) -> Option<&Region> {
                self.region.as_ref()
            }
        }

        impl FromStr for $arn {
            type Err = ArnError;

            fn from_str(text: &str) -> Result<Self, ArnError> {
                let sections = Sections::parse(text)?;
                if sections.service != "rolesanywhere" {
                    return Err(ArnError::Service {
                        expected: "rolesanywhere",
                        found: sections.service.to_owned(),
                    });
                }
                if !sections.resource.starts_with(concat!($resource, "/")) {
                    return Err(ArnError::Resource {
                        expected: $resource,
                        found: sections.resource.to_owned(),
                    });
                }
                Ok(Self {
                    text: text.to_owned(),
                    region: match sections.region {
                        "" => None,
                        region => Some(region.parse().map_err(ArnError::Region)?),
                    },
                })
            }
        }
    };
}

regional_arn!(TrustAnchorArn, "trust-anchor");
regional_arn!(ProfileArn, "profile");

impl RoleArn {
    /// The ARN as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The partition: `aws`, `aws-cn`, `aws-us-gov` and others.
    pub fn partition(&self) -> &str {
        self.text.split(':').nth(1).unwrap_or_default()
    }

    /// True if it has the form of a role's ARN.
    pub fn is_role(&self) -> bool {
        let sections: Vec<&str> = self.text.splitn(6, ':').collect();
        match sections.as_slice() {
            [_, _, "iam", "", _, resource] => {
                resource.starts_with("role/") && self.role_name().is_some()
            }
            _ => false,
        }
    }

    /// The role's name without its path; `None` if the ARN has no name.
    pub fn role_name(&self) -> Option<&str> {
        let (_, name) = self.text.rsplit_once('/')?;
        (!name.is_empty()).then_some(name)
    }
}

impl FromStr for RoleArn {
    type Err = ArnError;

    fn from_str(text: &str) -> Result<Self, ArnError> {
        Sections::parse(text)?;
        Ok(Self {
            text: text.to_owned(),
        })
    }
}

impl Region {
    /// The region's name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Region {
    type Err = RegionError;

    fn from_str(text: &str) -> Result<Self, RegionError> {
        // One label of a host name (RFC 1123, 2.1): nothing else may lead the request elsewhere.
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if text.is_empty() || text.len() > REGION_BYTES_MAX || !text.bytes().all(allowed) {
            return Err(RegionError {
                found: text.to_owned(),
            });
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The parts of an ARN that this crate relies on.
pub(crate) struct Sections<'a> {
    pub(crate) partition: &'a str,
    pub(crate) service: &'a str,
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
    pub(crate) resource: &'a str,
}

impl<'a> Sections<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, ArnError> {
        if text.is_empty() {
            return Err(ArnError::Empty);
        }
        if text.len() > ARN_BYTES_MAX {
            return Err(ArnError::TooLong);
        }
        let Some(sections) = text.strip_prefix("arn:") else {
            return Err(ArnError::Prefix);
        };
        let mut sections = sections.splitn(5, ':');
        let mut next = || sections.next().ok_or(ArnError::NotEnoughSections);
        let partition = next()?;
        let service = next()?;
        let region = next()?;
        let account = next()?;
        let resource = next()?;
        Ok(Self {
            partition,
            service,
            region,
            account,
            resource,
        })
    }
}

/// Text that is not the ARN it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ArnError {
    /// There is none.
    Empty,
    /// It does not begin with `arn:`.
    Prefix,
    /// It has fewer than six sections.
    NotEnoughSections,
    /// It is longer than any ARN.
    TooLong,
    /// It names a resource of another service.
    Service {
        /// The service it should be of.
        expected: &'static str,
        /// The service it is of.
        found: String,
    },
    /// It names another kind of resource; most often two ARNs were swapped.
    Resource {
        /// The kind it should be.
        expected: &'static str,
        /// Its resource section.
        found: String,
    },
    /// Its region cannot be one.
    Region(RegionError),
}

impl fmt::Display for ArnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("no arn was given"),
            Self::Prefix => f.write_str("an arn begins with \"arn:\""),
            Self::NotEnoughSections => f.write_str("an arn has six sections, separated by \":\""),
            Self::TooLong => write!(f, "an arn has at most {ARN_BYTES_MAX} bytes"),
            Self::Service { expected, found } => {
                write!(
                    f,
                    "the service is {:?}, not {expected:?}",
                    ShownName::of(found)
                )
            }
            Self::Resource { expected, found } => {
                write!(
                    f,
                    "the resource is {:?}, not a {expected}",
                    ShownName::of(found)
                )
            }
            Self::Region(_) => f.write_str("the region is not valid"),
        }
    }
}

impl std::error::Error for ArnError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Region(source) => Some(source),
            Self::Empty
            | Self::Prefix
            | Self::NotEnoughSections
            | Self::TooLong
            | Self::Service { .. }
            | Self::Resource { .. } => None,
        }
    }
}

/// Text that cannot be a region's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegionError {
    found: String,
}

impl fmt::Display for RegionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a region is made of up to {REGION_BYTES_MAX} letters, digits and hyphens, not {:?}",
            ShownName::of(&self.found)
        )
    }
}

impl std::error::Error for RegionError {}

/// IAM's own limit on ARNs (API reference, `arnType`).
const ARN_BYTES_MAX: usize = 2048;

/// A label of a host name (RFC 1035, 2.3.4).
const REGION_BYTES_MAX: usize = 63;

#[cfg(test)]
mod tests {
    use super::*;

    const TRUST_ANCHOR: &str = "arn:aws:rolesanywhere:eu-north-1:123456789012:trust-anchor/ta-1";

    #[test]
    fn trust_anchor_arn_names_its_region() {
        let arn: TrustAnchorArn = TRUST_ANCHOR.parse().unwrap();
        assert_eq!(arn.region().map(Region::as_str), Some("eu-north-1"));
        assert_eq!(arn.as_str(), TRUST_ANCHOR);
    }

    #[test]
    fn swapped_arns_are_told_apart() {
        let error = TRUST_ANCHOR.parse::<ProfileArn>().unwrap_err();
        assert_eq!(
            error,
            ArnError::Resource {
                expected: "profile",
                found: "trust-anchor/ta-1".to_owned()
            }
        );
    }

    #[test]
    fn arn_that_is_none_is_refused() {
        let refused = |text: &str| text.parse::<TrustAnchorArn>().unwrap_err();
        assert_eq!(refused(""), ArnError::Empty);
        assert_eq!(refused("garbage"), ArnError::Prefix);
        assert_eq!(refused("arn:"), ArnError::NotEnoughSections);
        assert_eq!(
            refused("arn:aws:rolesanywhere:us-east-1:123456789012"),
            ArnError::NotEnoughSections
        );
        assert!(matches!(
            refused("arn:aws:s3:us-east-1:1:trust-anchor/x"),
            ArnError::Service { .. }
        ));
        assert!(matches!(
            refused("arn:aws:rolesanywhere:evil.example/:1:trust-anchor/x"),
            ArnError::Region(_)
        ));
        assert_eq!(refused(&"x".repeat(ARN_BYTES_MAX + 1)), ArnError::TooLong);
    }

    #[test]
    fn resource_of_a_role_is_not_judged() {
        for text in [
            "arn:aws:iam::1:role/a b",
            "arn:aws:iam::1:role/é:x",
            "arn:::::",
        ] {
            assert_eq!(text.parse::<RoleArn>().unwrap().as_str(), text);
        }
    }
}
