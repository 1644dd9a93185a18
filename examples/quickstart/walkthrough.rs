//! The certificate authority and the certificate of AWS's walkthrough, made without openssl: same
//! subjects, serial number, sizes, validity and usage bits. Test only.

use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::path::PathBuf;

use getrandom::SysRng;
use rcgen::BasicConstraints;
use rcgen::CertificateParams;
use rcgen::CustomExtension;
use rcgen::DistinguishedName;
use rcgen::DnType;
use rcgen::IsCa;
use rcgen::Issuer;
use rcgen::KeyPair;
use rcgen::KeyUsagePurpose;
use rcgen::SerialNumber;
use rsa::PrivateKey as RsaPrivateKey;
use rsa::pkcs8::EncodePrivateKey;
use rsa::pkcs8::LineEnding;
use rsa::rand_core::UnwrapErr;
use time::Duration;
use time::OffsetDateTime;

/// The files that the walkthrough leaves behind.
pub struct Walkthrough {
    /// `ca.crt`: the trust anchor.
    pub certificate_authority: PathBuf,
    /// `certificate.crt`: the agent's certificate.
    pub certificate: PathBuf,
    /// `private.key`: its key.
    pub private_key: PathBuf,
}

impl Walkthrough {
    /// Makes them in `folder`, valid from `now`.
    pub fn create(folder: &Path, now: OffsetDateTime) -> Result<Self, Box<dyn Error>> {
        let files = Self {
            certificate_authority: folder.join("ca.crt"),
            certificate: folder.join("certificate.crt"),
            private_key: folder.join("private.key"),
        };

        // openssl req -new -x509 -days 1826 -subj /CN=ca.example.com
        let (_, key) = rsa_key()?;
        let mut authority = params("ca.example.com", now, 1826)?;
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        authority.key_usages = vec![
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
            KeyUsagePurpose::DigitalSignature,
        ];
        fs::write(
            &files.certificate_authority,
            authority.self_signed(&key)?.pem(),
        )?;
        let issuer = Issuer::new(authority, key);

        // openssl x509 -req -days 7 -set_serial 01, with a key usage that is not critical
        let (pem, key) = rsa_key()?;
        let mut leaf = params("cicd-agent.example.com", now, 7)?;
        leaf.serial_number = Some(SerialNumber::from(1));
        leaf.custom_extensions = vec![CustomExtension::from_oid_content(
            KEY_USAGE_OID,
            KEY_USAGE_DER.to_vec(),
        )];
        fs::write(&files.certificate, leaf.signed_by(&key, &issuer)?.pem())?;
        write_private(&files.private_key, pem.as_bytes())?;
        Ok(files)
    }
}

fn params(
    common_name: &str,
    now: OffsetDateTime,
    days: i64,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, common_name);
    params.not_before = now - Duration::minutes(1);
    params.not_after = now + Duration::days(days);
    Ok(params)
}

/// `openssl genrsa 2048`, as OpenSSL 3 writes it: PKCS#8.
fn rsa_key() -> Result<(String, KeyPair), Box<dyn Error>> {
    let key = RsaPrivateKey::new(&mut UnwrapErr(SysRng), 2048)?;
    let pem = key.to_pkcs8_pem(LineEnding::LF)?;
    let pair = KeyPair::from_pem(&pem)?;
    Ok((pem.to_string(), pair))
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(bytes)
}

/// `id-ce-keyUsage` (RFC 5280, 4.2.1.3).
const KEY_USAGE_OID: &[u64] = &[2, 5, 29, 15];

/// A BIT STRING: digitalSignature, nonRepudiation, keyEncipherment, dataEncipherment.
const KEY_USAGE_DER: &[u8] = &[3, 2, 4, 0xf0];
