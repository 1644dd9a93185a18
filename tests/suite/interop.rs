//! Programs of other people: openssl makes the files, botocore and the AWS CLI take the credentials.
//!
//! A program that is not there is a loud skip; CI installs them and fails on a skip.

use std::fs;
use std::path::Path;
use std::path::PathBuf;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;

use rolesanywhere_emulator::Emulator;
use rolesanywhere_emulator::Settings;
use rolesanywhere_emulator::trust_anchors_from_pem;
use serde_json::Value;
use tempfile::TempDir;
use walkthrough::Walkthrough;

use crate::support::endpoint::Endpoint;
use crate::support::program::built;
use crate::support::program::is_there;
use crate::support::program::without_aws_variables;
use crate::support::skip;
use crate::support::sts::sts;
use crate::support::vectors;

/// The walkthrough's commands, then what users do next: the key as OpenSSL 1.1.1 wrote it, EC keys in
/// both forms, and a chain of three intermediates.
const OPENSSL: &str = r#"
set -eu
openssl genrsa -out ca.key 2048
openssl req -new -x509 -days 1826 -key ca.key -subj /CN=ca.example.com \
    -addext 'keyUsage=critical,keyCertSign,cRLSign,digitalSignature' \
    -addext 'basicConstraints=critical,CA:TRUE' -out ca.crt
openssl genrsa -out private.key 2048
cat > extensions.cnf <<EOT
[v3_ca]
keyUsage = digitalSignature, nonRepudiation, keyEncipherment, dataEncipherment
[intermediate]
keyUsage = critical, keyCertSign
basicConstraints = critical, CA:TRUE
EOT
openssl req -new -key private.key -subj /CN=cicd-agent.example.com -out iamra-cert.csr
openssl x509 -req -days 7 -in iamra-cert.csr -CA ca.crt -CAkey ca.key -set_serial 01 \
    -extfile extensions.cnf -extensions v3_ca -out certificate.crt

openssl rsa -in private.key -traditional -out private.pkcs1.key

for curve in prime256v1 secp384r1 secp521r1; do
    openssl ecparam -name $curve -genkey -out $curve.sec1.key
    openssl pkcs8 -topk8 -nocrypt -in $curve.sec1.key -out $curve.pkcs8.key
    openssl req -new -key $curve.sec1.key -subj /CN=$curve -out $curve.csr
    openssl x509 -req -days 7 -in $curve.csr -CA ca.crt -CAkey ca.key -set_serial 0x$(openssl rand -hex 19) \
        -extfile extensions.cnf -extensions v3_ca -out $curve.crt
done

issuer=ca
for number in 1 2 3; do
    openssl genrsa -out i$number.key 2048
    openssl req -new -key i$number.key -subj "/CN=intermediate $number" -out i$number.csr
    openssl x509 -req -days 30 -in i$number.csr -CA $issuer.crt -CAkey $issuer.key -set_serial 1$number \
        -extfile extensions.cnf -extensions intermediate -out i$number.crt
    issuer=i$number
done
openssl x509 -req -days 7 -in iamra-cert.csr -CA i3.crt -CAkey i3.key -set_serial 77 \
    -extfile extensions.cnf -extensions v3_ca -out chained.crt
cat i3.crt i2.crt i1.crt > intermediates.pem
cat chained.crt i1.crt ca.crt i3.crt i2.crt > fullchain.pem
"#;

/// The emulator as a program, built by the cargo that runs the tests; ended when dropped.
struct Program {
    child: Child,
    url: String,
}

