//! No secret comes out but where it is asked for: in no line of the log, in no error, at no level.

use std::fs;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use base64::prelude::BASE64_URL_SAFE;

use crate::support::helper::Helper;
use crate::support::imds::CREDENTIALS;
use crate::support::imds::Server;
use crate::support::imds::get;
use crate::support::imds::request;
use crate::support::imds::serve;
use crate::support::log::count;
use crate::support::running::terminated;
use crate::support::running::wait_until;
use crate::support::service;
use crate::support::vectors;

/// Of a secret, or of a way in which it may be written, this many characters are too many.
const PIECE: usize = 12;

/// The first piece of a secret in what was said, as it is or in a way in which programs write bytes.
fn leak(said: &str, secret: &[u8]) -> Option<String> {
    let mut written: Vec<String> = Vec::new();
    let lossy = String::from_utf8_lossy(secret).into_owned();
    written.push(
        serde_json::to_string(&lossy)
            .unwrap()
            .trim_matches('"')
            .to_owned(),
    );
    written.push(lossy.escape_debug().to_string());
    written.push(lossy);
    let percent = |byte: &u8| match byte.is_ascii_alphanumeric() {
        true => char::from(*byte).to_string(),
        false => format!("%{byte:02X}"),
    };
    let percent: String = secret.iter().map(percent).collect();
    written.push(percent.to_lowercase());
    written.push(percent);
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    written.push(hex.to_uppercase());
    written.push(hex);
    // In base64 it looks otherwise behind one byte or two.
    for ahead in 0..3 {
        let bytes = [&b"xx"[..ahead], secret].concat();
        for engine in [&BASE64_STANDARD, &BASE64_URL_SAFE] {
            let text = engine.encode(&bytes);
            written.push(text[4.min(text.len())..].trim_end_matches('=').to_owned());
        }
    }
    let said: Vec<char> = said.chars().collect();
    let pieces: std::collections::HashSet<&[char]> = said.windows(PIECE).collect();
    written.iter().find_map(|text| {
        let text: Vec<char> = text.chars().collect();
        let mut windows = text.windows(PIECE);
        let found = windows.find(|window| pieces.contains(window))?;
        Some(found.iter().collect())
    })
}

#[test]
fn planted_leak_is_found_however_it_is_written() {
    let secret = b"s3cr\"et/key+0123456789abcdef%zz";
    let text = str::from_utf8(secret).unwrap();
    let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    for planted in [
        text.to_owned(),
        text[3..17].to_owned(),
        serde_json::to_string(text).unwrap(),
        format!("{text:?}"),
        hex.clone(),
        hex.to_uppercase(),
        hex[5..19].to_owned(),
        BASE64_STANDARD.encode(secret),
        BASE64_URL_SAFE.encode(secret),
        BASE64_STANDARD.encode([b"user:", &secret[..]].concat()),
        "s3cr%22et%2Fkey%2B0123456789".to_owned(),
        "s3cr%22et%2fkey%2b0123456789".to_owned(),
    ] {
        let said = format!("aws_signing_helper: debug: {planted} from 127.0.0.1:5: 200\n");
        assert!(leak(&said, secret).is_some(), "{planted}");
    }
    for harmless in [
        "",
        "aws_signing_helper: debug: GET /latest",
        &text[..11],
        &hex[..11],
    ] {
        assert_eq!(leak(harmless, secret), None);
    }
}

/// The secret part of the private key's file: without its head, which all keys share, and without the
/// modulus.
fn private_part() -> Vec<u8> {
    let text = fs::read_to_string(vectors().join("pki/ec256.key")).unwrap();
    let lines: String = text.lines().filter(|line| !line.starts_with('-')).collect();
    let der = BASE64_STANDARD.decode(lines).unwrap();
    // PKCS#8 of P-256: the scalar is 32 bytes behind the first 36.
    der[36..68].to_vec()
}

