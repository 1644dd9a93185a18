//! Keys on tokens in a process that runs on: nothing is leaked, and a token may be pulled and put back.

use std::env;
use std::fs;
use std::process::Command;

use rolesanywhere::IdentitySource;
use rolesanywhere::identity::locator::Locator;
use rolesanywhere::identity::pkcs11::Modules;
use rolesanywhere::identity::pkcs11::TokenChoices;
use rolesanywhere::identity::pkcs11::TokenPlace;
use rolesanywhere::identity::pkcs11::uri::Pkcs11Uri;
use rolesanywhere::identity::secrets::NoSecrets;
use rolesanywhere::identity::signer::Digest;

use crate::support::imds::Server;
use crate::support::imds::serve;
use crate::support::issued;
use crate::support::log::count;
use crate::support::log::events;
use crate::support::log::moment;
use crate::support::running::wait_until;
use crate::support::service;
use crate::support::softhsm::Shim;
use crate::support::softhsm::SoftHsm;
use crate::support::softhsm::pem_certificates;
use crate::support::terminal::Terminal;

const URI: &str = "pkcs11:token=test;object=k?pin-value=1234";

#[test]
fn ten_thousand_signatures_take_one_session() {
    if let Some(module) = env::var_os(CHILD) {
        sign_in_this_process(module.to_str().unwrap());
        return;
    }
    let test = "ten_thousand_signatures_take_one_session";
    let Some((hsm, shim)) = with_pair(test) else {
        return;
    };
    succeeds_in_a_process_of_its_own(test, &hsm, &shim);
    let said = fs::read_to_string(hsm.path("calls")).unwrap();
    let calls = |name: &str| said.lines().filter(|line| line.starts_with(name)).count();
    assert_eq!(calls("C_SignInit"), SIGNATURES);
    for once in [
        "C_Initialize",
        "C_GetSlotList",
        "C_OpenSession",
        "C_Login",
        "C_CloseSession",
        "C_Finalize",
    ] {
        assert_eq!(calls(once), 1, "{once}");
    }
}

/// Signs as a process that serves does, and looks at what stays open.
fn sign_in_this_process(module: &str) {
    let source = source(module, false);
    let identity = source.open(&NoSecrets::default()).unwrap();
    let open_files = || fs::read_dir("/proc/self/fd").unwrap().count();
    let mut before = 0;
    for number in 0..SIGNATURES {
        let signature = identity.signer().sign(b"message", Digest::Sha256);
        assert!(signature.is_ok(), "{number}: {signature:?}");
        if number == 0 {
            before = open_files();
        }
    }
    assert_eq!(open_files(), before);
}

/// The identity of [`URI`], by this module.
fn source(module: &str, is_pin_reused: bool) -> IdentitySource {
    let modules = Modules::new(Some(module.into()), None);
    let uri = Pkcs11Uri::parse(URI).unwrap();
    let module = modules.of(&uri);
    drop(modules);
    let choices = TokenChoices {
        is_pin_reused,
        ..TokenChoices::default()
    };
    let place = TokenPlace::new(uri, module, choices);
    IdentitySource {
        certificate: Locator::Pkcs11(place.into()),
        private_key: None,
        intermediates: None,
        hardware: Default::default(),
    }
}

#[test]
fn pin_refused_later_is_not_presented_again() {
    if let Some(module) = env::var_os(CHILD) {
        refuse_in_this_process(module.to_str().unwrap());
        return;
    }
    let test = "pin_refused_later_is_not_presented_again";
    let Some((hsm, shim)) = with_pair(test) else {
        return;
    };
    succeeds_in_a_process_of_its_own(test, &hsm, &shim);
    assert_eq!(shim.pins(), ["1:1234", "1:1234"]);
}

