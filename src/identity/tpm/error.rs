//! [`TpmError`]: why a TPM, or a key in one, cannot be used.

use std::fmt;
use std::io;

use super::response_code::ResponseCode;

/// Why a TPM, or a key in one, cannot be used.
#[derive(Debug)]
#[non_exhaustive]
pub enum TpmError {
    /// The device cannot be opened, or does not answer.
    Device {
        /// Its name.
        device: String,
        /// Why.
        source: io::Error,
    },
    /// An answer, or a key, is not well-formed.
    Malformed,
    /// An answer does not verify: something between this process and the TPM changes it.
    Forged,
    /// The TPM knows no command of a TPM 2.0.
    Old,
    /// The TPM refused a command.
    Refused {
        /// Its response code.
        code: ResponseCode,
    },
    /// The password of a key is wrong.
    Password {
        /// The response code.
        code: ResponseCode,
        /// True if it was the empty one: the key has another.
        is_empty: bool,
    },
    /// The password of a key was refused before, and is not presented again.
    RefusedBefore,
    /// A password was given for a key that has none.
    PasswordUnneeded,
    /// The key was not made for its parent.
    Parent,
    /// There is no key at a handle.
    NoKey {
        /// The handle.
        handle: u32,
    },
    /// The key at a handle was replaced by another.
    OtherKey {
        /// The handle.
        handle: u32,
    },
    /// The parent of a key has a password.
    ParentPassword {
        /// The parent's handle.
        parent: u32,
        /// Response code of the TPM.
        code: ResponseCode,
    },
    /// A key could not be loaded under its parent.
    Load {
        /// The parent's handle.
        parent: u32,
        /// Response code of the TPM.
        code: ResponseCode,
    },
    /// The primary key of a hierarchy, under which a key file is, could not be made.
    Primary {
        /// The hierarchy's handle.
        hierarchy: u32,
        /// Response code of the TPM.
        code: ResponseCode,
    },
    /// The parent that the key file names is neither a hierarchy nor a persistent key.
    ParentHandle {
        /// The handle.
        handle: u32,
    },
    /// The key is not for signing.
    NotForSigning,
    /// The key signs only what the TPM itself has made.
    Restricted,
    /// The key signs by another scheme only.
    Scheme {
        /// The scheme.
        scheme: String,
    },
    /// The key is of a kind that is not supported.
    KeyKind,
    /// The key needs more than a password.
    Policy,
    /// There are no random numbers for a nonce.
    Randomness,
}

impl TpmError {
    /// True if a password was refused: each trial counts, and another would not help.
    pub fn is_secret_refused(&self) -> bool {
        matches!(
            self,
            Self::Password { .. } | Self::RefusedBefore | Self::ParentPassword { .. }
        )
    }

    /// True if the TPM looks at no password, for some time, after too many wrong ones.
    pub fn is_lockout(&self) -> bool {
        match self {
            Self::Refused { code } | Self::Load { code, .. } | Self::Primary { code, .. } => {
                code.is_lockout()
            }
            _ => false,
        }
    }
}

impl fmt::Display for TpmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device { device, .. } => write!(f, "cannot use the TPM {device}"),
            Self::Malformed => f.write_str("the TPM's answer, or the key, is not well-formed"),
            Self::Forged => f.write_str("the TPM's answer does not verify"),
            Self::Refused { code } if code.is_lockout() => write!(
                f,
                "the TPM is locked after too many wrong passwords: {code}; wait, or reset it by \
                 tpm2_dictionarylockout -c"
            ),
            Self::Old => f.write_str("it is a TPM 1.2, and a TPM 2.0 is needed"),
            Self::Refused { code } => write!(f, "the TPM refused: {code}"),
            Self::Password {
                code,
                is_empty: true,
            } => write!(f, "the key has a password, and none was given: {code}"),
            Self::Password { code, .. } => write!(f, "incorrect TPM key password: {code}"),
            Self::RefusedBefore => f.write_str("incorrect TPM key password"),
            Self::PasswordUnneeded => f.write_str(
                "password is provided but TPM key file indicates that one isn't required",
            ),
            Self::Parent => f.write_str("the key was made for another TPM, or another parent"),
            Self::NoKey { handle } => write!(f, "there is no key at {handle:#010x}"),
            Self::OtherKey { handle } => write!(
                f,
                "the key at handle:{handle:#010x} was replaced: it is not the key of the certificate"
            ),
            Self::ParentPassword { parent, code } => write!(
                f,
                "the parent {parent:#010x} has a password, which is not supported: {code}"
            ),
            Self::Load { parent, code } => {
                write!(
                    f,
                    "the key cannot be loaded under its parent {parent:#010x}: {code}"
                )
            }
            Self::Primary { hierarchy, code } if code.is_wrong_password() => write!(
                f,
                "the hierarchy {hierarchy:#010x} has a password, which is not supported: {code}"
            ),
            Self::Primary { hierarchy, code } => {
                write!(
                    f,
                    "cannot make the parent in the hierarchy {hierarchy:#010x}: {code}"
                )
            }
            Self::ParentHandle { handle } => write!(
                f,
                "the parent {handle:#010x} is neither a hierarchy nor a persistent key"
            ),
            Self::NotForSigning => f.write_str("the key is not for signing"),
            Self::Restricted => {
                f.write_str("the key is restricted: it signs only what the TPM itself has made")
            }
            Self::Scheme { scheme } => write!(
                f,
                "the key signs by {scheme} only; RSASSA or ECDSA with SHA-256 is needed"
            ),
            Self::KeyKind => f.write_str("RSA, or EC on P-256, P-384 or P-521, is needed"),
            Self::Policy => f.write_str("the key needs a policy, which is not supported"),
            Self::Randomness => f.write_str("the operating system provides no random numbers"),
        }
    }
}

impl std::error::Error for TpmError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Device { source, .. } => Some(source),
            Self::Malformed
            | Self::Forged
            | Self::Old
            | Self::Refused { .. }
            | Self::Password { .. }
            | Self::RefusedBefore
            | Self::PasswordUnneeded
            | Self::Parent
            | Self::NoKey { .. }
            | Self::OtherKey { .. }
            | Self::ParentPassword { .. }
            | Self::Load { .. }
            | Self::Primary { .. }
            | Self::ParentHandle { .. }
            | Self::NotForSigning
            | Self::Restricted
            | Self::Scheme { .. }
            | Self::KeyKind
            | Self::Policy
            | Self::Randomness => None,
        }
    }
}
