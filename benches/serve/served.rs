//! `serve` as it is released, on a free port, with the emulator as its service.

use std::io::BufRead;
use std::io::BufReader;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Child;
use std::process::Command;
use std::process::Stdio;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rolesanywhere_emulator::Emulator;
use rolesanywhere_emulator::Settings;
use rolesanywhere_emulator::trust_anchors_from_pem;

use super::load;
use super::load::Answer;
use super::load::Work;
use super::requests;
use crate::support::programs;

/// The test PKI.
pub(crate) fn pki() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/vectors/pki"))
}

/// An emulator that answers as `faults` say, one after the other, and gives sessions of
/// `session_seconds` without one.
pub(crate) fn emulator(faults: &[&str], session_seconds: u32) -> Emulator {
    let root = std::fs::read(pki().join("root.pem")).unwrap();
    Emulator::start(Settings {
        trust_anchors: trust_anchors_from_pem(&root).unwrap(),
        faults: faults.iter().map(|fault| fault.parse().unwrap()).collect(),
        profile_duration_seconds: Some(session_seconds),
        ..Settings::default()
    })
    .unwrap()
}

/// A running `serve`, which is killed in the end.
pub(crate) struct Served {
    pub(crate) process: Child,
    pub(crate) address: SocketAddr,
    /// Everything else that it said.
    log: mpsc::Receiver<String>,
}

impl Served {
    /// Starts it with the certificate and key of these paths, and waits until it listens.
    pub(crate) fn start(
        program: &Path,
        certificate: &Path,
        private_key: &Path,
        emulator: &Emulator,
    ) -> Self {
        let mut process = programs::bare(program)
            .arg("serve")
            .args(["--port", "0"])
            .arg("--certificate")
            .arg(certificate)
            .arg("--private-key")
            .arg(private_key)
            .args(programs::ARNS)
            .args(["--endpoint", &emulator.url()])
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (sender, log) = mpsc::channel();
        let stderr = BufReader::new(process.stderr.take().unwrap());
        thread::spawn(move || {
            for line in stderr.lines().map_while(Result::ok) {
                // Nobody reads any more once it is killed.
                let _ = sender.send(line);
            }
        });
        let port = loop {
            let line = log.recv_timeout(TIME_TO_LISTEN).expect("it listens");
            if let Some((_, port)) = line.split_once("Local server started on port: ") {
                break port.parse().unwrap();
            }
        };
        Self {
            process,
            address: (Ipv4Addr::LOCALHOST, port).into(),
            log,
        }
    }

    /// With a certificate of the test PKI.
    pub(crate) fn start_plainly(program: &Path, emulator: &Emulator) -> Self {
        let (certificate, private_key) = (pki().join("ec256.crt"), pki().join("ec256.key"));
        Self::start(program, &certificate, &private_key, emulator)
    }

    /// A metadata token.
    pub(crate) fn token(&self) -> String {
        let (status, body) = self.ask(&requests::token());
        assert_eq!(status, 200);
        String::from_utf8(body).unwrap()
    }

    /// Status and body of the answer to one request.
    pub(crate) fn ask(&self, request: &[u8]) -> (u16, Vec<u8>) {
        let mut asked = Once {
            request: Some(request),
            answer: None,
        };
        load::run(self.address, 1, &mut asked);
        let (status, body, _) = asked.answer.unwrap();
        (status, body)
    }

    /// The answer to one request, byte by byte.
    pub(crate) fn ask_for_bytes(&self, request: &[u8]) -> Vec<u8> {
        let mut asked = Once {
            request: Some(request),
            answer: None,
        };
        load::run(self.address, 1, &mut asked);
        asked.answer.unwrap().2
    }

    /// Asks for credentials until they are answered with this status.
    pub(crate) fn wait_for(&self, token: &str, status: u16) {
        let begin = Instant::now();
        while self.ask(&requests::credentials(token)).0 != status {
            assert!(begin.elapsed() < TIME_TO_CHANGE, "{:?}", self.said());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// What it has said since it listens, or since this was asked.
    pub(crate) fn said(&self) -> Vec<String> {
        self.log.try_iter().collect()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // If it has ended, it is dead as well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Starts a program that prints its port and serves there; `input` is its standard input.
pub(crate) fn start_floor(mut program: Command, input: &[u8]) -> (Child, SocketAddr) {
    use std::io::Write as _;
    let mut process = program.stdin(Stdio::piped()).spawn().unwrap();
    process.stdin.take().unwrap().write_all(input).unwrap();
    let mut line = String::new();
    let mut stdout = BufReader::new(process.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let port: u16 = line.trim().parse().unwrap();
    (process, (Ipv4Addr::LOCALHOST, port).into())
}

struct Once<'a> {
    request: Option<&'a [u8]>,
    answer: Option<(u16, Vec<u8>, Vec<u8>)>,
}

impl Work for Once<'_> {
    fn request(&mut self, _: usize) -> Option<&[u8]> {
        self.request.take()
    }

    fn answer(&mut self, _: usize, answer: &Answer<'_>, _: Duration) {
        let (body, bytes) = (answer.body.to_vec(), answer.bytes.to_vec());
        self.answer = Some((answer.status, body, bytes));
    }
}

/// It listens after 10 s at the latest.
const TIME_TO_LISTEN: Duration = Duration::from_secs(20);
const TIME_TO_CHANGE: Duration = Duration::from_secs(60);