/// Signs, then once more with a token that was pulled and whose PIN has changed, and reads the identity
/// again as after a change of its files.
fn refuse_in_this_process(module: &str) {
    let source = source(module, false);
    let secrets = NoSecrets::default();
    let identity = source.open(&secrets).unwrap();
    let sign = || identity.signer().sign(b"message", Digest::Sha256);
    sign().unwrap();
    fs::write(env::var_os("SHIM_REFUSE").unwrap(), "").unwrap();
    let pulled = env::var_os("SHIM_PULLED").unwrap();
    fs::write(&pulled, "").unwrap();
    sign().unwrap_err();
    fs::remove_file(&pulled).unwrap();
    let said = format!("{:?}", sign().unwrap_err());
    assert!(said.contains("is_known: false"), "{said}");
    let said = format!("{:?}", sign().unwrap_err());
    assert!(said.contains("is_known: true"), "{said}");
    let said = format!("{:?}", source.open(&secrets).unwrap_err());
    assert!(said.contains("is_known: true"), "{said}");
}

#[test]
fn pin_refused_for_a_signature_is_not_presented_as_the_user_pin() {
    if let Some(module) = env::var_os(CHILD) {
        refuse_a_signature_in_this_process(module.to_str().unwrap());
        return;
    }
    let test = "pin_refused_for_a_signature_is_not_presented_as_the_user_pin";
    let Some(hsm) = SoftHsm::with_token(test) else {
        return;
    };
    let both = ["--id", "10", "--label", "k"];
    hsm.certificate("test", "ec384.crt", &both);
    hsm.key(
        "test",
        "ec384.key",
        &[&both[..], &["--always-auth"]].concat(),
    );
    let Some(shim) = hsm.shim(test) else {
        return;
    };
    succeeds_in_a_process_of_its_own(test, &hsm, &shim);
    assert_eq!(shim.pins(), ["1:1234", "2:1234", "2:1234"]);
}

/// Signs, then with a token whose PIN has changed, and reads the identity again.
fn refuse_a_signature_in_this_process(module: &str) {
    let source = source(module, true);
    let secrets = NoSecrets::default();
    let identity = source.open(&secrets).unwrap();
    let sign = || identity.signer().sign(b"message", Digest::Sha256);
    sign().unwrap();
    fs::write(env::var_os("SHIM_REFUSE").unwrap(), "").unwrap();
    let said = format!("{:?}", sign().unwrap_err());
    assert!(said.contains("pin: Key"), "{said}");
    assert!(said.contains("is_known: false"), "{said}");
    let said = format!("{:?}", sign().unwrap_err());
    assert!(said.contains("is_known: true"), "{said}");
    let said = format!("{:?}", source.open(&secrets).unwrap_err());
    assert!(said.contains("is_known: true"), "{said}");
}

#[test]
fn waits_for_a_token_that_is_pulled_do_not_grow() {
    let test = "waits_for_a_token_that_is_pulled_do_not_grow";
    let Some((hsm, shim)) = with_pair(test) else {
        return;
    };
    let pulled = hsm.path("pulled");
    let service = service(&RENEWED_OFTEN);
    let helper = serve(&service.url()).args(["--certificate", URI]);
    let helper = helper.args(["--private-key", URI]);
    let helper = shim.on(hsm.on(helper)).env("SHIM_PULLED", &pulled);
    let mut server = Server::start(&helper);
    fs::write(&pulled, "").unwrap();
    // By then, the set has lapsed.
    wait_until(&mut server.running, "a third failure", |said| {
        count(said, "renewal_failed") > 2
    });
    let failed = &events(&server.running.stderr_so_far(), "renewal_failed")[2];
    let wait = moment(failed, "next_attempt") - moment(failed, "time");
    assert!(wait.whole_seconds() <= 16, "{failed}");
}

