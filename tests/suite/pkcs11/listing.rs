//! `read-certificate-data` with a URI.

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
