//! Private keys as other programs write them, and passwords that are easily spoilt on the way.

use rolesanywhere_emulator::Settings;

use super::call_of;
use super::fails;
use super::succeeds;
use crate::support::emulator;
use crate::support::helper::Helper;
use crate::support::snapshots::assert_snapshot;

/// A signature by a key of `fixtures/keys`, which is the key of one of these certificates.
fn sign(key: &str) -> Helper {
    let certificate = match key.contains("rsa") || key.contains("plain") || key.contains("ssh") {
        true => "pki/rsa2048.crt",
        false => "pki/ec256.crt",
    };
    let key = format!("../keys/{key}.key");
    Helper::new().args([
        "sign-string",
        "--certificate",
        certificate,
        "--private-key",
        &key,
    ])
}

#[test]
fn keys_of_every_program_give_credentials() {
    let emulator = emulator(Settings::default());
    let keys = [
        ("ec256", "openssl-default"),
        ("ec256", "openssl-scrypt"),
        ("rsa2048", "openssl-scrypt-rsa"),
        ("ec256", "openssl-sha512"),
        ("ec256", "openssl-traditional-ec"),
        ("rsa2048", "openssl-traditional-rsa"),
        ("rsa2048", "openssl-traditional-plain"),
        ("ec256", "gnutls-aes-128"),
        ("ec256", "gnutls-aes-256"),
        ("ec256", "gnutls-3des"),
        ("rsa2048", "openssh-PKCS8"),
        ("rsa2048", "openssh-PEM"),
        ("ec256", "python-pkcs8"),
        ("ec256", "python-traditional"),
        ("ec256", "openssl-pbe-3DES"),
        ("ec256", "openssl-pbe-2DES"),
        ("ec256", "openssl-pbe-RC2-128"),
        ("ec256", "openssl-pbe-RC2-40"),
        ("ec256", "openssl-v2-rc2"),
        ("ec256", "openssl-v2-rc2-64"),
        ("ec256", "openssl-v2-rc2-40"),
        ("ec256", "openssl-v2-des"),
        ("ec256", "openssl-v2-aes-192"),
        ("ec256", "openssl-prf-SHA384"),
        ("ec256", "openssl-prf-SHA512-256"),
        ("rsa2048", "openssl-traditional-des"),
        ("ec256", "openssl-traditional-aes192"),
    ];
    for (certificate, key) in keys {
        let output = call_of(&emulator)
            .args(["--certificate", &format!("pki/{certificate}.crt")])
            .args(["--private-key", &format!("../keys/{key}.key")])
            .args(["--pkcs8-password", "correct horse"])
            .run();
        assert_eq!((output.exit, output.stderr.as_str()), (0, ""), "{key}");
    }
    assert_eq!(emulator.requests().len(), keys.len());
}

#[test]
fn unsupported_protection_is_named_by_its_part() {
    let keys = [
        "openssl-prf-MD5",
        "openssl-v2-camellia",
        "openssl-pbe-RC4-128",
        "openssl-pbe-md5-des",
    ];
    let said = keys.map(|key| {
        let output = sign(key).args(["--pkcs8-password", "correct horse"]).run();
        fails(&output).to_owned()
    });
    assert_snapshot("unsupported-protection-of-keys", &said.concat());
}

#[test]
fn files_of_cfssl_with_certificate_and_key_sign() {
    for name in ["ecdsa", "rsa"] {
        let file = format!("../keys/cfssl-{name}.pem");
        let output = Helper::new()
            .args(["sign-string", "--certificate", &file])
            .run();
        succeeds(&output);
    }
}

#[test]
fn password_may_hold_spaces_quotes_and_any_letter() {
    for (key, password) in [
        ("openssl-quotes", " \"double\"  'single' \\ "),
        ("openssl-utf8", "pässwörd-✓ 🐎"),
        ("openssl-hyphen", "--help"),
        ("openssl-newline", "correct horse\n"),
    ] {
        succeeds(&sign(key).args(["--pkcs8-password", password]).run());
        let flag = format!("--pkcs8-password={password}");
        succeeds(&sign(key).args([flag]).run());
        let variable = "AWS_SIGNING_HELPER_PKCS8_PASSWORD";
        succeeds(&sign(key).env(variable, password).run());
        let with_line_feed = format!("{password}\n");
        let helper = sign(key).flag_of_file("--pkcs8-password-file", "password", with_line_feed);
        succeeds(&helper.run());
    }
}

#[test]
fn last_line_break_of_a_password_file_is_dropped() {
    let with = |key, content: &str| {
        sign(key)
            .flag_of_file("--pkcs8-password-file", "password", content)
            .run()
    };
    for right in ["correct horse", "correct horse\n", "correct horse\r\n"] {
        succeeds(&with("openssl-default", right));
    }
    for wrong in [
        "correct horse\n\n",
        "correct horse\r\n\r\n",
        "correct horse \n",
        "correct horse\r",
        "\ncorrect horse",
        "\u{feff}correct horse",
    ] {
        let output = with("openssl-default", wrong);
        assert_snapshot(WRONG, fails(&output));
    }
    succeeds(&with("openssl-newline", "correct horse\n\n"));
    let output = with("openssl-newline", "correct horse\n");
    let stderr = fails(&output).replace("newline", "default");
    assert_snapshot(WRONG, &stderr);
}

/// The snapshot of a key with a wrong password.
const WRONG: &str = "wrong-password-of-a-key";

#[test]
fn empty_password_file_is_an_empty_password() {
    for content in ["", "\n"] {
        let helper = sign("openssl-default");
        let output = helper
            .flag_of_file("--pkcs8-password-file", "password", content)
            .run();
        assert_snapshot(WRONG, fails(&output));
    }
}

#[test]
fn binary_or_large_password_file_is_named() {
    let contents: [&[u8]; 2] = [b"correct horse \xff", &[b'x'; 65537]];
    let mut said = String::new();
    for content in contents {
        let helper = sign("openssl-default");
        let helper = helper.flag_of_file("--pkcs8-password-file", "password", content);
        let path = helper.home().join("password").display().to_string();
        said += &fails(&helper.run()).replace(&path, "[FILE]");
    }
    let helper = sign("openssl-default").args(["--pkcs8-password-file", "pki"]);
    said += fails(&helper.run());
    assert_snapshot("password-files-that-cannot-be-used", &said);
}

#[test]
fn password_file_is_not_read_where_nothing_is_encrypted() {
    let helper = sign("openssl-traditional-plain");
    succeeds(&helper.args(["--pkcs8-password-file", "absent"]).run());
}

#[test]
fn password_and_its_file_exclude_each_other() {
    let said = ["pkcs8", "pkcs12"].map(|kind| {
        let output = sign("openssl-default")
            .args([format!("--{kind}-password"), "x".to_owned()])
            .args([format!("--{kind}-password-file"), "x".to_owned()])
            .run();
        fails(&output).to_owned()
    });
    assert_snapshot("passwords-beside-their-files", &said.concat());
}
