//! The real binary against the emulator, which believes nothing: exit status and both streams
//! together, and the emulator's own log.

#[cfg(unix)]
mod unix;

use std::fs;
use std::io;
use std::io::Read;
use std::io::Write;
use std::net::Shutdown;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::Mutex;
use std::thread;

use rolesanywhere_emulator::Emulator;
use rolesanywhere_emulator::Outcome;
use rolesanywhere_emulator::Refusal;
use rolesanywhere_emulator::Settings;

use crate::support::emulator;
use crate::support::endpoint::Endpoint;
use crate::support::helper::Helper;
use crate::support::helper::Output;
use crate::support::port::ClosedPort;
use crate::support::script::Response;
use crate::support::script::Script;
use crate::support::snapshots::assert_snapshot;
use crate::support::tls_server::TlsServer;
use crate::support::vectors;

/// The flags of an ordinary call but for the identity's.
fn session_flags(endpoint: &str) -> Vec<String> {
    let arn = |kind: &str| format!("arn:aws:rolesanywhere:us-east-1:123456789012:{kind}/1-2");
    [
        "--trust-anchor-arn",
        &arn("trust-anchor"),
        "--profile-arn",
        &arn("profile"),
        "--role-arn",
        "arn:aws:iam::123456789012:role/path/ci-role",
        "--endpoint",
        endpoint,
    ]
    .map(str::to_owned)
    .to_vec()
}

/// An ordinary call with a certificate and key of the vectors.
fn call(emulator: &Emulator, certificate: &str, key: &str) -> Helper {
    let pki = |name: &str| format!("pki/{name}");
    Helper::new()
        .args(["credential-process"])
        .args([
            "--certificate",
            &pki(certificate),
            "--private-key",
            &pki(key),
        ])
        .args(session_flags(&emulator.url()))
}

