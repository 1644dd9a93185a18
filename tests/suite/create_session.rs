//! The library's call against a scripted endpoint: retries, clock correction, events and errors. Nothing
//! sleeps: the jitter is zero.

use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rolesanywhere::Client;
use rolesanywhere::Credentials;
use rolesanywhere::IdentitySource;
use rolesanywhere::aws_call::ClientSettings;
use rolesanywhere::aws_call::Failure;
use rolesanywhere::aws_call::endpoint::Endpoint;
use rolesanywhere::aws_call::error::CallError;
use rolesanywhere::aws_call::error::ServerCertificateFault;
use rolesanywhere::aws_call::proxy::Proxy;
use rolesanywhere::aws_call::transport::AttemptLimits;
use rolesanywhere::aws_call::trust_roots::TrustRoots;
use rolesanywhere::clock::Clock;
use rolesanywhere::create_session::CreateSession;
use rolesanywhere::create_session::request::CreateSessionRequest;
use rolesanywhere::identity::Identity;
use rolesanywhere::identity::secrets::NoSecrets;
use rolesanywhere::session::provider::Effort;
use rolesanywhere::session::provider::SessionProvider;
use rolesanywhere::session::request::Network;
use rolesanywhere::session::request::SessionRequest;
use time::OffsetDateTime;

use crate::support::endpoint;
use crate::support::http::Request;
use crate::support::script::Response;
use crate::support::script::Script;
use crate::support::service;
use crate::support::snapshots::assert_snapshot;
use crate::support::tls_server::TlsServer;
use crate::support::vectors;

/// One call and what it did.
struct Call {
    outcome: Result<Credentials, Failure>,
    requests: Vec<Request>,
    took: Duration,
}

impl Call {
    fn error(&self) -> &CallError {
        &self.outcome.as_ref().expect_err("a failure").error
    }

