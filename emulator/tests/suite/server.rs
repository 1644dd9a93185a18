//! The emulator over sockets: answers, connections, limits.

use std::io::Read;
use std::io::Write;
use std::sync::Arc;
use std::sync::Mutex;

use rolesanywhere_emulator::Emulator;
use rolesanywhere_emulator::OnRequest;
use rolesanywhere_emulator::Outcome;
use rolesanywhere_emulator::Refusal;
use rolesanywhere_emulator::ServiceClock;
use rolesanywhere_emulator::Settings;
use rolesanywhere_emulator::StartError;
use rolesanywhere_emulator::TrustAnchorError;
use serde_json::Value;
use time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::http::Response;
use crate::http::Setup;
use crate::http::bytes;
use crate::http::connect;
use crate::http::connect_tls;
use crate::support::NOW;
use crate::support::PROFILE_ARN;
use crate::support::ROLE_ARN;
use crate::support::TRUST_ANCHOR_ARN;
use crate::support::amz_date;

fn default() -> Setup {
    Setup::new(Settings::default())
}

fn with_session_name(setup: &Setup, name: &str) -> Response {
    let body = serde_json::json!({ "durationSeconds": 900, "roleSessionName": name });
    setup.send(&setup.request_with(|draft| draft.body = body.to_string().into_bytes()))
}

fn granted_seconds(setup: &Setup, body: &str) -> i64 {
    let response = setup.send(&setup.request_with(|draft| draft.body = body.into()));
    let body = response.json();
    let expiration = &body["credentialSet"][0]["credentials"]["expiration"];
    let expiration = OffsetDateTime::parse(expiration.as_str().unwrap(), &Rfc3339).unwrap();
    let seconds = (expiration - OffsetDateTime::now_utc()).whole_seconds();
    // Time has passed since then; a test machine may be slow.
    (seconds + 30) / 60 * 60
}