impl Program {
    fn start(trust_anchor: &Path) -> Self {
        use std::io::BufRead;
        let mut child = Command::new(built(&EMULATOR))
            .arg("--trust-anchor")
            .arg(trust_anchor)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut url = String::new();
        std::io::BufReader::new(child.stdout.as_mut().unwrap())
            .read_line(&mut url)
            .unwrap();
        Self {
            child,
            url: url.trim().to_owned(),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The words of a call with the helper's own path in front.
fn command_line(certificate: &Path, key: &Path, endpoint: &str) -> Vec<String> {
    let arn = |kind: &str| format!("arn:aws:rolesanywhere:us-east-1:123456789012:{kind}/1-2");
    [
        env!("CARGO_BIN_EXE_aws_signing_helper"),
        "credential-process",
        "--certificate",
        &certificate.display().to_string(),
        "--private-key",
        &key.display().to_string(),
        "--trust-anchor-arn",
        &arn("trust-anchor"),
        "--profile-arn",
        &arn("profile"),
        "--role-arn",
        "arn:aws:iam::123456789012:role/ci-role",
        "--endpoint",
        endpoint,
    ]
    .map(str::to_owned)
    .to_vec()
}

fn access_key_id(json: &[u8]) -> String {
    let document: Value = serde_json::from_slice(json).unwrap();
    document["AccessKeyId"].as_str().unwrap().to_owned()
}

#[test]
fn files_made_by_openssl_work_with_the_emulator_program() {
    if !is_there("openssl", &["version"]) {
        skip("files_made_by_openssl_work_with_the_emulator_program: no openssl");
        return;
    }
    let folder = TempDir::new().unwrap();
    let made = Command::new("/bin/sh")
        .args(["-c", OPENSSL])
        .current_dir(&folder)
        .output()
        .unwrap();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    let path = |name: &str| folder.path().join(name);
    let text = fs::read_to_string(path("private.pkcs1.key")).unwrap();
    assert!(text.contains("BEGIN RSA PRIVATE KEY"), "the 1.1.1 format");

    let program = Program::start(&path("ca.crt"));
    let cases: &[(&str, &str, &[&str])] = &[
        ("certificate.crt", "private.key", &[]),
        ("certificate.crt", "private.pkcs1.key", &[]),
        ("prime256v1.crt", "prime256v1.sec1.key", &[]),
        ("prime256v1.crt", "prime256v1.pkcs8.key", &[]),
        ("secp384r1.crt", "secp384r1.sec1.key", &[]),
        ("secp384r1.crt", "secp384r1.pkcs8.key", &[]),
        ("secp521r1.crt", "secp521r1.sec1.key", &[]),
        ("secp521r1.crt", "secp521r1.pkcs8.key", &[]),
        ("chained.crt", "private.key", &["intermediates.pem"]),
        ("fullchain.pem", "private.pkcs1.key", &[]),
    ];
    for (certificate, key, intermediates) in cases {
        let line = command_line(&path(certificate), &path(key), &program.url);
        let mut helper = Command::new(&line[0]);
        helper.args(&line[1..]);
        for name in *intermediates {
            helper.arg("--intermediates").arg(path(name));
        }
        let output = helper.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{certificate} {key}: {stderr}");
        assert_eq!(stderr, "", "{certificate} {key}");
        assert!(access_key_id(&output.stdout).starts_with("ASIA"));
    }
}

#[test]
fn files_made_as_in_the_walkthrough_without_openssl_are_verified() {
    let folder = TempDir::new().unwrap();
    let files = Walkthrough::create(folder.path(), time::OffsetDateTime::now_utc()).unwrap();
    let anchor = fs::read(&files.certificate_authority).unwrap();
    let emulator = Emulator::start(Settings {
        trust_anchors: trust_anchors_from_pem(&anchor).unwrap(),
        ..Settings::default()
    })
    .unwrap();
    let line = command_line(&files.certificate, &files.private_key, &emulator.url());
    let output = Command::new(&line[0]).args(&line[1..]).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    if is_there("openssl", &["version"]) {
        let verified = Command::new("openssl")
            .args(["verify", "-CAfile"])
            .args([&files.certificate_authority, &files.certificate])
            .output()
            .unwrap();
        assert!(
            verified.status.success(),
            "{}",
            String::from_utf8_lossy(&verified.stderr)
        );
    }
}

/// An emulator, and a configuration file whose profile `emulated` names the helper.
fn profile(folder: &TempDir) -> (Emulator, PathBuf) {
    let root = fs::read(vectors().join("pki/root.pem")).unwrap();
    let emulator = Emulator::start(Settings {
        trust_anchors: trust_anchors_from_pem(&root).unwrap(),
        ..Settings::default()
    })
    .unwrap();
    let pki = vectors().join("pki");
    let line = command_line(
        &pki.join("rsa2048.crt"),
        &pki.join("rsa2048.key"),
        &emulator.url(),
    );
    let config = folder.path().join("config");
    fs::write(
        &config,
        format!(
            "[profile emulated]\nregion = us-east-1\ncredential_process = {}\n",
            line.join(" ")
        ),
    )
    .unwrap();
    (emulator, config)
}

/// A program with the configuration file and no other credentials in its environment.
fn client(program: &str, config: &Path) -> Command {
    let mut command = without_aws_variables(program);
    command
        .env("AWS_CONFIG_FILE", config)
        .env(
            "AWS_SHARED_CREDENTIALS_FILE",
            config.with_file_name("absent"),
        )
        .env("AWS_EC2_METADATA_DISABLED", "true");
    command
}

#[test]
fn botocore_takes_the_credentials() {
    if !is_there("python3", &["-c", "import botocore"]) {
        skip("botocore_takes_the_credentials: no python3 with botocore");
        return;
    }
    let folder = TempDir::new().unwrap();
    let (emulator, config) = profile(&folder);
    let script = "import botocore.session, json\n\
                  provider = botocore.session.Session(profile='emulated').get_credentials()\n\
                  frozen = provider.get_frozen_credentials()\n\
                  print(json.dumps({'AccessKeyId': frozen.access_key, 'Token': frozen.token,\n\
                  'Method': provider.method}))";
    let output = client("python3", &config)
        .args(["-c", script])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let taken: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(taken["AccessKeyId"], "ASIAEMULATOR0000001");
    assert_eq!(taken["Method"], "custom-process");
    assert!(taken["Token"].as_str().unwrap().starts_with("EMULATOR/"));
    assert_eq!(emulator.requests().len(), 1);
}

fn assert_signed_with_the_set(sts: &Endpoint) {
    let request = sts.requests().pop().unwrap();
    let authorization = request.header("authorization").unwrap();
    assert!(
        authorization.contains("Credential=ASIAEMULATOR0000001/"),
        "{authorization}"
    );
    let token = request.header("x-amz-security-token").unwrap();
    assert!(token.starts_with("EMULATOR/"), "{token}");
}

#[test]
fn aws_cli_takes_the_credentials() {
    if !is_there("aws", &["--version"]) {
        skip("aws_cli_takes_the_credentials: no aws");
        return;
    }
    let folder = TempDir::new().unwrap();
    let (emulator, config) = profile(&folder);
    let sts = sts();
    let output = client("aws", &config)
        .args(["sts", "get-caller-identity", "--profile", "emulated"])
        .args(["--output", "json", "--endpoint-url", &sts.url()])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let identity: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(identity["Account"], "123456789012");
    assert_signed_with_the_set(&sts);
    assert_eq!(emulator.requests().len(), 1);
}

/// A credentials file by `update --once`, beside a configuration that names nothing else.
fn supplied(folder: &TempDir) -> (Emulator, PathBuf) {
    let (emulator, config) = profile(folder);
    let text = fs::read_to_string(&config).unwrap();
    let (_, line) = text.split_once("credential_process = ").unwrap();
    let mut words = line.split_whitespace();
    let output = Command::new(words.next().unwrap())
        .arg("update")
        .args(words.skip(1))
        .args(["--once", "--profile", "emulated", "--credentials-file"])
        .arg(folder.path().join("credentials"))
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), stderr.as_str()), (Some(0), ""));
    fs::write(&config, "[profile emulated]\nregion = us-east-1\n").unwrap();
    (emulator, config)
}