/// All output of a run that passes everything that could be logged by mistake.
fn life(debug: &str, container_token: Option<&str>) -> (String, Vec<Vec<u8>>) {
    let service = service(&["status=500", "expires-in=12", "html", "expires-in=3600"]);
    let mut helper = serve(&service.url()).own_files().args([debug]);
    helper.put("crt", "ec256.crt");
    helper.put("key", "ec256.key");
    if let Some(token) = container_token {
        helper = helper
            .args(["--container-credentials"])
            .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", token);
    }
    let mut secrets = vec![private_part()];
    let mut server = Server::start(&helper);
    wait_until(&mut server.running, "a set", |said| {
        count(said, "credentials_renewed") > 0
    });
    match container_token {
        None => secrets.extend(ask_imds(&server)),
        Some(token) => {
            secrets.push(token.into());
            secrets.extend(ask_container(&server, token));
        }
    }
    helper.put("key", "rsa2048.key");
    wait_until(
        &mut server.running,
        "another set, and the wrong key",
        |said| count(said, "credentials_renewed") == 2 && count(said, "identity_unusable") > 0,
    );
    let output = terminated(server.running);
    assert_eq!(output.exit, 0);
    (output.stdout_text().to_owned() + &output.stderr, secrets)
}

/// Sends valid requests, and malformed ones that tempt a server to log them.
fn ask_imds(server: &Server<'_>) -> Vec<Vec<u8>> {
    let mut connection = server.connect();
    let token = connection.token();
    let answer = connection.ask(&get(CREDENTIALS, &token));
    for line in [
        format!("GET /latest/{token}"),
        format!("GET {CREDENTIALS}/?token={token}"),
        format!("{token} /"),
        format!("PUT /{token}"),
    ] {
        connection.ask(&request(&line, &[("X-aws-ec2-metadata-token", &token)]));
    }
    let twice = [("X-aws-ec2-metadata-token", token.as_str()); 2];
    assert_eq!(
        connection
            .ask(&request(&format!("GET {CREDENTIALS}"), &twice))
            .status,
        401
    );
    let bad_host = get(CREDENTIALS, &token).replace("127.0.0.1", &token);
    assert_eq!(server.ask(&bad_host).status, 400);
    let _ = server.connect().send(format!("{token}\r\n\r\n"));
    vec![
        token.into_bytes(),
        answer.field("SecretAccessKey").into_bytes(),
        answer.field("Token").into_bytes(),
    ]
}

fn ask_container(server: &Server<'_>, token: &str) -> Vec<Vec<u8>> {
    let shown = [("Authorization", token)];
    let answer = server.ask(&request("GET /v1/credentials", &shown));
    for line in [
        format!("GET /v1/{token}"),
        format!("GET /{token}/credentials"),
        format!("GET /v1/credentials?{token}"),
    ] {
        server.ask(&request(&line, &[("Authorization", &format!("{token}x"))]));
    }
    vec![
        answer.field("SecretAccessKey").into_bytes(),
        answer.field("Token").into_bytes(),
    ]
}

#[test]
fn no_secret_is_in_the_log_at_any_level() {
    let token = "0c7d1f9ae5b84326a1907f3e5d2c4b68";
    std::thread::scope(|scope| {
        for debug in ["--debug=false", "--debug"] {
            for container_token in [None, Some(token)] {
                scope.spawn(move || {
                    let (said, secrets) = life(debug, container_token);
                    for secret in secrets {
                        assert_eq!(leak(&said, &secret), None, "{said}");
                    }
                });
            }
        }
    });
}

#[test]
fn errors_of_the_start_tell_no_token() {
    let token = "0c7d1f9ae5b84326 1907f3e5d2c4b68a";
    let service = service(&[]);
    let said = |helper: &Helper| {
        let output = helper.run();
        assert_eq!(output.exit, 1);
        output.stderr
    };
    let of_variable = serve(&service.url())
        .args(["--container-credentials"])
        .env("AWS_CONTAINER_AUTHORIZATION_TOKEN", token);
    assert_eq!(leak(&said(&of_variable), token.as_bytes()), None);
    let of_file = serve(&service.url())
        .args(["--container-credentials"])
        .flag_of_file("--authorization-token-file", "token", token);
    assert_eq!(leak(&said(&of_file), token.as_bytes()), None);
}