fn only_refusal(setup: &Setup) -> Refusal {
    match &setup.emulator.requests()[..] {
        [record] => match &record.outcome {
            Outcome::Refused(refusal) => refusal.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{} requests", other.len()),
    }
}

#[test]
fn a_session_is_answered_as_the_service_does() {
    let setup = default();
    let response = with_session_name(&setup, "ci-session");
    assert_eq!(response.status, 201);
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert_eq!(
        response.header("x-amzn-requestid"),
        Some("00000000-0000-4000-8000-000000000001")
    );
    assert!(response.header("date").unwrap().ends_with(" GMT"));
    let body = response.json();
    let session = &body["credentialSet"][0];
    let arn = "arn:aws:sts::123456789012:assumed-role/ci-role/ci-session";
    assert_eq!(session["assumedRoleUser"]["arn"], arn);
    assert_eq!(
        session["assumedRoleUser"]["assumedRoleId"],
        "AROAEMULATOR0000000:ci-session"
    );
    assert_eq!(session["roleArn"], ROLE_ARN);
    assert_eq!(session["sourceIdentity"], "CN=leaf");
    assert!(session["packedPolicySize"].is_u64());
    let subject = body["subjectArn"].as_str().unwrap();
    let prefix = "arn:aws:rolesanywhere:eu-central-1:123456789012:subject/";
    assert_eq!(subject.strip_prefix(prefix).unwrap().len(), 36);
    let credentials = &session["credentials"];
    assert_eq!(credentials["accessKeyId"], "ASIAEMULATOR0000001");
    assert_eq!(credentials["secretAccessKey"].as_str().unwrap().len(), 40);
    assert!(credentials["sessionToken"].as_str().unwrap().len() > 300);
    let expiration = credentials["expiration"].as_str().unwrap();
    assert!(
        expiration.ends_with('Z') && !expiration.contains('.'),
        "{expiration}"
    );
}

#[test]
fn without_a_session_name_the_serial_number_is_taken() {
    let setup = default();
    let body = setup.post().json();
    let arn = body["credentialSet"][0]["assumedRoleUser"]["arn"]
        .as_str()
        .unwrap();
    assert_eq!(
        arn.rsplit('/').next().unwrap(),
        setup.identity.serial_number()
    );
}

#[test]
fn every_session_has_other_credentials() {
    let setup = default();
    let sessions: Vec<Value> = (0..3).map(|_| setup.post().json()).collect();
    for part in ["accessKeyId", "secretAccessKey", "sessionToken"] {
        let mut all: Vec<&str> = sessions
            .iter()
            .map(|body| {
                body["credentialSet"][0]["credentials"][part]
                    .as_str()
                    .unwrap()
            })
            .collect();
        all.dedup();
        assert_eq!(all.len(), 3, "{part}");
    }
}

#[test]
fn a_refusal_has_status_code_message_and_request_id() {
    let setup = default();
    let response = setup.send(&setup.request_with(|draft| draft.body = b"x".to_vec()));
    assert_eq!(response.status, 400);
    assert_eq!(
        response.header("x-amzn-errortype"),
        Some("ValidationException")
    );
    assert_eq!(response.header("content-type"), Some("application/json"));
    assert!(response.header("x-amzn-requestid").is_some());
    assert_eq!(
        response.json(),
        serde_json::json!({ "message": "the body is not JSON" })
    );
    let mut request = setup.request();
    request.body.push(b' ');
    let response = setup.send(&request);
    assert_eq!(response.status, 403);
    assert_eq!(
        response.json(),
        serde_json::json!({ "message": "Invalid signature" })
    );
}

#[test]
fn an_absent_trust_anchor_or_profile_is_not_found() {
    let arn = TRUST_ANCHOR_ARN.to_owned();
    let setup = Setup::new(Settings {
        absent_arns: vec![arn.clone()],
        ..Settings::default()
    });
    let response = setup.post();
    assert_eq!(response.status, 404);
    assert_eq!(
        response.header("x-amzn-errortype"),
        Some("ResourceNotFoundException")
    );
    assert_eq!(only_refusal(&setup), Refusal::TrustAnchorNotFound { arn });

    let arn = PROFILE_ARN.to_owned();
    let setup = Setup::new(Settings {
        absent_arns: vec![arn.clone()],
        ..Settings::default()
    });
    let response = setup.post();
    assert_eq!(response.status, 403);
    assert_eq!(
        response.header("x-amzn-errortype"),
        Some("AccessDeniedException")
    );
    assert_eq!(only_refusal(&setup), Refusal::ProfileNotFound { arn });
}

#[test]
fn session_name_is_refused_unless_profile_accepts_it() {
    let settings = Settings {
        refuse_role_session_name: true,
        ..Settings::default()
    };
    let setup = Setup::new(settings.clone());
    let response = with_session_name(&setup, "ci-session");
    assert_eq!(response.status, 403);
    assert_eq!(
        response.header("x-amzn-errortype"),
        Some("AccessDeniedException")
    );
    let sent = "ci-session".to_owned();
    assert_eq!(
        only_refusal(&setup),
        Refusal::SessionNameNotAccepted { sent }
    );
    assert_eq!(Setup::new(settings).post().status, 201);
}

#[test]
fn shorter_duration_of_request_and_profile_is_granted() {
    let setup = default();
    assert_eq!(granted_seconds(&setup, "{}"), 3600);
    assert_eq!(
        granted_seconds(&setup, "{\"durationSeconds\":43200}"),
        43_200
    );
    let profile_duration_seconds = Some(1800);
    let setup = Setup::new(Settings {
        profile_duration_seconds,
        ..Settings::default()
    });
    assert_eq!(granted_seconds(&setup, "{}"), 1800);
    assert_eq!(granted_seconds(&setup, "{\"durationSeconds\":3600}"), 1800);
    assert_eq!(granted_seconds(&setup, "{\"durationSeconds\":900}"), 900);
    let profile_duration_seconds = Some(7200);
    let setup = Setup::new(Settings {
        profile_duration_seconds,
        ..Settings::default()
    });
    assert_eq!(granted_seconds(&setup, "{}"), 7200);
}

#[test]
fn more_than_the_maximum_of_the_role_is_refused() {
    let role_max_duration_seconds = Some(3600);
    let setup = Setup::new(Settings {
        role_max_duration_seconds,
        ..Settings::default()
    });
    let body = b"{\"durationSeconds\":3601}";
    let response = setup.send(&setup.request_with(|draft| draft.body = body.to_vec()));
    assert_eq!(response.status, 400);
    let expected = Refusal::DurationAboveRoleMaximum {
        seconds: 3601,
        maximum_seconds: 3600,
    };
    assert_eq!(only_refusal(&setup), expected);
    assert_eq!(setup.post().status, 201);
}

#[test]
fn a_fixed_clock_judges_and_dates() {
    let clock = ServiceClock::Fixed(NOW);
    let setup = Setup::new(Settings {
        clock,
        ..Settings::default()
    });
    let at = |time| {
        setup.request_with(|draft| {
            let date = amz_date(time);
            draft.scope.replace_range(..8, &date[..8]);
            draft.set("X-Amz-Date", &date);
        })
    };
    let response = setup.send(&at(NOW));
    assert_eq!(response.status, 201);
    assert_eq!(
        response.header("date"),
        Some("Wed, 04 Mar 2026 05:06:07 GMT")
    );
    assert_eq!(setup.send(&at(NOW + Duration::minutes(6))).status, 403);
}

#[test]
fn requests_are_recorded_as_they_came() {
    let setup = default();
    let request = setup.request();
    setup.send(&request);
    let records = setup.emulator.requests();
    let [record] = &records[..] else {
        panic!("{records:?}")
    };
    assert_eq!(record.number, 1);
    assert_eq!(
        (&record.method, &record.target),
        (&request.method, &request.target)
    );
    assert_eq!(record.body, request.body);
    assert_eq!(record.status, Some(201));
    assert_eq!(record.subject.as_deref(), Some("CN=leaf"));
    assert_eq!(record.serial_number, Some(setup.identity.serial_number()));
    for (name, value) in &request.headers {
        let sent = (name.to_lowercase(), value.clone());
        assert!(record.headers.contains(&sent), "{name}");
    }
    let Outcome::Issued {
        access_key_id,
        duration_seconds,
        ..
    } = &record.outcome
    else {
        panic!("{record:?}")
    };
    assert_eq!(
        (access_key_id.as_str(), *duration_seconds),
        ("ASIAEMULATOR0000001", 3600)
    );
}

#[test]
fn callback_precedes_the_answer_and_sees_no_secret() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&lines);
    let on_request = Some(OnRequest::new(move |record| {
        seen.lock().unwrap().push(format!("{record} {record:?}"));
    }));
    let setup = Setup::new(Settings {
        on_request,
        ..Settings::default()
    });
    let body = setup.post().json();
    let lines = lines.lock().unwrap();
    let credentials = &body["credentialSet"][0]["credentials"];
    assert!(
        lines[0].starts_with("1 201 \"CN=leaf\" serial "),
        "{}",
        lines[0]
    );
    assert!(lines[0].contains(credentials["accessKeyId"].as_str().unwrap()));
    for secret in ["secretAccessKey", "sessionToken"] {
        assert!(
            !lines[0].contains(credentials[secret].as_str().unwrap()),
            "{secret}"
        );
    }
}

