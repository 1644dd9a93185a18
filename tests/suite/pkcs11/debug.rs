//! What `--debug` shows of tokens.

use super::ARNS;
use super::Call;
use crate::support::helper::Helper;
use crate::support::helper::Output;
use crate::support::softhsm::MODULE;
use crate::support::softhsm::SoftHsm;

/// The lines about tokens, without times.
#[track_caller]
fn lines(output: &Output) -> Vec<String> {
    assert_eq!(output.exit, 0, "{}", output.stderr);
    let lines = output.stderr.lines();
    let lines = lines.filter_map(|line| line.split_once(": pkcs11: "));
    lines
        .map(|(_, said)| match said.rsplit_once(" (") {
            Some((said, time)) if time.ends_with(" ms)") => said.to_owned(),
            _ => said.to_owned(),
        })
        .collect()
}

#[test]
fn debug_shows_module_token_objects_and_calls() {
    let test = "debug_shows_module_token_objects_and_calls";
    let Some(hsm) = SoftHsm::with_token(test) else {
        return;
    };
    hsm.pair("test", "ec256", &["--id", "10", "--label", "k"]);
    let call = Call::of(&hsm);
    let uri = "pkcs11:object=k?pin-value=1234";
    let said = lines(&call.helper(&["--certificate", uri, "--debug"]).run());
    let [module, token, objects @ ..] = said.as_slice() else {
        panic!("{said:?}");
    };
    assert!(
        module.starts_with(&format!("module {MODULE}: ")),
        "{said:?}"
    );
    let slot = format!(" in slot {}", hsm.slot("test"));
    let name = token.strip_prefix("token ").unwrap();
    let name = name.strip_suffix(&slot).unwrap();
    assert!(name.starts_with("pkcs11:token=test;serial="), "{said:?}");
    let expected = [
        &format!("certificate {name};id=%10;object=k"),
        "C_Login: success",
        &format!("private key {name};id=%10;object=k"),
        "C_Sign with CKM_ECDSA: success",
    ];
    assert_eq!(objects, expected);
}

#[test]
fn every_command_with_a_token_shows_its_calls() {
    let test = "every_command_with_a_token_shows_its_calls";
    let Some(hsm) = SoftHsm::with_token(test) else {
        return;
    };
    hsm.pair("test", "ec256", &["--id", "10", "--label", "k"]);
    let uri = "pkcs11:object=k?pin-value=1234";
    let doctor = ["doctor", "--offline", "--certificate", uri];
    let doctor = [&doctor[..], &ARNS].concat();
    for words in [
        &["sign-string", "--private-key", uri][..],
        &["sign-string", "--certificate", uri],
        &["read-certificate-data", "--certificate", uri],
        &doctor,
    ] {
        let helper = || hsm.on(Helper::new().args(words.iter().copied()));
        let said = lines(&helper().args(["--debug"]).run());
        assert!(
            said.iter().any(|line| line.starts_with("module ")),
            "{words:?}: {said:?}"
        );
        assert_eq!(lines(&helper().run()), [""; 0], "{words:?}");
    }
}

#[test]
fn pin_is_in_no_debug_line() {
    let test = "pin_is_in_no_debug_line";
    let Some(hsm) = SoftHsm::with_token(test) else {
        return;
    };
    let both = ["--id", "10", "--label", "k"];
    hsm.certificate("test", "rsa2048.crt", &both);
    hsm.key(
        "test",
        "rsa2048.key",
        &[&both[..], &["--always-auth"]].concat(),
    );
    hsm.tool("test", &["--change-pin", "--new-pin", PIN]);
    let call = Call::of(&hsm);
    let in_uri = format!("pkcs11:object=k?pin-value={PIN}");
    let file = hsm.file("pin", PIN);
    for flags in [
        &["--certificate", &*in_uri][..],
        &["--certificate", "pkcs11:object=k", "--pkcs11-pin", PIN],
        &[
            "--certificate",
            "pkcs11:object=k",
            "--pkcs11-pin-file",
            &file,
        ],
    ] {
        let flags = [flags, &["--reuse-pin", "--debug"]].concat();
        let output = call.helper(&flags).run();
        let said = lines(&output);
        let login = "C_Login for one signature: success".to_owned();
        assert!(said.contains(&login), "{said:?}");
        assert!(!output.stderr.contains(PIN), "{}", output.stderr);
    }
}

const PIN: &str = "correct-horse";
