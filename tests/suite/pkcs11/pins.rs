//! Where PINs come from, and how often which one is presented.

use std::process::Command;

use rolesanywhere_emulator::Settings;

use super::ARNS;
use super::Call;
use super::refused;
use crate::support::emulator;
use crate::support::helper::Helper;
use crate::support::helper::Output;
use crate::support::softhsm::Shim;
use crate::support::softhsm::SoftHsm;
use crate::support::terminal::Ending;
use crate::support::terminal::Terminal;

const KEY: &str = "pkcs11:token=test;object=k";

const WITH_PIN: &str = "pkcs11:token=test;object=k?pin-value=1234";

fn with_pair(test: &str) -> Option<SoftHsm> {
    let hsm = SoftHsm::with_token(test)?;
    hsm.pair("test", "rsa2048", &["--id", "10", "--label", "k"]);
    Some(hsm)
}

/// A key that wants a PIN for each signature, and its certificate.
fn with_always_authenticated_pair(test: &str) -> Option<SoftHsm> {
    let hsm = SoftHsm::with_token(test)?;
    always_authenticated(&hsm, "rsa2048", "10", "k");
    Some(hsm)
}

fn always_authenticated(hsm: &SoftHsm, name: &str, id: &str, label: &str) {
    let both = ["--id", id, "--label", label];
    hsm.certificate("test", &format!("{name}.crt"), &both);
    let more = [&both[..], &["--always-auth"]].concat();
    hsm.key("test", &format!("{name}.key"), &more);
}

fn succeeds(output: &Output) {
    assert_eq!((output.exit, output.stderr.as_str()), (0, ""));
    assert!(output.stdout_text().contains("ASIAEMULATOR"));
}

#[test]
fn pin_comes_from_uri_file_flag_or_variable() {
    let Some(hsm) = with_pair("pin_comes_from_uri_file_flag_or_variable") else {
        return;
    };
    let call = Call::of(&hsm);
    let file = hsm.file("pin file", "1234\n");
    let source = format!("{KEY}?pin-source=file:{}", file.replace(' ', "%20"));
    let value = format!("{KEY}?pin-value=%31234");
    for flags in [
        vec!["--certificate", &*source],
        vec!["--certificate", &*value],
        vec!["--certificate", KEY, "--pkcs11-pin", "1234"],
        vec!["--certificate", KEY, "--pkcs11-pin-file", &*file],
        // The key's URI has it, or the certificate's.
        vec!["--certificate", KEY, "--private-key", &*value],
        vec!["--certificate", &*value, "--private-key", KEY],
    ] {
        call.issued_to(&flags);
    }
    let helper = call.helper(&["--certificate", KEY]);
    let output = helper.env("AWS_SIGNING_HELPER_PKCS11_PIN", "1234").run();
    succeeds(&output);
}

#[test]
fn pin_of_a_uri_does_not_reach_a_command() {
    let Some(hsm) = with_pair("pin_of_a_uri_does_not_reach_a_command") else {
        return;
    };
    let service = emulator(Settings::default());
    let pin = hsm.file("pin", "1234\n");
    let name = "AWS_SIGNING_HELPER_CERTIFICATE";
    for way in ["environment", "endpoint"] {
        for query in ["pin-value=1234", "pin-source=/dev/fd/6"] {
            let helper = Helper::new().args(["exec", "--endpoint", &service.url()]);
            let helper = helper.args(ARNS).env(name, &format!("{KEY}?{query}"));
            let helper = helper.args(["--via", way, "--", "/bin/sh", "-c"]);
            let helper = hsm.on(helper.args(["env; cat <&6 || echo closed"]));
            let script = format!("exec \"$@\" 6<{pin}");
            let output = helper.command(&["/bin/sh", "-c", &script, "sh"]).output();
            let output = output.unwrap();
            let stdout = String::from_utf8(output.stdout).unwrap();
            let case = format!("{way} {query}: {}", String::from_utf8_lossy(&output.stderr));
            assert!(output.status.success(), "{case}");
            assert!(!stdout.contains("pin-value"), "{case}: {stdout}");
            let is_descriptor = query.starts_with("pin-source");
            assert_eq!(stdout.ends_with("\nclosed\n"), is_descriptor, "{case}");
            assert_eq!(stdout.contains(name), is_descriptor, "{case}: {stdout}");
        }
    }
}

