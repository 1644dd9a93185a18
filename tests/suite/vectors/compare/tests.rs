//! The comparison, judged by a run that was made up with the key of the cases: what is right in it
//! is not reported, and what is changed in it is.

use ring::rand::SystemRandom;
use ring::rsa::KeyPair;
use ring::signature::RSA_PKCS1_SHA256;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use time::OffsetDateTime;

use crate::support::case::Case;
use crate::support::case::Expectation;
use crate::support::case::Run;
use crate::support::helper::Output;
use crate::support::http::Request;
use crate::support::signature::SignedRequest;
use crate::support::vectors;
use crate::vectors::compare::differences;
use crate::vectors::compare::differences_where_either_is_right;
use crate::vectors::compare::request::AMZ_DATE;

const PORT: u16 = 8443;

/// The expected result of the plainest case.
fn expected() -> Expectation {
    Case::named("create_session", "key-rsa2048").expected()
}

/// A run that is right.
fn good() -> Run {
    Run {
        output: Output {
            exit: 0,
            is_timed_out: false,
            stdout: expected().stdout.into_bytes(),
            stderr: String::new(),
        },
        requests: vec![request(0)],
        port: PORT,
    }
}

/// The reference's request as this helper would send it, its clock so many seconds ahead.
fn request(ahead_seconds: i64) -> Request {
    let reference = expected().requests.unwrap()[0].as_received();
    let now = OffsetDateTime::now_utc();
    let date = now + time::Duration::seconds(ahead_seconds);
    let date = date.format(AMZ_DATE).unwrap();
    let version = env!("CARGO_PKG_VERSION");
    let (os, arch) = (std::env::consts::OS, std::env::consts::ARCH);
    let headers = [
        (
            "user-agent",
            format!("CredHelper/{version} (rust; {os}; {arch})"),
        ),
        (
            "x-amz-x509",
            reference.header("x-amz-x509").unwrap().to_owned(),
        ),
        ("x-amz-date", date.clone()),
        ("host", format!("127.0.0.1:{PORT}")),
        ("content-type", "application/json".to_owned()),
        ("content-length", reference.body.len().to_string()),
        ("authorization", authorization(&date[..8], "00")),
    ];
    let mut request = Request {
        headers: headers
            .map(|(name, value)| (name.to_owned(), value))
            .to_vec(),
        arrived: now.into(),
        ..reference
    };
    sign(&mut request, &date[..8]);
    request
}

fn authorization(day: &str, signature: &str) -> String {
    format!(
        "AWS4-X509-RSA-SHA256 \
         Credential=428612240758957979144776117480968601561351878406/{day}/us-east-1/rolesanywhere/aws4_request, \
         SignedHeaders=content-type;host;x-amz-date;x-amz-x509, Signature={signature}"
    )
}

fn sign(request: &mut Request, day: &str) {
    let text = SignedRequest::rebuild(request).unwrap().string_to_sign;
    let key = PrivateKeyDer::from_pem_file(vectors().join("pki/rsa2048.key")).unwrap();
    let key = KeyPair::from_pkcs8(key.secret_der()).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    let random = SystemRandom::new();
    key.sign(&RSA_PKCS1_SHA256, &random, text.as_bytes(), &mut signature)
        .unwrap();
    let last = request.headers.last_mut().unwrap();
    last.1 = authorization(day, &hex::encode(signature));
}

fn set(request: &mut Request, name: &str, value: &str) {
    let header = request.headers.iter_mut().find(|(key, _)| key == name);
    header.unwrap().1 = value.to_owned();
}

/// The stages at which the changed run differs.
fn stages(change: impl Fn(&mut Run)) -> Vec<String> {
    let mut run = good();
    change(&mut run);
    let found = differences(&expected(), &run);
    let stage = |one: &String| {
        one.trim_start_matches("request 1: ")
            .split(':')
            .next()
            .unwrap()
            .to_owned()
    };
    found.iter().map(stage).collect()
}

#[test]
fn a_run_that_is_right_has_no_difference() {
    assert_eq!(differences(&expected(), &good()), Vec::<String>::new());
}