#[test]
fn a_connection_is_kept_alive() {
    let setup = default();
    let mut stream = connect(&setup.emulator);
    for number in 1..=3 {
        stream.write_all(&bytes(&setup.request())).unwrap();
        let response = Response::read(&mut stream);
        assert_eq!(response.access_key_id(), format!("ASIAEMULATOR{number:07}"));
    }
}

#[test]
fn many_connections_are_served_at_a_time() {
    let setup = default();
    let mut streams: Vec<_> = (0..50).map(|_| connect(&setup.emulator)).collect();
    let request = bytes(&setup.request());
    for stream in &mut streams {
        stream.write_all(&request).unwrap();
    }
    let mut ids: Vec<String> = streams
        .iter_mut()
        .map(|stream| Response::read(stream).access_key_id())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 50);
}

#[test]
fn https_is_served_for_all_names_of_the_loopback() {
    let setup = Setup::new(Settings {
        tls: true,
        ..Settings::default()
    });
    let port = setup.emulator.port();
    assert_eq!(setup.emulator.url(), format!("https://localhost:{port}"));
    for name in ["localhost", "127.0.0.1", "::1"] {
        let mut stream = connect_tls(&setup.emulator, name);
        stream.write_all(&bytes(&setup.request())).unwrap();
        assert_eq!(Response::read(&mut stream).status, 201);
    }
    let mut stream = connect_tls(&setup.emulator, "example.com");
    let error = stream.write_all(&bytes(&setup.request())).unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
    assert_eq!(setup.emulator.requests().len(), 3);
}