#[test]
fn one_session_one_login_and_one_signature_make_a_call() {
    let test = "one_session_one_login_and_one_signature_make_a_call";
    let Some((hsm, shim)) = with_shim(test, with_pair) else {
        return;
    };
    let call = Call::of(&hsm);
    for flags in [
        vec!["--certificate", WITH_PIN],
        vec![
            "--certificate",
            "pki/rsa2048.crt",
            "--private-key",
            WITH_PIN,
        ],
        vec!["--certificate", KEY, "--private-key", WITH_PIN],
    ] {
        succeeds(&shim.on(call.helper(&flags)).run());
        assert_eq!(
            shim.calls("C_"),
            [
                "C_Initialize",
                "C_GetSlotList",
                "C_OpenSession",
                &format!("C_Login slot={} user=1 pin=1234", hsm.slot("test")),
                "C_SignInit",
                "C_CloseSession",
                "C_Finalize",
            ],
            "{flags:?}"
        );
    }
}

#[test]
fn refused_pin_is_presented_once_and_not_shown() {
    let test = "refused_pin_is_presented_once_and_not_shown";
    let Some((hsm, shim)) = with_shim(test, with_pair) else {
        return;
    };
    let file = hsm.file("pin", "97531\n");
    let in_uri = format!("{KEY}?pin-value=97531");
    let in_file = format!("{KEY}?pin-source={file}");
    let call = Call::of(&hsm);
    for flags in [
        vec!["--certificate", &*in_uri],
        vec!["--certificate", &*in_file],
        vec!["--certificate", KEY, "--private-key", &*in_uri],
        vec!["--certificate", KEY, "--pkcs11-pin", "97531"],
        vec!["--certificate", KEY, "--pkcs11-pin-file", &*file],
    ] {
        let flags = [&flags[..], &["--debug"]].concat();
        // Not even where it could be asked for.
        let Some(terminal) = Terminal::open(test) else {
            return;
        };
        let helper = shim.on(call.helper(&flags));
        let running = terminal.start(&helper);
        let Ending { output, shown, .. } = terminal.end(running);
        let said = refused(&output);
        assert!(said.contains("user PIN is wrong"), "{said}");
        assert!(said.contains("few tries are left"), "{said}");
        assert!(
            !said.contains("97531") && shown.trim().is_empty(),
            "{said}{shown}"
        );
        assert_eq!(shim.pins(), ["1:97531"], "{flags:?}");
    }
    assert!(call.emulator.requests().is_empty());
}

/// A service manager would start it anew, until the token is locked.
#[test]
fn refused_pin_ends_services_for_good() {
    let test = "refused_pin_ends_services_for_good";
    let Some((hsm, shim)) = with_shim(test, with_pair) else {
        return;
    };
    let call = Call::of(&hsm);
    let uri = format!("{KEY}?pin-value=97531");
    for (command, flags, exit) in [
        ("serve", &["--port", "0"][..], 77),
        ("update", &[], 77),
        ("update", &["--once"], 77),
        ("export", &[], 1),
    ] {
        let helper = Helper::command_at(command, &call.emulator.url()).args(flags.iter().copied());
        let helper = helper.args(["--certificate", KEY, "--private-key", &uri]);
        let output = shim.on(hsm.on(helper)).run();
        assert_eq!(output.exit, exit, "{command} {flags:?}: {}", output.stderr);
        assert!(
            output.stderr.contains("user PIN is wrong"),
            "{}",
            output.stderr
        );
        assert_eq!(shim.pins(), ["1:97531"], "{command}");
    }
}

