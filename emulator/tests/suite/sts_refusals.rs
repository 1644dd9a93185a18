//! Requests that STS refuses: by their signature, their parameters, the role's settings.

use rolesanywhere_emulator::AssumeRole;
use rolesanywhere_emulator::Outcome;
use rolesanywhere_emulator::Refusal;
use rolesanywhere_emulator::Settings;
use rolesanywhere_emulator::StsRefusal;

use crate::http::Response;
use crate::http::Setup;
use crate::sts_draft::CHAINED_ARN;
use crate::sts_draft::Credentials;
use crate::sts_draft::StsDraft;
use crate::sts_draft::element;
use crate::sts_draft::text;

fn started(roles: &[&str]) -> (Setup, Credentials) {
    let setup = Setup::new(Settings {
        chained_roles: roles.iter().map(|role| role.parse().unwrap()).collect(),
        ..Settings::default()
    });
    let credentials = Credentials::created(&setup);
    (setup, credentials)
}

/// The last refusal, which the answer is that of.
#[track_caller]
fn refusal(setup: &Setup, response: &Response) -> StsRefusal {
    let record = setup.emulator.requests().pop().unwrap();
    let Outcome::StsRefused(refusal) = record.outcome else {
        panic!("{:?}", record.outcome);
    };
    assert_eq!(response.status, refusal.status(), "{refusal}");
    assert_eq!(element(response, "Code"), refusal.code(), "{refusal}");
    assert_eq!(element(response, "Message"), refusal.message(), "{refusal}");
    assert_eq!(response.header("x-amzn-errortype"), None);
    refusal
}

/// How a changed request is refused.
#[track_caller]
fn refused(change: impl FnOnce(&mut StsDraft)) -> StsRefusal {
    let (setup, credentials) = started(&[]);
    let mut draft = StsDraft::assume_role(&credentials);
    change(&mut draft);
    refusal(&setup, &draft.send(&setup))
}

/// The message for a changed request.
#[track_caller]
fn message(change: impl FnOnce(&mut StsDraft)) -> String {
    refused(change).message().into_owned()
}

#[test]
fn signature_has_to_be_of_the_secret() {
    let refusal = refused(|draft| draft.credentials.secret_access_key.push('x'));
    assert_eq!(refusal, StsRefusal::SignatureInvalid);
    assert_eq!(
        (refusal.status(), refusal.code()),
        (403, "SignatureDoesNotMatch")
    );
}

#[test]
fn every_flipped_bit_of_body_and_signature_counts() {
    let (setup, credentials) = started(&[]);
    let request = StsDraft::caller_identity(&credentials).sign();
    for index in (0..request.body.len()).chain([0]) {
        let mut flipped = request.clone();
        flipped.body[index] ^= 1;
        let response = setup.send(&flipped);
        assert!(
            [400, 403].contains(&response.status),
            "{index} {}",
            response.status
        );
    }
    for end in 1..=64 {
        let mut flipped = request.clone();
        let authorization = &mut flipped.headers.last_mut().unwrap().1;
        let at = authorization.len() - end;
        let other = if authorization.ends_with('0') || &authorization[at..=at] != "0" {
            "0"
        } else {
            "1"
        };
        if &authorization[at..=at] == other {
            continue;
        }
        authorization.replace_range(at..=at, other);
        let response = setup.send(&flipped);
        assert_eq!(
            refusal(&setup, &response),
            StsRefusal::SignatureInvalid,
            "{end}"
        );
    }
}

#[test]
fn access_key_and_session_token_belong_together() {
    let access_key_id = "ASIAEMULATOR9999999".to_owned();
    let unknown = refused(|draft| draft.credentials.access_key_id = access_key_id.clone());
    assert_eq!(unknown, StsRefusal::AccessKeyUnknown { access_key_id });
    let missing = refused(|draft| draft.remove_header("X-Amz-Security-Token"));
    assert_eq!(missing, StsRefusal::SessionTokenMissing);
    let (setup, credentials) = started(&[]);
    let other = Credentials::created(&setup);
    let mut draft = StsDraft::caller_identity(&credentials);
    draft.set_header("X-Amz-Security-Token", &other.session_token);
    let mismatch = refusal(&setup, &draft.send(&setup));
    assert_eq!(mismatch, StsRefusal::SessionTokenMismatch);
    for refusal in [unknown, missing, mismatch] {
        assert_eq!(
            (refusal.status(), refusal.code()),
            (403, "InvalidClientTokenId")
        );
    }
}