#[test]
fn https_certificate_is_new_and_not_a_ca() {
    let settings = Settings {
        tls: true,
        ..Settings::default()
    };
    let (first, second) = (Setup::new(settings.clone()), Setup::new(settings));
    let path = first.emulator.tls_ca_path().unwrap().to_owned();
    let pem = |setup: &Setup| std::fs::read(setup.emulator.tls_ca_path().unwrap()).unwrap();
    assert_ne!(pem(&first), pem(&second));
    assert!(!String::from_utf8(pem(&first)).unwrap().contains("PRIVATE"));

    let mut stream = connect_tls(&first.emulator, "localhost");
    stream.write_all(&bytes(&first.request())).unwrap();
    Response::read(&mut stream);
    let der = stream.conn.peer_certificates().unwrap()[0].clone();
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).unwrap();
    assert!(!certificate.is_ca());
    assert!(certificate.basic_constraints().unwrap().is_some());
    drop(stream);
    drop(first);
    assert!(!path.exists(), "the file is left behind");
}

#[test]
fn http_to_the_https_port_does_no_harm() {
    let setup = Setup::new(Settings {
        tls: true,
        ..Settings::default()
    });
    let mut stream = connect(&setup.emulator);
    stream.write_all(&bytes(&setup.request())).unwrap();
    let mut received = Vec::new();
    drop(stream.read_to_end(&mut received));
    assert!(!received.starts_with(b"HTTP"), "{received:?}");
    assert!(setup.emulator.requests().is_empty());
    let mut stream = connect_tls(&setup.emulator, "localhost");
    stream.write_all(&bytes(&setup.request())).unwrap();
    assert_eq!(Response::read(&mut stream).status, 201);
}

#[test]
fn only_the_loopback_is_listened_on() {
    let setup = default();
    assert_eq!(
        setup.emulator.url(),
        format!("http://127.0.0.1:{}", setup.emulator.port())
    );
    assert_eq!(setup.emulator.tls_ca_path(), None);
    let others = ["127.0.0.2", "::1"];
    for other in others {
        let connected = std::net::TcpStream::connect((other, setup.emulator.port()));
        assert!(connected.is_err(), "{other}");
    }
}

#[test]
fn the_longest_body_is_read_and_a_longer_one_refused() {
    const LIMIT: usize = 64 * 1024;
    let setup = default();
    let padded = |length: usize| {
        let body = format!("{{{}}}", " ".repeat(length - 2));
        setup.request_with(|draft| draft.body = body.into_bytes())
    };
    assert_eq!(setup.send(&padded(LIMIT)).status, 201);
    let response = setup.send(&padded(LIMIT + 1));
    assert_eq!(response.status, 413);
    let record = setup.emulator.requests().pop().unwrap();
    let expected = Outcome::Refused(Refusal::BodyTooLarge { limit_bytes: LIMIT });
    assert_eq!(record.outcome, expected);
    assert!(record.body.is_empty());
}