/// Exit status and both streams, with what differs from run to run replaced.
fn transcript(output: &Output) -> String {
    let text = format!(
        "exit {}\n--- stdout\n{}\n--- stderr\n{}",
        output.exit,
        output.stdout_text(),
        output.stderr
    );
    let session_token = output
        .stdout_text()
        .split("\"SessionToken\":\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or("no token");
    let expiration = output
        .stdout_text()
        .split("\"Expiration\":\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next())
        .unwrap_or("no expiration");
    text.replace(session_token, "[SESSION TOKEN]")
        .replace(expiration, "[EXPIRATION]")
}

fn refusal(emulator: &Emulator) -> Refusal {
    match emulator.requests().pop().unwrap().outcome {
        Outcome::Refused(refusal) => refusal,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn credentials_are_one_json_object_and_stderr_is_empty() {
    let emulator = emulator(Settings::default());
    let output = call(&emulator, "rsa2048.crt", "rsa2048.key").run();
    assert_snapshot("credentials", &transcript(&output));
}

#[test]
fn every_kind_of_key_is_verified_by_another_implementation() {
    let emulator = emulator(Settings::default());
    let pairs = [
        ("rsa1024.crt", "rsa1024.key"),
        ("rsa2048.crt", "rsa2048.pkcs1.key"),
        ("rsa2048-e3.crt", "rsa2048-e3.key"),
        ("rsa2056.crt", "rsa2056.key"),
        ("rsa3072.crt", "rsa3072.key"),
        ("rsa4096.crt", "rsa4096.key"),
        ("ec256.crt", "ec256.key"),
        ("ec256.crt", "ec256.pkcs8-nopub.key"),
        ("ec256.crt", "ec256.sec1-params.key"),
        ("ec384.crt", "ec384.key"),
        ("ec384.crt", "ec384.sec1-nopub.key"),
        ("ec521.crt", "ec521.key"),
        ("ec521.crt", "ec521.sec1.key"),
        ("mldsa44.crt", "mldsa44.key"),
        ("mldsa44.crt", "mldsa44.seed.key"),
        ("mldsa65.crt", "mldsa65.key"),
        ("mldsa65.crt", "mldsa65.seed.key"),
        ("mldsa87.crt", "mldsa87.key"),
        ("mldsa87.crt", "mldsa87.seed.key"),
    ];
    for (certificate, key) in pairs {
        let output = call(&emulator, certificate, key).run();
        assert_eq!(output.exit, 0, "{key}: {}", output.stderr);
        assert_eq!(output.stderr, "", "{key}");
        let issued = emulator.requests().pop().unwrap().outcome;
        let Outcome::Issued { access_key_id, .. } = issued else {
            panic!("{key}: {issued:?}");
        };
        assert!(output.stdout_text().contains(&access_key_id), "{key}");
    }
    assert_eq!(emulator.requests().len(), pairs.len());
}

#[test]
fn chain_in_the_certificate_file_leads_to_the_trust_anchor() {
    let emulator = emulator(Settings::default());
    let output = call(&emulator, "chain3.fullchain.pem", "rsa2048.key").run();
    assert_eq!(output.exit, 0, "{}", output.stderr);
    let alone = call(&emulator, "chain3.crt", "rsa2048.key").run();
    assert_eq!(alone.exit, 1);
    assert!(alone.stderr.contains("--intermediates"), "{}", alone.stderr);
}

#[test]
fn refusal_shows_code_message_request_id_and_hint() {
    let emulator = emulator(Settings::default());
    let output = call(&emulator, "expired.crt", "rsa2048.key").run();
    assert!(matches!(
        refusal(&emulator),
        Refusal::CertificateExpired { .. }
    ));
    assert_snapshot("refusal", &transcript(&output));
}

#[test]
fn mismatched_key_is_refused_naming_both_files() {
    let emulator = emulator(Settings::default());
    let output = call(&emulator, "rsa2048.crt", "mismatch.key").run();
    assert!(emulator.requests().is_empty());
    assert_snapshot("key-of-another-certificate", &transcript(&output));
}

#[test]
fn throttling_is_waited_out() {
    let emulator = emulator(Settings {
        faults: vec!["throttle:1".parse().unwrap()],
        ..Settings::default()
    });
    let output = call(&emulator, "ec256.crt", "ec256.key").run();
    assert_eq!((output.exit, output.stderr.as_str()), (0, ""));
    assert_eq!(emulator.requests().len(), 2);
}

#[test]
fn service_with_another_clock_is_signed_for_with_its_clock() {
    let emulator = emulator(Settings {
        faults: vec!["clock-skew=1800:2".parse().unwrap()],
        ..Settings::default()
    });
    let output = call(&emulator, "ec256.crt", "ec256.key").run();
    assert_eq!(output.exit, 0, "{}", output.stderr);
    assert_eq!(emulator.requests().len(), 2);
}

#[test]
fn server_is_verified_by_the_bundle_named() {
    let emulator = emulator(Settings {
        tls: true,
        ..Settings::default()
    });
    let bundle = emulator.tls_ca_path().unwrap().display().to_string();
    for variable in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
        let output = call(&emulator, "ec256.crt", "ec256.key")
            .env(variable, &bundle)
            .run();
        assert_eq!(output.exit, 0, "{variable}: {}", output.stderr);
    }
    let output = call(&emulator, "ec256.crt", "ec256.key").run();
    assert_eq!(output.exit, 1);
    assert!(output.stderr.contains("AWS_CA_BUNDLE"), "{}", output.stderr);
    assert_eq!(emulator.requests().len(), 2);
}

#[test]
fn debug_shows_what_is_signed_and_no_secret() {
    let emulator = emulator(Settings::default());
    let output = call(&emulator, "rsa2048.crt", "rsa2048.key")
        .args(["--debug"])
        .run();
    assert_eq!(output.exit, 0);
    for shown in [
        "\nPOST\n/sessions\nprofileArn=",
        "\nAWS4-X509-RSA-SHA256\n",
        "SignedHeaders=content-type;host;x-amz-date;x-amz-x509,",
        " 201",
        "x-amzn-requestid: ",
        " ms",
    ] {
        assert!(output.stderr.contains(shown), "{shown}: {}", output.stderr);
    }
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let sent = emulator.requests().pop().unwrap();
    let signature = sent
        .headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("authorization"))
        .and_then(|(_, value)| value.split("Signature=").nth(1))
        .unwrap();
    for secret in [
        document["SecretAccessKey"].as_str().unwrap(),
        document["SessionToken"].as_str().unwrap(),
        signature,
    ] {
        for piece in secret.as_bytes().windows(12) {
            let piece = std::str::from_utf8(piece).unwrap();
            assert!(!output.stderr.contains(piece), "{piece}");
        }
    }
}

/// The helper's stderr after this answer of the service.
fn stderr_after(response: Response, more: &[&str]) -> String {
    stderr_of([response], more)
}

/// The same, of several answers.
fn stderr_of(responses: impl IntoIterator<Item = Response>, more: &[&str]) -> String {
    let endpoint = Endpoint::start(Script::of(responses));
    let output = Helper::new()
        .args(["credential-process"])
        .args(["--certificate", "pki/rsa2048.crt"])
        .args(["--private-key", "pki/rsa2048.key"])
        .args(session_flags(&endpoint.url()))
        .args(more.iter().copied())
        .env("AWS_MAX_ATTEMPTS", "1")
        .run();
    assert_eq!((output.exit, output.stdout_text()), (1, ""));
    output.stderr
}

#[test]
fn known_refusals_come_with_a_hint() {
    let denied = "AccessDeniedException";
    let named = ["--role-session-name", "build"];
    let cases: [(u16, &str, &str, &[&str]); 11] = [
        (403, denied, "Untrusted Signing Certificate", &[]),
        (403, denied, "Invalid signature", &[]),
        (
            403,
            denied,
            "some attributes fail to be mapped into session tags: [x]",
            &[],
        ),
        (
            403,
            denied,
            "fail to be mapped into session tags. Issuer: [ ]; Subject: [ ]; SAN: [ DNS/2 ]",
            &[],
        ),
        (
            403,
            denied,
            "fail to be mapped into session tags. Issuer: [ CN/1 ]; Subject: [ O/1, OU/2 ]; SAN: [ ]",
            &[],
        ),
        (
            403,
            denied,
            "Untrusted certificate. Insufficient certificate",
            &[],
        ),
        (403, denied, "Invalid or empty profile provided.", &[]),
        (403, denied, "not authorized to perform sts:AssumeRole", &[]),
        (403, denied, "not authorized", &named),
        (429, "ThrottlingException", "Rate exceeded", &[]),
        (404, "ResourceNotFoundException", "no such profile", &[]),
    ];
    let said = cases.map(|(status, code, message, more)| {
        stderr_after(Response::error(status, code, message), more)
    });
    assert_snapshot("hints-of-refusals", &said.concat());
    let validation = Response::error(400, "ValidationException", "x");
    assert!(!stderr_after(validation, &[]).contains("hint"));
}

#[test]
fn intermediates_without_a_certificate_are_named_after_a_refusal() {
    let untrusted = Response::error(
        403,
        "AccessDeniedException",
        "Untrusted Signing Certificate",
    );
    let stderr = stderr_after(untrusted, &["--intermediates", "pki/empty.pem"]);
    assert_snapshot("intermediates-without-a-certificate", &stderr);
}

#[test]
fn refusal_without_code_and_message_is_a_foreign_answer() {
    let answer = Response {
        status: 403,
        body: r#"{"error":"blocked by the gateway"}"#.to_owned(),
        ..Response::created()
    };
    let stderr = stderr_after(answer, &[]);
    assert_snapshot("foreign-answer", &stderr);
}

#[test]
fn refusal_after_a_corrected_clock_gets_its_own_hint() {
    let ahead = |message: &str| Response {
        date_offset: Some(1800),
        ..Response::error(403, "AccessDeniedException", message)
    };
    let stderr = stderr_of(
        [
            ahead("Invalid signature"),
            ahead("Untrusted Signing Certificate"),
        ],
        &[],
    );
    assert_snapshot("untrusted-after-a-corrected-clock", &stderr);
    let stderr = stderr_of(
        [ahead("Invalid signature"), ahead("Invalid signature")],
        &[],
    );
    assert_snapshot("invalid-signature-after-a-corrected-clock", &stderr);
}

#[test]
fn proxy_that_refuses_connect_is_quoted() {
    let mut said = String::new();
    for answer in [
        "403 Forbidden by policy",
        "407 Proxy Authentication Required",
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let proxy = format!("http://user:hunter2@{address}");
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 4096]);
                let _ = write!(stream, "HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
            }
        });
        let output = Helper::new()
            .args(["credential-process"])
            .args(["--certificate", "pki/ec256.crt"])
            .args(["--private-key", "pki/ec256.key"])
            .args(session_flags("https://service.invalid"))
            .args(["--with-proxy"])
            .env("HTTPS_PROXY", &proxy)
            .env("AWS_MAX_ATTEMPTS", "1")
            .run();
        assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
        said += &output.stderr.replace(&address, "[PROXY]");
    }
    assert_snapshot("proxy-that-refuses-connect", &said);
}

