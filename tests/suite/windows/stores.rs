//! Certificates of Windows' stores, whose keys sign by CryptoAPI: wine 8 has no keys of CNG.

use std::sync::Arc;

use rolesanywhere::IdentitySource;
use rolesanywhere::identity::Hardware;
use rolesanywhere::identity::locator::Locator;
use rolesanywhere::identity::os_store::StorePlace;
use rolesanywhere::identity::selector::CertSelector;
use rolesanywhere_emulator::Emulator;
use rolesanywhere_emulator::Settings;
use tempfile::TempDir;
use windows_sys::Win32::Security::Cryptography::PROV_RSA_AES;
use windows_sys::Win32::Security::Cryptography::PROV_RSA_FULL;

use super::ARNS;
use super::succeeds;
use crate::support::emulator;
use crate::support::helper::Helper;
use crate::support::issued;
use crate::support::windows_store::WindowsStore;

const CHAIN2: &str = "Key=x509Subject,Value=CN=widget chain2,O=Example Widgets,C=US";

fn call(emulator: &Emulator, flags: &[&str]) -> Helper {
    let url = emulator.url();
    let call = ["credential-process", "--endpoint", &url];
    Helper::new()
        .args(call)
        .args(ARNS.split_whitespace())
        .args(flags.iter().copied())
}

fn refusal(flags: &[&str]) -> String {
    let emulator = emulator(Settings::default());
    let output = call(&emulator, flags).run();
    assert_eq!((output.exit, output.stdout_text()), (1, ""));
    assert!(emulator.requests().is_empty());
    output.stderr
}

#[test]
fn key_of_a_store_signs_with_its_chain() {
    let mut store = WindowsStore::of_user("key-signs");
    store.pair("chain2.crt", "rsa2048.key", PROV_RSA_AES);
    store.certificates("chain2.intermediates.pem");
    store.certificates("root.pem");
    let emulator = emulator(Settings::default());
    let output = call(
        &emulator,
        &[
            "--cert-selector",
            CHAIN2,
            "--system-store-name",
            "Key-Signs",
        ],
    )
    .run();
    assert!(succeeds(&output).contains(&issued(1)));
    let record = emulator.requests().pop().unwrap();
    let mut headers = record.headers.iter();
    let (_, chain) = headers
        .find(|(name, _)| name == "x-amz-x509-chain")
        .unwrap();
    assert_eq!(chain.split(',').count(), 2);
}

#[test]
fn store_of_the_machine_comes_second() {
    // A user's store that ever existed would contain the machine's.
    let folder = TempDir::new().unwrap();
    let name = folder.path().file_name().unwrap().to_str().unwrap();
    let name = ["--system-store-name", name];
    let mut machine = WindowsStore::of_machine(name[1]);
    machine.pair("rsa2048.crt", "rsa2048.key", PROV_RSA_AES);
    let emulator = emulator(Settings::default());
    succeeds(&call(&emulator, &name).run());
    let location = "--system-store-location";
    succeeds(
        &call(
            &emulator,
            &[&name[..], &[location, "localmachine"]].concat(),
        )
        .run(),
    );
    let stderr = refusal(&[&name[..], &[location, "CurrentUser"]].concat());
    assert!(stderr.contains("no certificate matches"), "{stderr}");
    let user = WindowsStore::of_user(name[1]);
    user.certificates("ec256.crt");
    let selector = "Key=x509Subject,Value=CN=widget ec256,O=Example Widgets,C=US";
    let selected = [&name[..], &["--cert-selector", selector]].concat();
    let stderr = refusal(&selected);
    assert!(stderr.contains("cannot use the private key of"), "{stderr}");
    let stderr = refusal(&[&selected[..], &[location, "LocalMachine"]].concat());
    assert!(stderr.contains("no certificate matches"), "{stderr}");
}

#[test]
fn several_matches_are_listed_or_the_latest_taken() {
    let name = ["--system-store-name", "several"];
    let mut store = WindowsStore::of_user(name[1]);
    store.certificates("expired.crt");
    store.pair("rsa2048.crt", "rsa2048.key", PROV_RSA_AES);
    let stderr = refusal(&name);
    assert!(stderr.contains("2 certificates match"), "{stderr}");
    assert!(stderr.contains("CN=widget expired"), "{stderr}");
    let emulator = emulator(Settings::default());
    let flags = [&name[..], &["--use-latest-expiring-certificate"]].concat();
    succeeds(&call(&emulator, &flags).run());
    let subject = emulator.requests().pop().unwrap().subject.unwrap();
    assert!(subject.contains("rsa2048"), "{subject}");
}

#[test]
fn certificate_in_both_locations_is_one() {
    let name = ["--system-store-name", "both-locations"];
    let machine = WindowsStore::of_machine(name[1]);
    machine.certificates("ec256.crt");
    let user = WindowsStore::of_user(name[1]);
    user.certificates("ec256.crt");
    let output = Helper::new()
        .args(["read-certificate-data"])
        .args(name)
        .run();
    assert_eq!(succeeds(&output).matches("Subject: ").count(), 1);
}

#[test]
fn matching_certificates_are_listed() {
    let name = ["--system-store-name", "listed"];
    let store = WindowsStore::of_user(name[1]);
    store.certificates("chain2.crt");
    store.certificates("ec256.crt");
    let list = |flags: &[&str]| {
        let helper = Helper::new().args(["read-certificate-data"]).args(name);
        let output = helper.args(flags.iter().copied()).run();
        succeeds(&output).to_owned()
    };
    let one = list(&["--cert-selector", CHAIN2]);
    assert!(
        one.starts_with("Matching identities\n1) Hex Fingerprint: "),
        "{one}"
    );
    assert!(
        one.contains("\nSubject: CN=widget chain2,O=Example Widgets,C=US\nIssuer: "),
        "{one}"
    );
    assert!(one.ends_with("\n\n") && !one.contains("2) "), "{one}");
    let (_, fingerprint) = one.split_once("Fingerprint: ").unwrap();
    let fingerprint = &fingerprint[..40];
    let by_thumbprint = format!("Key=x509Thumbprint,Value={fingerprint}");
    assert_eq!(list(&["--cert-selector", &by_thumbprint]), one);
    assert!(list(&[]).contains("\n2) Hex Fingerprint: "));
    let none = list(&["--cert-selector", "Key=x509Serial,Value=7777"]);
    assert_eq!(none, "No matching identities\n");
}

#[test]
fn renewal_in_the_store_is_noticed() {
    let name = "renewal";
    let mut store = WindowsStore::of_user(name);
    store.pair("rsa2048.crt", "rsa2048.key", PROV_RSA_AES);
    let place = StorePlace::new(CertSelector::default(), Some(name.to_owned()), None, true);
    let source = IdentitySource {
        certificate: Locator::Store(Arc::new(place.unwrap())),
        private_key: None,
        intermediates: None,
        hardware: Hardware::default(),
    };
    let before = source.version();
    assert_eq!(source.version(), before);
    store.certificates("ec256.crt");
    assert_ne!(source.version(), before);
}

#[test]
fn provider_without_sha2_is_an_error_that_says_so() {
    let name = ["--system-store-name", "old-provider"];
    let mut store = WindowsStore::of_user(name[1]);
    store.pair("rsa2048.crt", "rsa2048.key", PROV_RSA_FULL);
    let stderr = refusal(&name);
    assert!(stderr.contains("does not know SHA-2"), "{stderr}");
}