#[test]
fn botocore_reads_what_update_wrote() {
    if !is_there("python3", &["-c", "import botocore"]) {
        skip("botocore_reads_what_update_wrote: no python3 with botocore");
        return;
    }
    let folder = TempDir::new().unwrap();
    let (emulator, config) = supplied(&folder);
    let script = "import botocore.session\n\
                  taken = botocore.session.Session(profile='emulated').get_credentials()\n\
                  print(taken.access_key, taken.method, taken.token)";
    let output = client("python3", &config)
        .env(
            "AWS_SHARED_CREDENTIALS_FILE",
            folder.path().join("credentials"),
        )
        .args(["-c", script])
        .output()
        .unwrap();
    let taken = String::from_utf8_lossy(&output.stdout).into_owned();
    let begin = "ASIAEMULATOR0000001 shared-credentials-file EMULATOR/";
    assert!(taken.starts_with(begin), "{output:?}");
    assert_eq!(emulator.requests().len(), 1);
}

#[test]
fn aws_cli_reads_what_update_wrote() {
    if !is_there("aws", &["--version"]) {
        skip("aws_cli_reads_what_update_wrote: no aws");
        return;
    }
    let folder = TempDir::new().unwrap();
    let (emulator, config) = supplied(&folder);
    let sts = sts();
    let output = client("aws", &config)
        .env(
            "AWS_SHARED_CREDENTIALS_FILE",
            folder.path().join("credentials"),
        )
        .args(["sts", "get-caller-identity", "--profile", "emulated"])
        .args(["--output", "json", "--endpoint-url", &sts.url()])
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_signed_with_the_set(&sts);
    assert_eq!(emulator.requests().len(), 1);
}

const EMULATOR: [&str; 4] = [
    "--package",
    "rolesanywhere-emulator",
    "--bin",
    "rolesanywhere-emulator",
];
