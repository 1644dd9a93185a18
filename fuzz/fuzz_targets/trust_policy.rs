//! A trust policy that is explained, for a certificate without tags and an unknown trust anchor.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rolesanywhere::policy::TrustRequest;
use rolesanywhere::policy::verdict::Outcome;
use rolesanywhere::policy::verdict::verdict;

fuzz_target!(|policy: &[u8]| {
    let request = TrustRequest {
        tags: &[],
        trust_anchor: None,
    };
    if let Ok(verdict) = verdict(policy, request) {
        assert_eq!(
            verdict.outcome == Outcome::LetIn,
            verdict.reasons.is_empty()
        );
    }
});