/// A SOCKS5 proxy (RFC 1928, RFC 1929) that wants this password and connects to `port` whatever name it is
/// asked for; the names, and the passwords that it was shown.
fn socks_proxy(password: &'static str, port: u16) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (own, seen) = (listener.local_addr().unwrap().port(), Arc::default());
    let record = Arc::clone(&seen);
    let take = |stream: &mut TcpStream, count: usize| {
        let mut bytes = vec![0; count];
        stream.read_exact(&mut bytes).map(|()| bytes)
    };
    let text = move |stream: &mut TcpStream| {
        let length = take(stream, 1)?[0];
        take(stream, length.into()).map(|bytes| String::from_utf8(bytes).unwrap())
    };
    let serve = move |mut stream: TcpStream, record: &Mutex<Vec<String>>| -> io::Result<()> {
        let methods = take(&mut stream, 2)?[1];
        take(&mut stream, methods.into())?;
        stream.write_all(&[5, 2])?;
        take(&mut stream, 1)?;
        let (_user, shown) = (text(&mut stream)?, text(&mut stream)?);
        let is_right = shown == password;
        record.lock().unwrap().push(shown);
        stream.write_all(&[1, u8::from(!is_right)])?;
        if !is_right {
            return Ok(());
        }
        // CONNECT to a name.
        assert_eq!(take(&mut stream, 4)?, [5, 1, 0, 3]);
        record.lock().unwrap().push(text(&mut stream)?);
        take(&mut stream, 2)?;
        stream.write_all(&[5, 0, 0, 1, 127, 0, 0, 1, 0, 80])?;
        let server = TcpStream::connect(("127.0.0.1", port))?;
        let (mut from, mut to) = (stream.try_clone()?, server.try_clone()?);
        thread::spawn(move || io::copy(&mut from, &mut to).map(drop));
        io::copy(&mut &server, &mut stream)?;
        stream.shutdown(Shutdown::Both)
    };
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let _ = serve(stream, &record);
        }
    });
    (own, seen)
}