#[test]
fn headers_of_the_request_have_to_be_signed() {
    for name in ["host", "x-amz-date", "x-amz-security-token"] {
        let refusal = refused(|draft| draft.unsigned_headers.push(name));
        assert_eq!(
            refusal,
            StsRefusal::Request(Refusal::HeaderUnsigned { name })
        );
        assert_eq!(
            (refusal.status(), refusal.code()),
            (400, "IncompleteSignature")
        );
    }
    let name = "x-amz-date";
    let refusal = refused(|draft| draft.remove_header("X-Amz-Date"));
    assert_eq!(
        refusal,
        StsRefusal::Request(Refusal::HeaderMissing { name })
    );
}

#[test]
fn scope_is_of_a_region_and_of_sts() {
    let region = |sent: &str| refused(|draft| draft.region = sent.to_owned());
    for sent in ["aws-global", "", "eu_central_1", "EU-CENTRAL-1"] {
        let refusal = region(sent);
        let sent = sent.to_owned();
        assert_eq!(refusal, StsRefusal::ScopeRegionUnknown { sent });
        assert_eq!(
            (refusal.status(), refusal.code()),
            (403, "SignatureDoesNotMatch")
        );
    }
    let service = refused(|draft| draft.service = "iam".to_owned());
    let terminator = refused(|draft| draft.terminator = "aws5".to_owned());
    assert!(matches!(
        service,
        StsRefusal::Request(Refusal::ScopeService { .. })
    ));
    assert!(matches!(
        terminator,
        StsRefusal::Request(Refusal::ScopeTerminator { .. })
    ));
    let date = refused(|draft| draft.set_header("X-Amz-Date", "2026"));
    assert!(matches!(
        date,
        StsRefusal::Request(Refusal::DateMalformed { .. })
    ));
    let algorithm = refused(|draft| draft.algorithm = "AWS4-X509-RSA-SHA256".to_owned());
    assert!(matches!(
        algorithm,
        StsRefusal::Request(Refusal::AlgorithmUnknown { .. })
    ));
}

#[test]
fn unsigned_request_is_not_answered() {
    let (setup, credentials) = started(&[]);
    let mut request = StsDraft::caller_identity(&credentials).sign();
    request.headers.pop();
    let refusal = refusal(&setup, &setup.send(&request));
    assert_eq!(refusal, StsRefusal::Request(Refusal::AuthorizationMissing));
    assert_eq!(
        (refusal.status(), refusal.code()),
        (403, "MissingAuthenticationToken")
    );
    assert_eq!(refusal.message(), "Request is missing Authentication Token");
}

#[test]
fn action_and_version_have_to_be_known() {
    let unknown = message(|draft| {
        draft.with("Action", "GetSessionToken");
    });
    assert_eq!(
        unknown,
        "Could not find operation GetSessionToken for version 2011-06-15"
    );
    let version = message(|draft| {
        draft.with("Version", "2010-05-08");
    });
    assert_eq!(
        version,
        "Could not find operation AssumeRole for version 2010-05-08"
    );
    let no_form = refused(|draft| draft.set_header("Content-Type", "application/json"));
    assert_eq!(no_form, StsRefusal::ActionMissing);
    let method = refused(|draft| draft.method = "PUT".to_owned());
    assert!(matches!(
        method,
        StsRefusal::Request(Refusal::MethodNotAllowed { .. })
    ));
}

