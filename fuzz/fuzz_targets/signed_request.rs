//! The emulator verifies the requests that the library signs. The four lines of the input are the value
//! of a parameter, the value of a header, the chain and the body.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use rolesanywhere::identity::Identity;
use rolesanywhere::identity::certificate::Certificate;
use rolesanywhere::identity::chain::Chain;
use rolesanywhere::identity::files::private_key::PrivateKey;
use rolesanywhere::sigv4::SignableRequest;
use rolesanywhere::sigv4::canonical_request::canonical_query;
use rolesanywhere::sigv4::credential_scope::CredentialScope;
use rolesanywhere::sigv4::x509;
use rolesanywhere_emulator::ReceivedRequest;
use rolesanywhere_emulator::Refusal;
use rolesanywhere_emulator::trust_anchors_from_pem;
use rolesanywhere_emulator::verify;
use time::OffsetDateTime;
use time::macros::datetime;

fuzz_target!(|text: &str| {
    let mut lines = text.splitn(4, '\n');
    let [value, header, chain, body] = std::array::from_fn(|_| lines.next().unwrap_or_default());
    let query = [("roleArn", value), (value, "")];
    let request = SignableRequest {
        method: "POST",
        path: "/sessions",
        query: &query,
        headers: &[
            ("content-type", header),
            ("host", "127.0.0.1:8443"),
            ("x-amz-x509-chain", chain),
        ],
        body: body.as_bytes(),
    };
    // A header that a client could not send is not signed.
    let can_be_sent = |text: &str| text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if can_be_sent(header) && can_be_sent(chain) {
        let received = send(&request);
        let verdict = verify(&received, &ANCHORS, NOW);
        assert_ne!(verdict, Err(Refusal::SignatureInvalid), "{received:?}");
    }
});

fn send(request: &SignableRequest<'_>) -> ReceivedRequest {
    let region = "us-east-1".parse().unwrap();
    let scope = CredentialScope::new(NOW, &region, "rolesanywhere");
    let signed = x509::sign(request, &IDENTITY, &scope).unwrap();
    let mut headers: Vec<(String, String)> = Vec::new();
    for (name, value) in request.headers {
        headers.push(((*name).to_owned(), (*value).to_owned()));
    }
    for (name, value) in signed.headers {
        headers.push((name.to_owned(), value));
    }
    headers.push(("Authorization".to_owned(), signed.authorization.to_string()));
    ReceivedRequest {
        method: request.method.to_owned(),
        target: format!("{}?{}", request.path, canonical_query(request.query)),
        headers,
        body: request.body.to_vec(),
    }
}

static IDENTITY: LazyLock<Identity> = LazyLock::new(|| {
    let leaf = trust_anchors_from_pem(include_bytes!("../../fixtures/vectors/pki/chain2-ec.crt"));
    let key = include_bytes!("../../fixtures/vectors/pki/ec256.sec1.key.der");
    Identity::new(
        Certificate::from_der(&leaf.unwrap()[0]).unwrap(),
        Chain::default(),
        Box::new(PrivateKey::from_sec1(key).unwrap()),
    )
    .unwrap()
});

static ANCHORS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    trust_anchors_from_pem(include_bytes!("../../fixtures/vectors/pki/root.pem")).unwrap()
});

const NOW: OffsetDateTime = datetime!(2026-11-21 00:33 UTC);
