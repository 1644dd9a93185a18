//! Role chaining: STS at the emulator verifies every request, and its records show what it was asked for.

use std::fs;

use rolesanywhere::IdentitySource;
use rolesanywhere::aws_call::endpoint::Endpoint;
use rolesanywhere::aws_call::trust_roots::TrustRoots;
use rolesanywhere::clock::Clock;
use rolesanywhere::create_session::request::CreateSessionRequest;
use rolesanywhere::identity::secrets::NoSecrets;
use rolesanywhere::session::Effort;
use rolesanywhere::session::Network;
use rolesanywhere::session::RoleChain;
use rolesanywhere::session::SessionProvider;
use rolesanywhere::session::SessionRequest;
use rolesanywhere::sts::assume_role::request::AssumeRoleRequest;
use rolesanywhere_emulator::Emulator;
use rolesanywhere_emulator::Outcome;
use rolesanywhere_emulator::Settings;

use crate::support::emulator;
use crate::support::endpoint::Endpoint as Scripted;
use crate::support::helper::Helper;
use crate::support::helper::Output;
use crate::support::imds::Connection;
use crate::support::imds::Server;
use crate::support::imds::get;
use crate::support::issued;
use crate::support::log::JSON;
use crate::support::log::events;
use crate::support::running::wait_until;
use crate::support::script::Response;
use crate::support::script::Script;
use crate::support::service;
use crate::support::snapshots::assert_snapshot;
use crate::support::vectors;

const DEPLOY: &str = "arn:aws:iam::111111111111:role/deploy";
const AUDIT: &str = "arn:aws:iam::222222222222:role/audit";

/// A command that assumes `DEPLOY`.
fn chained(command: &str, service: &Emulator) -> Helper {
    let helper = Helper::command_at(command, &service.url());
    helper.args(["--sts-endpoint", &service.url(), "--assume-role", DEPLOY])
}

/// The kind of each request, in order: `CreateSession` or the name of the role that was assumed.
fn calls(service: &Emulator) -> Vec<String> {
    let requests = service.requests().into_iter();
    let call = |outcome| match outcome {
        Outcome::Issued { .. } => "CreateSession".to_owned(),
        Outcome::Assumed(role) => role
            .parameters
            .role_arn
            .rsplit('/')
            .next()
            .unwrap()
            .to_owned(),
        other => format!("{other:?}"),
    };
    requests.map(|request| call(request.outcome)).collect()
}

fn succeeds(helper: &Helper) -> Output {
    let output = helper.run();
    assert_eq!((output.exit, output.stderr.as_str()), (0, ""));
    output
}

fn access_key_id(output: &Output) -> String {
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    document["AccessKeyId"].as_str().unwrap().to_owned()
}

#[test]
fn credentials_are_those_of_the_last_role() {
    let service = service(&[]);
    let output = succeeds(&chained("credential-process", &service).args(["--assume-role", AUDIT]));
    assert_eq!(access_key_id(&output), issued(3));
    assert_eq!(calls(&service), ["CreateSession", "deploy", "audit"]);
}

#[test]
fn each_command_that_ends_assumes_the_role() {
    for (command, more) in [
        ("export", vec!["--format", "json"]),
        ("exec", vec!["--", "/usr/bin/env"]),
        ("update", vec!["--once"]),
    ] {
        let service = service(&[]);
        let helper = chained(command, &service).args(more);
        let output = helper.run();
        assert_eq!(output.exit, 0, "{command}: {}", output.stderr);
        let file = fs::read_to_string(helper.home().join(".aws/credentials"));
        let said = output.stdout_text().to_owned() + &file.unwrap_or_default();
        assert!(said.contains(&issued(2)), "{command}: {said}");
        assert_eq!(calls(&service), ["CreateSession", "deploy"], "{command}");
    }
}

#[test]
fn serve_names_the_last_role() {
    let service = service(&[]);
    let helper = chained("serve", &service).args(["--port", "0"]);
    let server = Server::start(&helper);
    let names = get(
        "/latest/meta-data/iam/security-credentials/",
        &server.token(),
    );
    assert_eq!(server.ask(&names).text(), "deploy");
    assert_eq!(calls(&service), ["CreateSession", "deploy"]);
}

