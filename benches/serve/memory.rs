//! Resident memory after many requests, no two of which are alike, and of connections that are open
//! and idle.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;

use super::load;
use super::load::Answer;
use super::load::Work;
use super::process;
use super::served;
use super::served::Served;
use crate::verdict;

/// Prints a table with a row for each number of open connections.
pub(crate) fn print(helper: &Path, requests: u32) {
    let emulator = served::emulator(&[], 43_200);
    let served = Served::start_plainly(helper, &emulator);
    let token = served.token();
    let at_start = process::resident_bytes(&served.process);
    let mut different = Different::new(requests, token.clone());
    load::run(served.address, LOADED, &mut different);
    println!(
        "{requests} different requests: {} tokens issued, {} sets, {} tokens rejected, {} paths \
         not found. {:.2} MB were resident before.\n",
        different.statuses[0],
        different.statuses[1],
        different.statuses[2],
        different.statuses[3],
        megabytes(at_start)
    );
    println!("| open connections | resident | peak | target | |");
    println!("|-:|-:|-:|-|-|");
    let mut open = Vec::new();
    for connections in OPEN {
        // Each keeps as much as a connection ever keeps.
        let mut long = Long {
            token: &token,
            left: connections - open.len(),
            request: Vec::new(),
        };
        open.extend(load::run_and_keep(served.address, long.left, &mut long));
        let resident = process::resident_bytes(&served.process);
        let max = BYTES_MAX + BYTES_PER_CONNECTION_MAX * connections as u64;
        println!(
            "| {connections} | {:.2} MB | {:.2} MB | at most {:.2} MB | {} |",
            megabytes(resident),
            megabytes(process::resident_peak_bytes(&served.process)),
            megabytes(max),
            verdict(resident <= max),
        );
    }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// Requests of four kinds in turn, each with a different path, header field and token.
struct Different {
    left: u32,
    request: Vec<u8>,
    /// The latest one that was issued.
    token: String,
    /// Which kind each client waits for.
    kinds: [usize; LOADED],
    statuses: [u32; 4],
}

impl Different {
    fn new(requests: u32, token: String) -> Self {
        Self {
            left: requests,
            request: Vec::new(),
            token,
            kinds: [0; LOADED],
            statuses: [0; 4],
        }
    }
}

impl Work for Different {
    fn request(&mut self, client: usize) -> Option<&[u8]> {
        self.left = self.left.checked_sub(1)?;
        let number = self.left;
        let kind = number as usize % 4;
        self.kinds[client] = kind;
        let mut request = std::mem::take(&mut self.request);
        request.clear();
        match kind {
            0 => write!(
                request,
                "PUT /latest/api/token?{number} HTTP/1.1\r\n\
                 X-Aws-Ec2-Metadata-Token-Ttl-Seconds: {}\r\nContent-Length: 0\r\n",
                21_600 - number % 3600
            ),
            1 => write!(
                request,
                "GET {CREDENTIALS}?{number} HTTP/1.1\r\nX-Aws-Ec2-Metadata-Token: {}\r\n",
                self.token
            ),
            2 => write!(
                request,
                "GET {CREDENTIALS}?{number} HTTP/1.1\r\nX-Aws-Ec2-Metadata-Token: {number:0>64}\r\n",
            ),
            _ => write!(
                request,
                "GET /latest/{number}/path HTTP/1.1\r\nX-Aws-Ec2-Metadata-Token: {}\r\n",
                self.token
            ),
        }
        .unwrap();
        write!(
            request,
            "Host: 127.0.0.1\r\nX-Number-{number}: value {number}\r\n\r\n"
        )
        .unwrap();
        self.request = request;
        Some(&self.request)
    }

    fn answer(&mut self, client: usize, answer: &Answer<'_>, _: Duration) {
        let kind = self.kinds[client];
        assert_eq!(answer.status, [200, 200, 401, 404][kind]);
        self.statuses[kind] += 1;
        if kind == 0 {
            self.token.clear();
            write!(self.token, "{}", str::from_utf8(answer.body).unwrap()).unwrap();
        }
    }
}

/// One long request for each connection.
struct Long<'a> {
    token: &'a str,
    left: usize,
    request: Vec<u8>,
}

impl Work for Long<'_> {
    fn request(&mut self, _: usize) -> Option<&[u8]> {
        self.left = self.left.checked_sub(1)?;
        let padding = "p".repeat(HEAD_BYTES - 200);
        self.request = format!(
            "GET {CREDENTIALS} HTTP/1.1\r\nHost: 127.0.0.1\r\n\
             X-Aws-Ec2-Metadata-Token: {}\r\nX-Padding: {padding}\r\n\r\n",
            self.token
        )
        .into_bytes();
        Some(&self.request)
    }

    fn answer(&mut self, _: usize, answer: &Answer<'_>, _: Duration) {
        assert_eq!(answer.status, 200);
    }
}

const CREDENTIALS: &str = "/latest/meta-data/iam/security-credentials/ci-role";
const LOADED: usize = 64;
const OPEN: [usize; 3] = [0, 256, 500];
/// A connection keeps little more than this for the next request.
const HEAD_BYTES: usize = 8000;
const BYTES_MAX: u64 = 9_000_000;
const BYTES_PER_CONNECTION_MAX: u64 = 12_000;