    fn attempts(&self) -> u32 {
        self.outcome.as_ref().expect_err("a failure").attempts
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn source(certificate: &str, key: &str) -> IdentitySource {
    IdentitySource {
        certificate: vectors().join("pki").join(certificate).into(),
        private_key: Some(vectors().join("pki").join(key).into()),
        intermediates: None,
        hardware: Default::default(),
    }
}

fn identity(certificate: &str, key: &str) -> Identity {
    let source = source(certificate, key);
    source.open(&NoSecrets::default()).unwrap()
}

fn request() -> CreateSessionRequest {
    let arn = |kind: &str| format!("arn:aws:rolesanywhere:us-east-1:123456789012:{kind}/1");
    CreateSessionRequest {
        trust_anchor_arn: arn("trust-anchor").parse().unwrap(),
        profile_arn: arn("profile").parse().unwrap(),
        role_arn: "arn:aws:iam::123456789012:role/ci".parse().unwrap(),
        duration_seconds: 3600,
        role_session_name: None,
    }
}

fn settings(endpoint: &str) -> ClientSettings {
    ClientSettings {
        endpoint: Endpoint::parse(endpoint).unwrap(),
        region: "us-east-1".parse().unwrap(),
        trust_roots: TrustRoots::Unverified,
        proxy: None,
        is_throttling_retried: true,
        attempts_max: 3,
        time_max: ClientSettings::TIME_MAX,
        attempt_limits: ClientSettings::ATTEMPT_LIMITS,
        clock: Clock::System,
        clock_ahead_seconds: 0,
        jitter: || 0.0,
    }
}

fn call(responses: impl IntoIterator<Item = Response>) -> Call {
    call_with(Script::of(responses), |_| {})
}

fn call_with(script: Script, change: impl FnOnce(&mut ClientSettings)) -> Call {
    let endpoint = endpoint::Endpoint::start(script);
    let mut settings = settings(&endpoint.url());
    change(&mut settings);
    let client = Client::new(settings).unwrap();
    let identity = identity("ec256.crt", "ec256.key");
    let begin = Instant::now();
    let outcome = runtime().block_on(client.call(&operation(&identity, &request()), &|_| {}));
    Call {
        outcome,
        requests: endpoint.requests(),
        took: begin.elapsed(),
    }
}

fn operation<'a>(identity: &'a Identity, request: &'a CreateSessionRequest) -> CreateSession<'a> {
    CreateSession { identity, request }
}

fn error(status: u16, code: &str) -> Response {
    Response::error(status, code, "as scripted")
}

fn signed_at(request: &Request) -> OffsetDateTime {
    let text = request.header("x-amz-date").unwrap();
    let format = time::macros::format_description!("[year][month][day]T[hour][minute][second]Z");
    time::PrimitiveDateTime::parse(text, format)
        .unwrap()
        .assume_utc()
}

#[test]
fn transient_answers_are_tried_three_times_in_all() {
    let transient = [
        error(429, "ThrottlingException"),
        error(400, "ThrottlingException"),
        error(400, "RequestTimeoutException"),
        error(400, "RequestExpired"),
        error(403, "RequestTimeTooSkewed"),
        error(500, "InternalFailure"),
        error(502, ""),
        error(503, "ServiceUnavailable"),
        error(504, ""),
    ];
    for response in transient {
        let status = response.status;
        let call = call([response]);
        assert_eq!((call.requests.len(), call.attempts()), (3, 3), "{status}");
        assert!(matches!(
            call.error(),
            CallError::Service { status: told, .. } if *told == status
        ));
    }
}

#[test]
fn refusals_are_final() {
    for status in [301, 307, 400, 401, 403, 404, 408, 409, 501] {
        let call = call([error(status, "SomeException")]);
        assert_eq!(call.requests.len(), 1, "{status}");
        assert_eq!(call.attempts(), 1, "{status}");
    }
}

#[test]
fn broken_connections_are_tried_again_and_told() {
    let dropped = Response {
        drop: true,
        ..Response::default()
    };
    let call_dropped = call([dropped.clone()]);
    assert_eq!(call_dropped.requests.len(), 3);
    assert!(matches!(call_dropped.error(), CallError::Connection { .. }));
    let recovered = call([dropped, Response::created()]);
    assert!(recovered.outcome.is_ok());
    assert_eq!(recovered.requests.len(), 2);
}

#[test]
fn connection_of_an_earlier_call_is_not_relied_on() {
    let created = Response::created();
    let closing = Response {
        // With its length; the server closes the connection afterwards, without announcing it.
        content_length: Some(created.body.len()),
        ..created
    };
    let endpoint = endpoint::Endpoint::start(Script::of([closing]));
    let client = Client::new(ClientSettings {
        attempts_max: 1,
        ..settings(&endpoint.url())
    });
    let (client, identity) = (client.unwrap(), identity("ec256.crt", "ec256.key"));
    let runtime = runtime();
    for number in 1..=20 {
        let outcome = runtime.block_on(client.call(&operation(&identity, &request()), &|_| {}));
        assert!(outcome.is_ok(), "call {number}: {:?}", outcome.err());
    }
}

#[test]
fn cut_body_is_retried_and_never_shown() {
    let cut = Response {
        content_length: Some(5000),
        ..Response::created()
    };
    let call = call([cut]);
    assert_eq!(call.requests.len(), 3);
    let text = format!("{} {:?}", call.error(), call.error());
    assert!(matches!(call.error(), CallError::Connection { .. }));
    assert!(text.contains("201"), "{text}");
    assert!(!text.contains("secret") && !text.contains("FwoG"), "{text}");
}

#[test]
fn each_attempt_is_signed_afresh() {
    let call = call([error(500, "InternalFailure")]);
    let mut signatures: Vec<_> = call
        .requests
        .iter()
        .map(|request| request.header("authorization").unwrap())
        .collect();
    signatures.sort_unstable();
    signatures.dedup();
    assert_eq!(signatures.len(), 3);
}

#[test]
fn backoff_is_bounded_and_comes_from_the_jitter() {
    let whole = |settings: &mut ClientSettings| settings.jitter = || 0.1;
    let call = call_with(Script::of([error(503, "")]), whole);
    // A tenth of 1 s and of 2 s.
    assert!(call.took >= Duration::from_millis(300), "{:?}", call.took);
}

#[test]
fn skewed_clock_is_corrected_once_and_at_once() {
    let refused = Response {
        date_offset: Some(1800),
        ..error(403, "InvalidSignatureException")
    };
    let slow = |settings: &mut ClientSettings| settings.jitter = || 1.0;
    let script = Script::of([refused.clone(), Response::created()]);
    let call = call_with(script, slow);
    assert!(call.outcome.is_ok());
    assert_eq!(call.requests.len(), 2);
    let ahead = signed_at(&call.requests[1]) - signed_at(&call.requests[0]);
    assert!((1798..=1803).contains(&ahead.whole_seconds()), "{ahead}");
    assert!(call.took < Duration::from_secs(8), "{:?}", call.took);

    let twice = call_with(Script::of([refused]), |_| {});
    assert_eq!(twice.requests.len(), 2, "corrected once only");
}

#[test]
fn clock_is_corrected_even_where_one_attempt_is_allowed() {
    let refused = Response {
        date_offset: Some(-1800),
        ..error(403, "AccessDeniedException")
    };
    let once = |settings: &mut ClientSettings| settings.attempts_max = 1;
    let corrected = call_with(Script::of([refused.clone(), Response::created()]), once);
    assert!(corrected.outcome.is_ok());
    assert_eq!(corrected.requests.len(), 2);

    let unavailable = call_with(Script::of([refused, error(503, "")]), once);
    assert_eq!(unavailable.requests.len(), 2, "and not tried again");
}

#[test]
fn known_clock_offset_is_used_at_once() {
    let known = |settings: &mut ClientSettings| settings.clock_ahead_seconds = 1800;
    let by_service = |date_offset| Response {
        date_offset: Some(date_offset),
        ..error(403, "AccessDeniedException")
    };
    let denied = call_with(Script::of([by_service(1800)]), known);
    assert_eq!(denied.requests.len(), 1, "it was right");
    let signed = signed_at(&denied.requests[0]) - OffsetDateTime::now_utc();
    assert!((1700..=1800).contains(&signed.whole_seconds()), "{signed}");

    // The clock was set in between.
    let script = Script::of([by_service(0), Response::created()]);
    let corrected = call_with(script, known);
    assert!(corrected.outcome.is_ok());
    let back = signed_at(&corrected.requests[0]) - signed_at(&corrected.requests[1]);
    assert!((1700..=1800).contains(&back.whole_seconds()), "{back}");
}

#[test]
fn provider_remembers_how_wrong_the_clock_is() {
    let service = service(&["clock-skew=1200:*"]);
    let request = SessionRequest {
        identity: source("ec256.crt", "ec256.key"),
        create_session: request(),
        network: Network {
            region: "us-east-1".parse().unwrap(),
            endpoint: Endpoint::parse(&service.url()).unwrap(),
            proxy: None,
            trust_roots: TrustRoots::Unverified,
            attempts_max: 1,
        },
        role_chain: None,
    };
    let provider = SessionProvider::new(&request, Clock::System, || 0.0, |_| {});
    let identity = request.identity.open(&NoSecrets::default()).unwrap();
    for requests in [2, 3, 4] {
        let call = provider.create_session(&identity, Effort::Renewal);
        assert!(runtime().block_on(call).is_ok());
        assert_eq!(service.requests().len(), requests);
    }
}

#[test]
fn date_of_the_answer_is_the_services_time() {
    let dated = Response {
        date_offset: Some(-1200),
        ..Response::created()
    };
    let date = call([dated]).outcome.unwrap().date.unwrap();
    let behind = OffsetDateTime::now_utc() - date;
    assert!((1200..=1210).contains(&behind.whole_seconds()), "{behind}");

    assert_eq!(call([Response::created()]).outcome.unwrap().date, None);
}

#[test]
fn small_differences_of_the_clocks_are_no_reason() {
    let refused = Response {
        date_offset: Some(200),
        ..error(403, "AccessDeniedException")
    };
    assert_eq!(call([refused]).requests.len(), 1);
}

#[test]
fn absurd_dates_of_the_service_do_no_harm() {
    for date in [
        "Fri, 31 Dec 9999 23:59:59 GMT",
        "Sat, 01 Jan 0000 00:00:00 GMT",
        "Thu, 99 Foo 99999 99:99:99 GMT",
        "-",
    ] {
        let mut refused = error(400, "RequestExpired");
        refused.headers.push(("Date".to_owned(), date.to_owned()));
        let call = call([refused]);
        assert_eq!(call.requests.len(), 3, "{date}");
    }
}

#[test]
fn redirect_is_not_followed() {
    let elsewhere = endpoint::Endpoint::start(Script::of([Response::created()]));
    let mut redirect = error(307, "");
    redirect
        .headers
        .push(("Location".to_owned(), elsewhere.url()));
    assert_eq!(call([redirect]).requests.len(), 1);
    assert!(elsewhere.requests().is_empty());
}

#[test]
fn answer_that_does_not_come_is_given_up() {
    let slow = Response {
        delay_ms: 60_000,
        ..Response::created()
    };
    let call = call_with(Script::of([slow]), |settings| {
        settings.attempts_max = 1;
        settings.attempt_limits.attempt = Duration::from_millis(100);
    });
    assert!(matches!(call.error(), CallError::TimedOut { .. }));
    assert!(call.took < Duration::from_secs(16), "{:?}", call.took);
}

#[test]
fn no_attempt_begins_that_could_end_after_the_deadline() {
    let call = call_with(Script::of([error(503, "")]), |settings| {
        settings.attempts_max = 1000;
        settings.jitter = || 1.0;
        settings.time_max = Duration::from_secs(8);
        settings.attempt_limits = AttemptLimits {
            resolve: Duration::from_millis(100),
            connect: Duration::from_millis(400),
            connect_by_proxy: Duration::from_millis(100),
            attempt: Duration::from_millis(1500),
        };
    });
    // The waits are 1 s and 2 s, after which an attempt fits in; the third would be 4 s.
    assert_eq!(call.requests.len(), 3);
    assert!(call.took < Duration::from_secs(8), "{:?}", call.took);
}

#[test]
fn foreign_answer_is_shown_by_its_beginning() {
    let portal = Response {
        status: 200,
        body: "<html>Please log in\u{1b}[2J</html>".to_owned(),
        ..Response::default()
    };
    let call = call([portal]);
    assert_eq!(call.requests.len(), 1);
    let text = call.error().to_string();
    let CallError::UnexpectedAnswer { status, host, .. } = call.error() else {
        panic!("{text}");
    };
    assert_eq!(*status, 200);
    assert!(text.contains(host), "{text}");
    assert!(text.contains("<html>Please log in\\u{1b}[2J"), "{text}");
}

#[test]
fn success_that_is_no_json_object_is_not_shown() {
    for body in [
        "[]",
        "{\"credentialSet\":[{\"credentials\":{\"secretAcces",
        "",
    ] {
        let call = call([Response {
            body: body.to_owned(),
            ..Response::created()
        }]);
        let text = format!("{} {:?}", call.error(), call.error());
        let CallError::UnexpectedAnswer { status, .. } = call.error() else {
            panic!("{text}");
        };
        assert_eq!(*status, 201);
        assert!(!text.contains("secret"), "{text}");
    }
}

#[test]
fn answer_larger_than_any_answer_is_refused() {
    let call = call([Response {
        body: "x".repeat(300 * 1024),
        ..Response::created()
    }]);
    assert!(matches!(call.error(), CallError::TooLarge { .. }));
    assert_eq!(call.requests.len(), 1);
}

#[test]
fn error_carries_status_code_message_and_request_id() {
    let mut refused = Response::error(403, "AccessDeniedException", "Untrusted\nCertificate");
    refused
        .headers
        .push(("x-amzn-RequestId".to_owned(), "1111-2222".to_owned()));
    let text = call([refused]).error().to_string();
    assert_snapshot("error-of-the-service", &text);
}

#[test]
fn tls_failures_are_final_and_named() {
    let script = Script {
        tls: true,
        ..Script::of([Response::created()])
    };
    let bundle = TrustRoots::Bundle(vectors().join("pki/root.pem"));
    let call = call_with(script, |settings| settings.trust_roots = bundle.clone());
    assert!(matches!(call.error(), CallError::ServerCertificate { .. }));
    assert_eq!(call.attempts(), 1);

    let plain = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", plain.local_addr().unwrap());
    let server = thread::spawn(move || {
        let (mut stream, _) = plain.accept().unwrap();
        let _ = stream.read(&mut [0; 1000]);
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    let call = call_with(Script::default(), |settings| {
        settings.endpoint = Endpoint::parse(&url).unwrap();
    });
    server.join().unwrap();
    assert!(matches!(call.error(), CallError::NotTls { .. }));
    assert_eq!(call.attempts(), 1);
}

/// Whatever the limits of its parts add up to.
#[test]
fn call_ends_within_its_limit() {
    let slow = Response {
        delay_ms: 600_000,
        ..Response::created()
    };
    let call = call_with(Script::of([slow]), |settings| {
        settings.time_max = Duration::from_millis(500);
    });
    assert!(matches!(call.error(), CallError::TimedOut { .. }));
    assert!(call.took < Duration::from_secs(8), "{:?}", call.took);
}

/// Accounts lock.
#[test]
fn password_that_a_proxy_refuses_is_presented_once() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://user:pw@{}", listener.local_addr().unwrap());
    let count = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let counted = std::sync::Arc::clone(&count);
    thread::spawn(move || {
        for stream in listener.incoming() {
            counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(b"HTTP/1.1 407 No\r\n\r\n");
        }
    });
    let call = call_with(Script::default(), |settings| {
        settings.endpoint = Endpoint::parse("https://service.invalid").unwrap();
        let variables = [("HTTPS_PROXY", proxy.as_str())].into_iter().collect();
        settings.proxy = Proxy::on_the_way_to(&settings.endpoint, &variables).unwrap();
    });
    assert!(call.error().to_string().contains("407"), "{}", call.error());
    assert_eq!(count.load(std::sync::atomic::Ordering::Relaxed), 1);
}

/// It looks the name up and connects in turn, which may take longer than a connection of our own.
#[test]
fn proxy_has_a_limit_of_its_own() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            thread::sleep(Duration::from_millis(400));
            let _ = stream.write_all(b"HTTP/1.1 403 Not today\r\n\r\n");
        }
    });
    let call_within = |connect_by_proxy| {
        call_with(Script::default(), |settings| {
            settings.endpoint = Endpoint::parse("https://service.invalid").unwrap();
            let variables = [("HTTPS_PROXY", proxy.as_str())].into_iter().collect();
            settings.proxy = Proxy::on_the_way_to(&settings.endpoint, &variables).unwrap();
            settings.attempts_max = 1;
            settings.attempt_limits.connect = Duration::from_millis(100);
            settings.attempt_limits.connect_by_proxy = connect_by_proxy;
        })
    };
    let said = [240_000, 100].map(|limit| {
        let call = call_within(Duration::from_millis(limit));
        call.error().to_string().replace(&proxy, "[PROXY]")
    });
    assert_snapshot("limit-of-a-proxy", &said.join("\n"));
}

