//! [`ResponseCode`]: what a TPM answers when it refuses a command, by name (TPM 2.0 Library, part 2, section 6.6).

use std::fmt;

/// A response code that is not success.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseCode(pub u32);

impl ResponseCode {
    /// The error's number, without the place of the fault.
    fn error(self) -> u32 {
        match self.is_format_one() {
            true => self.0 & 0xbf,
            false => self.0 & 0xfff,
        }
    }

    fn is_format_one(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// True if the authorization value is wrong, with or without dictionary attack protection.
    pub fn is_wrong_password(self) -> bool {
        matches!(self.error(), AUTH_FAIL | BAD_AUTH)
    }

    /// True if too many wrong values were presented.
    pub fn is_lockout(self) -> bool {
        self.error() == LOCKOUT
    }

    /// True if the same command may succeed in a moment.
    pub fn is_passing(self) -> bool {
        matches!(self.error(), TESTING | YIELDED | RETRY | NV_RATE)
    }

    /// True if there is nothing at a handle.
    pub fn is_unknown_handle(self) -> bool {
        matches!(self.error(), 0x8b | 0x84)
    }

    /// True if an object was not made for this parent.
    pub fn is_wrong_parent(self) -> bool {
        self.error() == INTEGRITY
    }

    /// `TPM_RC_` and this; `None` for a code that is not in the table.
    fn name(self) -> Option<&'static str> {
        let error = self.error();
        let known = NAMES.iter().find(|(number, _)| *number == error);
        known.map(|(_, name)| *name)
    }
}

impl fmt::Display for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "TPM_RC_{name} ({:#05x})", self.0),
            None => write!(f, "response code {:#05x}", self.0),
        }
    }
}

const AUTH_FAIL: u32 = 0x8e;
const BAD_AUTH: u32 = 0xa2;
const INTEGRITY: u32 = 0x9f;
const TESTING: u32 = 0x90a;
const YIELDED: u32 = 0x908;
const NV_RATE: u32 = 0x920;
const LOCKOUT: u32 = 0x921;
const RETRY: u32 = 0x922;

/// The codes that the commands of this module can have.
const NAMES: &[(u32, &str)] = &[
    (0x81, "ASYMMETRIC"),
    (0x82, "ATTRIBUTES"),
    (0x83, "HASH"),
    (0x84, "VALUE"),
    (0x85, "HIERARCHY"),
    (0x87, "KEY_SIZE"),
    (0x89, "MODE"),
    (0x8a, "TYPE"),
    (0x8b, "HANDLE"),
    (0x8c, "KDF"),
    (0x8d, "RANGE"),
    (AUTH_FAIL, "AUTH_FAIL"),
    (0x8f, "NONCE"),
    (0x92, "SCHEME"),
    (0x95, "SIZE"),
    (0x96, "SYMMETRIC"),
    (0x97, "TAG"),
    (0x98, "SELECTOR"),
    (0x9a, "INSUFFICIENT"),
    (0x9b, "SIGNATURE"),
    (0x9c, "KEY"),
    (0x9d, "POLICY_FAIL"),
    (INTEGRITY, "INTEGRITY"),
    (0xa0, "TICKET"),
    (0xa1, "RESERVED_BITS"),
    (BAD_AUTH, "BAD_AUTH"),
    (0xa3, "EXPIRED"),
    (0xa5, "BINDING"),
    (0xa6, "CURVE"),
    (0xa7, "ECC_POINT"),
    (0x100, "INITIALIZE"),
    (0x101, "FAILURE"),
    (0x120, "DISABLED"),
    (0x124, "AUTH_TYPE"),
    (0x125, "AUTH_MISSING"),
    (0x12d, "UPGRADE"),
    (0x12f, "AUTH_UNAVAILABLE"),
    (0x130, "REBOOT"),
    (0x142, "COMMAND_SIZE"),
    (0x143, "COMMAND_CODE"),
    (0x144, "AUTHSIZE"),
    (0x145, "AUTH_CONTEXT"),
    (0x153, "NEEDS_TEST"),
    (0x155, "SENSITIVE"),
    (0x902, "OBJECT_MEMORY"),
    (0x903, "SESSION_MEMORY"),
    (0x904, "MEMORY"),
    (0x905, "SESSION_HANDLES"),
    (0x906, "OBJECT_HANDLES"),
    (0x907, "LOCALITY"),
    (YIELDED, "YIELDED"),
    (0x909, "CANCELED"),
    (TESTING, "TESTING"),
    (0x910, "REFERENCE_H0"),
    (NV_RATE, "NV_RATE"),
    (LOCKOUT, "LOCKOUT"),
    (RETRY, "RETRY"),
    (0x923, "NV_UNAVAILABLE"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_is_named_whatever_the_place_of_the_fault() {
        // Session 1, handle 1 and parameter 2.
        for (code, shown) in [
            (0x98e, "TPM_RC_AUTH_FAIL (0x98e)"),
            (0x18b, "TPM_RC_HANDLE (0x18b)"),
            (0x2d2, "TPM_RC_SCHEME (0x2d2)"),
            (0x921, "TPM_RC_LOCKOUT (0x921)"),
            (0x101, "TPM_RC_FAILURE (0x101)"),
            (0x80280400, "response code 0x80280400"),
        ] {
            assert_eq!(ResponseCode(code).to_string(), shown);
        }
    }

    #[test]
    fn wrong_password_has_two_codes_and_lockout_is_neither() {
        let is_wrong = |code| ResponseCode(code).is_wrong_password();
        assert!(is_wrong(0x98e) && is_wrong(0x9a2) && !is_wrong(0x921) && !is_wrong(0x18e & 0xf0f));
        assert!(ResponseCode(0x921).is_lockout());
        assert!(ResponseCode(0x1df).is_wrong_parent());
    }
}