#[test]
fn broken_constraints_are_listed_as_by_sts() {
    assert_eq!(
        message(|draft| {
            draft.with("RoleSessionName", "dependabot[bot]");
        }),
        "1 validation error detected: Value 'dependabot[bot]' at 'roleSessionName' failed to \
         satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*"
    );
    let long = "s".repeat(65);
    assert_eq!(
        message(|draft| {
            draft.with("RoleSessionName", &long);
        }),
        format!(
            "1 validation error detected: Value '{long}' at 'roleSessionName' failed to satisfy \
             constraint: Member must have length less than or equal to 64"
        )
    );
    assert_eq!(
        message(|draft| {
            draft
                .with("RoleSessionName", "1")
                .with("DurationSeconds", "899");
        }),
        "2 validation errors detected: Value '899' at 'durationSeconds' failed to satisfy \
         constraint: Member must have value greater than or equal to 900; Value '1' at \
         'roleSessionName' failed to satisfy constraint: Member must have length greater than or \
         equal to 2"
    );
    assert_eq!(
        message(|draft| draft.parameters.retain(|(name, _)| name != "RoleArn")),
        "1 validation error detected: Value null at 'roleArn' failed to satisfy constraint: \
         Member must not be null"
    );
}

#[test]
fn each_parameter_has_its_limits() {
    let member = |name: &str, value: &str| {
        let refusal = refused(|draft| {
            draft.with(name, value);
        });
        let StsRefusal::ParametersInvalid { violations } = &refusal else {
            panic!("{name}={value}: {refusal:?}");
        };
        assert_eq!((refusal.status(), refusal.code()), (400, "ValidationError"));
        violations[0].member.clone()
    };
    for (name, value, expected) in [
        ("DurationSeconds", "43201", "durationSeconds"),
        ("DurationSeconds", "1h", "durationSeconds"),
        (
            "DurationSeconds",
            "-99999999999999999999",
            "durationSeconds",
        ),
        ("ExternalId", "a", "externalId"),
        ("ExternalId", "a b", "externalId"),
        ("ExternalId", &"e".repeat(1225), "externalId"),
        ("SourceIdentity", "a b", "sourceIdentity"),
        ("RoleArn", "role", "roleArn"),
        ("Policy", "", "policy"),
        ("Policy", &format!("{{{}}}", " ".repeat(2047)), "policy"),
        ("Policy", "{\"日\":1}", "policy"),
        ("Tags.member.1.Key", "k", "tags.1.member.value"),
        ("Tags.member.1.Value", "v", "tags.1.member.key"),
        (
            "TransitiveTagKeys.member.1",
            "a,b",
            "transitiveTagKeys.1.member",
        ),
        ("PolicyArns.member.1.arn", "arn", "policyArns.1.member.arn"),
        ("PolicyArns.member.1.x", "arn", "policyArns.1.member.arn"),
    ] {
        assert_eq!(member(name, value), expected, "{name}={value}");
    }
}

