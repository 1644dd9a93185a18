//! What `--debug` shows of a TPM.

use super::call;
use super::fails;
use super::simulator::Tpm;
use crate::support::helper::Helper;
use crate::support::service;

/// The lines about the TPM, without times.
fn lines(stderr: &str) -> Vec<&str> {
    let lines = stderr
        .lines()
        .filter_map(|line| line.split_once(": debug: tpm: "));
    lines
        .map(|(_, said)| {
            let (said, time) = said.rsplit_once(" (").unwrap();
            assert!(time.ends_with(" ms)"), "{time}");
            said
        })
        .collect()
}

/// A key with a password at a handle and in a file under the owner's hierarchy.
fn protected(test: &str) -> Option<Tpm> {
    let tpm = Tpm::with_protected_key(test, "hunter2")?;
    tpm.persist();
    Some(tpm)
}

#[test]
fn debug_shows_each_command_and_no_secret() {
    let Some(tpm) = protected("--debug of a TPM") else {
        return;
    };
    let service = service(&[]);
    let open = format!("open {}: success", tpm.socket());
    let handle = [
        &open,
        "TPM2_ReadPublic: success",
        &open,
        "TPM2_StartAuthSession: success",
        "TPM2_Sign: success",
    ];
    let file = [
        &open,
        "TPM2_CreatePrimary: success",
        "TPM2_Load: success",
        "TPM2_FlushContext: success",
        "TPM2_StartAuthSession: success",
        "TPM2_Sign: success",
        "TPM2_FlushContext: success",
    ];
    for (key, expected) in [
        ("handle:0x81000101", &handle[..]),
        (&tpm.path("k.pem"), &file),
    ] {
        let helper = || call(&tpm, &service, "k.crt", key).args(["--tpm-key-password", "hunter2"]);
        let output = helper().args(["--debug"]).run();
        assert_eq!(output.exit, 0, "{}", output.stderr);
        let said = lines(&output.stderr);
        // A TPM that has just started tests itself.
        let said: Vec<&str> = said
            .into_iter()
            .filter(|one| !one.contains("TESTING"))
            .collect();
        assert_eq!(said, expected);
        assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
        let hexadecimal = "68756e74657232";
        assert!(!output.stderr.contains(hexadecimal), "{}", output.stderr);
        super::succeeds(&helper());
    }
}

#[test]
fn debug_names_response_codes() {
    let Some(tpm) = protected("--debug of a TPM's refusal") else {
        return;
    };
    let service = service(&[]);
    let wrong = ["--tpm-key-password", "wr0ng", "--debug"];
    let stderr = fails(&call(&tpm, &service, "k.crt", "handle:0x81000101").args(wrong));
    let said = lines(&stderr);
    assert!(
        said.contains(&"TPM2_Sign: TPM_RC_BAD_AUTH (0x9a2)"),
        "{stderr}"
    );
    assert!(!stderr.contains("wr0ng"), "{stderr}");
    let helper = call(&tpm, &service, "k.crt", "handle:0x81000999").args(wrong);
    let stderr = fails(&helper);
    let said = lines(&stderr);
    assert!(
        said.contains(&"TPM2_ReadPublic: TPM_RC_HANDLE (0x18b)"),
        "{stderr}"
    );
    let helper = helper.env("TPM_DEVICE", "/no/such/tpm");
    let said = fails(&helper);
    assert!(
        said.contains("debug: tpm: open /no/such/tpm: No such file"),
        "{said}"
    );
}

#[test]
fn every_command_with_a_tpm_shows_its_commands() {
    let Some(tpm) = protected("--debug of every command") else {
        return;
    };
    let key = ["--private-key", "handle:0x81000101"];
    let certificate = tpm.path("k.crt");
    let arn = |kind: &str| format!("arn:aws:rolesanywhere:us-east-1:123456789012:{kind}/1-2");
    let doctor = Helper::new()
        .args(["doctor", "--offline", "--certificate", &certificate])
        .args(["--trust-anchor-arn", &arn("trust-anchor")])
        .args(["--profile-arn", &arn("profile")])
        .args(["--role-arn", "arn:aws:iam::123456789012:role/ci"]);
    for helper in [
        Helper::new().args(["sign-string"]),
        Helper::new().args(["sign-string", "--certificate", &certificate]),
        doctor,
    ] {
        let helper = helper
            .args(key)
            .args(["--tpm-key-password", "hunter2", "--debug"])
            .env("TPM_DEVICE", &tpm.socket());
        let output = helper.run();
        assert!(
            lines(&output.stderr).contains(&"TPM2_ReadPublic: success"),
            "{}",
            output.stderr
        );
        assert!(!output.stderr.contains("hunter2"), "{}", output.stderr);
    }
}
