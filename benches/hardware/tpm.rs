//! A swtpm with a key, and a relay that measures how long it takes to answer.

use std::fs;
use std::io;
use std::io::Read;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::TcpListener;
use std::net::TcpStream;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::Mutex;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tempfile::TempDir;

use crate::support::programs;

/// A simulated TPM.
pub(crate) struct Tpm {
    folder: TempDir,
    swtpm: Child,
    port: u16,
    pub(crate) relay: Relay,
}

impl Tpm {
    /// With `ec256.key` of `pki` under a persistent parent. Fails with the name of a program that is missing.
    pub(crate) fn start(pki: &Path) -> Result<Self, &'static str> {
        for program in ["swtpm", "tpm2_import"] {
            if Command::new(program).arg("--version").output().is_err() {
                return Err(program);
            }
        }
        let folder = TempDir::new().unwrap();
        let port = pair_of_ports();
        let state = folder.path().join("state");
        fs::create_dir(&state).unwrap();
        let channel = |port: u16| format!("type=tcp,port={port},bindaddr=127.0.0.1");
        let swtpm = Command::new("swtpm")
            .args(["socket", "--tpm2", "--flags", "not-need-init,startup-clear"])
            .arg("--tpmstate")
            .arg(format!("dir={}", state.display()))
            .args(["--server", &channel(port), "--ctrl", &channel(port + 1)])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // It serves one client at a time.
        drop(connect(port));
        let tpm = Self {
            folder,
            swtpm,
            port,
            relay: Relay::to(port),
        };
        let parent =
            "fixedtpm|fixedparent|sensitivedataorigin|userwithauth|noda|restricted|decrypt";
        let key = pki.join("ec256.key").display().to_string();
        for words in [
            &[
                "tpm2_createprimary",
                "-C",
                "o",
                "-G",
                "ecc256:aes128cfb",
                "-a",
                parent,
                "-c",
                "parent",
            ][..],
            &["tpm2_evictcontrol", "-C", "o", "-c", "parent", PARENT],
            &[
                "tpm2_import",
                "-C",
                PARENT,
                "-G",
                "ecc",
                "-i",
                &key,
                "-a",
                "userwithauth|sign|noda",
                "-u",
                "pub",
                "-r",
                "priv",
            ],
            &[
                "tpm2_load",
                "-C",
                PARENT,
                "-u",
                "pub",
                "-r",
                "priv",
                "-c",
                "key",
            ],
        ] {
            tpm.run(words);
            tpm.flush();
        }
        tpm.write_key_file();
        fs::write(tpm.folder.path().join("digest"), [7; 32]).unwrap();
        Ok(tpm)
    }

    /// A key file of the helper's.
    pub(crate) fn key_file(&self) -> String {
        self.folder.path().join("key.pem").display().to_string()
    }

    /// `host:port`, past the relay.
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `tpm2_sign` with the same key, through the relay.
    pub(crate) fn sign(&self) -> Command {
        let mut command = programs::bare(Path::new("tpm2_sign"));
        command
            .args([
                "-Q",
                "-c",
                "key",
                "-g",
                "sha256",
                "-d",
                "-o",
                "signature",
                "digest",
            ])
            .current_dir(self.folder.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("TPM2TOOLS_TCTI", tcti(self.relay.port));
        command
    }

    /// Removes what the tools leave in the TPM: there is no resource manager.
    pub(crate) fn flush(&self) {
        self.run(&["tpm2_flushcontext", "-t"]);
    }

    fn run(&self, words: &[&str]) {
        let output = Command::new(words[0])
            .args(&words[1..])
            .current_dir(self.folder.path())
            .env("TPM2TOOLS_TCTI", tcti(self.port))
            .output()
            .unwrap();
        assert!(output.status.success(), "{words:?}: {output:?}");
    }

    /// As tpm2-openssl writes it, without a password.
    fn write_key_file(&self) {
        let read = |name: &str| fs::read(self.folder.path().join(name)).unwrap();
        let parent = u32::from_str_radix(&PARENT[2..], 16).unwrap();
        let content = [
            der(0x06, &[0x67, 0x81, 0x05, 0x0a, 0x01, 0x03]),
            der(0xa0, &der(0x01, &[0xff])),
            der(0x02, &[&[0], &parent.to_be_bytes()[..]].concat()),
            der(0x04, &read("pub")),
            der(0x04, &read("priv")),
        ];
        let base64 = BASE64_STANDARD.encode(der(0x30, &content.concat()));
        let lines: Vec<&str> = (0..base64.len())
            .step_by(64)
            .map(|begin| &base64[begin..base64.len().min(begin + 64)])
            .collect();
        let label = "TSS2 PRIVATE KEY";
        let text = lines.join("\n");
        let pem = format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n");
        fs::write(self.key_file(), pem).unwrap();
    }
}

