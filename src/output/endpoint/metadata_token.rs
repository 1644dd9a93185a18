//! [`MetadataTokens`]: IMDSv2 session tokens that carry their own authenticated expiry. They are not
//! stored: there is no table to fill, evict or log.
//!
//! Source: [instance metadata service version 2](https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/configuring-instance-metadata-service.html).

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::SecureRandom;
use zeroize::Zeroizing;

use crate::clock::Moment;
use crate::secret::Secret;

/// Makes metadata tokens and recognises its own, those of this process.
///
/// A token is the base64url of 48 bytes: when it expires (8 bytes, milliseconds since the start of the
/// machine), 8 random bytes, and the HMAC-SHA-256 of a label and of both. That is 64 characters, the
/// most that the AWS Common Runtime takes.
pub struct MetadataTokens {
    key: hmac::Key,
    random: Arc<dyn SecureRandom + Send + Sync>,
}

/// Randomness is unavailable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoRandomness;

impl MetadataTokens {
    /// With a new key, which never leaves the process.
    pub fn new(random: Arc<dyn SecureRandom + Send + Sync>) -> Result<Self, NoRandomness> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, random.as_ref());
        Ok(Self {
            key: key.map_err(|_| NoRandomness)?,
            random,
        })
    }

    /// A token that is valid for `ttl_seconds` from `now` on.
    pub fn issue(
        &self,
        ttl_seconds: u32,
        now: Moment,
    ) -> Result<Arc<Secret<Vec<u8>>>, NoRandomness> {
        let expiry = milliseconds(now.boot + Duration::from_secs(ttl_seconds.into()));
        let mut token = Zeroizing::new([0; TOKEN_BYTES]);
        let (body, tag) = token.split_at_mut(BODY_BYTES);
        let (when, random) = body.split_at_mut(EXPIRY_BYTES);
        when.copy_from_slice(&expiry.to_be_bytes());
        self.random.fill(random).map_err(|_| NoRandomness)?;
        tag.copy_from_slice(self.tag(body).as_ref());
        let mut text = Secret::new(vec![0; TOKEN_CHARACTERS]);
        // It fits, see the constants.
        let _ = BASE64_URL_SAFE_NO_PAD.encode_slice(token.as_ref(), text.expose_mut());
        Ok(Arc::new(text))
    }

    /// Remaining whole seconds of a token at `now`; `None` if it is not one of these, or has
    /// expired.
    pub fn seconds_left(&self, token: &[u8], now: Moment) -> Option<u64> {
        if token.len() != TOKEN_CHARACTERS {
            return None;
        }
        let mut bytes = Zeroizing::new([0; TOKEN_BYTES]);
        BASE64_URL_SAFE_NO_PAD
            .decode_slice(token, bytes.as_mut())
            .ok()?;
        let (body, tag) = bytes.split_first_chunk::<BODY_BYTES>()?;
        let mut context = Zeroizing::new([0; LABEL.len() + BODY_BYTES]);
        let (label, rest) = context.split_at_mut(LABEL.len());
        label.copy_from_slice(LABEL);
        rest.copy_from_slice(body);
        hmac::verify(&self.key, context.as_ref(), tag).ok()?;
        let expiry = u64::from_be_bytes(*body.first_chunk::<EXPIRY_BYTES>()?);
        let left = expiry.checked_sub(milliseconds(now.boot))?;
        // Rounded down, as if a moment had passed already.
        Some(left.checked_sub(1)? / 1000)
    }

    fn tag(&self, body: &[u8]) -> hmac::Tag {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(LABEL);
        context.update(body);
        context.sign()
    }
}

impl fmt::Debug for MetadataTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MetadataTokens").finish_non_exhaustive()
    }
}

fn milliseconds(duration: Duration) -> u64 {
    // A machine that has been up for 500 million years restarts.
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Domain separation from other uses of a key.
const LABEL: &[u8; 13] = b"imds-token-v1";

const EXPIRY_BYTES: usize = 8;

/// Expiry and randomness.
const BODY_BYTES: usize = 16;

const TOKEN_BYTES: usize = 48;

/// Base64 of [`TOKEN_BYTES`].
const TOKEN_CHARACTERS: usize = 64;

#[cfg(test)]
mod tests {
    use ring::rand::SystemRandom;
    use time::macros::datetime;

    use super::*;

    fn tokens() -> MetadataTokens {
        MetadataTokens::new(Arc::new(SystemRandom::new())).unwrap()
    }

    fn at(milliseconds: u64) -> Moment {
        Moment {
            wall: datetime!(2030-01-01 12:00 UTC),
            boot: Duration::from_millis(milliseconds),
        }
    }

    #[test]
    fn token_is_64_characters_that_need_no_escape() {
        let tokens = tokens();
        for ttl in [1, 300, 21_600] {
            let token = tokens.issue(ttl, at(0)).unwrap();
            let token = token.expose();
            assert_eq!(token.len(), 64);
            assert!(
                token
                    .iter()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte))
            );
        }
    }

    #[test]
    fn token_is_good_until_its_time_is_over() {
        let tokens = tokens();
        let token = tokens.issue(3, at(500)).unwrap();
        for (now, left) in [
            (500, Some(2)),
            (1499, Some(2)),
            (1500, Some(1)),
            (3499, Some(0)),
            (3500, None),
            (99_999_999, None),
        ] {
            assert_eq!(tokens.seconds_left(token.expose(), at(now)), left, "{now}");
        }
    }

    #[test]
    fn two_tokens_of_a_moment_differ() {
        let tokens = tokens();
        let token = || tokens.issue(3, at(0)).unwrap().expose().clone();
        assert_ne!(token(), token());
    }

    #[test]
    fn foreign_or_changed_token_is_invalid() {
        let tokens = tokens();
        let token = tokens.issue(300, at(0)).unwrap().expose().clone();
        assert_eq!(self::tokens().seconds_left(&token, at(0)), None);
        for index in 0..token.len() {
            for bit in 0..8 {
                let mut changed = token.clone();
                changed[index] ^= 1 << bit;
                assert_eq!(tokens.seconds_left(&changed, at(0)), None, "{index} {bit}");
            }
        }
    }

    #[test]
    fn token_of_another_length_is_none() {
        let tokens = tokens();
        let token = tokens.issue(300, at(0)).unwrap().expose().clone();
        for length in 0..token.len() {
            assert_eq!(tokens.seconds_left(&token[..length], at(0)), None);
        }
        for more in ["A", "=", "\n", "AAAA"] {
            let longer = [token.as_slice(), more.as_bytes()].concat();
            assert_eq!(tokens.seconds_left(&longer, at(0)), None);
        }
    }
}