#[test]
fn what_the_process_did_wrong_is_named() {
    assert_eq!(stages(|run| run.output.exit = 1), ["exit"]);
    assert_eq!(stages(|run| run.output.stdout.push(b'\n')), ["stdout"]);
    assert_eq!(stages(|run| run.output.stdout.push(b'\xff')), ["stdout"]);
    assert_eq!(stages(|run| run.output.stderr.push('!')), ["stderr"]);
    assert_eq!(
        stages(|run| run.output.is_timed_out = true),
        ["did not end within the time limit"]
    );
}

#[test]
fn what_is_wrong_in_a_request_is_named() {
    let stages = |change: fn(&mut Request)| stages(|run| change(&mut run.requests[0]));

    assert_eq!(
        stages(|request| request.method = "GET".to_owned()),
        ["method"]
    );
    assert_eq!(stages(|request| request.target.push('x')), ["target"]);
    assert_eq!(
        stages(|request| request.body.push(b' ')),
        ["body", "signature"]
    );
    assert_eq!(
        stages(|request| set(request, "host", "127.0.0.1:1")),
        ["host", "signature"]
    );
    assert_eq!(
        stages(|request| set(request, "user-agent", "x")),
        ["user-agent"]
    );
    assert_eq!(
        stages(|request| set(request, "authorization", "x")),
        ["authorization"]
    );
    let date = |request: &mut Request| set(request, "x-amz-date", "20200101T000000Z");
    assert_eq!(stages(date), ["x-amz-date", "signature"]);
    let extra = |request: &mut Request| request.headers.push(("x-more".to_owned(), "1".to_owned()));
    assert_eq!(stages(extra), ["header names"]);
    let chain = |request: &mut Request| {
        request
            .headers
            .push(("x-amz-x509-chain".to_owned(), "x".to_owned()))
    };
    assert_eq!(stages(chain), ["header names", "x-amz-x509-chain"]);
}

#[test]
fn the_number_of_requests_counts_unless_it_is_free() {
    let twice = |run: &mut Run| run.requests.push(request(0));
    assert_eq!(stages(twice), ["number of requests"]);
    assert_eq!(stages(|run| run.requests.clear()), ["number of requests"]);

    let mut free = expected();
    free.attempts_free = true;
    let mut run = good();
    twice(&mut run);
    assert_eq!(differences(&free, &run), Vec::<String>::new());
    run.requests.clear();
    assert_eq!(differences(&free, &run).len(), 1);
}

#[test]
fn date_by_the_services_clock_is_right_only_where_expected() {
    let late = |run: &mut Run| run.requests = vec![request(1800)];
    assert_eq!(stages(late), ["x-amz-date"]);

    let mut corrected = expected();
    corrected.requests.as_mut().unwrap()[0].clock_offset_seconds = 1800;
    let mut run = good();
    assert_eq!(differences(&corrected, &run).len(), 1);
    late(&mut run);
    assert_eq!(differences(&corrected, &run), Vec::<String>::new());
}

#[test]
fn stderr_is_searched_for_wanted_and_forbidden_words() {
    let mut refusal = expected();
    refusal.stderr_empty = false;
    refusal.stderr_words = vec!["Trust Anchor".to_owned()];
    refusal.stderr_lacks = vec!["secret".to_owned()];
    let mut run = good();
    let mut count = |stderr: &str| {
        run.output.stderr = stderr.to_owned();
        differences(&refusal, &run).len()
    };

    assert_eq!(count("the TRUST ANCHOR"), 0);
    assert_eq!(count("the profile"), 1);
    assert_eq!(count("the trust anchor's secret"), 1);
    assert_eq!(count(""), 2);
}

#[test]
fn where_either_is_right_half_a_success_is_not() {
    let refusal = Case::named("create_session", "der-certificate").expected();
    let count = |run: &Run| differences_where_either_is_right(&refusal, run).len();
    let mut run = good();
    assert_eq!(count(&run), 0);
    run.output.stdout.clear();
    assert_eq!(count(&run), 1);
    run.requests.clear();
    assert_eq!(count(&run), 2);
    run.output.exit = 1;
    assert_eq!(count(&run), 1);
    run.output.stderr = "no".to_owned();
    assert_eq!(count(&run), 0);
    run.requests = vec![request(0)];
    assert_eq!(count(&run), 1);
}