impl Drop for Tpm {
    fn drop(&mut self) {
        let _ = self.swtpm.kill();
        let _ = self.swtpm.wait();
    }
}

/// Passes commands on, and sums up the time from each to its answer.
pub(crate) struct Relay {
    port: u16,
    spent: Arc<Mutex<Duration>>,
}

impl Relay {
    /// To the TPM at `port`, whose control channel is at the next.
    fn to(port: u16) -> Self {
        let own = pair_of_ports();
        let spent = Arc::new(Mutex::new(Duration::ZERO));
        let sum = Arc::clone(&spent);
        listen(own, move |client| {
            let _ = relay(client, connect(port), &sum);
        });
        listen(own + 1, move |client| {
            let tpm = connect(port + 1);
            let (from, to) = (client.try_clone().unwrap(), tpm.try_clone().unwrap());
            thread::spawn(move || pipe(from, to));
            pipe(tpm, client);
        });
        Self { port: own, spent }
    }

    /// `host:port`
    pub(crate) fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// How long the TPM takes for the commands of one run of a program.
    pub(crate) fn exchange(&self, run: impl FnOnce() -> Duration) -> Duration {
        *self.spent.lock().unwrap() = Duration::ZERO;
        run();
        *self.spent.lock().unwrap()
    }
}

fn relay(mut client: TcpStream, mut tpm: TcpStream, spent: &Mutex<Duration>) -> io::Result<()> {
    client.set_nodelay(true)?;
    tpm.set_nodelay(true)?;
    loop {
        let command = message(&mut client)?;
        let begin = Instant::now();
        tpm.write_all(&command)?;
        let answer = message(&mut tpm)?;
        *spent.lock().unwrap() += begin.elapsed();
        client.write_all(&answer)?;
    }
}

/// A command or an answer: a header of ten octets, of which four are the size of the whole.
fn message(stream: &mut impl Read) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; 10];
    stream.read_exact(&mut bytes)?;
    let size = u32::from_be_bytes(bytes[2..6].try_into().unwrap());
    bytes.resize(size as usize, 0);
    stream.read_exact(&mut bytes[10..])?;
    Ok(bytes)
}

fn pipe(mut from: TcpStream, mut to: TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(std::net::Shutdown::Write);
}

fn listen(port: u16, serve: impl Fn(TcpStream) + Send + 'static) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).unwrap();
    thread::spawn(move || {
        for client in listener.incoming() {
            serve(client.unwrap());
        }
    });
}

/// A free port whose successor is free too: the tools take that for the control channel.
fn pair_of_ports() -> u16 {
    loop {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = first.local_addr().unwrap().port();
        if port < u16::MAX && TcpListener::bind((Ipv4Addr::LOCALHOST, port + 1)).is_ok() {
            return port;
        }
    }
}

/// Waits until something listens there.
fn connect(port: u16) -> TcpStream {
    loop {
        match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            Ok(stream) => return stream,
            Err(_) => thread::sleep(Duration::from_millis(20)),
        }
    }
}

fn tcti(port: u16) -> String {
    format!("swtpm:host=127.0.0.1,port={port}")
}

fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    let header = match length {
        ..0x80 => vec![tag, content.len() as u8],
        _ => [&[tag, 0x82][..], &length.to_be_bytes()].concat(),
    };
    [header, content.to_vec()].concat()
}

const PARENT: &str = "0x81000001";