#[test]
fn parameters_go_to_the_last_role_and_transitive_tags_to_the_first() {
    let service = service(&[]);
    let helper = chained("credential-process", &service)
        .args([
            "--assume-role",
            AUDIT,
            "--assume-role-session-name",
            "build-7",
        ])
        .args(["--assume-role-duration", "900", "--external-id", "id/1"])
        .args([
            "--session-policy",
            "{ \"Version\": \"2012-10-17\", \"Statement\": [] }",
        ])
        .args([
            "--session-policy-arn",
            "arn:aws:iam::aws:policy/ReadOnlyAccess",
        ])
        .args([
            "--tag",
            "Project=shop",
            "--tag",
            "Stage=a=b",
            "--transitive-tag",
            "Project",
        ]);
    succeeds(&helper);
    let roles: Vec<_> = service
        .requests()
        .into_iter()
        .filter_map(|request| match request.outcome {
            Outcome::Assumed(role) => Some(role.parameters),
            _ => None,
        })
        .collect();
    let [first, last] = roles.as_slice() else {
        panic!("{roles:?}");
    };
    let pairs = |role: &rolesanywhere_emulator::AssumeRole| -> Vec<(String, String)> {
        let tags = role.tags.iter();
        tags.map(|tag| (tag.key.clone(), tag.value.clone()))
            .collect()
    };
    let pair = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(first.role_arn, DEPLOY);
    assert_eq!(pairs(first), [pair("Project", "shop")]);
    assert_eq!(first.transitive_tag_keys, ["Project"]);
    assert_eq!(
        (first.duration_seconds, &first.external_id, &first.policy),
        (None, &None, &None)
    );
    assert_eq!(last.role_arn, AUDIT);
    assert_eq!(last.role_session_name, "build-7");
    assert_eq!(last.duration_seconds, Some(900));
    assert_eq!(last.external_id.as_deref(), Some("id/1"));
    assert_eq!(
        last.policy.as_deref(),
        Some(r#"{"Version":"2012-10-17","Statement":[]}"#)
    );
    assert_eq!(last.policy_arns, ["arn:aws:iam::aws:policy/ReadOnlyAccess"]);
    assert_eq!(pairs(last), [pair("Stage", "a=b")]);
}

#[test]
fn session_name_is_that_of_the_first_session() {
    for (name, expected) in [(Some("agent-1"), "agent-1"), (None, SERIAL)] {
        let service = service(&[]);
        let helper = chained("credential-process", &service);
        let helper = match name {
            Some(name) => helper.args(["--role-session-name", name]),
            None => helper,
        };
        succeeds(&helper);
        let Some(Outcome::Assumed(role)) = service.requests().pop().map(|last| last.outcome) else {
            panic!("{:?}", service.requests());
        };
        assert_eq!(role.parameters.role_session_name, expected);
    }
}

#[test]
fn one_variable_leads_to_both_services() {
    let service = service(&[]);
    let helper = Helper::command_at("credential-process", "")
        .args(["--assume-role", DEPLOY])
        .env("AWS_ENDPOINT_URL", &service.url());
    assert_eq!(access_key_id(&succeeds(&helper)), issued(2));
}

#[test]
fn variable_holds_a_chain_and_several_policies() {
    let service = service(&[]);
    let policies = "arn:aws:iam::aws:policy/A arn:aws:iam::aws:policy/B";
    let helper = |command| {
        Helper::command_at(command, &service.url())
            .env("AWS_SIGNING_HELPER_STS_ENDPOINT", &service.url())
            .env(
                "AWS_SIGNING_HELPER_ASSUME_ROLE",
                &format!(" {DEPLOY} \n{AUDIT}"),
            )
            .env("AWS_SIGNING_HELPER_SESSION_POLICY_ARN", policies)
    };
    succeeds(&helper("credential-process"));
    assert_eq!(calls(&service), ["CreateSession", "deploy", "audit"]);
    let Some(Outcome::Assumed(role)) = service.requests().pop().map(|last| last.outcome) else {
        panic!("{:?}", service.requests());
    };
    assert_eq!(role.parameters.policy_arns.join(" "), policies);
    for name in ["ASSUME_ROLE", "SESSION_POLICY_ARN"] {
        let variable = format!("AWS_SIGNING_HELPER_{name}");
        let said = fails(&helper("credential-process").env(&variable, " "));
        assert!(!said.is_empty());
    }
    let output = succeeds(&helper("configure").args(["--print"]));
    for flags in [
        format!("--assume-role {DEPLOY} --assume-role {AUDIT} "),
        policies
            .split(' ')
            .map(|arn| format!("--session-policy-arn {arn} "))
            .collect(),
    ] {
        assert!(
            output.stdout_text().contains(&flags),
            "{}",
            output.stdout_text()
        );
    }
}

#[test]
fn policy_is_read_from_a_file_or_standard_input() {
    let policy = "\u{feff}{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": []\n}\n";
    for is_file in [true, false] {
        let service = service(&[]);
        let helper = chained("credential-process", &service);
        let helper = match is_file {
            true => helper.flag_of_file("--session-policy", "policy.json", policy),
            false => helper
                .args(["--session-policy", "-"])
                .standard_input(policy),
        };
        succeeds(&helper);
        let Some(Outcome::Assumed(role)) = service.requests().pop().map(|last| last.outcome) else {
            panic!("{:?}", service.requests());
        };
        let sent = role.parameters.policy;
        assert_eq!(
            sent.as_deref(),
            Some(r#"{"Version":"2012-10-17","Statement":[]}"#)
        );
    }
}

#[test]
fn wrong_flags_are_reported_before_any_call() {
    let service = service(&[]);
    let long = format!("{{\"a\":\"{}\"}}", "x".repeat(2048));
    let long_key = format!("{}=b", "k".repeat(129));
    let long_value = format!("a={}", "v".repeat(257));
    let many_tags = (0..51).flat_map(|number| ["--tag".to_owned(), format!("k{number}=v")]);
    let many_tags: Vec<String> = many_tags.collect();
    let many_policies = [
        "--session-policy-arn",
        "arn:aws:iam::aws:policy/ReadOnlyAccess",
    ]
    .repeat(11);
    let mut said = String::new();
    for flags in [
        ["--external-id", "x"],
        ["--session-policy", "{}"],
        ["--tag", "a=b"],
        ["--assume-role-duration", "900"],
    ] {
        let helper = Helper::command_at("credential-process", &service.url()).args(flags);
        said += &fails(&helper);
    }
    for flags in [
        vec!["--assume-role", "deploy"],
        vec!["--assume-role", "arn:aws:iam::111111111111:user/x"],
        vec!["--assume-role", "arn:aws-cn:iam::111111111111:role/x"],
        vec!["--assume-role-duration", "3601"],
        vec!["--assume-role-duration", "899"],
        vec!["--assume-role-session-name", "a b"],
        vec!["--external-id", " "],
        vec!["--tag", "a=1", "--tag", "A=2"],
        vec!["--tag", "a"],
        vec!["--tag", "=b"],
        vec!["--tag", "a=b", "--transitive-tag", "c"],
        vec!["--tag", "a=b,c"],
        vec!["--tag", "a=b\nc\u{1b}[2J"],
        vec!["--tag", "a*=b"],
        vec!["--tag", "AWS:a=b"],
        vec!["--tag", &long_key],
        vec!["--tag", &long_value],
        many_tags.iter().map(String::as_str).collect(),
        vec!["--session-policy-arn", "foo"],
        vec!["--session-policy-arn", "arn:aws:iam::111111111111:role/x"],
        many_policies,
        vec!["--session-policy", "{"],
        vec!["--session-policy", "pki/root.pem"],
        vec!["--session-policy", "no/such/file"],
        vec!["--session-policy", "env:NOT_SET"],
        vec!["--session-policy", &long],
        vec!["--sts-endpoint", "localhost:1"],
    ] {
        said += &fails(&chained("credential-process", &service).args(flags));
    }
    assert_snapshot("role-chain-wrong-flags", &said);
    assert_eq!(service.requests().len(), 0);
}

fn fails(helper: &Helper) -> String {
    let output = helper.run();
    assert_eq!(
        (output.exit, output.stdout_text()),
        (1, ""),
        "{}",
        output.stderr
    );
    output.stderr
}

/// A variable that a script lacks must not give more rights than are meant.
#[test]
fn empty_value_is_an_error() {
    let service = service(&[]);
    for flag in [
        "assume-role",
        "session-policy",
        "session-policy-arn",
        "external-id",
        "tag",
    ] {
        let flag = format!("--{flag}");
        fails(&chained("credential-process", &service).args([&flag, ""]));
        fails(&chained("credential-process", &service).args([format!("{flag}=")]));
        // An empty variable counts as unset.
        let variable = flag
            .trim_start_matches('-')
            .to_uppercase()
            .replace('-', "_");
        let variable = format!("AWS_SIGNING_HELPER_{variable}");
        succeeds(&chained("credential-process", &service).env(&variable, ""));
    }
}

#[test]
fn cached_first_session_that_was_revoked_is_replaced() {
    // The third request is AssumeRole by the first session, from the cache.
    let fault = "error=403/InvalidClientTokenId";
    let service = service(&["slow=0", "slow=0", fault]);
    let folder = tempfile::TempDir::new().unwrap();
    let cache = folder.path().join("cache").display().to_string();
    let run = |role: &str| {
        let helper = Helper::command_at("credential-process", &service.url())
            .args(["--sts-endpoint", &service.url(), "--assume-role", role])
            .args(["--cache", "--cache-dir", &cache]);
        succeeds(&helper);
        calls(&service)
    };
    assert_eq!(run(DEPLOY), ["CreateSession", "deploy"]);
    let calls = run(AUDIT);
    let [_, _, refused, rest @ ..] = calls.as_slice() else {
        panic!("{calls:?}");
    };
    assert!(refused.contains("InvalidClientTokenId"), "{refused}");
    assert_eq!(rest, ["CreateSession", "audit"]);
}

#[test]
fn refusals_come_with_a_hint() {
    let external_id: Settings = Settings {
        chained_roles: vec![format!("{DEPLOY},external-id=x").parse().unwrap()],
        ..Settings::default()
    };
    let mut said = fails(&chained("credential-process", &emulator(external_id)));
    for (fault, code) in [
        (
            "error=400/MalformedPolicyDocument",
            "MalformedPolicyDocument",
        ),
        ("error=400/PackedPolicyTooLarge", "PackedPolicyTooLarge"),
        (
            "error=403/RegionDisabledException",
            "RegionDisabledException",
        ),
        ("error=403/ExpiredToken", "ExpiredToken"),
    ] {
        let service = service(&["slow=0", fault]);
        let stderr = fails(&chained("credential-process", &service));
        assert!(stderr.contains(code), "{stderr}");
        said += &stderr;
    }
    assert_snapshot("role-chain-refusals", &said);
}

#[test]
fn throttled_sts_is_called_again() {
    let service = service(&["slow=0", "throttle", "status=503"]);
    let output = succeeds(&chained("credential-process", &service));
    assert_eq!(access_key_id(&output), issued(2));
    assert_eq!(service.requests().len(), 4);
}

#[test]
fn wrong_clock_is_corrected_once_for_both_services() {
    let service = service(&["clock-skew=1200:*"]);
    succeeds(&chained("credential-process", &service));
    // Refused by Roles Anywhere alone.
    assert_eq!(service.requests().len(), 3);
}

#[test]
fn chains_share_the_cached_first_session() {
    let service = service(&[]);
    let folder = tempfile::TempDir::new().unwrap();
    let run = |role: &str| {
        let helper = Helper::command_at("credential-process", &service.url())
            .args([
                "--sts-endpoint",
                &service.url(),
                "--assume-role",
                role,
                "--cache",
            ])
            .args(["--cache-dir", folder.path().join("cache").to_str().unwrap()]);
        access_key_id(&succeeds(&helper))
    };
    let (deploy, audit) = (run(DEPLOY), run(AUDIT));
    assert_eq!((&*deploy, &*audit), (&*issued(2), &*issued(3)));
    assert_eq!((run(DEPLOY), run(AUDIT)), (deploy, audit));
    assert_eq!(calls(&service), ["CreateSession", "deploy", "audit"]);
}

#[test]
fn debug_shows_no_secret_of_the_first_session() {
    let service = service(&[]);
    let output = chained("credential-process", &service)
        .args(["--debug"])
        .run();
    assert_eq!(output.exit, 0, "{}", output.stderr);
    for secret in ["EMULATOR/", "emulator/fake"] {
        assert!(!output.stderr.contains(secret), "{}", output.stderr);
    }
    let token = "\nx-amz-security-token:(not shown)\n";
    assert!(output.stderr.contains(token), "{}", output.stderr);
}

#[test]
fn configure_writes_the_chain_and_an_absolute_path() {
    let helper = Helper::command_at("configure", "http://127.0.0.1:1")
        .args(["--print", "--assume-role", DEPLOY, "--assume-role", AUDIT])
        .args([
            "--tag",
            "A=1",
            "--tag",
            "B=2",
            "--session-policy",
            "policy.json",
        ])
        .in_home()
        .file("policy.json", "{}");
    let output = succeeds(&helper);
    let path = helper.home().canonicalize().unwrap().join("policy.json");
    let expected = format!(
        "--assume-role {DEPLOY} --assume-role {AUDIT} --session-policy {} --tag A=1 --tag B=2",
        path.display()
    );
    assert!(
        output.stdout_text().contains(&expected),
        "{}",
        output.stdout_text()
    );
    let inline = Helper::command_at("configure", "http://127.0.0.1:1").args([
        "--print",
        "--assume-role",
        DEPLOY,
        "--session-policy",
        "{}",
    ]);
    assert!(
        succeeds(&inline)
            .stdout_text()
            .contains("--session-policy '{}'")
    );
}

/// STS's refusal is no verdict on the new certificate, which Roles Anywhere has accepted.
#[test]
fn refused_role_leaves_a_new_certificate_in_use() {
    let service = service(&[]);
    let sts = Scripted::start(Script::of([assumed(40), refusal()]));
    let helper = Helper::command_at("serve", &service.url())
        .args(["--sts-endpoint", &sts.url(), "--assume-role", DEPLOY])
        .args(["--port", "0", "--status-address", "127.0.0.1:0"])
        .args(JSON)
        .own_files();
    let mut server = Server::start(&helper);
    helper.put("crt", "ec256.crt");
    helper.put("key", "ec256.key");
    let with_new = || {
        let algorithms = algorithms(&service).into_iter();
        algorithms.skip_while(|one| !one.contains("ECDSA"))
    };
    // The session of each is not the one that STS refused before.
    wait_until(&mut server.running, "calls with the new one", |_| {
        with_new().count() >= 3
    });
    let algorithms: Vec<String> = with_new().collect();
    assert!(
        algorithms.iter().all(|one| one.contains("ECDSA")),
        "{algorithms:?}"
    );
    let said = server.running.stderr_so_far();
    for failed in events(&said, "renewal_failed") {
        assert_eq!(failed["error_code"], "AccessDenied");
        let message = failed["message"].as_str().unwrap();
        assert!(
            message.starts_with(&format!("cannot assume {DEPLOY}: ")),
            "{message}"
        );
        assert!(!message.contains("certificate"), "{message}");
    }
    let lines = said.lines().filter(|line| line.contains("certificate"));
    let lines: Vec<&str> = lines.collect();
    assert_eq!(
        events(&lines.join("\n"), "certificate_changed").len() + 1,
        lines.len(),
        "{lines:?}"
    );
    let listening = &events(&said, "status_listening")[0];
    let address = listening["address"].as_str().unwrap().parse().unwrap();
    let metrics = "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let metrics = Connection::to(address).unwrap().ask(metrics);
    let error = "aws_signing_helper_last_error{code=\"AccessDenied\"} 1";
    assert!(metrics.text().contains(error), "{}", metrics.text());
}

/// Algorithm of each call of CreateSession, none of which may have been refused.
fn algorithms(service: &Emulator) -> Vec<String> {
    let requests = service.requests().into_iter();
    let algorithm = |request: rolesanywhere_emulator::RequestRecord| {
        assert!(
            matches!(request.outcome, Outcome::Issued { .. }),
            "{request}"
        );
        let mut headers = request.headers.into_iter();
        headers.find(|(name, _)| name == "authorization").unwrap().1
    };
    requests.map(algorithm).collect()
}

/// An answer of AssumeRole with credentials for so many seconds.
fn assumed(seconds: u32) -> Response {
    xml(
        200,
        &format!(
            "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>\
             <Credentials><AccessKeyId>ASIACHAINED</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>\
             <SessionToken>token</SessionToken><Expiration>{{NOW+{seconds}}}</Expiration></Credentials>\
             </AssumeRoleResult></AssumeRoleResponse>"
        ),
    )
}

fn refusal() -> Response {
    xml(
        403,
        "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
         <Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>",
    )
}

fn xml(status: u16, body: &str) -> Response {
    Response {
        status,
        headers: vec![("Content-Type".to_owned(), "text/xml".to_owned())],
        body: body.to_owned(),
        ..Response::default()
    }
}

fn request(service: &Emulator) -> SessionRequest {
    let pki = vectors().join("pki");
    let network = Network {
        region: "us-east-1".parse().unwrap(),
        endpoint: Endpoint::parse(&service.url()).unwrap(),
        proxy: None,
        trust_roots: TrustRoots::Unverified,
        attempts_max: 1,
    };
    let arn = |kind: &str| format!("arn:aws:rolesanywhere:us-east-1:123456789012:{kind}/1-2");
    SessionRequest {
        identity: IdentitySource {
            certificate: pki.join("ec256.crt").into(),
            private_key: Some(pki.join("ec256.key").into()),
            intermediates: None,
            hardware: Default::default(),
        },
        create_session: CreateSessionRequest {
            trust_anchor_arn: arn("trust-anchor").parse().unwrap(),
            profile_arn: arn("profile").parse().unwrap(),
            role_arn: "arn:aws:iam::123456789012:role/ci".parse().unwrap(),
            duration_seconds: 3600,
            role_session_name: None,
        },
        network: network.clone(),
        role_chain: Some(RoleChain {
            first: AssumeRoleRequest::new(DEPLOY.parse().unwrap()),
            later: Vec::new(),
            network,
        }),
    }
}

/// Asks for credentials so many times, with one provider.
fn renewals(service: &Emulator, number: usize) -> Vec<String> {
    let request = request(service);
    let provider = SessionProvider::new(&request, Clock::System, || 0.0, |_| {});
    let identity = request.identity.open(&NoSecrets::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let renew = || runtime.block_on(provider.credentials(&identity, Effort::Renewal));
    (0..number)
        .map(|_| renew().unwrap().access_key_id)
        .collect()
}

#[test]
fn first_session_is_kept_while_it_is_good() {
    let service = service(&[]);
    assert_eq!(renewals(&service, 3), [issued(2), issued(3), issued(4)]);
    assert_eq!(
        calls(&service),
        ["CreateSession", "deploy", "deploy", "deploy"]
    );
}

#[test]
fn first_session_that_is_due_is_renewed() {
    let service = service(&["expires-in=5", "slow=0", "expires-in=5"]);
    renewals(&service, 2);
    assert_eq!(
        calls(&service),
        ["CreateSession", "deploy", "CreateSession", "deploy"]
    );
}

#[test]
fn first_session_that_was_revoked_is_replaced() {
    let service = service(&["slow=0:2", "error=403/AccessDenied"]);
    assert_eq!(renewals(&service, 2), [issued(2), issued(4)]);
    assert_eq!(service.requests().len(), 5);
}

/// Serial number of the plainest identity's certificate.
const SERIAL: &str = "428612240758957979144776117480968601561351878406";