/// A call to this server, whose issuer is trusted.
fn call_of_server(server: TlsServer) -> Call {
    let call = call_with(Script::default(), |settings| {
        settings.endpoint = Endpoint::parse(&server.url()).unwrap();
        settings.trust_roots = TrustRoots::Bundle(server.bundle());
    });
    server.end();
    call
}

#[test]
fn fault_of_a_server_certificate_is_named() {
    use ServerCertificateFault::Expired;
    use ServerCertificateFault::NotYetValid;
    use ServerCertificateFault::OtherName;
    let fault = |arrange: &dyn Fn(&mut rcgen::CertificateParams)| {
        let call = call_of_server(TlsServer::with(arrange));
        match call.error() {
            CallError::ServerCertificate { fault, .. } => *fault,
            other => panic!("{other:?}"),
        }
    };
    let expired = |params: &mut rcgen::CertificateParams| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    };
    assert_eq!(fault(&expired), Expired);
    let early = |params: &mut rcgen::CertificateParams| {
        params.not_before = rcgen::date_time_ymd(4000, 1, 1);
    };
    assert_eq!(fault(&early), NotYetValid);
    let other = |params: &mut rcgen::CertificateParams| {
        params.subject_alt_names =
            vec![rcgen::SanType::DnsName("other.example".try_into().unwrap())];
    };
    assert_eq!(fault(&other), OtherName);
}

#[test]
fn server_with_a_ca_certificate_is_named() {
    let call = call_of_server(TlsServer::with_ca_certificate());
    assert!(
        matches!(
            call.error(),
            CallError::ServerCertificate {
                fault: ServerCertificateFault::CertificateAuthority,
                ..
            }
        ),
        "{:?}",
        call.error()
    );
}