#[test]
fn typed_pin_is_asked_for_again_if_it_is_wrong() {
    let test = "typed_pin_is_asked_for_again_if_it_is_wrong";
    let Some((hsm, shim)) = with_shim(test, with_pair) else {
        return;
    };
    let Some(mut terminal) = Terminal::open(test) else {
        return;
    };
    let call = Call::of(&hsm);
    let helper = shim.on(call.helper(&["--certificate", KEY]));
    let running = terminal.start(&helper);
    terminal.wait_for_line("Please enter your user PIN:", 1);
    terminal.press("97531\n");
    let again = "Incorrect user PIN. Please re-enter your user PIN:";
    terminal.wait_for_line(again, 1);
    // It is not presented a second time.
    terminal.press("97531\n");
    terminal.wait_for_line(again, 2);
    terminal.press("1234\n");
    let Ending {
        output,
        shown,
        echoes,
    } = terminal.end(running);
    succeeds(&output);
    assert_eq!(shim.pins(), ["1:97531", "1:1234"]);
    assert!(
        echoes && !shown.contains("1234") && !shown.contains("97531"),
        "{shown}"
    );
}

#[test]
fn empty_pin_is_asked_for_again_and_named() {
    let test = "empty_pin_is_asked_for_again_and_named";
    let Some((hsm, shim)) = with_shim(test, with_pair) else {
        return;
    };
    let call = Call::of(&hsm);
    let again = "Incorrect user PIN. Please re-enter your user PIN:";
    for (keys, said) in [("1234\n", None), ("\n", Some("an empty PIN was given"))] {
        let Some(mut terminal) = Terminal::open(test) else {
            return;
        };
        let helper = shim.on(call.helper(&["--certificate", KEY]));
        let running = terminal.start(&helper);
        terminal.wait_for_line("Please enter your user PIN:", 1);
        terminal.press("\n");
        terminal.wait_for_line(again, 1);
        terminal.press(keys);
        let Some(said) = said else {
            succeeds(&terminal.end(running).output);
            assert_eq!(shim.pins(), ["1:1234"]);
            continue;
        };
        terminal.wait_for_line(again, 2);
        terminal.press("\n");
        let stderr = refused(&terminal.end(running).output);
        assert!(stderr.contains(said), "{stderr}");
        assert!(!stderr.contains("at a terminal"), "{stderr}");
        assert!(shim.pins().is_empty());
    }
}

#[test]
fn pin_prompt_that_is_ended_is_named() {
    let test = "pin_prompt_that_is_ended_is_named";
    let (Some(hsm), Some(mut terminal)) = (with_pair(test), Terminal::open(test)) else {
        return;
    };
    let call = Call::of(&hsm);
    let helper = call.helper(&["--certificate", KEY]);
    let running = terminal.start(&helper);
    terminal.wait_for_line("Please enter your user PIN:", 1);
    terminal.press("\u{4}");
    let stderr = refused(&terminal.end(running).output);
    assert!(
        stderr.contains("the prompt was ended without a PIN"),
        "{stderr}"
    );
    assert!(!stderr.contains("at a terminal"), "{stderr}");
}

#[test]
fn pin_source_that_is_silent_or_empty_is_named() {
    let test = "pin_source_that_is_silent_or_empty_is_named";
    let Some((hsm, shim)) = with_shim(test, with_pair) else {
        return;
    };
    let call = Call::of(&hsm);
    let (pipe, empty) = (hsm.path("pipe"), hsm.file("empty", "\n"));
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    for (path, said) in [
        (&pipe, "cannot read the file of pin-source"),
        (&empty, "an empty PIN was given"),
    ] {
        let uri = format!("{KEY}?pin-source={path}");
        let stderr = refused(&shim.on(call.helper(&["--certificate", &uri])).run());
        assert!(stderr.contains(said), "{stderr}");
        assert!(stderr.contains(path.as_str()), "{stderr}");
        assert!(shim.pins().is_empty());
    }
}

#[test]
fn control_c_at_a_pin_prompt_restores_the_terminal() {
    let test = "control_c_at_a_pin_prompt_restores_the_terminal";
    let Some((hsm, shim)) = with_shim(test, with_pair) else {
        return;
    };
    let Some(mut terminal) = Terminal::open(test) else {
        return;
    };
    let call = Call::of(&hsm);
    let helper = shim.on(call.helper(&["--certificate", KEY]));
    let running = terminal.start(&helper);
    terminal.wait_for_line("Please enter your user PIN:", 1);
    terminal.press("\u{3}");
    let Ending { output, echoes, .. } = terminal.end(running);
    assert!(echoes && output.exit != 0);
    assert!(shim.pins().is_empty());
}

