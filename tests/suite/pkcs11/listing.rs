//! `read-certificate-data` with a URI.

use super::Call;
use crate::support::helper::Helper;
use crate::support::helper::Output;
use crate::support::softhsm::SoftHsm;

fn list(hsm: &SoftHsm, flags: &[&str]) -> Output {
    let helper = Helper::new().args(["read-certificate-data", "--certificate"]);
    hsm.on(helper.args(flags.iter().copied())).run()
}

/// The values of the lines that begin with this.
fn lines<'a>(output: &'a Output, begin: &str) -> Vec<&'a str> {
    let lines = output.stdout_text().lines();
    lines.filter_map(|line| line.strip_prefix(begin)).collect()
}

#[test]
fn listed_uri_selects_exactly_its_certificate() {
    let test = "listed_uri_selects_exactly_its_certificate";
    let Some(hsm) = SoftHsm::start(test) else {
        return;
    };
    let put = |token: &str, name: &str, id: &str, label: &str| {
        hsm.certificate(token, name, &["--id", id, "--label", label]);
    };
    hsm.token("test");
    hsm.token("test 2");
    put("test", "ec256.crt", "10", "a");
    put("test", "ec384.crt", "25", "50%25 b/ü?;");
    put("test", "root.pem", "2530", "a b");
    // The same id and label on another token.
    put("test 2", "rsa2048.crt", "10", "a");
    let output = list(&hsm, &["pkcs11:"]);
    assert_eq!((output.exit, output.stderr.as_str()), (0, ""));
    let uris = lines(&output, "URI: ");
    assert_eq!(uris.len(), 4, "{}", output.stdout_text());
    assert!(
        output
            .stdout_text()
            .starts_with("Matching identities\n1) Hex Fingerprint: ")
    );
    for (uri, subject) in uris.iter().zip(lines(&output, "Subject: ")) {
        assert!(uri.ends_with(";type=cert"), "{uri}");
        assert!(!uri.contains("token="), "{uri}");
        let one = list(&hsm, &[uri]);
        assert_eq!(lines(&one, "Subject: "), [subject], "{uri}");
        assert_eq!(lines(&one, "URI: "), [*uri]);
    }
}

#[test]
fn certificate_without_id_or_label_is_selected_by_its_uri() {
    let test = "certificate_without_id_or_label_is_selected_by_its_uri";
    let Some(hsm) = SoftHsm::with_token(test) else {
        return;
    };
    hsm.certificate("test", "ec256.crt", &["--id", "10", "--label", "a"]);
    hsm.certificate("test", "ec384.crt", &["--id", "10"]);
    hsm.certificate("test", "ec521.crt", &["--label", "a"]);
    hsm.certificate("test", "rsa2048.crt", &[]);
    let output = list(&hsm, &["pkcs11:"]);
    let uris = lines(&output, "URI: ");
    assert_eq!(uris.len(), 4, "{}", output.stdout_text());
    for (uri, subject) in uris.iter().zip(lines(&output, "Subject: ")) {
        let one = list(&hsm, &[uri]);
        assert_eq!(lines(&one, "Subject: "), [subject], "{uri}");
    }
    // Those of the error select, too.
    let several = Helper::new().args(["sign-string", "--certificate", "pkcs11:token=test"]);
    let stderr = hsm.on(several).run().stderr;
    let (_, named) = stderr
        .split_once("multiple matching certificates: ")
        .unwrap();
    let named: Vec<&str> = named.lines().next().unwrap().split(", ").collect();
    assert_eq!(named.len(), 4, "{stderr}");
    for uri in named {
        let one = list(&hsm, &[uri]);
        assert_eq!(lines(&one, "Subject: ").len(), 1, "{uri}");
    }
}

/// One URI is often given for both.
#[test]
fn uri_of_a_certificate_without_id_names_its_key() {
    let test = "uri_of_a_certificate_without_id_names_its_key";
    let Some(hsm) = SoftHsm::with_token(test) else {
        return;
    };
    hsm.certificate("test", "ec256.crt", &["--label", "a"]);
    hsm.key("test", "ec256.key", &["--id", "10", "--label", "a"]);
    let output = list(&hsm, &["pkcs11:"]);
    let uri = format!("{}?pin-value=1234", lines(&output, "URI: ")[0]);
    let call = Call::of(&hsm);
    call.issued_to(&["--certificate", &uri]);
    call.issued_to(&["--certificate", &uri, "--private-key", &uri]);
}

#[test]
fn wrong_pin_is_not_an_empty_list() {
    let test = "wrong_pin_is_not_an_empty_list";
    let Some(hsm) = SoftHsm::with_token(test) else {
        return;
    };
    let nothing = list(&hsm, &["pkcs11:token=test?pin-value=1234"]);
    assert_eq!(
        (nothing.exit, nothing.stdout_text()),
        (0, "No matching identities\n")
    );
    let wrong = list(&hsm, &["pkcs11:token=test?pin-value=9999"]);
    assert_eq!((wrong.exit, wrong.stdout_text()), (1, ""));
    let absent = list(&hsm, &["pkcs11:token=absent"]);
    assert_eq!((absent.exit, absent.stdout_text()), (1, ""));
    assert!(absent.stderr.contains("no matching slots"));
}
