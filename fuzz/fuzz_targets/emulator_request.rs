//! A request, written as in HTTP/1.1, as the emulator judges it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rolesanywhere_emulator::ReceivedRequest;
use rolesanywhere_emulator::trust_anchors_from_pem;
use rolesanywhere_emulator::verify;
use time::macros::datetime;

fuzz_target!(|text: &str| {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let (line, headers) = head.split_once("\r\n").unwrap_or((head, ""));
    let (method, target) = line.split_once(' ').unwrap_or((line, ""));
    let header = |line: &str| {
        line.split_once(": ")
            .map(|(n, v)| (n.to_owned(), v.to_owned()))
    };
    let request = ReceivedRequest {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: headers.split("\r\n").filter_map(header).collect(),
        body: body.as_bytes().to_vec(),
    };
    let anchors = trust_anchors_from_pem(ROOT).unwrap();
    let _ = verify(&request, &anchors, datetime!(2026-11-21 00:33 UTC)).map_err(|r| r.to_string());
});

const ROOT: &[u8] = include_bytes!("../../fixtures/vectors/pki/root.pem");