#[test]
fn socks_proxy_resolves_names_and_sees_a_wrong_password_once() {
    let emulator = emulator(Settings::default());
    for scheme in ["socks5", "socks5h"] {
        for (password, exit, seen) in [
            ("right", 0, vec!["right", "service.invalid"]),
            ("wrong", 1, vec!["wrong"]),
        ] {
            let (port, shown) = socks_proxy("right", emulator.port());
            let proxy = format!("{scheme}://user:{password}@127.0.0.1:{port}");
            let output = Helper::command_at("credential-process", "http://service.invalid")
                .args(["--with-proxy"])
                .env("HTTP_PROXY", &proxy)
                .run();
            assert_eq!(output.exit, exit, "{}", output.stderr);
            assert_eq!(*shown.lock().unwrap(), seen, "{scheme}");
        }
    }
}

#[test]
fn hint_says_what_is_wrong_with_a_server_certificate() {
    let hint_of = |arrange: &dyn Fn(&mut rcgen::CertificateParams)| {
        let server = TlsServer::with(arrange);
        let output = Helper::new()
            .args(["credential-process"])
            .args(["--certificate", "pki/ec256.crt"])
            .args(["--private-key", "pki/ec256.key"])
            .args(session_flags(&server.url()))
            .env("AWS_CA_BUNDLE", &server.bundle().display().to_string())
            .run();
        server.end();
        assert_eq!((output.exit, output.stdout_text()), (1, ""));
        let last = output.stderr.lines().last().unwrap();
        let (_, hint) = last.split_once("hint: ").unwrap_or_default();
        assert!(!hint.is_empty(), "{}", output.stderr);
        hint.to_owned()
    };
    let expired = hint_of(&|params| params.not_after = rcgen::date_time_ymd(2020, 1, 1));
    let early = hint_of(&|params| params.not_before = rcgen::date_time_ymd(4000, 1, 1));
    let other = hint_of(&|params| {
        let name = "other.example".try_into().unwrap();
        params.subject_alt_names = vec![rcgen::SanType::DnsName(name)];
    });
    let year = time::OffsetDateTime::now_utc().year().to_string();
    let hints = [expired, early, other].join("\n");
    assert_snapshot(
        "hints-of-server-certificates",
        &hints.replace(&year, "[YEAR]"),
    );
}

