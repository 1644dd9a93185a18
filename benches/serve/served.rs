//! `serve` as it is released, on a free port, with the emulator as its service.

use std::io::BufRead;
use std::io::BufReader;
use std::io::Write;
use std::net::Ipv4Addr;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Child;
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

/// A running `serve`, which is killed at the end.
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
                // The reader ends once it is killed.
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
        let answer = self.ask(&requests::token());
        assert_eq!(answer.status, 200);
        String::from_utf8(answer.body).unwrap()
    }

    /// The answer to one request.
    pub(crate) fn ask(&self, request: &[u8]) -> Answered {
        let mut once = Once {
            request: Some(request),
            answer: None,
        };
        load::run(self.address, 1, &mut once);
        once.answer.unwrap()
    }

    /// Asks for credentials until they are answered with this status.
    pub(crate) fn wait_for(&self, token: &str, status: u16) {
        let begin = Instant::now();
        while self.ask(&requests::credentials(token)).status != status {
            assert!(begin.elapsed() < TIME_TO_CHANGE, "{:?}", self.said());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Its output since it listened, or since the last call.
    pub(crate) fn said(&self) -> Vec<String> {
        self.log.try_iter().collect()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

/// A bare server that gives every request the same answer, which is killed at the end.
pub(crate) struct Floor {
    pub(crate) process: Child,
    pub(crate) address: SocketAddr,
}

impl Floor {
    /// Starts the program.
    pub(crate) fn start(program: &Path, answer: &[u8]) -> Self {
        let mut process = programs::bare(program)
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        process.stdin.take().unwrap().write_all(answer).unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let port: u16 = line.trim().parse().unwrap();
        Self {
            process,
            address: (Ipv4Addr::LOCALHOST, port).into(),
        }
    }
}

impl Drop for Floor {
    fn drop(&mut self) {
        end(&mut self.process);
    }
}

fn end(process: &mut Child) {
    // If it has ended, it is dead as well.
    let _ = process.kill();
    let _ = process.wait();
}

/// An answer that is kept.
pub(crate) struct Answered {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
    /// Head and body as they came.
    pub(crate) bytes: Vec<u8>,
}

struct Once<'a> {
    request: Option<&'a [u8]>,
    answer: Option<Answered>,
}

impl Work for Once<'_> {
    fn request(&mut self, _: usize) -> Option<&[u8]> {
        self.request.take()
    }

    fn answer(&mut self, _: usize, answer: &Answer<'_>, _: Duration) {
        self.answer = Some(Answered {
            status: answer.status,
            body: answer.body.to_vec(),
            bytes: answer.bytes.to_vec(),
        });
    }
}

/// It listens after 10 s at the latest.
const TIME_TO_LISTEN: Duration = Duration::from_secs(20);
const TIME_TO_CHANGE: Duration = Duration::from_secs(60);