#[test]
fn a_body_that_never_ends_is_refused_at_the_limit() {
    let setup = default();
    let mut stream = connect(&setup.emulator);
    let head = "POST /sessions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
    stream.write_all(head.as_bytes()).unwrap();
    let chunk = format!("4000\r\n{}\r\n", "x".repeat(0x4000));
    // The server may close while this is being written.
    for _ in 0..5 {
        if stream.write_all(chunk.as_bytes()).is_err() {
            break;
        }
    }
    assert_eq!(Response::read(&mut stream).status, 413);
}

#[test]
fn long_heads_are_served_up_to_the_limit() {
    let setup = default();
    let padded =
        |length: usize| setup.request_with(|draft| draft.set("X-Padding", &"x".repeat(length)));
    assert_eq!(setup.send(&padded(80 * 1024)).status, 201);
    assert_eq!(setup.send(&padded(100 * 1024)).status, 431);
    assert_eq!(setup.post().status, 201);
}

#[test]
fn too_many_headers_are_refused() {
    let setup = default();
    let many = |count: usize| {
        setup.request_with(|draft| {
            for number in 0..count {
                draft.set(&format!("X-{number}"), "x");
            }
        })
    };
    assert_eq!(setup.send(&many(80)).status, 201);
    assert_eq!(setup.send(&many(200)).status, 431);
}

#[test]
fn garbage_does_no_harm() {
    let setup = default();
    for garbage in [
        b"\0\0\0\0\r\n\r\n".as_slice(),
        b"GET\r\n\r\n",
        b"POST /sessions HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"POST /sessions HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /sessions HTTP/1.1\r\nContent-Length: 99\r\n\r\nx",
        b"POST /sessions HTTP/1.1\r\nHost: \xff\xfe\r\nContent-Length: 0\r\n\r\n",
        b"POST /sessions HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /\xff\xfe/sessions HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n",
        b"CONNECT localhost:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    ] {
        let mut stream = connect(&setup.emulator);
        stream.write_all(garbage).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut received = Vec::new();
        drop(stream.read_to_end(&mut received));
        assert!(!received.starts_with(b"HTTP/1.1 2"), "{garbage:?}");
    }
    assert_eq!(setup.post().status, 201);
}

#[test]
fn a_panicking_callback_does_not_end_the_emulator() {
    let on_request = Some(OnRequest::new(|record| {
        assert!(record.number != 1, "this panic is part of a test");
    }));
    let setup = Setup::new(Settings {
        on_request,
        ..Settings::default()
    });
    assert_eq!(setup.post().status, 0);
    assert_eq!(setup.post().status, 201);
    assert_eq!(setup.emulator.requests().len(), 2);
}

#[test]
fn port_is_free_after_the_emulator_is_dropped() {
    let start = |port| {
        Emulator::start(Settings {
            port,
            ..Settings::default()
        })
    };
    // Below the ephemeral ports: in between, no other process gets it by chance.
    let first = 12_000 + u16::try_from(std::process::id() % 8_000).unwrap();
    let emulator = (first..).find_map(|port| start(port).ok()).unwrap();
    let port = emulator.port();
    let stream = connect(&emulator);
    let taken = start(port).unwrap_err();
    assert!(matches!(taken, StartError::Listen { port: found, .. } if found == port));
    assert!(taken.to_string().contains(&port.to_string()), "{taken}");
    drop(emulator);
    drop(stream);
    assert_eq!(start(port).unwrap().port(), port);
}

#[test]
fn a_trust_anchor_that_is_no_certificate_is_an_error() {
    let trust_anchors = vec![b"no certificate".to_vec()];
    let error = Emulator::start(Settings {
        trust_anchors,
        ..Settings::default()
    })
    .unwrap_err();
    let StartError::TrustAnchor(TrustAnchorError::CertificateMalformed { position, .. }) = error
    else {
        panic!("{error}");
    };
    assert_eq!(position, 1);
}
