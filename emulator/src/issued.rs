//! The sets of credentials that are issued. All are recognisable fakes, and follow from a number.

use time::OffsetDateTime;

/// A set of credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IssuedSet {
    /// Another one for each set.
    pub(crate) number: usize,
    pub(crate) expiration: OffsetDateTime,
}

impl IssuedSet {
    pub(crate) fn access_key_id(self) -> String {
        format!("ASIAEMULATOR{:07}", self.number)
    }

    /// 40 characters as real ones have, some of them special in URLs and in base64.
    pub(crate) fn secret_access_key(self) -> String {
        format!("emulator/fake+secret/{:07}/do+not+use=", self.number)
    }

    pub(crate) fn session_token(self) -> String {
        let filler = "not+a+real/token/".repeat(40);
        format!("EMULATOR/{:07}/{filler}==", self.number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secret_access_key_has_the_real_length() {
        let set = IssuedSet {
            number: 1,
            expiration: OffsetDateTime::UNIX_EPOCH,
        };
        assert_eq!(set.secret_access_key().len(), 40);
        assert_eq!(set.access_key_id(), "ASIAEMULATOR0000001");
    }
}
