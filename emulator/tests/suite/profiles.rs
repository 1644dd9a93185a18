//! What the service knows besides the request: profiles, revoked certificates, session tags, the
//! quota.

use rcgen::DnType;
use rcgen::SanType;
use rolesanywhere_emulator::Emulator;
use rolesanywhere_emulator::FaultKind;
use rolesanywhere_emulator::Outcome;
use rolesanywhere_emulator::Profile;
use rolesanywhere_emulator::ProfileError;
use rolesanywhere_emulator::Refusal;
use rolesanywhere_emulator::ServiceClock;
use rolesanywhere_emulator::Settings;
use time::OffsetDateTime;

use crate::http::Setup;
use crate::sts_draft::Credentials;
use crate::sts_draft::StsDraft;
use crate::support::Identity;
use crate::support::PROFILE_ARN;
use crate::support::ca_params;
use crate::support::leaf_params;
use crate::support::root;

fn with_profile(settings: &str) -> Setup {
    let profile: Profile = format!("{PROFILE_ARN}{settings}").parse().unwrap();
    Setup::new(Settings {
        profiles: vec![profile],
        ..Settings::default()
    })
}

fn outcome(setup: &Setup, body: &str) -> Outcome {
    setup.send(&setup.request_with(|draft| draft.body = body.into()));
    setup.emulator.requests().pop().unwrap().outcome
}

fn refusal(outcome: Outcome) -> Refusal {
    match outcome {
        Outcome::Refused(refusal) => refusal,
        other => panic!("{other:?}"),
    }
}

fn granted_seconds(outcome: &Outcome) -> u32 {
    match outcome {
        Outcome::Issued {
            duration_seconds, ..
        } => *duration_seconds,
        other => panic!("{other:?}"),
    }
}

#[test]
fn session_name_needs_a_profile_that_accepts_it() {
    let body = "{\"roleSessionName\":\"name\"}";
    let sent = "name".to_owned();
    let refused = refusal(outcome(&with_profile(""), body));
    assert_eq!(refused, Refusal::SessionNameNotAccepted { sent });
    let accepted = outcome(&with_profile(",accept-session-name"), body);
    assert!(matches!(accepted, Outcome::Issued { .. }), "{accepted:?}");
}

#[test]
fn duration_of_the_profile_is_the_most() {
    let setup = with_profile(",duration=1800");
    assert_eq!(granted_seconds(&outcome(&setup, "{}")), 1800);
    assert_eq!(
        granted_seconds(&outcome(&setup, "{\"durationSeconds\":900}")),
        900
    );
    assert_eq!(
        granted_seconds(&outcome(&setup, "{\"durationSeconds\":7200}")),
        1800
    );
    assert_eq!(granted_seconds(&outcome(&with_profile(""), "{}")), 3600);
}

#[test]
fn other_profiles_are_not_there() {
    let setup = with_profile("");
    let other = format!("{PROFILE_ARN}0");
    setup.send(&setup.request_with(|draft| draft.query[0].1 = other.clone()));
    let outcome = setup.emulator.requests().pop().unwrap().outcome;
    assert_eq!(refusal(outcome), Refusal::ProfileNotFound { arn: other });
}

#[test]
fn session_policy_of_the_profile_is_recorded() {
    let policy = "{\"Version\":\"2012-10-17\",\"Statement\":[]}".to_owned();
    let profile: Profile = PROFILE_ARN.parse().unwrap();
    let with = |policy: String| profile.clone().with_session_policy(policy);
    let setup = Setup::new(Settings {
        profiles: vec![with(policy.clone()).unwrap()],
        ..Settings::default()
    });
    let Outcome::Issued { session_policy, .. } = outcome(&setup, "{}") else {
        panic!("not issued");
    };
    assert_eq!(session_policy, Some(policy));
    for malformed in ["", "{", "{}", "[]"] {
        let error = with(malformed.to_owned()).unwrap_err();
        assert!(
            matches!(error, ProfileError::PolicyMalformed { .. }),
            "{malformed}"
        );
    }
    let long = format!("{{\"Statement\":[]{}}}", " ".repeat(2049 - 16));
    let limit_characters = 2048;
    assert_eq!(
        with(long.clone()).unwrap_err(),
        ProfileError::PolicyTooLong { limit_characters }
    );
    with(long.replacen("  ", " ", 1)).unwrap();
}