#[test]
fn no_pin_and_no_terminal_is_no_login() {
    let test = "no_pin_and_no_terminal_is_no_login";
    let Some((hsm, shim)) = with_shim(test, with_pair) else {
        return;
    };
    let call = Call::of(&hsm);
    for uri in [KEY, "pkcs11:token=test;object=k?pin-value="] {
        let said = refused(&shim.on(call.helper(&["--certificate", uri])).run());
        assert!(said.contains("unable to read PKCS#11 user PIN"), "{said}");
        assert!(said.contains("hint: give --pkcs11-pin-file"), "{said}");
        assert!(shim.pins().is_empty());
    }
}

#[test]
fn pin_of_one_token_is_not_for_another() {
    let test = "pin_of_one_token_is_not_for_another";
    let Some((hsm, shim)) = with_shim(test, SoftHsm::with_token) else {
        return;
    };
    hsm.token("keys");
    hsm.certificate("test", "ec256.crt", &["--id", "10", "--label", "k"]);
    hsm.key("keys", "ec256.key", &["--id", "10", "--label", "k"]);
    let call = Call::of(&hsm);
    let key = "pkcs11:token=keys;object=k";
    let flags = ["--certificate", WITH_PIN, "--private-key", key];
    let said = refused(&shim.on(call.helper(&flags)).run());
    assert!(
        said.contains("there is none for pkcs11:token=keys"),
        "{said}"
    );
    assert!(shim.pins().is_empty());
    // A private certificate takes the PIN of the flags, which then is not the key's.
    let Some(hsm) = SoftHsm::with_token(test) else {
        return;
    };
    hsm.token("keys");
    hsm.private_certificate(&shim, "test", "ec256.crt");
    hsm.key("keys", "ec256.key", &["--id", "10", "--label", "k"]);
    let call = Call::of(&hsm);
    let flags = [
        "--certificate",
        KEY,
        "--private-key",
        key,
        "--pkcs11-pin",
        "1234",
    ];
    let said = refused(&shim.on(call.helper(&flags)).run());
    assert!(
        said.contains("there is none for pkcs11:token=keys"),
        "{said}"
    );
    assert_eq!(shim.pins(), ["1:1234"]);
}

#[test]
fn private_certificate_is_found_after_the_login() {
    let test = "private_certificate_is_found_after_the_login";
    let Some((hsm, shim)) = with_shim(test, SoftHsm::with_token) else {
        return;
    };
    hsm.private_certificate(&shim, "test", "rsa2048.crt");
    hsm.key("test", "rsa2048.key", &["--id", "10", "--label", "k"]);
    let call = Call::of(&hsm);
    // With the PIN of the key's URI, where the certificate's has none.
    for flags in [
        vec!["--certificate", WITH_PIN],
        vec!["--certificate", KEY, "--private-key", WITH_PIN],
    ] {
        succeeds(&shim.on(call.helper(&flags)).run());
        assert_eq!(shim.pins(), ["1:1234"]);
        assert_eq!(shim.calls("C_OpenSession").len(), 1);
    }
    let said = call.refusal(&["--certificate", KEY]);
    assert!(said.contains("unable to read PKCS#11 user PIN"), "{said}");
    let wrong = format!("{KEY}?pin-value=9");
    let said = call.refusal(&["--certificate", &wrong]);
    assert!(said.contains("user PIN is wrong"), "{said}");
}

#[test]
fn object_that_is_absent_is_an_error_with_a_pin() {
    let test = "object_that_is_absent_is_an_error_with_a_pin";
    let Some(hsm) = with_pair(test) else {
        return;
    };
    let absent = "pkcs11:token=test;object=absent?pin-value=1234";
    let said = Call::of(&hsm).refusal(&["--certificate", absent]);
    assert!(said.contains("no matching certificate"), "{said}");
    let flags = ["--certificate", "pki/rsa2048.crt", "--private-key", absent];
    let said = Call::of(&hsm).refusal(&flags);
    assert!(said.contains("no matching private key"), "{said}");
}