#[test]
fn tags_have_their_limits() {
    let violated = |tags: &[(&str, &str)]| match refused(|draft| {
        draft.with_tags(tags);
    }) {
        StsRefusal::ParametersInvalid { violations } => violations[0].member.clone(),
        other => panic!("{other:?}"),
    };
    let (key, value) = ("k".repeat(129), "v".repeat(257));
    assert_eq!(violated(&[(&key, "")]), "tags.1.member.key");
    assert_eq!(violated(&[("a", ""), ("", "")]), "tags.2.member.key");
    assert_eq!(violated(&[("a", &value)]), "tags.1.member.value");
    assert_eq!(violated(&[("a", "(b)")]), "tags.1.member.value");
    let names: Vec<String> = (0..51).map(|number| format!("k{number}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    assert_eq!(violated(&many), "tags");
    let twice = refused(|draft| {
        draft.with_tags(&[("Team", "a"), ("team", "b")]);
    });
    let key = "team".to_owned();
    assert_eq!(twice, StsRefusal::TagRepeated { key });
    let unsent = refused(|draft| {
        draft.with("TransitiveTagKeys.member.1", "team");
    });
    let key = "team".to_owned();
    assert_eq!(unsent, StsRefusal::TransitiveTagUnsent { key });
}

#[test]
fn largest_values_are_let_through() {
    let (setup, credentials) = started(&[]);
    let mut draft = StsDraft::assume_role(&credentials);
    let policy = format!("{{\"Statement\":[]{}}}", " ".repeat(2048 - 16));
    assert_eq!(policy.len(), 2048);
    draft
        .with("Policy", &policy)
        .with("ExternalId", &"e".repeat(1224));
    draft
        .with("RoleSessionName", &"s".repeat(64))
        .with("DurationSeconds", "3600");
    draft.with_tags(&[(&"k".repeat(128), &"v".repeat(256))]);
    for number in 1..=10 {
        let arn = format!("arn:aws:iam::aws:policy/P{number}");
        draft.with(&format!("PolicyArns.member.{number}.arn"), &arn);
    }
    let response = draft.send(&setup);
    assert_eq!(response.status, 200, "{}", text(&response));
    draft.with("PolicyArns.member.11.arn", "arn:aws:iam::aws:policy/P11");
    let refusal = refusal(&setup, &draft.send(&setup));
    assert!(matches!(refusal, StsRefusal::ParametersInvalid { .. }));
}

#[test]
fn policies_have_to_be_policies() {
    for policy in ["{", "[]x", "{}", "[]", "\"Statement\"", "{\"Statement\":1}"] {
        let refusal = refused(|draft| {
            draft.with("Policy", policy);
        });
        assert!(
            matches!(refusal, StsRefusal::PolicyMalformed { .. }),
            "{policy}"
        );
        assert_eq!(
            (refusal.status(), refusal.code()),
            (400, "MalformedPolicyDocument")
        );
    }
    for arn in [
        "arn:aws:iam::aws:role/role-name",
        "arn:aws:iam::12:policy/policy",
        "x".repeat(20).as_str(),
    ] {
        let refusal = refused(|draft| {
            draft.with("PolicyArns.member.1.arn", arn);
        });
        assert!(
            matches!(refusal, StsRefusal::PolicyArnMalformed { .. }),
            "{arn}"
        );
    }
    let value = "v".repeat(256);
    let names: Vec<String> = (0..20).map(|number| format!("k{number}")).collect();
    let tags: Vec<(&str, &str)> = names
        .iter()
        .map(|name| (name.as_str(), value.as_str()))
        .collect();
    let refusal = refused(|draft| {
        draft.with_tags(&tags);
    });
    assert_eq!(
        (refusal.status(), refusal.code()),
        (400, "PackedPolicyTooLarge")
    );
    assert_eq!(
        refusal.message(),
        "Packed size of session tags consumes 127% of allotted space."
    );
    let policy = "{\"Statement\":[]}";
    let both = message(|draft| {
        draft.with_tags(&tags).with("Policy", policy);
    });
    assert_eq!(both, "Packed policy consumes 127% of allotted space");
}

#[test]
fn only_named_roles_may_be_chained_to() {
    let role = format!("{CHAINED_ARN},external-id=secret:1,duration-max=1800");
    let (setup, credentials) = started(&[&role, "arn:aws:iam::111122223333:role/other"]);
    let mut draft = StsDraft::assume_role(&credentials);
    let denied = |draft: &StsDraft| {
        let refusal = refusal(&setup, &draft.send(&setup));
        assert_eq!((refusal.status(), refusal.code()), (403, "AccessDenied"));
        refusal.message().into_owned()
    };
    let missing = denied(&draft);
    assert!(missing.starts_with("User: arn:aws:sts::123456789012:assumed-role/ci-role/"));
    let end = format!(" is not authorized to perform: sts:AssumeRole on resource: {CHAINED_ARN}");
    assert!(missing.ends_with(&end), "{missing}");
    assert_eq!(denied(draft.with("ExternalId", "secret:2")), missing);
    draft.with("ExternalId", "secret:1");
    assert_eq!(draft.send(&setup).status, 200);
    let too_long = refusal(&setup, &draft.with("DurationSeconds", "1801").send(&setup));
    let refusal = StsRefusal::DurationAboveRoleMaximum {
        seconds: 1801,
        maximum_seconds: 1800,
    };
    assert_eq!(too_long, refusal);
    denied(draft.with("RoleArn", "arn:aws:iam::210987654321:role/chained"));
    draft
        .with("RoleArn", "arn:aws:iam::111122223333:role/other")
        .with("DurationSeconds", "3600");
    assert_eq!(draft.send(&setup).status, 200);
}

#[test]
fn malformed_roles_to_chain_to_are_errors() {
    use rolesanywhere_emulator::ChainedRole;
    for text in [
        "",
        "role",
        "arn:aws:iam::1:role/x",
        "arn:aws:iam::123456789012:user/x",
    ] {
        assert!(text.parse::<ChainedRole>().is_err(), "{text}");
    }
    for part in [
        "x",
        "external-id=",
        "duration-max=1h",
        "duration-max",
        "duration=1",
    ] {
        let text = format!("{CHAINED_ARN},{part}");
        assert!(text.parse::<ChainedRole>().is_err(), "{text}");
    }
}

#[test]
fn chained_session_lasts_an_hour_at_most() {
    let refusal = refused(|draft| {
        draft.with("DurationSeconds", "3601");
    });
    assert_eq!(
        refusal,
        StsRefusal::ChainedDurationTooLong { seconds: 3601 }
    );
    assert_eq!((refusal.status(), refusal.code()), (400, "ValidationError"));
    assert_eq!(
        refusal.message(),
        "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role \
         chaining."
    );
}

#[test]
fn source_identity_cannot_change() {
    let refusal = refused(|draft| {
        draft.with("SourceIdentity", "another");
    });
    let (sent, set) = ("another".to_owned(), "CN=leaf".to_owned());
    assert_eq!(refusal, StsRefusal::SourceIdentityDiffers { sent, set });
    let (setup, credentials) = started(&[]);
    let mut draft = StsDraft::assume_role(&credentials);
    assert_eq!(
        draft.with("SourceIdentity", "CN=leaf").send(&setup).status,
        200
    );
}

#[test]
fn role_has_to_be_the_arn_of_one() {
    for arn in [
        "arn:aws:iam::123456789012:user/x",
        "arn:aws:sts::123456789012:role/x",
        "xxxxxxxxxxxxxxxxxxxx",
    ] {
        let refusal = refused(|draft| {
            draft.with("RoleArn", arn);
        });
        assert_eq!(refusal.message(), "Request ARN is invalid");
    }
}

#[test]
fn body_that_is_too_long_is_not_read() {
    let (setup, credentials) = started(&[]);
    let mut draft = StsDraft::assume_role(&credentials);
    draft.with("X", &"x".repeat(64 * 1024));
    let refusal = refusal(&setup, &draft.send(&setup));
    assert!(matches!(
        refusal,
        StsRefusal::Request(Refusal::BodyTooLarge { .. })
    ));
    assert_eq!(
        (refusal.status(), refusal.code()),
        (413, "RequestEntityTooLarge")
    );
}

#[test]
fn hostile_bodies_are_refused_and_shown_escaped() {
    let (setup, credentials) = started(&[]);
    for body in [
        "",
        "&&==&",
        "Action",
        "Action=%",
        "Action=AssumeRole&Action=AssumeRole",
        "Action=%ff",
        "Action=</Code>%1b[2J%0a\u{202e}&Version=%00",
        "Tags.member.1=&Tags.member.1.=&Tags.member.=",
    ] {
        let mut request = StsDraft::caller_identity(&credentials).sign();
        request.body = body.as_bytes().to_vec();
        let response = setup.send(&request);
        assert_eq!(response.status, 400, "{body}");
        let text = text(&response);
        assert_eq!(text.matches("</Code>").count(), 1, "{text}");
        let line = setup.emulator.requests().pop().unwrap().to_string();
        assert!(!line.chars().any(char::is_control), "{line:?}");
        assert!(!line.contains('\u{202e}'), "{line:?}");
    }
}

#[test]
fn large_forms_are_judged_at_once() {
    let many: String = (1..4000)
        .map(|number| format!("Tags.member.{number}=&"))
        .collect();
    let refusal = AssumeRole::from_form(many.as_bytes()).unwrap_err();
    let StsRefusal::ParametersInvalid { violations } = refusal else {
        panic!("{refusal:?}");
    };
    // Role, name and number of tags, and key and value of each tag that is read.
    assert_eq!(violations.len(), 3 + 2 * 50);
    assert_eq!(
        AssumeRole::from_form(b"\xff\xfe").unwrap_err(),
        StsRefusal::FormMalformed
    );
}