#[test]
fn revoked_certificate_is_refused() {
    let (root, other) = (root(ca_params("root")), leaf_params("other"));
    let (revoked, good) = (
        Identity::issued_by(&root, leaf_params("leaf")),
        Identity::issued_by(&root, other),
    );
    let serial_number = revoked.serial_number();
    let emulator = Emulator::start(Settings {
        trust_anchors: vec![root.der().to_vec()],
        revoked_serial_numbers: vec!["1".to_owned(), serial_number.clone()],
        ..Settings::default()
    });
    let mut setup = Setup {
        emulator: emulator.unwrap(),
        identity: revoked,
    };
    let response = setup.post();
    assert_eq!(response.status, 403);
    assert_eq!(
        response.header("x-amzn-errortype"),
        Some("AccessDeniedException")
    );
    let outcome = setup.emulator.requests().pop().unwrap().outcome;
    assert_eq!(
        refusal(outcome),
        Refusal::CertificateRevoked { serial_number }
    );
    setup.identity = good;
    assert_eq!(setup.post().status, 201);
}

#[test]
fn attributes_that_session_tags_refuse_are_named() {
    let root = root(ca_params("root (old)"));
    let mut params = leaf_params("John M. Smith (EMP12345)");
    params
        .distinguished_name
        .push(DnType::OrganizationalUnitName, "CI: a/b@c+d");
    params
        .distinguished_name
        .push(DnType::OrganizationName, "Widgets, Inc.");
    params.subject_alt_names = vec![
        SanType::DnsName("a.example.com".try_into().unwrap()),
        SanType::DnsName("*.example.com".try_into().unwrap()),
        SanType::URI("spiffe://a/b?c".try_into().unwrap()),
    ];
    let emulator = Emulator::start(Settings {
        trust_anchors: vec![root.der().to_vec()],
        ..Settings::default()
    });
    let setup = Setup {
        emulator: emulator.unwrap(),
        identity: Identity::issued_by(&root, params),
    };
    let response = setup.post();
    assert_eq!(response.status, 403);
    assert_eq!(
        response.header("x-amzn-errortype"),
        Some("AccessDeniedException")
    );
    assert_eq!(
        response.json()["message"],
        "Unable to assume role for arn:aws:iam::123456789012:role/path/ci-role. Some attributes \
         failed to be mapped into session tags. Issuer: [ CN ]; Subject: [ CN, O ]; SAN: [ DNS/2, \
         URI ]"
    );
}

#[test]
fn quota_throttles_the_calls_above_it() {
    let setup = Setup::new(Settings {
        quota_per_second: Some(2),
        faults: vec!["status=500".parse().unwrap(), "slow=0:*".parse().unwrap()],
        clock: ServiceClock::Fixed(OffsetDateTime::now_utc()),
        ..Settings::default()
    });
    // What is throttled takes no fault; what is not, does.
    let statuses: Vec<u16> = (0..4).map(|_| setup.post().status).collect();
    assert_eq!(statuses, [500, 201, 429, 429]);
    let throttled = Outcome::Faulted(FaultKind::Quota { per_second: 2 });
    assert_eq!(setup.emulator.requests()[3].outcome, throttled);
    setup.emulator.recover();
    assert_eq!(setup.post().status, 429);
}

#[test]
fn quota_of_create_session_is_not_that_of_sts() {
    let setup = Setup::new(Settings {
        quota_per_second: Some(1),
        clock: ServiceClock::Fixed(OffsetDateTime::now_utc()),
        ..Settings::default()
    });
    let credentials = Credentials::created(&setup);
    for _ in 0..3 {
        assert_eq!(
            StsDraft::caller_identity(&credentials).send(&setup).status,
            200
        );
    }
    assert_eq!(setup.post().status, 429);
}
