//! Where the TPM is, and what happens if something else is there.

use std::collections::HashMap;
use std::fs;
use std::io::Read;
use std::io::Write;
use std::net::TcpListener;
use std::thread;

use super::SIGN;
use super::call;
use super::fails;
use super::simulator::Tpm;
use super::succeeds;
use crate::support::service;

#[test]
fn device_is_a_socket_or_an_address() {
    let Some(tpm) = Tpm::with_key("devices") else {
        return;
    };
    let service = service(&[]);
    let helper = || call(&tpm, &service, "k.crt", &tpm.path("k.pem"));
    succeeds(&helper());
    succeeds(&helper().env("TPM_DEVICE", &tpm.address()));
    for (device, said) in [
        ("/no/such/device", "No such file"),
        ("/dev/null", "end of file"),
        (&tpm.path("k.crt"), "neither a device nor a socket"),
        ("127.0.0.1:1", "refused"),
    ] {
        let stderr = fails(&helper().env("TPM_DEVICE", device));
        assert!(stderr.contains(device) && stderr.contains(said), "{stderr}");
    }
}

#[test]
fn file_in_the_place_of_a_device_is_not_written_to() {
    let Some(tpm) = Tpm::with_key("file in the place of a device") else {
        return;
    };
    let service = service(&[]);
    let path = tpm.path("victim");
    fs::write(&path, "important").unwrap();
    fails(&call(&tpm, &service, "k.crt", &tpm.path("k.pem")).env("TPM_DEVICE", &path));
    assert_eq!(fs::read_to_string(path).unwrap(), "important");
}

#[test]
fn answers_that_are_not_a_tpms_are_errors() {
    let Some(tpm) = Tpm::with_key("answers that are not a TPM's") else {
        return;
    };
    let service = service(&[]);
    let answers: [&[u8]; 8] = [
        b"",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        &[0x80, 0x01, 0, 0, 0, 10, 0, 0, 0, 0],
        &[0x80, 0x01, 0, 0, 0, 9, 0, 0, 0, 0],
        &[0x80, 0x01, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0],
        &[0x80, 0x01, 0, 0, 0, 12, 0, 0, 0, 0, 0xff, 0xff],
        &[0x80, 0x01, 0, 0, 0, 10, 0, 0, 9, 0x21],
        &TPM_1_2,
    ];
    for answer in answers {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let is_old = answer == TPM_1_2;
        let answer = answer.to_vec();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&answer);
        });
        let helper = call(&tpm, &service, "k.crt", &tpm.path("k.pem")).env("TPM_DEVICE", &address);
        let stderr = fails(&helper);
        assert!(stderr.contains("the private key did not sign"), "{stderr}");
        assert!(!stderr.contains("panicked"), "{stderr}");
        assert_eq!(stderr.contains("it is a TPM 1.2"), is_old, "{stderr}");
        server.join().unwrap();
    }
}

