//! One request over bare rustls: what every floor does with its signature.

use std::error::Error;
use std::fmt::Write as _;
use std::io::Read;
use std::io::Write;
use std::net::TcpStream;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::ClientConnection;
use rustls::RootCertStore;
use rustls::StreamOwned;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::ServerName;
use rustls::pki_types::pem::PemObject;

/// Posts a request with this certificate, in PEM, and signature; returns the answer's body.
pub(crate) fn post(
    certificate: &str,
    signature: &[u8],
    host: String,
    port: &str,
) -> Result<Vec<u8>, Box<dyn Error>> {
    let request = request(certificate, signature, &host, port)?;
    let mut stream = connect(host, port.parse()?)?;
    stream.write_all(request.as_bytes())?;
    read_body(&mut stream)
}

fn connect(
    host: String,
    port: u16,
) -> Result<StreamOwned<ClientConnection, TcpStream>, Box<dyn Error>> {
    let bundle = std::env::var_os("AWS_CA_BUNDLE").ok_or("AWS_CA_BUNDLE is not set")?;
    let bundle = std::fs::read(bundle)?;
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&bundle).filter_map(Result::ok));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let socket = TcpStream::connect((host.as_str(), port))?;
    socket.set_nodelay(true)?;
    let connection = ClientConnection::new(Arc::new(config), ServerName::try_from(host)?)?;
    Ok(StreamOwned::new(connection, socket))
}

fn request(
    certificate: &str,
    signature: &[u8],
    host: &str,
    port: &str,
) -> Result<String, Box<dyn Error>> {
    // PEM is base64 in lines already.
    let certificate: String = certificate
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    let mut request = format!(
        "POST {TARGET} HTTP/1.1\r\nhost: {host}:{port}\r\ncontent-type: application/json\r\n\
         x-amz-date: 20260101T000000Z\r\nx-amz-x509: {certificate}\r\ncontent-length: {}\r\n\
         authorization: {AUTHORIZATION}",
        BODY.len()
    );
    for byte in signature {
        write!(request, "{byte:02x}")?;
    }
    write!(request, "\r\n\r\n{BODY}")?;
    Ok(request)
}

/// Reads an answer to its last byte, by its `Content-Length`.
fn read_body(stream: &mut impl Read) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut answer = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = stream.read(&mut chunk)?;
        if count == 0 {
            return Err("the answer was cut off".into());
        }
        answer.extend_from_slice(chunk.get(..count).unwrap_or_default());
        let Some(head_bytes) = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n") else {
            continue;
        };
        let (head, body) = answer.split_at(head_bytes + 4);
        let length = str::from_utf8(head)?
            .lines()
            .find_map(|line| line.strip_prefix("Content-Length: "))
            .ok_or("the answer has no Content-Length")?;
        if body.len() >= length.parse()? {
            return Ok(body.to_vec());
        }
    }
}

/// As the helper's, with the same ARNs in it.
const TARGET: &str = "/sessions?profileArn=arn%3Aaws%3Arolesanywhere%3Aus-east-1%3A123456789012%3A\
    profile%2Faaaabbbb-1111-2222-3333-444455556666&roleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3A\
    role%2Fci-role&trustAnchorArn=arn%3Aaws%3Arolesanywhere%3Aus-east-1%3A123456789012%3A\
    trust-anchor%2F0a1b2c3d-1111-2222-3333-444455556666";
const AUTHORIZATION: &str = "AWS4-X509-RSA-SHA256 Credential=1/20260101/us-east-1/rolesanywhere/\
    aws4_request, SignedHeaders=content-type;host;x-amz-date;x-amz-x509, Signature=";
const BODY: &str = r#"{"durationSeconds":3600}"#;
/// As long as the helper's.
pub(crate) const STRING_TO_SIGN: &[u8] = b"AWS4-X509-RSA-SHA256\n20260101T000000Z\n\
    20260101/us-east-1/rolesanywhere/aws4_request\n\
    e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
