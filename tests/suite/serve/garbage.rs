//! Malformed HTTP: requests with a few bytes changed, sent through the socket.

use std::thread;

use crate::serve::set_number;
use crate::support::imds::CREDENTIALS;
use crate::support::imds::ROLE_LIST;
use crate::support::imds::Server;
use crate::support::imds::get;
use crate::support::imds::put_token;
use crate::support::imds::request;
use crate::support::imds::serve;
use crate::support::service;

#[test]
fn garbage_is_refused_or_closed_and_gives_nothing_away() {
    let service = service(&[]);
    let helper = serve(&service.url());
    let mut server = Server::start(&helper);
    // A token cannot be guessed, so none of these is ever valid.
    let guessed = "A".repeat(64);
    let seeds = [
        put_token("21600"),
        get(ROLE_LIST, &guessed),
        get(CREDENTIALS, &guessed),
        request("POST /latest/api/token", &[("Content-Length", "3")]) + "abc",
        request("PUT /latest/api/token", &[("Transfer-Encoding", "chunked")])
            + "3\r\nabc\r\n0\r\n\r\n",
        request(
            "GET //latest/%2e%2e/x?y#z",
            &[("Expect", "100-continue"), ("Upgrade", "h2c")],
        ),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        "\u{16}\u{3}\u{1}\0\u{5}\u{1}\0\0\u{1}\u{3}\u{3}".to_owned(),
    ];
    let kept = server.token();
    thread::scope(|scope| {
        for worker in 0..4 {
            let (server, seeds) = (&server, &seeds);
            scope.spawn(move || {
                for number in 0..1000 {
                    let mut random = Random::new(4 * number + worker);
                    let bytes = mutated(seeds, &mut random);
                    assert_harmless(server, &bytes);
                }
            });
        }
    });
    assert!(server.running.is_running());
    assert_eq!(set_number(&server.credentials()), 1);
    assert_eq!(server.ask(&get(ROLE_LIST, &kept)).status, 200);
    let said = server.running.stderr_so_far();
    assert!(!said.contains("panicked"), "{said}");
    let is_plain = |char: char| char.is_ascii_graphic() || char == ' ' || char == '\n';
    assert!(said.chars().all(is_plain), "{said:?}");
    assert_eq!(service.requests().len(), 1);
}

fn assert_harmless(server: &Server<'_>, bytes: &[u8]) {
    let shown = bytes.escape_ascii();
    let mut connection = server.connect();
    // A server that rejects it need not read all of it.
    let _ = connection.send(bytes).and_then(|()| connection.finish());
    let rest = connection.rest();
    let rest = String::from_utf8(rest).unwrap();
    for secret in ["ASIAEMULATOR", "emulator/fake", "EMULATOR/"] {
        assert!(!rest.contains(secret), "{shown}: {rest}");
    }
    assert!(
        rest.is_empty() || rest.starts_with("HTTP/1."),
        "{shown}: {rest}"
    );
    let status = rest.get(9..12).unwrap_or("none");
    let is_known = [
        "none", "100", "200", "400", "401", "404", "405", "408", "413", "414", "417", "431", "505",
    ];
    assert!(is_known.contains(&status), "{shown}: {rest}");
}

/// One of the seeds, or two in a row, with some bytes changed.
fn mutated(seeds: &[String], random: &mut Random) -> Vec<u8> {
    let mut bytes = seeds[random.below(seeds.len())].clone().into_bytes();
    if random.below(4) == 0 {
        bytes.extend(seeds[random.below(seeds.len())].bytes());
    }
    for _ in 0..=random.below(6) {
        let at = random.below(bytes.len().max(1));
        let end = (at + random.below(12)).min(bytes.len());
        match random.below(7) {
            0 if at < bytes.len() => bytes[at] ^= 1 << random.below(8),
            1 => bytes.insert(
                at.min(bytes.len()),
                u8::try_from(random.below(256)).unwrap(),
            ),
            2 => drop(bytes.drain(at.min(end)..end)),
            3 => {
                let piece = bytes[at.min(end)..end].to_vec();
                bytes.splice(end..end, piece);
            }
            4 => bytes.truncate(at),
            5 => {
                let piece = PIECES[random.below(PIECES.len())];
                bytes.splice(end..end, piece.bytes());
            }
            _ => {
                let byte = u8::try_from(random.below(256)).unwrap();
                let run = vec![byte; random.below(3000)];
                bytes.splice(end..end, run);
            }
        }
    }
    bytes
}

/// Input that trips parsers.
const PIECES: [&str; 16] = [
    "\r\n",
    "\n",
    "\r",
    "\0",
    " ",
    "\t",
    ":",
    "\r\n\r\n",
    "\r\n continued",
    "Content-Length: 18446744073709551616\r\n",
    "Content-Length: -1\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Host: 127.0.0.1\r\n",
    "ffffffffffffffff\r\n",
    "%00%0d%0a%2f",
    "HTTP/1.1",
];

/// xorshift64*: the same numbers each time, so that a failure comes again.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let number = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33;
        usize::try_from(number).unwrap() % end
    }
}