#[test]
fn proxy_that_has_no_address_is_named() {
    let output = Helper::new()
        .args(["credential-process"])
        .args(["--certificate", "pki/ec256.crt"])
        .args(["--private-key", "pki/ec256.key"])
        .args(session_flags("https://service.invalid"))
        .args(["--with-proxy"])
        .env("HTTPS_PROXY", "http://proxy.invalid:8080")
        .env("AWS_MAX_ATTEMPTS", "1")
        .run();
    assert_snapshot("proxy-without-an-address", &output.stderr);
}

#[test]
fn refused_certificate_has_a_hint_with_its_fault() {
    let refused = || Response::error(403, "AccessDeniedException", "Untrusted");
    let six = [
        "pki/chain6.crt",
        "--intermediates",
        "pki/chain6.intermediates.pem",
    ];
    let cases: [&[&str]; 4] = [
        &["pki/expired.crt"],
        &["pki/ca-as-leaf.crt"],
        &["pki/no-extensions.crt"],
        &six,
    ];
    let said = cases.map(|flags| stderr_after(refused(), &[&["--certificate"], flags].concat()));
    assert_snapshot("certificates-that-the-service-refuses", &said.concat());
}

#[test]
fn wrong_clock_is_reported_with_its_direction() {
    let said = [1800, -1800].map(|offset| {
        let refused = Response {
            date_offset: Some(offset),
            ..Response::error(403, "InvalidSignatureException", "x")
        };
        stderr_after(refused, &[])
    });
    assert_snapshot("wrong-clock", &said.concat());
}

#[test]
fn proxy_is_named_and_an_unused_one_pointed_at() {
    let closed = ClosedPort::reserve();
    let call = || {
        Helper::new()
            .args(["credential-process"])
            .args(["--certificate", "pki/ec256.crt"])
            .args(["--private-key", "pki/ec256.key"])
            .env("AWS_MAX_ATTEMPTS", "1")
    };
    let proxy = format!("http://user:hunter2@127.0.0.1:{}", closed.number());
    let output = call()
        .args(session_flags("http://sessions.invalid"))
        .args(["--with-proxy", "--debug"])
        .env("HTTP_PROXY", &proxy)
        .run();
    let said = output.stderr.lines().find(|line| line.contains("error: "));
    let said = said
        .unwrap()
        .replace(&closed.number().to_string(), "[PORT]");
    assert_snapshot("connection-through-a-proxy", &said);
    assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);

    let unused = call()
        .args(session_flags("http://sessions.invalid"))
        .env("HTTP_PROXY", &proxy)
        .run();
    assert!(unused.stderr.contains("--with-proxy"), "{}", unused.stderr);
    let direct = call()
        .args(session_flags(&format!(
            "http://127.0.0.1:{}",
            closed.number()
        )))
        .env("HTTP_PROXY", &proxy)
        .run();
    assert!(!direct.stderr.contains("--with-proxy"), "{}", direct.stderr);
}