#[test]
fn pin_pad_and_token_without_login_need_no_pin() {
    let test = "pin_pad_and_token_without_login_need_no_pin";
    let Some((hsm, shim)) = with_shim(test, with_pair) else {
        return;
    };
    let call = Call::of(&hsm);
    let helper = || shim.on(call.helper(&["--certificate", KEY]));
    let pad = helper().env("SHIM_SET", PROTECTED_AUTHENTICATION_PATH);
    succeeds(&pad.env("SHIM_PAD", "1234").run());
    assert_eq!(shim.pins(), ["1:null"]);
    let open = helper().env("SHIM_CLEAR", LOGIN_REQUIRED);
    succeeds(&open.env("SHIM_OPEN", "1234").run());
    assert!(shim.pins().is_empty());
}

#[test]
fn user_who_is_logged_in_already_is_accepted() {
    let test = "user_who_is_logged_in_already_is_accepted";
    let Some((hsm, shim)) = with_shim(test, with_pair) else {
        return;
    };
    let call = Call::of(&hsm);
    let helper = shim.on(call.helper(&["--certificate", KEY]));
    succeeds(&helper.env("SHIM_OPEN", "1234").run());
    assert!(shim.pins().is_empty());
}

#[test]
fn locked_pin_is_not_presented() {
    let test = "locked_pin_is_not_presented";
    let Some((hsm, shim)) = with_shim(test, with_pair) else {
        return;
    };
    let call = Call::of(&hsm);
    let helper = || shim.on(call.helper(&["--certificate", WITH_PIN]));
    let said = refused(&helper().env("SHIM_SET", USER_PIN_LOCKED).run());
    assert!(said.contains("is locked"), "{said}");
    assert!(shim.pins().is_empty());
    // A token that says so only when it is asked.
    let said = refused(&helper().env("SHIM_LOGIN", CKR_PIN_LOCKED).run());
    assert!(said.contains("is locked"), "{said}");
    assert_eq!(shim.pins(), ["1:1234"]);
}

#[test]
fn last_try_is_said_before_and_after() {
    let test = "last_try_is_said_before_and_after";
    let Some((hsm, shim)) = with_shim(test, with_pair) else {
        return;
    };
    let Some(mut terminal) = Terminal::open(test) else {
        return;
    };
    let call = Call::of(&hsm);
    let helper = shim.on(call.helper(&["--certificate", KEY]));
    let helper = helper.env("SHIM_SET", USER_PIN_FINAL_TRY);
    let running = terminal.start(&helper);
    terminal.wait_for_line("Please enter your user PIN:", 1);
    assert!(
        terminal.shown().contains("One try is left"),
        "{}",
        terminal.shown()
    );
    terminal.press("9\n");
    terminal.wait_for_line("Incorrect user PIN. Please re-enter your user PIN:", 1);
    terminal.press("\u{4}");
    let said = refused(&terminal.end(running).output);
    assert!(said.contains("one try is left"), "{said}");
}

#[test]
fn always_authenticated_key_asks_once_for_its_pin() {
    let test = "always_authenticated_key_asks_once_for_its_pin";
    let Some((hsm, shim)) = with_shim(test, with_always_authenticated_pair) else {
        return;
    };
    let Some(mut terminal) = Terminal::open(test) else {
        return;
    };
    let call = Call::of(&hsm);
    let helper = shim.on(call.helper(&["--certificate", WITH_PIN]));
    let running = terminal.start(&helper);
    let kind = format!("context-specific PIN for private key object ({KEY})");
    terminal.wait_for_line(&format!("Please enter your {kind}:"), 1);
    terminal.press("9\n");
    terminal.wait_for_line(
        &format!("Incorrect {kind}. Please re-enter your {kind}:"),
        1,
    );
    terminal.press("1234\n");
    succeeds(&terminal.end(running).output);
    assert_eq!(shim.pins(), ["1:1234", "2:9", "2:1234"]);
    assert_eq!(shim.calls("C_SignInit").len(), 1);
}