#[test]
fn token_that_is_pulled_and_put_back_serves_on() {
    let test = "token_that_is_pulled_and_put_back_serves_on";
    let Some((hsm, shim)) = with_pair(test) else {
        return;
    };
    let pulled = hsm.path("pulled");
    let service = service(&RENEWED_OFTEN);
    let helper = serve(&service.url()).args(["--certificate", URI]);
    let helper = helper.args(["--private-key", URI]);
    let helper = shim.on(hsm.on(helper)).env("SHIM_PULLED", &pulled);
    let mut server = Server::start(&helper);
    wait_until(&mut server.running, "a second set", |said| {
        count(said, "credentials_renewed") > 1
    });
    assert_few_sessions(&shim);
    fs::write(&pulled, "").unwrap();
    wait_until(&mut server.running, "the failure", |said| {
        count(said, "renewal_failed") > 0
    });
    let failed = &events(&server.running.stderr_so_far(), "renewal_failed")[0];
    assert!(failed.to_string().contains("no matching slots"), "{failed}");
    fs::remove_file(&pulled).unwrap();
    let before = count(&server.running.stderr_so_far(), "credentials_renewed");
    wait_until(&mut server.running, "a set after that", |said| {
        count(said, "credentials_renewed") > before
    });
    assert_eq!(server.access_key_id(), issued(before + 1));
    assert_eq!(shim.pins(), ["1:1234", "1:1234"]);
    assert_few_sessions(&shim);
}

#[test]
fn pin_that_changes_is_presented_once_while_serving() {
    let test = "pin_that_changes_is_presented_once_while_serving";
    let Some((hsm, shim)) = with_pair(test) else {
        return;
    };
    let (pulled, refuse) = (hsm.path("pulled"), hsm.path("refuse"));
    let service = service(&RENEWED_OFTEN);
    let helper = serve(&service.url()).args(["--certificate", URI]);
    let helper = helper.args(["--private-key", URI]);
    let helper = shim.on(hsm.on(helper));
    let helper = helper
        .env("SHIM_PULLED", &pulled)
        .env("SHIM_REFUSE", &refuse);
    let mut server = Server::start(&helper);
    fs::write(&refuse, "").unwrap();
    fs::write(&pulled, "").unwrap();
    wait_until(&mut server.running, "the failure", |said| {
        count(said, "renewal_failed") > 0
    });
    fs::remove_file(&pulled).unwrap();
    wait_until(&mut server.running, "the refusal and more", |said| {
        let failed = events(said, "renewal_failed");
        let mut said = failed.iter().map(ToString::to_string);
        said.any(|one| one.contains("user PIN is wrong") && !one.contains(KNOWN))
            && said.any(|one| one.contains(KNOWN))
    });
    assert_eq!(shim.pins(), ["1:1234", "1:1234"]);
}

#[test]
fn always_authenticated_key_is_asked_for_once_while_serving() {
    let test = "always_authenticated_key_is_asked_for_once_while_serving";
    let Some(hsm) = SoftHsm::with_token(test) else {
        return;
    };
    let both = ["--id", "10", "--label", "k"];
    let more = [&both[..], &["--always-auth"]].concat();
    hsm.key("test", "ec256.key", &more);
    let (Some(shim), Some(mut terminal)) = (hsm.shim(test), Terminal::open(test)) else {
        return;
    };
    let service = service(&RENEWED_OFTEN);
    // One on the token would be looked at in other sessions.
    let helper = serve(&service.url()).args(["--certificate", "pki/ec256.crt"]);
    let helper = helper.args(["--private-key", URI]);
    let helper = shim.on(hsm.on(helper));
    let mut running = terminal.start(&helper);
    let object = "pkcs11:token=test;object=k";
    let prompt =
        format!("Please enter your context-specific PIN for private key object ({object}):");
    terminal.wait_for_line(&prompt, 1);
    terminal.press("1234\n");
    wait_until(&mut running, "a third set", |said| {
        count(said, "credentials_renewed") > 2
    });
    let pins = shim.pins();
    let (user, key) = pins.split_first().unwrap();
    assert_eq!(user, "1:1234");
    assert!(
        key.len() > 2 && key.iter().all(|pin| pin == "2:1234"),
        "{pins:?}"
    );
    assert_eq!(terminal.shown().matches("Please enter").count(), 1);
    assert_few_sessions(&shim);
}