#[test]
fn key_without_line_breaks_is_never_shown() {
    let key = fs::read_to_string(vectors().join("pki/ec256.key")).unwrap();
    let secret = key.lines().nth(1).unwrap().to_owned();
    // Cut off as well, so that it cannot be put right.
    let cut = key.split("-----END").next().unwrap();
    for separator in [" ", "", "\\n"] {
        let helper = Helper::new().file("flat.key", &cut.replace('\n', separator));
        let path = helper.home().join("flat.key").display().to_string();
        let output = helper
            .args(["credential-process", "--certificate", "pki/ec256.crt"])
            .args(["--private-key", &path, "--debug"])
            .args(session_flags("http://127.0.0.1:1"))
            .run();
        assert_eq!(output.exit, 1);
        let said = output.stderr.lines().find(|line| line.contains("error: "));
        let said = said.unwrap().replace(&path, "[FILE]");
        assert_snapshot("key-without-line-breaks", &said);
        for piece in secret.as_bytes().windows(12) {
            let piece = std::str::from_utf8(piece).unwrap();
            assert!(!output.stderr.contains(piece), "{}", output.stderr);
        }
    }
}

#[test]
fn bad_blocks_behind_the_certificate_are_passed_over() {
    let certificate = fs::read_to_string(vectors().join("pki/ec256.crt")).unwrap();
    let emulator = emulator(Settings::default());
    for more in [
        "-----BEGIN CERTIFICATE-----\nMIIB\n",
        "-----BEGIN CERTIFICATE-----\n****\n-----END CERTIFICATE-----\n",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
        &certificate.repeat(40),
    ] {
        let helper = Helper::new().file("more.pem", &format!("{certificate}{more}"));
        let path = helper.home().join("more.pem").display().to_string();
        let output = helper
            .args(["credential-process", "--certificate", &path])
            .args(["--private-key", "pki/ec256.key"])
            .args(session_flags(&emulator.url()))
            .run();
        assert_eq!((output.exit, output.stderr.as_str()), (0, ""));
    }
}

#[test]
fn key_with_zeros_in_front_or_bytes_behind_is_read() {
    use base64::Engine;
    use base64::prelude::BASE64_STANDARD;
    let pem = fs::read_to_string(vectors().join("pki/ec256.sec1-nopub.key")).unwrap();
    let body: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
    let der = BASE64_STANDARD.decode(body).unwrap();
    // SEQUENCE { INTEGER 1, OCTET STRING (32), ... } becomes one with a 33rd octet in front.
    assert_eq!(der[5..7], [4, 32]);
    let mut padded = vec![0x30, der[1] + 1, 2, 1, 1, 4, 33, 0];
    padded.extend_from_slice(&der[7..]);
    let mut trailing = der.clone();
    trailing.extend_from_slice(&[0, 0, 0]);
    let emulator = emulator(Settings::default());
    for der in [padded, trailing] {
        let pem = format!(
            "-----BEGIN EC PRIVATE KEY-----\n{}\n-----END EC PRIVATE KEY-----\n",
            BASE64_STANDARD.encode(der)
        );
        let helper = Helper::new().file("odd.key", &pem);
        let path = helper.home().join("odd.key").display().to_string();
        let output = helper
            .args(["credential-process", "--certificate", "pki/ec256.crt"])
            .args(["--private-key", &path])
            .args(session_flags(&emulator.url()))
            .run();
        assert_eq!((output.exit, output.stderr.as_str()), (0, ""));
    }
}