#[test]
fn reused_pin_signs_with_an_always_authenticated_key() {
    let test = "reused_pin_signs_with_an_always_authenticated_key";
    let Some((hsm, shim)) = with_shim(test, with_always_authenticated_pair) else {
        return;
    };
    let call = Call::of(&hsm);
    let reused = ["--certificate", WITH_PIN, "--reuse-pin"];
    succeeds(&shim.on(call.helper(&reused)).run());
    assert_eq!(shim.pins(), ["1:1234", "2:1234"]);
    for digest in ["SHA256", "SHA384", "SHA512"] {
        let flags = [&reused[..], &["--digest", digest]].concat();
        let helper = Helper::new().args(["sign-string"]).args(flags);
        let output = shim.on(hsm.on(helper)).run();
        assert_eq!((output.exit, output.stderr.as_str()), (0, ""), "{digest}");
    }
    // Without it and without a terminal, the error says which PIN is missing.
    let said = call.refusal(&["--certificate", WITH_PIN]);
    assert!(said.contains("context-specific PIN"), "{said}");
    assert!(
        said.contains("hint:") && said.contains("--reuse-pin"),
        "{said}"
    );
}

#[test]
fn always_authenticated_keys_of_every_kind_sign() {
    let test = "always_authenticated_keys_of_every_kind_sign";
    let Some((hsm, shim)) = with_shim(test, SoftHsm::with_token) else {
        return;
    };
    let call = Call::of(&hsm);
    for (index, name) in ["rsa2048", "ec256", "ec384", "ec521"].iter().enumerate() {
        always_authenticated(&hsm, name, &format!("1{index}"), name);
        let uri = format!("pkcs11:token=test;object={name}?pin-value=1234");
        for flags in [
            vec!["--certificate", &*uri, "--reuse-pin"],
            vec![
                "--certificate",
                &format!("pki/{name}.crt"),
                "--private-key",
                &*uri,
                "--reuse-pin",
            ],
        ] {
            succeeds(&shim.on(call.helper(&flags)).run());
            assert_eq!(shim.pins(), ["1:1234", "2:1234"], "{name}");
            assert_eq!(shim.calls("C_OpenSession").len(), 1, "{name}");
        }
    }
}

#[test]
fn pin_in_a_uri_is_not_written_into_a_config_file() {
    let configure = |uri: &str| {
        let words = ["configure", "--print", "--certificate", "pki/rsa2048.crt"];
        let helper = Helper::new().args(words).args(["--private-key", uri]);
        helper.args(ARNS).run()
    };
    for name in ["pin-value", "PIN-VALUE", "pin%2dvalue", "pin_value"] {
        let said = refused(&configure(&format!("pkcs11:token=test?{name}=97531")));
        assert!(
            said.contains("--pkcs11-pin-file") && !said.contains("97531"),
            "{said}"
        );
    }
    let said = refused(&configure("pkcs11:token=test;pin-value=97531"));
    assert!(
        said.contains("after a \"?\"") && !said.contains("97531"),
        "{said}"
    );
    let said = refused(&configure("pkcs11:token"));
    assert!(said.contains("is a malformed pkcs11: URI"), "{said}");
    let uri = "pkcs11:token=test?pin-source=/etc/pin";
    let output = configure(uri);
    let written = output.stdout_text();
    assert!(written.contains(uri), "{written}{}", output.stderr);
}

/// Tokens of SoftHSM, and the module around it.
fn with_shim(test: &str, tokens: fn(&str) -> Option<SoftHsm>) -> Option<(SoftHsm, Shim)> {
    let hsm = tokens(test)?;
    let shim = hsm.shim(test)?;
    Some((hsm, shim))
}

/// Flags of a token (PKCS#11, 3.2, `CK_TOKEN_INFO`).
const LOGIN_REQUIRED: &str = "4";
const PROTECTED_AUTHENTICATION_PATH: &str = "100";
const USER_PIN_FINAL_TRY: &str = "20000";
const USER_PIN_LOCKED: &str = "40000";

/// A return value of `C_Login`.
const CKR_PIN_LOCKED: &str = "A4";
