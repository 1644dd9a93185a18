//! The certificates of the HTTPS server. The certificate authority is new at each start, its key never
//! leaves memory, and the server's certificate is not a CA.

use std::error::Error;
use std::io::Write;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::sync::Arc;

use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::CertifiedIssuer;
use rcgen::DnType;
use rcgen::ExtendedKeyUsagePurpose;
use rcgen::IsCa;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use rcgen::SanType;
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tempfile::TempPath;
use time::Duration;
use time::OffsetDateTime;

/// Certificate and key for HTTPS.
pub(crate) struct Tls {
    pub(crate) config: Arc<ServerConfig>,
    /// The certificate authority as PEM; the file goes when this is dropped.
    pub(crate) ca_path: TempPath,
}

impl Tls {
    pub(crate) fn generate() -> Result<Tls, Box<dyn Error + Send + Sync>> {
        let authority = CertifiedIssuer::self_signed(authority_params(), KeyPair::generate()?)?;
        let key = KeyPair::generate()?;
        let certificate = server_params()?.signed_by(&key, &authority)?;
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Tls {
            config: Arc::new(config),
            ca_path: write(&authority.pem())?,
        })
    }
}

fn authority_params() -> CertificateParams {
    let mut params = params("rolesanywhere-emulator, not for production");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn server_params() -> Result<CertificateParams, rcgen::Error> {
    let mut params = params("rolesanywhere-emulator");
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.subject_alt_names = vec![
        SanType::DnsName("localhost".try_into()?),
        SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)),
    ];
    Ok(params)
}

fn params(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    let now = OffsetDateTime::now_utc();
    params.not_before = now - VALIDITY_BEFORE;
    params.not_after = now + VALIDITY_AFTER;
    params
}

fn write(pem: &str) -> Result<TempPath, std::io::Error> {
    let mut file = tempfile::Builder::new()
        .prefix("rolesanywhere-emulator-ca-")
        .suffix(".pem")
        .tempfile()?;
    file.write_all(pem.as_bytes())?;
    file.flush()?;
    Ok(file.into_temp_path())
}

/// Early enough for a client with a deliberately wrong clock.
const VALIDITY_BEFORE: Duration = Duration::days(30);

/// Short: some platforms refuse servers with more than 398 days, and no start is that old.
const VALIDITY_AFTER: Duration = Duration::days(90);
