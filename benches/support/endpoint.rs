//! A CreateSession over TLS on a thread of this process: answers every request alike and checks none,
//! so that what it does costs the same every time.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::ServerConnection;
use rustls::StreamOwned;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;

/// Starts it with the certificate and key of `pki`; it serves one connection after the other, until
/// the process ends.
pub(crate) fn start(pki: &Path) -> SocketAddr {
    let certificate = CertificateDer::from_pem_file(pki.join("tls-server.pem")).unwrap();
    let private_key = PrivateKeyDer::from_pem_file(pki.join("tls-server.key")).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], private_key)
        .map(Arc::new)
        .unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for socket in listener.incoming() {
            // A client that disconnects has failed already, as its exit status shows.
            let _ = serve(socket.unwrap(), Arc::clone(&config));
        }
    });
    address
}

fn serve(socket: TcpStream, config: Arc<ServerConfig>) -> io::Result<()> {
    socket.set_nodelay(true)?;
    socket.set_read_timeout(Some(READ_TIME_MAX))?;
    let connection = ServerConnection::new(config).map_err(io::Error::other)?;
    let mut stream = StreamOwned::new(connection, socket);
    let body = body();
    let answer = format!(
        "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
         Date: Thu, 01 Jan 2026 00:00:00 GMT\r\nConnection: keep-alive\r\n\
         x-amzn-RequestId: 11111111-2222-3333-4444-555555555555\r\n\r\n{body}",
        body.len()
    );
    while read_request(&mut stream)? {
        stream.write_all(answer.as_bytes())?;
    }
    Ok(())
}

/// Reads one request to the end of its body; `false` where the client is done.
fn read_request(stream: &mut impl Read) -> io::Result<bool> {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    while !request.ends_with(END_OF_REQUEST) {
        match stream.read(&mut chunk)? {
            0 => return Ok(false),
            count => request.extend_from_slice(&chunk[..count]),
        }
    }
    Ok(true)
}

/// As large as a real one.
fn body() -> String {
    let token = "aB3/+=".repeat(SESSION_TOKEN_BYTES / 6);
    format!(
        r#"{{"credentialSet":[{{"assumedRoleUser":{{"arn":"arn:aws:sts::123456789012:assumed-role/ci-role/x","assumedRoleId":"AROAEXAMPLE:x"}},"credentials":{{"accessKeyId":"ASIAEXAMPLEA0000001","expiration":"2099-12-31T23:59:59Z","secretAccessKey":"secretA/key+1=","sessionToken":"{token}"}},"packedPolicySize":10,"roleArn":"arn:aws:iam::123456789012:role/ci-role","sourceIdentity":"CN=x"}}],"subjectArn":"arn:aws:rolesanywhere:us-east-1:123456789012:subject/0"}}"#
    )
}

/// Nothing else in the request ends like its body.
const END_OF_REQUEST: &[u8] = b"}";

const SESSION_TOKEN_BYTES: usize = 1080;
const READ_TIME_MAX: Duration = Duration::from_secs(10);
