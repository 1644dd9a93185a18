//! Credentials by the library, with a private key that the program does not hold:
//!
//! ```sh
//! cargo run --example library
//! ```
//!
//! An agent holds the key, here a thread that answers over a channel. A key management service or a
//! token would be called in the same place. The local CreateSession of `emulator/` answers.
#![allow(
    clippy::print_stdout,
    reason = "an example talks to the person who runs it"
)]

use std::error::Error;
use std::sync::mpsc;
use std::thread;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use ring::rand::SystemRandom;
use ring::signature::ECDSA_P256_SHA256_ASN1_SIGNING;
use ring::signature::EcdsaKeyPair;
use rolesanywhere::Client;
use rolesanywhere::Identity;
use rolesanywhere::aws_call::ClientSettings;
use rolesanywhere::aws_call::Service;
use rolesanywhere::aws_call::endpoint::Endpoint;
use rolesanywhere::aws_call::trust_roots::TrustRoots;
use rolesanywhere::clock::Clock;
use rolesanywhere::create_session::CreateSession;
use rolesanywhere::create_session::request::CreateSessionRequest;
use rolesanywhere::environment::Environment;
use rolesanywhere::identity::certificate::Certificate;
use rolesanywhere::identity::chain::Chain;
use rolesanywhere::identity::public_key::PublicKey;
use rolesanywhere::identity::signer::Digest;
use rolesanywhere::identity::signer::SignatureError;
use rolesanywhere::identity::signer::Signer;
use rolesanywhere_emulator::Emulator;
use rolesanywhere_emulator::Settings;

/// A key held by an agent.
#[derive(Debug)]
struct AgentSigner {
    public_key: PublicKey,
    agent: mpsc::Sender<ToSign>,
}

/// A request to the agent.
struct ToSign {
    message: Vec<u8>,
    answer: mpsc::Sender<Vec<u8>>,
}

impl Signer for AgentSigner {
    fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    fn sign(&self, message: &[u8], digest: Digest) -> Result<Vec<u8>, SignatureError> {
        if digest != Digest::Sha256 {
            return Err(SignatureError::Signer(
                "the agent knows SHA-256 only".into(),
            ));
        }
        let (answer, signature) = mpsc::channel();
        let message = message.to_vec();
        self.agent
            .send(ToSign { message, answer })
            .map_err(|_| SignatureError::Signer("the agent is gone".into()))?;
        signature
            .recv()
            .map_err(|_| SignatureError::Signer("the agent did not sign".into()))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    // A certificate authority, a certificate, and an agent that keeps the certificate's key.
    let authority_key = KeyPair::generate()?;
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let trust_anchor = authority.self_signed(&authority_key)?.der().to_vec();
    let key = KeyPair::generate()?;
    let mut leaf = CertificateParams::new(Vec::new())?;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let leaf = leaf.signed_by(&key, &Issuer::new(authority, authority_key))?;
    let agent = start_agent(key.serialize_der())?;

    let certificate = Certificate::from_der(leaf.der())?;
    let signer = AgentSigner {
        public_key: certificate.public_key().clone(),
        agent,
    };
    let identity = Identity::new(certificate, Chain::default(), Box::new(signer))
        .ok_or("the agent's key is not the certificate's")?;

    // The call. Environment, clock and jitter are the caller's.
    let emulator = Emulator::start(Settings {
        trust_anchors: vec![trust_anchor],
        ..Settings::default()
    })?;
    let arn = |kind: &str| format!("arn:aws:rolesanywhere:us-east-1:123456789012:{kind}/1-2");
    let request = CreateSessionRequest {
        trust_anchor_arn: arn("trust-anchor").parse()?,
        profile_arn: arn("profile").parse()?,
        role_arn: "arn:aws:iam::123456789012:role/example".parse()?,
        duration_seconds: 3600,
        role_session_name: None,
    };
    let region = "us-east-1".parse()?;
    let environment = Environment::default();
    let client = Client::new(ClientSettings {
        endpoint: Endpoint::resolve(
            Service::ROLES_ANYWHERE,
            Some(&emulator.url()),
            &region,
            &environment,
        )?,
        region,
        trust_roots: TrustRoots::resolve(&environment),
        proxy: None,
        attempts_max: 3,
        is_throttling_retried: true,
        time_max: ClientSettings::TIME_MAX,
        attempt_limits: ClientSettings::ATTEMPT_LIMITS,
        clock: Clock::System,
        clock_ahead_seconds: 0,
        jitter: || 1.0,
    })?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let operation = CreateSession {
        identity: &identity,
        request: &request,
    };
    let credentials = runtime.block_on(client.call(&operation, &|_event| {}))?;
    println!(
        "{} until {}",
        credentials.access_key_id, credentials.expiration
    );
    Ok(())
}

/// Signs requests until the sender is dropped.
fn start_agent(pkcs8: Vec<u8>) -> Result<mpsc::Sender<ToSign>, Box<dyn Error>> {
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &pkcs8, &random)
        .map_err(|error| error.to_string())?;
    let (agent, requests) = mpsc::channel::<ToSign>();
    thread::spawn(move || {
        for ToSign { message, answer } in requests {
            if let Ok(signature) = key.sign(&random, &message) {
                // The requester may have given up.
                let _ = answer.send(signature.as_ref().to_vec());
            }
        }
    });
    Ok(agent)
}
