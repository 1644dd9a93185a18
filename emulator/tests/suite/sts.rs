//! STS over sockets: who calls, roles that are assumed, and what is recorded of it.

use rolesanywhere_emulator::AssumedRole;
use rolesanywhere_emulator::FaultKind;
use rolesanywhere_emulator::Outcome;
use rolesanywhere_emulator::Settings;
use rolesanywhere_emulator::StsRefusal;
use rolesanywhere_emulator::Tag;
use time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::http::Response;
use crate::http::Setup;
use crate::sts_draft::CHAINED_ARN;
use crate::sts_draft::Credentials;
use crate::sts_draft::StsDraft;
use crate::sts_draft::element;
use crate::sts_draft::text;

/// An emulator, and credentials of a session.
fn started(settings: Settings) -> (Setup, Credentials) {
    let setup = Setup::new(settings);
    let credentials = Credentials::created(&setup);
    (setup, credentials)
}

fn tag(key: &str, value: &str) -> Tag {
    Tag {
        key: key.to_owned(),
        value: value.to_owned(),
    }
}

fn last_assumed(setup: &Setup) -> AssumedRole {
    match setup.emulator.requests().pop().unwrap().outcome {
        Outcome::Assumed(role) => *role,
        other => panic!("{other:?}"),
    }
}

fn arn(response: &Response) -> String {
    assert_eq!(response.status, 200, "{}", text(response));
    element(response, "Arn")
}

#[test]
fn caller_is_the_role_of_the_session() {
    let (setup, credentials) = started(Settings::default());
    for method in ["POST", "GET"] {
        let mut draft = StsDraft::caller_identity(&credentials);
        draft.method = method.to_owned();
        let response = draft.send(&setup);
        let name = setup.identity.serial_number();
        let name = &name[..name.len().min(64)];
        let expected = format!("arn:aws:sts::123456789012:assumed-role/ci-role/{name}");
        assert_eq!(arn(&response), expected);
        assert_eq!(
            element(&response, "UserId"),
            format!("AROAEMULATOR0000000:{name}")
        );
        assert_eq!(element(&response, "Account"), "123456789012");
        assert_eq!(response.header("content-type"), Some("text/xml"));
        let id = element(&response, "RequestId");
        assert_eq!(response.header("x-amzn-requestid"), Some(id.as_str()));
        let record = setup.emulator.requests().pop().unwrap();
        assert_eq!(
            record.access_key_id,
            Some(credentials.access_key_id.clone())
        );
        let Outcome::Identified { arn, .. } = record.outcome else {
            panic!("{:?}", record.outcome);
        };
        assert_eq!(arn, expected);
    }
}

#[test]
fn assumed_role_is_the_next_caller() {
    let (setup, credentials) = started(Settings::default());
    let now = OffsetDateTime::now_utc();
    let response = StsDraft::assume_role(&credentials).send(&setup);
    let hop = Credentials::assumed(&response);
    assert_eq!(hop.access_key_id, "ASIAEMULATOR0000002");
    let expected = "arn:aws:sts::210987654321:assumed-role/chained/hop";
    assert_eq!(arn(&response), expected);
    assert_eq!(
        element(&response, "AssumedRoleId"),
        "AROAEMULATOR0000000:hop"
    );
    assert_eq!(element(&response, "SourceIdentity"), "CN=leaf");
    let expiration = OffsetDateTime::parse(&element(&response, "Expiration"), &Rfc3339).unwrap();
    assert!((expiration - now - Duration::hours(1)).abs() < Duration::minutes(1));

    let response = StsDraft::caller_identity(&hop).send(&setup);
    assert_eq!(arn(&response), expected);
    let mut further = StsDraft::assume_role(&hop);
    further.with("RoleArn", "arn:aws:iam::111122223333:role/last");
    further.with("DurationSeconds", "900");
    let last = Credentials::assumed(&further.send(&setup));
    let response = StsDraft::caller_identity(&last).send(&setup);
    assert_eq!(
        arn(&response),
        "arn:aws:sts::111122223333:assumed-role/last/hop"
    );
    let lines: Vec<String> = setup
        .emulator
        .requests()
        .iter()
        .map(|r| r.to_string())
        .collect();
    assert!(lines[3].starts_with("4 200 ASIAEMULATOR0000002: issued ASIAEMULATOR0000003 until "));
    assert!(lines[3].ends_with(", role arn:aws:iam::111122223333:role/last as hop"));
    assert!(lines[4].starts_with("5 200 ASIAEMULATOR0000003: is arn:aws:sts::111122223333:"));
}

