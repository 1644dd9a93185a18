//! The requests of SDKs, as bytes.

/// For a metadata token.
pub(crate) fn token() -> Vec<u8> {
    b"PUT /latest/api/token HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\n\
      X-Aws-Ec2-Metadata-Token-Ttl-Seconds: 21600\r\nContent-Length: 0\r\n\r\n"
        .to_vec()
}

/// For the name of the role.
pub(crate) fn role_list(token: &str) -> Vec<u8> {
    get("/latest/meta-data/iam/security-credentials/", token)
}

/// For the credentials.
pub(crate) fn credentials(token: &str) -> Vec<u8> {
    get("/latest/meta-data/iam/security-credentials/ci-role", token)
}

fn get(path: &str, token: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: bench\r\nAccept: */*\r\n\
         X-Aws-Ec2-Metadata-Token: {token}\r\n\r\n"
    )
    .into_bytes()
}
