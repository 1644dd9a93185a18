//! [`StoreError`]: why a certificate store gave no identity.

use std::fmt;
use std::io;

use crate::identity::certificate::CertificateError;
use crate::text::Printable;

/// Why a certificate store gave no identity.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// The system has no certificate stores.
    Unsupported,
    /// The store could not be read.
    Unreadable {
        /// The system's reason.
        source: io::Error,
    },
    /// No certificate matches.
    NoMatch,
    /// Several certificates match.
    Several {
        /// Each, for a person.
        matching: Vec<String>,
    },
    /// The certificate cannot be used.
    Certificate {
        /// The fault.
        source: CertificateError,
    },
    /// The system does not give the certificate's key for signing.
    Key {
        /// The certificate, for a person.
        certificate: String,
        /// The system's reason.
        source: io::Error,
    },
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported => f.write_str(
                "--cert-selector and --system-store-name select from the certificate stores of Windows and \
                 macOS; this system has none",
            ),
            Self::Unreadable { .. } => f.write_str("cannot read the store"),
            Self::NoMatch => f.write_str("no certificate matches the selector"),
            Self::Several { matching } => {
                write!(f, "{} certificates match the selector", matching.len())?;
                for (index, certificate) in matching.iter().take(SHOWN_MAX).enumerate() {
                    let before = if index == 0 { ": " } else { "; " };
                    write!(f, "{before}{}", shown(certificate))?;
                }
                let more = matching.len().saturating_sub(SHOWN_MAX);
                match more {
                    0 => Ok(()),
                    more => write!(f, "; and {more} more"),
                }
            }
            Self::Certificate { .. } => f.write_str("cannot use the certificate"),
            Self::Key { certificate, .. } => write!(
                f,
                "cannot use the private key of {}",
                shown(certificate)
            ),
        }
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable { source } | Self::Key { source, .. } => Some(source),
            Self::Certificate { source } => Some(source),
            Self::Unsupported | Self::NoMatch | Self::Several { .. } => None,
        }
    }
}

fn shown(certificate: &str) -> Printable<'_> {
    Printable::new(certificate, CHARACTERS_MAX)
}

/// Enough to choose from.
const SHOWN_MAX: usize = 10;

const CHARACTERS_MAX: usize = 300;