#[test]
fn everything_that_was_sent_is_recorded() {
    let (setup, credentials) = started(Settings::default());
    let mut draft = StsDraft::assume_role(&credentials);
    let policy = r#"{"Version":"2012-10-17","Statement":[]}"#;
    draft.with("Policy", policy).with("ExternalId", "a:b/c");
    draft.with(
        "PolicyArns.member.1.arn",
        "arn:aws:iam::aws:policy/ReadOnlyAccess",
    );
    draft.with(
        "PolicyArns.member.2.arn",
        "arn:aws:iam::210987654321:policy/p",
    );
    draft
        .with("SourceIdentity", "CN=leaf")
        .with("DurationSeconds", "1800");
    draft.with_tags(&[("Team", "a b+c"), ("é", "")]);
    draft.with("TransitiveTagKeys.member.1", "team");
    let response = draft.send(&setup);
    assert_eq!(response.status, 200, "{}", text(&response));
    let role = last_assumed(&setup);
    assert_eq!(role.parameters.role_arn, CHAINED_ARN);
    assert_eq!(role.parameters.role_session_name, "hop");
    assert_eq!(role.parameters.policy.as_deref(), Some(policy));
    assert_eq!(role.parameters.external_id.as_deref(), Some("a:b/c"));
    assert_eq!(role.parameters.source_identity.as_deref(), Some("CN=leaf"));
    assert_eq!(role.source_identity.as_deref(), Some("CN=leaf"));
    assert_eq!(role.parameters.policy_arns.len(), 2);
    assert_eq!(role.parameters.duration_seconds, Some(1800));
    assert_eq!(role.duration_seconds, 1800);
    assert_eq!(role.tags, [tag("Team", "a b+c"), tag("é", "")]);
    assert_eq!(role.parameters.transitive_tag_keys, ["team"]);
    assert_eq!(role.access_key_id, "ASIAEMULATOR0000002");
    assert!(role.packed_policy_percent > 0);
    let line = setup.emulator.requests()[1].to_string();
    for part in [
        "external id a:b/c",
        "2012-10-17",
        "policy/ReadOnlyAccess",
        "tag Team=a b+c",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
}

#[test]
fn no_secret_is_recorded() {
    let (setup, credentials) = started(Settings::default());
    let hop = Credentials::assumed(&StsDraft::assume_role(&credentials).send(&setup));
    StsDraft::caller_identity(&hop).send(&setup);
    for record in setup.emulator.requests() {
        let shown = format!("{record:?} {record}");
        for secret in [&credentials, &hop] {
            assert!(!shown.contains(&secret.secret_access_key), "{shown}");
            assert!(!shown.contains(&secret.session_token), "{shown}");
        }
    }
}

#[test]
fn transitive_tags_are_inherited_by_later_hops() {
    let (setup, credentials) = started(Settings::default());
    let mut first = StsDraft::assume_role(&credentials);
    first.with_tags(&[("team", "a"), ("stage", "b")]);
    first.with("TransitiveTagKeys.member.1", "Team");
    let hop = Credentials::assumed(&first.send(&setup));
    let mut second = StsDraft::assume_role(&hop);
    second.with_tags(&[("other", "c")]);
    let last = Credentials::assumed(&second.send(&setup));
    assert_eq!(
        last_assumed(&setup).tags,
        [tag("team", "a"), tag("other", "c")]
    );
    let mut third = StsDraft::assume_role(&last);
    assert_eq!(third.send(&setup).status, 200);
    assert_eq!(last_assumed(&setup).tags, [tag("team", "a")]);
    let response = third.with_tags(&[("TEAM", "x")]).send(&setup);
    assert_eq!(element(&response, "Code"), "InvalidParameterValue");
    let record = setup.emulator.requests().pop().unwrap();
    let key = "TEAM".to_owned();
    let refusal = StsRefusal::TransitiveTagInherited { key };
    assert_eq!(record.outcome, Outcome::StsRefused(refusal));
}

#[test]
fn path_of_an_endpoint_may_be_in_front() {
    let (setup, credentials) = started(Settings::default());
    let mut draft = StsDraft::caller_identity(&credentials);
    draft.path = "/prefix/".to_owned();
    assert_eq!(draft.send(&setup).status, 200);
    draft.path = "/".to_owned();
    let mut request = draft.sign();
    request.target = "/prefix/".to_owned();
    assert_eq!(setup.send(&request).status, 200);
    request.target = "/sessions/".to_owned();
    assert_eq!(setup.send(&request).status, 404);
}

#[test]
fn faults_have_the_form_of_sts() {
    let faults = [
        ("throttle", 400, "Throttling"),
        ("status=503", 503, "ServiceUnavailable"),
        ("status=500", 500, "InternalFailure"),
        ("status=403", 403, "AccessDenied"),
        ("error=400/RequestExpired", 400, "RequestExpired"),
    ];
    let setup = Setup::with_faults(&["slow=0"]);
    let credentials = Credentials::created(&setup);
    for (fault, status, code) in faults {
        setup.emulator.inject(fault.parse().unwrap());
        let response = StsDraft::caller_identity(&credentials).send(&setup);
        assert_eq!(response.status, status);
        assert_eq!(element(&response, "Code"), code);
        assert_eq!(response.header("x-amzn-errortype"), None);
    }
    setup.emulator.inject("status=307".parse().unwrap());
    let response = StsDraft::caller_identity(&credentials).send(&setup);
    assert_eq!(response.header("location"), Some("/"));
    setup.emulator.inject("cut-body".parse().unwrap());
    let response = StsDraft::caller_identity(&credentials).send(&setup);
    assert!(response.body.len() < response.content_length());
    let record = setup.emulator.requests().pop().unwrap();
    assert_eq!(record.outcome, Outcome::Faulted(FaultKind::CutBody));
    assert_eq!(
        StsDraft::caller_identity(&credentials).send(&setup).status,
        200
    );
}

#[test]
fn skewed_clock_is_said_in_the_words_of_sts() {
    let (setup, credentials) = started(Settings::default());
    for (fault, status, words) in [
        ("clock-skew=840", 200, None),
        ("clock-skew=-840", 200, None),
        ("clock-skew=960", 403, Some("Signature expired: ")),
        ("clock-skew=-960", 403, Some("Signature not yet current: ")),
    ] {
        setup.emulator.inject(fault.parse().unwrap());
        let response = StsDraft::caller_identity(&credentials).send(&setup);
        assert_eq!(response.status, status, "{}", text(&response));
        let Some(words) = words else { continue };
        assert_eq!(element(&response, "Code"), "SignatureDoesNotMatch");
        assert!(element(&response, "Message").starts_with(words));
    }
}

#[test]
fn expired_credentials_are_refused() {
    let setup = Setup::with_faults(&["expires-in=-1", "slow=0", "expires-in=-1"]);
    let credentials = Credentials::created(&setup);
    let assert_expired = |credentials: &Credentials| {
        let response = StsDraft::caller_identity(credentials).send(&setup);
        assert_eq!(response.status, 403);
        assert_eq!(element(&response, "Code"), "ExpiredToken");
        let message = "The security token included in the request is expired";
        assert_eq!(element(&response, "Message"), message);
    };
    // The first one took the second fault.
    assert_expired(&credentials);
    setup.emulator.recover();
    let good = Credentials::created(&setup);
    setup.emulator.inject("expires-in=-1".parse().unwrap());
    assert_expired(&Credentials::assumed(
        &StsDraft::assume_role(&good).send(&setup),
    ));
    assert_eq!(StsDraft::caller_identity(&good).send(&setup).status, 200);
}