#[test]
fn key_among_similar_ones_is_found_again() {
    if let Some(module) = env::var_os(CHILD) {
        pull_in_this_process(module.to_str().unwrap());
        return;
    }
    let test = "key_among_similar_ones_is_found_again";
    let Some((hsm, shim)) = with_pair(test) else {
        return;
    };
    for _ in 0..4 {
        hsm.key("test", "mismatch-ec.key", &["--id", "10", "--label", "k"]);
    }
    // In each process, it is chance which key SoftHSM finds first.
    for _ in 0..8 {
        succeeds_in_a_process_of_its_own(test, &hsm, &shim);
    }
}

/// Signs with a token before and after it is pulled.
fn pull_in_this_process(module: &str) {
    let source = source(module, false);
    let identity = source.open(&NoSecrets::default()).unwrap();
    let sign = || identity.signer().sign(b"message", Digest::Sha256);
    sign().unwrap();
    let pulled = env::var_os("SHIM_PULLED").unwrap();
    fs::write(&pulled, "").unwrap();
    sign().unwrap_err();
    fs::remove_file(&pulled).unwrap();
    sign().unwrap();
}

#[test]
fn certificate_replaced_on_the_token_is_used() {
    let test = "certificate_replaced_on_the_token_is_used";
    let Some(hsm) = SoftHsm::with_token(test) else {
        return;
    };
    let both = ["--id", "10", "--label", "k"];
    hsm.pair("test", "rsa2048", &both);
    for der in pem_certificates("chain2.intermediates.pem") {
        hsm.der_certificate("test", &der, &["--id", "20"]);
    }
    let service = service(&RENEWED_OFTEN);
    let helper = serve(&service.url()).args(["--certificate", URI]);
    let helper = hsm.on(helper.args(["--private-key", URI]));
    let mut server = Server::start(&helper);
    let subject = |number: usize| service.requests()[number].subject.clone().unwrap();
    assert!(subject(0).contains("rsa2048"), "{}", subject(0));
    hsm.tool("test", &["--delete-object", "--type", "cert", "--id", "10"]);
    hsm.certificate("test", "chain2.crt", &both);
    wait_until(&mut server.running, "the new certificate", |said| {
        count(said, "certificate_changed") > 0
    });
    let before = service.requests().len();
    wait_until(&mut server.running, "a session with it", |said| {
        count(said, "credentials_renewed") > before
    });
    let last = service.requests().len() - 1;
    assert!(subject(last).contains("chain2"), "{}", subject(last));
    let said = server.running.stderr_so_far();
    assert_eq!(count(&said, "renewal_failed"), 0, "{said}");
}

/// A PIN that is wrong would lock the token.
#[test]
fn look_for_another_certificate_presents_no_pin() {
    let test = "look_for_another_certificate_presents_no_pin";
    let Some(hsm) = SoftHsm::with_token(test) else {
        return;
    };
    let Some(shim) = hsm.shim(test) else {
        return;
    };
    hsm.certificate("test", "ec256.crt", &["--id", "10", "--label", "k"]);
    let service = service(&RENEWED_OFTEN);
    let uri = URI.replace("1234", "9999");
    let helper = serve(&service.url()).args(["--certificate", &uri]);
    let helper = helper.args(["--private-key", "pki/ec256.key"]);
    let helper = shim.on(hsm.on(helper));
    let mut server = Server::start(&helper);
    hsm.tool("test", &["--delete-object", "--type", "cert", "--id", "10"]);
    let before = shim.calls("C_OpenSession").len();
    wait_until(&mut server.running, "two looks", |_| {
        shim.calls("C_OpenSession").len() > before + 1
    });
    assert_eq!(shim.pins(), [""; 0]);
    assert_few_sessions(&shim);
}