#[test]
fn damaged_key_files_are_errors() {
    let Some(tpm) = Tpm::with_key("damaged key files") else {
        return;
    };
    let service = service(&[]);
    let text = fs::read_to_string(tpm.path("k.pem")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    for end in 2..lines.len() - 1 {
        let cut = [&lines[..end], &lines[lines.len() - 1..]]
            .concat()
            .join("\n");
        fs::write(tpm.path("cut.pem"), cut).unwrap();
        let stderr = fails(&call(&tpm, &service, "k.crt", &tpm.path("cut.pem")));
        assert!(!stderr.contains("panicked"), "{stderr}");
    }
    assert_eq!(service.requests().len(), 0);
}

/// `TPM_BADTAG`, behind the tag of a TPM 1.2.
const TPM_1_2: [u8; 10] = [0x00, 0xc4, 0, 0, 0, 10, 0, 0, 0, 0x1e];

#[test]
fn tpm_that_asks_for_another_try_gets_it() {
    let Some(tpm) = Tpm::with_key("TPM that is busy") else {
        return;
    };
    let service = service(&[]);
    // TPM_RC_RETRY, TPM_RC_YIELDED, TPM_RC_TESTING and TPM_RC_NV_RATE for each command.
    let codes = [0x922, 0x908, 0x90a, 0x920].map(|code: u32| code.to_be_bytes());
    let mut answers = HashMap::new();
    let device = tpm.in_front(move |command, answer| {
        let tries = answers.entry(command.to_vec()).or_insert(0);
        *tries += 1;
        match codes.get(*tries - 1) {
            Some(code) => [&[0x80, 0x01, 0, 0, 0, 10], &code[..]].concat(),
            None => answer(),
        }
    });
    succeeds(&call(&tpm, &service, "k.crt", &tpm.path("k.pem")).env("TPM_DEVICE", &device));
    tpm.assert_empty();
}

#[test]
fn nothing_stays_in_the_tpm_after_an_answer_that_is_cut_off() {
    let Some(tpm) = Tpm::with_protected_key("answer that is cut off", "secret") else {
        return;
    };
    let service = service(&[]);
    let sign = SIGN.to_be_bytes();
    let device = tpm.in_front(move |command, answer| {
        let mut whole = answer();
        if command[6..10] == sign {
            // Its own size is right, and another answer follows.
            whole[5] = 10;
        }
        whole
    });
    let helper = call(&tpm, &service, "k.crt", &tpm.path("k.pem"))
        .args(["--tpm-key-password", "secret"])
        .env("TPM_DEVICE", &device);
    let stderr = fails(&helper);
    assert!(stderr.contains("cannot use the TPM"), "{stderr}");
    assert_eq!(service.requests().len(), 0);
    tpm.assert_empty();
}

#[test]
fn signature_that_was_changed_on_the_way_is_not_sent() {
    let Some(tpm) = Tpm::with_key("signature that was changed") else {
        return;
    };
    let service = service(&[]);
    let sign = SIGN.to_be_bytes();
    let device = tpm.in_front(move |command, answer| {
        let mut whole = answer();
        if command[6..10] == sign && whole.len() > 24 {
            // Behind header, length, algorithm, hash and size: a byte of r.
            whole[24] ^= 1;
        }
        whole
    });
    let stderr =
        fails(&call(&tpm, &service, "k.crt", &tpm.path("k.pem")).env("TPM_DEVICE", &device));
    assert!(
        stderr.contains("the TPM's answer does not verify"),
        "{stderr}"
    );
    assert_eq!(service.requests().len(), 0);
    tpm.assert_empty();
}

#[test]
fn key_file_that_is_longer_than_a_command_is_an_error() {
    let Some(tpm) = Tpm::with_key("key file that is too long") else {
        return;
    };
    let service = service(&[]);
    // The size and a private part of 5000 bytes.
    let private = [&5000_u16.to_be_bytes()[..], &[7; 5000]].concat();
    fs::write(tpm.path("priv"), private).unwrap();
    tpm.write_key_file("k.pem", 0x8100_0001, true);
    tpm.forget();
    let stderr = fails(&call(&tpm, &service, "k.crt", &tpm.path("k.pem")));
    assert!(stderr.contains("not well-formed"), "{stderr}");
    assert!(tpm.codes().is_empty());
}

#[test]
fn processes_that_sign_at_the_same_time_take_turns() {
    let Some(tpm) = Tpm::with_protected_key("processes at the same time", "secret") else {
        return;
    };
    let service = service(&[]);
    let helper = call(&tpm, &service, "k.crt", &tpm.path("k.pem"))
        .args(["--tpm-key-password", "secret"])
        .env("TPM_DEVICE", &tpm.address());
    let running: Vec<_> = (0..6).map(|_| helper.start()).collect();
    for one in running {
        let output = one.end();
        assert_eq!((output.exit, &*output.stderr), (0, ""));
    }
    tpm.assert_empty();
}