#[test]
fn key_replaced_on_the_token_is_an_error() {
    let test = "key_replaced_on_the_token_is_an_error";
    let Some(hsm) = SoftHsm::with_token(test) else {
        return;
    };
    let both = ["--id", "10", "--label", "k"];
    hsm.certificate("test", "ec256.crt", &both);
    hsm.key_pair("test", "ec256.key", &both);
    let service = service(&RENEWED_OFTEN);
    let helper = serve(&service.url()).args(["--certificate", URI]);
    let helper = hsm.on(helper.args(["--private-key", URI]));
    let mut server = Server::start(&helper);
    hsm.tool(
        "test",
        &["--delete-object", "--type", "privkey", "--id", "10"],
    );
    hsm.key("test", "mismatch-ec.key", &both);
    wait_until(&mut server.running, "the failure", |said| {
        count(said, "renewal_failed") > 0
    });
    let failed = &events(&server.running.stderr_so_far(), "renewal_failed")[0];
    assert!(failed.to_string().contains(WRONG_KEY), "{failed}");
    for record in service.requests() {
        assert_eq!(record.status, Some(201));
    }
}

/// Some tokens keep the handle of a key that another one replaces.
#[test]
fn signature_of_a_key_that_was_replaced_is_not_sent() {
    let test = "signature_of_a_key_that_was_replaced_is_not_sent";
    let Some((hsm, shim)) = with_pair(test) else {
        return;
    };
    let forge = hsm.path("forge");
    let service = service(&RENEWED_OFTEN);
    let helper = serve(&service.url()).args(["--certificate", URI]);
    let helper = helper.args(["--private-key", URI]);
    let helper = shim.on(hsm.on(helper)).env("SHIM_FORGE", &forge);
    let mut server = Server::start(&helper);
    wait_until(&mut server.running, "a second set", |said| {
        count(said, "credentials_renewed") > 1
    });
    fs::write(&forge, "").unwrap();
    wait_until(&mut server.running, "the failure", |said| {
        count(said, "renewal_failed") > 0
    });
    let failed = &events(&server.running.stderr_so_far(), "renewal_failed")[0];
    assert!(failed.to_string().contains(WRONG_KEY), "{failed}");
    let before = count(&server.running.stderr_so_far(), "credentials_renewed");
    fs::remove_file(&forge).unwrap();
    wait_until(&mut server.running, "a set after that", |said| {
        count(said, "credentials_renewed") > before
    });
    for record in service.requests() {
        assert_eq!(record.status, Some(201));
    }
}

/// Runs this test again, with `CHILD` in its environment: a process loads a module once.
#[track_caller]
fn succeeds_in_a_process_of_its_own(test: &str, hsm: &SoftHsm, shim: &Shim) {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", &format!("pkcs11::serving::{test}")])
        .env(CHILD, &shim.module)
        .env("SOFTHSM2_CONF", hsm.configuration())
        .env("SHIM_LOG", hsm.path("calls"))
        .env("SHIM_PULLED", hsm.path("pulled"))
        .env("SHIM_REFUSE", hsm.path("refuse"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

/// One session signs; another may be looking at the certificate.
#[track_caller]
fn assert_few_sessions(shim: &Shim) {
    let opened = shim.calls("C_OpenSession").len();
    let closed = shim.calls("C_CloseSession").len();
    assert!(opened <= closed + 2, "{opened} opened, {closed} closed");
}

/// A token with a pair, and the module around it.
fn with_pair(test: &str) -> Option<(SoftHsm, Shim)> {
    let hsm = SoftHsm::with_token(test)?;
    hsm.pair("test", "ec256", &["--id", "10", "--label", "k"]);
    let shim = hsm.shim(test)?;
    Some((hsm, shim))
}

/// Sets of 12 s, so that a renewal is never far.
const RENEWED_OFTEN: [&str; 1] = ["expires-in=12:*"];

/// A signature was checked before it is sent.
const WRONG_KEY: &str = "id=%10;object=k is not the key of the certificate";

/// A PIN that was accepted before is refused.
const KNOWN: &str = "was refused before; restart with the new one";

const SIGNATURES: usize = 10_000;

/// The variable with the module of a process that signs.
const CHILD: &str = "PKCS11_TEST_CHILD";
